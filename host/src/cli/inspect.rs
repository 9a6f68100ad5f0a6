//! `hookbox inspect`: what a component file is.

use crate::activity::ComponentJson;
use crate::cli::{End, output};
use crate::plugin::catalog::read_component;
use crate::plugin::component::name_of;
use crate::plugin::{Component, Engine, EngineConfig};
use std::path::{Path, PathBuf};

/// Show what a component file is and needs, or why it is not a plugin
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hookbox inspect plugins-dir/hello.wasm")]
pub struct Inspect {
    /// The component
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let engine = small_engine()?;
        let (name, component) = load(&engine, &self.file)?;
        if self.json {
            output::json(&ComponentJson::new(&name, &component))?;
        } else {
            describe(&name, &component);
        }
        Ok(End::Ok)
    }
}

/// The largest memory that any host could grant, in bytes: a command has no `memory-max` of its own.
const MEMORY_BYTES_MAX: usize = 4 << 30;

/// An engine for a command that runs one guest at a time.
///
/// # Errors
/// If its address space cannot be had.
pub fn small_engine() -> anyhow::Result<Engine> {
    Ok(Engine::new(EngineConfig {
        concurrency: 1,
        memory_bytes_max: MEMORY_BYTES_MAX,
    })?)
}

/// Loads a component file and names it by its stem.
///
/// # Errors
/// Why it is no plugin, with its path.
pub fn load(engine: &Engine, file: &Path) -> anyhow::Result<(String, Component)> {
    let bytes = read_component(file).map_err(anyhow::Error::msg)?;
    let component = Component::load(engine, &bytes)
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    // A file that is inspected before it is renamed to a plugin name is still worth a look.
    let name = name_of(file).map_or_else(
        |_| {
            file.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        },
        |name| name.to_string(),
    );
    Ok((name, component))
}

fn describe(name: &str, component: &Component) {
    let manifest = component.manifest();
    let facts = component.facts();
    let print =
        |title: &str, text: &str| output::line(&format!("{title:<14}{}", output::visible(text)));
    print("name", name);
    print("version", &manifest.version);
    print("description", &manifest.description);
    print("interface", &format!("hookbox:plugin@{}", facts.interface));
    print("size", &format!("{} bytes", facts.size_bytes));
    print("digest", &facts.digest);
    for subscription in &manifest.subscriptions {
        let actions: Vec<&str> = subscription.actions.iter().map(String::as_str).collect();
        let actions = if actions.is_empty() {
            "every action".to_owned()
        } else {
            actions.join(", ")
        };
        print(
            "subscribes to",
            &format!("{} ({actions})", subscription.pattern),
        );
    }
    for want in &manifest.wants {
        let required = if want.required {
            "required"
        } else {
            "optional"
        };
        let text = format!("{} {} ({required}): {}", want.kind, want.name, want.reason);
        print("wants", &text);
        if !want.detail.is_empty() {
            print("", &want.detail);
        }
    }
    print("imports", &facts.imports.join("\n              "));
}
