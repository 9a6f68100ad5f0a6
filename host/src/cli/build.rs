//! `hookbox build`: a plugin project to a checked component.

mod names;

use crate::cli::component::small_engine;
use crate::cli::foreground::Foreground;
use crate::cli::project::{Profile, Project};
use crate::cli::{End, output};
use crate::plugin::compiler::Compiler;
use crate::plugin::folder::read_component;
use crate::plugin::toolchain::{HOOKBOX, mark};
use crate::plugin::{Component, EngineConfig};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// Build a plugin project to a checked component
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hookbox build plugins/hello -o plugins-dir")]
pub struct Build {
    /// The project's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where to put the component, as <name in its manifest>.wasm
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let foreground = Foreground::new()?;
        let children = foreground.children();
        let (project, artifact, tools) = foreground.work(async {
            let project = Project::find(&self.dir, children).await?;
            project.prepare(children).await?;
            let artifact = project.build(Profile::Release, children).await?;
            let tools = project.producers(children).await?;
            Ok((project, artifact, tools))
        })?;
        let built = read_component(&artifact).map_err(anyhow::Error::msg)?;
        let tools = tools
            .iter()
            .map(|(field, name, version)| (*field, *name, version.as_str()));
        let makers: Vec<_> = tools.chain([HOOKBOX]).collect();
        let component = mark(&names::shortened(&built), &makers);
        let engine = small_engine(EngineConfig::default().memory_bytes_max)?;
        // It was made here and now, by a compiler that ran whatever its source told it to.
        Component::load_bytes(&engine, &component, &Compiler::here())
            .map_err(|error| anyhow::anyhow!("{}: {error}", artifact.display()))?;
        let path = install(&component, &self.out, &project.name)?;
        if self.json {
            output::json(&serde_json::json!({ "plugin": project.name, "path": path }))?;
        } else {
            output::line(&path.display().to_string());
        }
        Ok(End::Ok)
    }
}

/// Puts the component in place under its final name in one step: a host that watches the folder never sees half.
///
/// # Errors
/// If it cannot be written there.
pub fn install(component: &[u8], out: &Path, name: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let path = out.join(format!("{name}.wasm"));
    let part = out.join(format!(".{name}.wasm.part"));
    std::fs::write(&part, component)
        .and_then(|()| std::fs::rename(&part, &path))
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(path)
}
