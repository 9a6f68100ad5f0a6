//! Logs: pretty on a terminal, JSON lines otherwise; always on standard error, so that output stays output.
//!
//! One line is one event, with the spans around it: the delivery, the attempt. What others say in it is made visible
//! first. Dependencies are heard from `warn` up whatever `RUST_LOG` says: what they tell besides may hold a header, a
//! body or a key. Those that warn of what a guest does are not heard at all: it could do that for ever.

use crate::clock::{now_ms, rfc3339};
use crate::visible::one_line;
use owo_colors::OwoColorize as _;
use std::fmt::Debug;
use std::io::IsTerminal as _;
use tracing::field::Field;
use tracing::{Level, Metadata};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::fmt::format::{FormatFields, Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

/// The variable that says how much is logged.
const VARIABLE: &str = "RUST_LOG";

/// Dependencies that warn each time a guest asks for what cannot be: of that, its attempt keeps what is worth keeping.
const UNHEARD: &[&str] = &["wasmtime_wasi_http"];

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
    let wanted = std::env::var_os(VARIABLE).map(|text| text.to_string_lossy().into_owned());
    let (filter, problem) = filter(detail, wanted.as_deref().unwrap_or_default());
    let layer = if std::io::stderr().is_terminal() {
        let colour = anstream::AutoStream::choice(&std::io::stderr());
        pretty(std::io::stderr, colour != anstream::ColorChoice::Never)
    } else {
        json(std::io::stderr)
    };
    let layer = layer.with_filter(filter.and(filter_fn(may_be_told)));
    // A second start (in a test) changes nothing.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    if let Some(problem) = problem {
        tracing::warn!("{VARIABLE}: {problem}");
    }
}

/// What is wanted, if that can be understood, and what about it is not done.
fn filter(detail: Detail, wanted: &str) -> (EnvFilter, Option<String>) {
    let usual = || EnvFilter::new(detail.filter());
    if wanted.trim().is_empty() {
        return (usual(), None);
    }
    match EnvFilter::builder().parse(wanted) {
        Ok(filter) => {
            let unheard = asks_others(&filter).then(|| {
                "dependencies are logged from `warn` up only, because they might tell secrets; \
                 hookbox=debug is as much as can be asked for"
                    .to_owned()
            });
            (filter, unheard)
        }
        Err(error) => (usual(), Some(not_understood(&error))),
    }
}

fn not_understood(error: &ParseError) -> String {
    format!("not understood ({error}), so it is left out; write it as in hookbox=debug")
}

/// Whether a filter names somebody else than Hookbox, for more than warnings.
fn asks_others(filter: &EnvFilter) -> bool {
    let directives = filter.to_string();
    directives
        .split(',')
        .filter_map(|directive| directive.rsplit_once('='))
        .any(|(target, level)| {
            let more = ["info", "debug", "trace"];
            !target.contains('[')
                && !is_ours(target)
                && more.iter().any(|word| level.eq_ignore_ascii_case(word))
        })
}

/// Whether an event or span may be told at all.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    is_ours(target)
        || *metadata.level() <= Level::WARN && !UNHEARD.iter().any(|name| is_of(target, name))
}

fn is_ours(target: &str) -> bool {
    is_of(target, "hookbox")
}

/// Whether a target is of this crate.
fn is_of(target: &str, name: &str) -> bool {
    target
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// Lines for people.
fn pretty<W>(writer: W, colour: bool) -> Boxed<Registry>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer()
        .with_writer(writer)
        .with_ansi(colour)
        .with_target(false)
        .with_timer(Milliseconds)
        .fmt_fields(visible_fields())
        .boxed()
}

/// Lines for programs.
fn json<W>(writer: W) -> Boxed<Registry>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        // The list of spans has it, too.
        .with_current_span(false)
        .with_ansi(false)
        .with_timer(Milliseconds)
        .with_writer(writer)
        .boxed()
}

/// Fields as the library shows them, save that no value gets through with a control character: the library lets some
/// pass, and a line break in a repo's name would look like a line of ours.
fn visible_fields() -> impl for<'a> FormatFields<'a> + Send + Sync + 'static {
    let field = |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| {
        let value = one_line(&format!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{value}"),
            name if writer.has_ansi_escapes() => {
                write!(writer, "{}{}{value}", name.italic(), "=".dimmed())
            }
            name => write!(writer, "{name}={value}"),
        }
    };
    debug_fn(field).delimited(" ")
}

/// Times as everywhere else: RFC 3339 in UTC with milliseconds.
struct Milliseconds;

impl FormatTime for Milliseconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&rfc3339(now_ms()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `tell` logs, with this in `RUST_LOG`.
    fn written(
        layer: impl FnOnce(Box<dyn Fn() -> Written + Send + Sync>) -> Boxed<Registry>,
        wanted: &str,
        tell: impl FnOnce(),
    ) -> String {
        let written = Written::default();
        let writer = written.clone();
        let (filter, _) = filter(Detail::Lifecycle, wanted);
        let layer = layer(Box::new(move || writer.clone()));
        let layer = layer.with_filter(filter.and(filter_fn(may_be_told)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn tell_of_an_attempt() {
        let delivery = tracing::info_span!("delivery", delivery = "0199");
        let _delivery = delivery.enter();
        let attempt = tracing::info_span!("attempt", plugin = "hello", n = 1);
        let _attempt = attempt.enter();
        let error = io::Error::other("a\u{1b}[2Jb\nc\u{9b}31m\u{202e}d\r");
        tracing::warn!(%error, repo = "x\u{1b}]0;y\u{7}\n", "m\u{1b}[1m\r\n2026 INFO all is well");
    }

    #[test]
    fn no_control_character_of_others_reaches_a_terminal() {
        let plain = written(|writer| pretty(writer, false), "", tell_of_an_attempt);
        let (time, rest) = plain.split_once(' ').unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        assert_eq!(
            rest,
            " WARN delivery{delivery=\"0199\"}:attempt{plugin=\"hello\" n=1}: \
             m\\u{1b}[1m\\r\\n2026 INFO all is well \
             error=a\\u{1b}[2Jb\\nc\\u{9b}31m\\u{202e}d\\r repo=\"x\\u{1b}]0;y\\u{7}\\n\"\n"
        );
        // Colours are ours: without them the lines are the same, and nothing else of the kind is left
        let coloured = written(|writer| pretty(writer, true), "", tell_of_an_attempt);
        assert!(coloured.contains("\u{1b}[3mrepo\u{1b}[0m"), "{coloured:?}");
        assert_eq!(coloured.matches('\n').count(), 1);
        assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains('\u{7}'));
    }

    #[test]
    fn a_line_for_programs_has_its_spans_and_no_colours() {
        let text = written(json, "", tell_of_an_attempt);
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\u{1b}'));
        let line: Value = serde_json::from_str(&text).unwrap();
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["spans"][0]["delivery"], "0199");
        assert_eq!(line["spans"][1]["plugin"], "hello");
        assert_eq!(line["spans"][1]["n"], 1);
        assert_eq!(line["error"], "a\u{1b}[2Jb\nc\u{9b}31m\u{202e}d\r");
    }

    #[test]
    fn dependencies_are_not_heard_below_warnings_whatever_is_asked_for() {
        let tell = || {
            tracing::trace!(target: "hookbox::server", "ours");
            tracing::debug!(target: "hyper::proto", "theirs");
            tracing::trace!(target: "hookbox_else", "theirs");
            tracing::info!(target: "ureq", "theirs");
            tracing::warn!(target: "hyper", "warning");
        };
        for wanted in ["trace", "hyper=trace,hookbox=trace,warn"] {
            let text = written(json, wanted, tell);
            assert!(text.contains("ours") && text.contains("warning"), "{text}");
            assert!(!text.contains("theirs"), "{wanted}: {text}");
        }
    }

    #[test]
    fn what_a_guest_has_dependencies_warn_of_is_not_told() {
        for wanted in ["", "trace", "wasmtime_wasi_http=error"] {
            let text = written(json, wanted, || {
                tracing::warn!(target: "wasmtime_wasi_http::p2::error", "http request error");
                tracing::error!(target: "wasmtime_wasi_http", "http request error");
                tracing::error!(target: "wasmtime_wasi_httpd", "another");
            });
            assert!(!text.contains("http request error"), "{wanted}: {text}");
        }
    }

    #[test]
    fn what_is_asked_for_and_not_done_is_told() {
        let problem = |wanted| filter(Detail::Lifecycle, wanted).1.unwrap_or_default();
        for good in [
            "",
            " ",
            "debug",
            "hookbox=trace",
            "hookbox::worker=debug,warn",
            "hyper=warn",
        ] {
            assert_eq!(problem(good), "", "{good}");
        }
        for bad in ["hookbox=loud", "a=b=c"] {
            assert!(problem(bad).starts_with("not understood ("), "{bad}");
        }
        for others in ["hyper=debug", "warn,ureq=trace,hookbox=info"] {
            assert!(
                problem(others).starts_with("dependencies are logged"),
                "{others}"
            );
        }
    }
}
