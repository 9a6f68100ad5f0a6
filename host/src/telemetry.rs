//! Logs: pretty on a terminal, JSON lines otherwise; always on standard error, so that output stays output.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// How much is logged unless `RUST_LOG` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What goes on, for a host whose log is all that is seen of it.
    Lifecycle,
    /// What wants an eye, for a command that shows what goes on by itself.
    Warnings,
}

impl Detail {
    const fn filter(self) -> &'static str {
        match self {
            Self::Lifecycle => "warn,hookbox=info",
            Self::Warnings => "warn,hookbox::app=error,hookbox::loader=error",
        }
    }
}

/// Starts logging for a host.
pub fn start(detail: Detail) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(detail.filter()));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start (in a test) changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
