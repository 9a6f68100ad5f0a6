//! What was measured, as Markdown: for the terminal and for `docs/benchmarks.md`.

use crate::built::profile;
use crate::calls::{Called, SPINNERS};
use crate::contestant::Contestant;
use crate::languages::Written;
use crate::load::{Load, WINDOW};
use crate::machine;
use crate::round::{Figures, Rounds};
use crate::sandboxed::Timed;
use crate::start::{PLUGINS, Started};
use crate::wait::Waited;
use std::fmt::Write as _;

/// How wide the report's text is.
const WIDTH: usize = 120;

/// Everything that one run of the command measured.
pub struct Report {
    /// The machine, as it was when the run began.
    pub machine: Vec<String>,
    /// What its maker wants said of it.
    pub note: Option<String>,
    /// The load of a round.
    pub load: Load,
    /// How many rounds there were.
    pub rounds: usize,
    /// Who was measured.
    pub contestants: Vec<Rounds>,
    /// Who was not, and why.
    pub skipped: Vec<(Contestant, String)>,
    /// P4.
    pub sandboxed: Option<Vec<Timed>>,
    /// P5.
    pub waited: Option<Waited>,
    /// Outgoing calls.
    pub called: Option<Vec<Called>>,
    /// What a plugin takes in each language, if that was measured.
    pub written: Option<Vec<Written>>,
    /// P6.
    pub started: Option<Started>,
}

/// What is said of each contestant: what it does for a delivery, and what not.
const DOES: &[(Contestant, &str)] = &[
    (
        Contestant::Canned,
        "reads to the end of the request and answers the same bytes: the ceiling of the load generator, \
         beyond which nothing can be measured",
    ),
    (
        Contestant::Bare,
        "reads the body, compares the secret, parses the JSON, answers; keeps nothing, runs nothing, logs nothing",
    ),
    (
        Contestant::HookboxAccept,
        "the same, and writes the delivery to disk (SQLite, `synchronous=FULL`) before it answers, knows duplicates by \
         their `Webhook-Id`, logs a line; no plugin is installed, so nothing runs",
    ),
    (
        Contestant::HookboxHello,
        "all that, and runs `hello` (it parses the payload and logs a line) in a fresh sandbox under limits on fuel, \
         memory and time, and writes its outcome and log to disk; counted once settled",
    ),
    (
        Contestant::HuggingfaceHub,
        "checks the secret, validates the payload, calls an `async def` handler, answers; keeps nothing: a delivery \
         under way when it ends is lost; no isolation, no limits, no duplicates, no log",
    ),
    (
        Contestant::Webhook,
        "checks the secret, runs `/bin/true` for each delivery and answers when that has ended; keeps nothing; isolates \
         a handler by a process, without limits; `/bin/true` does not parse the payload",
    ),
];

impl Report {
    /// All of it.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# Benchmarks\n\n");
        self.write_head(&mut text);
        self.write_contestants(&mut text);
        self.write_ratios(&mut text);
        self.write_sandboxed(&mut text);
        self.write_waited(&mut text);
        self.write_called(&mut text);
        self.write_written(&mut text);
        self.write_started(&mut text);
        text.lines().map(wrapped).collect()
    }

    fn write_head(&self, text: &mut String) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "Made by `cargo run -p hookbox-bench --release`, which does all of it again. Figures are of one machine and \
             one run; the ratios are what counts.\n"
        );
        let _ = writeln!(text, "- {}", jiff::Zoned::now().strftime("%Y-%m-%d"));
        for line in &self.machine {
            let _ = writeln!(text, "- {line}");
        }
        let _ = writeln!(text, "- {}, profile `{}`", machine::rustc(), profile());
        if profile() != "release" {
            let _ = writeln!(
                text,
                "- **not optimised: these figures say nothing about speed**"
            );
        }
        if let Some(note) = &self.note {
            let _ = writeln!(text, "- {note}");
        }
    }

    fn write_contestants(&self, text: &mut String) {
        if self.contestants.is_empty() {
            return;
        }
        let Load {
            connections,
            time,
            warm_up,
        } = self.load;
        let _ = writeln!(
            text,
            "\n## Deliveries in a second\n\nEach contestant is a process of its own on the loopback interface, at its \
             defaults, its output thrown away. The load generator is another process with one thread: {connections} \
             keep-alive connections, each sending its next delivery when the last one is answered. A delivery is the \
             pull request example of the Hub's documentation (1.3 KB), its scope changed to the one that `hello` \
             subscribes to, with the secret, and a `Webhook-Id`, a repo and a discussion of its own. Contestants take turns: {} rounds of each \
             for {time:?} after {warm_up:?} of warm-up, every time a new process with a new ledger. Figures are medians \
             over the rounds. Load generator and contestant share the processors, as do all of a contestant's threads. \
             For `hookbox, hello` no more than {WINDOW} deliveries are let in beyond those settled, so what is counted \
             is what it sustains.\n",
            self.rounds
        );
        text.push_str(
            "| | a second | lowest to highest | p50 ms | p99 ms | processor µs each | idle MB | loaded MB |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for rounds in &self.contestants {
            write_row(text, rounds);
        }
        text.push('\n');
        for rounds in &self.contestants {
            let does = DOES.iter().find(|(who, _)| *who == rounds.contestant);
            let does = does.map_or("", |(_, does)| does);
            let name = rounds.contestant.name();
            let _ = writeln!(text, "- **{name}** ({}): {does}.", rounds.version);
        }
        for (contestant, reason) in &self.skipped {
            let _ = writeln!(text, "- **{}**: not measured: {reason}.", contestant.name());
        }
    }

    fn write_ratios(&self, text: &mut String) {
        let found = |who| {
            self.contestants
                .iter()
                .find(|rounds| rounds.contestant == who)
        };
        let mut rows = String::new();
        let mut row = |name: &str, of, against, goal: &str| {
            if let (Some(of), Some(against)) = (found(of), found(against)) {
                let _ = writeln!(rows, "| {name} | {:.2}× | {goal} |", of.ratio(against));
            }
        };
        use Contestant::{Bare, Canned, HookboxAccept, HookboxHello, HuggingfaceHub, Webhook};
        row(
            "P1: accepted and durable, against huggingface_hub's server, which keeps nothing",
            HookboxAccept,
            HuggingfaceHub,
            "≥ 15×",
        );
        row(
            "P2: handled and settled, against huggingface_hub's server",
            HookboxHello,
            HuggingfaceHub,
            "≥ 6×",
        );
        row(
            "P3: accepted and durable, against a bare hyper server",
            HookboxAccept,
            Bare,
            "≥ 0.5×",
        );
        row(
            "handled and settled, against `webhook` with `/bin/true`",
            HookboxHello,
            Webhook,
            "",
        );
        row(
            "the bare hyper server, against the load generator's ceiling",
            Bare,
            Canned,
            "",
        );
        if !rows.is_empty() {
            let _ = write!(
                text,
                "\n### Ratios\n\nRound against round, in the median. Goals are what the design wants to approach.\n\n\
                 | | reached | goal |\n|---|--:|--:|\n{rows}"
            );
        }
    }

    fn write_sandboxed(&self, text: &mut String) {
        let Some(timed) = &self.sandboxed else { return };
        text.push_str(
            "\n## One sandboxed run\n\nIn process, on one thread, by criterion (`cargo bench -p hookbox-bench`): what the \
             host does for one attempt, with every limit on, besides the ledger. Goals: a run of `hello` ≤ 30 µs, of \
             that instantiate ≤ 7, a guest that does nothing ≤ 12; two threads ≥ 1.7 times one.\n\n\
             | | p50 µs |\n|---|--:|\n",
        );
        for timed in timed {
            let _ = writeln!(text, "| {} | {:.1} |", timed.name, timed.p50_us);
        }
    }

    fn write_waited(&self, text: &mut String) {
        let Some(waited) = &self.waited else { return };
        let above = waited.p50_ms - 2.0 * waited.flush_ms;
        let _ = write!(
            text,
            "\n## Waiting for the run\n\nOne connection, {} deliveries with `Prefer: wait`, one after another: accepted, \
             handled by `hello`, settled, answered. In between a file on the same disk is written to (8 KiB) and \
             flushed. Goal: p50 above two flushes ≤ 1.0 ms.\n\n\
             | p50 ms | p99 ms | one flush, p50 ms | p50 above two flushes, ms |\n|--:|--:|--:|--:|\n\
             | {:.2} | {:.2} | {:.2} | {above:.2} |\n",
            waited.deliveries, waited.p50_ms, waited.p99_ms, waited.flush_ms
        );
    }

    fn write_called(&self, text: &mut String) {
        let Some(called) = &self.called else { return };
        let _ = write!(
            text,
            "\n## Outgoing calls\n\nA plugin calls a bare hyper server on the loopback interface through the SDK, one call after \
             another, the answer read to its end; the time is the plugin's own. Beside it the same is done by a bare \
             hyper client (hyper-util's, with its pool), in turns. A plugin's POST is counted in the ledger before it \
             is sent, which is a commit. Plugins that spin are {SPINNERS} attempts that never wait; the bare client is \
             not beside them. The ratio is round against round, in the median. What a run without calls costs is above.\n\n\
             | | bare client, p50 µs | plugin, p50 µs | p99 µs | ratio |\n|---|--:|--:|--:|--:|\n"
        );
        for Called {
            name,
            bare_us,
            p50_us,
            p99_us,
            ratio,
        } in called
        {
            let _ = writeln!(
                text,
                "| {name} | {bare_us:.0} | {p50_us:.0} | {p99_us:.0} | {ratio:.1}× |"
            );
        }
    }

    fn write_written(&self, text: &mut String) {
        let Some(written) = &self.written else { return };
        text.push_str(
            "\n## Languages\n\nThe plugin that `hookbox new` makes, as it is, in each language. *Lines* are its handler's \
             code; *first event* is `new`, `build` and `run` on a sample, from an empty folder, the tools being \
             installed (*install*: Python's and JavaScript's into the project, by the line in its README).\n\n\
             | | lines | install s | first event s | of these `build` | component MB |\n|---|--:|--:|--:|--:|--:|\n",
        );
        for of in written {
            let install = of.install_s.map(|s| format!("{s:.1}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "| {} | {} | {install} | {:.1} | {:.1} | {:.2} |",
                of.language, of.lines, of.first_s, of.build_s, of.mb
            );
        }
        text.push_str(
            "\nThen its file is put into the folder of a host that runs `hello`. *Compiled*: until it is loaded. *Cached \
             load*: what it adds to a start from then on. *Beyond `hello`*: how much longer than for `hello` a sender \
             waits for its run (`Prefer: wait`, one connection, p50). The rest is what senders to `hello` wait: at \
             rest, and while this plugin is compiled. Goal: a run in Python ≤ 5 ms.\n\n\
             | | compiled s | cached load ms | beyond `hello` ms | `hello` p50 ms | p99 | meanwhile p50 | p99 |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for of in written {
            let (rest, busy) = (&of.hello, &of.hello_meanwhile);
            let _ = writeln!(
                text,
                "| {} | {:.1} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                of.language,
                of.compile_s,
                of.load_ms,
                of.beyond_ms,
                rest.p50_ms,
                rest.p99_ms,
                busy.p50_ms,
                busy.p99_ms
            );
        }
    }

    fn write_started(&self, text: &mut String) {
        let Some(started) = &self.started else { return };
        let _ = write!(
            text,
            "\n## Start to ready\n\nA host with {PLUGINS} plugins (`hello`, in as many versions), from the start of the \
             process until `/readyz` answers 200. Goal, with everything compiled before: ≤ 150 ms.\n\n\
             | compiled before ({} starts), p50 ms | nothing compiled, ms | resident MB |\n|--:|--:|--:|\n\
             | {:.0} | {:.0} | {:.0} |\n",
            started.times, started.warm_ms, started.cold_ms, started.resident_mb
        );
    }
}

/// A line as lines of at most [`WIDTH`] bytes, but for a table's; an entry of a list stays one.
fn wrapped(line: &str) -> String {
    if line.starts_with('|') {
        return format!("{line}\n");
    }
    let indent = if line.starts_with("- ") { "\n  " } else { "\n" };
    let (mut text, mut width) = (String::new(), 0);
    for word in line.split(' ') {
        if width > 0 && width + 1 + word.len() > WIDTH {
            text.push_str(indent);
            width = indent.len() - 1;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += word.len();
    }
    text + "\n"
}

fn write_row(text: &mut String, rounds: &Rounds) {
    let of = |of: fn(&Figures) -> f64| rounds.median(of);
    let rates = rounds.figures.iter().map(|figures| figures.per_second);
    let (lowest, highest) = rates.fold((f64::MAX, 0.0), |(low, high): (f64, f64), rate| {
        (low.min(rate), high.max(rate))
    });
    let _ = write!(
        text,
        "| {} | {:.0} | {lowest:.0}–{highest:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
        rounds.contestant.name(),
        of(|figures| figures.per_second),
        of(|figures| figures.p50_us) / 1000.0,
        of(|figures| figures.p99_us) / 1000.0,
        of(|figures| figures.cpu_us),
        of(|figures| figures.idle_mb),
        of(|figures| figures.loaded_mb),
    );
    text.push('\n');
}

/// One round of one contestant, in a line.
pub fn line(contestant: Contestant, figures: &Figures) -> String {
    let mut line = format!(
        "{:18} {:8.0} a second, p50 {:.2} ms, p99 {:.2} ms, {:.0} µs of processor each, {:.0} MB",
        contestant.name(),
        figures.per_second,
        figures.p50_us / 1000.0,
        figures.p99_us / 1000.0,
        figures.cpu_us,
        figures.loaded_mb,
    );
    if figures.backlog_max > 0 {
        let _ = write!(line, ", at most {} waiting", figures.backlog_max);
    }
    if !figures.refused.is_empty() {
        let _ = write!(line, ", refused (status: count) {:?}", figures.refused);
    }
    line
}
