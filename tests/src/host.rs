//! `hookbox serve`: the real binary, in a folder of its own, on a port that was free.

mod lives;
mod signals;

use crate::SECRET;
use crate::built::{component_bytes, hookbox, hookbox_failing};
use crate::cli::{Cli, Ran, clean, outputs};
use crate::hub::Hub;
use crate::ledger_file::LedgerFile;
use crate::lines::Lines;
use crate::memory::Process;
use crate::operator::Operator;
use crate::terminal::Terminal;
use crate::wait::{eventually, eventually_or};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that starting may take: a slow machine compiles ten plugins meanwhile.
const START: Duration = Duration::from_secs(60);

/// The longest that stopping may take.
const STOP: Duration = Duration::from_secs(40);

/// The longest that a change in the plugins folder may take to show: a slow machine compiles meanwhile.
const NOTICE: Duration = Duration::from_secs(20);

/// What the host prints before its address.
const LISTENING: &str = "listening on http://";

/// What the host prints before its admin page's address.
const ADMIN: &str = "admin page on http";

/// A host that is about to be started.
#[must_use]
pub struct HostBuilder {
    files: Vec<(String, Vec<u8>)>,
    secret: Option<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    limits: Option<String>,
    settings: Option<String>,
    in_terminal: bool,
    program: fn() -> &'static Path,
}

impl HostBuilder {
    /// As the program that dies where `FAILPOINT` says.
    pub fn failing(mut self) -> Self {
        self.program = hookbox_failing;
        self
    }

    /// With the component of this package, under its own name.
    pub fn plugin(self, package: &str) -> Self {
        self.plugin_as(package, package)
    }

    /// With the component of `package`, under another name.
    pub fn plugin_as(self, name: &str, package: &str) -> Self {
        let bytes = component_bytes(package);
        self.file(&format!("{name}.wasm"), bytes)
    }

    /// With this grant for a plugin.
    pub fn grant(self, name: &str, text: &str) -> Self {
        self.file(&format!("{name}.toml"), text)
    }

    /// With any file in the plugins folder.
    pub fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into()));
        self
    }

    /// With another secret than [`SECRET`].
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// Without a secret.
    pub fn no_secret(mut self) -> Self {
        self.secret = None;
        self
    }

    /// With further arguments.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this `hookbox.toml` in the folder that it is started in.
    pub fn settings(mut self, text: &str) -> Self {
        self.settings = Some(text.to_owned());
        self
    }

    /// Under limits that a shell sets, such as `ulimit -f 1000`, until it is restarted without them.
    pub fn limits(mut self, script: &str) -> Self {
        self.limits = Some(script.to_owned());
        self
    }

    /// Without root's power over files, whoever runs the stories.
    pub fn unprivileged(self) -> Self {
        if !rustix::process::geteuid().is_root() {
            return self;
        }
        // The mode of root's own files counts for root without its capabilities.
        self.limits("set -- setpriv --bounding-set=-all --inh-caps=-all \"$@\"")
    }

    /// With a terminal for its standard output.
    pub fn in_terminal(mut self) -> Self {
        self.in_terminal = true;
        self
    }

    /// Starts it and waits until it listens.
    #[track_caller]
    pub fn start(self) -> Host {
        self.try_start()
            .unwrap_or_else(|failed| panic!("the host did not start: {failed:#?}"))
    }

    /// Starts it and waits until it listens or gives up.
    ///
    /// # Errors
    /// [`FailedStart`] if it ended before it listened.
    #[track_caller]
    pub fn try_start(mut self) -> Result<Host, FailedStart> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).expect("a folder can be made");
        for (name, bytes) in std::mem::take(&mut self.files) {
            std::fs::write(plugins.join(name), bytes).expect("a file can be written");
        }
        if let Some(text) = &self.settings {
            std::fs::write(folder.path().join("hookbox.toml"), text)
                .expect("a file can be written");
        }
        let running = Running::start(&self, folder.path())?;
        Ok(Host {
            settings: self,
            folder,
            running,
        })
    }
}

/// A host that ended before it listened.
#[derive(Debug)]
pub struct FailedStart {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard error.
    pub stderr: String,
}

/// A host; dropping it kills it.
pub struct Host {
    settings: HostBuilder,
    folder: TempDir,
    running: Running,
}

struct Running {
    child: Child,
    address: String,
    admin: String,
    stdout: Lines,
    stderr: Lines,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which comes to the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    #[track_caller]
    fn start(settings: &HostBuilder, folder: &Path) -> Result<Self, FailedStart> {
        Self::spawn(settings, folder).listening()
    }

    #[track_caller]
    fn spawn(settings: &HostBuilder, folder: &Path) -> Self {
        let mut command = match &settings.limits {
            Some(script) => {
                let mut shell = clean(Command::new("sh"));
                shell
                    .args(["-c", &format!("{script}; exec \"$@\""), "sh"])
                    .arg((settings.program)());
                shell
            }
            None => clean(Command::new((settings.program)())),
        };
        command
            .current_dir(folder)
            .args(["serve", "--plugins", "plugins", "--data", "data"]);
        if !settings.args.iter().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !settings.args.iter().any(|arg| arg == "--admin") {
            command.args(["--admin", "127.0.0.1:0"]);
        }
        command.args(&settings.args);
        if let Some(secret) = &settings.secret {
            command.env("WEBHOOK_SECRET", secret);
        }
        command.envs(settings.env.iter().map(|(name, value)| (name, value)));
        let terminal = settings.in_terminal.then(|| Terminal::of(&mut command));
        let mut child = command.spawn().expect("the binary can be started");
        // It holds the terminal's other end, whose reader ends only when all of them are closed.
        drop(command);
        let (mut stdout, stderr) = outputs(&mut child);
        if let Some(terminal) = terminal {
            stdout = Lines::of(terminal);
        }
        Self {
            child,
            address: String::new(),
            admin: String::new(),
            stdout,
            stderr,
        }
    }

    /// Waits until it listens, or ends.
    fn listening(mut self) -> Result<Self, FailedStart> {
        let told = |before| {
            self.stdout.wait(START, |line| {
                let rest = line.strip_prefix(before)?.trim_start_matches("s://");
                let rest = rest.trim_start_matches("://").trim_end();
                Some(rest.split([' ', '/']).next()?.to_owned())
            })
        };
        if let (Some(address), Some(admin)) = (told(LISTENING), told(ADMIN)) {
            self.address = address;
            self.admin = admin;
            return Ok(self);
        }
        let _ = self.child.kill();
        let status = self.child.wait().ok();
        Err(FailedStart {
            code: status.and_then(|status| status.code()),
            stderr: self.stderr.text_at_end(STOP),
        })
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        let status = eventually(STOP, || self.child.try_wait().ok().flatten());
        assert!(began.elapsed() < STOP);
        status
    }
}

impl Host {
    /// A host with these packages' components as plugins.
    pub fn with(packages: &[&str]) -> HostBuilder {
        let none = HostBuilder {
            files: Vec::new(),
            secret: Some(SECRET.to_owned()),
            args: Vec::new(),
            env: Vec::new(),
            limits: None,
            settings: None,
            in_terminal: false,
            program: hookbox,
        };
        packages
            .iter()
            .fold(none, |builder, package| builder.plugin(package))
    }

    /// `host:port` of its public listener.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.running.address
    }

    /// `http://host:port` of its public listener.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its plugins folder.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// The folder that it was started in: its plugins and data are below it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whoever posts to it, with its secret.
    #[must_use]
    pub fn hub(&self) -> Hub {
        let address = self.address().replace("0.0.0.0", "127.0.0.1");
        Hub::new(&address, self.settings.secret.as_deref())
    }

    /// Its ledger's file.
    #[track_caller]
    #[must_use]
    pub fn ledger(&self) -> LedgerFile {
        LedgerFile::open(&self.data())
    }

    /// What it printed since it was started.
    #[must_use]
    pub fn printed(&self) -> String {
        self.running.stdout.text()
    }

    /// Its operator, with its token: that of its data folder, or of its environment.
    #[track_caller]
    #[must_use]
    pub fn admin(&self) -> Operator {
        let given = self.settings.env.iter();
        let given = given.rev().find(|(name, _)| name == "HOOKBOX_ADMIN_TOKEN");
        let token = given.map_or_else(
            || std::fs::read_to_string(self.data().join("admin.token")),
            |(_, token)| Ok(token.clone()),
        );
        let token = token.expect("the host has a token");
        let address = if self.settings.args.iter().any(|arg| arg == "same") {
            self.running.address.replace("0.0.0.0", "127.0.0.1")
        } else {
            self.running.admin.clone()
        };
        Operator::new(&address, token.trim())
    }

    /// A command on its data folder.
    #[track_caller]
    pub fn cli(&self, args: &[&str]) -> Ran {
        Cli::new(args)
            .arg("--data")
            .arg(self.data())
            .folder(self.folder())
            .run()
    }

    /// A delivery as `deliveries show --json` prints it.
    #[track_caller]
    #[must_use]
    pub fn delivery(&self, id: &str) -> Value {
        self.cli(&["deliveries", "show", id, "--json"]).ok().json()
    }

    /// Deliveries as `deliveries list --all --json` prints them.
    #[track_caller]
    #[must_use]
    pub fn deliveries(&self) -> Vec<Value> {
        let listed = self
            .cli(&["deliveries", "list", "--all", "--json"])
            .ok()
            .json();
        listed.as_array().cloned().unwrap_or_default()
    }

    /// A plugin as `plugins --json` prints it.
    #[track_caller]
    #[must_use]
    pub fn plugin(&self, name: &str) -> Value {
        let found = self.find_plugin(name);
        found.unwrap_or_else(|| panic!("there is no plugin {name}"))
    }

    /// The same, if there is such a plugin.
    #[track_caller]
    #[must_use]
    pub fn find_plugin(&self, name: &str) -> Option<Value> {
        let listed = self.cli(&["plugins", "--json"]).ok().json();
        let mut plugins = listed.as_array().cloned().unwrap_or_default().into_iter();
        plugins.find(|plugin| plugin.get("name").and_then(Value::as_str) == Some(name))
    }

    /// The same, once it is as it should be.
    #[track_caller]
    pub fn plugin_when(&self, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = eventually_or(NOTICE, || {
            last = self.find_plugin(name).unwrap_or_default();
            is(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{name} stands as {last:#}\n{}", self.log()))
    }

    /// Its process, to be looked at.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.running.child.id())
    }

    /// What it logged since it was started.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr.text()
    }

    /// Waits for a line in its log.
    #[track_caller]
    pub fn logs(&self, text: &str) {
        let found = self
            .running
            .stderr
            .wait(STOP, |line| line.contains(text).then_some(()));
        assert!(
            found.is_some(),
            "`{text}` is not in the log:\n{}",
            self.log()
        );
    }

    /// Starts it again on the same folder, after it was killed or stopped, or stops it first.
    #[track_caller]
    pub fn restart(&mut self) {
        if matches!(self.running.child.try_wait(), Ok(None)) {
            assert_eq!(self.stop(), Some(0), "{}", self.log());
        }
        let started = Running::start(&self.settings, self.folder.path());
        self.running =
            started.unwrap_or_else(|failed| panic!("the host did not start again: {failed:#?}"));
    }

    /// Starts it again under other limits, after it was killed or stopped.
    ///
    /// # Errors
    /// [`FailedStart`] if it ended before it listened.
    #[track_caller]
    pub fn restart_under(&mut self, script: &str) -> Result<(), FailedStart> {
        self.settings.limits = Some(script.to_owned());
        self.running = Running::start(&self.settings, self.folder.path())?;
        Ok(())
    }

    /// Has a variable in its environment from its next start on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.settings.env.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it again without the limits that it was started under.
    #[track_caller]
    pub fn restart_without_limits(&mut self) {
        self.settings.limits = None;
        self.restart();
    }

    /// Writes a file into its plugins folder.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.plugins().join(name);
        std::fs::write(path, bytes).expect("a file can be written");
    }

    /// Replaces a file in the folder that it was started in, at once.
    pub fn replace(&self, name: &str, text: &str) {
        let (new, path) = (self.folder().join("new"), self.folder().join(name));
        std::fs::write(&new, text).expect("a file can be written");
        std::fs::rename(&new, path).expect("a file can be renamed");
    }

    /// Removes a file from its plugins folder.
    pub fn remove(&self, name: &str) {
        let path = self.plugins().join(name);
        std::fs::remove_file(path).expect("a file can be removed");
    }
}
