//! From an event to the plugins that handle it: an index from scopes to plugins, built when plugins change.
//!
//! Routing looks at the plugins whose subscriptions name the event's scope, one above it, or everything; never at
//! all plugins. It is pure: it runs and records nothing.

use crate::event::Event;
use crate::ledger::{PluginRecord, PluginState};
use crate::plugin::grant::Matcher;
use crate::plugin::{Grant, Manifest};
use crate::scope::{ScopePattern, SeenEvent, prefixes};
use std::collections::{BTreeMap, HashMap};

/// A plugin as routing sees it.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub plugin: String,
    /// Its subscriptions, with the scopes its interface version knows.
    pub manifest: Manifest,
    /// Its grant's `[match]`.
    pub matcher: Matcher,
    /// The digest of its component.
    pub digest: String,
    /// Why its runs are parked, if they are.
    pub parked: Option<String>,
}

/// A plugin that handles an event, and how it sees it.
#[derive(Debug, Clone)]
pub struct Routed<'a> {
    /// The plugin.
    pub route: &'a Route,
    /// The event as its subscription sees it.
    pub seen: SeenEvent,
}

/// The index.
#[derive(Debug, Default)]
pub struct Router {
    routes: Vec<Route>,
    by_name: BTreeMap<String, usize>,
    exact: HashMap<String, Vec<usize>>,
    subtree: HashMap<String, Vec<usize>>,
    everything: Vec<usize>,
    depth_max: usize,
}

impl Router {
    /// The index over all plugins that are noted with a manifest. Those that do not run get parked runs; one that
    /// never had a good grant gets none, since nobody can tell which events its operator lets through.
    #[must_use]
    pub fn of<'a>(records: impl IntoIterator<Item = &'a PluginRecord>) -> Self {
        Self::new(records.into_iter().filter_map(route_of).collect())
    }

    /// Builds the index.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let mut router = Self::default();
        for (at, route) in routes.iter().enumerate() {
            router.by_name.insert(route.plugin.clone(), at);
            for subscription in &route.manifest.subscriptions {
                let (index, scope) = match &subscription.pattern {
                    ScopePattern::Everything => {
                        router.everything.push(at);
                        continue;
                    }
                    ScopePattern::Exact(scope) => (&mut router.exact, scope),
                    ScopePattern::Subtree(scope) => (&mut router.subtree, scope),
                };
                router.depth_max = router.depth_max.max(scope.split('.').count());
                index.entry(scope.clone()).or_default().push(at);
            }
        }
        router.routes = routes;
        router
    }

    /// The plugins that handle an event, by name.
    #[must_use]
    pub fn route(&self, event: &Event) -> Vec<Routed<'_>> {
        let mut found: Vec<usize> = self.everything.clone();
        // Deeper than the deepest subscription nothing can match but the scope itself, which no index holds then.
        for scope in prefixes(&event.scope, self.depth_max) {
            for index in [&self.exact, &self.subtree] {
                found.extend(index.get(scope).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        let mut routed: Vec<_> = found
            .into_iter()
            .filter_map(|at| judge(self.routes.get(at)?, event))
            .collect();
        routed.sort_by(|one, other| one.route.plugin.cmp(&other.route.plugin));
        routed
    }

    /// The same for one plugin; empty if it is unknown or does not handle the event.
    #[must_use]
    pub fn route_to(&self, plugin: &str, event: &Event) -> Vec<Routed<'_>> {
        self.by_name
            .get(plugin)
            .and_then(|at| judge(self.routes.get(*at)?, event))
            .into_iter()
            .collect()
    }
}

fn route_of(record: &PluginRecord) -> Option<Route> {
    let manifest = Manifest::from_stored(record.manifest.as_deref()?)?;
    // It was good when it was noted; what it may give is not asked here.
    let grant = Grant::parse(record.grant.as_deref()?, usize::MAX).ok()?;
    let parked = match (record.state, &record.reason) {
        (PluginState::Loaded | PluginState::Compiling, _) => None,
        (state, Some(reason)) => Some(format!("{}: {reason}", state.as_str())),
        (state, None) => Some(state.as_str().to_owned()),
    };
    Some(Route {
        plugin: record.name.clone(),
        manifest,
        matcher: grant.matcher,
        digest: record.routed_digest().unwrap_or_default().to_owned(),
        parked,
    })
}

fn judge<'a>(route: &'a Route, event: &Event) -> Option<Routed<'a>> {
    let seen = route.manifest.sees(&event.scope, &event.action)?;
    route
        .matcher
        .admits(event)
        .then_some(Routed { route, seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::{KNOWN_SCOPES_0_1, Subscription};

    fn route(plugin: &str, patterns: &[&str]) -> Route {
        Route {
            plugin: plugin.into(),
            manifest: Manifest {
                version: "1".into(),
                description: String::new(),
                subscriptions: patterns
                    .iter()
                    .map(|pattern| Subscription {
                        pattern: ScopePattern::parse(pattern).unwrap(),
                        actions: Default::default(),
                    })
                    .collect(),
                wants: vec![],
                known_scopes: KNOWN_SCOPES_0_1,
            },
            matcher: Matcher::default(),
            digest: String::new(),
            parked: None,
        }
    }

    fn names(router: &Router, scope: &str) -> Vec<String> {
        let event = Event {
            scope: scope.into(),
            action: "create".into(),
            ..Event::default()
        };
        let found = router.route(&event);
        found
            .iter()
            .map(|routed| routed.route.plugin.clone())
            .collect()
    }

    #[test]
    fn each_event_finds_just_its_plugins() {
        let router = Router::new(vec![
            route("z-all", &["*"]),
            route("content", &["repo.content", "repo.*"]),
            route("config", &["repo.config"]),
            route("billing", &["billing"]),
            route("deep", &["a.b.c.d"]),
        ]);
        assert_eq!(names(&router, "repo.content"), ["content", "z-all"]);
        assert_eq!(
            names(&router, "repo.config.dois"),
            ["config", "content", "z-all"]
        );
        assert_eq!(names(&router, "billing.plan"), ["billing", "z-all"]);
        assert_eq!(names(&router, "a.b.c.d"), ["deep", "z-all"]);
        assert_eq!(names(&router, "a.b.c.d.e"), ["deep", "z-all"]);
        assert_eq!(names(&router, "repo.contents"), ["content", "z-all"]);
        assert_eq!(names(&router, ""), ["z-all"]);
    }

    #[test]
    fn an_endpoint_of_one_plugin_still_asks_its_subscriptions() {
        let router = Router::new(vec![route("a", &["repo"]), route("b", &["*"])]);
        let event = Event {
            scope: "discussion".into(),
            action: "create".into(),
            ..Event::default()
        };
        assert!(router.route_to("a", &event).is_empty());
        assert_eq!(router.route_to("b", &event).len(), 1);
        assert!(router.route_to("c", &event).is_empty());
    }

    #[test]
    fn a_scope_of_very_many_segments_costs_no_more_than_the_deepest_subscription() {
        let router = Router::new(vec![route("a", &["repo.*"])]);
        assert_eq!(names(&router, &format!("repo{}", ".x".repeat(500))), ["a"]);
    }
}
