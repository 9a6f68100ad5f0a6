//! Killed at each step of a delivery's life by its name: the first time that it is reached, and later ones.

use super::old_ledger::old_ledger;
use super::{Case, SENDERS, host};
use hookbox_tests::checker::{Figures, running};
use hookbox_tests::{Raise, eventually};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The longest that a host may take to reach its place.
const REACHED: Duration = Duration::from_secs(30);

/// The variable that names the place.
const FAILPOINT: &str = "FAILPOINT";

/// Deliveries whose guests sleep while the host is told to stop: one for each repo, so that none waits for another.
const SLEEPERS: usize = 3;

/// Deliveries that are let go of together.
const RETAINED: usize = 30;

/// How long they sleep, once nothing kills them. Then they are given up, and few enough of them not to pause the plugin.
const SLEEPY: &str = "order = \"repo\"\ntimeout = \"2s\"\nretry = { attempts = 1 }\n";

/// What leads to a place.
#[derive(Clone, Copy)]
enum Way {
    /// Deliveries.
    Load,
    /// Being told to stop while guests go on.
    Stop,
    /// Deliveries that need not be kept any more.
    Retention,
    /// A ledger of the first version.
    OldLedger,
}

/// Each place, the times that it is to be reached, and what leads there. The ledger is tended to once a second.
const STEPS: &[(&str, [u32; 3], Way)] = &[
    ("after-record", [1, 5, 20], Way::Load),
    ("after-claim", [1, 5, 20], Way::Load),
    ("in-sandbox", [1, 5, 20], Way::Load),
    ("before-settle", [1, 5, 20], Way::Load),
    ("during-settle", [1, 5, 20], Way::Load),
    ("after-settle", [1, 5, 20], Way::Load),
    ("in-promote", [1, 5, 20], Way::Load),
    ("in-coalesce", [1, 5, 20], Way::Load),
    ("in-retention", [1, 5, 20], Way::Retention),
    ("between-retentions", [1, 2, 3], Way::Load),
    ("in-drain", [1, 2, 3], Way::Stop),
    ("after-give-back", [1, 2, 3], Way::Stop),
    ("during-migration", [1, 2, 3], Way::OldLedger),
    ("between-migrations", [1, 2, 3], Way::OldLedger),
];

impl Case {
    /// Starts the host; whether it died at its place before it listened.
    #[track_caller]
    fn dies_while_it_starts(&mut self, place: &str) -> bool {
        let Err(failed) = self.host.try_restart() else {
            return false;
        };
        assert_eq!(failed.code, None, "{place}: {}", failed.stderr);
        self.witness.hear(&failed.stderr);
        true
    }

    /// Waits until the host has died at its place, and reads what it told before.
    #[track_caller]
    fn dies(&mut self, place: &str) {
        let died = self.host.dies_within(REACHED);
        assert!(died, "{place}: it did not die\n{}", self.host.log());
        self.hear();
    }

    /// Has the host post and run until it dies at its place.
    #[track_caller]
    fn load_until_dead(&mut self, place: &str) {
        if self.dies_while_it_starts(place) {
            return;
        }
        let (host, promises, stop) = (&self.host, &self.promises, AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _stop = Raise(&stop);
            let senders: Vec<_> = (0..SENDERS)
                .map(|_| scope.spawn(|| promises.post(host, usize::MAX, &stop)))
                .collect();
            // Each ends when the host is gone.
            eventually(REACHED, || {
                senders
                    .iter()
                    .all(|sender| sender.is_finished())
                    .then_some(())
            });
        });
        self.dies(place);
    }

    /// Has the host die while it lets go of what need not be kept any more.
    #[track_caller]
    fn let_go_until_dead(&mut self, place: &str) {
        self.host.unset_env(FAILPOINT);
        self.host.restart();
        let enough = self.promises.promised() + RETAINED;
        self.promises
            .post(&self.host, enough, &AtomicBool::new(false));
        assert_eq!(self.host.stop(), Some(0));
        self.hear();
        self.checked();
        let ledger = self.host.ledger();
        ledger.batch("UPDATE deliveries SET received_ms = received_ms - 40 * 86400000");
        self.promises
            .release(ledger.texts("SELECT id FROM deliveries UNION ALL SELECT id FROM runs"));
        drop(ledger);
        self.host.set_env(FAILPOINT, place);
        self.load_until_dead(place);
    }

    /// Has a host that nobody kills let go of all that is left.
    #[track_caller]
    fn let_go_of_the_rest(&mut self) {
        self.host.restart();
        let ledger = self.host.ledger();
        let old =
            "SELECT count(*) FROM deliveries WHERE received_ms < (unixepoch() - 86400) * 1000";
        eventually(REACHED, || (ledger.number(old) == 0).then_some(()));
        drop(ledger);
        assert_eq!(self.host.stop(), Some(0));
        self.hear();
    }

    /// Has the host die while it gives back the attempts that a stop found under way.
    #[track_caller]
    fn stop_until_dead(&mut self, place: &str) {
        self.host.restart();
        self.promises.post_sleepers(&self.host, SLEEPERS);
        let data = self.host.data();
        let all = |running| usize::try_from(running) == Ok(SLEEPERS);
        eventually(REACHED, || all(running(&data, "ordered")).then_some(()));
        self.host.ask_to_stop();
        self.dies(place);
    }
}

/// The three deaths at one step, each checked.
fn deaths(name: &str, times: [u32; 3], way: Way) -> (usize, Figures) {
    let mut figures = Figures::default();
    let new_case = || {
        let host = match way {
            Way::Stop => host().grant("ordered", SLEEPY).args(&["--drain", "1ms"]),
            Way::Load | Way::Retention | Way::OldLedger => host(),
        };
        let mut host = host.failing().start();
        assert_eq!(host.stop(), Some(0));
        Case::new(host)
    };
    let mut case = new_case();
    let mut kills = 0;
    for nth in times {
        let place = format!("{name}:{nth}");
        case.host.set_env(FAILPOINT, &place);
        match way {
            Way::Load => case.load_until_dead(&place),
            Way::Stop => case.stop_until_dead(&place),
            Way::Retention => case.let_go_until_dead(&place),
            Way::OldLedger => {
                // Each time from the beginning: a step is made once.
                case = new_case();
                case.host.set_env(FAILPOINT, &place);
                old_ledger(&case.host.data(), &case.promises);
                assert!(case.dies_while_it_starts(&place), "{place}: it did not die");
            }
        }
        kills += 1;
        case.host.unset_env(FAILPOINT);
        if !matches!(way, Way::OldLedger) {
            case.checked_as_left();
        }
        if matches!(way, Way::Retention) {
            case.let_go_of_the_rest();
        }
        let found = case.checked();
        if matches!(way, Way::OldLedger) {
            figures += found;
        } else {
            figures = found;
        }
    }
    (kills, figures)
}

#[test]
fn a_host_killed_at_any_step_keeps_what_it_promised_and_runs_nothing_again() {
    let began = Instant::now();
    let (left, sum) = (
        Mutex::new(STEPS.to_vec()),
        Mutex::new((0, Figures::default())),
    );
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((name, times, way)) = left.lock().unwrap().pop() else {
                        break;
                    };
                    let (kills, figures) = deaths(name, times, way);
                    println!("{name}: killed {kills} times: {figures}");
                    let mut sum = sum.lock().unwrap();
                    sum.0 += kills;
                    sum.1 += figures;
                }
            });
        }
    });
    let (kills, figures) = sum.into_inner().unwrap();
    println!(
        "{kills} kills at {} steps survived in {:.1} s: {figures}",
        STEPS.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(kills, STEPS.len() * 3);
}
