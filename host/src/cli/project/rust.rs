//! A plugin project in Rust. Cargo is asked for everything.

use crate::cli::child::{Children, command};
use crate::cli::foreground::Interrupted;
use crate::cli::output;
use crate::cli::project::{Layout, Profile};
use crate::plugin::PluginName;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// The target that Rust plugins are built for.
const TARGET: &str = "wasm32-wasip2";

/// The SDK's package: its frames on a stack are glue, not the plugin's own.
const SDK: &str = "hookbox-sdk";

/// A profile for what is used: as small as it gets, and quick to start. A project may have one of this name itself.
const SMALL: &[&str] = &[
    "--profile",
    "hookbox",
    "--config",
    "profile.hookbox.inherits=\"release\"",
    "--config",
    "profile.hookbox.opt-level=\"s\"",
    "--config",
    "profile.hookbox.lto=true",
    "--config",
    "profile.hookbox.codegen-units=1",
    "--config",
    "profile.hookbox.strip=\"debuginfo\"",
];

/// The same where the project says what that is.
const OWN: &[&str] = &["--profile", "hookbox"];

/// Has the linker write numbers as short as they are: it leaves room for the longest there could be. Only without debug
/// information. Given to this one compilation, it stands beside whatever flags the project has.
const LINKED: &[&str] = &["--", "-Clink-arg=--compress-relocations"];

/// A profile for the time of writing: the project's own release profile with what a backtrace needs, and quick to build
/// again, for which its fuel is a little higher than that of what `build` makes. It is given to cargo here, so that no
/// project has to have it, and has a name of its own, so that it does not overwrite what `build` made.
const DEV: &[&str] = &[
    "--profile",
    "hookbox-dev",
    "--config",
    "profile.hookbox-dev.inherits=\"release\"",
    "--config",
    "profile.hookbox-dev.debug=\"line-tables-only\"",
    "--config",
    "profile.hookbox-dev.strip=\"none\"",
    "--config",
    "profile.hookbox-dev.lto=\"off\"",
    "--config",
    "profile.hookbox-dev.incremental=true",
    "--config",
    "profile.hookbox-dev.codegen-units=16",
];

/// A package of cargo's.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name, and the plugin's.
    pub name: String,
    /// Its folder, as it was given.
    dir: PathBuf,
    /// The manifest of its workspace: its own, if that is none.
    root: PathBuf,
}

impl Package {
    /// The package in a folder.
    ///
    /// # Errors
    /// If there is none, or its name can be no plugin's.
    pub async fn find(dir: &Path, children: &Children) -> anyhow::Result<Self> {
        let manifest = dir.join("Cargo.toml");
        let metadata = metadata(dir, children, Stdio::inherit()).await?;
        let folder = dir.canonicalize()?;
        let mut packages = metadata.packages.into_iter();
        let found = packages.find(|package| package.is_in(&folder));
        let package = found.with_context(|| {
            format!(
                "{}: it holds no package; give a plugin project's folder",
                manifest.display()
            )
        })?;
        PluginName::parse(&package.name).with_context(|| {
            format!(
                "{}: its package name is to be the plugin's name",
                manifest.display()
            )
        })?;
        Ok(Self {
            name: package.name,
            dir: dir.to_owned(),
            root: metadata.workspace_root.join("Cargo.toml"),
        })
    }

    /// Compiles it and returns its component's file; the compiler's messages go to standard error as they are.
    ///
    /// # Errors
    /// If it does not build, or to no component.
    pub async fn build(&self, profile: Profile, children: &Children) -> anyhow::Result<PathBuf> {
        let (profile, linked) = match profile {
            Profile::Release => match self.own_profile() {
                None => (SMALL, Some(LINKED)),
                Some(own) => (OWN, strips(&own).then_some(LINKED)),
            },
            Profile::Dev => (DEV, None),
        };
        let mut cargo = command("cargo", &self.dir);
        cargo
            .args(["rustc", "--lib", "--target", TARGET])
            .args(["--package", &self.name])
            .args(profile)
            .arg("--message-format=json-render-diagnostics")
            .args(linked.unwrap_or_default())
            .stdout(Stdio::piped());
        let output = children.output(&mut cargo).await.context(NO_CARGO)?;
        if !output.status.success() {
            anyhow::bail!(
                "{}: the plugin does not build; its compiler's messages are above",
                self.dir.display()
            );
        }
        artifact(&output, &self.name).with_context(|| {
            format!(
                "{}: it builds, but to no component; add `crate-type = [\"cdylib\", \"rlib\"]` to its [lib]",
                self.dir.join("Cargo.toml").display()
            )
        })
    }

    /// How its workspace says that it is built for use, if it does. A manifest that cannot be read is cargo's affair.
    fn own_profile(&self) -> Option<toml::Value> {
        let manifest = std::fs::read_to_string(&self.root).ok()?;
        let manifest = manifest.parse::<toml::Table>().ok()?;
        manifest.get("profile")?.get("hookbox").cloned()
    }

    /// Where its sources are. Nothing is resolved for it, so it needs no network and writes no lock file.
    ///
    /// # Errors
    /// If cargo cannot read the project; a build says why.
    pub async fn layout(&self, children: &Children) -> anyhow::Result<Layout> {
        let start = self.dir.canonicalize()?;
        let metadata = metadata(&start, children, Stdio::null()).await?;
        let mut layout = Layout {
            // It lies among the sources, and cargo knows what has changed.
            grant: None,
            manifests: ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"]
                .map(|name| metadata.workspace_root.join(name))
                .into(),
            target: metadata.target_directory.clone(),
            ..Layout::default()
        };
        let mut known = metadata.packages;
        let mut open = vec![start];
        while let Some(folder) = open.pop() {
            if !layout.folders.insert(folder.clone()) {
                continue;
            }
            if !known.iter().any(|package| package.is_in(&folder)) {
                // Of another workspace. One that cannot be read is watched all the same: until it is mended.
                match self::metadata(&folder, children, Stdio::null()).await {
                    Err(error) if error.is::<Interrupted>() => return Err(error),
                    Err(_) => {}
                    Ok(metadata) => known.extend(metadata.packages),
                }
            }
            let package = known.iter().find(|package| package.is_in(&folder));
            if package.is_none_or(|package| !package.name.starts_with(SDK)) {
                layout.own.insert(folder);
            }
            open.extend(package.into_iter().flat_map(Known::built_from));
        }
        Ok(layout)
    }

    /// Adds the compiler's target where it is missing. Without rustup the compiler is asked as it is.
    ///
    /// # Errors
    /// If rustup cannot add it.
    pub async fn add_target(&self, children: &Children) -> anyhow::Result<()> {
        let mut list = command("rustup", &self.dir);
        list.args(["target", "list", "--installed"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let installed = match children.output(&mut list).await {
            Ok(installed) => installed,
            Err(error) if error.is::<std::io::Error>() => return Ok(()),
            Err(error) => return Err(error),
        };
        let targets = String::from_utf8_lossy(&installed.stdout);
        if !installed.status.success() || targets.lines().any(|target| target.trim() == TARGET) {
            return Ok(());
        }
        output::note(&format!(
            "adding the target {TARGET} (rustup target add {TARGET})"
        ));
        let mut add = command("rustup", &self.dir);
        add.args(["target", "add", TARGET]).stdout(Stdio::null());
        let added = children.output(&mut add).await;
        if !added.context("cannot run rustup")?.status.success() {
            anyhow::bail!("the target {TARGET} cannot be added; run 'rustup target add {TARGET}'");
        }
        Ok(())
    }
}

/// As much of the layout of the package in a folder as is known without cargo.
#[must_use]
pub fn layout_alone(folder: PathBuf) -> Layout {
    Layout {
        folders: [folder.clone()].into(),
        own: [folder.clone()].into(),
        manifests: [folder.join("Cargo.toml")].into(),
        grant: None,
        target: folder.join("target"),
    }
}

/// Whether a profile leaves debug information out: what it inherits does not count.
fn strips(profile: &toml::Value) -> bool {
    let strip = profile.get("strip");
    strip.is_some_and(|strip| {
        strip.as_bool() == Some(true) || matches!(strip.as_str(), Some("debuginfo" | "symbols"))
    })
}

const NO_CARGO: &str = "cannot run cargo; install Rust from https://rustup.rs";

/// The component among the files that cargo says it made.
fn artifact(output: &Output, package: &str) -> Option<PathBuf> {
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| {
            let target = message.target.as_ref();
            target.is_some_and(|target| target.is_cdylib_of(package))
        })
        .flat_map(|message| message.filenames)
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
}

/// A line of cargo's machine-readable messages (the Cargo book, "External tools").
#[derive(serde::Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(serde::Deserialize)]
struct Target {
    name: String,
    #[serde(default)]
    crate_types: Vec<String>,
}

impl Target {
    fn is_cdylib_of(&self, package: &str) -> bool {
        self.crate_types.iter().any(|kind| kind == "cdylib")
            && self.name.replace('-', "_") == package.replace('-', "_")
    }
}

/// What `cargo metadata` says (the Cargo book, "cargo metadata").
#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<Known>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

/// A package of the workspace.
#[derive(serde::Deserialize)]
struct Known {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(serde::Deserialize)]
struct Dependency {
    kind: Option<String>,
    /// Where it is, if on this machine.
    path: Option<PathBuf>,
}

impl Known {
    fn is_in(&self, folder: &Path) -> bool {
        self.manifest_path.parent() == Some(folder)
    }

    /// The folders of the packages that it depends on by path, its tests left out.
    fn built_from(&self) -> impl Iterator<Item = PathBuf> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
            .filter_map(|dependency| dependency.path.clone())
    }
}

async fn metadata(dir: &Path, children: &Children, stderr: Stdio) -> anyhow::Result<Metadata> {
    let mut cargo = command("cargo", dir);
    cargo
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stdout(Stdio::piped())
        .stderr(stderr);
    let output = children.output(&mut cargo).await.context(NO_CARGO)?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{}: cargo cannot read it", dir.join("Cargo.toml").display()))
}
