//! From an event to the plugins that handle it: an index from scopes to plugins, built when plugins change.
//!
//! Routing looks at the plugins whose subscriptions name the event's scope, one above it, or everything; never at
//! all plugins. It is pure: it runs and records nothing.

use crate::delivery::{NewRun, RunId};
use crate::event::Event;
use crate::ledger::{OwnAccount, PluginRecord};
use crate::plugin::grant::Matcher;
use crate::plugin::{Grant, Manifest};
use crate::rule::Rules;
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
    /// The id of the account whose credential its calls carry, if that is known.
    pub own: Option<String>,
    /// How its grant lets its runs follow each other.
    pub rules: Rules,
    /// The digest of its component.
    pub digest: String,
    /// Why its runs are parked, if they are.
    pub parked: Option<String>,
}

impl Route {
    /// The route of a plugin as it is noted. One that does not run gets parked runs; one whose grant cannot be used
    /// has no route, because nobody can tell which events its operator let through.
    ///
    /// # Errors
    /// Why it has none.
    pub fn of(record: &PluginRecord) -> Result<Self, Unrouted> {
        let manifest = record.manifest.as_deref().and_then(Manifest::from_stored);
        // The host's bound on memory is not known here, and has no say in what is routed.
        let grant = record
            .grant
            .as_deref()
            .and_then(|text| Grant::parse(text, usize::MAX).ok());
        let manifest = manifest.ok_or(Unrouted::NoManifest)?;
        let grant = grant.ok_or(Unrouted::NoGrant)?;
        Ok(Self {
            plugin: record.name.clone(),
            manifest,
            matcher: grant.matcher,
            own: record
                .own
                .as_ref()
                .and_then(OwnAccount::id)
                .map(str::to_owned),
            rules: grant.rules,
            digest: record.manifest_digest.clone().unwrap_or_default(),
            parked: record.state.parks(record.reason.as_deref()),
        })
    }
}

/// Why a plugin does not get an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrouted {
    /// Nothing is noted of it.
    #[error("there is no such plugin; put its file into the plugins folder")]
    Unknown,
    /// No version of it was ever described.
    #[error("no version of it could be loaded yet; see 'hookbox plugins'")]
    NoManifest,
    /// It never had a grant that can be used.
    #[error("its grant cannot be used; mend it, see 'hookbox plugins'")]
    NoGrant,
    /// No subscription of its admits the event.
    #[error("it does not subscribe to the event")]
    NotSubscribed,
    /// Its operator keeps the event from it.
    #[error("[match] in its grant keeps the event from it")]
    NotMatched,
    /// The plugin itself caused the event.
    #[error("its own account caused the event (`ignore-own` in its grant)")]
    Own,
}

/// A plugin that handles an event, and how it sees it.
#[derive(Debug, Clone)]
pub struct Routed<'a> {
    /// The plugin.
    pub route: &'a Route,
    /// The event as its subscription sees it.
    pub seen: SeenEvent,
}

impl Routed<'_> {
    /// A new run of the plugin, for the event that was routed to it.
    #[must_use]
    pub fn into_run(self, event: &Event) -> NewRun {
        NewRun {
            rules: self.route.rules.for_run(event, &self.seen),
            id: RunId::new(),
            plugin: self.route.plugin.clone(),
            scope: self.seen.scope,
            action: self.seen.action,
            routed_digest: self.route.digest.clone(),
            parked: self.route.parked.clone(),
        }
    }
}

/// The index.
#[derive(Debug, Default)]
pub struct Router {
    routes: Vec<Route>,
    without: BTreeMap<String, Unrouted>,
    by_name: BTreeMap<String, usize>,
    exact: HashMap<String, Vec<usize>>,
    subtree: HashMap<String, Vec<usize>>,
    everything: Vec<usize>,
    depth_max: usize,
}

impl Router {
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

    /// Builds the index from what is noted of plugins.
    #[must_use]
    pub fn of<'a>(records: impl IntoIterator<Item = &'a PluginRecord>) -> Self {
        let (mut routes, mut without) = (Vec::new(), BTreeMap::new());
        for record in records {
            match Route::of(record) {
                Ok(route) => routes.push(route),
                Err(reason) => {
                    without.insert(record.name.clone(), reason);
                }
            }
        }
        Self {
            without,
            ..Self::new(routes)
        }
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
            .filter_map(|at| judge(self.routes.get(at)?, event).ok())
            .collect();
        routed.sort_by(|one, other| one.route.plugin.cmp(&other.route.plugin));
        routed
    }

    /// The same for one plugin; empty if it is unknown or does not handle the event.
    #[must_use]
    pub fn route_to(&self, plugin: &str, event: &Event) -> Vec<Routed<'_>> {
        self.judge(plugin, event).into_iter().collect()
    }

    /// How a plugin sees an event, or why it does not get it.
    ///
    /// # Errors
    /// [`Unrouted`] is the reason.
    pub fn judge(&self, plugin: &str, event: &Event) -> Result<Routed<'_>, Unrouted> {
        let at = self.by_name.get(plugin);
        match at.and_then(|at| self.routes.get(*at)) {
            Some(route) => judge(route, event),
            None => Err(self
                .without
                .get(plugin)
                .copied()
                .unwrap_or(Unrouted::Unknown)),
        }
    }
}

fn judge<'a>(route: &'a Route, event: &Event) -> Result<Routed<'a>, Unrouted> {
    let seen = route.manifest.sees(&event.scope, &event.action);
    let seen = seen.ok_or(Unrouted::NotSubscribed)?;
    if !route.matcher.admits(event) {
        return Err(Unrouted::NotMatched);
    }
    if route.matcher.ignores(event, route.own.as_deref()) {
        return Err(Unrouted::Own);
    }
    Ok(Routed { route, seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{OwnStanding, PluginState};
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
            own: None,
            rules: Rules::default(),
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

    fn noted(name: &str, grant: Option<&str>) -> PluginRecord {
        PluginRecord {
            name: name.into(),
            state: PluginState::Loaded,
            reason: None,
            active: Some("d1".into()),
            candidate: None,
            manifest_digest: Some("d1".into()),
            manifest: Some(route(name, &["repo.*"]).manifest.to_stored()),
            grant: grant.map(str::to_owned),
            missing_since_ms: None,
            paused_by: None,
            own: None,
        }
    }

    #[test]
    fn what_is_noted_of_plugins_says_which_events_they_get_and_why_not() {
        let router = Router::of(&[
            noted("default", Some("")),
            noted("narrow", Some("[match]\nrepo = [\"b/*\"]\n")),
            noted("ungranted", None),
            noted("later", Some("a-key-of-another-version = 1\n")),
            PluginRecord {
                manifest: None,
                ..noted("bad", Some(""))
            },
        ]);
        let about = |scope: &str, repo: &str| {
            let body = format!(
                r#"{{"event":{{"scope":"{scope}","action":"create"}},"repo":{{"name":"{repo}"}}}}"#
            );
            Event::parse(body.as_bytes()).unwrap()
        };
        let plugins = |event: &Event| {
            let routed = router.route(event);
            let names = routed.iter().map(|routed| routed.route.plugin.clone());
            names.collect::<Vec<_>>()
        };
        let event = about("repo", "a/x");
        assert_eq!(plugins(&event), ["default"]);
        assert_eq!(plugins(&about("repo", "b/x")), ["default", "narrow"]);
        for (plugin, reason) in [
            ("narrow", Unrouted::NotMatched),
            ("ungranted", Unrouted::NoGrant),
            ("later", Unrouted::NoGrant),
            ("bad", Unrouted::NoManifest),
            ("nobody", Unrouted::Unknown),
        ] {
            assert_eq!(
                router.judge(plugin, &event).unwrap_err(),
                reason,
                "{plugin}"
            );
        }
        let other = about("discussion", "b/x");
        assert_eq!(
            router.judge("narrow", &other).unwrap_err(),
            Unrouted::NotSubscribed
        );
    }

    #[test]
    fn what_a_plugin_itself_wrote_is_not_routed_to_it() {
        let own = |id: &str| OwnAccount {
            of: "x".into(),
            standing: OwnStanding::Known {
                id: id.into(),
                name: None,
            },
        };
        let commented = |own: Option<OwnAccount>, grant: &str| PluginRecord {
            manifest: Some(route("a", &["discussion.comment"]).manifest.to_stored()),
            own,
            ..noted("a", Some(grant))
        };
        let event = Event {
            scope: "discussion.comment".into(),
            action: "create".into(),
            comment_author_id: Some("me".into()),
            ..Event::default()
        };
        let unknown = OwnAccount {
            standing: OwnStanding::Unknown { reason: "?".into() },
            ..own("me")
        };
        for (own, grant, expected) in [
            (Some(own("me")), "", Some(Unrouted::Own)),
            (Some(own("other")), "", None),
            (Some(own("me")), "[match]\nignore-own = false", None),
            (Some(unknown), "", None),
            (None, "", None),
        ] {
            let router = Router::of(&[commented(own, grant)]);
            assert_eq!(router.judge("a", &event).err(), expected, "{grant}");
        }
    }

    #[test]
    fn a_plugin_that_does_not_run_is_routed_to_and_says_why_its_runs_wait() {
        let stands = |state, reason: Option<&str>| {
            let record = PluginRecord {
                state,
                reason: reason.map(str::to_owned),
                ..noted("a", Some(""))
            };
            Route::of(&record).unwrap().parked
        };
        assert_eq!(stands(PluginState::Loaded, None), None);
        assert_eq!(stands(PluginState::Compiling, Some("new")), None);
        let gone = stands(PluginState::Missing, Some("its file is gone"));
        assert_eq!(gone.as_deref(), Some("missing: its file is gone"));
        assert_eq!(stands(PluginState::Held, None).as_deref(), Some("held"));
    }

    #[test]
    fn a_scope_of_very_many_segments_costs_no_more_than_the_deepest_subscription() {
        let router = Router::new(vec![route("a", &["repo.*"])]);
        assert_eq!(names(&router, &format!("repo{}", ".x".repeat(500))), ["a"]);
    }
}
