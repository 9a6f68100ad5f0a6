//! `hookbox serve`: the host.

use crate::app;
use crate::cli::{End, UsageError};
use crate::config::{Config, ServeArgs};
use crate::telemetry::{self, Detail};

/// Receive webhooks and run the plugins on them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox serve
  WEBHOOK_SECRET=… hookbox serve --plugins plugins-dir --listen 0.0.0.0:8000

Every setting is also read from the environment, as HOOKBOX_ and its name. Logs go to
standard error, as JSON unless that is a terminal; RUST_LOG=hookbox=debug says more.")]
pub struct Serve {
    #[command(flatten)]
    args: ServeArgs,
}

impl Serve {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let environment = std::env::vars_os().filter_map(|(key, value)| {
            // A variable that is not Unicode is none of ours.
            Some((
                key.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        });
        let config =
            Config::new(self.args, environment).map_err(|error| UsageError(error.to_string()))?;
        telemetry::start(Detail::Lifecycle);
        app::serve(config, None)?;
        Ok(End::Ok)
    }
}
