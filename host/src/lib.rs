//! Hookbox, the library behind the `hookbox` binary: receive → verify → route → record → run → settle.
//!
//! Modules stand in dependency order: each uses only those declared above it.

pub mod failpoint;
pub mod spelling;
pub mod visible;
pub mod clock;
pub mod metrics;
pub mod backoff;
pub mod scope;
pub mod event;
pub mod rule;
pub mod delivery;
pub mod ledger;
pub mod secret;
pub mod refusal;
pub mod telemetry;
pub mod outgoing;
pub mod plugin;
pub mod router;
pub mod replay;
pub mod intake;
pub mod loader;
pub mod worker;
pub mod alert;
pub mod exposition;
pub mod server;
pub mod activity;
pub mod admin;
pub mod config;
pub mod app;
pub mod cli;
