//! The front page: how the host does, its plugins, the latest deliveries, and what was refused.

use super::{navigation, state, text, time};
use crate::activity::HealthJson;
use crate::activity::holding::StateUsageJson;
use crate::admin::answer::Failure;
use crate::admin::desk::Desk;
use crate::admin::health::health;
use crate::admin::query::DeliveryQuery;
use crate::delivery::DeliveryState;
use crate::ledger::{DeliveryRecord, OwnAccount, PluginRecord, PluginState, RunRecord, Totals};
use crate::plugin::{Manifest, PluginName};
use crate::refusal::Refusal;
use maud::{Markup, html};

/// How many refused requests are shown.
const REFUSALS: usize = 50;

/// The front page and its title.
pub async fn front(desk: &Desk, query: &DeliveryQuery) -> Result<(String, Markup), Failure> {
    let page = desk.deliveries(query).await?;
    let health = health(desk).await;
    let plugins = desk.ledger.plugins().await?;
    let totals = desk.ledger.totals().await?;
    let older = page.next.map(|next| query.next(&next.to_string()));
    let body = html! {
        (navigation(desk.prefix))
        h1 { "Hookbox" }
        (standing(&health))
        h2 { "Deliveries" }
        (filter(desk.prefix, query, &plugins))
        (deliveries(desk.prefix, &page.items))
        @if let Some(older) = older {
            p { a href={ (desk.prefix) "/?" (older) } { "Older deliveries" } }
        }
        h2 { "Plugins" }
        (standings(desk.prefix, &plugins, &totals))
        h2 { "Refused requests" }
        (refused(&desk.requests(REFUSALS), desk.refusals.total(), desk.started_ms))
    };
    Ok(("Deliveries".to_owned(), body))
}

fn standing(health: &HealthJson) -> Markup {
    html! {
        p {
            @if health.ready { span.good { "ready" } } @else { span.bad { "not ready" } }
            ", hookbox " (health.version) ", since " (health.started_at)
            @if let Some(backlog) = &health.backlog {
                ", " (backlog.runs) " runs to go, " (backlog.parked) " parked"
            }
        }
        @for reason in &health.reasons { p.bad { (text(reason)) } }
    }
}

fn filter(prefix: &str, query: &DeliveryQuery, plugins: &[PluginRecord]) -> Markup {
    let option = |value: &str, chosen: &str| {
        html! { option value=(value) selected[value == chosen] { (value) } }
    };
    html! {
        form method="get" action={ (prefix) "/" } {
            label { "state "
                select name="state" {
                    option value="" { "any" }
                    @for state in DeliveryState::ALL { (option(state.as_str(), query.state())) }
                }
            }
            label { "plugin "
                select name="plugin" {
                    option value="" { "any" }
                    @for plugin in plugins { (option(&plugin.name, query.plugin())) }
                }
            }
            button { "Show" }
        }
    }
}

fn deliveries(prefix: &str, deliveries: &[DeliveryRecord]) -> Markup {
    if deliveries.is_empty() {
        return html! { p.quiet { "None here." } };
    }
    html! {
        div.wide { table {
            tr { th { "received" } th { "event" } th { "repo" } th { "state" } th { "runs" } }
            @for delivery in deliveries {
                tr {
                    td { a href={ (prefix) "/deliveries/" (delivery.id) } { (time(delivery.received_ms)) } }
                    td { (text(&delivery.title())) }
                    td { (text(delivery.repo_name.as_deref().unwrap_or_default())) }
                    td { (state(delivery.state.as_str())) }
                    td { @for run in &delivery.runs { div { (text(&run.plugin)) " " (run_state(run)) } } }
                }
            }
        } }
    }
}

/// Where a run stands, in a word.
pub fn run_state(run: &RunRecord) -> Markup {
    if run.gate == crate::delivery::Gate::Parked && !run.state.is_settled() {
        return state("parked");
    }
    state(run.state.as_str())
}

fn standings(prefix: &str, plugins: &[PluginRecord], totals: &Totals) -> Markup {
    if plugins.is_empty() {
        return html! { p.quiet { "There are none: put NAME.wasm into the plugins folder." } };
    }
    html! {
        div.wide { table {
            tr { th { "name" } th { "state" } th { "version" } th { "reason" } th { "" } }
            @for plugin in plugins {
                tr {
                    td { (text(&plugin.name)) }
                    td { (state(plugin.state.as_str())) }
                    td { (text(&version(plugin))) }
                    td {
                        (text(plugin.reason.as_deref().unwrap_or_default()))
                        @if let Some(candidate) = plugin.candidate.as_ref().filter(|_| plugin.active.is_some()) {
                            div { "a new version is " (state(candidate.state.as_str())) ": "
                                (text(candidate.reason.as_deref().unwrap_or_default())) }
                        }
                        @if let Some(by) = plugin.paused_by.as_ref().filter(|_| plugin.state != PluginState::Paused) {
                            div { "also paused by " (text(by)) }
                        }
                        @if let Some(why) = plugin.own.as_ref().and_then(OwnAccount::unknown) {
                            div { "its own account is not known, so what that writes comes to it: " (text(why)) }
                        }
                        @if let Some(usage) = StateUsageJson::of(plugin.grant.as_deref(), totals.stored(&plugin.name)) {
                            div.quiet { "keeps " (usage) }
                        }
                    }
                    td { (switch(prefix, plugin)) }
                }
            }
        } }
    }
}

/// The button that pauses a plugin, or ends its pause. A file that no plugin can have has none.
fn switch(prefix: &str, plugin: &PluginRecord) -> Markup {
    let (to, title) = match plugin.paused_by {
        Some(_) => ("resume", "Resume"),
        None => ("pause", "Pause"),
    };
    html! {
        @if PluginName::parse(&plugin.name).is_ok() {
            form method="post" action={ (prefix) "/plugins/" (plugin.name) "/" (to) } { button { (title) } }
        }
    }
}

fn version(plugin: &PluginRecord) -> String {
    let manifest = plugin.manifest.as_deref().and_then(Manifest::from_stored);
    manifest.map_or_else(String::new, |manifest| manifest.version)
}

fn refused(refusals: &[Refusal], total: u64, started_ms: u64) -> Markup {
    if refusals.is_empty() {
        return html! { p.quiet { "No request was refused since the host started at " (time(started_ms)) "." } };
    }
    html! {
        p.quiet { (total) " since the host started at " (time(started_ms)) "; the last ones:" }
        div.wide { table {
            tr { th { "time" } th { "status" } th { "request" } th { "reason" } th { "peer" } }
            @for refusal in refusals {
                tr {
                    td { (time(refusal.at_ms)) }
                    td { (refusal.status) }
                    td { (text(&refusal.method)) " " (text(&refusal.path)) }
                    td { (text(&refusal.reason)) }
                    td.id { (refusal.peer) }
                }
            }
        } }
    }
}
