//! `hookbox send`: post a delivery as the Hub would.

use crate::cli::{End, UsageError, event, output};
use anyhow::Context as _;
use hookbox_sdk::sample::SAMPLES;
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;

/// How long the whole exchange may take: as long as the Hub waits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Post a sample, or a JSON file, as the Hub would
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox send --list
  hookbox send discussion-comment --wait 10
  hookbox send event.json --to https://me-hookbox.hf.space/webhooks/hello --secret …")]
pub struct Send {
    /// The name of a sample, a JSON file, or `-` for standard input
    #[arg(required_unless_present = "list")]
    event: Option<String>,
    /// Where to
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8000/webhooks"
    )]
    to: String,
    /// The webhook secret
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true, value_name = "S")]
    secret: Option<String>,
    /// Wait up to N seconds for the runs' first attempts, and show them
    #[arg(long, value_name = "N")]
    wait: Option<u16>,
    /// List the samples
    #[arg(long)]
    list: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct SampleJson {
    name: &'static str,
    description: &'static str,
}

impl Send {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let Some(event) = self.event.as_deref().filter(|_| !self.list) else {
            return list(self.json);
        };
        let body = event::read(event)?;
        let mut request = agent(&self.to)
            .post(&self.to)
            .header("content-type", "application/json")
            .header("webhook-id", Uuid::now_v7().to_string());
        if let Some(secret) = &self.secret {
            request = request.header("x-webhook-secret", secret);
        }
        if let Some(seconds) = self.wait {
            request = request.header("prefer", format!("wait={seconds}"));
        }
        // The query may carry the secret.
        let shown = self.to.split('?').next().unwrap_or_default();
        let mut response = request.send(&body[..]).map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                anyhow::Error::new(UsageError(format!("{shown}: {error}")))
            }
            error => anyhow::Error::new(error)
                .context(format!("{shown}: cannot post; is a host running there?")),
        })?;
        let status = response.status();
        let answer = response
            .body_mut()
            .read_to_string()
            .context("cannot read the answer")?;
        if self.json {
            output::line(answer.trim_end());
        } else {
            output::line(&output::visible(&format!(
                "{status}  {}",
                answer.trim_end()
            )));
        }
        Ok(if status.is_success() {
            End::Ok
        } else {
            End::Failed
        })
    }
}

/// A client that tells answers from failures by itself and follows no redirects: the secret goes where it was sent,
/// and to no proxy if that is this machine.
fn agent(to: &str) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT));
    let config = if is_loopback(to) {
        config.proxy(None)
    } else {
        config
    };
    config.build().into()
}

fn is_loopback(to: &str) -> bool {
    let host = to
        .parse::<hyper::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

fn list(json: bool) -> anyhow::Result<End> {
    if json {
        let samples: Vec<_> = SAMPLES
            .iter()
            .map(|sample| SampleJson {
                name: sample.name,
                description: sample.description,
            })
            .collect();
        output::json(&samples)?;
    } else {
        let rows = SAMPLES
            .iter()
            .map(|sample| [sample.name.to_owned(), sample.description.to_owned()]);
        output::table(["sample", "what happened"], rows);
    }
    Ok(End::Ok)
}
