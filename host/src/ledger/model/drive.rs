//! Takes a ledger through the steps of a case, and compares what it answers and shows with the paper.

use super::Form;
use super::check::{Checked, Ends, alike, orders, same};
use super::paper::{Answer, Looked, Paper, Recorded, Settled as Ended};
use super::step::{
    Ask, Deed, End, KEYS, Look, MAX, Note, PER_DISCUSSION, PLUGINS, Post, QUIET, Route, Step,
    WRITES_MAX, body,
};
use super::view::{View, notes_in, notes_on};
use crate::delivery::{DeliveryId, NewRun, RunId};
use crate::ledger::conformance::{attempt, claimable, delivery_with, plugin, run};
use crate::ledger::{
    Claim, ClaimRequest, ClaimablePlugin, Ledger, LedgerError, PluginState, Recording, Settled,
    StateChanges, StateQuota, StateUsage, Taken, Tended,
};
use crate::rule::{DebounceKey, Guarded, RunRules};
use proptest::test_runner::TestCaseError;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// A ledger, and what its host knows of it.
pub struct Driver<F> {
    pub form: F,
    deliveries: Vec<DeliveryId>,
    runs: Vec<RunId>,
    held: Vec<Held>,
    ended: Ends,
}

/// A claim that its host has not ended, or that outlived its host.
struct Held {
    claim: Claim,
    /// What its plugin's state was.
    looked: Looked,
    host_died: bool,
}

/// The runs that were offered to be recorded, by plugin.
type Offered = Vec<(usize, RunId)>;

impl<F: Form> Driver<F> {
    pub fn new(form: F) -> Self {
        Self {
            form,
            deliveries: Vec::new(),
            runs: Vec::new(),
            held: Vec::new(),
            ended: Ends::default(),
        }
    }

    /// Does a step, of which the paper is what follows.
    pub async fn step(&mut self, step: &Step, paper: &Paper) -> Checked {
        let ledger = self.form.ledger();
        let found = match step {
            Step::Record(posts) => self.record(ledger, posts, paper).await,
            Step::Claim(ask) => self.claim(&*ledger, ask, paper).await?,
            Step::Settle(at, end, deed) => match at.checked_rem(self.held.len()) {
                Some(at) => Answer::Settled(vec![self.settle(&*ledger, at, end, *deed).await]),
                None => Answer::Settled(vec![]),
            },
            Step::SettleAll(end) => {
                let mut ended = Vec::new();
                for _ in 0..self.held.len() {
                    ended.push(self.settle(&*ledger, 0, end, Deed::Nothing).await);
                }
                Answer::Settled(ended)
            }
            Step::GiveBack(at) => match at.checked_rem(self.held.len()) {
                Some(at) => {
                    let claim = self.held.remove(at).claim;
                    let given = ledger.give_back(claim).await.unwrap();
                    Answer::Settled(vec![ended(&given)])
                }
                None => Answer::Settled(vec![]),
            },
            Step::Crash => {
                self.held.iter_mut().for_each(|held| held.host_died = true);
                drop(ledger);
                self.form.move_to(paper.wall(), paper.now);
                self.form.crash(paper.bounds.settings());
                Answer::Nothing
            }
            Step::Replay(at, routes) => self.replay(&*ledger, *at, routes).await,
            Step::Write(at) => {
                let taken = ledger.take_write(PLUGINS[*at], "https://a:443", WRITES_MAX);
                Answer::Taken(match taken.await.unwrap() {
                    Taken::Yes => Ok(()),
                    Taken::Full { free_at_ms } => Err(free_at_ms),
                })
            }
            Step::Pause(at) => {
                let by = "operator".to_owned();
                Answer::Known(ledger.pause(PLUGINS[*at].to_owned(), by).await.unwrap())
            }
            Step::Resume(at) => {
                Answer::Known(ledger.resume(PLUGINS[*at].to_owned()).await.unwrap())
            }
            Step::Put(at, note) => {
                put(&*ledger, *at, note).await;
                Answer::Nothing
            }
            Step::Forget(at) => {
                ledger.forget_plugin(PLUGINS[*at].to_owned()).await.unwrap();
                Answer::Nothing
            }
            Step::Pass(_) | Step::SetBack(_) => {
                self.form.move_to(paper.wall(), paper.now);
                // Whatever is asked of it next, it notes the clocks with it.
                ledger.resume("nobody".to_owned()).await.unwrap();
                Answer::Nothing
            }
            Step::Tend => {
                while ledger.tend().await.unwrap() == Tended::Part {}
                Answer::Nothing
            }
            Step::Set(bounds) => {
                self.form.set(bounds.settings());
                Answer::Nothing
            }
        };
        same(&found, &paper.answer, "its answer")?;
        match step {
            // Neither is asked of the ledger: what is seen is seen after the next step.
            Step::Pass(_) | Step::SetBack(_) | Step::Set(_) => Ok(()),
            _ => self.check(step, paper).await,
        }
    }

    async fn record(&mut self, ledger: Arc<dyn Ledger>, posts: &[Post], paper: &Paper) -> Answer {
        let mut coming = JoinSet::new();
        let mut offered: Vec<(DeliveryId, Offered)> = Vec::new();
        for (nth, post) in posts.iter().enumerate() {
            let mut delivery = delivery_with(DeliveryId::new(), body(post.body));
            delivery.hub_id = post.hub.map(|hub| format!("hub-{hub}"));
            delivery.received_ms = paper.wall();
            let (runs, ids) = new_runs(&post.routes);
            offered.push((delivery.id, ids));
            let ledger = Arc::clone(&ledger);
            coming.spawn(async move { (nth, ledger.record(delivery, runs).await) });
        }
        let mut came = coming.join_all().await;
        came.sort_by_key(|(nth, _)| *nth);
        let mut recorded = Vec::new();
        for ((_, came), (delivery, ids)) in came.into_iter().zip(offered) {
            recorded.push(match came {
                Ok(Recording::Recorded(proof)) => {
                    assert_eq!(proof.id(), delivery);
                    self.deliveries.push(delivery);
                    self.runs.extend(ids.iter().map(|(_, id)| *id));
                    Recorded::New {
                        reused: proof.hub_id_reused(),
                    }
                }
                Ok(Recording::Duplicate { first, again }) => Recorded::Duplicate {
                    first: self
                        .deliveries
                        .iter()
                        .position(|known| *known == first)
                        .unwrap(),
                    again: self.recorded_again(&again, &ids),
                },
                Err(LedgerError::Full { .. }) => Recorded::Full,
                Err(error) => panic!("{error}"),
            });
        }
        Answer::Recorded(recorded)
    }

    async fn replay(&mut self, ledger: &dyn Ledger, at: usize, routes: &[Route]) -> Answer {
        let (runs, ids) = new_runs(routes);
        let at = at.checked_rem(self.deliveries.len());
        let id = at.map_or_else(DeliveryId::new, |at| self.deliveries[at]);
        let again = ledger.replay(id, runs).await.unwrap();
        Answer::Replayed(again.map(|again| self.recorded_again(&again, &ids)))
    }

    fn recorded_again(&mut self, again: &[String], offered: &Offered) -> Vec<usize> {
        let is_again = |plugin: usize| again.iter().any(|name| name == PLUGINS[plugin]);
        let recorded = offered.iter().filter(|(plugin, _)| is_again(*plugin));
        recorded
            .map(|(plugin, id)| {
                self.runs.push(*id);
                *plugin
            })
            .collect()
    }

    async fn claim(
        &mut self,
        ledger: &dyn Ledger,
        ask: &Ask,
        paper: &Paper,
    ) -> Result<Answer, TestCaseError> {
        let running = |name: Option<&str>| {
            let is_its = |held: &&Held| name.is_none_or(|name| held.claim.facts().plugin == name);
            self.held
                .iter()
                .filter(|held| !held.host_died)
                .filter(is_its)
                .count()
        };
        let plugins = ask.plugins.iter().map(|(plugin, slots)| ClaimablePlugin {
            slots: (*slots).into(),
            running: running(Some(PLUGINS[*plugin])),
            lease: Duration::from_secs(ask.lease),
            runs_per_repo_max: ask.per_repo,
            ..claimable(PLUGINS[*plugin])
        });
        let request = ClaimRequest {
            plugins: plugins.collect(),
            slots: ask.slots.into(),
            running: running(None),
        };
        let claims = ledger.claim(request).await.unwrap();
        let looked = paper.held.iter().map(|held| held.looked);
        let looked = looked.skip(self.held.len());
        let mut claimed = Vec::new();
        // More claims than there should be are none of a known state.
        let any = paper.plugins[0].kept.look();
        for (claim, looked) in claims.into_iter().zip(looked.chain(std::iter::repeat(any))) {
            let facts = claim.facts();
            let run = self.runs.iter().position(|id| *id == facts.run).unwrap();
            self.ended.none_begins_anew(run)?;
            claimed.push((run, facts.n, facts.counted));
            self.held.push(Held {
                claim,
                looked,
                host_died: false,
            });
        }
        Ok(Answer::Claimed(claimed))
    }

    async fn settle(&mut self, ledger: &dyn Ledger, at: usize, end: &End, deed: Deed) -> Ended {
        let Held {
            claim,
            looked,
            host_died,
        } = self.held.remove(at);
        let changes = changes(deed, &looked);
        let (outcome, settlement) = end.settlement();
        let settled = ledger
            .settle(claim, settlement, attempt(outcome), changes)
            .await
            .unwrap();
        let ended = ended(&settled);
        if let Settled::Conflict(claim) = settled {
            let held = Held {
                claim: *claim,
                looked,
                host_died,
            };
            self.held.insert(at, held);
        }
        ended
    }

    /// Compares all that can be seen, and looks at what must hold whatever the paper says.
    async fn check(&mut self, step: &Step, paper: &Paper) -> Checked {
        let ledger = self.form.ledger();
        let found = View::of_ledger(&*ledger, paper, &self.deliveries, &self.runs).await?;
        alike(&found, &View::of_paper(paper))?;
        if !matches!(step, Step::Record(_) | Step::Claim(_) | Step::Replay(..)) {
            same(
                &notes_in(&*ledger).await,
                &notes_on(paper),
                "the notes of plugins",
            )?;
        }
        orders(&found, paper)?;
        self.ended.check(&found)?;
        if matches!(paper.answer, Answer::Settled(_)) {
            for at in 0..PLUGINS.len() {
                check_state(&*ledger, paper, at).await?;
            }
        }
        Ok(())
    }
}

/// What a plugin keeps, and how much that is.
async fn check_state(ledger: &dyn Ledger, paper: &Paper, at: usize) -> Checked {
    let (name, expected) = (PLUGINS[at], &paper.plugins[at].kept);
    let mut keys = Vec::new();
    for (key, expected) in KEYS.iter().zip(&expected.values) {
        let kept = ledger.state(name, key).await.unwrap();
        let kept = kept.map(|kept| (kept.value.len() as u64, kept.version));
        same(&kept, expected, "a key and its version")?;
        keys.extend(kept.map(|_| (*key).to_owned()));
    }
    keys.sort_unstable();
    let usage = StateUsage {
        bytes: expected.bytes(),
        keys: keys.len() as u64,
    };
    let found = ledger.state_usage(name).await.unwrap();
    same(&found, &usage, "how much state there is")?;
    let listed = ledger.state_keys(name, "", 9).await.unwrap();
    same(&listed.keys, &keys, "the keys")?;
    same(&listed.version, &expected.keys_version, "their version")
}

/// What an attempt did that looked at this.
fn changes(deed: Deed, looked: &Looked) -> StateChanges {
    let (look, write) = match deed {
        Deed::Nothing => return StateChanges::default(),
        Deed::Looks(look) => (look, None),
        Deed::Writes(look, key, value, quota) => (look, Some((key, value, quota))),
    };
    let name = |key: u8| KEYS[usize::from(key)].to_owned();
    let mut changes = StateChanges::default();
    match look {
        Look::Nowhere => {}
        Look::At(key) => changes.reads = vec![(name(key), looked.versions[usize::from(key)])],
        Look::AtAllKeys => changes.listed = Some(looked.keys_version),
    }
    if let Some((key, value, bytes)) = write {
        let value = value.map(|bytes| vec![1; usize::from(bytes)]);
        changes.writes = vec![(name(key), value)];
        changes.quota = StateQuota {
            bytes,
            ..StateQuota::default()
        };
    }
    changes
}

const fn ended(settled: &Settled) -> Ended {
    match settled {
        Settled::Yes => Ended::Yes,
        Settled::Stale => Ended::Stale,
        Settled::Conflict(_) => Ended::Conflict,
    }
}

pub async fn put(ledger: &dyn Ledger, at: usize, note: &Note) {
    let is_free = matches!(note.state, PluginState::Loaded | PluginState::Compiling);
    let mut record = plugin(PLUGINS[at], note.state, (!is_free).then_some("why"));
    record.active = Some(format!("d{}", note.active));
    record.grant = Some(format!("g{}", note.grant));
    ledger.put_plugin(record).await.unwrap();
}

fn new_runs(routes: &[Route]) -> (Vec<NewRun>, Offered) {
    let runs: Vec<NewRun> = routes.iter().map(new_run).collect();
    let plugins = routes.iter().map(|route| route.plugin);
    let ids = plugins.zip(runs.iter().map(|run| run.id)).collect();
    (runs, ids)
}

fn new_run(route: &Route) -> NewRun {
    let key = |key: Option<u8>| key.map(|key| format!("key {key}"));
    NewRun {
        rules: RunRules {
            order_key: key(route.order),
            debounce: key(route.like).map(|key| DebounceKey {
                key,
                quiet: Duration::from_secs(QUIET),
                max: Duration::from_secs(MAX),
            }),
            discussion: key(route.discussion).map(|discussion| Guarded {
                discussion,
                runs_max: PER_DISCUSSION,
            }),
            rate_key: key(route.repo),
        },
        ..run(PLUGINS[route.plugin])
    }
}
