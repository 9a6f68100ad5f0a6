//! The model test: a ledger is taken through random steps, and must do what one that is kept on paper does.
//!
//! [`paper`] is the ledger on paper, [`step`] what may happen, [`drive`] does it to a ledger, [`view`] is what can be
//! seen of it, [`check`] compares. It is written against the [`Ledger`] trait; a form adds what only it can do, a [`Form`].

mod check;
mod drive;
mod paper;
mod show;
mod step;
mod view;

use self::check::Checked;
use self::drive::{Driver, put};
use self::paper::Paper;
use self::step::{Step, Taste, bounds, steps};
use super::{Ledger, LedgerSettings, PluginState};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a form of the ledger does for the test beside what [`Ledger`] says.
pub trait Form: Sized + 'static {
    /// An empty ledger whose clock stands.
    fn empty(settings: LedgerSettings, now_ms: u64) -> Self;
    fn ledger(&self) -> Arc<dyn Ledger>;
    fn set(&self, settings: LedgerSettings);
    /// Has the wall clock stand at one time, and the steady one at another.
    fn move_to(&self, wall_ms: u64, steady_ms: u64);
    /// Has it as after its host's death: nobody closed it or noted anything, and another host opens it. Its steady clock
    /// begins where its wall clock stands: both stand alike.
    fn crash(&mut self, settings: LedgerSettings);
}

/// When each case begins: any time will do that is not a whole minute.
const BEGIN_MS: u64 = 1_800_000_012_345;

/// Cases, where `PROPTEST_CASES` does not say how many.
const CASES: u32 = 500;

/// Where the cases begin that are drawn, where `PROPTEST_RNG_SEED` does not say it: the same each time.
const SEED: u64 = 1;

/// Steps of a case.
const STEPS: RangeInclusive<usize> = 8..=34;

/// Has a form of the ledger go through as many cases as are wanted. They are shared out to threads: each waits for its
/// ledger most of the time. The cases are the same each time; `PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=20000` looks at
/// others, and says which if one fails.
pub fn keeps_to_paper<F: Form>() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let cases = number("PROPTEST_CASES").unwrap_or(CASES.into());
    let seed = number("PROPTEST_RNG_SEED").unwrap_or(SEED);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    eprintln!("model test: {cases} cases, PROPTEST_RNG_SEED={seed}");
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let share = cases / threads + u64::from(thread < cases % threads);
            scope.spawn(move || run_cases::<F>(share as u32, seed.wrapping_add(thread)));
        }
    });
}

fn run_cases<F: Form>(cases: u32, seed: u64) {
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let cases = Machine::sequential_strategy(STEPS);
    let outcome = TestRunner::new(config).run(&cases, |(paper, steps, seen)| {
        runtime.block_on(run_case::<F>(paper, &steps, seen.as_deref()))
    });
    if let Err(failure) = outcome {
        panic!("with PROPTEST_RNG_SEED={seed}: {failure}");
    }
}

/// Takes a ledger and the paper through steps; `seen` counts them for whoever looks for a shorter case that fails.
async fn run_case<F: Form>(
    mut paper: Paper,
    steps: &[Step],
    seen: Option<&AtomicUsize>,
) -> Checked {
    let mut driver = Driver::new(F::empty(paper.bounds.settings(), paper.now));
    let ledger = driver.form.ledger();
    for (at, plugin) in paper.plugins.iter().enumerate() {
        if let Some(note) = &plugin.note {
            put(&*ledger, at, note).await;
        }
    }
    drop(ledger);
    for step in steps {
        if let Some(seen) = seen {
            seen.fetch_add(1, Ordering::Relaxed);
        }
        paper.step(step);
        driver.step(step, &paper).await?;
    }
    Ok(())
}

/// How cases are drawn.
struct Machine;

impl ReferenceStateMachine for Machine {
    type State = Paper;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Paper> {
        let note = step::Note {
            state: PluginState::Loaded,
            active: 0,
            grant: 0,
        };
        // The last plugin is not known yet.
        let plugins = [Some(note.clone()), Some(note), None];
        (bounds(), select(Taste::ALL))
            .prop_map(move |(bounds, taste)| Paper::new(BEGIN_MS, bounds, taste, plugins.clone()))
            .boxed()
    }

    fn transitions(paper: &Paper) -> BoxedStrategy<Step> {
        thread_local! {
            /// To make a strategy takes longer than to draw from it.
            static MADE: Vec<(Taste, [BoxedStrategy<Step>; 2])> = Taste::ALL
                .iter()
                .map(|taste| (*taste, [false, true].map(|held| steps(*taste, held))))
                .collect();
        }
        let any_held = usize::from(!paper.held.is_empty());
        MADE.with(|made| {
            let made = made.iter().find(|(taste, _)| *taste == paper.taste);
            made.map_or_else(
                || steps(paper.taste, true),
                |(_, made)| made[any_held].clone(),
            )
        })
    }

    fn apply(mut paper: Paper, step: &Step) -> Paper {
        paper.step(step);
        paper
    }
}
