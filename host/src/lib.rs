//! Hookbox, the library behind the `hookbox` binary: receive → verify → route → record → run → settle.
//!
//! Modules stand in dependency order: each uses only those declared above it.

pub mod activity;
pub mod app;
pub mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod event;
pub mod intake;
pub mod ledger;
pub mod plugin;
pub mod router;
pub mod scope;
pub mod secret;
pub mod server;
pub mod telemetry;
pub mod worker;
