//! The host's settings: flag, then environment, then file, then default; everything is checked before a socket is
//! bound.
//!
//! Every component has its own `Config`; this one composes them from one table of settings. A key that this version
//! does not enforce is refused by name, never ignored, and everything that is wrong is told at once.

mod args;
mod file;
mod layers;
mod problem;
mod setting;
mod table;
mod written;

pub use args::{Flags, NoSecret};
pub use file::{DEFAULT_FILE, FileChoice};
pub use layers::{Environment, Said};
pub use problem::{Place, Problem, Problems};
pub use setting::{AlertPlace, Key, SecretPlaces, Shown, TakenUp};

use crate::admin::token::{TokenError, VARIABLE as ADMIN_TOKEN};
use crate::admin::{AdminAddress, AdminToken};
use crate::alert::{AlertSettings, AlertUrl};
use crate::intake::IntakeConfig;
use crate::ledger::LedgerSettings;
use crate::ledger::sqlite::SqliteOptions;
use crate::loader::LoaderSettings;
use crate::outgoing::{CertificateDer, read_ca_file};
use crate::plugin::EngineConfig;
use crate::secret::{Secret, SecretError, SecretRef, SecretRefError};
use crate::server::ServerConfig;
use crate::worker::WorkerConfig;
use layers::{CONFIG_VARIABLE, Layers};
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The default address: loopback, so that nothing is open to others unless asked for.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// The variable of the default secret, as the ecosystem names it.
pub const DEFAULT_SECRET: &str = "WEBHOOK_SECRET";

/// Variables that a Space of the Hub has (Hub documentation, Spaces overview, "Helper environment variables").
const SPACE: &[&str] = &["SPACE_ID", SPACE_HOST];

/// The one that names its addresses.
const SPACE_HOST: &str = "SPACE_HOST";

/// What settings are read from. It can be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    flags: Flags,
    environment: Environment,
    file: FileChoice,
}

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The plugins folder.
    pub plugins: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The public listener's address.
    pub listen: SocketAddr,
    /// Whether it may be open to others without a secret.
    pub no_secret: NoSecret,
    /// Where the admin listener is.
    pub admin: AdminAddress,
    /// The operator's token, if it is not the host's to make.
    pub admin_token: Option<AdminToken>,
    /// What to paste into the Hub's settings; empty if unknown.
    pub public_url: String,
    /// Names under which a Space of the Hub is reached, besides the one in the address.
    pub space_hosts: Vec<String>,
    /// Whether this is a Space of the Hub.
    pub surroundings: Surroundings,
    /// What the loader takes up while the host runs, with the host's secrets.
    pub loader: LoaderSettings,
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
    /// Whom plugins' calls trust besides the system's authorities.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Where alerts are posted.
    pub alerts: AlertSettings,
    /// Where the host's secrets are read.
    pub secret_places: SecretPlaces,
    /// Every setting with its place, for telling what has changed.
    pub said: Vec<Said>,
    /// What can be used and was probably not meant.
    pub hints: Vec<Problem>,
    /// How long a first delivery is waited for before the log says what to check.
    pub hint_after: Duration,
    /// What these were read from, if a running host is to look whether it has changed.
    pub sources: Option<Sources>,
}

/// Where the host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// In a Space of the Hub.
    Space,
    /// Anywhere else.
    Elsewhere,
}

/// What came of reading settings: they can be looked at even if the host could not start with them.
#[derive(Debug)]
pub struct Reading {
    /// The settings, with the default in place of what cannot be used.
    pub config: Config,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

impl Reading {
    /// The settings, if nothing is wrong with them.
    ///
    /// # Errors
    /// All that is.
    pub fn checked(self) -> Result<Config, Problems> {
        if self.problems.is_empty() {
            Ok(self.config)
        } else {
            Err(Problems(self.problems))
        }
    }
}

impl Sources {
    /// The flags, these variables, and the file that one of them names, or else `hookbox.toml`.
    #[must_use]
    pub fn new(flags: Flags, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let environment = Environment::new(variables);
        let named = flags.config.clone();
        let named = named.or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from));
        Self {
            flags,
            environment,
            file: named.map_or(FileChoice::IfThere, FileChoice::Named),
        }
    }

    /// The same without a file.
    #[must_use]
    pub fn without_file(self) -> Self {
        Self {
            file: FileChoice::None,
            ..self
        }
    }

    /// Reads the settings and the secrets. Blocks on the file system.
    #[must_use]
    pub fn read(&self) -> Reading {
        let (file, mut problems) = match self.file.read() {
            Ok(file) => (file, Vec::new()),
            Err(problem) => (None, vec![problem]),
        };
        let parsed = file.as_ref().map(|file| {
            let (parsed, wrong) = file.parse();
            problems.extend(wrong);
            parsed
        });
        let mut layers = Layers::new(&self.flags, &self.environment, parsed, problems);
        let mut config = self.compose(&mut layers);
        let mut sources = self.clone();
        if let Some(file) = &file {
            // From now on it must be there: a file that goes is not the same as one that never was.
            sources.file = FileChoice::Named(file.path.clone());
        }
        config.sources = Some(sources);
        Reading {
            config,
            problems: layers.problems,
            file: file.map(|file| file.path),
        }
    }

    fn compose(&self, layers: &mut Layers<'_>) -> Config {
        let listen = layers.read(&table::LISTEN_ON);
        let secret_places = layers.read(&table::SECRETS);
        let loader = loader(layers, &secret_places);
        // Else a mistake would be told twice: as itself, and as a host that is open for want of a secret.
        let is_known_who_posts = layers.problems.is_empty();
        let (server, worker, engine) = bounds(layers);
        let ledger = ledger(layers);
        let mut config = Config {
            plugins: layers.read(&table::PLUGINS),
            data: layers.read(&table::DATA),
            listen,
            no_secret: self.flags.no_secret,
            admin: layers.read(&table::ADMIN),
            admin_token: self.admin_token(layers),
            public_url: layers.read(&table::PUBLIC_URL),
            space_hosts: self.space_hosts(),
            surroundings: self.surroundings(),
            loader,
            intake: intake(layers),
            server,
            worker,
            alerts: AlertSettings {
                url: alerts_url(layers),
                free_space_min: ledger.free_space_min,
            },
            ledger: SqliteOptions {
                settings: ledger,
                queue_max: count(layers.read(&table::INTAKE_QUEUE_MAX)),
                network_fs: self.flags.network_fs,
                ..SqliteOptions::default()
            },
            engine,
            authorities: authorities(layers),
            secret_places,
            said: Vec::new(),
            hints: Vec::new(),
            hint_after: layers.read(&table::HINT_AFTER),
            sources: None,
        };
        config.said = std::mem::take(&mut layers.said);
        config.hints.extend(self.unused_secret(&config));
        layers.problems.extend(config.refuse_one_address());
        if is_known_who_posts {
            layers.problems.extend(config.refuse_open(config.listen));
        }
        config
    }

    /// Tells of a default secret that is set where others were named: whoever set it may think that it counts.
    fn unused_secret(&self, config: &Config) -> Option<Problem> {
        self.environment.get(DEFAULT_SECRET)?;
        let SecretPlaces::Named(places) = &config.secret_places else {
            return None;
        };
        let place = config.place_of(table::SECRETS.key.name)?;
        let is_used = places.contains(&SecretRef::Env(DEFAULT_SECRET.to_owned()));
        (!is_used).then(|| Problem {
            subject: DEFAULT_SECRET.to_owned(),
            reason: if places.is_empty() {
                format!("it is set, and not used: {place} says that there is no secret")
            } else {
                format!("it is set, and not used: {place} names other secrets")
            },
        })
    }

    /// The operator's token: no flag, which others on the machine see, and no key of the file.
    fn admin_token(&self, layers: &mut Layers<'_>) -> Option<AdminToken> {
        let text = self.environment.get(ADMIN_TOKEN)?;
        let token = text.to_str().ok_or(TokenError::NotVisible);
        match token.and_then(AdminToken::new) {
            Ok(token) => Some(token),
            Err(error) => {
                let place = Place::Variable(ADMIN_TOKEN.to_owned());
                let reason = format!("{error}; make a good one with 'hookbox secret'");
                layers.problems.push(Problem::at(&place, reason));
                None
            }
        }
    }

    fn space_hosts(&self) -> Vec<String> {
        let hosts = self.environment.get(SPACE_HOST).and_then(OsStr::to_str);
        let hosts = hosts.unwrap_or_default().split(',').map(str::trim);
        let named = hosts.filter(|host| !host.is_empty());
        named.map(str::to_owned).collect()
    }

    fn surroundings(&self) -> Surroundings {
        if SPACE
            .iter()
            .any(|name| self.environment.get(name).is_some())
        {
            Surroundings::Space
        } else {
            Surroundings::Elsewhere
        }
    }
}

impl Config {
    /// Why a host that listens there cannot be given these settings: others could post without a secret.
    #[must_use]
    pub fn refuse_open(&self, listen: SocketAddr) -> Option<Problem> {
        let open = self.loader.secrets.is_empty() && !listen.ip().is_loopback();
        (open && self.no_secret == NoSecret::Refused).then(|| Problem {
            subject: listen.to_string(),
            reason: "open to other machines, and no webhook secret is configured; set WEBHOOK_SECRET (make one with \
                     'hookbox secret'), or say --insecure-no-secret"
                .to_owned(),
        })
    }

    /// Where the first of the host's secrets is read, if it has one.
    #[must_use]
    pub fn first_secret(&self) -> Option<SecretRef> {
        let default = || SecretRef::Env(DEFAULT_SECRET.to_owned());
        match &self.secret_places {
            SecretPlaces::Default => (!self.loader.secrets.is_empty()).then(default),
            SecretPlaces::Named(places) => places.first().cloned(),
        }
    }

    /// Why the admin listener cannot have its address: the public one takes it. Port 0 stands for any that is free.
    fn refuse_one_address(&self) -> Option<Problem> {
        let AdminAddress::Address(admin) = self.admin else {
            return None;
        };
        let unspecified = self.listen.ip().is_unspecified() || admin.ip().is_unspecified();
        let overlap = unspecified || self.listen.ip() == admin.ip();
        let taken = overlap && self.listen.port() == admin.port() && admin.port() != 0;
        taken.then(|| Problem {
            subject: format!("admin = {admin}"),
            reason: "the public listener has that address; give it another port, or say --admin same to have the \
                     admin page under /admin there"
                .to_owned(),
        })
    }

    /// Where a setting was said.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<&Place> {
        let said = self.said.iter().find(|said| said.key.name == key);
        said.map(|said| &said.place)
    }
}

fn loader(layers: &mut Layers<'_>, places: &SecretPlaces) -> LoaderSettings {
    let (secrets, unreadable) = read_secrets(places);
    let place = layers.place_of(table::SECRETS.key);
    let unreadable = unreadable
        .iter()
        .map(|error| Problem::at(&place, error.to_string()));
    layers.problems.extend(unreadable);
    LoaderSettings {
        component_bytes_max: layers.read(&table::COMPONENT_MAX).as_u64(),
        missing_grace: layers.read(&table::MISSING_GRACE),
        secrets,
    }
}

/// The bounds of listener, worker and sandboxes, some of which are the same setting.
fn bounds(layers: &mut Layers<'_>) -> (ServerConfig, WorkerConfig, EngineConfig) {
    let drain = layers.read(&table::DRAIN);
    let concurrency = layers.read(&table::CONCURRENCY);
    let server = ServerConfig {
        connections_max: count(layers.read(&table::CONNECTIONS_MAX)),
        drain,
        head_time_max: layers.read(&table::HEAD_TIME_MAX),
        write_time_max: layers.read(&table::WRITE_TIME_MAX),
        connection_age_max: layers.read(&table::CONNECTION_AGE_MAX),
    };
    let worker = WorkerConfig {
        concurrency: count(concurrency),
        drain,
    };
    let engine = EngineConfig {
        concurrency,
        memory_bytes_max: bytes(layers.read(&table::MEMORY_MAX)),
    };
    (server, worker, engine)
}

fn intake(layers: &mut Layers<'_>) -> IntakeConfig {
    let defaults = IntakeConfig::default();
    let body_bytes_max = bytes(layers.read(&table::BODY_MAX));
    IntakeConfig {
        body_bytes_max,
        body_time_max: layers.read(&table::BODY_TIME_MAX),
        on_unparsable: layers.read(&table::ON_UNPARSABLE),
        bodies_bytes_max: defaults.bodies_bytes_max.max(body_bytes_max),
        ..defaults
    }
}

fn ledger(layers: &mut Layers<'_>) -> LedgerSettings {
    LedgerSettings {
        dedup_window: layers.read(&table::DEDUP_WINDOW),
        on_duplicate: layers.read(&table::ON_DUPLICATE),
        backlog_bytes_max: layers.read(&table::BACKLOG_MAX).as_u64(),
        backlog_runs_per_plugin: layers.read(&table::BACKLOG_RUNS_PER_PLUGIN).into(),
        park_runs: layers.read(&table::PARK_RUNS).into(),
        park_for: layers.read(&table::PARK_FOR),
        free_space_min: layers.read(&table::FREE_SPACE_MIN).as_u64(),
        retain: layers.read(&table::RETAIN),
        retain_bytes: layers.read(&table::RETAIN_BYTES).as_u64(),
    }
}

fn alerts_url(layers: &mut Layers<'_>) -> Option<AlertUrl> {
    match layers.read(&table::ALERTS_URL) {
        AlertPlace::None => None,
        AlertPlace::Url(url) => Some(url),
        AlertPlace::Kept(kept) => {
            let read = kept.read_text().map_err(|error| error.to_string());
            let url = read.and_then(|text| {
                AlertUrl::parse(&text).map_err(|error| format!("{kept}: {error}"))
            });
            let place = layers.place_of(table::ALERTS_URL.key);
            url.map_err(|reason| layers.problems.push(Problem::at(&place, reason)))
                .ok()
        }
    }
}

/// Blocks on the file system.
fn authorities(layers: &mut Layers<'_>) -> Vec<CertificateDer<'static>> {
    let file = layers.read(&table::CA_FILE);
    if file.as_os_str().is_empty() {
        return Vec::new();
    }
    read_ca_file(&file).unwrap_or_else(|reason| {
        let place = layers.place_of(table::CA_FILE.key);
        let reason = format!("{}: {reason}", file.display());
        layers.problems.push(Problem::at(&place, reason));
        Vec::new()
    })
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn bytes(size: bytesize::ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

/// An unset `WEBHOOK_SECRET` is no secret where nothing was said of secrets; any place that was named must be
/// readable. Blocks on the file system.
fn read_secrets(places: &SecretPlaces) -> (Vec<Secret>, Vec<SecretRefError>) {
    let (mut secrets, mut unreadable) = (Vec::new(), Vec::new());
    let (places, may_be_unset) = match places {
        SecretPlaces::Default => (&[SecretRef::Env(DEFAULT_SECRET.to_owned())][..], true),
        SecretPlaces::Named(places) => (places.as_slice(), false),
    };
    for place in places {
        match place.read() {
            Ok(secret) => secrets.push(secret),
            Err(SecretRefError::Unset { .. }) if may_be_unset => {}
            // An empty variable is as good as none.
            Err(SecretRefError::Bad { error, .. })
                if may_be_unset && error == SecretError::Empty => {}
            Err(error) => unreadable.push(error),
        }
    }
    (secrets, unreadable)
}

#[cfg(test)]
mod tests;
