//! `hookbox dev`: the real binary on plugin projects, in a folder of its own.

use crate::built::{hookbox, story_target, workspace};
use crate::cli::{Ran, clean, outputs};
use crate::hub::Hub;
use crate::lines::Lines;
use crate::wait::{eventually, eventually_or};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// The longest that anything may take: the first build of all compiles what every plugin is made of.
const PATIENCE: Duration = Duration::from_secs(240);

/// `hookbox dev` that is about to be started, in a folder with projects.
#[must_use]
pub struct DevBuilder {
    folder: PathBuf,
    temporary: Option<TempDir>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    reader: Option<String>,
}

impl DevBuilder {
    /// In a folder that is there.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            temporary: None,
            args: Vec::new(),
            env: Vec::new(),
            reader: None,
        }
    }

    /// In an empty folder.
    pub fn new() -> Self {
        let temporary = TempDir::new().expect("a temporary folder can be made");
        let folder = temporary.path().canonicalize();
        Self {
            temporary: Some(temporary),
            ..Self::of(&folder.expect("a folder has a path"))
        }
    }

    /// With a plugin project that handles comments by this function's body. Names are not to be used twice: all
    /// stories build into one folder.
    pub fn plugin(self, name: &str, handle: &str) -> Self {
        let sdk = workspace().join("sdk");
        let manifest = format!("[dependencies]\nhookbox-sdk = {{ path = {sdk:?} }}\n");
        self.package(name, &manifest, &plugin_source(handle))
            .arg(name)
    }

    /// With a package that is part of no workspace; `rest` follows in its manifest.
    pub fn package(self, name: &str, rest: &str, source: &str) -> Self {
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\n\
             crate-type = [\"cdylib\", \"rlib\"]\n\n{rest}"
        );
        // The versions of the workspace, so that nothing has to be fetched.
        let locked = std::fs::read_to_string(workspace().join("Cargo.lock"));
        self.file(&format!("{name}/Cargo.toml"), &manifest)
            .file(
                &format!("{name}/Cargo.lock"),
                &locked.expect("there is a lock file"),
            )
            .file(&format!("{name}/src/lib.rs"), source)
    }

    /// With a file.
    pub fn file(self, path: &str, text: &str) -> Self {
        write(&self.folder.join(path), text);
        self
    }

    /// With one more argument.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With its output read by a command.
    pub fn read_by(mut self, reader: &str) -> Self {
        self.reader = Some(reader.to_owned());
        self
    }

    /// Starts it, and waits until it listens.
    #[track_caller]
    pub fn start(self) -> Dev {
        let mut dev = self.begin();
        dev.address = dev.says("listening on http://").trim().to_owned();
        dev
    }

    /// Starts it, and does not wait.
    #[track_caller]
    pub fn begin(self) -> Dev {
        let mut command = match &self.reader {
            None => clean(Command::new(hookbox())),
            Some(reader) => {
                let mut shell = clean(Command::new("sh"));
                let script = format!("\"$@\" | {reader}");
                shell.args(["-c", &script, "sh"]).arg(hookbox());
                shell
            }
        };
        command
            .arg("dev")
            .args(&self.args)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", story_target())
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().expect("the binary can be started");
        let (stdout, stderr) = outputs(&mut child);
        Dev {
            folder: self.folder,
            _temporary: self.temporary,
            child,
            stdout,
            stderr,
            read: 0,
            address: String::new(),
        }
    }

    /// Runs it to its end, which is to come by itself.
    #[track_caller]
    pub fn run(self) -> Ran {
        let mut dev = self.begin();
        let code = dev.ended();
        Ran {
            code,
            stdout: dev.stdout.text_at_end(PATIENCE),
            stderr: dev.stderr.text_at_end(PATIENCE),
        }
    }
}

impl Default for DevBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// The source of a plugin that handles comments by this function's body.
fn plugin_source(handle: &str) -> String {
    format!(
        "use hookbox_sdk::prelude::*;\n\nplugin! {{\n    description: \"Is written in a story\",\n    handlers: \
         [handle],\n}}\n#[on(\"discussion.comment\", actions = [create])]\nfn handle(event: &Event) -> Result {{\n    \
         {handle}\n}}\n"
    )
}

/// A running `hookbox dev`; dropping it ends it.
pub struct Dev {
    folder: PathBuf,
    _temporary: Option<TempDir>,
    child: Child,
    stdout: Lines,
    stderr: Lines,
    /// How much of its output was read, in bytes.
    read: usize,
    address: String,
}

impl Dev {
    /// One with a plugin project.
    pub fn with(name: &str, handle: &str) -> DevBuilder {
        DevBuilder::new().plugin(name, handle)
    }

    /// Waits for a text on its output, after all that was waited for before; returns the rest of that line.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        let (stdout, stderr, read) = (&self.stdout, &self.stderr, self.read);
        let found = eventually_or(PATIENCE, || {
            let said = stdout.text();
            let at = read + said.get(read..)?.find(text)? + text.len();
            let rest = said.get(at..)?.lines().next().unwrap_or_default();
            Some((at, rest.to_owned()))
        });
        let (at, rest) = found.unwrap_or_else(|| {
            panic!(
                "it does not say `{text}`:\n{}\n{}",
                stdout.text(),
                stderr.text()
            )
        });
        self.read = at;
        rest
    }

    /// All that it said so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.stdout.text()
    }

    /// All that it and the compiler said on standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `http://host:port` of its listener.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whoever posts to it.
    #[must_use]
    pub fn hub(&self, secret: Option<&str>) -> Hub {
        Hub::new(&self.address, secret)
    }

    /// Saves a file, as an editor does.
    pub fn save(&self, path: &str, text: &str) {
        write(&self.folder.join(path), text);
    }

    /// Saves another body of a plugin's function.
    pub fn save_plugin(&self, name: &str, handle: &str) {
        self.save(&format!("{name}/src/lib.rs"), &plugin_source(handle));
    }

    /// Sends a signal to it alone, not to what it started.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let sent = kill_process(Pid::from_child(&self.child), signal);
        assert!(sent.is_ok(), "it has ended already:\n{}", self.said());
    }

    /// Sends a signal to what runs under a name in its folder: behind a shell, to it itself.
    #[track_caller]
    pub fn signal_by_name(&self, name: &str, signal: Signal) {
        let mut found = processes(&self.folder).filter(|(_, process)| process == name);
        let id = found.next().and_then(|(id, _)| Pid::from_raw(id));
        let sent = id.map(|id| kill_process(id, signal));
        assert_eq!(sent, Some(Ok(())), "{name} does not run");
    }

    /// Waits until it has ended; returns its exit code.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually(PATIENCE, || child.try_wait().ok().flatten()).code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // In order where that is possible, so that it ends what it started; it may have ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let child = &mut self.child;
        let _ = eventually_or(PATIENCE, || child.try_wait().ok().flatten());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that work in a folder, by name: what was started there and is still alive.
#[must_use]
pub fn processes_in(folder: &Path) -> Vec<String> {
    processes(folder).map(|(_, name)| name).collect()
}

/// The same with their ids.
fn processes(folder: &Path) -> impl Iterator<Item = (i32, String)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(move |entry| {
            let cwd = std::fs::read_link(entry.path().join("cwd"));
            cwd.is_ok_and(|cwd| cwd.starts_with(folder))
        })
        .filter_map(|entry| {
            let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            let id = entry.file_name().to_str()?.parse().ok()?;
            Some((id, name.trim().to_owned()))
        })
}

fn write(path: &Path, text: &str) {
    let folder = path.parent().expect("a file has a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .expect("a file can be written");
}
