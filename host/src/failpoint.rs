//! Places where a trial has the process kill itself (SIGKILL), to see what a host that comes after makes of it.
//!
//! Only the cargo feature `failpoints`, which `tests/failing` alone asks for, puts them in: without it the macro stands
//! for nothing, so that neither a name nor a branch is left in what people run. With it, a program that calls `arm`
//! dies at the place, and the time, that `FAILPOINT=NAME` or `FAILPOINT=NAME:N` names.

/// Marks a place by its name.
#[cfg(not(feature = "failpoints"))]
macro_rules! hit {
    ($name:literal) => {};
}

/// Marks a place by its name.
#[cfg(feature = "failpoints")]
macro_rules! hit {
    ($name:literal) => {
        $crate::failpoint::armed::pass($name)
    };
}

pub(crate) use hit;

#[cfg(feature = "failpoints")]
pub use armed::arm;

#[cfg(feature = "failpoints")]
pub(crate) mod armed {
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The variable that names the place.
    const VARIABLE: &str = "FAILPOINT";

    static CHOSEN: OnceLock<Chosen> = OnceLock::new();

    struct Chosen {
        name: String,
        /// How often the place is still passed alive.
        spared: AtomicU64,
    }

    /// Reads which place to die at. Until this is called none is deadly.
    pub fn arm() {
        let Ok(text) = std::env::var(VARIABLE) else {
            return;
        };
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        let Some(spared) = nth.parse::<u64>().ok().and_then(|nth| nth.checked_sub(1)) else {
            eprintln!("{VARIABLE}={text}: write NAME or NAME:N, with N from 1");
            std::process::exit(2);
        };
        // A second call has nothing to add.
        let _ = CHOSEN.set(Chosen {
            name: name.to_owned(),
            spared: AtomicU64::new(spared),
        });
    }

    /// Passes the place, or dies at it.
    pub fn pass(name: &str) {
        let Some(chosen) = CHOSEN.get().filter(|chosen| chosen.name == name) else {
            return;
        };
        let spare = |spared: u64| spared.checked_sub(1);
        if chosen
            .spared
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spare)
            .is_err()
        {
            // It does not return, and were it to fail, the process must end all the same.
            let _ = kill_process(getpid(), Signal::KILL);
            std::process::abort();
        }
    }
}
