//! Running a `hookbox` command to its end.

use crate::built::hookbox;
use crate::lines::Lines;
use crate::terminal::Terminal;
use crate::wait::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write as _;
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
    "CARGO",
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
pub struct Cli {
    command: Command,
    stdin: Vec<u8>,
    terminal: Option<Terminal>,
    patience: Duration,
}

impl Cli {
    /// `hookbox ARGS`.
    pub fn new<S: AsRef<OsStr>>(args: &[S]) -> Self {
        let mut command = clean(Command::new(hookbox()));
        command.args(args);
        Self {
            command,
            stdin: Vec::new(),
            terminal: None,
            patience: PATIENCE,
        }
    }

    /// Given so long to its end, where it has tools of others do long work.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// In another folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With these bytes on its standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = bytes.into();
        self
    }

    /// With a terminal as its standard input, on which this is typed.
    pub fn typed(mut self, text: &str) -> Self {
        self.terminal = Some(Terminal::typed(&mut self.command, text));
        self
    }

    /// Runs it to its end with further arguments.
    #[track_caller]
    pub fn run_with(mut self, args: &[&str]) -> Ran {
        self.command.args(args);
        self.run()
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Ran {
        self.start().ended()
    }

    /// Starts it.
    #[track_caller]
    pub fn start(mut self) -> Going {
        let mut child = self.command.spawn().expect("the binary can be started");
        let (stdout, stderr) = outputs(&mut child);
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read to the end is not this thread's affair.
            std::thread::spawn(move || stdin.write_all(&self.stdin));
        }
        Going {
            child,
            stdout,
            stderr,
            _terminal: self.terminal,
            patience: self.patience,
        }
    }
}

/// A command that goes on until it is told to end; dropping it kills it.
pub struct Going {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    _terminal: Option<Terminal>,
    patience: Duration,
}

impl Going {
    /// Waits for a line on its standard output.
    #[track_caller]
    pub fn prints(&self, text: &str) {
        let found = self
            .stdout
            .wait(PATIENCE, |line| line.contains(text).then_some(()));
        assert!(found.is_some(), "`{text}` is not in {}", self.told());
    }

    /// Waits for a line on its standard error.
    #[track_caller]
    pub fn notes(&self, text: &str) {
        let found = self
            .stderr
            .wait(PATIENCE, |line| line.contains(text).then_some(()));
        assert!(found.is_some(), "`{text}` is not in {}", self.told());
    }

    /// What it printed so far.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{}\n{}", self.stdout.text(), self.stderr.text())
    }

    /// Presses Ctrl-C (SIGINT), and waits for its end.
    #[track_caller]
    pub fn interrupt(self) -> Ran {
        let asked = kill_process(Pid::from_child(&self.child), Signal::INT);
        assert!(asked.is_ok(), "it has ended already: {}", self.told());
        self.ended()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(mut self) -> Ran {
        let code = eventually(self.patience, || self.child.try_wait().ok().flatten()).code();
        Ran {
            code,
            stdout: self.stdout.text_at_end(PATIENCE),
            stderr: self.stderr.text_at_end(PATIENCE),
        }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It may have ended already, which comes to the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
