//! Running a `hookbox` command to its end.

use crate::built::hookbox;
use crate::lines::Lines;
use crate::wait::eventually;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The longest that a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that would reach a child from whoever runs the tests.
const AMBIENT: &[&str] = &[
    "WEBHOOK_SECRET",
    "PORT",
    "SPACE_HOST",
    "HF_TOKEN",
    "RUST_LOG",
    "CLICOLOR_FORCE",
];

/// A command with nothing of the tests' own surroundings that the binary looks at.
pub fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOOKBOX_") {
            command.env_remove(name);
        }
    }
    for name in AMBIENT {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A command that is about to be run.
#[must_use]
pub struct Cli(Command);

impl Cli {
    /// `hookbox ARGS`.
    pub fn new<S: AsRef<OsStr>>(args: &[S]) -> Self {
        let mut command = clean(Command::new(hookbox()));
        command.args(args);
        Self(command)
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// In another folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs it to its end with further arguments.
    #[track_caller]
    pub fn run_with(mut self, args: &[&str]) -> Ran {
        self.0.args(args);
        self.run()
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Ran {
        let mut child = self.0.spawn().expect("the binary can be started");
        let (stdout, stderr) = outputs(&mut child);
        let code = eventually(PATIENCE, || child.try_wait().ok().flatten()).code();
        Ran {
            code,
            stdout: stdout.text_at_end(PATIENCE),
            stderr: stderr.text_at_end(PATIENCE),
        }
    }
}

/// The collected outputs of a child.
pub fn outputs(child: &mut Child) -> (Lines, Lines) {
    let stdout = child.stdout.take().map(Lines::of).unwrap_or_default();
    let stderr = child.stderr.take().map(Lines::of).unwrap_or_default();
    (stdout, stderr)
}

/// A command that came to its end.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// The same, if it ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// The same, if it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}
