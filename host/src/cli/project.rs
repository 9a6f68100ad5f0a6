//! A plugin project: which language it is in, its name, its sources, and how it becomes a component.
//!
//! The language's own tools do the work; they are run as children that see none of our secrets. Nothing here checks the
//! component or puts it anywhere.

mod javascript;
mod python;
mod rust;

pub use javascript::INSTALL as INSTALL_JAVASCRIPT;
pub use python::INSTALL as INSTALL_PYTHON;

use crate::cli::UsageError;
use crate::cli::child::Children;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a project of each language has, and no project of another.
const MANIFESTS: &[(&str, Language)] = &[
    ("Cargo.toml", Language::Rust),
    ("pyproject.toml", Language::Python),
    ("package.json", Language::JavaScript),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
    JavaScript,
}

/// How a project is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Small and quick, as it is used.
    Release,
    /// With lines for backtraces.
    Dev,
}

/// A plugin project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its folder, as it was given.
    pub dir: PathBuf,
    /// The name in its manifest, and the plugin's.
    pub name: String,
    written: Written,
}

/// A project as its language sees it.
#[derive(Debug, Clone)]
enum Written {
    Rust(rust::Package),
    Python(python::Package),
    JavaScript(javascript::Package),
}

/// Where a project's sources are.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// The folders that its component is built from.
    pub folders: BTreeSet<PathBuf>,
    /// The same without the SDK.
    pub own: BTreeSet<PathBuf>,
    /// Files that decide how it is built.
    pub manifests: BTreeSet<PathBuf>,
    /// The plugin's grant, where it lies outside the folders: another one is no reason to build.
    pub grant: Option<PathBuf>,
    /// Where it is built: never a source.
    pub target: PathBuf,
}

impl Project {
    /// The project in a folder.
    ///
    /// # Errors
    /// If there is none, or more than one, or its name can be no plugin's.
    pub async fn find(dir: &Path, children: &Children) -> anyhow::Result<Self> {
        let (name, written) = match language(dir)? {
            Language::Rust => {
                let package = rust::Package::find(dir, children).await?;
                (package.name.clone(), Written::Rust(package))
            }
            Language::Python => {
                let package = python::Package::find(dir)?;
                (package.name.clone(), Written::Python(package))
            }
            Language::JavaScript => {
                let package = javascript::Package::find(dir)?;
                (package.name.clone(), Written::JavaScript(package))
            }
        };
        Ok(Self {
            dir: dir.to_owned(),
            name,
            written,
        })
    }

    /// Looks for what builds it, and adds what can be added.
    ///
    /// # Errors
    /// If something is missing; says how to get it.
    pub async fn prepare(&self, children: &Children) -> anyhow::Result<()> {
        match &self.written {
            Written::Rust(package) => package.add_target(children).await,
            Written::Python(package) => package.find_tool(children).await.map(drop),
            Written::JavaScript(package) => package.find_tool(children).await.map(drop),
        }
    }

    /// Compiles it and returns its component's file; the compiler's messages go to standard error as they are.
    ///
    /// # Errors
    /// If it does not build, or to no component.
    pub async fn build(&self, profile: Profile, children: &Children) -> anyhow::Result<PathBuf> {
        match &self.written {
            Written::Rust(package) => package.build(profile, children).await,
            Written::Python(package) => package.build(children).await,
            Written::JavaScript(package) => package.build(children).await,
        }
    }

    /// What its language's tools are to be called in the component, where they do not do that themselves: a field of its
    /// `producers` section, a name and a version.
    ///
    /// # Errors
    /// If a tool is missing; says how to get it.
    pub async fn producers(
        &self,
        children: &Children,
    ) -> anyhow::Result<Vec<(&'static str, &'static str, String)>> {
        match &self.written {
            Written::Rust(_) | Written::JavaScript(_) => Ok(Vec::new()),
            Written::Python(package) => {
                let version = package.find_tool(children).await?.version;
                let tool = ("processed-by", python::TOOL, version);
                Ok(vec![("language", "Python", String::new()), tool])
            }
        }
    }

    /// Where its sources are. Nothing is resolved for it, so it needs no network and writes no lock file.
    ///
    /// # Errors
    /// If its tools cannot read the project; a build says why.
    pub async fn layout(&self, children: &Children) -> anyhow::Result<Layout> {
        match &self.written {
            Written::Rust(package) => package.layout(children).await,
            Written::Python(_) | Written::JavaScript(_) => Ok(self.layout_alone()),
        }
    }

    /// As much of the layout as is known without any tool.
    #[must_use]
    pub fn layout_alone(&self) -> Layout {
        let folder = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        match &self.written {
            Written::Rust(_) => rust::layout_alone(folder),
            Written::Python(_) => python::layout(&folder, &self.name),
            Written::JavaScript(_) => javascript::layout(&folder, &self.name),
        }
    }
}

/// The language of the project in a folder, by its manifest.
fn language(dir: &Path) -> Result<Language, UsageError> {
    let there: Vec<_> = MANIFESTS
        .iter()
        .filter(|(name, _)| dir.join(name).is_file())
        .collect();
    match there.as_slice() {
        [(_, language)] => Ok(*language),
        [] => Err(UsageError(format!(
            "{}: no {} there; give the folder of a plugin project",
            dir.display(),
            listed(MANIFESTS.iter(), "or"),
        ))),
        several => Err(UsageError(format!(
            "{}: {} are there; a plugin project has one of them",
            dir.display(),
            listed(several.iter().copied(), "and"),
        ))),
    }
}

/// Names of manifests as people list them.
fn listed<'a>(
    manifests: impl DoubleEndedIterator<Item = &'a (&'static str, Language)>,
    word: &str,
) -> String {
    let mut names = manifests.map(|(name, _)| *name);
    let last = names.next_back().unwrap_or_default();
    let others: Vec<&str> = names.collect();
    if others.is_empty() {
        return last.to_owned();
    }
    format!("{} {word} {last}", others.join(", "))
}
