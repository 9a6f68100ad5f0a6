//! What `dev` shows: where to post, what is loaded, and each run as it happens.
//!
//! Everything here is text from what it is given; nothing is waited for. What came from a plugin or a sender is made
//! visible before it is shown.

use crate::app::Paused;
use crate::cli::dev::folder::{self, MadeSecret, Placed};
use crate::cli::output;
use crate::config::LISTEN;
use crate::delivery::{Settlement, Trap};
use crate::event::Event;
use crate::plugin::Manifest;
use crate::plugin::catalog::{CandidateStanding, Catalog, Plugin, Presence};
use crate::worker::Report;
use hookbox_sdk::sample::SAMPLES;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most characters of a plugin's output that are shown with its run; `deliveries show` has all of it.
const OUTPUT_CHARS_MAX: usize = 200;

/// The most samples that are proposed.
const SAMPLES_MAX: usize = 3;

/// What is proposed where no sample fits.
const LIST: &str = "--list";

/// Where a host is, and who can reach it there.
pub struct Place<'a> {
    /// What it listens on.
    pub address: SocketAddr,
    /// What to paste into the Hub.
    pub paste: &'a str,
    /// Whether a tunnel leads to it.
    pub tunnel: bool,
    /// Whether it has a secret of the user's own.
    pub own_secret: bool,
    /// Its secret, if that was made here.
    pub secret: Option<&'a MadeSecret>,
}

impl Place<'_> {
    /// What to do next: paste, post, look.
    #[must_use]
    pub fn greeting(&self, plugins: &Standings) -> String {
        let mut lines = vec![self.to_paste()];
        match self.secret {
            None => {}
            Some(MadeSecret {
                text,
                placed: Placed::New,
            }) => lines.push(format!(
                "with the secret {text} (kept in {})",
                folder::secret_file().display()
            )),
            Some(_) => lines.push(format!(
                "with the secret in {}",
                folder::secret_file().display()
            )),
        }
        lines.push("try in another terminal:".to_owned());
        lines.extend(plugins.samples().iter().map(|sample| self.send(sample)));
        lines.push(format!("  {}", deliveries("list")));
        lines.join("\n")
    }

    fn to_paste(&self) -> String {
        const SETTINGS: &str = "https://huggingface.co/settings/webhooks";
        if self.tunnel {
            return format!("paste the tunnel's address with /webhooks at its end into {SETTINGS}");
        }
        let mut line = format!("paste {} into {SETTINGS}", self.paste);
        if self.address.ip().is_loopback() && self.paste.contains(&self.address.to_string()) {
            line.push_str("\n  (the Hub reaches this machine only through a tunnel: --tunnel CMD)");
        }
        line
    }

    fn send(&self, sample: &str) -> String {
        let mut line = format!("  {} send {sample}", program());
        if sample == LIST {
            return line;
        }
        if self.address != LISTEN {
            let mut address = self.address;
            if address.ip().is_unspecified() {
                address.set_ip(LISTEN.ip());
            }
            line.push_str(&format!(" --to http://{address}/webhooks"));
        }
        if self.secret.is_some() {
            let file = folder::secret_file();
            line.push_str(&format!(" --secret \"$(cat {})\"", file.display()));
        } else if self.own_secret {
            line.push_str(" --secret \"$WEBHOOK_SECRET\"");
        }
        line
    }
}

/// Where every plugin stands, as far as it is shown.
#[derive(Default)]
pub struct Standings(BTreeMap<String, Standing>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Standing {
    /// The digest and version of what runs.
    runs: Option<(String, String)>,
    /// Why it does not run, or what is wrong with its grant although it does.
    reason: Option<String>,
    /// Why a newer version does not run.
    newer: Option<String>,
    /// Since when a version is being compiled, if that takes long.
    slow: Option<String>,
    manifest: Option<Manifest>,
}

impl Standings {
    /// All that is shown of a host's plugins.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let plugins = catalog.plugins.iter();
        Self(
            plugins
                .map(|(name, plugin)| (name.clone(), Standing::of(plugin)))
                .collect(),
        )
    }

    /// What is to be said of them to somebody who knows what was before.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<String> {
        let unknown = Standing::default();
        self.0
            .iter()
            .flat_map(|(name, now)| now.since(before.0.get(name).unwrap_or(&unknown), name))
            .collect()
    }

    /// The samples that any of them subscribes to.
    fn samples(&self) -> Vec<&'static str> {
        let mut samples: Vec<&str> = SAMPLES
            .iter()
            .filter(|sample| {
                let Ok(event) = Event::parse(sample.json.as_bytes()) else {
                    return false;
                };
                let manifests = self.0.values().filter_map(|one| one.manifest.as_ref());
                manifests
                    .into_iter()
                    .any(|manifest| manifest.sees(&event.scope, &event.action).is_some())
            })
            .map(|sample| sample.name)
            .collect();
        samples.truncate(SAMPLES_MAX);
        if samples.is_empty() {
            samples.push(LIST);
        }
        samples
    }
}

impl Standing {
    fn of(plugin: &Plugin) -> Self {
        // What is gone was another project's: this folder served that some other time.
        if plugin.presence() != Presence::Here {
            return Self::default();
        }
        let newer = match plugin.candidate().map(|candidate| &candidate.standing) {
            Some(CandidateStanding::Refused(reason) | CandidateStanding::Held(reason)) => {
                Some(reason.clone())
            }
            Some(CandidateStanding::Compiling) | None => None,
        };
        let runs = plugin.running().map(|component| {
            let version = component.manifest().version.clone();
            (component.facts().digest.clone(), version)
        });
        Self {
            newer: newer.filter(|_| runs.is_some()),
            runs,
            reason: plugin.reason().filter(|_| plugin.slow_standing().is_none()),
            slow: plugin.slow_standing().or_else(|| plugin.slow_candidate()),
            manifest: plugin
                .described()
                .map(|described| described.manifest.clone()),
        }
    }

    fn since(&self, before: &Self, name: &str) -> Vec<String> {
        let loaded = self.runs.as_ref().filter(|_| self.runs != before.runs);
        let reason = self
            .reason
            .as_ref()
            .filter(|_| self.reason != before.reason);
        let newer = self.newer.as_ref().filter(|_| self.newer != before.newer);
        let slow = self.slow.as_ref().filter(|_| self.slow != before.slow);
        let lines = [
            slow.map(|since| format!("{name} is being compiled {since}")),
            loaded.map(|(digest, version)| {
                let digest = digest.trim_start_matches("sha256:");
                let digest = digest.get(..8).unwrap_or(digest);
                format!("{name} {version} is loaded (sha256:{digest}…)")
            }),
            reason.map(|reason| match self.runs {
                Some(_) => format!("{name}: {reason}"),
                None => format!("{name} does not run: {reason}"),
            }),
            newer.map(|reason| format!("{name}: {reason}; the version before goes on")),
        ];
        let lines = lines.into_iter().flatten();
        lines.map(|line| output::one_line(&line)).collect()
    }
}

/// A run: what the plugin made of what, what it logged, what it met, and what is next if that was not all.
#[must_use]
pub fn run(report: &Report, own: &BTreeSet<PathBuf>) -> String {
    let (facts, attempt) = (&report.facts, &report.attempt);
    let mut parts = vec![
        output::one_line(&facts.plugin),
        output::state(attempt.outcome.as_str()),
    ];
    parts.extend(attempt.output.as_deref().map(shortened));
    parts.push(format!("{} fuel", rounded(attempt.fuel)));
    parts.push(format!("{} ms", attempt.wall_ms()));
    let repo = facts.repo_name.as_deref();
    parts.push(output::one_line(&format!(
        "{} {}{}{}",
        report.seen.scope,
        report.seen.action,
        repo.map_or_else(String::new, |repo| format!(" on {repo}")),
        if facts.n > 1 {
            format!(", attempt {}", facts.n)
        } else {
            String::new()
        },
    )));
    let mut lines = vec![parts.join("  ")];
    lines.extend(attempt.logs.iter().map(|log| output::log_line("  ", log)));
    lines.extend(
        attempt
            .calls
            .iter()
            .map(|call| output::call_line("  ", call)),
    );
    lines.extend(attempt.trap.iter().flat_map(|trap| met(trap, own)));
    lines.extend(next(report));
    lines.join("\n")
}

/// What is said when runs came faster than they could be shown.
#[must_use]
pub fn missed(runs: u64) -> String {
    format!(
        "{runs} runs are not shown, they came too fast; see {}",
        deliveries("list")
    )
}

/// What is to be said of pauses to somebody who knows what was before.
#[must_use]
pub fn pauses(before: &Paused, now: &Paused) -> Vec<String> {
    let begun = now.iter().filter(|(name, _)| !before.contains_key(*name));
    let begun = begun.map(|(name, by)| {
        let resume = on_data(&format!("plugins resume {name}"));
        format!("{name} was paused by {by}; its runs wait until: {resume}")
    });
    let ended = before.keys().filter(|name| !now.contains_key(*name));
    let ended = ended.map(|name| format!("{name} is not paused any more"));
    let lines = begun.chain(ended);
    lines.map(|line| output::one_line(&line)).collect()
}

fn deliveries(what: &str) -> String {
    on_data(&format!("deliveries {what}"))
}

fn on_data(command: &str) -> String {
    let (program, data) = (program(), folder::data());
    format!("{program} {command} --data {}", data.display())
}

/// How whoever reads this runs a command: cargo names itself to what it runs.
fn program() -> &'static str {
    match std::env::var_os("CARGO") {
        Some(_) => "cargo run --",
        None => "hookbox",
    }
}

fn next(report: &Report) -> Option<String> {
    match &report.settlement {
        Settlement::Done | Settlement::Ignored => None,
        Settlement::Again { delay, .. } => Some(format!("  again in {}", rough(*delay))),
        Settlement::Dead { reason } => Some(format!(
            "  dead: {}; see {}",
            output::one_line(reason),
            deliveries(&format!("show {}", report.facts.delivery))
        )),
    }
}

/// What the sandbox met, and where in the plugin's own code.
fn met(trap: &Trap, own: &BTreeSet<PathBuf>) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let of_its_own: Vec<String> = trap
        .frames
        .iter()
        .filter_map(|frame| own_frame(frame, own, &here))
        .collect();
    // A loop that used up its fuel often stands nowhere in particular: then its function's name is all there is. Glue
    // and the standard library are better than nothing.
    let placeless = trap.frames.iter().take_while(|frame| !frame.ends_with(')'));
    let placeless: Vec<String> = placeless.cloned().collect();
    let kinds = [of_its_own, placeless, trap.frames.clone()];
    let frames = kinds
        .into_iter()
        .find(|frames| !frames.is_empty())
        .unwrap_or_default();
    let mut lines = vec![format!("  {}", output::one_line(&trap.message))];
    lines.extend(
        frames
            .iter()
            .map(|frame| format!("    at {}", output::one_line(frame))),
    );
    lines
}

/// A frame of the plugin's own code, with its path from the current folder.
fn own_frame(frame: &str, own: &BTreeSet<PathBuf>, here: &Path) -> Option<String> {
    // `name (file:line)`, as frames with a place are kept.
    let (name, place) = frame.rsplit_once(" (")?;
    let (file, line) = place.strip_suffix(')')?.rsplit_once(':')?;
    let file = Path::new(file);
    // The export itself stands where the macro that made it does.
    let exported = name.starts_with("hookbox:plugin/");
    if exported || !own.iter().any(|folder| file.starts_with(folder)) {
        return None;
    }
    let shown = file.strip_prefix(here).unwrap_or(file);
    Some(format!("{name} ({}:{line})", shown.display()))
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(OUTPUT_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    output::one_line(&shown)
}

/// A number that people compare rather than read.
fn rounded(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{} k", number / 1000),
        _ => format!("{} M", number / 1_000_000),
    }
}

fn rough(delay: Duration) -> String {
    if delay < Duration::from_secs(120) {
        return format!("{:.1} s", delay.as_secs_f64());
    }
    humantime::format_duration(Duration::from_secs(delay.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_without_a_place_is_shown_before_any_glue() {
        let trap = |frames: &[&str]| Trap {
            message: "all fuel consumed".into(),
            frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
        };
        let own = BTreeSet::from([PathBuf::from("/home/me/a")]);
        let shown = |frames: &[&str]| met(&trap(frames), &own).split_off(1);
        let glue = "hookbox_sdk::guest::run (/sdk/src/guest.rs:9)";
        assert_eq!(shown(&["greet", glue]), ["    at greet"]);
        assert_eq!(shown(&[glue]), [format!("    at {glue}")]);
        assert_eq!(shown(&["greet", "a::b (/home/me/a/src/lib.rs:7)"]).len(), 1);
    }

    #[test]
    fn frames_of_the_plugins_own_are_shown_from_here_and_no_others() {
        let own = BTreeSet::from([PathBuf::from("/home/me/a"), PathBuf::from("/home/other")]);
        let shown = |frame: &str| own_frame(frame, &own, Path::new("/home/me"));
        assert_eq!(
            shown("a::deep (/home/me/a/src/lib.rs:7)").as_deref(),
            Some("a::deep (a/src/lib.rs:7)")
        );
        assert_eq!(
            shown("b (/home/other/src/(x).rs:9)").as_deref(),
            Some("b (/home/other/src/(x).rs:9)")
        );
        for glue in [
            "core::panicking::panic_fmt (/rustc/1/library/core/src/panicking.rs:80)",
            "hookbox:plugin/handler@0.1.0#handle (/home/me/a/src/lib.rs:3)",
            "x (/home/me/ab/src/lib.rs:3)",
            "without a place",
            "odd (",
            "",
        ] {
            assert_eq!(shown(glue), None, "{glue}");
        }
    }

    #[test]
    fn numbers_are_as_long_as_they_are_read() {
        let numbers = [0, 9_999, 10_000, 9_999_999, 10_000_000, u64::MAX];
        let shown = numbers.map(rounded).join(", ");
        assert_eq!(shown, "0, 9999, 10 k, 9999 k, 10 M, 18446744073709 M");
        assert_eq!(rough(Duration::from_millis(4_870)), "4.9 s");
        assert_eq!(rough(Duration::from_millis(3_600_500)), "1h");
    }

    #[test]
    fn a_long_output_is_cut_between_characters() {
        assert_eq!(shortened("a\nb"), "a\\nb");
        assert_eq!(
            shortened(&"ä".repeat(OUTPUT_CHARS_MAX)).chars().count(),
            OUTPUT_CHARS_MAX
        );
        let cut = shortened(&"ä".repeat(OUTPUT_CHARS_MAX + 1));
        assert!(cut.ends_with("ä…") && cut.chars().count() == OUTPUT_CHARS_MAX + 1);
    }

    #[test]
    fn what_to_paste_and_send_fits_how_the_host_is_reached() {
        let made = MadeSecret {
            text: "s".repeat(64),
            placed: Placed::Same,
        };
        let greeting = |address: &str, tunnel, secret| {
            let place = Place {
                address: address.parse().unwrap(),
                paste: &format!("http://{address}/webhooks"),
                tunnel,
                own_secret: false,
                secret,
            };
            place.greeting(&Standings::default())
        };
        let program = program();
        assert_eq!(
            greeting("127.0.0.1:8000", false, None),
            format!(
                "paste http://127.0.0.1:8000/webhooks into https://huggingface.co/settings/webhooks\n  \
             (the Hub reaches this machine only through a tunnel: --tunnel CMD)\n\
             try in another terminal:\n  {program} send --list\n  \
             {program} deliveries list --data .hookbox/data"
            )
        );
        let open = greeting("0.0.0.0:90", true, Some(&made));
        assert!(open.starts_with("paste the tunnel's address with /webhooks at its end"));
        assert!(!open.contains(&made.text), "{open}");
        let place = Place {
            address: "0.0.0.0:90".parse().unwrap(),
            paste: "",
            tunnel: false,
            own_secret: false,
            secret: Some(&made),
        };
        assert_eq!(
            place.send("discussion"),
            format!(
                "  {program} send discussion --to http://127.0.0.1:90/webhooks --secret \"$(cat .hookbox/webhook.secret)\""
            )
        );
    }
}
