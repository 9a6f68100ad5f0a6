//! What the operator can be shown and can have done: the API and the page ask here.

use crate::activity::PluginJson;
use crate::admin::answer::{Failure, text};
use crate::admin::query::{DeliveryQuery, RunQuery};
use crate::delivery::{DeliveryId, RunId};
use crate::event::Event;
use crate::exposition::{CONTENT_TYPE, Exposition};
use crate::ledger::{DeliveryRecord, Ledger, OPERATOR, Page, PluginRecord, RunEntry, RunRecord};
use crate::plugin;
use crate::refusal::{Refusal, Refusals};
use crate::replay::{Plan, Skipped};
use crate::router::Router;
use axum::response::Response;
use hyper::StatusCode;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// How many lists are read at once: fewer than the ledger has readers.
pub const LISTS_MAX: usize = 2;

/// Payloads larger than this, in bytes, are parsed off the runtime.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Whether a plugin is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Its runs are to wait.
    Pause,
    /// They are to be run again.
    Resume,
}

/// What the operator's listener has at hand.
pub struct Desk {
    /// What is kept.
    pub ledger: Arc<dyn Ledger>,
    /// What was not taken.
    pub refusals: Arc<Refusals>,
    /// What is counted and measured.
    pub metrics: Exposition,
    /// Lists that may be read at once: the host reads from the ledger, too.
    pub lists: Semaphore,
    /// What the listener's paths begin with.
    pub prefix: &'static str,
    /// When the host was started, in ms since the Unix epoch.
    pub started_ms: u64,
    /// The same for how long ago that is.
    pub started: Instant,
    /// Turns true when the host is about to stop.
    pub stopping: watch::Receiver<bool>,
}

/// What a replay of one delivery came to.
pub struct Replayed {
    /// The delivery.
    pub id: DeliveryId,
    /// Its new runs.
    pub runs: Vec<RunRecord>,
    /// Plugins that got none.
    pub skipped: Vec<Skipped>,
}

impl Desk {
    /// A part of the list of deliveries.
    pub async fn deliveries(
        &self,
        query: &DeliveryQuery,
    ) -> Result<Page<DeliveryRecord, DeliveryId>, Failure> {
        let (filter, before) = query.read()?;
        let _turn = self.turn().await?;
        let page = self.ledger.delivery_page(filter, before).await?;
        page.ok_or_else(|| {
            Failure::bad("before: there is no such delivery any more; begin at the newest")
        })
    }

    /// The right to read a list, once it is there.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = self.lists.acquire().await;
        turn.map_err(|_| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the host is stopping"))
    }

    /// One delivery.
    pub async fn delivery(&self, id: &str) -> Result<DeliveryRecord, Failure> {
        let id: DeliveryId = id.parse().map_err(|_| no_delivery())?;
        self.ledger.delivery(id).await?.ok_or_else(no_delivery)
    }

    /// A part of the list of runs.
    pub async fn runs(&self, query: &RunQuery) -> Result<Page<RunEntry, RunId>, Failure> {
        let (filter, limit, before) = query.read()?;
        let _turn = self.turn().await?;
        let page = self.ledger.run_page(filter, limit, before).await?;
        page.ok_or_else(|| {
            Failure::bad("before: there is no such run any more; begin at the newest")
        })
    }

    /// One run.
    pub async fn run(&self, id: &str) -> Result<RunEntry, Failure> {
        let missing = || Failure::missing("there is no such run");
        let id: RunId = id.parse().map_err(|_| missing())?;
        self.ledger.run(id).await?.ok_or_else(missing)
    }

    /// One plugin.
    pub async fn plugin(&self, name: &str) -> Result<PluginRecord, Failure> {
        let plugins = self.ledger.plugins().await?;
        let found = plugins.into_iter().find(|plugin| plugin.name == name);
        found.ok_or_else(|| Failure::missing("there is no such plugin"))
    }

    /// Plugins as they are shown.
    pub async fn shown(&self, plugins: Vec<PluginRecord>) -> Result<Vec<PluginJson>, Failure> {
        let totals = self.ledger.totals().await?;
        let shown = plugins.into_iter().map(|plugin| {
            let stored = totals.stored(&plugin.name);
            PluginJson::new(plugin, stored)
        });
        Ok(shown.collect())
    }

    /// One plugin as it is shown.
    pub async fn shown_one(&self, plugin: PluginRecord) -> Result<PluginJson, Failure> {
        let stored = self.ledger.state_usage(&plugin.name).await?;
        Ok(PluginJson::new(plugin, stored))
    }

    /// The last refused requests, newest first.
    pub fn requests(&self, limit: usize) -> Vec<Refusal> {
        let mut last = self.refusals.last();
        last.truncate(limit);
        last
    }

    /// Has a delivery handled again, by the plugins and grants of now; by one plugin alone, if it is named.
    pub async fn replay(&self, id: &str, only: Option<&str>) -> Result<Replayed, Failure> {
        let conflict = |message: String| Failure::new(StatusCode::CONFLICT, message);
        let delivery = self.delivery(id).await?;
        let plugins = self.ledger.plugins().await?;
        if let Some(only) = only {
            let noted: Vec<&str> = plugins.iter().map(|plugin| &*plugin.name).collect();
            let known = self.ledger.known_plugins().await?;
            if let Some(why) = plugin::unknown(only, &noted, &known) {
                return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, why));
            }
        }
        let event = event_of(&delivery).await?;
        let plan = Plan::new(&Router::of(&plugins), &delivery, &event, only);
        let recorded = self.ledger.replay(delivery.id, plan.runs.clone()).await?;
        if recorded.is_none() {
            return Err(no_delivery());
        }
        let mut runs = self.ledger.runs(delivery.id).await?;
        // What was skipped has no row, so these are the recorded ones.
        runs.retain(|kept| plan.runs.iter().any(|run| run.id == kept.id));
        let skipped = plan.skipped(&runs);
        if runs.is_empty() {
            return Err(conflict(nothing_replayed(&skipped)));
        }
        tracing::info!(delivery = %delivery.id, runs = runs.len(), "delivery replayed by the operator");
        Ok(Replayed {
            id: delivery.id,
            runs,
            skipped,
        })
    }

    /// Pauses a plugin, or ends its pause; returns it as it stands then, and whether that is new.
    pub async fn switch(&self, name: &str, to: Switch) -> Result<(PluginRecord, bool), Failure> {
        let plugins = self.ledger.plugins().await?;
        let noted: Vec<&str> = plugins.iter().map(|plugin| &*plugin.name).collect();
        let known = self.ledger.known_plugins().await?;
        if let Some(why) = plugin::unknown(name, &noted, &known) {
            return Err(Failure::missing(why));
        }
        let before = plugins.iter().find(|plugin| plugin.name == name);
        let was_paused = before.is_some_and(|plugin| plugin.paused_by.is_some());
        let changed = was_paused != (to == Switch::Pause);
        if changed {
            let name = name.to_owned();
            match to {
                Switch::Pause => self.ledger.pause(name, OPERATOR.to_owned()).await?,
                Switch::Resume => self.ledger.resume(name).await?,
            };
        }
        Ok((self.plugin(name).await?, changed))
    }

    /// All metrics.
    pub async fn metrics(&self) -> Response {
        text(CONTENT_TYPE, self.metrics.render().await)
    }
}

fn no_delivery() -> Failure {
    Failure::missing("there is no such delivery")
}

/// Why a replay came to nothing.
fn nothing_replayed(skipped: &[Skipped]) -> String {
    if skipped.is_empty() {
        return "nothing is replayed: no plugin takes it now".to_owned();
    }
    let skipped: Vec<String> = skipped
        .iter()
        .map(|skipped| format!("{} ({})", skipped.plugin, skipped.reason))
        .collect();
    format!("nothing is replayed: skipped {}", skipped.join(", "))
}

/// What a delivery says, read once more. A large one takes long enough to be read off the runtime.
async fn event_of(delivery: &DeliveryRecord) -> Result<Event, Failure> {
    let conflict = |message: &str| Failure::new(StatusCode::CONFLICT, message);
    let Some(payload) = &delivery.payload else {
        return Err(conflict("its payload is not kept any more"));
    };
    let body = payload.body.clone();
    let event = if body.len() > INLINE_BYTES_MAX {
        let parsed = tokio::task::spawn_blocking(move || Event::parse(&body)).await;
        parsed.map_err(|_| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the host is stopping"))?
    } else {
        Event::parse(&body)
    };
    event.map_err(|error| conflict(&error.to_string()))
}
