//! A plugin in Python: 18 MB that take long to compile, once.

use hookbox_tests::{FakeHubApi, Host, build_python, eventually, workspace};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that the first compilation may take.
const PATIENCE: Duration = Duration::from_secs(240);

const NAME: &str = "commit-digest";
const REPO: &str = "models/my-org/demo";

/// The component of `plugins/commit-digest`.
fn python() -> Vec<u8> {
    let out = TempDir::new().expect("a temporary folder can be made");
    let built = build_python(&workspace().join("plugins").join(NAME), out.path());
    std::fs::read(built).expect("it was built")
}

/// Its grant, with a Hub that is played in it, and each push for itself.
fn grant(hub: &FakeHubApi) -> String {
    let grant = hub.grant_of(NAME);
    let lines = grant.lines().filter(|line| !line.starts_with("debounce"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_python_plugin_is_compiled_within_the_limits_and_runs() {
    // Given a host at rest
    let bytes = python();
    let size = bytes.len();
    let api = FakeHubApi::start();
    api.has(REPO, &[("README.md", "# Demo")]);
    let mut host = api.known_to(Host::with(&["hello"])).start();
    let process = host.process();
    let before = process.bytes("VmRSS").unwrap();
    process.forget_peak();
    // When a plugin in Python is put into its folder
    std::fs::write(host.plugins().join("commit-digest.toml"), grant(&api)).unwrap();
    std::fs::write(host.plugins().join("commit-digest.wasm"), bytes).unwrap();
    let began = Instant::now();
    let compiler = eventually(PATIENCE, || process.children().pop());
    let (mut peak, mut reason) = (0, None);
    let plugin = eventually(PATIENCE, || {
        peak = compiler.bytes("VmHWM").unwrap_or(0).max(peak);
        let plugin = host.find_plugin(NAME)?;
        if plugin["state"] == "compiling" {
            reason = plugin["reason"]
                .as_str()
                .map(str::to_owned)
                .or(reason.take());
        }
        (plugin["state"] == "loaded" || plugin["state"] == "refused").then_some(plugin)
    });
    // Then its compiler takes a while, within its limits, and people see that
    let took = began.elapsed();
    assert_eq!(plugin["state"], "loaded", "{plugin:#}");
    assert!(
        took < Duration::from_secs(2) || reason.is_some_and(|reason| reason.starts_with("since "))
    );
    let grown = process.bytes("VmHWM").unwrap().saturating_sub(before);
    // And it handles what comes.
    let started = Instant::now();
    let hub = host.hub();
    let pushed = api.pushes(REPO, &[("data.csv", "1")]);
    let answer = hub.deliver(&pushed).wait(25).send();
    let run = answer.run(NAME);
    assert_eq!(run["outcome"], "done", "{run:#}");
    let handled = started.elapsed();
    let mega = |bytes: u64| bytes / 1_000_000;
    println!(
        "Python ({} MB): compiled in {:.1} s, its compiler took {} MB at most, the host {} MB more; a delivery took {handled:?}",
        size / 1_000_000,
        took.as_secs_f64(),
        mega(peak),
        mega(grown),
    );
    // What was compiled is there after a restart.
    let began = Instant::now();
    host.restart();
    host.plugin_when(NAME, |plugin| plugin["state"] == "loaded");
    assert!(host.process().children().is_empty(), "it is compiled again");
    println!("Python runs {:?} after a restart", began.elapsed());
}
