//! `hookbox inspect`: what a component file is.

mod shown;

use crate::activity::{ComponentJson, SidecarJson};
use crate::cli::component::{name, small_engine};
use crate::cli::{End, UsageError, output};
use crate::plugin::compiler::Compiler;
use crate::plugin::folder::{read_component, read_grant};
use crate::plugin::{Component, EngineConfig, Grant};
use shown::show;
use std::path::{Path, PathBuf};

/// The most memory that a grant may give on any host, in bytes.
const MEMORY_BYTES_MAX: usize = 4 << 30;

/// Show what a component file is and needs, or why it is not a plugin
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hookbox inspect plugins-dir/hello.wasm

Imports are told by what a plugin has of them: always, as its grant says, nothing, or no place in
this host, with the reason. If a grant lies beside the file, each want is held against it.
Ends with 2 if the file is not a plugin that this host can run.")]
pub struct Inspect {
    /// The component
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let bytes = read_component(&self.file).map_err(anyhow::Error::msg)?;
        let engine = small_engine(EngineConfig::default().memory_bytes_max)?;
        let loaded = Component::load_bytes(&engine, &bytes, &Compiler::in_children()?);
        let in_file = |reason: &str| format!("{}: {reason}", self.file.display());
        if let Err(error) = &loaded
            && error.is_passing()
        {
            anyhow::bail!(in_file(&error.to_string()));
        }
        let name = name(&self.file);
        let mut told = ComponentJson::new(&name, &bytes, loaded.as_ref());
        if let Ok(component) = &loaded {
            told.grant = Some(sidecar(&name, &self.file, component));
        }
        if self.json {
            output::json(&told)?;
        } else {
            show(&told);
        }
        match &told.reason {
            Some(reason) => Err(UsageError(in_file(reason)).into()),
            None => Ok(End::Ok),
        }
    }
}

/// What a host would make of the grant beside a component.
fn sidecar(name: &str, file: &Path, component: &Component) -> SidecarJson {
    let path = file.with_extension("toml");
    let shown = path.display().to_string();
    if !path.exists() {
        let grant = Grant::within(MEMORY_BYTES_MAX);
        return SidecarJson::new(name, component, None, &grant);
    }
    match read_grant(&path, MEMORY_BYTES_MAX) {
        Ok(grant) => SidecarJson::new(name, component, Some(shown), &grant),
        Err(error) => SidecarJson::unusable(shown, error),
    }
}
