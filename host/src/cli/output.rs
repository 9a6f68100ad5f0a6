//! What the commands print: tables and colour for people, JSON for programs.

use crate::cli::{EXIT_FAILURE, EXIT_OK};
use crate::delivery::{LogLine, OutgoingCall, Trap};
pub use crate::visible::{one_line, visible};
use anstream::eprintln;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use owo_colors::OwoColorize as _;
use rustix::process::{Signal, getpid, kill_process};
use serde::Serialize;
use std::io::{ErrorKind, Write as _};
use std::sync::Once;

/// Prints one JSON document.
///
/// # Errors
/// If it cannot be serialised.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints one JSON document on one line, where several follow one another.
///
/// # Errors
/// If it cannot be serialised.
pub fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// Prints a line. Whoever closed the other end, as `head` does, has read enough: that ends the command quietly.
pub fn line(text: &str) {
    let Err(failed) = writeln!(anstream::stdout(), "{text}") else {
        return;
    };
    if failed.kind() == ErrorKind::BrokenPipe {
        std::process::exit(i32::from(EXIT_OK));
    }
    error(&anyhow::Error::new(failed).context("cannot write to standard output"));
    std::process::exit(i32::from(EXIT_FAILURE));
}

/// Prints a line of a command that goes on and has children. Where nobody reads any more it is told to stop, as by
/// SIGTERM: it cannot just end, as others can.
pub fn tell(text: &str) {
    static TOLD: Once = Once::new();
    if writeln!(anstream::stdout(), "{text}").is_err() {
        // Once: a second signal would cut short what the first one lets finish.
        TOLD.call_once(|| {
            // A process may always signal itself.
            let _ = kill_process(getpid(), Signal::TERM);
        });
    }
}

/// Prints a line about what is going on, apart from the output.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Asks a question on a terminal; whether the answer is yes. The end of input is none.
///
/// # Errors
/// If standard error or input cannot be used.
pub fn ask(question: &str) -> std::io::Result<bool> {
    let answer = ask_for(question)?.to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

/// Asks for a text on a terminal. The end of input is an empty one.
///
/// # Errors
/// If standard error or input cannot be used.
pub fn ask_for(question: &str) -> std::io::Result<String> {
    let mut stderr = anstream::stderr();
    write!(stderr, "{question}")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Prints an error with all its causes.
pub fn error(error: &anyhow::Error) {
    eprintln!(
        "{} {}",
        "error:".red().bold(),
        visible(&format!("{error:#}"))
    );
}

/// Prints a table; words that are states have their colour. Nothing is wrapped or cut when it goes elsewhere than to
/// a terminal.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(|text| {
            let cell = Cell::new(one_line(&text));
            match tone(&text) {
                Some(Tone::Good) => cell.fg(Color::Green),
                Some(Tone::Waits) => cell.fg(Color::Yellow),
                Some(Tone::Bad) => cell.fg(Color::Red),
                None => cell,
            }
        }));
    }
    for row in table.lines() {
        // Columns are padded on both sides; the first needs none before it.
        line(row.strip_prefix(' ').unwrap_or(&row).trim_end());
    }
}

/// Prints an attempt's log.
pub fn logs(indent: &str, logs: &[LogLine]) {
    for log in logs {
        line(&log_line(indent, log));
    }
}

/// A line of an attempt's log. One with line breaks in it goes on under itself: it must not look like another.
#[must_use]
pub fn log_line(indent: &str, log: &LogLine) -> String {
    let head = format!("{indent}{:>6} ms  {:<5}  ", log.at_ms, one_line(&log.level));
    let under = format!("\n{:1$}", "", head.len());
    format!("{head}{}", visible(&log.text).replace('\n', &under))
}

/// Prints an attempt's outgoing calls.
pub fn calls(indent: &str, calls: &[OutgoingCall]) {
    for call in calls {
        line(&call_line(indent, call));
    }
}

/// A line of an attempt's outgoing calls: what was called, and the answer, or why there was none.
#[must_use]
pub fn call_line(indent: &str, call: &OutgoingCall) -> String {
    let OutgoingCall {
        method,
        url,
        status,
        ms,
        denied_by,
        error,
        ..
    } = call;
    let status = status.map(|status| format!("{status}, {ms} ms"));
    let denied = denied_by.as_ref().map(|by| format!("denied by {by}"));
    let parts = status.into_iter().chain(denied).chain(error.clone());
    let came = parts.collect::<Vec<_>>().join(": ");
    let arrow = if came.is_empty() { "" } else { " → " };
    format!(
        "{indent}{}{arrow}{}",
        one_line(format!("{method} {url}").trim()),
        one_line(&came)
    )
}

/// Prints what the sandbox met.
pub fn trap(indent: &str, trap: &Trap) {
    line(&format!("{indent}{}", one_line(&trap.message)));
    for frame in &trap.frames {
        line(&format!("{indent}  at {}", one_line(frame)));
    }
}

/// What a state or outcome means for whoever looks at it.
enum Tone {
    Good,
    Waits,
    Bad,
}

fn tone(word: &str) -> Option<Tone> {
    match word {
        "done" | "settled" | "loaded" => Some(Tone::Good),
        "pending" | "running" | "retry" | "held" | "compiling" | "missing" | "paused" => {
            Some(Tone::Waits)
        }
        "dead" | "refused" | "rejected" | "trapped" | "out-of-fuel" | "out-of-memory"
        | "timed-out" | "lost" | "conflict" => Some(Tone::Bad),
        _ => None,
    }
}

/// A state or outcome in its colour.
pub fn state(word: &str) -> String {
    match tone(word) {
        Some(Tone::Good) => word.green().to_string(),
        Some(Tone::Waits) => word.yellow().to_string(),
        Some(Tone::Bad) => word.red().to_string(),
        None => word.to_owned(),
    }
}
