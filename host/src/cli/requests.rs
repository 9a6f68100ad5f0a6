//! `hookbox requests`: what a running host refused. It asks the host's admin API, because that is kept in its memory.

use crate::activity::RequestJson;
use crate::admin::{noted_address, token};
use crate::cli::{End, output};
use crate::ledger::sqlite::is_served;
use anyhow::Context as _;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// How long the host has for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes: more than all that a host keeps.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Show the last requests that a running host refused, and why
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox requests
  hookbox requests --limit 5 --json

The first place to look when nothing arrives. The host keeps the last ones in memory, since
it was started; this asks its admin API, with the token of the data folder or of
HOOKBOX_ADMIN_TOKEN. Exit codes: 0 shown; 1 no host runs, or it cannot be asked.")]
pub struct Requests {
    /// The host's data folder
    #[arg(long, env = "HOOKBOX_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What of a host's health is told.
#[derive(serde::Deserialize)]
struct Health {
    started_at: String,
}

/// The API of a running host.
struct Api {
    base: String,
    token: String,
    agent: ureq::Agent,
}

impl Requests {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let api = Api::of(&self.data)?;
        let requests: Vec<RequestJson> = api.get(&format!("requests?limit={}", self.limit))?;
        if self.json {
            output::json(&requests)?;
            return Ok(End::Ok);
        }
        if requests.is_empty() {
            let health: Health = api.get("health")?;
            let since = output::one_line(&health.started_at);
            output::line(&format!(
                "no request was refused since the host started at {since}"
            ));
            return Ok(End::Ok);
        }
        let rows = requests.into_iter().map(|request| {
            [
                request.at,
                request.status.to_string(),
                request.method,
                request.path,
                request.reason,
                request.peer,
            ]
        });
        output::table(["time", "status", "method", "path", "reason", "peer"], rows);
        Ok(End::Ok)
    }
}

impl Api {
    /// The API of the host that serves a data folder.
    fn of(data: &std::path::Path) -> anyhow::Result<Self> {
        let shown = data.display();
        // The token goes to nobody but the host: an address that one left behind may be another program's by now.
        let served = is_served(data).with_context(|| shown.to_string())?;
        anyhow::ensure!(
            served,
            "no host serves {shown}; start one with 'hookbox serve', or name its folder with --data"
        );
        let base = noted_address(data).with_context(|| shown.to_string())?;
        let base = base.with_context(|| {
            format!("{shown}: the host has not written down its admin address; it may be starting, try again")
        })?;
        let token = match std::env::var(token::VARIABLE) {
            Ok(token) if !token.is_empty() => token,
            _ => token::read(data)?.with_context(|| {
                format!(
                    "{shown}: there is no admin token; set {} as the host has it",
                    token::VARIABLE
                )
            })?,
        };
        // To the host itself, and to no proxy.
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Ok(Self {
            base,
            token,
            agent: agent.into(),
        })
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let Self { base, token, agent } = self;
        let asked = agent
            .get(format!("{base}/{path}"))
            .header("authorization", format!("Bearer {token}"))
            .call();
        let mut answer = asked.with_context(|| format!("{base}: the host does not answer"))?;
        let status = answer.status();
        anyhow::ensure!(
            status != hyper::StatusCode::UNAUTHORIZED,
            "{base}: the host has another admin token; set {} as the host has it",
            token::VARIABLE
        );
        anyhow::ensure!(status.is_success(), "{base}: the host answers {status}");
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body.read_to_string().context("cannot read the answer")?;
        serde_json::from_str(&text).with_context(|| format!("{base}: this is no answer of a host"))
    }
}
