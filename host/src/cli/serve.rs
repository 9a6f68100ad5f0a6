//! `hookbox serve`: the host.

use crate::app;
use crate::cli::{End, UsageError};
use crate::config::{Flags, Sources};
use crate::telemetry::{self, Detail};

/// Receive webhooks and run the plugins on them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox serve
  WEBHOOK_SECRET=… hookbox serve --plugins plugins-dir --listen 0.0.0.0:8000
  hookbox serve --config /etc/hookbox/hookbox.toml

A setting is a flag, or the variable HOOKBOX_ and its name, or a key of the file, or its default:
the first of them counts. `hookbox check` tells what is wrong with them. A changed file is taken up
while the host runs, as far as it can be. Logs go to standard error, as JSON unless that is a
terminal; RUST_LOG=hookbox=debug says more.")]
pub struct Serve {
    #[command(flatten)]
    flags: Flags,
}

impl Serve {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let sources = Sources::new(self.flags, std::env::vars_os());
        let checked = sources.read().checked();
        let config = checked.map_err(|problems| UsageError(problems.to_string()))?;
        telemetry::start(Detail::Lifecycle);
        app::serve(config, None)?;
        Ok(End::Ok)
    }
}
