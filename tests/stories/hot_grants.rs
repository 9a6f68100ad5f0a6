//! Grants of a running host: at no moment does a plugin have more than its operator gave it, or its endpoint another
//! secret.

use crate::hot_folder::{BOUND, candidate, comment, is_digest_of, loaded, runs_as};
use hookbox_tests::{
    Answer, Host, HostBuilder, SECRET, component_bytes, digest, event, eventually, version_of,
};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

const BOTS_SECRET: &str = "the-secret-of-the-bot";

const BOTS_GRANT: &str = "secret = \"env:BOT_SECRET\"\n[match]\nrepo = [\"mine/*\"]\n";

fn host_with_a_bot() -> HostBuilder {
    Host::with(&[])
        .plugin_as("bot", "hello")
        .grant("bot", BOTS_GRANT)
        .env("BOT_SECRET", BOTS_SECRET)
}

fn post_to_bot(host: &Host, secret: &str) -> Answer {
    let event = event("discussion.comment", "create", "other/a");
    let hub = host.hub();
    let post = hub.deliver(&event).to("/webhooks/bot").secret(secret);
    post.send()
}

/// The bot's endpoint is open to its own secret alone, and no event of others passes its grant.
fn holds_the_bots_grant(host: &Host) {
    assert_eq!(post_to_bot(host, SECRET).status, 403);
    let own = post_to_bot(host, BOTS_SECRET);
    assert_eq!((own.status, own.plugins().len()), (202, 0));
}

/// The same for longer than the host takes to see a change, or to be certain that a grant is gone.
fn goes_on_holding_the_bots_grant(host: &Host) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(700) {
        holds_the_bots_grant(host);
    }
}

#[test]
fn a_plugin_that_is_removed_as_a_whole_keeps_its_grant_until_it_is_forgotten() {
    // Given a bot, both of whose files go, the grant first
    let host = host_with_a_bot().start();
    host.remove("bot.toml");
    host.remove("bot.wasm");
    // Then at no moment is it without its grant
    eventually(BOUND, || {
        holds_the_bots_grant(&host);
        (host.plugin("bot")["state"] == "missing").then_some(())
    });
    goes_on_holding_the_bots_grant(&host);
    // And when its component comes back alone, it is a plugin without a grant
    host.put("bot.wasm", component_bytes("hello"));
    host.plugin_when("bot", loaded);
    eventually(BOUND, || {
        (comment(&host).plugins() == ["bot"]).then_some(())
    });
}

#[test]
fn a_grant_that_was_removed_while_the_host_was_down_counts_no_more() {
    let mut host = host_with_a_bot().start();
    host.stop();
    host.remove("bot.toml");
    host.restart();
    host.plugin_when("bot", loaded);
    eventually(BOUND, || {
        (comment(&host).plugins() == ["bot"]).then_some(())
    });
}

#[test]
fn a_grant_that_is_away_for_a_moment_while_the_host_is_started_counts() {
    let mut host = host_with_a_bot().start();
    for _ in 0..3 {
        // Given a grant that goes, and a host that dies at once
        host.remove("bot.toml");
        host.kill();
        host.restart();
        // Then it counts until it is back
        assert_eq!(post_to_bot(&host, SECRET).status, 403);
        host.put("bot.toml", BOTS_GRANT);
        goes_on_holding_the_bots_grant(&host);
    }
}

#[test]
fn a_component_may_come_back_a_moment_before_its_grant() {
    let host = host_with_a_bot().start();
    host.remove("bot.toml");
    host.remove("bot.wasm");
    host.plugin_when("bot", |bot| bot["state"] == "missing");
    host.put("bot.wasm", component_bytes("hello"));
    assert_eq!(post_to_bot(&host, SECRET).status, 403);
    host.put("bot.toml", BOTS_GRANT);
    goes_on_holding_the_bots_grant(&host);
}

#[test]
fn a_grant_that_leads_nowhere_keeps_the_last_good_one() {
    let host = host_with_a_bot().start();
    host.remove("bot.toml");
    symlink("nothing", host.plugins().join("bot.toml")).unwrap();
    let bot = host.plugin_when("bot", |bot| bot["reason"].is_string());
    assert!(
        bot["reason"].as_str().unwrap().contains("no such file"),
        "{bot:#}"
    );
    holds_the_bots_grant(&host);
}

#[test]
fn a_grant_may_be_saved_as_editors_do() {
    let host = host_with_a_bot().start();
    let at = |name: &str| host.plugins().join(name);
    let is_for = |repo: &str| {
        eventually(BOUND, || {
            let event = event("discussion.comment", "create", &format!("{repo}/a"));
            (host.hub().deliver(&event).send().plugins() == ["bot"]).then_some(())
        });
    };
    // The old file is moved away and a new one written
    std::fs::rename(at("bot.toml"), at("bot.toml~")).unwrap();
    host.put("bot.toml", BOTS_GRANT.replace("mine", "one"));
    is_for("one");
    // A new file is written and renamed
    host.put(".bot.toml.swp", BOTS_GRANT.replace("mine", "two"));
    std::fs::rename(at(".bot.toml.swp"), at("bot.toml")).unwrap();
    is_for("two");
    // The file itself is cut and written
    host.put("bot.toml", BOTS_GRANT.replace("mine", "three"));
    is_for("three");
    holds_the_bots_grant(&host);
}

#[test]
fn a_forgotten_plugin_leaves_its_endpoint_to_its_grant() {
    let host = host_with_a_bot().args(&["--missing-grace", "1s"]).start();
    host.remove("bot.wasm");
    eventually(BOUND, || {
        holds_the_bots_grant(&host);
        host.find_plugin("bot").is_none().then_some(())
    });
    holds_the_bots_grant(&host);
    host.put("bot.wasm", component_bytes("hello"));
    host.plugin_when("bot", loaded);
    holds_the_bots_grant(&host);
}

#[test]
fn a_secret_in_a_file_may_come_later_and_change() {
    let secret =
        |host: &Host, text: &str| std::fs::write(host.folder().join("bots"), text).unwrap();
    let host = Host::with(&[])
        .plugin_as("bot", "hello")
        .grant("bot", "secret = \"file:bots\"\n")
        .start();
    let post = |secret: &str| {
        let event = event("discussion.comment", "create", "a/b");
        host.hub()
            .deliver(&event)
            .to("/webhooks/bot")
            .secret(secret)
            .send()
            .status
    };
    assert_eq!((post(SECRET), post("first-of-the-secrets")), (503, 503));
    secret(&host, "first-of-the-secrets\n");
    eventually(BOUND, || {
        (post("first-of-the-secrets") == 202).then_some(())
    });
    secret(&host, "second-of-the-secrets\n");
    eventually(BOUND, || {
        (post("second-of-the-secrets") == 202).then_some(())
    });
    assert_eq!((post(SECRET), post("first-of-the-secrets")), (403, 403));
}

#[test]
fn a_pinned_digest_lets_no_other_version_run() {
    // Given a grant that pins a version
    let (one, two) = (component_bytes("hello"), version_of("hello", 2));
    let pin = |bytes: &[u8]| format!("digest = \"{}\"\n", digest(bytes));
    let mut host = Host::with(&["hello"]).grant("hello", &pin(&one)).start();
    assert_eq!(runs_as(&host, "hello"), digest(&one));
    // When another file takes its place
    host.put("hello.wasm", &two);
    let plugin = host.plugin_when("hello", |plugin| candidate(plugin) == Some("held"));
    // Then it is held, and the pinned one runs on, also over a restart
    assert!(
        plugin["candidate"]["reason"]
            .as_str()
            .unwrap()
            .starts_with("digest"),
        "{plugin:#}"
    );
    assert_eq!(runs_as(&host, "hello"), digest(&one));
    host.restart();
    assert_eq!(runs_as(&host, "hello"), digest(&one));
    // Until the grant pins it
    host.put("hello.toml", pin(&two));
    host.plugin_when("hello", is_digest_of(&two));
    // And a version that is active and no longer pinned stops
    host.put("hello.toml", pin(&one));
    host.plugin_when("hello", |plugin| plugin["state"] == "held");
    let waits = comment(&host);
    assert_eq!(host.delivery(&waits.id())["runs"][0]["parked"], true);
}

#[test]
fn a_grant_that_is_emptied_or_cut_off_takes_nothing_away() {
    // Given a bot with a grant
    let mut host = host_with_a_bot().start();
    let (head, _) = BOTS_GRANT.split_at(BOTS_GRANT.find("[match]").unwrap() - 1);
    let long = "# what this is for\n".repeat(300);
    for cut in ["", "\n", head, &long[..4096]] {
        // When its file was not written to its end, while the host runs or while it is down
        host.put("bot.toml", cut);
        let bot = host.plugin_when("bot", |bot| bot["reason"].is_string());
        assert!(
            bot["reason"].as_str().unwrap().contains("last good grant"),
            "{bot:#}"
        );
        holds_the_bots_grant(&host);
        host.restart();
        holds_the_bots_grant(&host);
        host.put("bot.toml", BOTS_GRANT);
        host.plugin_when("bot", |bot| bot["reason"].is_null());
    }
    // And a whole file that takes something away does
    host.put("bot.toml", "# for everybody\n");
    eventually(BOUND, || {
        (comment(&host).plugins() == ["bot"]).then_some(())
    });
    host.logs("the host's open it");
}

#[test]
fn a_redeploy_is_at_no_moment_open_to_others() {
    // Given a bot whose files all go, and come back, the grant first, just as the host has seen the grant go
    let host = host_with_a_bot().start();
    for pause in [500, 700, 800, 850, 900, 950, 1000] {
        host.remove("bot.toml");
        host.remove("bot.wasm");
        let gone = Instant::now();
        while gone.elapsed() < Duration::from_millis(pause) {
            holds_the_bots_grant(&host);
        }
        host.put("bot.toml", BOTS_GRANT);
        host.put("bot.wasm", component_bytes("hello"));
        while gone.elapsed() < Duration::from_millis(pause + 400) {
            holds_the_bots_grant(&host);
        }
    }
}
