//! The page of one delivery: what was received, its runs and attempts, and a replay.

use super::list::run_state;
use super::pretty::pretty;
use super::{navigation, state, text, time};
use crate::delivery::{LogLine, Outcome, Trap};
use crate::ledger::{AttemptEntry, DeliveryRecord, Payload, RunRecord};
use crate::visible::visible;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// The most of a payload that is shown, in bytes; the API has all of it.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// The most log lines of an attempt that are shown.
const LOG_LINES_MAX: usize = 200;

/// The most of one text of a plugin that is shown, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The page of a delivery and its title.
pub fn detail(prefix: &str, delivery: &DeliveryRecord) -> (String, Markup) {
    let event = delivery.title();
    let body = html! {
        (navigation(prefix))
        h1 { (text(&event)) " " (state(delivery.state.as_str())) }
        (facts(delivery))
        (replay(prefix, delivery))
        h2 { "Runs" }
        @if delivery.runs.is_empty() && delivery.unparsable.is_none() { p.quiet { "No plugin took it." } }
        @if let Some(reason) = &delivery.unparsable {
            p { "It is no event, so no plugin got it: " (text(reason)) "." }
        }
        @for run in &delivery.runs { (one_run(run)) }
        h2 { "Payload" }
        (payload(prefix, delivery))
    };
    (event, body)
}

fn facts(delivery: &DeliveryRecord) -> Markup {
    let repo = [&delivery.repo_type, &delivery.repo_name, &delivery.repo_id];
    let repo: Vec<&str> = repo.into_iter().flatten().map(String::as_str).collect();
    html! {
        dl {
            dt { "delivery" } dd { code { (delivery.id) } }
            dt { "received" } dd { (time(delivery.received_ms)) " at " code { (text(&delivery.path)) } }
            @if !repo.is_empty() { dt { "repo" } dd { (text(&repo.join(" "))) } }
            @if let Some(id) = &delivery.webhook_id { dt { "webhook" } dd { code { (text(id)) } } }
            @if let Some(id) = &delivery.hub_id {
                dt { "hub id" } dd { code { (text(id)) } ", came again " (delivery.duplicates) " times" }
            }
        }
    }
}

fn replay(prefix: &str, delivery: &DeliveryRecord) -> Markup {
    let plugins: BTreeSet<&str> = delivery.runs.iter().map(|run| &*run.plugin).collect();
    html! {
        form method="post" action={ (prefix) "/deliveries/" (delivery.id) "/replay" } {
            select name="plugin" aria-label="plugin" {
                option value="" { "all plugins that take it now" }
                @for plugin in plugins { option value=(plugin) { (text(plugin)) } }
            }
            button { "Replay" }
        }
    }
}

fn one_run(run: &RunRecord) -> Markup {
    html! {
        section.run {
            h3 { (text(&run.plugin)) " " (run_state(run)) }
            p.quiet {
                "run " code { (run.id) } " sees " (text(&run.scope)) " " (text(&run.action))
                @if let Some(replayed) = run.replay_of { ", replays " code { (replayed) } }
                @if run.stands_for > 0 { ", stands for " (run.stands_for) " more" }
                @if let Some(next) = run.next_attempt_ms { ", next attempt at " (time(next)) }
            }
            @if let Some(reason) = &run.reason { p { (text(reason)) } }
            @for attempt in &run.attempts { (one_attempt(attempt)) }
        }
    }
}

fn one_attempt(attempt: &AttemptEntry) -> Markup {
    let outcome = attempt.outcome.map_or("running", Outcome::as_str);
    html! {
        h3 { "Attempt " (attempt.n) " " (state(outcome)) }
        p.quiet {
            (time(attempt.started_ms))
            @if let Some(version) = &attempt.version { ", version " (text(version)) }
            @if let (Some(fuel), Some(limit)) = (attempt.fuel, attempt.fuel_limit) { ", fuel " (fuel) " of " (limit) }
            @if let Some(bytes) = attempt.memory_peak_bytes { ", memory " (bytes / 1024) " KiB" }
            @if let Some(ms) = attempt.wall_ms { ", " (ms) " ms" }
        }
        @if let Some(output) = &attempt.output { pre { (cut(output, TEXT_BYTES_MAX)) } }
        @if let Some(trap) = &attempt.trap { (met(trap)) }
        @if !attempt.logs.is_empty() { (logs(&attempt.logs)) }
        @if !attempt.calls.is_empty() {
            div.wide { table {
                tr { th { "call" } th { "answer" } th { "ms" } }
                @for call in &attempt.calls {
                    tr {
                        td { (text(&call.method)) " " (text(&call.url)) }
                        td {
                            @if let Some(status) = call.status { (status) }
                            @if let Some(by) = &call.denied_by { span.bad { "denied by " (text(by)) } }
                            @if let Some(error) = &call.error { " " span.bad { (text(error)) } }
                        }
                        td { (call.ms) }
                    }
                }
            } }
        }
    }
}

fn met(trap: &Trap) -> Markup {
    html! {
        p.bad { (text(&trap.message)) }
        @if !trap.frames.is_empty() {
            pre { @for frame in &trap.frames { "at " (text(frame)) "\n" } }
        }
    }
}

fn logs(logs: &[LogLine]) -> Markup {
    html! {
        div.wide { table {
            @for log in logs.iter().take(LOG_LINES_MAX) {
                tr {
                    td.id { (log.at_ms) " ms" }
                    td { (text(&log.level)) }
                    td { (cut(&log.text, TEXT_BYTES_MAX)) }
                }
            }
        } }
        @if logs.len() > LOG_LINES_MAX {
            p.quiet { (logs.len() - LOG_LINES_MAX) " more lines; the API has all of them." }
        }
    }
}

fn payload(prefix: &str, delivery: &DeliveryRecord) -> Markup {
    let Some(Payload { body, headers }) = &delivery.payload else {
        return html! { p.quiet { "It is not kept any more." } };
    };
    // White space shrinks when it is shown; what is mostly that is not read to its end for it.
    let read = body.get(..PAYLOAD_BYTES_MAX * 4).unwrap_or(body);
    let (shown, fits) = pretty(&String::from_utf8_lossy(read), PAYLOAD_BYTES_MAX);
    let whole = fits && read.len() == body.len();
    html! {
        dl {
            @for (name, value) in headers { dt { (text(name)) } dd { (text(value)) } }
        }
        pre { (visible(&shown)) }
        @if !whole {
            p.quiet { "Only its beginning is shown; " a href={ (prefix) "/api/v1/deliveries/" (delivery.id) }
                { "the API has all of it" } "." }
        }
    }
}

/// The beginning of a text of others.
fn cut(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max.min(text.len()));
    let shown = visible(text.get(..end).unwrap_or_default());
    if end < text.len() {
        return format!("{shown}…");
    }
    shown
}
