//! Compiling a component that somebody else made: in a child, which can be bounded and killed.
//!
//! The child is this very program, told nothing but what to compile: no environment, no files but three pipes, little
//! memory and processor time. What it hands back is native code that this process loads, so it must have been made by
//! the same version: both compare their engine's key. Nothing of a component or its artifact is kept in memory here.

mod child;
mod ended;

pub use child::{Limit, run};
pub use ended::CompileError;

use crate::plugin::engine::Engine;
use crate::plugin::scan::scan;
use ended::{End, judge};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The command of this program that is the child.
pub const COMMAND: &str = "compile-component";

/// The longest that a child may take. It has used up its processor time long before, unless it hardly gets any.
const PATIENCE: Duration = Duration::from_secs(600);

/// The largest artifact, in bytes: four times the largest component.
const ARTIFACT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What an artifact may be larger than its component, in bytes and times: Python's is twice its component, that of a
/// small Rust plugin four times.
const ARTIFACT_BYTES_MORE: u64 = 16 * 1024 * 1024;
const ARTIFACT_TIMES: u64 = 8;

/// The largest artifact of a component of so many bytes.
fn artifact_bytes_max(component_bytes: u64) -> u64 {
    let more = component_bytes.saturating_mul(ARTIFACT_TIMES);
    (ARTIFACT_BYTES_MORE.saturating_add(more)).min(ARTIFACT_BYTES_MAX)
}

/// The most components that are compiled at once.
const COMPILES_MAX: usize = 4;

/// The most threads of a child: each costs memory.
const THREADS_MAX: usize = 4;

/// The most that is read of what a child says, in bytes.
const SAID_BYTES_MAX: u64 = 16 * 1024;

/// The bytes that are handed on at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where Linux has the program of whoever looks: it stays the same when the file is replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How many components are to be compiled at once: as many as there are processors, and as fit into half of this
/// machine's memory if each takes all that it may.
#[must_use]
pub fn compiles_max() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let fitting = memory_bytes() / 2 / Limit::Memory.value();
    let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
    processors.min(fitting).clamp(1, COMPILES_MAX)
}

/// The memory of this machine, or of this process's part of it, in bytes.
fn memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    let unit = u64::from(system.mem_unit);
    let machine = system.totalram.saturating_mul(unit);
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups_of(&own).into_iter().filter_map(|group| {
        let limit = std::fs::read_to_string(group.join("memory.max")).ok()?;
        // Bytes, or `max`.
        limit.trim().parse().ok()
    });
    limits.fold(machine, u64::min)
}

/// The folders of a process's control group and of those it is in (cgroups(7), version 2): each may have a limit. A
/// container sees its own group as the root.
fn groups_of(own: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let groups = Path::new(path.unwrap_or_default()).ancestors();
    groups.map(|group| root.join(group)).collect()
}

/// What came of compiling a component, for whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compilation {
    /// How long it took, in real time.
    pub took: Duration,
    /// `made`, `refused` (by the component's own fault) or `failed`.
    pub result: &'static str,
}

/// Is told of each compilation, on the thread that did it: it is not to block.
pub type Observer = Arc<dyn Fn(Compilation) + Send + Sync>;

/// Compiles components; cheap to clone. All clones share their children.
#[derive(Clone)]
pub struct Compiler {
    /// Absent if it compiles in this process.
    children: Option<Arc<Children>>,
    observer: Option<Observer>,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Compiler").field(&self.children).finish()
    }
}

/// The children under way.
#[derive(Debug)]
struct Children {
    program: PathBuf,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    stopped: bool,
    /// By their ids, with the digest of what each compiles.
    digests: BTreeMap<i32, String>,
    /// Those that were killed because nobody wants what they compile any more.
    unwanted: BTreeSet<i32>,
}

impl Compiler {
    /// Compiles in this process, with no bound on memory and time but those of what is compiled: for what the user has
    /// just built.
    #[must_use]
    pub const fn here() -> Self {
        Self {
            children: None,
            observer: None,
        }
    }

    /// Compiles in children.
    ///
    /// # Errors
    /// If this process cannot tell which program it is.
    pub fn in_children() -> std::io::Result<Self> {
        let own = Path::new(OWN_PROGRAM);
        let program = if own.exists() {
            own.to_owned()
        } else {
            std::env::current_exe()?
        };
        let groups = Mutex::default();
        Ok(Self {
            children: Some(Arc::new(Children { program, groups })),
            observer: None,
        })
    }

    /// The same, which tells an observer of all that it compiles.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Ends all children at once, and lets none begin.
    pub fn stop(&self) {
        if let Some(children) = &self.children {
            children.with(|groups| {
                groups.stopped = true;
                groups.digests.keys().for_each(|id| kill(*id));
            });
        }
    }

    /// Ends the children that compile anything but components of these digests.
    pub fn end_all_but(&self, wanted: &HashSet<&str>) {
        if let Some(children) = &self.children {
            children.with(|groups| {
                for (id, digest) in &groups.digests {
                    if !wanted.contains(digest.as_str()) {
                        kill(*id);
                        groups.unwanted.insert(*id);
                    }
                }
            });
        }
    }

    /// Compiles a component of a digest into an artifact for an engine. Blocks, and takes a while.
    ///
    /// # Errors
    /// [`CompileError`] says why there is none, and whether that is the component's fault. What was written by then
    /// is worthless.
    pub fn compile(
        &self,
        engine: &Engine,
        digest: &str,
        component: &mut dyn Read,
        artifact: &mut dyn Write,
    ) -> Result<(), CompileError> {
        let began = Instant::now();
        let compiled = match &self.children {
            None => compile_here(engine, component, artifact),
            Some(children) => children.compile(&engine.key(), digest, component, artifact),
        };
        if let Some(observer) = &self.observer {
            observer(Compilation {
                took: began.elapsed(),
                result: match &compiled {
                    Ok(()) => "made",
                    Err(error) if error.is_passing() => "failed",
                    Err(_) => "refused",
                },
            });
        }
        compiled
    }
}

fn compile_here(
    engine: &Engine,
    component: &mut dyn Read,
    artifact: &mut dyn Write,
) -> Result<(), CompileError> {
    let mut bytes = Vec::new();
    component
        .read_to_end(&mut bytes)
        .map_err(CompileError::Read)?;
    scan(&bytes).map_err(|error| CompileError::Refused(error.to_string()))?;
    let made = engine.wasmtime().precompile_component(&bytes);
    let made = made.map_err(|error| CompileError::rejected(&error))?;
    artifact.write_all(&made).map_err(CompileError::Written)
}

impl Children {
    fn compile(
        &self,
        key: &str,
        digest: &str,
        component: &mut dyn Read,
        artifact: &mut dyn Write,
    ) -> Result<(), CompileError> {
        let mut going = self.start(key, digest)?;
        let (id, late) = (going.id, AtomicBool::new(false));
        let (ended, end) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let is_late = &late;
            let watch = move || {
                if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    is_late.store(true, Ordering::Relaxed);
                    self.kill(id);
                }
            };
            let name = "hookbox-patience".to_owned();
            let watched = std::thread::Builder::new().name(name);
            watched
                .spawn_scoped(scope, watch)
                .map_err(CompileError::Start)?;
            let compiled = going.compile(component, artifact);
            drop(ended);
            compiled
        })
        .and_then(|(status, said)| match End::of(status) {
            End::Made => Ok(()),
            end => Err(judge(&end, &said)),
        })
        .map_err(|error| match error {
            // Whatever it died of, it was not let live.
            _ if self.with(|groups| groups.stopped) => CompileError::Stopped,
            _ if self.with(|groups| groups.unwanted.remove(&id)) => CompileError::Unwanted,
            _ if late.load(Ordering::Relaxed) => CompileError::Late(PATIENCE),
            error => error,
        })
    }

    fn start(&self, key: &str, digest: &str) -> Result<Going<'_>, CompileError> {
        let mut command = Command::new(&self.program);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        command
            .arg0("hookbox")
            .args([COMMAND, key])
            .env_clear()
            // The one thing that Cranelift's thread pool asks its environment for.
            .env("RAYON_NUM_THREADS", threads.min(THREADS_MAX).to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.with(|groups| {
            if groups.stopped {
                return Err(CompileError::Stopped);
            }
            let child = command.spawn().map_err(CompileError::Start)?;
            let id = Pid::from_child(&child).as_raw_nonzero().get();
            groups.unwanted.remove(&id);
            groups.digests.insert(id, digest.to_owned());
            Ok(Going {
                child,
                id,
                children: self,
            })
        })
    }

    fn with<R>(&self, change: impl FnOnce(&mut Groups) -> R) -> R {
        change(&mut self.groups.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Kills a child and whatever it started, if it was not waited for yet: its id may be another's then.
    fn kill(&self, id: i32) {
        self.with(|groups| {
            if groups.digests.contains_key(&id) {
                kill(id);
            }
        });
    }
}

/// A child; dropping it kills it and waits for it.
struct Going<'a> {
    child: Child,
    id: i32,
    children: &'a Children,
}

impl Going<'_> {
    /// Hands over the component, takes the artifact, and waits for the end. Returns what the child said, too.
    fn compile(
        &mut self,
        component: &mut dyn Read,
        artifact: &mut dyn Write,
    ) -> Result<(ExitStatus, String), CompileError> {
        // It takes all before it gives anything, so one after the other cannot get stuck.
        let mut component_bytes = 0;
        if let Some(mut pipe) = self.child.stdin.take() {
            component_bytes = hand_over(component, &mut pipe)?;
        }
        if let Some(mut pipe) = self.child.stdout.take() {
            take_back(&mut pipe, artifact, component_bytes)?;
        }
        let mut said = Vec::new();
        if let Some(pipe) = self.child.stderr.take() {
            // What it could not say is not missed: its end says enough.
            let _ = pipe.take(SAID_BYTES_MAX).read_to_end(&mut said);
        }
        let status = self.wait().map_err(CompileError::Start)?;
        Ok((status, String::from_utf8_lossy(&said).trim().to_owned()))
    }

    /// Waits for its end. It is no longer among the children before its id is given back.
    fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let left = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(error) = waitid(id.clone(), left) {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        self.children.with(|groups| groups.digests.remove(&self.id));
        self.child.wait()
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        // One that was waited for is no longer among them.
        if self
            .children
            .with(|groups| groups.digests.contains_key(&self.id))
        {
            kill(self.id);
            // There is nobody left to be told.
            let _ = self.wait();
        }
    }
}

fn kill(group: i32) {
    // A group that is gone needs no signal.
    let _ = Pid::from_raw(group).map(|group| kill_process_group(group, Signal::KILL));
}

/// Returns how many bytes the component has, as far as the child took it.
fn hand_over(component: &mut dyn Read, pipe: &mut dyn Write) -> Result<u64, CompileError> {
    let (mut chunk, mut bytes) = (vec![0; CHUNK_BYTES], 0_u64);
    loop {
        let read = component.read(&mut chunk).map_err(CompileError::Read)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        match pipe.write_all(chunk.get(..read).unwrap_or_default()) {
            Ok(()) => {}
            // It has ended early, and its end says why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(bytes),
            Err(error) => return Err(CompileError::Start(error)),
        }
    }
}

fn take_back(
    pipe: &mut dyn Read,
    artifact: &mut dyn Write,
    component_bytes: u64,
) -> Result<(), CompileError> {
    let (mut chunk, mut bytes) = (vec![0; CHUNK_BYTES], 0_u64);
    let max = artifact_bytes_max(component_bytes);
    loop {
        let read = pipe.read(&mut chunk).map_err(CompileError::Start)?;
        if read == 0 {
            return Ok(());
        }
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if bytes > max {
            return Err(CompileError::Large {
                max,
                component_bytes,
            });
        }
        artifact
            .write_all(chunk.get(..read).unwrap_or_default())
            .map_err(CompileError::Written)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::EngineConfig;

    #[test]
    fn the_memory_of_a_process_is_what_its_groups_and_its_machine_leave_it() {
        let groups = |own: &str| -> Vec<String> {
            let groups = groups_of(own).into_iter();
            groups.map(|group| group.display().to_string()).collect()
        };
        let nested = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup/"];
        assert_eq!(groups("1:name=x:/y\n0::/a/b\n"), nested);
        assert_eq!(groups("0::/\n"), ["/sys/fs/cgroup/"]);
        assert_eq!(groups(""), ["/sys/fs/cgroup/"]);
        assert!(memory_bytes() > 256 << 20);
        assert!((1..=COMPILES_MAX).contains(&compiles_max()));
    }

    #[test]
    fn an_artifact_is_bounded_by_its_component() {
        assert_eq!(artifact_bytes_max(1 << 20), 24 << 20);
        assert_eq!(artifact_bytes_max(64 << 20), 256 << 20);
        assert_eq!(artifact_bytes_max(u64::MAX), 256 << 20);
        // What is over the bound is not passed on, and the component is told
        let (mut made, mut kept) = (std::io::repeat(0), Vec::new());
        let error = take_back(&mut made, &mut kept, 100).unwrap_err();
        assert!(kept.len() <= (16 << 20) + 800, "{}", kept.len());
        assert!(!error.is_passing());
        assert_eq!(
            error.to_string(),
            "it compiles to more than 16 MiB, too much for a component of 100 bytes; leave out what it does not use"
        );
    }

    #[test]
    fn an_observer_is_told_what_came_of_each_compilation() {
        let seen: Arc<Mutex<Vec<&str>>> = Arc::default();
        let told = Arc::clone(&seen);
        let observer: Observer = Arc::new(move |one| told.lock().unwrap().push(one.result));
        let compiler = Compiler::here().observed_by(observer);
        let config = EngineConfig {
            concurrency: 1,
            ..EngineConfig::default()
        };
        let engine = Engine::new(config).unwrap();
        let empty: &[u8] = b"\0asm\x0d\0\x01\0";
        let compile = |mut bytes| compiler.compile(&engine, "", &mut bytes, &mut Vec::new());
        assert!(compile(empty).is_ok());
        assert!(!compile(&b"\0asm\x0d\0\x01"[..]).unwrap_err().is_passing());
        assert_eq!(*seen.lock().unwrap(), ["made", "refused"]);
    }

    #[test]
    fn a_compiler_that_was_stopped_starts_nothing() {
        let compiler = Compiler::in_children().unwrap();
        compiler.stop();
        let config = EngineConfig {
            concurrency: 1,
            ..EngineConfig::default()
        };
        let engine = Engine::new(config).unwrap();
        let stopped = compiler.compile(&engine, "", &mut std::io::empty(), &mut Vec::new());
        assert!(matches!(stopped, Err(CompileError::Stopped)), "{stopped:?}");
    }
}
