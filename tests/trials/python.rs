//! A plugin in Python: 18 MB that take long to compile, once.

use hookbox_tests::{Host, event, eventually, story_target, workspace};
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest that the first compilation may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// What such a plugin is granted: its interpreter takes more than the default.
const GRANT: &str = "fuel = 1_000_000_000\nmemory = \"64MiB\"\n";

/// The component, built by the script beside its source, which installs what it needs.
fn python() -> Vec<u8> {
    let folder = story_target().with_file_name("python");
    let script = workspace().join("tests/python/build");
    let built = Command::new(script).arg(&folder).status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the Python plugin cannot be built: see above"
    );
    std::fs::read(folder.join("python.wasm")).expect("the script has built it")
}

#[test]
fn a_python_plugin_is_compiled_within_the_limits_and_runs() {
    // Given a host at rest
    let bytes = python();
    let size = bytes.len();
    let mut host = Host::with(&["hello"]).start();
    let process = host.process();
    let before = process.bytes("VmRSS").unwrap();
    process.forget_peak();
    // When a plugin in Python is put into its folder
    std::fs::write(host.plugins().join("python.toml"), GRANT).unwrap();
    std::fs::write(host.plugins().join("python.wasm"), bytes).unwrap();
    let began = Instant::now();
    let compiler = eventually(PATIENCE, || process.children().pop());
    let (mut peak, mut reason) = (0, None);
    let plugin = eventually(PATIENCE, || {
        peak = compiler.bytes("VmHWM").unwrap_or(0).max(peak);
        let plugin = host.find_plugin("python")?;
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
    let answer = hub.deliver(&event("repo", "create", "a/b")).wait(25).send();
    let run = answer.run("python");
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
    host.plugin_when("python", |plugin| plugin["state"] == "loaded");
    assert!(host.process().children().is_empty(), "it is compiled again");
    println!("Python runs {:?} after a restart", began.elapsed());
}
