//! Alerts: what an operator should hear of at once, posted to one address as JSON.
//!
//! One task looks at the ledger with its disk, and at the refused requests, once a second, another posts. Nothing waits for
//! either: what the queue does not hold is dropped and counted. Of one kind and plugin there is one post in five
//! minutes, which says how much it stands for. The address may hold a secret: it is never shown.

mod debounce;
mod lookout;
mod metrics;
mod notice;
mod poster;
mod url;

pub use metrics::AlertMetrics;
pub use notice::{Kind, Notice};
pub use url::{AlertUrl, AlertUrlError};

use crate::ledger::Ledger;
use crate::refusal::Refusals;
use crate::worker::Report;
use debounce::Debounce;
use lookout::Lookout;
use notice::Post;
use poster::Poster;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many alerts wait to be posted.
const QUEUE_MAX: usize = 64;

/// What an operator sets, and may change while the host runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// Where alerts are posted; nothing is looked at without it.
    pub url: Option<AlertUrl>,
    /// Bytes that must be free on the ledger's disk: below twice that there is an alert.
    pub free_space_min: u64,
}

/// What alerts are about.
pub struct Sources {
    /// The host, as an alert names it.
    pub host: String,
    /// What is kept.
    pub ledger: Arc<dyn Ledger>,
    /// What was not taken.
    pub refusals: Arc<Refusals>,
    /// What every attempt came to.
    pub reports: broadcast::Receiver<Arc<Report>>,
    /// What is set.
    pub settings: watch::Receiver<AlertSettings>,
}

/// Looks and posts until `stopping` turns true. A stop does not wait for somebody else's host.
pub async fn run(sources: Sources, metrics: AlertMetrics, mut stopping: watch::Receiver<bool>) {
    let (queue, waiting) = mpsc::channel(QUEUE_MAX);
    let poster = Poster::new(sources.settings.clone(), metrics.clone());
    let work = async { tokio::join!(look(sources, queue, metrics), poster.run(waiting)) };
    tokio::select! {
        _ = work => {}
        // A sender that is gone means the same.
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Looks until the worker has ended.
async fn look(sources: Sources, queue: mpsc::Sender<Post>, metrics: AlertMetrics) {
    let Sources {
        host,
        ledger,
        refusals,
        mut reports,
        settings,
    } = sources;
    let mut lookout = Lookout::new(ledger, refusals);
    let mut debounce = Debounce::default();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let notices = tokio::select! {
            _ = looks.tick() => {
                let set = settings.borrow().clone();
                lookout.look(&set).await
            }
            report = reports.recv() => match report {
                Ok(report) => lookout.hear(&report).into_iter().collect(),
                // The ledger's totals tell of those that were missed.
                Err(RecvError::Lagged(_)) => Vec::new(),
                Err(RecvError::Closed) => return,
            },
        };
        if settings.borrow().url.is_none() {
            continue;
        }
        let now = Instant::now();
        let mut due: Vec<(Notice, u64)> = Vec::new();
        due.extend(
            notices
                .into_iter()
                .filter_map(|notice| debounce.take(notice, now)),
        );
        due.extend(debounce.overdue(now));
        for (notice, count) in due {
            if queue.try_send(Post::new(&host, notice, count)).is_err() {
                metrics.dropped();
            }
        }
    }
}
