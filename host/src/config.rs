//! The host's settings: flag, then environment, then default; everything is checked before a socket is bound.
//!
//! Every component has its own `Config`; this one composes them. A setting that this version does not enforce is
//! refused by name, never ignored.

mod args;

pub use args::ServeArgs;

use crate::intake::IntakeConfig;
use crate::ledger::sqlite::SqliteOptions;
use crate::plugin::EngineConfig;
use crate::secret::{Secret, SecretRef, SecretRefError};
use crate::server::ServerConfig;
use crate::spelling::nearest;
use crate::worker::WorkerConfig;
use bytesize::ByteSize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The default address: loopback, so that nothing is open to others unless asked for.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// The variable of the default secret, as the ecosystem names it.
const DEFAULT_SECRET: &str = "WEBHOOK_SECRET";

/// What all settings' variables begin with.
const PREFIX: &str = "HOOKBOX_";

/// Settings of the design that this version does not enforce.
const LATER: &[&str] = &[
    "admin",
    "admin-token",
    "config",
    "on-duplicate",
    "on-unparsable",
    "backlog-max",
    "backlog-runs-per-plugin",
    "park-runs",
    "park-for",
    "free-space-min",
    "retain",
    "retain-bytes",
    "alerts-url",
];

/// Checked settings.
#[derive(Debug)]
pub struct Config {
    /// The plugins folder.
    pub plugins: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The public listener's address.
    pub listen: SocketAddr,
    /// The host's secrets; none on a loopback address, or where told so.
    pub secrets: Vec<Secret>,
    /// What to paste into the Hub's settings; empty if unknown.
    pub public_url: String,
    /// The largest component, in bytes.
    pub component_bytes_max: u64,
    /// How long a plugin whose file has gone still gets (parked) runs.
    pub missing_grace: Duration,
    /// Bounds of intake.
    pub intake: IntakeConfig,
    /// Bounds of the listener.
    pub server: ServerConfig,
    /// Bounds of the worker.
    pub worker: WorkerConfig,
    /// Bounds of the ledger.
    pub ledger: SqliteOptions,
    /// Bounds of the sandboxes.
    pub engine: EngineConfig,
}

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting that this version does not enforce.
    #[error("{variable}: `{key}` is not enforced by this version of hookbox; leave it out")]
    Later {
        /// The environment variable or flag.
        variable: String,
        /// The key.
        key: &'static str,
    },
    /// A variable that is no setting.
    #[error("{variable}: there is no such setting{nearest}")]
    Unknown {
        /// The environment variable.
        variable: String,
        /// `; did you mean …?`, or empty.
        nearest: String,
    },
    /// A configuration file lies there and is not read.
    #[error(
        "{}: configuration files are not read by this version of hookbox; use flags or HOOKBOX_* variables and \
         move the file away", path.display()
    )]
    File {
        /// Its path.
        path: PathBuf,
    },
    /// Another ledger than the embedded one.
    #[error(
        "--ledger {url}: this version of hookbox has the embedded ledger only; leave --ledger out"
    )]
    Ledger {
        /// The URL, without what may be a password.
        url: String,
    },
    /// `PORT` is not a port.
    #[error("PORT={port}: not a port number; write PORT=8000")]
    Port {
        /// Its value.
        port: String,
    },
    /// A secret cannot be had.
    #[error("secrets: {0}")]
    Secret(#[from] SecretRefError),
    /// Others could post without a secret.
    #[error(
        "{listen} is open to other machines and no webhook secret is configured; set WEBHOOK_SECRET (make one with \
         'hookbox secret'), or say --insecure-no-secret"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// A number is out of its range.
    #[error("{key}: {value} is not in {range}")]
    Range {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        range: &'static str,
    },
}

impl Config {
    /// Checks the settings. `environment` holds the process's variables.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, what is wrong and what to do.
    pub fn new(
        args: ServeArgs,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let environment: Vec<_> = environment.into_iter().collect();
        let variable = |name: &str| {
            let found = environment.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        refuse_unknown(environment.iter().map(|(key, _)| key.as_str()))?;
        for (given, flag, key) in [
            (args.admin.is_some(), "--admin", "admin"),
            (args.config.is_some(), "--config", "config"),
        ] {
            if given {
                return Err(ConfigError::Later {
                    variable: flag.to_owned(),
                    key,
                });
            }
        }
        let file = PathBuf::from("hookbox.toml");
        if file.exists() {
            return Err(ConfigError::File { path: file });
        }
        if let Some(url) = args.ledger {
            let scheme = url.split("://").next().unwrap_or_default();
            return Err(ConfigError::Ledger {
                url: format!("{scheme}://…"),
            });
        }
        let listen = match (args.listen, variable("PORT")) {
            (Some(listen), _) => listen,
            (None, Some(port)) => SocketAddr::new(
                Ipv4Addr::UNSPECIFIED.into(),
                port.parse().map_err(|_| ConfigError::Port {
                    port: port.to_owned(),
                })?,
            ),
            (None, None) => LISTEN,
        };
        let secrets = read_secrets(&args.secrets)?;
        if secrets.is_empty() && !listen.ip().is_loopback() && !args.insecure_no_secret {
            return Err(ConfigError::Open { listen });
        }
        let public_url = match (args.public_url, variable("SPACE_HOST")) {
            (url, Some(host)) if url.is_empty() => format!("https://{host}"),
            (url, _) => url,
        };
        let concurrency = usize::try_from(args.concurrency).unwrap_or(usize::MAX);
        let body_bytes_max = within("body-max", args.body_max, 1, 1 << 30, "1B..=1GiB")?;
        let defaults = IntakeConfig::default();
        Ok(Self {
            plugins: args.plugins,
            data: args.data,
            listen,
            secrets,
            public_url,
            component_bytes_max: args.component_max.as_u64(),
            missing_grace: args.missing_grace,
            intake: IntakeConfig {
                body_bytes_max,
                body_time_max: args.body_time_max,
                bodies_bytes_max: defaults.bodies_bytes_max.max(body_bytes_max),
                ..defaults
            },
            server: ServerConfig {
                connections_max: usize::try_from(args.connections_max).unwrap_or(usize::MAX),
                drain: args.drain,
                head_time_max: args.head_time_max,
                write_time_max: args.write_time_max,
                connection_age_max: args.connection_age_max,
            },
            worker: WorkerConfig {
                concurrency,
                drain: args.drain,
            },
            ledger: SqliteOptions {
                dedup_window: args.dedup_window,
                queue_max: usize::try_from(args.intake_queue_max).unwrap_or(usize::MAX),
                ..SqliteOptions::default()
            },
            engine: EngineConfig {
                concurrency: args.concurrency,
                memory_bytes_max: within(
                    "memory-max",
                    args.memory_max,
                    1 << 20,
                    4 << 30,
                    "1MiB..=4GiB",
                )?,
            },
        })
    }
}

fn within(
    key: &'static str,
    size: ByteSize,
    min: u64,
    max: u64,
    range: &'static str,
) -> Result<usize, ConfigError> {
    usize::try_from(size.as_u64())
        .ok()
        .filter(|_| (min..=max).contains(&size.as_u64()))
        .ok_or_else(|| ConfigError::Range {
            key,
            value: size.to_string(),
            range,
        })
}

/// An unset `WEBHOOK_SECRET` is no secret where nothing was said of secrets; any reference that was given must be
/// readable.
fn read_secrets(references: &[String]) -> Result<Vec<Secret>, ConfigError> {
    if references.is_empty() {
        return match SecretRef::Env(DEFAULT_SECRET.to_owned()).read() {
            Ok(secret) => Ok(vec![secret]),
            Err(SecretRefError::Unset { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        };
    }
    references
        .iter()
        .map(|reference| Ok(reference.parse::<SecretRef>()?.read()?))
        .collect()
}

fn refuse_unknown<'a>(variables: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
    let known = known_keys();
    for variable in variables {
        let Some(key) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let key = key.to_ascii_lowercase().replace('_', "-");
        if let Some(later) = LATER.iter().find(|later| **later == key) {
            return Err(ConfigError::Later {
                variable: variable.to_owned(),
                key: later,
            });
        }
        if !known.contains(&key) {
            return Err(ConfigError::Unknown {
                variable: variable.to_owned(),
                nearest: nearest(&key, known.iter().map(String::as_str)).map_or_else(
                    String::new,
                    |key| {
                        let variable = key.to_ascii_uppercase().replace('-', "_");
                        format!("; did you mean {PREFIX}{variable}?")
                    },
                ),
            });
        }
    }
    Ok(())
}

/// The keys that have a variable, read off the flags themselves.
fn known_keys() -> Vec<String> {
    use clap::Args as _;
    ServeArgs::augment_args(clap::Command::new("serve"))
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str()?.strip_prefix(PREFIX))
        .map(|key| key.to_ascii_lowercase().replace('_', "-"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn config(flags: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
        let flags: Vec<&OsStr> = flags.iter().map(OsStr::new).collect();
        let args = ServeArgs::of(&flags).map_err(|error| error.to_string())?;
        let environment = environment
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        Config::new(args, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_comes_from_the_flag_then_from_port_then_from_the_default() {
        let listen = |flags: &[&str], environment: &[(&str, &str)]| {
            config(flags, environment).unwrap().listen.to_string()
        };
        assert_eq!(listen(&[], &[]), "127.0.0.1:8000");
        assert_eq!(
            listen(&["--insecure-no-secret"], &[("PORT", "7860")]),
            "0.0.0.0:7860"
        );
        assert_eq!(
            listen(&["--listen", "127.0.0.1:9"], &[("PORT", "7860")]),
            "127.0.0.1:9"
        );
        assert_eq!(
            config(&[], &[("PORT", "x")]).unwrap_err(),
            "PORT=x: not a port number; write PORT=8000"
        );
    }

    #[test]
    fn other_machines_need_a_secret_or_a_word() {
        let error = config(&["--listen", "0.0.0.0:1"], &[]).unwrap_err();
        assert!(error.contains("no webhook secret is configured"), "{error}");
        assert!(config(&["--listen", "0.0.0.0:1", "--insecure-no-secret"], &[]).is_ok());
    }

    #[test]
    fn what_is_not_enforced_or_not_known_is_refused_by_name() {
        assert_eq!(
            config(&[], &[("HOOKBOX_RETAIN", "30d")]).unwrap_err(),
            "HOOKBOX_RETAIN: `retain` is not enforced by this version of hookbox; leave it out"
        );
        assert_eq!(
            config(&[], &[("HOOKBOX_LISTN", "x")]).unwrap_err(),
            "HOOKBOX_LISTN: there is no such setting; did you mean HOOKBOX_LISTEN?"
        );
        let error = config(&["--ledger", "postgres://u:hunter2@h/d"], &[]).unwrap_err();
        assert!(error.starts_with("--ledger postgres://…: ") && !error.contains("hunter2"));
    }

    #[test]
    fn a_space_knows_its_address() {
        let url = |flags: &[&str]| {
            config(flags, &[("SPACE_HOST", "me-x.hf.space")])
                .unwrap()
                .public_url
        };
        assert_eq!(url(&[]), "https://me-x.hf.space");
        assert_eq!(
            url(&["--public-url", "https://x.example"]),
            "https://x.example"
        );
    }

    #[test]
    fn a_secret_that_was_named_must_be_readable() {
        let error = config(&["--secrets", "file:/nonexistent/secret"], &[]).unwrap_err();
        assert!(
            error.starts_with("secrets: file:/nonexistent/secret: "),
            "{error}"
        );
        let error = config(&["--secrets", "hunter2"], &[]).unwrap_err();
        assert!(!error.contains("hunter2"));
    }
}
