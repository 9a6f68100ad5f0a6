//! What a component may take to compile, and what people see of it.

use hookbox_tests::bombs::{doublings, huge_function, small_functions, tangled_functions};
use hookbox_tests::{Cli, Host, Process, component_bytes, event, eventually};
use std::time::Duration;

/// The longest that a compiler may take to show or to go.
const SOON: Duration = Duration::from_secs(20);

/// What takes half a minute to compile.
fn slow() -> Vec<u8> {
    tangled_functions(60, 500, 2_000)
}

/// The child of a host that compiles.
fn compiler_of(host: &Host) -> Process {
    eventually(SOON, || host.process().children().pop())
}

#[test]
fn a_component_that_would_make_millions_of_instances_is_refused_at_once() {
    let host = Host::with(&["hello"])
        .file("doublings.wasm", doublings(26))
        .start();
    let plugin = host.plugin("doublings");
    insta::assert_snapshot!(
        plugin["reason"].as_str().unwrap(),
        @"plugins/doublings.wasm: it would make 67,108,864 core instances when it starts (at most 64 are possible); build it as one component"
    );
    assert_eq!(plugin["state"], "refused");
    assert_eq!(host.plugin("hello")["state"], "loaded");
}

#[test]
fn a_component_with_too_much_code_is_refused_at_once() {
    let host = Host::with(&[])
        .file("many.wasm", small_functions(300_000))
        .file("huge.wasm", huge_function(20_000_000))
        .start();
    let reason = |name: &str| host.plugin(name)["reason"].to_string();
    assert!(reason("many").contains("it has 300,000 functions (at most 100,000"));
    assert!(reason("huge").contains("it has a function of 20,000,000 bytes (at most 2,097,152"));
}

#[test]
fn inspect_and_run_do_not_compile_what_takes_too_much() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("doublings.wasm");
    std::fs::write(&file, doublings(30)).unwrap();
    let path = file.to_str().unwrap();
    let ran = Cli::new(&["inspect", path]).run().exits(2);
    assert!(
        ran.stderr.contains("1,073,741,824 core instances"),
        "{ran:?}"
    );
    let ran = Cli::new(&["run", path, "discussion-comment"])
        .run()
        .exits(2);
    assert!(
        ran.stderr.contains("1,073,741,824 core instances"),
        "{ran:?}"
    );
}

#[test]
fn the_compiler_gets_nothing_but_its_pipes_and_its_limits() {
    // Given a host with secrets, and a component that takes long
    let host = Host::with(&["hello"])
        .env("HF_TOKEN", "hf_not_for_you")
        .start();
    std::fs::write(host.plugins().join("slow.wasm"), slow()).unwrap();
    // When it is being compiled
    let compiler = compiler_of(&host);
    eventually(SOON, || (compiler.environment().len() == 1).then_some(()));
    let limit = |name| compiler.limit(name);
    eventually(SOON, || (limit("Max cpu time")?.0 == "120").then_some(()));
    // Then there is nothing of the host's about it
    let environment = compiler.environment().concat();
    assert!(
        environment.starts_with("RAYON_NUM_THREADS="),
        "{environment}"
    );
    let files = compiler.files();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(
        files.iter().all(|(_, file)| file.starts_with("pipe:")),
        "{files:?}"
    );
    // And it is bounded.
    let two_gib = || ("2147483648".to_owned(), "2147483648".to_owned());
    assert_eq!(limit("Max address space"), Some(two_gib()));
    assert_eq!(limit("Max cpu time"), Some(("120".into(), "125".into())));
    assert_eq!(limit("Max core file size"), Some(("0".into(), "0".into())));
}

#[test]
fn people_see_that_a_component_is_being_compiled_and_since_when() {
    let host = Host::with(&["hello"]).start();
    std::fs::write(host.plugins().join("slow.wasm"), slow()).unwrap();
    let plugin = host.plugin_when("slow", |plugin| !plugin["reason"].is_null());
    assert_eq!(plugin["state"], "compiling");
    let reason = plugin["reason"].as_str().unwrap();
    assert!(reason.starts_with("since 20"), "{reason}");
    assert!(
        reason.ends_with("Z; Python and JavaScript take up to a minute"),
        "{reason}"
    );
    // And of a new version beside one that runs, the same
    std::fs::write(
        host.plugins().join("hello.wasm"),
        [slow(), vec![0, 2, 1, b'v']].concat(),
    )
    .unwrap();
    let hello = host.plugin_when("hello", |plugin| plugin["candidate"]["reason"].is_string());
    assert_eq!(hello["state"], "loaded");
    assert_eq!(hello["candidate"]["state"], "compiling");
    host.logs("it is being compiled, once");
}

#[test]
fn what_takes_a_slow_components_place_does_not_wait_for_it() {
    // Given a component that takes long to compile
    let host = Host::with(&["hello"]).start();
    host.put("greeter.wasm", slow());
    let compiler = compiler_of(&host);
    // When another one takes its place
    host.put("greeter.wasm", component_bytes("hello"));
    // Then that runs while the slow one would still be compiled, and nothing compiles the slow one.
    eventually(SOON, || {
        let greeter = host.find_plugin("greeter")?;
        (greeter["state"] == "loaded").then_some(())
    });
    eventually(SOON, || (!compiler.is_there()).then_some(()));
    let comment = event("discussion.comment", "create", "a/b");
    let answer = host.hub().deliver(&comment).wait(20).send();
    assert_eq!(answer.run("greeter")["outcome"], "done");
    // And one that is taken away is not compiled any further
    host.put("slow.wasm", slow());
    let compiler = compiler_of(&host);
    std::fs::remove_file(host.plugins().join("slow.wasm")).unwrap();
    eventually(SOON, || (!compiler.is_there()).then_some(()));
}

#[test]
fn a_host_that_stops_ends_its_compilers_at_once() {
    let mut host = Host::with(&["hello"]).start();
    std::fs::write(host.plugins().join("slow.wasm"), slow()).unwrap();
    let compiler = compiler_of(&host);
    let began = std::time::Instant::now();
    assert_eq!(host.stop(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(!compiler.is_there());
    // And nothing half is left of it.
    let left = std::fs::read_dir(host.data().join("compiled")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() < 2, "{names:?}");
}

#[test]
fn a_compiler_does_not_outlive_a_host_that_is_killed() {
    let mut host = Host::with(&["hello"]).start();
    std::fs::write(host.plugins().join("slow.wasm"), slow()).unwrap();
    let compiler = compiler_of(&host);
    host.kill();
    eventually(SOON, || (!compiler.is_there()).then_some(()));
}

#[test]
fn a_compiler_that_is_killed_is_tried_again() {
    // Given a component that is being compiled
    let host = Host::with(&["hello"]).start();
    std::fs::write(host.plugins().join("slow.wasm"), slow()).unwrap();
    let compiler = compiler_of(&host);
    // When the system kills its compiler
    let id = rustix::process::Pid::from_raw(compiler.0.cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    // Then that says nothing of the component
    let plugin = host.plugin_when("slow", |plugin| plugin["state"] == "refused");
    let reason = plugin["reason"].as_str().unwrap();
    assert!(
        reason.contains("short of memory; it is tried again"),
        "{reason}"
    );
    // And it is.
    host.plugin_when("slow", |plugin| plugin["state"] == "compiling");
    let comment = event("discussion.comment", "create", "a/b");
    let answer = host.hub().deliver(&comment).wait(20).send();
    assert_eq!(answer.run("hello")["outcome"], "done");
}
