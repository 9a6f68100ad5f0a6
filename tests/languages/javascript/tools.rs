//! Node.js, and what it makes components with: installed once for each lock file.

use hookbox_tests::{Cli, digest, story_target, workspace};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

/// The longest that a component may take to be made, or compiled, beside others.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The lock file of every project that `new` makes.
const LOCK: &str = "host/templates/javascript/package-lock.json.in";

/// A project that `new` made in a folder, with its tools.
pub fn project(folder: &Path, name: &str) -> PathBuf {
    let new = Cli::new(&["new", name, "--lang", "javascript"]);
    new.folder(folder).run().ok();
    let project = folder.join(name);
    give_tools(&project);
    project
}

/// Gives a project what `npm ci --ignore-scripts` would install there.
pub fn give_tools(project: &Path) {
    std::os::unix::fs::symlink(installed(), project.join("node_modules")).unwrap();
}

/// The `node_modules` of the lock file.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let read = |path: &str| std::fs::read_to_string(workspace().join(path)).unwrap();
        let lock = read(LOCK);
        let key = digest(lock.as_bytes()).replace(':', "-");
        let folder = story_target().join("javascript").join(key);
        // It is there as a whole or not at all.
        let done = folder.join("installed");
        if !done.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let manifest = read("host/templates/javascript/package.json.in");
            std::fs::write(
                folder.join("package.json"),
                manifest.replace("NAME", "tools"),
            )
            .unwrap();
            std::fs::write(
                folder.join("package-lock.json"),
                lock.replace("NAME", "tools"),
            )
            .unwrap();
            let mut npm = Command::new("npm");
            succeeds(npm.args(["ci", "--ignore-scripts"]).current_dir(&folder));
            std::fs::write(done, "").unwrap();
        }
        folder.join("node_modules")
    })
}

/// Has a project's tests run, with nothing installed but Node.js; what they say.
pub fn tested(project: &Path) -> String {
    let mut node = Command::new("node");
    let said = succeeds(
        node.args(["--test", "--test-reporter", "tap"])
            .current_dir(project),
    );
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Runs a command that has to succeed.
#[track_caller]
fn succeeds(command: &mut Command) -> Output {
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; install Node.js 20 or later and npm")
    });
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}\n{told}");
    output
}

/// Builds a project by `hookbox build`; the component's bytes.
pub fn built(project: &Path) -> Vec<u8> {
    let build = Cli::new(&["build", "-o", "built"]).folder(project);
    let path = build.within(PATIENCE).run().ok().stdout;
    std::fs::read(project.join(path.trim())).unwrap()
}
