//! Where the time of an attempt goes, for whoever measures: the store, the limits and the call of an attempt, with a
//! clock read in between, and nothing made of the outcome.

use super::{Guest, Invocation, Limits, new_store, to_guest};
use crate::plugin::component::Component;
use crate::plugin::engine::Engine;
use std::time::{Duration, Instant};

/// How long each part of an attempt took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// Making the store, with every limit set.
    pub store: Duration,
    /// Instantiating the component in it.
    pub instantiate: Duration,
    /// The guest's own work, with what it calls.
    pub call: Duration,
    /// Giving back what the sandbox held.
    pub drop: Duration,
}

/// Makes one attempt without a time limit and tells where its time went.
///
/// # Errors
/// What the sandbox met, in wasmtime's words.
pub async fn phases(
    engine: &Engine,
    component: &Component,
    limits: &Limits,
    invocation: Invocation,
) -> Result<Phases, String> {
    let told = |error: wasmtime::Error| format!("{error:#}");
    let began = Instant::now();
    let delivery = to_guest(&invocation);
    let guest = Guest::alone(invocation.body, invocation.headers);
    let mut store = new_store(engine, limits, limits.fuel, guest).map_err(told)?;
    let stored = Instant::now();
    let host = component.pre().instantiate_async(&mut store).await;
    let host = host.map_err(told)?;
    let instantiated = Instant::now();
    let answer = host
        .hookbox_plugin_handler()
        .call_handle(&mut store, &delivery)
        .await;
    let called = Instant::now();
    drop(store);
    let dropped = Instant::now();
    answer
        .map_err(told)?
        .map_err(|failure| format!("{failure:?}"))?;
    Ok(Phases {
        store: stored - began,
        instantiate: instantiated - stored,
        call: called - instantiated,
        drop: dropped - called,
    })
}
