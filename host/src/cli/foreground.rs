//! A command that starts children, while it works in the foreground: SIGINT, SIGTERM and SIGHUP end them before it
//! ends.
//!
//! Children have process groups of their own, so no terminal tells them anything: this does. Whoever takes the signals
//! over answers them alone, but for SIGHUP, which reaches it as SIGTERM.

use crate::cli::child::Children;
use anyhow::Context as _;
use rustix::process::{getpid, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The exit code after SIGINT, as shells have it.
const EXIT_INTERRUPTED: u8 = 128 + 2;

/// The exit code after SIGTERM.
const EXIT_TERMINATED: u8 = 128 + 15;

/// The exit code after SIGHUP, when the terminal is gone.
const EXIT_HUNG_UP: u8 = 128 + 1;

/// A child was ended before its time, because all are to stop.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("stopped")]
pub struct Interrupted;

/// The command was told to stop by a signal, and has.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("stopped by a signal")]
pub struct Stopped {
    /// How the process ends, as shells have it.
    pub code: u8,
}

/// Who answers a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Work with children: they are ended, then the command.
    Work,
    /// The command itself, which can end at any time.
    Alone,
    /// Somebody else.
    HandedOver,
}

/// Threads and signal handlers of a command with children. Dropping it kills what is left of them.
pub struct Foreground {
    threads: Handle,
    /// There until this is dropped.
    runtime: Option<Runtime>,
    children: Children,
    answers: Arc<Answers>,
}

struct Answers {
    phase: AtomicU8,
    code: AtomicU8,
}

impl Foreground {
    /// Takes over the signals of this process.
    ///
    /// # Errors
    /// If threads or signal handlers cannot be had.
    pub fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hookbox-children")
            .enable_all()
            .build()
            .context("cannot start threads")?;
        let (stop, stopping) = watch::channel(false);
        let children = Children::new(stopping);
        let answers = Arc::new(Answers {
            phase: AtomicU8::new(Phase::Alone as u8),
            code: AtomicU8::new(0),
        });
        let within = runtime.enter();
        let signals = (
            signal(SignalKind::interrupt()).context("cannot handle SIGINT")?,
            signal(SignalKind::terminate()).context("cannot handle SIGTERM")?,
            signal(SignalKind::hangup()).context("cannot handle SIGHUP")?,
        );
        drop(within);
        runtime.spawn(answer(
            signals,
            Arc::clone(&answers),
            stop,
            children.clone(),
        ));
        Ok(Self {
            threads: runtime.handle().clone(),
            runtime: Some(runtime),
            children,
            answers,
        })
    }

    /// Its threads, for work that a blocked terminal may hold up.
    #[must_use]
    pub const fn threads(&self) -> &Handle {
        &self.threads
    }

    /// The children.
    #[must_use]
    pub const fn children(&self) -> &Children {
        &self.children
    }

    /// Does work that starts children; a signal ends them and the work.
    ///
    /// # Errors
    /// Those of the work, or [`Stopped`].
    pub fn work<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.answers.enter(Phase::Work);
        let done = self.threads.block_on(work);
        self.answers.enter(Phase::Alone);
        match self.answers.code.load(Ordering::Acquire) {
            0 => done,
            code => Err(Stopped { code }.into()),
        }
    }

    /// Whether a signal has told it to stop: for work that comes to its end by itself.
    #[must_use]
    pub fn is_told_to_stop(&self) -> bool {
        self.answers.code.load(Ordering::Acquire) != 0
    }

    /// What hands the signals over to somebody who has handlers by then.
    pub fn hand_over(&self) -> impl FnOnce() + Send + use<> {
        let answers = Arc::clone(&self.answers);
        move || answers.enter(Phase::HandedOver)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        self.children.kill();
        // A thread that waits for a paused terminal is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Answers {
    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Acquire) == phase as u8
    }
}

async fn answer(
    (mut interrupt, mut terminate, mut hangup): (Signal, Signal, Signal),
    answers: Arc<Answers>,
    stop: watch::Sender<bool>,
    children: Children,
) {
    loop {
        let code = tokio::select! {
            _ = interrupt.recv() => EXIT_INTERRUPTED,
            _ = terminate.recv() => EXIT_TERMINATED,
            _ = hangup.recv() => EXIT_HUNG_UP,
        };
        if answers.is(Phase::HandedOver) {
            if code == EXIT_HUNG_UP {
                // There is nobody to be told if that fails.
                let _ = kill_process(getpid(), rustix::process::Signal::TERM);
            }
            continue;
        }
        let first = answers.code.swap(code, Ordering::AcqRel) == 0;
        stop.send_replace(true);
        // Where nothing can be waited for, or was waited for once already, this is the end.
        if !first || answers.is(Phase::Alone) {
            children.kill();
            std::process::exit(i32::from(code));
        }
    }
}
