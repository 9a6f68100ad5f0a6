//! `hookbox inspect`: what a component file is.

mod shown;

use crate::activity::{ComponentJson, SidecarJson};
use crate::cli::component::{name, small_engine};
use crate::cli::{End, UsageError, output};
use crate::plugin::compiler::Compiler;
use crate::plugin::component::{COMPONENT_BYTES_MAX, name_of};
use crate::plugin::folder::{Folder, ReadError, read_file};
use crate::plugin::grant::{GRANT_BYTES_MAX, WrittenGrant};
use crate::plugin::{Component, EngineConfig, Grant};
use shown::show;
use std::io::ErrorKind;
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
Ends with 2 if the file is not there, or not a plugin that this host can run.")]
pub struct Inspect {
    /// The component
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Its bytes; what is no file that could be a plugin is the caller's mistake.
    fn read(&self) -> anyhow::Result<Vec<u8>> {
        read_file(&self.file, COMPONENT_BYTES_MAX).map_err(|error| {
            let reason = format!("{}: {error}", self.file.display());
            match error {
                ReadError::Io(_) | ReadError::Changing => anyhow::Error::msg(reason),
                _ => UsageError(reason).into(),
            }
        })
    }

    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let bytes = self.read()?;
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
            let mut grant = sidecar(&name, &self.file, component);
            if let Err(error) = name_of(&self.file) {
                grant.held = Some(error.to_string());
            }
            told.grant = Some(grant);
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
    // A link to nothing is a grant that cannot be used, and not none.
    let found = path.symlink_metadata();
    if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        let grant = Grant::within(MEMORY_BYTES_MAX);
        return SidecarJson::new(name, component, None, &grant);
    }
    match read_as_a_host(&path) {
        Ok(written) => SidecarJson::new(name, component, Some(shown), &written.grant),
        Err(reason) => {
            let error = format!("{shown}: {reason}");
            SidecarJson::unusable(shown, error)
        }
    }
}

/// Reads a grant as a host does whose plugins folder is the one around it: no link is followed out of that.
fn read_as_a_host(path: &Path) -> Result<WrittenGrant, String> {
    let around = path.parent().filter(|parent| *parent != Path::new(""));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let read = Folder::new(around.unwrap_or(Path::new("."))).read(&file, GRANT_BYTES_MAX);
    let bytes = read.map_err(|error| error.to_string())?;
    WrittenGrant::parse(bytes, MEMORY_BYTES_MAX)
}
