//! From the end of a call into a guest to its outcome: what the plugin said, or what the sandbox met.

use crate::delivery::{Outcome, Trap};
use crate::plugin::bindings::v0_1::hookbox::plugin::types;
use crate::plugin::limiter::{Denied, TABLE_ELEMENTS_MAX};
use crate::plugin::sandbox::{GuestState, Limits};
use std::time::Duration;
use wasmtime::{Store, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// The longest of a guest's function names kept with a trap, in bytes.
const FRAME_BYTES_MAX: usize = 256;

/// The longest path of a source file kept with a frame, in bytes.
const PLACE_BYTES_MAX: usize = 1024;

/// The most frames kept with a trap: the engine's own bound counts functions, not those put into them.
const FRAMES_MAX: usize = 64;

/// Why a call into the guest gave no answer.
pub(in crate::plugin) enum Failed {
    Trapped(wasmtime::Error),
    TimedOut(Duration),
}

/// What a sandbox had used when its attempt ended.
pub(in crate::plugin) struct Used {
    pub fuel: u64,
    pub memory_peak_bytes: usize,
    denied: Option<Denied>,
}

impl Used {
    pub fn read(store: Option<&Store<GuestState>>, fuel_limit: u64) -> Self {
        store.map_or(
            Self {
                fuel: 0,
                memory_peak_bytes: 0,
                denied: None,
            },
            |store| Self {
                fuel: fuel_limit.saturating_sub(store.get_fuel().unwrap_or(0)),
                memory_peak_bytes: store.data().limiter.peak_bytes(),
                denied: store.data().limiter.denied(),
            },
        )
    }
}

/// An outcome and what goes with it.
pub(in crate::plugin) struct Judged {
    pub outcome: Outcome,
    pub output: Option<String>,
    pub after: Option<Duration>,
    pub trap: Option<Trap>,
}

/// From the end of a call to its outcome.
pub(in crate::plugin) fn judge(
    result: Result<Result<types::Outcome, types::Failure>, Failed>,
    used: &Used,
    limits: &Limits,
) -> Judged {
    let said = |outcome, output| Judged {
        outcome,
        output,
        after: None,
        trap: None,
    };
    let met = |outcome, message: String, frames| Judged {
        outcome,
        output: None,
        after: None,
        trap: Some(Trap { message, frames }),
    };
    let error = match result {
        Ok(Ok(types::Outcome::Done(output))) => return said(Outcome::Done, output),
        Ok(Ok(types::Outcome::Ignored(output))) => return said(Outcome::Ignored, output),
        Ok(Err(types::Failure::Rejected(reason))) => return said(Outcome::Rejected, Some(reason)),
        Ok(Err(types::Failure::Retry(later))) => {
            return Judged {
                after: later.after_ms.map(Duration::from_millis),
                ..said(Outcome::Retry, Some(later.reason))
            };
        }
        Err(Failed::TimedOut(after)) => {
            return met(
                Outcome::TimedOut,
                format!("took longer than {after:?}"),
                Vec::new(),
            );
        }
        Err(Failed::Trapped(error)) => error,
    };
    let frames = frames(&error);
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return match code {
            0 => said(
                Outcome::Rejected,
                Some("exited with code 0 without a result".to_owned()),
            ),
            code => met(Outcome::Trapped, format!("exited with code {code}"), frames),
        };
    }
    let trap = error.downcast_ref::<wasmtime::Trap>();
    let reason = error.root_cause().to_string();
    if trap == Some(&wasmtime::Trap::OutOfFuel) {
        return met(Outcome::OutOfFuel, "all fuel consumed".to_owned(), frames);
    }
    if let Some(cap) = crossed_cap(&reason) {
        return met(Outcome::Trapped, format!("{cap}: {reason}"), frames);
    }
    if let Some(denied) = used.denied {
        let limit = match denied {
            Denied::Memory => format!("{} KiB of memory", limits.memory_bytes / 1024),
            Denied::Table => format!("{TABLE_ELEMENTS_MAX} table elements"),
        };
        return met(
            Outcome::OutOfMemory,
            format!("wanted more than the {limit} it may have, then: {reason}"),
            frames,
        );
    }
    met(Outcome::Trapped, reason, frames)
}

/// The name of the cap on what crosses between guest and host, if that is what ended the call.
fn crossed_cap(reason: &str) -> Option<&'static str> {
    // Wasmtime gives these no public types, so they are told by their words; a test with a real guest for each
    // fails if an update changes them.
    if reason.contains("fuel allocated for hostcalls") {
        Some("host-call fuel")
    } else if reason.contains("resource table has no free keys") || reason.contains("table is full")
    {
        Some("resource cap")
    } else if reason.contains("handle") && reason.contains("limit") {
        Some("handle cap")
    } else {
        None
    }
}

/// The guest's functions on the stack, innermost first, with file and line where the component has them. A function
/// that the compiler put into its caller has a frame of its own: it is mostly the one that panicked.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    backtrace
        .frames()
        .iter()
        .flat_map(|frame| match frame.symbols() {
            [] => vec![shown(frame.func_name(), None)],
            symbols => symbols
                .iter()
                .map(|symbol| {
                    let place = symbol.file().zip(symbol.line());
                    shown(symbol.name().or_else(|| frame.func_name()), place)
                })
                .collect(),
        })
        .take(FRAMES_MAX)
        .collect()
}

/// A frame in words. Only its name is ever cut: the place is what people look for.
fn shown(name: Option<&str>, place: Option<(&str, u32)>) -> String {
    // Without its hash: a name is cut only where it is of no use to anybody.
    let name = format!(
        "{:#}",
        rustc_demangle::demangle(name.unwrap_or("<unnamed>"))
    );
    let name = cut(name, FRAME_BYTES_MAX);
    match place {
        Some((file, line)) => format!("{name} ({}:{line})", cut(file.to_owned(), PLACE_BYTES_MAX)),
        None => name,
    }
}

/// A text of at most so many bytes, cut between characters.
pub(in crate::plugin) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
