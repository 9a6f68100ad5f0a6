//! Builds: each project once at the start, and again whenever its sources change, one at a time.
//!
//! A component that was built is put into the plugins folder, and nothing more: the host takes it up from there. One
//! that does not build leaves the version before where it is.

use crate::cli::child::Children;
use crate::cli::dev::folder::{DevFolder, Placed};
use crate::cli::dev::sources::{Changes, Sources};
use crate::cli::foreground::Interrupted;
use crate::cli::output;
use crate::cli::project::{Layout, Profile, Project};
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::block_in_place;

/// The projects, their sources, and where their components go.
pub struct Builds {
    projects: Vec<Project>,
    layouts: Vec<Layout>,
    sources: Sources,
    folder: Arc<DevFolder>,
    children: Children,
    /// The folders with code of the plugins' own.
    own: watch::Sender<BTreeSet<PathBuf>>,
}

/// Whether a project was built before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Again,
}

impl Builds {
    /// Begins to watch the projects and builds each once. One that does not build is only told of.
    ///
    /// # Errors
    /// If that was interrupted, or sources cannot be watched.
    pub async fn start(
        projects: Vec<Project>,
        folder: Arc<DevFolder>,
        children: Children,
    ) -> anyhow::Result<Self> {
        for project in &projects {
            project.prepare(&children).await?;
        }
        // Before anything is built: what changes meanwhile is built again.
        let alone = projects.iter().map(Project::layout_alone).collect();
        let layouts = layouts(&projects, alone, &children).await?;
        let builds = Self {
            own: watch::Sender::new(own(&layouts)),
            sources: watch_sources(&layouts)?,
            layouts,
            projects,
            folder,
            children,
        };
        for project in &builds.projects {
            builds.build(project, Turn::First).await?;
        }
        Ok(builds)
    }

    /// The folders with code of the plugins' own.
    #[must_use]
    pub fn own(&self) -> watch::Receiver<BTreeSet<PathBuf>> {
        self.own.subscribe()
    }

    /// Builds whatever changes, until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.children = self.children.until(stop.clone());
        loop {
            let changes = tokio::select! {
                changes = self.sources.changes() => changes,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match self.take_up(changes).await {
                Ok(()) => {}
                Err(error) if error.is::<Interrupted>() => return,
                Err(error) => output::tell(&output::one_line(&format!("{error:#}"))),
            }
        }
    }

    async fn take_up(&mut self, changes: Changes) -> anyhow::Result<()> {
        if changes.manifests {
            let before = self.layouts.clone();
            self.layouts = layouts(&self.projects, before, &self.children).await?;
            self.own.send_replace(own(&self.layouts));
            self.sources = watch_sources(&self.layouts)?;
        } else if block_in_place(|| self.sources.refresh()).is_err() {
            // Too many new folders, mostly: then they are looked at in another way.
            self.sources = watch_sources(&self.layouts)?;
        }
        for place in changes.grants.difference(&changes.projects) {
            if let Some(project) = self.projects.get(*place) {
                self.place_grant(project, Turn::Again);
            }
        }
        for place in changes.projects {
            if let Some(project) = self.projects.get(place) {
                self.build(project, Turn::Again).await?;
            }
        }
        Ok(())
    }

    /// Builds a project and puts its component and grant in place.
    async fn build(&self, project: &Project, turn: Turn) -> anyhow::Result<()> {
        let name = &project.name;
        if turn == Turn::First {
            output::tell(&format!("building {name} ({})", project.dir.display()));
        }
        self.place_grant(project, turn);
        let began = Instant::now();
        let built = self
            .sources
            .lock_passed_over(project.build(Profile::Dev, &self.children))
            .await;
        let placed =
            built.and_then(|artifact| block_in_place(|| self.folder.place(project, &artifact)));
        let took = seconds(began.elapsed());
        let told = match placed {
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                let then = if self.folder.has(project) {
                    "the version before goes on"
                } else {
                    "it is built again when you save"
                };
                format!("{error:#}; {then}")
            }
            Ok(_) if turn == Turn::First => format!("{name}: built in {took}"),
            Ok(Placed::New) => format!("{name}: rebuilt in {took}"),
            Ok(Placed::Same) => format!("{name}: rebuilt in {took}, unchanged"),
        };
        output::tell(&output::one_line(&told));
        Ok(())
    }

    fn place_grant(&self, project: &Project, turn: Turn) {
        let told = match block_in_place(|| self.folder.place_grant(project)) {
            Ok(Placed::Same) => return,
            Ok(Placed::New) if turn == Turn::First => return,
            Ok(Placed::New) => format!("{}: has another grant", project.name),
            Err(error) => format!("{}: its grant is as before: {error:#}", project.name),
        };
        output::tell(&output::one_line(&told));
    }
}

fn watch_sources(layouts: &[Layout]) -> anyhow::Result<Sources> {
    block_in_place(|| Sources::watch(layouts)).context("cannot watch the sources")
}

fn own(layouts: &[Layout]) -> BTreeSet<PathBuf> {
    layouts
        .iter()
        .flat_map(|layout| layout.own.clone())
        .collect()
}

/// Where the projects' sources are. Those of one that cargo cannot read now are where they were `before`: its build
/// says what is wrong, and mending that is a change there.
async fn layouts(
    projects: &[Project],
    before: Vec<Layout>,
    children: &Children,
) -> anyhow::Result<Vec<Layout>> {
    let mut layouts = Vec::new();
    for (project, before) in projects.iter().zip(before) {
        let layout = match project.layout(children).await {
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(_) => before,
            Ok(layout) => layout,
        };
        layouts.push(layout);
    }
    Ok(layouts)
}

/// A duration as people read it.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
