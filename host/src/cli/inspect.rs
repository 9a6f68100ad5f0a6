//! `hookbox inspect`: what a component file is.

use crate::activity::ComponentJson;
use crate::cli::component::{load, small_engine};
use crate::cli::{End, output};
use crate::plugin::compiler::Compiler;
use crate::plugin::{Component, EngineConfig};
use std::path::PathBuf;

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
        let engine = small_engine(EngineConfig::default().memory_bytes_max)?;
        let (name, component) = load(&engine, &self.file, &Compiler::in_children()?)?;
        if self.json {
            output::json(&ComponentJson::new(&name, &component))?;
        } else {
            describe(&name, &component);
        }
        Ok(End::Ok)
    }
}

fn describe(name: &str, component: &Component) {
    let manifest = component.manifest();
    let facts = component.facts();
    let print =
        |title: &str, text: &str| output::line(&format!("{title:<14}{}", output::one_line(text)));
    print("name", name);
    print("version", &manifest.version);
    print("description", &manifest.description);
    print("interface", &format!("hookbox:plugin@{}", facts.interface));
    print("size", &format!("{} bytes", facts.size_bytes));
    print("digest", &facts.digest);
    print("toolchain", &facts.toolchain.join(", "));
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
    let titles = std::iter::once("imports").chain(std::iter::repeat(""));
    for (title, import) in titles.zip(&facts.imports) {
        print(title, import);
    }
}
