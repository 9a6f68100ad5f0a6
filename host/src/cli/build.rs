//! `hookbox build`: a plugin project to a checked component.

use crate::cli::component::{load, small_engine};
use crate::cli::{End, UsageError, output};
use crate::plugin::EngineConfig;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target that Rust plugins are built for.
const TARGET: &str = "wasm32-wasip2";

/// Build a plugin project to a checked component
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hookbox build plugins/hello -o plugins-dir")]
pub struct Build {
    /// The project's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where to put the component, as <package name>.wasm
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let manifest = self.dir.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(UsageError(format!(
                "{}: no Cargo.toml there; give the folder of a Rust plugin project",
                self.dir.display()
            ))
            .into());
        }
        add_target(&self.dir)?;
        let built = compile(&self.dir, &manifest)?;
        let name = &built.package;
        let plugin = crate::plugin::PluginName::parse(name).with_context(|| {
            format!(
                "{}: its package name is to be the plugin's name",
                manifest.display()
            )
        })?;
        load(
            &small_engine(EngineConfig::default().memory_bytes_max)?,
            &built.artifact,
        )?;
        let path = install(&built.artifact, &self.out, plugin.as_str())?;
        if self.json {
            output::json(&serde_json::json!({ "plugin": name, "path": path }))?;
        } else {
            output::line(&path.display().to_string());
        }
        Ok(End::Ok)
    }
}

struct Built {
    package: String,
    artifact: PathBuf,
}

/// A command without what is ours: a project's build script is somebody's code and sees no secret.
fn child(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("HOOKBOX_") || matches!(&*name, "WEBHOOK_SECRET" | "HF_TOKEN") {
            command.env_remove(&variable);
        }
    }
    command
}

/// Adds the compiler's target where it is missing. Without rustup the compiler is asked as it is.
fn add_target(dir: &Path) -> anyhow::Result<()> {
    let installed = child("rustup", dir)
        .args(["target", "list", "--installed"])
        .stderr(Stdio::null())
        .output();
    let Ok(installed) = installed else {
        return Ok(());
    };
    let targets = String::from_utf8_lossy(&installed.stdout);
    if !installed.status.success() || targets.lines().any(|target| target.trim() == TARGET) {
        return Ok(());
    }
    output::note(&format!(
        "adding the target {TARGET} (rustup target add {TARGET})"
    ));
    let added = child("rustup", dir)
        .args(["target", "add", TARGET])
        .stdout(Stdio::null())
        .status()
        .context("cannot run rustup")?;
    if !added.success() {
        anyhow::bail!("the target {TARGET} cannot be added; run 'rustup target add {TARGET}'");
    }
    Ok(())
}

/// Compiles the project with its own release profile; the compiler's messages go to standard error as they are.
fn compile(dir: &Path, manifest: &Path) -> anyhow::Result<Built> {
    let package = package_name(dir, manifest)?;
    let output = child("cargo", dir)
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--package",
            &package,
        ])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        anyhow::bail!(
            "{}: the plugin does not build; its compiler's messages are above",
            dir.display()
        );
    }
    let artifact = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|target| target.is_cdylib_of(&package)))
        .flat_map(|message| message.filenames)
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .with_context(|| {
            format!(
                "{}: it builds, but to no component; add `crate-type = [\"cdylib\", \"rlib\"]` to its [lib]",
                manifest.display()
            )
        })?;
    Ok(Built { package, artifact })
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

#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

fn package_name(dir: &Path, manifest: &Path) -> anyhow::Result<String> {
    let output = child("cargo", dir)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{}: cargo cannot read it", manifest.display()))?;
    let manifest = manifest
        .canonicalize()
        .with_context(|| manifest.display().to_string())?;
    metadata
        .packages
        .into_iter()
        .find(|package| {
            package
                .manifest_path
                .canonicalize()
                .is_ok_and(|path| path == manifest)
        })
        .map(|package| package.name)
        .with_context(|| {
            format!(
                "{}: it holds no package; give a plugin project's folder",
                manifest.display()
            )
        })
}

/// Puts the component in place under its final name in one step: a host that watches the folder never sees half.
fn install(artifact: &Path, out: &Path, name: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let path = out.join(format!("{name}.wasm"));
    let part = out.join(format!(".{name}.wasm.part"));
    std::fs::copy(artifact, &part)
        .and_then(|_| std::fs::rename(&part, &path))
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(path)
}
