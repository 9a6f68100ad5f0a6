//! The settings of `serve` as they are written: flags, or environment variables.

use bytesize::ByteSize;
use clap::{Args as _, FromArgMatches as _};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of `serve`, as flags and environment variables.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Folder of plugins (NAME.wasm) and their grants (NAME.toml)
    #[arg(
        long,
        env = "HOOKBOX_PLUGINS",
        value_name = "DIR",
        default_value = "plugins"
    )]
    pub plugins: PathBuf,
    /// Folder of the ledger; made if it is not there
    #[arg(long, env = "HOOKBOX_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Address of the public listener [default: 127.0.0.1:8000, or 0.0.0.0:$PORT]
    #[arg(long, env = "HOOKBOX_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where secrets are read: env:NAME or file:PATH, several by commas [default: env:WEBHOOK_SECRET]
    #[arg(
        long,
        env = "HOOKBOX_SECRETS",
        value_name = "REF",
        value_delimiter = ','
    )]
    pub secrets: Vec<String>,
    /// Address that the Hub reaches this host at, shown on the landing page [default: from $SPACE_HOST]
    #[arg(
        long,
        env = "HOOKBOX_PUBLIC_URL",
        value_name = "URL",
        default_value = ""
    )]
    pub public_url: String,
    /// Serve other machines without a webhook secret: anybody can then post deliveries
    #[arg(long)]
    pub insecure_no_secret: bool,
    /// Attempts at once, over all plugins
    #[arg(long, env = "HOOKBOX_CONCURRENCY", value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub concurrency: u32,
    /// Largest body
    #[arg(
        long,
        env = "HOOKBOX_BODY_MAX",
        value_name = "SIZE",
        default_value = "16MiB"
    )]
    pub body_max: ByteSize,
    /// Connections at once
    #[arg(long, env = "HOOKBOX_CONNECTIONS_MAX", value_name = "N", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,
    /// How long a delivery is known by its Webhook-Id
    #[arg(long, env = "HOOKBOX_DEDUP_WINDOW", value_name = "TIME", default_value = "7d",
          value_parser = bounded_duration)]
    pub dedup_window: Duration,
    /// Largest memory that a grant may give
    #[arg(
        long,
        env = "HOOKBOX_MEMORY_MAX",
        value_name = "SIZE",
        default_value = "256MiB"
    )]
    pub memory_max: ByteSize,
    /// Largest component
    #[arg(
        long,
        env = "HOOKBOX_COMPONENT_MAX",
        value_name = "SIZE",
        default_value = "64MiB"
    )]
    pub component_max: ByteSize,
    /// How long a plugin whose file has gone still gets runs, which wait for it
    #[arg(long, env = "HOOKBOX_MISSING_GRACE", value_name = "TIME", default_value = "10m",
          value_parser = bounded_duration)]
    pub missing_grace: Duration,
    /// How long requests and attempts may go on once the host is told to stop
    #[arg(long, env = "HOOKBOX_DRAIN", value_name = "TIME", default_value = "25s",
          value_parser = bounded_duration)]
    pub drain: Duration,
    /// How many deliveries may wait to be recorded; one more is answered 503
    #[arg(long, env = "HOOKBOX_INTAKE_QUEUE_MAX", value_name = "N", default_value_t = 1024, hide = true,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub intake_queue_max: u32,
    /// How long a request's head may take to come in, and a kept connection be idle
    #[arg(long, env = "HOOKBOX_HEAD_TIME_MAX", value_name = "TIME", default_value = "10s", hide = true,
          value_parser = bounded_duration)]
    pub head_time_max: Duration,
    /// How long a body may take to come in
    #[arg(long, env = "HOOKBOX_BODY_TIME_MAX", value_name = "TIME", default_value = "30s", hide = true,
          value_parser = bounded_duration)]
    pub body_time_max: Duration,
    /// How long a sender may take to read an answer, or each MiB of a long one
    #[arg(long, env = "HOOKBOX_WRITE_TIME_MAX", value_name = "TIME", default_value = "30s", hide = true,
          value_parser = bounded_duration)]
    pub write_time_max: Duration,
    /// The age at which a connection is closed after the request under way
    #[arg(long, env = "HOOKBOX_CONNECTION_AGE_MAX", value_name = "TIME", default_value = "5m", hide = true,
          value_parser = bounded_duration)]
    pub connection_age_max: Duration,
    /// The admin listener, which this version does not have
    #[arg(long, value_name = "ADDR", hide = true)]
    pub admin: Option<String>,
    /// A configuration file, which this version does not read
    #[arg(long, value_name = "FILE", hide = true)]
    pub config: Option<PathBuf>,
    /// Where the ledger is, for many hosts
    #[arg(long, env = "HOOKBOX_LEDGER", value_name = "URL", hide = true)]
    pub ledger: Option<String>,
}

impl ServeArgs {
    /// The settings that these flags and the environment give.
    ///
    /// # Errors
    /// What `serve` itself would say of them.
    pub fn of(flags: &[&OsStr]) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("serve").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }
}

/// A duration of at least a millisecond and at most a year.
fn bounded_duration(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(1)..=Duration::from_secs(366 * 24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) => Err("not between 1ms and a year".to_owned()),
        Err(_) => Err("not a duration; write `30s`, `5m` or `7d`".to_owned()),
    }
}
