//! A plugin that calls every function of the world `hookbox:plugin/plugin@0.1.0`.
//!
//! What can be had under a grant of that time is had; what is always refused is asked for, and the answer passed over.
#![cfg(target_family = "wasm")]
#![expect(missing_docs, unsafe_code, reason = "the bindings are generated")]

mod cli;
mod files;
mod http;
mod io;
mod sockets;

wit_bindgen::generate!({
    path: "wit",
    world: "plugin",
    generate_all,
});

use exports::hookbox::plugin::handler::{Delivery, Failure, Guest, Manifest, Outcome};
use hookbox::plugin::raw;
use hookbox::plugin::types::{RetryLater, Subscription, Want};
use wasi::config::store as config;
use wasi::keyvalue::{atomics, store};
use wasi::logging::logging::{Level, log};

struct Component;

export!(Component);

impl Guest for Component {
    fn describe() -> Manifest {
        let want = |kind: &str, name: &str, detail: &str, required| Want {
            kind: kind.into(),
            name: name.into(),
            detail: detail.into(),
            required,
            reason: "to call all that there is".into(),
        };
        let to = |scope: &str, actions: &[&str]| Subscription {
            scope: scope.into(),
            actions: actions.iter().map(|&action| action.into()).collect(),
        };
        Manifest {
            version: "1.0.0".into(),
            description: "Calls every function of the interface 0.1.0".into(),
            subscriptions: vec![
                to("repo", &[]),
                to("repo.content", &[]),
                to("repo.config", &["create", "update"]),
                to("discussion.*", &["create"]),
            ],
            wants: vec![
                want("state", "calls", "", false),
                want("config", "receiver", "", false),
                want("http", "huggingface.co", r#"{"methods":["POST"]}"#, false),
            ],
        }
    }

    fn handle(delivery: Delivery) -> Result<Outcome, Failure> {
        log(
            Level::Info,
            &delivery.event.scope,
            &format!("attempt {}", delivery.attempt),
        );
        if delivery.event.sent_action == "echo" {
            return echo(&delivery);
        }
        let payload = raw::payload();
        let kind = raw::header("content-type").unwrap_or_default();
        let Some(receiver) = config::get("receiver").map_err(rejected)? else {
            return Ok(Outcome::Ignored(Some("no receiver".into())));
        };
        let settings = config::get_all().map_err(rejected)?.len();
        let count = state(&delivery.run_id).map_err(rejected)?;
        let status = http::post(&receiver, &payload).map_err(|reason| {
            Failure::Retry(RetryLater {
                reason,
                after_ms: Some(40_000),
            })
        })?;
        io::call();
        files::call();
        sockets::call();
        cli::call(&delivery.event.action);
        Ok(Outcome::Done(Some(format!(
            "{kind}, {settings} settings, call {count}, status {status}"
        ))))
    }
}

/// All that a delivery says: at first as the reason for a second attempt, then as what was done.
fn echo(delivery: &Delivery) -> Result<Outcome, Failure> {
    let Delivery {
        id,
        run_id,
        attempt,
        received_at,
        event,
    } = delivery;
    let said = format!(
        "delivery {id}, run {run_id}, attempt {attempt}, received at {received_at}, \
         {} {} sent as {} {}, {:?} {:?} {:?}",
        event.scope,
        event.action,
        event.sent_scope,
        event.sent_action,
        event.repo_type,
        event.repo_name,
        event.repo_id,
    );
    match attempt {
        1 => Err(Failure::Retry(RetryLater {
            reason: said,
            after_ms: Some(1),
        })),
        _ => Ok(Outcome::Done(Some(said))),
    }
}

fn rejected(error: impl std::fmt::Debug) -> Failure {
    Failure::Rejected(format!("{error:?}"))
}

/// How often this was called, as the plugin's state has it.
fn state(run: &str) -> Result<u64, store::Error> {
    let bucket = store::open("default")?;
    bucket.set("run", run.as_bytes())?;
    if bucket.get("run")?.as_deref() != Some(run.as_bytes()) || !bucket.exists("run")? {
        return Err(store::Error::Other("what was set is not there".into()));
    }
    bucket.delete("run")?;
    let keys = bucket.list_keys(None)?.keys.len();
    let count = atomics::increment(&bucket, "calls", 1)?;
    if keys > 1 {
        return Err(store::Error::Other("what was deleted is there".into()));
    }
    Ok(count)
}

/// A resource that nobody gives a plugin: what it has is still linked.
fn nowhere<T>() -> Option<T> {
    std::hint::black_box(None)
}
