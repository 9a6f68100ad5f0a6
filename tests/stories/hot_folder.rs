//! The plugins folder of a running host: whatever is done in it, what ran well runs on until something better is
//! ready, and everything says why it is as it is.

use hookbox_tests::{Answer, Host, component_bytes, digest, event, eventually, version_of};
use serde_json::Value;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

pub const BOUND: Duration = Duration::from_secs(10);

/// Posts a comment and waits for what becomes of it.
pub fn comment(host: &Host) -> Answer {
    let comment = event("discussion.comment", "create", "a/b");
    host.hub().deliver(&comment).wait(20).send()
}

/// The digest of the component that handles a comment now.
pub fn runs_as(host: &Host, plugin: &str) -> Value {
    let answer = comment(host);
    assert_eq!(answer.run(plugin)["outcome"], "done");
    let delivery = host.delivery(&answer.id());
    let runs = delivery["runs"].as_array().unwrap();
    let run = runs.iter().find(|run| run["plugin"] == plugin).unwrap();
    run["attempts"][0]["digest"].clone()
}

pub fn loaded(plugin: &Value) -> bool {
    plugin["state"] == "loaded" && plugin["candidate"].is_null()
}

pub fn candidate(plugin: &Value) -> Option<&str> {
    plugin["candidate"]["state"].as_str()
}

pub fn is_digest_of(bytes: &[u8]) -> impl Fn(&Value) -> bool {
    let expected = digest(bytes);
    move |plugin| loaded(plugin) && plugin["digest"] == expected.as_str()
}

#[test]
fn a_plugin_that_is_dropped_in_runs_and_one_that_is_replaced_runs_as_its_new_version() {
    // Given a host with an empty folder
    let host = Host::with(&[]).start();
    assert_eq!(comment(&host).plugins().len(), 0);
    // When a plugin is copied in
    host.put("bot.wasm", component_bytes("hello"));
    let first = host.plugin_when("bot", loaded);
    // Then it handles what comes
    assert_eq!(runs_as(&host, "bot"), first["digest"]);
    // And so does the version that takes its place
    let second = version_of("hello", 2);
    host.put("bot.wasm", &second);
    host.plugin_when("bot", is_digest_of(&second));
    assert_eq!(runs_as(&host, "bot"), digest(&second));
}

#[test]
fn a_slow_copy_is_not_looked_at_before_it_is_whole() {
    let host = Host::with(&["hello"]).start();
    let before = runs_as(&host, "hello");
    let next = version_of("hello", 2);
    let mut file = File::create(host.plugins().join("hello.wasm")).unwrap();
    for part in next.chunks(next.len() / 4 + 1) {
        file.write_all(part).unwrap();
        // For longer than a file without a writer would rest, deliveries are made by the version that was there before.
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(700) {
            assert_eq!(runs_as(&host, "hello"), before);
        }
        assert_eq!(candidate(&host.plugin("hello")), None);
    }
    drop(file);
    host.plugin_when("hello", is_digest_of(&next));
}

#[test]
fn a_rename_and_a_removal_with_a_copy_behind_it_swap_a_plugin() {
    let host = Host::with(&["hello"]).start();
    let (renamed, copied) = (version_of("hello", 2), version_of("hello", 3));
    host.put(".hello.wasm.part", &renamed);
    let path = |name: &str| host.plugins().join(name);
    std::fs::rename(path(".hello.wasm.part"), path("hello.wasm")).unwrap();
    host.plugin_when("hello", is_digest_of(&renamed));
    host.remove("hello.wasm");
    host.put("hello.wasm", &copied);
    host.plugin_when("hello", is_digest_of(&copied));
    assert!(!host.log().contains("missing"), "{}", host.log());
}

#[test]
fn a_bad_version_leaves_the_good_one_running_also_over_a_restart() {
    // Given a plugin that runs
    let mut host = Host::with(&["hello"]).start();
    let good = runs_as(&host, "hello");
    for (bytes, state, reason) in [
        (b"garbage".to_vec(), "refused", "not a WebAssembly file"),
        (
            component_bytes("guest-wants-http"),
            "held",
            "huggingface.co",
        ),
    ] {
        // When a version that is no good takes its place
        host.put("hello.wasm", &bytes);
        let plugin = host.plugin_when("hello", |plugin| candidate(plugin) == Some(state));
        // Then the good one runs on, and the bad one says what is wrong with it
        let said = plugin["candidate"]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{said}");
        assert_eq!(
            (&plugin["state"], &plugin["digest"]),
            (&"loaded".into(), &good)
        );
        assert_eq!(runs_as(&host, "hello"), good);
        // Also when the host has nothing but what it kept
        host.stop();
        host.restart();
        assert_eq!(runs_as(&host, "hello"), good);
        assert_eq!(
            candidate(&host.plugin_when("hello", |plugin| plugin["state"] == "loaded")),
            Some(state)
        );
    }
    // Until a good one comes
    let better = version_of("hello", 2);
    host.put("hello.wasm", &better);
    host.plugin_when("hello", is_digest_of(&better));
}

#[test]
fn a_plugin_that_is_removed_has_its_runs_kept_for_a_while_and_is_then_forgotten() {
    // Given a plugin whose file goes
    let host = Host::with(&["hello"])
        .args(&["--missing-grace", "3s"])
        .start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    // Then what comes for it is parked
    let parked = comment(&host);
    assert_eq!(
        (parked.status, parked.plugins()),
        (202, vec!["hello".to_owned()])
    );
    assert_eq!(host.delivery(&parked.id())["runs"][0]["parked"], true);
    // Until the grace is over: then it gets nothing more, and what waited is dead
    eventually(BOUND, || host.find_plugin("hello").is_none().then_some(()));
    assert_eq!(host.delivery(&parked.id())["runs"][0]["state"], "dead");
    assert_eq!(comment(&host).plugins().len(), 0);
    let hub = host.hub();
    let to_it = hub.deliver(&event("discussion.comment", "create", "a/b"));
    assert_eq!(to_it.to("/webhooks/hello").send().plugins().len(), 0);
    // And nothing of it is left in the data folder
    eventually(BOUND, || {
        let left = ["components", "compiled"].map(|name| files(&host, name));
        (left == [0, 0]).then_some(())
    });
    // But its file may come back
    host.put("hello.wasm", component_bytes("hello"));
    host.plugin_when("hello", loaded);
    runs_as(&host, "hello");
}

pub fn files(host: &Host, folder: &str) -> usize {
    std::fs::read_dir(host.data().join(folder)).unwrap().count()
}

#[test]
fn a_file_that_comes_back_within_the_grace_finds_its_runs() {
    let host = Host::with(&["hello"]).start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    let parked = comment(&host);
    host.put("hello.wasm", component_bytes("hello"));
    let settled = eventually(BOUND, || {
        let delivery = host.delivery(&parked.id());
        (delivery["state"] == "settled").then_some(delivery)
    });
    assert_eq!(settled["runs"][0]["attempts"][0]["outcome"], "done");
}

#[test]
fn the_grace_of_a_missing_plugin_is_counted_from_when_its_file_went() {
    let mut host = Host::with(&["hello"])
        .args(&["--missing-grace", "3s"])
        .start();
    host.remove("hello.wasm");
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    // However often the host is started anew
    eventually(BOUND, || {
        host.restart();
        host.find_plugin("hello").is_none().then_some(())
    });
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let host = Host::with(&["hello"]).start();
    let at = |name: &str| host.plugins().join(name);
    let elsewhere = host.folder().join("elsewhere.wasm");
    std::fs::write(&elsewhere, component_bytes("hello")).unwrap();
    std::fs::create_dir(at("dir.wasm")).unwrap();
    symlink("loop.wasm", at("loop.wasm")).unwrap();
    symlink(&elsewhere, at("out.wasm")).unwrap();
    symlink("nothing", at("nothing.wasm")).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe.wasm"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .unwrap();
    for (name, reason) in [
        ("dir", "not a regular file"),
        ("pipe", "not a regular file"),
        ("loop", "cannot be read"),
        ("out", "a link out of the plugins folder"),
        ("nothing", "there is no such file"),
    ] {
        let plugin = host.plugin_when(name, |plugin| plugin["state"] == "refused");
        let said = plugin["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{name}: {said}");
    }
    runs_as(&host, "hello");
}

#[test]
fn a_file_that_may_not_be_read_is_refused_until_it_may() {
    let host = Host::with(&[]).unprivileged().start();
    let path = host.plugins().join("hello.wasm");
    let mut file = File::create(&path).unwrap();
    file.set_permissions(Permissions::from_mode(0o000)).unwrap();
    file.write_all(&component_bytes("hello")).unwrap();
    drop(file);
    let plugin = host.plugin_when("hello", |plugin| plugin["state"] == "refused");
    assert!(
        plugin["reason"]
            .as_str()
            .unwrap()
            .contains("ermission denied"),
        "{plugin:#}"
    );
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    host.plugin_when("hello", loaded);
}

#[test]
fn names_that_no_plugin_can_have_are_refused_and_gone_with_their_files() {
    let host = Host::with(&["hello"]).start();
    for name in ["Upper.wasm", "hello.WASM", "native.cwasm", "two words.toml"] {
        host.put(name, component_bytes("hello"));
        host.plugin_when(name, |plugin| plugin["state"] == "refused");
        host.remove(name);
        eventually(BOUND, || host.find_plugin(name).is_none().then_some(()));
    }
    assert!(loaded(&host.plugin("hello")));
}

#[test]
fn two_files_of_one_name_are_one_plugin_and_a_refusal() {
    let host = Host::with(&["hello"]).start();
    let before = runs_as(&host, "hello");
    host.put("hello.WASM", version_of("hello", 2));
    host.put("hello.cwasm", b"\x7fELF");
    let upper = host.plugin_when("hello.WASM", |plugin| plugin["state"] == "refused");
    assert!(
        upper["reason"]
            .as_str()
            .unwrap()
            .contains("rename it to hello.wasm")
    );
    host.plugin_when("hello.cwasm", |plugin| plugin["state"] == "refused");
    assert_eq!(runs_as(&host, "hello"), before);
}

#[test]
fn a_mounted_configuration_is_swapped_as_a_whole() {
    // Given a folder as an orchestrator mounts it: links to a link to a folder of its own
    let host = Host::with(&[]).start();
    let at = |name: &str| host.plugins().join(name);
    let mount = |version: &str, bytes: &[u8], fuel: &str| {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("hello.wasm"), bytes).unwrap();
        std::fs::write(at(version).join("hello.toml"), format!("fuel = {fuel}\n")).unwrap();
        symlink(version, at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    let (one, two) = (component_bytes("hello"), version_of("hello", 2));
    mount("..one", &one, "100_000_000");
    symlink("..data/hello.wasm", at("hello.wasm")).unwrap();
    symlink("..data/hello.toml", at("hello.toml")).unwrap();
    host.plugin_when("hello", is_digest_of(&one));
    // When the link in the middle is swapped
    mount("..two", &two, "1");
    std::fs::remove_dir_all(at("..one")).unwrap();
    // Then both files are
    host.plugin_when("hello", is_digest_of(&two));
    let delivery = host.delivery(&comment(&host).id());
    let limit = delivery["runs"][0]["attempts"][0]["fuel_limit"].as_u64();
    assert!(
        limit.is_some_and(|limit| limit < 100_000_000),
        "{delivery:#}"
    );
    // And a file behind the links, of which the system tells nothing here, is seen all the same
    let three = version_of("hello", 3);
    std::fs::write(at("..two").join("hello.wasm"), &three).unwrap();
    host.plugin_when("hello", is_digest_of(&three));
}

#[test]
fn a_folder_that_comes_later_and_one_that_is_replaced_are_seen() {
    let host = Host::with(&["hello"]).start();
    let aside = host.folder().join("aside");
    std::fs::rename(host.plugins(), &aside).unwrap();
    host.plugin_when("hello", |plugin| plugin["state"] == "missing");
    std::fs::create_dir(host.plugins()).unwrap();
    let next = version_of("hello", 2);
    host.put("hello.wasm", &next);
    host.plugin_when("hello", is_digest_of(&next));
    let again = version_of("hello", 3);
    host.put("hello.wasm", &again);
    host.plugin_when("hello", is_digest_of(&again));
}

#[test]
fn a_thousand_touches_a_second_wear_nothing_out() {
    // Given a plugin whose file is touched all the time
    let host = Host::with(&["hello"])
        .env("RUST_LOG", "hookbox=debug")
        .start();
    let path = host.plugins().join("hello.wasm");
    let noted = |host: &Host| host.log().matches("plugin is noted").count();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = hookbox_tests::Raise(&over);
        let touching = scope.spawn(|| {
            let mut touches = 0_u32;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let file = File::options().append(true).open(&path).unwrap();
                file.set_modified(std::time::SystemTime::now()).unwrap();
                touches += 1;
            }
            touches
        });
        // When others change meanwhile
        host.put("other.wasm", component_bytes("hello"));
        host.plugin_when("other", loaded);
        let before = runs_as(&host, "hello");
        host.put("bad.wasm", "garbage");
        host.plugin_when("bad", |plugin| plugin["state"] == "refused");
        host.logs("\"plugin\":\"bad\"");
        // Then they are seen, and it is neither compiled again nor noted again
        let before_that = noted(&host);
        for _ in 0..10 {
            assert_eq!(runs_as(&host, "hello"), before);
        }
        assert_eq!(noted(&host), before_that);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(touching.join().unwrap() > 1000);
    });
    // Both of them are of the same bytes
    assert_eq!(
        host.log().matches("\"compiling\"").count(),
        1,
        "{}",
        host.log()
    );
}
