//! Killed at any moment under load, hundreds of times, often before the host has come up again.

use super::{Case, SENDERS, host};
use hookbox_tests::checker::Figures;
use hookbox_tests::{Raise, after};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Folders, each with its own hosts, at once.
const CASES: u64 = 2;

/// Kills in each folder before it is checked, and how often.
const KILLS: u64 = 26;
const ROUNDS: u64 = 6;

/// The longest that a host lives after it came up, in ms.
const LIFE_MS: u64 = 200;

/// The longest that a host lives which is killed while it comes up, in ms.
const START_MS: u64 = 160;

/// One kill in so many comes while the host comes up.
const AT_START: u64 = 5;

/// After one kill in so many the ledger is checked as it was left.
const LOOKED_AT: u64 = 4;

/// The next number of a series without a pattern (xorshift64).
const fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

impl Case {
    /// One more life, under load, and its end.
    fn live_and_die(&mut self, chance: &mut u64) {
        self.kills += 1;
        if next(chance).is_multiple_of(AT_START) {
            let time = Duration::from_millis(next(chance) % START_MS);
            self.host.restart_and_kill_after(time);
            return self.hear();
        }
        self.host.restart();
        let (host, promises, stop) = (&self.host, &self.promises, AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _stop = Raise(&stop);
            for _ in 0..SENDERS {
                scope.spawn(|| promises.post(host, usize::MAX, &stop));
            }
            after(Duration::from_millis(next(chance) % LIFE_MS));
            if next(chance).is_multiple_of(3) {
                promises.look(host);
            }
            host.kill_from_here();
        });
        self.host.kill();
        self.hear();
    }
}

/// All rounds of one folder.
fn case(number: u64) -> (usize, Figures) {
    let mut chance = 0x9E37_79B9_7F4A_7C15 ^ number;
    let mut case = Case::new(host().start());
    case.host.kill();
    let mut figures = Figures::default();
    for _ in 0..ROUNDS {
        for kill in 0..KILLS {
            case.live_and_die(&mut chance);
            if kill.is_multiple_of(LOOKED_AT) {
                case.checked_as_left();
            }
        }
        figures = case.checked();
    }
    (case.kills, figures)
}

#[test]
fn three_hundred_kills_lose_nothing_that_was_promised_and_run_nothing_again() {
    let began = Instant::now();
    let cases: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CASES)
            .map(|number| scope.spawn(move || case(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let (mut kills, mut figures) = (0, Figures::default());
    for (killed, found) in cases {
        kills += killed;
        figures += found;
    }
    println!(
        "{kills} kills under load survived in {:.1} s: {figures}",
        began.elapsed().as_secs_f64()
    );
    assert!(
        kills >= 300
            && figures.promised > 1000
            && figures.attempts_lost > 0
            && figures.coalesced > 0
            && figures.ordered > 0,
        "too little was tried"
    );
}
