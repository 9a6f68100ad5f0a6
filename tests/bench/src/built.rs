//! What is measured, built by the cargo that is at hand, in the profile that this command was built in.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target that components are built for.
const WASM: &str = "wasm32-wasip2";

/// The profile of `hookbox build`, which the workspace has, too.
const SMALL: &[&str] = &["--profile", "hookbox"];

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The binary and the components.
pub struct Built {
    /// The `hookbox` binary.
    pub hookbox: PathBuf,
    /// The component of the plugin `hello`, always optimised.
    pub hello: PathBuf,
    /// The component of the guest that makes calls, always optimised.
    pub caller: PathBuf,
}

impl Built {
    /// Builds all, but for a binary that was built already.
    ///
    /// # Errors
    /// If cargo fails; it has told why.
    pub fn with(hookbox: Option<PathBuf>) -> Result<Self> {
        let hookbox = match hookbox {
            Some(path) => path,
            None => executable(&cargo(&[
                "build",
                "--package",
                "hookbox",
                "--bin",
                "hookbox",
                "--profile",
                profile(),
            ])?)?,
        };
        let args: &[&str] = &["build", "--target", WASM];
        let built = |package| component(&cargo(&[args, SMALL, &["--package", package]].concat())?);
        Ok(Self {
            hookbox,
            hello: built("hello")?,
            caller: built("guest-caller")?,
        })
    }
}

/// Has the figures of one sandboxed run taken.
///
/// # Errors
/// If cargo fails; it has told why.
pub fn bench_sandbox() -> Result<()> {
    let packages = ["--package", "guest-marked", "--package", "hello"];
    cargo(&[&["build", "--target", WASM], SMALL, &packages].concat())?;
    let status = command(&[
        "bench",
        "--locked",
        "--package",
        "hookbox-bench",
        "--bench",
        "sandbox",
    ])
    .status()
    .context("cargo")?;
    ensure!(
        status.success(),
        "`cargo bench -p hookbox-bench` failed: see above"
    );
    Ok(())
}

/// Cargo's folder of built things: this command lies in one of its profiles.
pub fn target() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2);
    target.map_or_else(|| workspace().join("target"), Path::to_owned)
}

/// The profile that this command was built in.
pub fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    }
}

fn executable(artifacts: &[Value]) -> Result<PathBuf> {
    let path = artifacts
        .iter()
        .find_map(|artifact| artifact.get("executable")?.as_str());
    path.map(PathBuf::from).context("cargo names no executable")
}

fn component(artifacts: &[Value]) -> Result<PathBuf> {
    let files = artifacts
        .iter()
        .filter_map(|artifact| artifact.get("filenames")?.as_array())
        .flatten()
        .filter_map(Value::as_str);
    let mut components = files.filter(|file| file.ends_with(".wasm"));
    components
        .next()
        .map(PathBuf::from)
        .context("cargo names no component")
}

fn cargo(args: &[&str]) -> Result<Vec<Value>> {
    let output = command(args)
        .args(["--locked", "--message-format=json-render-diagnostics"])
        .output()
        .context("cargo")?;
    ensure!(
        output.status.success(),
        "`cargo {}` failed: see above",
        args.join(" ")
    );
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

fn command(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(args)
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What cargo tells a program about its package would make build scripts think that something changed.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}
