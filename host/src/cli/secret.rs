//! `hookbox secret`: a good webhook secret.

use crate::cli::{End, output};
use crate::secret;

/// Make a good webhook secret
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hookbox secret > webhook-secret && hookbox serve --secrets file:webhook-secret"
)]
pub struct Secret {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Secret {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let secret = secret::generate().map_err(|error| {
            anyhow::anyhow!("the operating system gives no random bytes: {error}")
        })?;
        if self.json {
            output::json(&serde_json::json!({ "secret": secret }))?;
        } else {
            output::line(&secret);
        }
        Ok(End::Ok)
    }
}
