//! The load generator: some connections, each sending its next delivery when the last one is answered.
//!
//! It has one thread, this process's own. Against a host that answers before it handles, it may also keep a window:
//! no more deliveries are sent than so many beyond those settled, so that what is measured is what is sustained.

use crate::contestant::{Running, Scraper};
use crate::http::Connection;
use crate::payload::Requests;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// The most deliveries that are sent and not settled.
pub const WINDOW: usize = 512;

/// How often a host is asked how many are.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// How much is sent, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections at once.
    pub connections: u64,
    /// Sent before anything is counted.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
}

/// When deliveries are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As soon as the one before is answered.
    Answered,
    /// Besides, only while no more than [`WINDOW`] are unsettled.
    Settled,
}

/// What came of it.
pub struct Reached {
    /// Answered with 2xx, or settled, in a second.
    pub per_second: f64,
    /// Microseconds from sending to the whole answer.
    pub latencies: Vec<f64>,
    /// Other answers, by status; 0 for none at all.
    pub refused: BTreeMap<u16, u64>,
    /// The most runs that were not settled when asked.
    pub backlog_max: u64,
}

struct Sender {
    requests: Requests,
    gate: Option<Arc<Semaphore>>,
    counted_from: Instant,
    until: Instant,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<f64>,
    refused: BTreeMap<u16, u64>,
}

/// Sends until the time is over.
///
/// # Errors
/// If nothing was counted, or a host cannot tell how far it is.
pub async fn send(running: &Running, load: Load, pace: Pace) -> Result<Reached> {
    let counted_from = Instant::now() + load.warm_up;
    let until = counted_from + load.time;
    let gate = (pace == Pace::Settled).then(|| Arc::new(Semaphore::new(WINDOW)));
    let sender = Arc::new(Sender {
        requests: Requests::to(running.path, "")?,
        gate: gate.clone(),
        counted_from,
        until,
    });
    let mut senders = JoinSet::new();
    for first in 0..load.connections {
        let connection = Connection::new(running.address);
        senders.spawn(Arc::clone(&sender).send(connection, first, load.connections));
    }
    let valve = match (gate, running.admin) {
        (Some(gate), Some(admin)) => {
            let valve = Valve {
                scraper: Scraper::of(admin),
                gate,
                counted_from,
                until,
            };
            Some(tokio::spawn(valve.turn()))
        }
        _ => None,
    };
    let mut all = Tally::default();
    while let Some(tally) = senders.join_next().await {
        let tally = tally?;
        all.latencies.extend(tally.latencies);
        for (status, count) in tally.refused {
            *all.refused.entry(status).or_default() += count;
        }
    }
    ensure!(
        !all.latencies.is_empty(),
        "nothing was accepted; answers by status: {:?}",
        all.refused
    );
    let mut reached = Reached {
        per_second: all.latencies.len() as f64 / load.time.as_secs_f64(),
        latencies: all.latencies,
        refused: all.refused,
        backlog_max: 0,
    };
    if let Some(valve) = valve {
        let settled = valve.await??;
        reached.per_second = settled.per_second;
        reached.backlog_max = settled.backlog_max;
    }
    Ok(reached)
}

impl Sender {
    /// Sends on one connection: every `step`th delivery, from `first` on.
    async fn send(self: Arc<Self>, mut connection: Connection, first: u64, step: u64) -> Tally {
        let (mut tally, mut request, mut number) = (Tally::default(), Vec::new(), first);
        while Instant::now() < self.until {
            if let Some(gate) = &self.gate {
                match timeout_at(self.until, gate.acquire()).await {
                    Ok(Ok(permit)) => permit.forget(),
                    _ => break,
                }
            }
            self.requests.write(number, &mut request);
            number += step;
            let began = Instant::now();
            let answer = timeout_at(self.until, connection.exchange(&request)).await;
            // What the end cuts off is not counted.
            let Ok(answer) = answer else { break };
            let ended = Instant::now();
            let status = answer.unwrap_or(0);
            if ended < self.counted_from {
                continue;
            }
            if (200..300).contains(&status) {
                let micros = (ended - began).as_secs_f64() * 1e6;
                tally.latencies.push(micros);
            } else {
                *tally.refused.entry(status).or_default() += 1;
            }
        }
        tally
    }
}

/// Lets as many deliveries in as were settled.
struct Valve {
    scraper: Scraper,
    gate: Arc<Semaphore>,
    counted_from: Instant,
    until: Instant,
}

struct Settled {
    per_second: f64,
    backlog_max: u64,
}

impl Valve {
    async fn turn(mut self) -> Result<Settled> {
        let mut again = interval(ASKED_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.scraper.ask().await?.done;
        let (mut first, mut last, mut backlog_max) = (None, None, 0);
        while Instant::now() < self.until {
            again.tick().await;
            let counted = self.scraper.ask().await?;
            ensure!(
                counted.failed == 0,
                "{} runs did not end as they should",
                counted.failed
            );
            let now = Instant::now();
            let more = counted.done.saturating_sub(before);
            before = counted.done;
            self.gate.add_permits(usize::try_from(more)?);
            if now >= self.counted_from {
                first.get_or_insert((now, counted.done));
                last = Some((now, counted.done));
                backlog_max = backlog_max.max(counted.backlog);
            }
        }
        let (first, last) = first
            .zip(last)
            .context("the host did not tell how far it is")?;
        let settled = last.1.saturating_sub(first.1) as f64;
        Ok(Settled {
            per_second: settled / (last.0 - first.0).as_secs_f64().max(f64::EPSILON),
            backlog_max,
        })
    }
}
