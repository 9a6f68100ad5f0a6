//! The binary and the components, built once for each test process by the cargo that is at hand.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The target that components are built for.
const TARGET: &str = "wasm32-wasip2";

/// The profile of `hookbox build`, which the workspace has, too.
const SMALL: &[&str] = &["--profile", "hookbox"];

/// Every package that builds to a component of use here.
const COMPONENTS: &[&str] = &[
    "hello",
    "commit-log",
    "discussion-bot",
    "auto-retrain",
    "metadata-review",
    "space-ci",
    "mention-bot",
    "guest-bad-manifest",
    "guest-big-manifest",
    "guest-config-watcher",
    "guest-counter",
    "guest-describe-loop",
    "guest-hostile",
    "guest-keeper",
    "guest-marked",
    "guest-reaching",
    "guest-start-loop",
    "guest-unknown-import",
    "guest-wants-http",
];

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where stories let cargo build: beside the tests' own output, so that what they build with is compiled once.
pub fn story_target() -> PathBuf {
    let binary = std::env::current_exe().expect("a test knows its own file");
    let target = binary.ancestors().nth(3);
    target
        .expect("it lies in target/PROFILE/deps")
        .join("stories")
}

/// The `hookbox` binary, of the profile that this test was built with.
pub fn hookbox() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = build(&["build", "--bin", "hookbox", "--profile", &profile()]);
        built
            .into_iter()
            .find_map(|artifact| artifact.get("executable")?.as_str().map(PathBuf::from))
            .expect("cargo names the executable it built")
    })
}

/// The same with places to die at: see `host/src/failpoint.rs`.
pub fn hookbox_failing() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // Together with this package, so that what both flavours stand on is built once.
        let packages = ["-p", "hookbox-failing", "-p", "hookbox-tests"];
        let wanted = ["build", "--bin", "hookbox-failing", "--profile"];
        let built = build(&[&wanted[..], &[&profile()], &packages].concat());
        built
            .into_iter()
            .find_map(|artifact| artifact.get("executable")?.as_str().map(PathBuf::from))
            .expect("cargo names the executable it built")
    })
}

/// The component of a package.
pub fn component(package: &str) -> &'static Path {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    let file = format!("{}.wasm", package.replace('-', "_"));
    BUILT
        .get_or_init(build_components)
        .get(&file)
        .unwrap_or_else(|| panic!("no component {file}: is {package} named in the harness?"))
}

/// The bytes of a package's component.
pub fn component_bytes(package: &str) -> Vec<u8> {
    std::fs::read(component(package)).expect("a component that was built can be read")
}

/// The bytes of a package's component as another version of it: it does the same, and has another digest.
#[must_use]
pub fn version_of(package: &str, version: u8) -> Vec<u8> {
    let mut bytes = component_bytes(package);
    // A custom section (WebAssembly core specification, 5.5.3): its id, its length, its name, its content.
    bytes.extend([0, 3, 1, b'v', version]);
    bytes
}

/// The digest of a component's bytes, as Hookbox writes it.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

fn build_components() -> HashMap<String, PathBuf> {
    ensure_target(&|| Command::new("rustup"));
    let mut args = vec!["build", "--target", TARGET];
    args.extend(SMALL);
    for package in COMPONENTS {
        args.extend(["-p", package]);
    }
    build(&args)
        .iter()
        .filter_map(|artifact| artifact.get("filenames")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .collect()
}

/// Adds the target where rustup has it not yet; without rustup, cargo's own error says what is missing.
fn ensure_target(rustup: &impl Fn() -> Command) {
    let installed = rustup().args(["target", "list", "--installed"]).output();
    let Ok(installed) = installed else { return };
    if String::from_utf8_lossy(&installed.stdout)
        .lines()
        .any(|line| line == TARGET)
    {
        return;
    }
    println!("the target {TARGET} is missing; running `rustup target add {TARGET}`");
    let added = rustup().args(["target", "add", TARGET]).status();
    assert!(
        added.is_ok_and(|status| status.success()),
        "`rustup target add {TARGET}` failed"
    );
}

/// The profile of this test's own binary, which lies in `target/PROFILE/deps`.
fn profile() -> String {
    let folder = std::env::current_exe().ok().and_then(|path| {
        let folder = path.parent()?.parent()?.file_name()?;
        Some(folder.to_str()?.to_owned())
    });
    match folder.as_deref() {
        Some("debug") | None => "dev".to_owned(),
        Some(profile) => profile.to_owned(),
    }
}

/// Runs cargo in the workspace and returns the artifacts that it names.
fn build(args: &[&str]) -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    build_with(Command::new(cargo).current_dir(workspace()), args)
}

/// Runs cargo in a folder, of the toolchain that is named there, with the target for components.
pub fn build_pinned(folder: &Path, args: &[&str]) -> Vec<Value> {
    // Each of these would have a toolchain's way before the folder's file.
    let pinned = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(folder);
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC"] {
            command.env_remove(name);
        }
        command
    };
    ensure_target(&|| pinned("rustup"));
    build_with(&mut pinned("cargo"), args)
}

fn build_with(command: &mut Command, args: &[&str]) -> Vec<Value> {
    command
        .args(args)
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What cargo tells a test about its package would make build scripts think that something changed.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("cargo can be started");
    assert!(output.status.success(), "`cargo {}` failed", args.join(" "));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
