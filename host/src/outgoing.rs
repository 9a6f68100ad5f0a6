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
pub use tls::{read_ca_file, trusts_anybody};

use client::EntryClient;
use connect::Connector;
use hyper::Request;
use std::fmt;
use std::sync::Arc;
use tls::Roots;
use tokio::sync::OnceCell;

/// What all plugins of a host call through.
pub struct Network {
    resolver: Arc<dyn Resolve>,
    roots: Roots,
    own: OwnListeners,
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
        }
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
        let connector = |entry: &Entry| Connector {
            network: Arc::clone(network),
            tls: Arc::clone(&tls),
            reach: entry.reach,
            timeout: entry.timeout,
        };
        Self {
            clients: rules
                .entries
                .iter()
                .map(|entry| client::client(connector(entry), entry))
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
