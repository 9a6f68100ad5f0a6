//! The harness: what a story needs to be told about the real binary.
//!
//! [`Host`] is `hookbox serve` in a folder of its own, [`Dev`] is `hookbox dev` on projects of its own, [`Hub`] posts
//! as the Hub does and misbehaves on request, [`Cli`] is any other command, [`eventually`] waits without sleeping.
//! Nothing of Hookbox is mocked, and nothing of it is linked in: stories see what users see.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "the harness stops its story at the first surprise, with a message"
)]

pub mod bindings;
pub mod bombs;
mod browser;
mod built;
mod canary;
pub mod checker;
mod cli;
mod dev;
mod expect;
pub mod frozen;
mod guide;
mod host;
mod http;
mod https;
mod hub;
mod hub_api;
mod ledger_file;
mod lines;
pub mod markdown;
mod memory;
mod mount;
mod operator;
mod payloads;
mod promise;
mod python;
mod reader;
mod receiver;
mod schema;
mod server;
mod shared;
mod slack;
mod surfaces;
mod terminal;
mod wait;
pub mod wit_deps;
mod witness;

pub use browser::Browser;
pub use built::{
    component, component_bytes, digest, hookbox, hookbox_failing, story_target, version_of,
    workspace,
};
pub use canary::{Canary, Searched};
pub use cli::{Cli, Going, Ran};
pub use dev::{Dev, DevBuilder, processes_in};
pub use expect::{keys, met, says};
pub use guide::{Guide, told};
pub use host::{FailedStart, Host, HostBuilder};
pub use http::{Answer, Connection};
pub use hub::{Hub, Post};
pub use hub_api::{Call, FakeHubApi, Fault};
pub use ledger_file::LedgerFile;
pub use memory::Process;
pub use mount::Mount;
pub use operator::{Asked, Operator};
pub use payloads::{event, payload_file, payload_files};
pub use promise::{Promise, Promised, Promises, SeenSettled};
pub use python::{build_python, python_path};
pub use reader::{Reader, Tools, is_known};
pub use receiver::Receiver;
pub use schema::{departures, resolved};
pub use server::{Request, Server};
pub use shared::Shared;
pub use slack::{FakeSlack, Posted, SlackFault};
pub use surfaces::Surfaces;
pub use wait::{Raise, after, eventually, eventually_or};
pub use witness::{Happened, Life, Told, Witness};

/// The secret that hosts are started with unless a story says otherwise.
pub const SECRET: &str = "a-secret-of-the-stories";
