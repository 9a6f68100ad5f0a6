//! The processes that a command starts: compilers, and whatever the user asks for.
//!
//! Each runs in a process group of its own, without what is ours in its environment, and is owned: when it is to stop
//! its whole group gets SIGTERM, a moment, and SIGKILL, so that neither a compiler under cargo nor a child of a shell
//! outlives the command. Never is one left to itself.

use crate::cli::foreground::Interrupted;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// How long a group has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How long a killed group may take to be gone.
const GONE: Duration = Duration::from_secs(1);

/// The time between two looks whether a group is gone.
const LOOK: Duration = Duration::from_millis(10);

/// The most that is read of a child's output, in bytes.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A command without what is ours: a project's build script is somebody's code and sees no secret.
pub fn command(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let secrets = std::env::var("HOOKBOX_SECRETS").unwrap_or_default();
    // The variables that the host's secrets are read from.
    let named: Vec<&str> = secrets
        .split(',')
        .filter_map(|place| place.strip_prefix("env:"))
        .collect();
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        let ours = name.starts_with("HOOKBOX_")
            || matches!(&*name, "WEBHOOK_SECRET" | "HF_TOKEN")
            || named.contains(&&*name);
        // Under `cargo run` there is what it tells its program about the program's package: a build script that looks
        // at it would be run again each time that comes and goes.
        let of_cargo = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if ours || of_cargo {
            command.env_remove(&variable);
        }
    }
    command
}

/// All children of a command, until it is told to stop; cheap to clone.
#[derive(Clone)]
pub struct Children {
    groups: Arc<Mutex<BTreeSet<i32>>>,
    stop: watch::Receiver<bool>,
}

impl Children {
    /// None yet; they are to stop when `stop` turns true.
    #[must_use]
    pub fn new(stop: watch::Receiver<bool>) -> Self {
        Self {
            groups: Arc::default(),
            stop,
        }
    }

    /// The same children; those that are started here are to stop when `stop` turns true.
    #[must_use]
    pub fn until(&self, stop: watch::Receiver<bool>) -> Self {
        Self {
            groups: Arc::clone(&self.groups),
            stop,
        }
    }

    /// Runs a command to its end; its standard output is collected where that is piped.
    ///
    /// # Errors
    /// If it cannot be run, or [`Interrupted`] when all are to stop: then its whole group has ended.
    pub async fn output(&self, command: &mut Command) -> anyhow::Result<Output> {
        let mut stop = self.stop.clone();
        let mut group = self.start(command)?;
        let output = tokio::select! {
            output = group.output() => Some(output),
            // An error means that nobody can say stop any more, which comes to the same.
            _ = stop.wait_for(|stop| *stop) => None,
        };
        group.end().await;
        Ok(output.ok_or(Interrupted)??)
    }

    /// Starts a command.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn start(&self, command: &mut Command) -> io::Result<Group> {
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.ok_or_else(|| io::Error::other("it ended before it was known"))?;
        self.with(|groups| groups.insert(id));
        Ok(Group {
            child,
            id,
            children: self.clone(),
        })
    }

    /// Kills (SIGKILL) whatever is left, for an end that does not wait.
    pub fn kill(&self) {
        self.with(|groups| {
            for id in std::mem::take(groups) {
                signal(id, Signal::KILL);
            }
        });
    }

    fn with<R>(&self, change: impl FnOnce(&mut BTreeSet<i32>) -> R) -> R {
        change(&mut self.groups.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A child and all that it starts. Dropping it kills them.
pub struct Group {
    /// The child itself.
    pub child: Child,
    /// The id of its group, which is its own.
    id: i32,
    children: Children,
}

impl Group {
    async fn output(&mut self) -> io::Result<Output> {
        let (mut stdout, pipe) = (Vec::new(), self.child.stdout.take());
        let mut bounded = pipe.map(|pipe| pipe.take(OUTPUT_BYTES_MAX));
        let read = async {
            match &mut bounded {
                Some(pipe) => pipe.read_to_end(&mut stdout).await.map(drop),
                None => Ok(()),
            }
        };
        let ended = async {
            let status = self.child.wait().await;
            // What the child left behind may hold its output open for as long as it likes.
            tokio::time::sleep(GRACE).await;
            status
        };
        tokio::pin!(read);
        tokio::select! {
            read = &mut read => read?,
            ended = ended => drop(ended?),
        }
        Ok(Output {
            status: self.child.wait().await?,
            stdout,
            stderr: Vec::new(),
        })
    }

    /// Ends the whole group: SIGTERM, a moment, SIGKILL.
    pub async fn end(mut self) {
        for (sent, patience) in [(Signal::TERM, GRACE), (Signal::KILL, GONE)] {
            signal(self.id, sent);
            if tokio::time::timeout(patience, self.gone()).await.is_ok() {
                break;
            }
        }
    }

    /// Waits until nothing of the group is left.
    async fn gone(&mut self) {
        // Whether it was waited for before or cannot be, the group tells.
        let _ = self.child.wait().await;
        while Pid::from_raw(self.id).is_some_and(|id| test_kill_process_group(id).is_ok()) {
            tokio::time::sleep(LOOK).await;
        }
        self.children.with(|groups| groups.remove(&self.id));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // One that is gone is no longer among them, and its id may be another's by now.
        if self.children.with(|groups| groups.remove(&self.id)) {
            signal(self.id, Signal::KILL);
        }
    }
}

fn signal(group: i32, signal: Signal) {
    // A group that is gone needs none.
    let _ = Pid::from_raw(group).map(|group| kill_process_group(group, signal));
}
