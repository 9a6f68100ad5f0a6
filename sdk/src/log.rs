//! Log lines, kept with the attempt and shown to the operator.
//!
//! ```
//! use hookbox_sdk::{log, testing};
//!
//! let logs = testing::logs();
//! let repo = "openai-community/gpt2";
//! log::info!("looking at {repo}");
//! log::warn!("{} has no {}", repo, "card");
//! assert_eq!(logs.lines().len(), 2);
//! ```
//!
//! In the host they go through `wasi:logging`; in a native build they go to standard error. The host caps what it
//! keeps of an attempt, so a line in a long loop is not free.

#[cfg(not(target_family = "wasm"))]
use std::cell::RefCell;
use std::fmt;
#[cfg(not(target_family = "wasm"))]
use std::rc::Rc;

#[cfg(not(target_family = "wasm"))]
use crate::given::Stack;

/// How much a line matters.
///
/// ```
/// use hookbox_sdk::log::Level;
/// assert!(Level::Warn > Level::Info);
/// assert_eq!(Level::Warn.to_string(), "WARN");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps when looking for a fault.
    Debug,
    /// What happened.
    Info,
    /// What wants an eye.
    Warn,
    /// What went wrong.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        })
    }
}

/// Writes one line. `context` says where it comes from: the macros pass the module.
///
/// ```
/// use hookbox_sdk::{log::{Level, write}, testing};
///
/// let logs = testing::logs();
/// let level = if cfg!(debug_assertions) { Level::Info } else { Level::Debug };
/// write(level, "my-plugin", format_args!("{} of {}", 1, 2));
/// assert_eq!(logs.lines(), [format!("{level} 1 of 2")]);
/// ```
#[cfg(not(target_family = "wasm"))]
pub fn write(level: Level, context: &str, message: fmt::Arguments<'_>) {
    eprintln!("{level} {context}: {message}");
    if let Some(lines) = KEPT.with(Stack::last) {
        lines.borrow_mut().push(format!("{level} {message}"));
    }
}

/// Lines that a native test keeps.
#[cfg(not(target_family = "wasm"))]
pub(crate) type Lines = RefCell<Vec<String>>;

#[cfg(not(target_family = "wasm"))]
thread_local! {
    /// Where this thread's test keeps them.
    pub(crate) static KEPT: Stack<Rc<Lines>> = const { Stack::new() };
}

/// Writes one line. `context` says where it comes from: the macros pass the module.
#[cfg(target_family = "wasm")]
pub fn write(level: Level, context: &str, message: fmt::Arguments<'_>) {
    use crate::bindings::wasi::logging::logging;
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    match message.as_str() {
        Some(text) => logging::log(level, context, text),
        None => logging::log(level, context, &message.to_string()),
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($message:tt)+) => {
        $crate::log::write(
            $crate::log::Level::$level,
            ::core::module_path!(),
            ::core::format_args!($($message)+),
        )
    };
}

/// Logs every step: `log::trace!("…")`, with the arguments of [`format!`].
///
/// ```
/// use hookbox_sdk::{Event, Failure, log, testing};
///
/// let logs = testing::logs();
/// for update in &Event::sample("repo-content")?.payload()?.updated_refs {
///     log::trace!("looking at {}", update.short_name());
/// }
/// assert_eq!(logs.lines(), ["TRACE looking at main", "TRACE looking at old-branch"]);
/// # Ok::<(), Failure>(())
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($message:tt)+) => { $crate::__log!(Trace, $($message)+) };
}

/// Logs what helps when looking for a fault: `log::debug!("…")`, with the arguments of [`format!`].
///
/// ```
/// use hookbox_sdk::{log, testing};
///
/// let logs = testing::logs();
/// let found = ["README.md", "LICENSE"];
/// log::debug!("{} files: {found:?}", found.len());
/// assert_eq!(logs.lines(), [r#"DEBUG 2 files: ["README.md", "LICENSE"]"#]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($message:tt)+) => { $crate::__log!(Debug, $($message)+) };
}

/// Logs what happened: `log::info!("…")`, with the arguments of [`format!`].
///
/// ```
/// use hookbox_sdk::{Event, Failure, log, testing};
///
/// let logs = testing::logs();
/// let event = Event::sample("discussion-comment")?;
/// log::info!("a comment in {}", event.repo_name().unwrap_or("a repo without a name"));
/// assert_eq!(logs.lines(), ["INFO a comment in some-user/some-repo"]);
/// # Ok::<(), Failure>(())
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($message:tt)+) => { $crate::__log!(Info, $($message)+) };
}

/// Logs what wants an eye: `log::warn!("…")`, with the arguments of [`format!`].
///
/// ```
/// use hookbox_sdk::{hub::Card, log, testing};
///
/// let logs = testing::logs();
/// let card = Card::parse("---\ntags: [art]\n---\n# Reviews\n");
/// for key in ["license", "tags"].into_iter().filter(|key| !card.has(key)) {
///     log::warn!("the card has no {key}");
/// }
/// assert_eq!(logs.lines(), ["WARN the card has no license"]);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($message:tt)+) => { $crate::__log!(Warn, $($message)+) };
}

/// Logs what went wrong: `log::error!("…")`, with the arguments of [`format!`].
///
/// ```
/// use hookbox_sdk::{config, log, testing};
///
/// let logs = testing::logs();
/// if let Err(error) = config::require("channel") {
///     log::error!("nobody is told: {error}");
/// }
/// assert!(logs.lines()[0].starts_with("ERROR nobody is told: the setting `channel` is missing"));
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($message:tt)+) => { $crate::__log!(Error, $($message)+) };
}

#[doc(inline)]
pub use crate::{
    __debug as debug, __error as error, __info as info, __trace as trace, __warn as warn,
};
