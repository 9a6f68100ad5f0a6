//! How a child that compiles ends, and what that says about the component.

use crate::plugin::compiler::child::Limit;
use crate::plugin::verdict::cut;
use crate::visible::one_line;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

/// Exit codes of the child: what it says on standard error is the whole reason; it is of another version; it could not
/// do its work.
pub const REFUSED: u8 = 3;
pub const ANOTHER_VERSION: u8 = 4;
pub const NOT_NOW: u8 = 5;

/// What clap ends a program with that does not know the child's command.
const USAGE: u8 = 2;

/// The longest reason that is passed on, in bytes.
const REASON_BYTES_MAX: usize = 2048;

/// What a panic of the child says that gets no thread or process.
const SHORT_OF_THREADS: [&str; 2] = ["Resource temporarily unavailable", "ThreadPoolBuildError"];

/// Rust's exit code of a panic.
const PANICKED: u8 = 101;

/// What to do about a component that takes too much.
const SMALLER: &str =
    "Python and JavaScript take a quarter of that, so leave out what it does not use";

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component is no good: the whole reason.
    #[error("{0}")]
    Refused(String),
    /// It takes too much memory.
    #[error(
        "compiling it takes more than {} MiB of memory; {SMALLER}",
        Limit::Memory.value() / 1024 / 1024
    )]
    Memory,
    /// It takes too much processor time.
    #[error(
        "compiling it takes more than {} s of processor time; {SMALLER}",
        Limit::Cpu.value()
    )]
    Cpu,
    /// It compiles to too much.
    #[error(
        "it compiles to more than {} MiB, too much for a component of {component_bytes} bytes; leave out what it does \
         not use",
        max / 1024 / 1024
    )]
    Large {
        /// The bound for a component of this size, in bytes.
        max: u64,
        /// Its size.
        component_bytes: u64,
    },
    /// It brought the compiler down.
    #[error("the compiler fails on it ({0}); please report this, with the component")]
    Crashed(String),
    /// The child did not get the processor.
    #[error(
        "compiling it was not done after {} s, for this machine has too much else to do; it is tried again",
        .0.as_secs()
    )]
    Late(Duration),
    /// Somebody killed the child, most likely the system.
    #[error(
        "the compiler was killed ({0}), most likely because this machine is short of memory; it is tried again"
    )]
    Killed(String),
    /// The child cannot be started or talked to.
    #[error("the compiler cannot be run: {0}; it is tried again")]
    Start(std::io::Error),
    /// The child cannot do its work.
    #[error("the compiler cannot work: {0}; it is tried again")]
    NotNow(String),
    /// The child is not this program.
    #[error(
        "the program that would compile it is not the one that runs: it was replaced, by an upgrade perhaps; restart \
         hookbox"
    )]
    AnotherVersion,
    /// The component cannot be read.
    #[error("it cannot be read: {0}")]
    Read(std::io::Error),
    /// The artifact cannot be written.
    #[error("what it compiles to cannot be kept: {0}")]
    Written(std::io::Error),
    /// What was written cannot be loaded this time.
    #[error("what it compiles to cannot be loaded: {0}")]
    Load(String),
    /// What it compiles to fits no sandbox: it would be the same another time.
    #[error("what it compiles to cannot be loaded: {0}; leave out what it does not use")]
    Unloadable(String),
    /// Its plugin has another version by now, or none.
    #[error("nobody wants it any more")]
    Unwanted,
    /// The host stops.
    #[error("hookbox stopped before it was compiled")]
    Stopped,
}

impl CompileError {
    /// The component's own fault, in wasmtime's words.
    pub(super) fn rejected(error: &wasmtime::Error) -> Self {
        let reason = cut(one_line(&format!("{error:#}")), REASON_BYTES_MAX);
        Self::Refused(format!(
            "does not compile: {reason}; build it anew with 'hookbox build'"
        ))
    }

    /// What was made cannot be loaded, in wasmtime's words: the machine's fault if it is short of something, and else
    /// the component's.
    pub(in crate::plugin) fn not_loaded(error: &wasmtime::Error) -> Self {
        let reason = cut(one_line(&format!("{error:#}")), REASON_BYTES_MAX);
        let is_of_machine = error.is::<wasmtime::OutOfMemory>()
            || (error.chain())
                .any(|cause| cause.is::<std::io::Error>() || cause.is::<rustix::io::Errno>());
        if is_of_machine {
            Self::Load(reason)
        } else {
            Self::Unloadable(reason)
        }
    }

    /// Whether it says nothing about the component: another time it may go well.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        !matches!(
            self,
            Self::Refused(_)
                | Self::Memory
                | Self::Cpu
                | Self::Large { .. }
                | Self::Crashed(_)
                | Self::Unloadable(_)
        )
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With an artifact.
    Made,
    /// With an exit code.
    Code(u8),
    /// By a signal.
    Signal(i32),
}

impl End {
    /// What the system says of it.
    pub fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Made,
            (Some(code), _) => Self::Code(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

/// Why there is no artifact, by how the child ended and what it said.
pub fn judge(end: &End, said: &str) -> CompileError {
    let is = |wanted: Signal| matches!(end, End::Signal(signal) if *signal == wanted.as_raw());
    // Those of Rust's allocator, and of the system.
    let is_out_of_memory = [
        "memory allocation of",
        "Cannot allocate memory",
        "out of memory",
    ]
    .iter()
    .any(|words| said.contains(words));
    match end {
        End::Code(REFUSED) if is_out_of_memory => CompileError::Memory,
        End::Code(REFUSED) => CompileError::Refused(cut(one_line(said), REASON_BYTES_MAX * 2)),
        End::Code(ANOTHER_VERSION | USAGE) => CompileError::AnotherVersion,
        End::Code(PANICKED) if SHORT_OF_THREADS.iter().any(|words| said.contains(words)) => {
            CompileError::NotNow(in_brief(said))
        }
        End::Code(NOT_NOW) => CompileError::NotNow(in_brief(said)),
        _ if is(Signal::XCPU) => CompileError::Cpu,
        _ if is(Signal::KILL) || is(Signal::TERM) => CompileError::Killed(shown(end)),
        _ if is_out_of_memory => CompileError::Memory,
        _ => CompileError::Crashed(format!("{}: {}", shown(end), in_brief(said))),
    }
}

fn shown(end: &End) -> String {
    match end {
        End::Made => "it ended well".to_owned(),
        End::Code(code) => format!("exit code {code}"),
        End::Signal(signal) => format!("signal {signal}"),
    }
}

/// A panic says where in its first line and what in its second.
fn in_brief(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let brief = one_line(&lines.take(2).collect::<Vec<_>>().join(" "));
    match brief.is_empty() {
        true => "it said nothing".to_owned(),
        false => cut(brief, REASON_BYTES_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_component_stays_on_its_line() {
        let error = wasmtime::Error::msg("unknown import `a\nname: good\u{1b}[2J`");
        for error in [
            CompileError::rejected(&error),
            CompileError::not_loaded(&error),
            judge(&End::Code(REFUSED), &error.to_string()),
            judge(&End::Code(PANICKED), "panicked\n\u{1b}[2J"),
        ] {
            let said = error.to_string();
            assert!(!said.chars().any(char::is_control), "{said:?}");
        }
    }

    #[test]
    fn each_end_has_a_reason_and_tells_whose_fault_it_is() {
        let table = [
            (
                End::Code(3),
                "it has 2 functions",
                "it has 2 functions",
                false,
            ),
            (End::Code(4), "0123", "restart hookbox", true),
            (
                End::Code(2),
                "error: unrecognized subcommand",
                "restart hookbox",
                true,
            ),
            (
                End::Code(5),
                "its limits cannot be set: no",
                "cannot work: its limits",
                true,
            ),
            (
                End::Signal(24),
                "",
                "more than 120 s of processor time",
                false,
            ),
            (
                End::Signal(6),
                "memory allocation of 9 bytes failed",
                "more than 2048 MiB",
                false,
            ),
            (
                End::Code(3),
                "does not compile: Cannot allocate memory",
                "more than 2048 MiB",
                false,
            ),
            (
                End::Signal(6),
                "\nthread 'main' has overflowed its stack",
                "overflowed",
                false,
            ),
            (
                End::Signal(11),
                "",
                "fails on it (signal 11: it said nothing)",
                false,
            ),
            (
                End::Code(101),
                "thread 'main' panicked at x:\nwhy",
                "panicked at x: why",
                false,
            ),
            (
                End::Code(101),
                "thread 'main' panicked at x:\nThreadPoolBuildError { kind: IOError(Os { code: 11 }) }",
                "cannot work: thread 'main' panicked at x: ThreadPoolBuildError",
                true,
            ),
            (End::Signal(9), "", "killed (signal 9)", true),
        ];
        for (end, said, expected, is_passing) in table {
            let error = judge(&end, said);
            assert!(error.to_string().contains(expected), "{end:?}: {error}");
            assert_eq!(error.is_passing(), is_passing, "{end:?}: {error}");
        }
    }
}
