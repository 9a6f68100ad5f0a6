//! `hookbox dev`: plugin projects, built and served while they are written.
//!
//! It builds, puts components into the host's plugins folder under `.hookbox`, and shows what the host reports; the
//! host itself is the one that `serve` runs. Whatever it started has ended when it ends.

mod builds;
mod folder;
mod screen;
mod sources;
mod tunnel;

use crate::admin::AdminAddress;
use crate::app::{self, Companion, Feed, Paused};
use crate::cli::child::Children;
use crate::cli::foreground::Foreground;
use crate::cli::project::Project;
use crate::cli::{End, UsageError, output};
use crate::config::{Config, Flags, LISTEN, Sources};
use crate::plugin::catalog::Catalog;
use crate::secret::Secret;
use crate::telemetry::{self, Detail};
use crate::worker::Report;
use builds::Builds;
pub(in crate::cli) use folder::NOT_IN_GIT;
use folder::{DevFolder, MadeSecret, Reach};
use screen::{Place, Standings};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// How long children have to end by themselves once the host stops.
const CHILDREN: Duration = Duration::from_secs(3);

/// How long what is shown may go on after that: a terminal may be paused.
const SHOWN: Duration = Duration::from_secs(5);

/// Build plugins, serve them, and rebuild them when their source changes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox dev plugins/hello
  hookbox dev plugins/hello plugins/commit-log --listen 127.0.0.1:9000
  hookbox dev --tunnel 'cloudflared tunnel --url {url}'

What it keeps is under .hookbox in the current folder. A grant is NAME.toml beside the
plugin's manifest. Other settings are those of serve, from the environment; hookbox.toml
is not read.")]
pub struct Dev {
    /// The projects' folders
    #[arg(default_value = ".", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Address of the public listener
    #[arg(long, env = "HOOKBOX_LISTEN", value_name = "ADDR", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// Address of the admin page and API, or `same`: under /admin on the public listener
    #[arg(long, env = "HOOKBOX_ADMIN", value_name = "ADDR", default_value_t = AdminAddress::DEFAULT)]
    admin: AdminAddress,
    /// Keep the ledger on a network file system although that can corrupt it
    #[arg(long)]
    allow_network_fs: bool,
    /// Run this tunnel client too, by sh; {url} and {port} stand for the host's. Makes a secret if there is none
    #[arg(long, value_name = "CMD")]
    tunnel: Option<String>,
}

impl Dev {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let mut config = self.config()?;
        let foreground = Foreground::new()?;
        let children = foreground.children();
        let projects = foreground.work(projects(&self.dirs, children))?;
        let folder = Arc::new(DevFolder::take(self.reach())?);
        let secret = self.made_secret(&mut config, &folder)?;
        folder.clear_all_but(&projects)?;
        telemetry::start(Detail::Warnings);
        let builds = Builds::start(projects, Arc::clone(&folder), children.clone());
        let beside = Beside {
            builds: foreground.work(builds)?,
            tunnel: self.tunnel,
            own_secret: secret.is_none() && !config.loader.secrets.is_empty(),
            secret,
            children: children.clone(),
        };
        app::serve(config, Some(beside.companion(&foreground)))?;
        Ok(End::Ok)
    }

    fn config(&self) -> anyhow::Result<Config> {
        let (plugins, data) = (folder::plugins(), folder::data());
        let (listen, admin) = (self.listen.to_string(), self.admin.to_string());
        let mut flags = vec![
            OsStr::new("--plugins"),
            plugins.as_os_str(),
            OsStr::new("--data"),
            data.as_os_str(),
            OsStr::new("--listen"),
            OsStr::new(&listen),
            OsStr::new("--admin"),
            OsStr::new(&admin),
            // One is made before anybody else can reach it.
            OsStr::new("--insecure-no-secret"),
        ];
        if self.allow_network_fs {
            flags.push(OsStr::new("--allow-network-fs"));
        }
        let usage = |error: &dyn std::fmt::Display| UsageError(error.to_string());
        let flags = Flags::of(&flags).map_err(|error| usage(&error))?;
        let sources = Sources::new(flags, std::env::vars_os()).without_file();
        let checked = sources.read().checked();
        let mut config = checked.map_err(|problems| usage(&problems))?;
        // The secret that is made here is in none of them.
        config.sources = None;
        // What this command took out of the folder is not coming back: nothing waits for it.
        config.loader.missing_grace = Duration::ZERO;
        Ok(config)
    }

    fn reach(&self) -> Reach {
        if self.tunnel.is_some() || !self.listen.ip().is_loopback() {
            Reach::Open
        } else {
            Reach::Local
        }
    }

    /// A secret for a host that others can reach, unless it has one.
    fn made_secret(
        &self,
        config: &mut Config,
        folder: &DevFolder,
    ) -> anyhow::Result<Option<MadeSecret>> {
        if self.reach() == Reach::Local || !config.loader.secrets.is_empty() {
            return Ok(None);
        }
        let made = folder.secret()?;
        let secret = Secret::new(&made.text).map_err(|error| {
            anyhow::anyhow!("{}: {error}; remove it", folder::secret_file().display())
        })?;
        config.loader.secrets.push(secret);
        Ok(Some(made))
    }
}

/// The projects in these folders, each with a name of its own.
async fn projects(dirs: &[PathBuf], children: &Children) -> anyhow::Result<Vec<Project>> {
    let mut projects = Vec::new();
    let mut names = BTreeMap::new();
    for dir in dirs {
        let project = Project::find(dir, children).await?;
        if let Some(other) = names.insert(project.name.clone(), dir) {
            return Err(UsageError(format!(
                "{} and {} are both the plugin `{}`; give one of them, or another name to one",
                other.display(),
                dir.display(),
                project.name
            ))
            .into());
        }
        projects.push(project);
    }
    Ok(projects)
}

/// What runs beside the host.
struct Beside {
    builds: Builds,
    tunnel: Option<String>,
    /// Whether the host has a secret that was not made here.
    own_secret: bool,
    secret: Option<MadeSecret>,
    children: Children,
}

impl Beside {
    fn companion(self, foreground: &Foreground) -> Companion {
        let (hand_over, threads) = (foreground.hand_over(), foreground.threads().clone());
        Box::new(move |feed| {
            // The host answers signals from here on.
            hand_over();
            // On threads of its own: a terminal that is paused holds up what is shown on it, never the host.
            let (mut stopping, children) = (feed.stopping.clone(), self.children.clone());
            let mut shown = threads.spawn(self.run(feed));
            Box::pin(async move {
                let told = async {
                    // A sender that is gone means the same.
                    drop(stopping.wait_for(|stop| *stop).await);
                    tokio::time::sleep(CHILDREN).await;
                };
                let shown = tokio::select! {
                    shown = &mut shown => shown,
                    () = told => {
                        // A paused terminal keeps what is shown on it from ending, but nothing else.
                        children.kill();
                        tokio::time::timeout(SHOWN, shown).await.unwrap_or(Ok(()))
                    }
                };
                if let Err(error) = shown {
                    tracing::error!(%error, "what dev shows and builds has failed");
                }
            })
        })
    }

    async fn run(self, feed: Feed) {
        let plugins = Standings::of(&feed.catalog.borrow());
        let place = Place {
            address: feed.address,
            paste: &feed.paste,
            tunnel: self.tunnel.is_some(),
            own_secret: self.own_secret,
            secret: self.secret.as_ref(),
        };
        for line in plugins.since(&Standings::default()) {
            output::tell(&line);
        }
        output::tell(&place.greeting(&plugins));
        let children = self.children.until(feed.stopping.clone());
        let own = self.builds.own();
        let tunnel = async {
            if let Some(client) = &self.tunnel {
                tunnel::run(client, feed.address, &children, feed.stopping.clone()).await;
            }
        };
        tokio::join!(
            self.builds.run(feed.stopping.clone()),
            show_runs(feed.reports, own),
            show_plugins(feed.catalog, plugins, feed.stopping.clone()),
            show_pauses(feed.paused, feed.stopping.clone()),
            tunnel,
        );
    }
}

/// Shows runs until the worker has ended: those that a stop lets finish, too.
async fn show_runs(
    mut reports: broadcast::Receiver<Arc<Report>>,
    own: watch::Receiver<BTreeSet<PathBuf>>,
) {
    loop {
        match reports.recv().await {
            Ok(report) => output::tell(&screen::run(&report, &own.borrow())),
            Err(RecvError::Lagged(runs)) => output::tell(&screen::missed(runs)),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Shows each plugin that was paused, or whose pause has ended.
async fn show_pauses(mut paused: watch::Receiver<Paused>, mut stop: watch::Receiver<bool>) {
    let mut shown = Paused::new();
    loop {
        let now = paused.borrow_and_update().clone();
        for line in screen::pauses(&shown, &now) {
            output::tell(&line);
        }
        shown = now;
        tokio::select! {
            changed = paused.changed() => if changed.is_err() {
                return;
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Shows each plugin that the host took up or turned down.
async fn show_plugins(
    mut catalog: watch::Receiver<Arc<Catalog>>,
    mut shown: Standings,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            changed = catalog.changed() => if changed.is_err() {
                return;
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let now = Standings::of(&catalog.borrow_and_update());
        for line in now.since(&shown) {
            output::tell(&line);
        }
        shown = now;
    }
}
