//! Replaying a delivery: which plugins get it again, by what is noted of them now, and why others do not.
//!
//! It is pure: the ledger records the new runs, and has the last word on plugins whose runs are not settled.

use crate::delivery::{NewRun, RunState};
use crate::event::Event;
use crate::ledger::{DeliveryRecord, RunRecord};
use crate::router::Router;
use std::collections::{BTreeMap, BTreeSet};

/// The path below which each plugin has an endpoint of its own.
const ENDPOINTS: &str = "/webhooks/";

/// Why a plugin does not get a delivery again that it is routed to.
pub const UNSETTLED: &str = "its run is not settled yet";

/// The same where only what is dead is to run again.
pub const NOT_DEAD: &str = "its run is not dead any more";

/// What a replay of one delivery is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The runs to record, by plugin.
    pub runs: Vec<NewRun>,
    /// Plugins that get none: those asked for, those addressed, and those that had a run of it before.
    pub skipped: Vec<Skipped>,
}

/// A plugin that does not get a delivery again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub plugin: String,
    /// Why, and what to do about it.
    pub reason: String,
}

impl Plan {
    /// Routes a delivery anew, to all plugins or to `only` one. One that was posted to a plugin's own endpoint goes to
    /// that plugin alone, as it did then.
    #[must_use]
    pub fn new(
        router: &Router,
        delivery: &DeliveryRecord,
        event: &Event,
        only: Option<&str>,
    ) -> Self {
        let addressed = delivery.path.strip_prefix(ENDPOINTS);
        let mut plan = Self {
            runs: Vec::new(),
            skipped: Vec::new(),
        };
        for plugin in plugins(router, delivery, event, only.or(addressed), only.is_none()) {
            let judged = match addressed.filter(|addressed| *addressed != plugin) {
                Some(addressed) => Err(format!("it was posted to the endpoint of `{addressed}`")),
                None => router.judge(&plugin, event).map_err(|why| why.to_string()),
            };
            match judged {
                Ok(routed) => plan.runs.push(routed.into_run(event)),
                Err(reason) => plan.skipped.push(Skipped { plugin, reason }),
            }
        }
        plan
    }

    /// The same for these plugins alone.
    #[must_use]
    pub fn narrowed_to(mut self, plugins: &BTreeSet<&str>) -> Self {
        self.runs.retain(|run| plugins.contains(&*run.plugin));
        self.skipped
            .retain(|skipped| plugins.contains(&*skipped.plugin));
        self
    }

    /// What of the plan is skipped once the ledger has recorded the runs that it could.
    #[must_use]
    pub fn skipped(self, recorded: &[RunRecord]) -> Vec<Skipped> {
        self.skipped_but(
            |run| recorded.iter().any(|kept| kept.id == run.id),
            UNSETTLED,
        )
    }

    /// The same, told which runs were recorded, and why the others were not.
    #[must_use]
    pub fn skipped_but(self, is_recorded: impl Fn(&NewRun) -> bool, why: &str) -> Vec<Skipped> {
        let others = self.runs.into_iter().filter(|run| !is_recorded(run));
        let mut skipped = self.skipped;
        skipped.extend(others.map(|run| Skipped {
            plugin: run.plugin,
            reason: why.to_owned(),
        }));
        skipped.sort_by(|one, other| one.plugin.cmp(&other.plugin));
        skipped
    }
}

/// The plugins whose newest run of a delivery is dead.
#[must_use]
pub fn dead(delivery: &DeliveryRecord) -> BTreeSet<&str> {
    let mut newest = BTreeMap::new();
    for run in &delivery.runs {
        newest.insert(&*run.plugin, run.state);
    }
    let dead = newest
        .into_iter()
        .filter(|(_, state)| *state == RunState::Dead);
    dead.map(|(plugin, _)| plugin).collect()
}

/// The plugins to judge: one, or those that the event is routed to; with those that had a run of the delivery, so that
/// whoever replays it hears what became of them.
fn plugins(
    router: &Router,
    delivery: &DeliveryRecord,
    event: &Event,
    one: Option<&str>,
    with_earlier: bool,
) -> BTreeSet<String> {
    let mut plugins: BTreeSet<String> = match one {
        Some(plugin) => [plugin.to_owned()].into(),
        None => {
            let routed = router.route(event).into_iter();
            routed.map(|routed| routed.route.plugin.clone()).collect()
        }
    };
    if with_earlier {
        plugins.extend(delivery.runs.iter().map(|run| run.plugin.clone()));
    }
    plugins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{DeliveryId, DeliveryState, Gate, Lane, RunId};
    use crate::plugin::Manifest;
    use crate::plugin::grant::Matcher;
    use crate::router::Route;
    use crate::rule::{Rules, RunRules};
    use crate::scope::{KNOWN_SCOPES_0_1, ScopePattern, Subscription};

    fn route(plugin: &str, pattern: &str) -> Route {
        Route {
            plugin: plugin.into(),
            manifest: Manifest {
                version: "1".into(),
                description: String::new(),
                subscriptions: vec![Subscription {
                    pattern: ScopePattern::parse(pattern).unwrap(),
                    actions: Default::default(),
                }],
                wants: vec![],
                known_scopes: KNOWN_SCOPES_0_1,
            },
            matcher: Matcher::default(),
            own: None,
            rules: Rules::default(),
            digest: "d1".into(),
            parked: None,
        }
    }

    fn kept(plugin: &str) -> RunRecord {
        RunRecord {
            id: RunId::new(),
            plugin: plugin.into(),
            state: RunState::Dead,
            gate: Gate::Ready,
            lane: Lane::Live,
            reason: None,
            scope: "repo".into(),
            action: "create".into(),
            replay_of: None,
            stands_for: 0,
            next_attempt_ms: None,
            attempts: vec![],
        }
    }

    /// The names of those that get `path`'s delivery again, and of those that do not with the reason.
    fn check(path: &str, earlier: &[&str], only: Option<&str>, expected: (&str, &str)) {
        let router = Router::new(vec![
            route("a", "repo"),
            route("b", "*"),
            route("c", "discussion"),
        ]);
        let event = Event {
            scope: "repo".into(),
            action: "create".into(),
            ..Event::default()
        };
        let delivery = DeliveryRecord {
            id: DeliveryId::new(),
            path: path.into(),
            hub_id: None,
            webhook_id: None,
            scope: event.scope.clone(),
            action: event.action.clone(),
            repo_type: None,
            repo_name: None,
            repo_id: None,
            received_ms: 0,
            duplicates: 0,
            state: DeliveryState::Dead,
            unparsable: None,
            runs: earlier.iter().map(|plugin| kept(plugin)).collect(),
            payload: None,
        };
        let plan = Plan::new(&router, &delivery, &event, only);
        let runs: Vec<&str> = plan.runs.iter().map(|run| &*run.plugin).collect();
        let skipped: Vec<String> = plan
            .skipped
            .iter()
            .map(|skipped| format!("{}: {}", skipped.plugin, skipped.reason))
            .collect();
        let found = (&*runs.join(" "), &*skipped.join("; "));
        assert_eq!(found, expected, "{path} {earlier:?} {only:?}");
    }

    #[test]
    fn a_delivery_goes_to_the_plugins_that_it_is_routed_to_now() {
        const SUBSCRIBE: &str = "c: it does not subscribe to the event";
        const GONE: &str = "x: there is no such plugin; put its file into the plugins folder";
        const ANOTHER: &str = "b: it was posted to the endpoint of `a`";
        check("/webhooks", &[], None, ("a b", ""));
        check("/webhooks", &["a"], None, ("a b", ""));
        check("/webhooks", &["a", "x"], None, ("a b", GONE));
        check("/webhooks", &["a", "x"], Some("a"), ("a", ""));
        check("/webhooks", &[], Some("c"), ("", SUBSCRIBE));
        check("/webhooks/a", &["a"], None, ("a", ""));
        check("/webhooks/a", &["a"], Some("b"), ("", ANOTHER));
        check("/webhooks/c", &[], None, ("", SUBSCRIBE));
        check("/webhooks/x", &["x"], None, ("", GONE));
    }

    #[test]
    fn what_the_ledger_did_not_record_is_skipped_as_unsettled() {
        let run = |plugin: &str| NewRun {
            id: RunId::new(),
            plugin: plugin.into(),
            scope: String::new(),
            action: String::new(),
            routed_digest: String::new(),
            parked: None,
            rules: RunRules::default(),
        };
        let runs = vec![run("a"), run("b")];
        let recorded = RunRecord {
            id: runs[0].id,
            ..kept("a")
        };
        let plan = Plan {
            runs,
            skipped: vec![],
        };
        let skipped = plan.skipped(&[recorded]);
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].plugin, "b");
    }
}
