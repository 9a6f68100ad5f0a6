//! `hookbox check`: everything that `serve` would trip over, told at once, without changing anything.

mod data;
mod findings;
mod host;
mod plugins;
mod suspicion;
mod webhook;

use crate::cli::{End, output};
use crate::config::{Flags, Sources};
use findings::{Finding, Findings, Level};
use serde::Serialize;
use webhook::Webhook;

/// Tell everything that would keep a host from serving, without changing anything
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox check
  hookbox check --config /etc/hookbox/hookbox.toml --json

It takes the settings of serve, and ends with 0 if a host would start and every plugin would run,
with 1 if not. For each plugin it prints the command that makes its webhook on the Hub.")]
pub struct Check {
    #[command(flatten)]
    flags: Flags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    findings: &'a [Finding],
    webhooks: &'a [Webhook],
}

impl Check {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let reading = Sources::new(self.flags, std::env::vars_os()).read();
        let mut findings = Findings::default();
        host::settings(&reading, &mut findings);
        let config = &reading.config;
        host::secrets(config, &mut findings);
        let running = data::check(config, &mut findings);
        host::addresses(config, running, &mut findings);
        host::token(config, &mut findings);
        host::limits(config, &mut findings);
        let plugins = plugins::check(config, &mut findings);
        let webhooks: Vec<Webhook> = plugins
            .iter()
            .map(|plugin| Webhook::of(plugin, config))
            .collect();
        let ok = findings.ok();
        if self.json {
            output::json(&Report {
                ok,
                findings: findings.all(),
                webhooks: &webhooks,
            })?;
        } else {
            show(&findings, plugins.len());
            webhooks.iter().for_each(Webhook::show);
        }
        Ok(if ok { End::Ok } else { End::Failed })
    }
}

fn show(findings: &Findings, plugins: usize) {
    for finding in findings.all() {
        output::line(&finding.to_string());
    }
    let count = |level| findings.count(level);
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let summary = match (errors, plugins) {
        (0, 1) => "a host would start, and its plugin would run".to_owned(),
        (0, plugins) => format!("a host would start, and {plugins} plugins would run"),
        (1, _) => "1 error".to_owned(),
        (errors, _) => format!("{errors} errors"),
    };
    let warnings = match warnings {
        0 => String::new(),
        1 => " (1 warning)".to_owned(),
        warnings => format!(" ({warnings} warnings)"),
    };
    output::line(&format!("{summary}{warnings}"));
}
