//! `hookbox plugins`: where every plugin stands, and why.

use crate::activity::PluginJson;
use crate::cli::{End, output};
use crate::ledger::PluginRecord;
use crate::ledger::sqlite::SqliteReader;
use crate::plugin::Manifest;
use std::path::PathBuf;

/// Show every plugin of a host, where it stands, and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hookbox plugins --data data")]
pub struct Plugins {
    /// The host's data folder
    #[arg(long, env = "HOOKBOX_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Plugins {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let plugins = SqliteReader::open(&self.data)?.plugins()?;
        if self.json {
            let plugins: Vec<PluginJson> = plugins.into_iter().map(Into::into).collect();
            output::json(&plugins)?;
            return Ok(End::Ok);
        }
        let rows = plugins.into_iter().map(|plugin| {
            let manifest = plugin.manifest.as_deref().and_then(Manifest::from_stored);
            let scopes: Vec<String> = manifest
                .iter()
                .flat_map(|manifest| &manifest.subscriptions)
                .map(|subscription| subscription.pattern.to_string())
                .collect();
            let reason = reason(&plugin);
            [
                plugin.name,
                plugin.state.as_str().to_owned(),
                manifest.map_or_else(String::new, |manifest| manifest.version),
                scopes.join(", "),
                reason,
            ]
        });
        output::table(
            ["name", "state", "version", "subscriptions", "reason"],
            rows,
        );
        Ok(End::Ok)
    }
}

/// Why it does not run; of one that does, what is wrong with its files.
fn reason(plugin: &PluginRecord) -> String {
    let candidate = plugin
        .candidate
        .as_ref()
        .filter(|_| plugin.active.is_some());
    let new = candidate.map(|candidate| {
        let state = candidate.state.as_str();
        let reason = candidate
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        format!("a new version is {state}{reason}")
    });
    let parts: Vec<String> = plugin.reason.clone().into_iter().chain(new).collect();
    parts.join("; ")
}
