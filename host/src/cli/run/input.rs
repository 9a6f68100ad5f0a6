//! What `hookbox run` hands to the plugin: an event as if it had just come, or a delivery out of a ledger as it came.

use crate::cli::event::Source;
use crate::clock::now_ms;
use crate::delivery::{DeliveryId, RunId};
use crate::event::Event;
use crate::ledger::Payload;
use crate::ledger::sqlite::SqliteReader;
use crate::plugin::sandbox::Invocation;
use crate::scope::SeenEvent;
use anyhow::Context as _;
use std::path::Path;

/// Where the event comes from.
pub enum Input {
    /// A sample, a file or standard input, read for each run.
    Event(Source),
    /// A delivery. It was read once: what a ledger holds of it does not change.
    Delivery(Box<Delivery>),
}

/// A delivery out of a ledger.
pub struct Delivery {
    id: DeliveryId,
    received_ms: u64,
    payload: Payload,
}

impl Input {
    /// Reads a delivery from the ledger in a data folder.
    ///
    /// # Errors
    /// There is no such ledger or delivery, or its payload is gone.
    pub fn of_delivery(data: &Path, id: &str) -> anyhow::Result<Self> {
        let id: DeliveryId = id.parse()?;
        let found = SqliteReader::open(data)?.delivery(id)?;
        let found = found.with_context(|| {
            let data = data.display();
            format!("{id}: there is no such delivery in {data} (see 'hookbox deliveries list')")
        })?;
        let payload = found
            .payload
            .with_context(|| format!("{id}: its payload is not kept any more"))?;
        Ok(Self::Delivery(Box::new(Delivery {
            id,
            received_ms: found.received_ms,
            payload,
        })))
    }

    /// The body, and what it says.
    ///
    /// # Errors
    /// It cannot be read, or is no event.
    pub fn read(&self) -> anyhow::Result<(Vec<u8>, Event)> {
        let (body, shown) = match self {
            Self::Event(source) => (source.read()?, source.shown()),
            Self::Delivery(delivery) => (delivery.payload.body.to_vec(), delivery.id.to_string()),
        };
        let event = Event::parse(&body).context(shown)?;
        Ok((body, event))
    }

    /// What the guest is told.
    pub fn invocation(&self, event: Event, body: Vec<u8>, seen: SeenEvent) -> Invocation {
        let (delivery, received_ms, headers) = match self {
            Self::Event(_) => {
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                (DeliveryId::new(), now_ms(), headers)
            }
            Self::Delivery(delivery) => (
                delivery.id,
                delivery.received_ms,
                delivery.payload.headers.clone(),
            ),
        };
        let repo = event.repo.unwrap_or_default();
        Invocation {
            delivery: delivery.to_string(),
            run: RunId::new().to_string(),
            attempt: 1,
            received_ms,
            seen,
            sent_scope: event.scope,
            sent_action: event.action,
            repo_type: repo.kind,
            repo_name: repo.name,
            repo_id: repo.id,
            body: body.into(),
            headers,
        }
    }

    /// The file that is read for each run, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Event(source) => source.file(),
            Self::Delivery(_) => None,
        }
    }
}
