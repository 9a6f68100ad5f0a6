//! Intake: receive, verify, read, parse, route, record, answer.
//!
//! An answer of 2xx means that the delivery and its runs are durable. The secret is looked at before the body, and
//! before the path, so that nobody without it can make us read or tell which plugins there are. Nothing here runs
//! a plugin: intake and worker meet in the ledger.

mod answer;
mod body;
mod metrics;
mod verify;

pub use answer::{Answer, error_answer};
pub use body::BodyError;
pub use metrics::IntakeMetrics;
pub use verify::{Endpoint, Endpoints, Verified, is_webhook_path};

use crate::clock::now_ms;
use crate::delivery::{DeliveryId, Gate, NewDelivery, NewRun, Outcome};
use crate::event::Event;
use crate::failpoint::hit;
use crate::ledger::{KnownAs, Ledger, LedgerError, Recorded, Recording, RunRecord};
use crate::plugin::capability::raw::KEPT_HEADERS;
use crate::router::Router;
use answer::{RunAnswer, WaitPreference};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, StatusCode};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Bodies larger than this, in bytes, are hashed and parsed off the runtime.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The longest kept header value, in bytes.
const HEADER_BYTES_MAX: usize = 1024;

/// The longest `Webhook-Id` that is used, in bytes.
const HUB_ID_BYTES_MAX: usize = 256;

/// Bounds of intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeConfig {
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// The longest that a body may take to come in, in all.
    pub body_time_max: Duration,
    /// Bytes of bodies held at once, over all requests; over it the answer is 503.
    pub bodies_bytes_max: usize,
    /// The longest that `Prefer: wait` waits.
    pub wait_max: Duration,
    /// What becomes of a body that is no event.
    pub on_unparsable: OnUnparsable,
}

/// What becomes of a body that is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnparsable {
    /// Its sender is told so, and nothing is kept.
    Reject,
    /// It is kept as a dead delivery.
    Accept,
}

impl OnUnparsable {
    /// The word, as it is set and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Accept => "accept",
        }
    }

    /// All of them.
    pub const ALL: &[Self] = &[Self::Reject, Self::Accept];
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 * 1024 * 1024,
            body_time_max: Duration::from_secs(30),
            bodies_bytes_max: 256 * 1024 * 1024,
            // The Hub gives up after 30 s (HF staff, dataset-viewer issue 2651).
            wait_max: Duration::from_secs(25),
            on_unparsable: OnUnparsable::Reject,
        }
    }
}

/// Takes deliveries in.
pub struct Intake {
    ledger: Arc<dyn Ledger>,
    router: watch::Receiver<Arc<Router>>,
    endpoints: watch::Receiver<Arc<Endpoints>>,
    bodies: Arc<Semaphore>,
    config: watch::Receiver<IntakeConfig>,
    stopping: watch::Receiver<bool>,
    metrics: IntakeMetrics,
}

impl Intake {
    /// An intake that routes by what `router` and `endpoints` hold when a delivery comes, and takes it in within the
    /// bounds that `config` holds then, but for the bytes of bodies held at once. Once `stopping` is true nobody is
    /// kept waiting for runs.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        router: watch::Receiver<Arc<Router>>,
        endpoints: watch::Receiver<Arc<Endpoints>>,
        config: watch::Receiver<IntakeConfig>,
        stopping: watch::Receiver<bool>,
        metrics: IntakeMetrics,
    ) -> Self {
        let bodies_bytes_max = config.borrow().bodies_bytes_max;
        let permits = bodies_bytes_max.min(Semaphore::MAX_PERMITS);
        Self {
            ledger,
            router,
            endpoints,
            bodies: Arc::new(Semaphore::new(permits)),
            config,
            stopping,
            metrics,
        }
    }

    /// Answers one `POST`, wherever it was sent: one without the secret learns nothing of the path.
    pub async fn handle(&self, request: Request<Incoming>) -> Answer {
        // A delivery has the id of its request.
        let id = request.extensions().get().copied();
        match self.take(id.unwrap_or_else(DeliveryId::new), request).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn take(&self, id: DeliveryId, request: Request<Incoming>) -> Result<Answer, Answer> {
        let endpoints = Arc::clone(&self.endpoints.borrow());
        let verified = endpoints
            .verify(request.uri(), request.headers())
            .inspect_err(|answer| self.metrics.unverified(answer.status()))?;
        let (head, body) = request.into_parts();
        let config = *self.config.borrow();
        let wait = WaitPreference::read(&head.headers, config.wait_max);
        let body = body::read(&head.headers, body, &config, &self.bodies).await?;
        let (delivery, runs) = self
            .prepare(id, &verified, &head.headers, body.bytes.clone())
            .await?;
        if let Some(reason) = &delivery.unparsable
            && config.on_unparsable == OnUnparsable::Reject
        {
            return Err(error_answer(StatusCode::BAD_REQUEST, reason));
        }
        let unparsable = delivery.unparsable.clone();
        let plugins: Vec<String> = runs.iter().map(|run| run.plugin.clone()).collect();
        let parked = runs.iter().all(|run| run.parked.is_some());
        let known_as = (delivery.hub_id.clone()).map(|hub_id| KnownAs {
            path: delivery.path.clone(),
            hub_id,
            body_sha256: delivery.body_sha256,
            plugins: plugins.clone(),
        });
        let recorded = {
            let ledger = Arc::clone(&self.ledger);
            // A task of its own: a sender that goes away takes its request with it, but neither the recording nor its
            // share of the memory for bodies, which is held until the ledger has let go of the body.
            tokio::spawn(async move {
                let recorded = ledger.record(delivery, runs).await;
                drop(body.held);
                recorded
            })
        };
        let recording = recorded.await.unwrap_or(Err(LedgerError::Busy));
        let recording = match recording {
            Err(error) => self.unless_known(known_as, &error).await?,
            Ok(recording) => recording,
        };
        match recording {
            Recording::Duplicate { first, again } => {
                tracing::info!(%first, runs = again.join(","), "duplicate delivery counted");
                Ok(Answer::duplicate(first, &again))
            }
            Recording::Recorded(recorded) => {
                hit!("after-record");
                tell(&recorded, &plugins, unparsable.as_deref());
                Ok(match wait {
                    Some(wait) => self.wait(id, wait, &plugins, parked).await,
                    None => Answer::accepted(id, &plugins),
                })
            }
        }
    }

    /// A delivery that cannot be recorded now may have been before: then its sender need not come again.
    async fn unless_known(
        &self,
        known_as: Option<KnownAs>,
        error: &LedgerError,
    ) -> Result<Recording, Answer> {
        if let Some(known_as) = known_as
            && let Ok(Some(first)) = self.ledger.first_of(known_as).await
        {
            let again = Vec::new();
            return Ok(Recording::Duplicate { first, again });
        }
        Err(unrecorded(error))
    }

    /// From a body to the delivery and the runs to record. Hashing and parsing a large body take long enough to be
    /// done off the runtime.
    async fn prepare(
        &self,
        id: DeliveryId,
        verified: &Verified,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(NewDelivery, Vec<NewRun>), Answer> {
        let read = {
            let body = body.clone();
            move || (Sha256::digest(&body).into(), Event::parse(&body))
        };
        let (body_sha256, event): ([u8; 32], _) = if body.len() > INLINE_BYTES_MAX {
            tokio::task::spawn_blocking(read).await.map_err(|_| {
                error_answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the host is stopping; try again",
                )
            })?
        } else {
            read()
        };
        let (event, unparsable) = match event {
            Ok(event) => (event, None),
            Err(error) => (Event::default(), Some(error.to_string())),
        };
        let runs = match unparsable {
            None => self.route(verified, &event),
            Some(_) => Vec::new(),
        };
        let delivery = NewDelivery {
            id,
            path: verified.path().to_owned(),
            hub_id: hub_id(headers),
            event,
            unparsable,
            received_ms: now_ms(),
            body,
            body_sha256,
            headers: kept_headers(headers),
        };
        Ok((delivery, runs))
    }

    fn route(&self, verified: &Verified, event: &Event) -> Vec<NewRun> {
        let router = Arc::clone(&self.router.borrow());
        let routed = match verified.plugin() {
            Some(plugin) => router.route_to(plugin, event),
            None => router.route(event),
        };
        let routed = routed.into_iter();
        routed.map(|routed| routed.into_run(event)).collect()
    }

    /// Waits for the first attempts. Nothing to wait for, a wait that runs out, or one that a stop cuts short is no
    /// failure, only an earlier answer.
    async fn wait(
        &self,
        id: DeliveryId,
        wait: WaitPreference,
        plugins: &[String],
        parked: bool,
    ) -> Answer {
        if !parked {
            let mut stopping = self.stopping.clone();
            let attempts = tokio::time::timeout(wait.time(), self.ledger.first_attempts(id));
            let ended = tokio::select! {
                ended = attempts => ended.ok(),
                _ = stopping.wait_for(|stop| *stop) => None,
            };
            if let Some(Ok(runs)) = ended {
                // One that was parked meanwhile has not ended.
                let parked = |run: &RunRecord| {
                    let ended = run.attempts.iter().any(|attempt| attempt.outcome.is_some());
                    run.gate == Gate::Parked && !ended
                };
                let status = if runs.iter().any(parked) {
                    StatusCode::ACCEPTED
                } else {
                    StatusCode::OK
                };
                return Answer::with_runs(id, &first_attempts(&runs), wait, status);
            }
        }
        // The delivery is durable, so its runs are named even where they cannot be read.
        let runs = match self.ledger.runs(id).await {
            Ok(runs) => first_attempts(&runs),
            Err(_) => plugins
                .iter()
                .map(|plugin| RunAnswer::pending(plugin))
                .collect(),
        };
        Answer::with_runs(id, &runs, wait, StatusCode::ACCEPTED)
    }
}

fn tell(recorded: &Recorded, plugins: &[String], unparsable: Option<&str>) {
    if recorded.hub_id_reused() {
        tracing::warn!(
            "its Webhook-Id came before with another body: recorded as a delivery of its own"
        );
    }
    if let Some(reason) = unparsable {
        tracing::warn!(delivery = %recorded.id(), reason, "its body is no event: kept as a dead delivery");
        return;
    }
    tracing::info!(delivery = %recorded.id(), runs = plugins.join(","), "delivery recorded");
}

/// The answer for a delivery that is not, or not surely, recorded: the Hub will send it again.
fn unrecorded(error: &LedgerError) -> Answer {
    let message = match error {
        LedgerError::Busy => {
            tracing::warn!(%error, "delivery not recorded");
            "too many deliveries at once; try again"
        }
        // What the ledger refuses, and until when, it tells itself.
        LedgerError::Full { .. } => {
            tracing::debug!(%error, "delivery not recorded");
            "the host has no room for the delivery now; try again"
        }
        error => {
            tracing::debug!(%error, "delivery not recorded");
            "the delivery cannot be recorded now; try again"
        }
    };
    error_answer(StatusCode::SERVICE_UNAVAILABLE, message)
}

fn first_attempts(runs: &[RunRecord]) -> Vec<RunAnswer> {
    runs.iter()
        .map(|run| {
            let first = run
                .attempts
                .iter()
                .find(|attempt| attempt.outcome.is_some());
            RunAnswer {
                plugin: run.plugin.clone(),
                state: run.state.as_str(),
                outcome: first
                    .and_then(|attempt| attempt.outcome)
                    .map(Outcome::as_str),
                output: first.and_then(|attempt| attempt.output.clone()),
            }
        })
        .collect()
}

/// The Hub's idempotency key: one that is too long or not visible ASCII counts as absent.
fn hub_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("webhook-id")?.as_bytes();
    let visible = value.iter().all(u8::is_ascii_graphic);
    let usable = visible && !value.is_empty() && value.len() <= HUB_ID_BYTES_MAX;
    usable.then(|| String::from_utf8_lossy(value).into_owned())
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT_HEADERS
        .iter()
        .filter_map(|name| {
            let value = headers.get(*name)?;
            let text = String::from_utf8_lossy(value.as_bytes());
            let end = text.floor_char_boundary(HEADER_BYTES_MAX.min(text.len()));
            Some(((*name).to_owned(), text.get(..end)?.to_owned()))
        })
        .collect()
}
