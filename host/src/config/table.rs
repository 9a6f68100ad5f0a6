//! The table of all settings: each is a flag, a variable and a key of the file, and stands here once.

use super::setting::{AlertPlace, Ecosystem, Key, SecretPlaces, Setting};
use super::written::Written;
use super::{LISTEN, problem::LaterKey};
use crate::admin::AdminAddress;
use crate::intake::OnUnparsable;
use crate::ledger::OnDuplicate;
use bytesize::ByteSize;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The folder of plugins and grants.
pub const PLUGINS: Setting<PathBuf> = Setting {
    key: &Key::new(
        "plugins",
        "DIR",
        "Folder of plugins (NAME.wasm) and their grants (NAME.toml) [default: plugins]",
    ),
    default: || PathBuf::from("plugins"),
    read: |written| written.path(),
    ecosystem: None,
};

/// The folder of the ledger.
pub const DATA: Setting<PathBuf> = Setting {
    key: &Key::new(
        "data",
        "DIR",
        "Folder of the ledger; made if it is not there [default: data]",
    ),
    default: || PathBuf::from("data"),
    read: |written| written.path(),
    ecosystem: None,
};

/// The public listener's address.
pub const LISTEN_ON: Setting<SocketAddr> = Setting {
    key: &Key::new(
        "listen",
        "ADDR",
        "Address of the public listener [default: 127.0.0.1:8000, or 0.0.0.0:$PORT]",
    ),
    default: || LISTEN,
    read: |written| written.address(),
    ecosystem: Some(Ecosystem {
        variable: "PORT",
        read: |port| {
            let port = port.to_str().and_then(|port| port.parse().ok());
            let port = port.ok_or("not a port number; write PORT=8000")?;
            Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        },
    }),
};

/// The admin listener's address.
pub const ADMIN: Setting<AdminAddress> = Setting {
    key: &Key::new(
        "admin",
        "ADDR",
        "Address of the admin page and API, or `same`: under /admin on the public listener [default: 127.0.0.1:8001]",
    )
    .private(),
    default: || AdminAddress::DEFAULT,
    read: |written| written.admin(),
    ecosystem: None,
};

/// Where the host's secrets are read.
pub const SECRETS: Setting<SecretPlaces> = Setting {
    key: &Key::new(
        "secrets",
        "REF",
        "Where secrets are read: env:NAME or file:PATH, several by commas [default: env:WEBHOOK_SECRET]",
    )
    .live()
    .private(),
    default: || SecretPlaces::Default,
    read: |written| written.secrets(),
    ecosystem: None,
};

/// What to paste into the Hub's settings.
pub const PUBLIC_URL: Setting<String> = Setting {
    key: &Key::new(
        "public-url",
        "URL",
        "Address that the Hub reaches this host at, shown on the landing page [default: from $SPACE_HOST]",
    )
    .private(),
    default: String::new,
    read: |written| written.url(),
    ecosystem: Some(Ecosystem {
        variable: "SPACE_HOST",
        read: |host| {
            // With a custom domain there are several, the Space's own first.
            let hosts = host.to_str().ok_or("not Unicode text")?;
            let first = hosts.split(',').next().unwrap_or_default().trim();
            Written::Text(OsStr::new(&format!("https://{first}"))).url()
        },
    }),
};

/// Attempts at once.
pub const CONCURRENCY: Setting<u32> = Setting {
    key: &Key::new(
        "concurrency",
        "N",
        "Attempts at once, over all plugins [default: 32]",
    ),
    default: || 32,
    read: |written| written.number(1..=1024),
    ecosystem: None,
};

/// The largest body.
pub const BODY_MAX: Setting<ByteSize> = Setting {
    key: &Key::new("body-max", "SIZE", "Largest body [default: 16MiB]").live(),
    default: || ByteSize::mib(16),
    read: |written| written.bytes(ByteSize::b(1)..=ByteSize::gib(1)),
    ecosystem: None,
};

/// Connections at once.
pub const CONNECTIONS_MAX: Setting<u32> = Setting {
    key: &Key::new(
        "connections-max",
        "N",
        "Connections at once [default: 1024]",
    ),
    default: || 1024,
    read: |written| written.number(1..=1_000_000),
    ecosystem: None,
};

/// How long a delivery is known by its `Webhook-Id`.
pub const DEDUP_WINDOW: Setting<Duration> = Setting {
    key: &Key::new(
        "dedup-window",
        "TIME",
        "How long a delivery is known by its Webhook-Id [default: 7d]",
    )
    .live(),
    default: || Duration::from_secs(7 * 24 * 60 * 60),
    read: |written| written.time(),
    ecosystem: None,
};

/// What a delivery that comes again has run.
pub const ON_DUPLICATE: Setting<OnDuplicate> = Setting {
    key: &Key::new(
        "on-duplicate",
        "WHAT",
        "What a delivery that comes again has run: `fill` (dead runs and new plugins), `ignore` or `rerun` [default: fill]",
    )
    .live(),
    default: || OnDuplicate::Fill,
    read: |written| written.one_of(OnDuplicate::ALL, |what| what.as_str()),
    ecosystem: None,
};

/// What becomes of a body that is no event.
pub const ON_UNPARSABLE: Setting<OnUnparsable> = Setting {
    key: &Key::new(
        "on-unparsable",
        "WHAT",
        "What becomes of a body that is no event: `reject`, or `accept` it and keep it as dead [default: reject]",
    )
    .live(),
    default: || OnUnparsable::Reject,
    read: |written| written.one_of(OnUnparsable::ALL, |what| what.as_str()),
    ecosystem: None,
};

/// Bytes of payloads that may wait.
pub const BACKLOG_MAX: Setting<ByteSize> = Setting {
    key: &Key::new(
        "backlog-max",
        "SIZE",
        "Payload bytes of runs that wait for an attempt; over it the answer is 503 [default: 4GiB]",
    )
    .live(),
    default: || ByteSize::gib(4),
    read: |written| written.bytes(ByteSize::b(1)..=ByteSize::tib(64)),
    ecosystem: None,
};

/// Runs of one plugin that may wait.
pub const BACKLOG_RUNS_PER_PLUGIN: Setting<u32> = Setting {
    key: &Key::new(
        "backlog-runs-per-plugin",
        "N",
        "Runs of one plugin that may wait; over it its new ones are dead from the start [default: 100000]",
    )
    .live(),
    default: || 100_000,
    read: |written| written.number(1..=100_000_000),
    ecosystem: None,
};

/// Parked runs of one plugin.
pub const PARK_RUNS: Setting<u32> = Setting {
    key: &Key::new(
        "park-runs",
        "N",
        "Parked runs of one plugin; over it the oldest become dead [default: 10000]",
    )
    .live(),
    default: || 10_000,
    read: |written| written.number(1..=100_000_000),
    ecosystem: None,
};

/// How long a run is parked.
pub const PARK_FOR: Setting<Duration> = Setting {
    key: &Key::new(
        "park-for",
        "TIME",
        "How long a run is parked before it becomes dead [default: 7d]",
    )
    .live(),
    default: || Duration::from_secs(7 * 24 * 60 * 60),
    read: |written| written.time(),
    ecosystem: None,
};

/// Bytes that must stay free.
pub const FREE_SPACE_MIN: Setting<ByteSize> = Setting {
    key: &Key::new(
        "free-space-min",
        "SIZE",
        "Free space on the data folder's disk, below which the answer is 503 [default: 256MiB]",
    )
    .live(),
    default: || ByteSize::mib(256),
    read: |written| written.bytes(ByteSize::b(0)..=ByteSize::tib(64)),
    ecosystem: None,
};

/// How long settled deliveries are kept.
pub const RETAIN: Setting<Duration> = Setting {
    key: &Key::new(
        "retain",
        "TIME",
        "Age at which a delivery goes, once its runs have ended [default: 30d]",
    )
    .live(),
    default: || Duration::from_secs(30 * 24 * 60 * 60),
    read: |written| written.time(),
    ecosystem: None,
};

/// Bytes that the ledger may hold.
pub const RETAIN_BYTES: Setting<ByteSize> = Setting {
    key: &Key::new(
        "retain-bytes",
        "SIZE",
        "Size of the ledger, over which the oldest deliveries whose runs have ended go [default: 10GiB]",
    )
    .live(),
    default: || ByteSize::gib(10),
    read: |written| written.bytes(ByteSize::b(1)..=ByteSize::tib(64)),
    ecosystem: None,
};

/// The largest memory that a grant may give.
pub const MEMORY_MAX: Setting<ByteSize> = Setting {
    key: &Key::new(
        "memory-max",
        "SIZE",
        "Largest memory that a grant may give [default: 256MiB]",
    ),
    default: || ByteSize::mib(256),
    read: |written| written.bytes(ByteSize::mib(1)..=ByteSize::gib(4)),
    ecosystem: None,
};

/// The largest component.
pub const COMPONENT_MAX: Setting<ByteSize> = Setting {
    key: &Key::new(
        "component-max",
        "SIZE",
        "Largest component [default: 64MiB]",
    )
    .live(),
    default: || ByteSize::mib(64),
    read: |written| written.bytes(ByteSize::b(1)..=ByteSize::gib(1)),
    ecosystem: None,
};

/// How long a plugin whose file has gone still gets runs.
pub const MISSING_GRACE: Setting<Duration> = Setting {
    key: &Key::new(
        "missing-grace",
        "TIME",
        "How long a plugin whose file has gone still gets runs, which wait for it [default: 10m]",
    )
    .live(),
    default: || Duration::from_secs(600),
    read: |written| written.time(),
    ecosystem: None,
};

/// Authorities besides the system's.
pub const CA_FILE: Setting<PathBuf> = Setting {
    key: &Key::new(
        "ca-file",
        "FILE",
        "Certificate authorities to trust besides the system's when plugins call others, in PEM [default: none]",
    ),
    default: PathBuf::new,
    read: |written| written.file_or_none(),
    ecosystem: None,
};

/// How long requests and attempts may go on at the end.
pub const DRAIN: Setting<Duration> = Setting {
    key: &Key::new(
        "drain",
        "TIME",
        "How long requests and attempts may go on once the host is told to stop [default: 25s]",
    ),
    default: || Duration::from_secs(25),
    read: |written| written.time(),
    ecosystem: None,
};

/// How many deliveries may wait to be recorded.
pub const INTAKE_QUEUE_MAX: Setting<u32> = Setting {
    key: &Key::new(
        "intake-queue-max",
        "N",
        "How many deliveries may wait to be recorded; one more is answered 503 [default: 1024]",
    )
    .for_testers(),
    default: || 1024,
    read: |written| written.number(1..=1_000_000),
    ecosystem: None,
};

/// How long a request's head may take.
pub const HEAD_TIME_MAX: Setting<Duration> = Setting {
    key: &Key::new(
        "head-time-max",
        "TIME",
        "How long a request's head may take to come in, and a kept connection be idle [default: 10s]",
    )
    .for_testers(),
    default: || Duration::from_secs(10),
    read: |written| written.time(),
    ecosystem: None,
};

/// How long a body may take.
pub const BODY_TIME_MAX: Setting<Duration> = Setting {
    key: &Key::new(
        "body-time-max",
        "TIME",
        "How long a body may take to come in [default: 30s]",
    )
    .for_testers(),
    default: || Duration::from_secs(30),
    read: |written| written.time(),
    ecosystem: None,
};

/// How long a sender may take to read an answer.
pub const WRITE_TIME_MAX: Setting<Duration> = Setting {
    key: &Key::new(
        "write-time-max",
        "TIME",
        "How long a sender may take to read an answer, or each MiB of a long one [default: 30s]",
    )
    .for_testers(),
    default: || Duration::from_secs(30),
    read: |written| written.time(),
    ecosystem: None,
};

/// The age of a connection.
pub const CONNECTION_AGE_MAX: Setting<Duration> = Setting {
    key: &Key::new(
        "connection-age-max",
        "TIME",
        "The age at which a connection is closed after the request under way [default: 5m]",
    )
    .for_testers(),
    default: || Duration::from_secs(5 * 60),
    read: |written| written.time(),
    ecosystem: None,
};

/// How long a first delivery is waited for.
pub const HINT_AFTER: Setting<Duration> = Setting {
    key: &Key::new(
        "hint-after",
        "TIME",
        "How long a first delivery is waited for before the log says what to check [default: 60s]",
    )
    .for_testers(),
    default: || Duration::from_secs(60),
    read: |written| written.time(),
    ecosystem: None,
};

/// Where alerts are posted.
pub const ALERTS_URL: Setting<AlertPlace> = Setting {
    key: &Key::new(
        "alerts-url",
        "URL",
        "Address that alerts are posted to, or where that is kept: env:NAME or file:PATH [default: none]",
    )
    .live()
    .private(),
    default: || AlertPlace::None,
    read: |written| written.alerts(),
    ecosystem: None,
};

/// All keys, as the help shows them.
pub const KEYS: &[&Key] = &[
    PLUGINS.key,
    DATA.key,
    LISTEN_ON.key,
    ADMIN.key,
    SECRETS.key,
    PUBLIC_URL.key,
    CONCURRENCY.key,
    BODY_MAX.key,
    CONNECTIONS_MAX.key,
    DEDUP_WINDOW.key,
    ON_DUPLICATE.key,
    ON_UNPARSABLE.key,
    BACKLOG_MAX.key,
    BACKLOG_RUNS_PER_PLUGIN.key,
    PARK_RUNS.key,
    PARK_FOR.key,
    MEMORY_MAX.key,
    COMPONENT_MAX.key,
    MISSING_GRACE.key,
    FREE_SPACE_MIN.key,
    RETAIN.key,
    RETAIN_BYTES.key,
    DRAIN.key,
    CA_FILE.key,
    ALERTS_URL.key,
    INTAKE_QUEUE_MAX.key,
    HEAD_TIME_MAX.key,
    BODY_TIME_MAX.key,
    WRITE_TIME_MAX.key,
    CONNECTION_AGE_MAX.key,
    HINT_AFTER.key,
];

/// The table of the file in which `alerts-url` stands, as `url`.
pub const ALERTS: &str = "alerts";

/// Keys of the design that this version does not enforce.
pub const LATER: &[LaterKey] = &[LaterKey {
    name: "ledger",
    reason: "this version of hookbox has the embedded ledger only; leave it out",
}];

/// What a variable says, and never the file: which file that is.
pub const NOT_IN_FILE: &[&str] = &["config", "admin-token"];

/// What only a flag can say: neither a file nor a variable that somebody else set may open a host.
pub const FLAGS_ONLY: &[&str] = &["insecure-no-secret", "allow-network-fs"];

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
