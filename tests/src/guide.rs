//! A plugin of the Hub's guides at a Hub that is played, with the grant that lies beside its sources.

use crate::host::{Host, HostBuilder};
use crate::hub_api::FakeHubApi;
use crate::wait::eventually_or;
use serde_json::Value;
use std::time::Duration;

/// The longest that a run may take to its end.
const SOON: Duration = Duration::from_secs(20);

/// The plugin's host, and the Hub that it calls.
pub struct Guide {
    /// The Hub.
    pub hub: FakeHubApi,
    /// The host.
    pub host: Host,
}

impl Guide {
    /// Starts a host with a plugin by its own grant, as `grant` changes it.
    #[track_caller]
    pub fn start(plugin: &str, hub: FakeHubApi, grant: impl FnOnce(String) -> String) -> Self {
        Self::of(Host::with(&[plugin]), plugin, hub, grant)
    }

    /// The same with a host that is about to be started, and has the plugin already.
    #[track_caller]
    pub fn of(
        host: HostBuilder,
        plugin: &str,
        hub: FakeHubApi,
        grant: impl FnOnce(String) -> String,
    ) -> Self {
        let host = host.grant(plugin, &grant(hub.grant_of(plugin)));
        // Some guides ask for a token of their own.
        let host = hub.known_to(host).env("SPACE_CI_TOKEN", &hub.token());
        Self {
            host: host.start(),
            hub,
        }
    }

    /// Delivers an event; the delivery's id.
    #[track_caller]
    pub fn post(&self, event: &Value) -> String {
        let answer = self.host.hub().deliver(event).send();
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.id()
    }

    /// The plugin's run of a delivery, once it has come to its end.
    #[track_caller]
    pub fn ended(&self, delivery: &str) -> Value {
        let mut last = Value::Null;
        let found = eventually_or(SOON, || {
            last = self.run(delivery);
            let state = last.get("state").and_then(Value::as_str);
            let is_over = !matches!(state, None | Some("pending" | "running"));
            is_over.then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("it stands as {last:#}\n{}", self.host.log()))
    }

    /// The plugin's run of a delivery, as it stands.
    #[track_caller]
    #[must_use]
    pub fn run(&self, delivery: &str) -> Value {
        let delivery = self.host.delivery(delivery);
        delivery.pointer("/runs/0").cloned().unwrap_or_default()
    }

    /// An event is delivered and handled: how each attempt ended, and what the last one said.
    #[track_caller]
    pub fn handles(&self, event: &Value) -> (Vec<String>, String) {
        told(&self.ended(&self.post(event)))
    }

    /// An event is delivered, and nothing comes of it: no run, or one that is ignored, and nothing that is written.
    #[track_caller]
    pub fn leaves_alone(&self, event: &Value) {
        let before = self.written();
        let id = self.post(event);
        let runs = eventually_or(SOON, || {
            let delivery = self.host.delivery(&id);
            let settled = delivery.get("state").and_then(Value::as_str) == Some("settled");
            settled.then(|| delivery.get("runs").cloned().unwrap_or_default())
        });
        let states: Vec<_> = runs
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|run| run.get("state")?.as_str())
            .collect();
        assert!(
            runs.is_some() && states.iter().all(|state| *state == "ignored"),
            "{runs:#?} of {event:#}"
        );
        assert_eq!(self.written(), before, "{event:#}");
    }

    /// Method and path of what the plugin asked of the Hub, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let mut lines = self.hub.lines();
        // That is the host's own.
        lines.retain(|line| line != "GET /api/whoami-v2");
        lines
    }

    /// The same of what changes something.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        let mut lines = self.asked();
        lines.retain(|line| !line.starts_with("GET "));
        lines
    }
}

/// How each attempt of a run ended, and what the last one said.
#[must_use]
pub fn told(run: &Value) -> (Vec<String>, String) {
    let attempts = run.get("attempts").and_then(Value::as_array);
    let text = |attempt: &Value, key: &str| {
        let text = attempt.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let attempts = attempts.cloned().unwrap_or_default();
    let outcomes = attempts.iter().map(|attempt| text(attempt, "outcome"));
    let said = attempts.last().map(|attempt| text(attempt, "output"));
    (outcomes.collect(), said.unwrap_or_default())
}
