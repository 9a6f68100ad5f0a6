//! `hookbox secret`: a good webhook secret.

use crate::cli::{End, output};
use crate::secret;

/// Make a good webhook secret
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hookbox secret > webhook-secret && hookbox serve --secrets file:webhook-secret"
)]
pub struct Secret {}

impl Secret {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let secret = secret::generate().map_err(|error| {
            anyhow::anyhow!("the operating system gives no random bytes: {error}")
        })?;
        output::line(&secret);
        Ok(End::Ok)
    }
}
