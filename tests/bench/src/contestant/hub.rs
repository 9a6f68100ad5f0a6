//! The WebhooksServer of `huggingface_hub`, in a virtual environment that is made here once, of pinned versions.

use super::{Running, clean, free_address};
use crate::built::workspace;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Its source and what it needs, in the workspace.
const FOLDER: &str = "tests/bench/huggingface_hub";

const REQUIREMENTS: &str = "requirements.txt";

/// Makes the environment, unless it was made of the same before.
///
/// # Errors
/// If Python is missing, or the package index cannot be reached.
pub async fn prepare(work: &Path) -> Result<()> {
    let requirements = source(REQUIREMENTS);
    let pinned = std::fs::read_to_string(&requirements)?;
    let (venv, made_of) = (work.join("venv"), work.join("venv-made-of"));
    if std::fs::read_to_string(&made_of).is_ok_and(|text| text == pinned) {
        return Ok(());
    }
    eprintln!(
        "making a virtual environment for huggingface_hub in {}",
        venv.display()
    );
    if venv.exists() {
        std::fs::remove_dir_all(&venv)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv)).await?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]);
    run(pip.arg("--requirement").arg(requirements)).await?;
    std::fs::write(made_of, pinned)?;
    Ok(())
}

async fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std());
    let status = command.stdin(Stdio::null()).status().await;
    let status = status.with_context(|| shown.clone())?;
    ensure!(
        status.success(),
        "{shown}: {status}; install python3 with venv, or leave `--only huggingface-hub` out"
    );
    Ok(())
}

fn source(name: &str) -> PathBuf {
    workspace().join(FOLDER).join(name)
}

/// What is pinned of it and of what carries it.
pub fn version() -> String {
    let pinned = std::fs::read_to_string(source(REQUIREMENTS)).unwrap_or_default();
    let told = ["huggingface_hub", "gradio", "uvicorn"];
    let lines = pinned.lines().filter(|line| {
        told.iter()
            .any(|name| line.starts_with(&format!("{name}==")))
    });
    lines.collect::<Vec<_>>().join(", ").replace("==", " ")
}

/// Starts it.
pub fn start(work: &Path) -> Result<Running> {
    let address = free_address()?;
    let mut server = clean(&work.join("venv/bin/python"));
    server
        .arg(source("server.py"))
        .arg(address.port().to_string())
        .env("GRADIO_ANALYTICS_ENABLED", "False")
        .env("HF_HUB_OFFLINE", "1")
        // So that nothing is written beside the source.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(work)
        .stdout(Stdio::null());
    Running::spawn(server, address, "/webhooks/bench")
}
