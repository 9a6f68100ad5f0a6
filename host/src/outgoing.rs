//! Calls to others, as far as a grant allows: which requests are sent at all, which addresses are connected to, and
//! within what bounds an answer comes back.
//!
//! The first half is pure rules (`host`, `path`, `address`, `entry`), the second half the wire (`resolve`, `connect`,
//! `tls`, `client`, `body`). Neither knows of WASI, of grant files or of the ledger.

mod account;
pub mod address;
mod body;
mod client;
mod connect;
mod credential;
mod entry;
mod failed;
mod glob;
pub mod host;
mod own;
pub mod path;
mod refused;
mod resolve;
mod share;
mod tls;

pub use account::{Account, AccountError, HubEntry, hub_entry};
pub use body::{Bounded, Ended, REQUEST_BYTES_MAX, RequestBody, Unfinished};
pub use client::{Answer, ConnectionKind, Times};
pub use credential::{Credential, Form, dashed};
pub use entry::{Admitted, Entry, Rules};
pub use failed::CallError;
pub use own::OwnListeners;
pub use refused::{Refused, Why};
pub use resolve::{Resolve, SystemResolver};
pub use rustls::pki_types::CertificateDer;
pub use share::Place;
pub use tls::{read_ca_file, trusts_anybody};

use client::EntryClient;
use connect::Connector;
use hyper::Request;
use share::Places;
use std::fmt;
use std::sync::Arc;
use tls::Roots;
use tokio::sync::OnceCell;

/// The most files that calls have open at once, where a process may have many: of connections, and two of each lookup.
const FILES_MAX: usize = 1280;

/// One of so many files that a process may have open is for calls.
const FILES_PART: usize = 8;

/// How many of the files that a process may have open are for calls.
#[must_use]
pub const fn files_for_calls(files: usize) -> usize {
    let part = files / FILES_PART;
    if part < FILES_MAX { part } else { FILES_MAX }
}

/// What all plugins of a host call through.
pub struct Network {
    resolver: Arc<dyn Resolve>,
    roots: Roots,
    own: OwnListeners,
    connections: Places,
    lookups: Places,
}

impl Network {
    /// A network with this resolver, these authorities besides the system's, and these listeners of our own.
    #[must_use]
    pub fn new(
        resolver: Arc<dyn Resolve>,
        authorities: Vec<CertificateDer<'static>>,
        own: OwnListeners,
    ) -> Self {
        Self {
            resolver,
            roots: Roots::new(authorities),
            own,
            connections: Places::new(0),
            lookups: Places::new(0),
        }
        .within(FILES_MAX)
    }

    /// The same with no more files open at once than this.
    #[must_use]
    pub fn within(mut self, files: usize) -> Self {
        // A lookup that hangs has a thread besides.
        self.connections = Places::new(files / 5 * 4);
        self.lookups = Places::new(files / 20);
        self
    }

    /// Reads the authorities, if nobody has yet: better now than while a plugin waits. What keeps it from that is told
    /// in the log.
    pub async fn prepare(&self) {
        drop(self.roots.store().await);
    }
}

/// What one plugin may call, with its connections. None of them is ever used by another plugin.
pub struct Outgoing {
    rules: Rules,
    /// One for each entry.
    clients: Vec<EntryClient>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// What these rules allow, over this network.
    #[must_use]
    pub fn new(network: &Arc<Network>, rules: Rules) -> Self {
        let tls = Arc::new(OnceCell::new());
        let (connections, lookups) = (network.connections.share(), network.lookups.share());
        let connector = |entry: &Entry| Connector {
            network: Arc::clone(network),
            tls: Arc::clone(&tls),
            connections: connections.clone(),
            lookups: lookups.clone(),
            reach: entry.connects(),
            timeout: entry.timeout,
        };
        // What nobody uses leaves half of the plugin's connections for what it calls.
        let idle = network.connections.part() / 2 / rules.entries.len().max(1);
        Self {
            clients: rules
                .entries
                .iter()
                .map(|entry| client::client(connector(entry), entry, idle))
                .collect(),
            rules,
        }
    }

    /// What is allowed.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sends a request that [`Rules::judge`] admitted, and waits for the head of its answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send(
        &self,
        admitted: Admitted,
        request: Request<RequestBody>,
        times: Times,
    ) -> Result<Answer, CallError> {
        let entry = self.rules.entries.get(admitted.entry);
        let found = entry.zip(self.clients.get(admitted.entry));
        let (entry, client) = found.ok_or(CallError::Unreachable)?;
        client::send(client, entry, admitted, request, times).await
    }
}

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod wire_tests;
