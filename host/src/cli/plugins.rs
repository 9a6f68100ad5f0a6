//! `hookbox plugins`: where every plugin stands, and why; and pausing one. Works on the ledger, whether a host runs or
//! not.

use crate::activity::holding::StateUsageJson;
use crate::activity::{PluginJson, SwitchedJson};
use crate::cli::{End, output};
use crate::ledger::sqlite::{SqliteOperator, SqliteReader, Switched};
use crate::ledger::{OPERATOR, OwnAccount, PluginRecord, PluginState};
use crate::plugin::{self, Manifest};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// Show every plugin of a host, where it stands, and why; pause one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox plugins --data data
  hookbox plugins pause hello           its runs wait
  hookbox plugins resume hello          they go on")]
pub struct Plugins {
    #[command(subcommand)]
    command: Option<Command>,
    /// The host's data folder
    #[arg(
        long,
        env = "HOOKBOX_DATA",
        value_name = "DIR",
        default_value = "data",
        global = true
    )]
    data: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Have a plugin's runs wait until it is resumed
    #[command(after_help = PAUSE)]
    Pause {
        /// The plugin's name
        name: String,
    },
    /// End a plugin's pause: its runs go on
    #[command(after_help = RESUME)]
    Resume {
        /// The plugin's name
        name: String,
    },
}

const PAUSE: &str = "\
Example:
  hookbox plugins pause hello

It still gets its runs, which are parked: kept, and not run. Attempts under way come to their
end. A running host takes it up within half a second. Another version of the plugin, or another
grant, ends the pause, too: it may have mended what it was paused for.";

const RESUME: &str = "\
Example:
  hookbox plugins resume hello";

impl Plugins {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        match &self.command {
            None => self.list(),
            Some(Command::Pause { name }) => self.switch(name, |ledger| {
                Ok((ledger.pause(name, OPERATOR)?, paused as Tell))
            }),
            Some(Command::Resume { name }) => {
                self.switch(name, |ledger| Ok((ledger.resume(name)?, resumed as Tell)))
            }
        }
    }

    /// Pauses or resumes, and tells what came of it.
    fn switch(
        &self,
        name: &str,
        switch: impl FnOnce(&mut SqliteOperator) -> anyhow::Result<(Switched, Tell)>,
    ) -> anyhow::Result<End> {
        let reader = SqliteReader::open(&self.data)?;
        let plugins = reader.plugins()?;
        let noted: Vec<&str> = plugins.iter().map(|plugin| &*plugin.name).collect();
        if let Some(why) = plugin::unknown(name, &noted, &reader.known_plugins()?) {
            anyhow::bail!(why);
        }
        let (switched, tell) = switch(&mut SqliteOperator::open(&self.data)?)?;
        let plugin = find(&reader, name, &self.data)?;
        if self.json {
            output::json(&SwitchedJson {
                changed: switched == Switched::Now,
                plugin: shown(&reader, plugin)?,
            })?;
        } else {
            output::line(&output::one_line(&tell(&plugin, switched)));
        }
        Ok(End::Ok)
    }

    fn list(&self) -> anyhow::Result<End> {
        let reader = SqliteReader::open(&self.data)?;
        let plugins = reader.plugins()?;
        if self.json {
            let shown = plugins.into_iter().map(|plugin| shown(&reader, plugin));
            let shown: Vec<PluginJson> = shown.collect::<anyhow::Result<_>>()?;
            output::json(&shown)?;
            return Ok(End::Ok);
        }
        let usages = plugins.iter().map(|plugin| kept(&reader, plugin));
        let usages: Vec<String> = usages.collect::<anyhow::Result<_>>()?;
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
        let head = ["name", "state", "version", "subscriptions", "reason"];
        if usages.iter().all(String::is_empty) {
            output::table(head, rows);
        } else {
            let [name, state, version, subscriptions, reason] = head;
            let head = [name, state, version, subscriptions, "keeps", reason];
            let rows = rows.zip(usages).map(|(row, usage)| {
                let [name, state, version, subscriptions, reason] = row;
                [name, state, version, subscriptions, usage, reason]
            });
            output::table(head, rows);
        }
        Ok(End::Ok)
    }
}

/// A plugin as programs are shown it.
fn shown(reader: &SqliteReader, plugin: PluginRecord) -> anyhow::Result<PluginJson> {
    let stored = reader.state_usage(&plugin.name)?;
    Ok(PluginJson::new(plugin, stored))
}

/// How much a plugin keeps, in words; nothing for one that has no state.
fn kept(reader: &SqliteReader, plugin: &PluginRecord) -> anyhow::Result<String> {
    let stored = reader.state_usage(&plugin.name)?;
    let usage = StateUsageJson::of(plugin.grant.as_deref(), stored);
    Ok(usage.map_or_else(String::new, |usage| usage.to_string()))
}

/// What is told of a plugin that was paused or resumed.
type Tell = fn(&PluginRecord, Switched) -> String;

fn paused(plugin: &PluginRecord, switched: Switched) -> String {
    let (name, by) = (
        &plugin.name,
        plugin.paused_by.as_deref().unwrap_or(OPERATOR),
    );
    match switched {
        Switched::Now => {
            format!("{name} is paused: its runs wait until 'hookbox plugins resume {name}'")
        }
        _ => {
            format!("{name} is paused already, by {by}; 'hookbox plugins resume {name}' ends that")
        }
    }
}

fn resumed(plugin: &PluginRecord, switched: Switched) -> String {
    let name = &plugin.name;
    let (state, reason) = (plugin.state.as_str(), reason(plugin));
    match (switched, plugin.state) {
        (Switched::Now, PluginState::Loaded) => {
            format!("{name} is not paused any more: its runs go on")
        }
        (Switched::Now, _) => format!("{name} is not paused any more; it is {state}: {reason}"),
        _ => format!("{name} is not paused"),
    }
}

/// A plugin as it stands once it was paused or resumed.
fn find(reader: &SqliteReader, name: &str, data: &Path) -> anyhow::Result<PluginRecord> {
    let mut plugins = reader.plugins()?.into_iter();
    let found = plugins.find(|plugin| plugin.name == name);
    found.with_context(|| {
        let data = data.display();
        format!("the plugin `{name}` is not noted in {data} any more: its file went meanwhile")
    })
}

/// Why it does not run, and how it would; of one that does, what is wrong with its files.
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
    let paused = plugin.paused_by.as_ref().map(|by| {
        let end = format!("'hookbox plugins resume {}' ends that", plugin.name);
        match plugin.state {
            // Its reason says by whom.
            PluginState::Paused => end,
            _ => format!("also paused by {by}, {end}"),
        }
    });
    let own = plugin.own.as_ref().and_then(OwnAccount::unknown);
    let own = own
        .map(|why| format!("its own account is not known, so what that writes comes to it: {why}"));
    let parts = plugin.reason.clone().into_iter().chain(paused).chain(new);
    let parts = parts.chain(own);
    parts.collect::<Vec<_>>().join("; ")
}
