//! The child that compiles: it bounds itself before it reads anything, and ends with its parent.

use super::ended::{ANOTHER_VERSION, NOT_NOW, REFUSED};
use crate::plugin::engine::{compiling, key};
use crate::plugin::scan::scan;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// A bound that a child sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Address space. Python takes 0.4 GB of memory, with room for what threads reserve and do not use.
    Memory,
    /// Processor time, over all threads. Python takes 25 s, JavaScript 30 s.
    Cpu,
    /// Core files: there are none.
    Core,
}

impl Limit {
    /// In bytes or seconds.
    #[must_use]
    pub const fn value(self) -> u64 {
        match self {
            Self::Memory => 2 * 1024 * 1024 * 1024,
            Self::Cpu => 120,
            Self::Core => 0,
        }
    }

    const fn resource(self) -> Resource {
        match self {
            Self::Memory => Resource::As,
            Self::Cpu => Resource::Cpu,
            Self::Core => Resource::Core,
        }
    }

    /// Sets it, or leaves a lower one that is there already.
    fn set(self) -> rustix::io::Result<()> {
        let before = getrlimit(self.resource());
        let lower =
            |before: Option<u64>, own: u64| Some(before.map_or(own, |before| before.min(own)));
        setrlimit(
            self.resource(),
            Rlimit {
                current: lower(before.current, self.value()),
                maximum: lower(before.maximum, self.value().saturating_add(self.slack())),
            },
        )
    }

    /// What lies between being told and being killed. Whoever is killed at once does not show by what.
    const fn slack(self) -> u64 {
        match self {
            Self::Cpu => 5,
            Self::Memory | Self::Core => 0,
        }
    }
}

/// How much less of the processor it asks for than the host does.
const NICER: i32 = 10;

/// What it does while the system looks for something to kill: it offers itself.
const FIRST_TO_GO: (&str, &str) = ("/proc/self/oom_score_adj", "1000");

/// Compiles what comes on standard input and puts the artifact out, for an engine of this key.
#[must_use]
pub fn run(wanted: &str) -> ExitCode {
    match compile(wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            // Whoever started it may be gone.
            drop(writeln!(std::io::stderr(), "{reason}"));
            ExitCode::from(code)
        }
    }
}

type Failed = (u8, String);

fn compile(wanted: &str) -> Result<(), Failed> {
    close_inherited();
    let not_now = |what: &str, error: &dyn std::fmt::Display| (NOT_NOW, format!("{what}: {error}"));
    bound_itself().map_err(|error| not_now("its limits cannot be set", &error))?;
    // Cranelift's, which it would make by itself later: then it would look like the component's fault if the system has
    // no threads left.
    rayon::ThreadPoolBuilder::new()
        .build_global()
        .map_err(|error| not_now("its threads cannot be started", &error))?;
    let engine = compiling().map_err(|error| not_now("no engine can be made", &error))?;
    let own = key(&engine);
    if own != wanted {
        return Err((ANOTHER_VERSION, own));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| not_now("the component cannot be read", &error))?;
    scan(&bytes).map_err(|error| (REFUSED, error.to_string()))?;
    let artifact = engine
        .precompile_component(&bytes)
        .map_err(|error| (REFUSED, super::CompileError::rejected(&error).to_string()))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&artifact)
        .and_then(|()| out.flush())
        .map_err(|error| not_now("the artifact cannot be handed back", &error))
}

/// Closes what whoever started the host left open for it and what it started: Rust opens nothing that is inherited.
#[expect(
    unsafe_code,
    reason = "closing what one did not open is unsafe in every interface"
)]
fn close_inherited() {
    const OPEN: &str = "/proc/self/fd";
    let listed = std::fs::read_dir(OPEN).into_iter().flatten().flatten();
    let numbers = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let numbers: Vec<i32> = numbers.collect();
    // Not what listed them, which is closed by now.
    let is_open = |number: &i32| Path::new(OPEN).join(number.to_string()).is_symlink();
    for number in numbers
        .into_iter()
        .filter(is_open)
        .filter(|number| *number > 2)
    {
        // SAFETY: it is open, and this is the first thing that this process does, on its only thread: nothing in it
        // owns or borrows a descriptor but the three standard streams.
        unsafe { rustix::io::close(number) };
    }
}

fn bound_itself() -> rustix::io::Result<()> {
    // Elsewhere it ends when it finds its pipes closed, or its processor time used up.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    for limit in [Limit::Core, Limit::Memory, Limit::Cpu] {
        limit.set()?;
    }
    // Both are courtesies: without them it is as good.
    let _ = nice(NICER);
    let _ = std::fs::write(FIRST_TO_GO.0, FIRST_TO_GO.1);
    Ok(())
}
