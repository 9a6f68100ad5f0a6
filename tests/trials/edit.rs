//! How long it takes from saving a plugin's source to the new version serving, with `hookbox dev`. Figures, not bounds.

use hookbox_tests::Dev;
use std::time::Instant;

const EDITS: usize = 5;

#[test]
fn from_a_saved_edit_to_the_new_version_serving() {
    let source = |text: &str| {
        let path = hookbox_tests::workspace().join("plugins/hello/src/lib.rs");
        let hello = std::fs::read_to_string(path).unwrap();
        let edited = hello.replace("\"hello {who}\"", &format!("\"{text} {{who}}\""));
        assert_ne!(edited, hello);
        edited
    };
    let mut dev = Dev::with("edited-hello", "done(event.scope())").start();
    dev.says("edited-hello 0.1.0 is loaded");
    // The first edit compiles what the later ones find compiled.
    let mut times = Vec::new();
    for edit in 0..=EDITS {
        let saved = Instant::now();
        dev.save("edited-hello/src/lib.rs", &source(&format!("edit-{edit}")));
        dev.says("edited-hello 0.1.0 is loaded");
        times.push(saved.elapsed());
    }
    let mut later = times.split_off(1);
    later.sort();
    println!(
        "from saving hello's source to the new version serving: first {:?}, then {:?} median, {:?} slowest of {EDITS}",
        times[0],
        later[EDITS / 2],
        later[EDITS - 1]
    );
}
