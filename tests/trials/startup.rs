//! How long a host with twenty plugins takes until it listens, and until all of them run: with nothing kept, and with
//! what was compiled before. Figures, not bounds.

use hookbox_tests::{Host, version_of};
use std::time::{Duration, Instant};

const PLUGINS: u8 = 20;

fn all_run(host: &Host) -> Option<()> {
    let listed = host.cli(&["plugins", "--json"]).ok().json();
    let plugins = listed.as_array().unwrap();
    let run = plugins.iter().filter(|plugin| plugin["state"] == "loaded");
    (run.count() == usize::from(PLUGINS)).then_some(())
}

#[test]
fn a_start_with_twenty_plugins() {
    let mut builder = Host::with(&[]).env("RUST_LOG", "hookbox=debug");
    for version in 0..PLUGINS {
        let name = format!("plugin-{version:02}.wasm");
        builder = builder.file(&name, version_of("commit-log", version));
    }
    // Built before the clock runs.
    hookbox_tests::hookbox();
    let began = Instant::now();
    let mut host = builder.start();
    let cold = began.elapsed();
    hookbox_tests::eventually(Duration::from_secs(60), || all_run(&host));
    let cold_runs = began.elapsed();
    host.stop();
    let began = Instant::now();
    host.restart();
    let warm = began.elapsed();
    hookbox_tests::eventually(Duration::from_secs(60), || all_run(&host));
    // What was compiled before is not compiled again.
    assert!(!host.log().contains("\"compiling\""), "{}", host.log());
    println!(
        "{PLUGINS} plugins: cold {cold:?} to listening, {cold_runs:?} to all running; warm {warm:?}, {:?}",
        began.elapsed()
    );
}
