//! A grant holds also when something about it goes wrong: a mistake never gives a plugin more, or opens its endpoint.

use hookbox_tests::{Answer, Host, SECRET, event};

const BOTS_SECRET: &str = "the-secret-of-the-bot";

const GRANT: &str = "secret = \"env:BOT_SECRET\"\n[match]\nrepo = [\"mine/*\"]\n";

fn host_with_a_bot() -> Host {
    Host::with(&[])
        .plugin_as("bot", "guest-counter")
        .grant("bot", GRANT)
        .env("BOT_SECRET", BOTS_SECRET)
        .start()
}

fn to_bot(host: &Host, repo: &str, secret: &str) -> Answer {
    let event = event("repo", "create", repo);
    let hub = host.hub();
    let post = hub.deliver(&event).to("/webhooks/bot").secret(secret);
    post.send()
}

#[test]
fn a_grant_that_never_was_good_closes_its_endpoint_and_lets_no_event_through() {
    // Given a bot whose first grant is misspelt
    let host = Host::with(&[])
        .plugin_as("bot", "guest-counter")
        .grant("bot", &format!("fule = 3\n{GRANT}"))
        .env("BOT_SECRET", BOTS_SECRET)
        .start();
    // Then neither secret opens its endpoint
    for secret in [BOTS_SECRET, SECRET] {
        assert_eq!(to_bot(&host, "mine/a", secret).status, 503);
    }
    // And what comes for all plugins is kept, but not for a bot whose repos nobody can tell
    let kept = host
        .hub()
        .deliver(&event("repo", "create", "other/a"))
        .send();
    assert_eq!((kept.status, kept.plugins().len()), (202, 0));
    assert_eq!(host.plugin("bot")["state"], "refused");
}

#[test]
fn a_mistake_in_a_grant_keeps_the_last_good_one_also_over_a_restart() {
    // Given a bot for some repos, with a secret of its own
    let mut host = host_with_a_bot();
    let holds = |host: &Host| {
        assert_eq!(to_bot(host, "mine/a", BOTS_SECRET).plugins(), ["bot"]);
        assert_eq!(to_bot(host, "other/a", BOTS_SECRET).plugins().len(), 0);
        assert_eq!(to_bot(host, "mine/a", SECRET).status, 403);
    };
    holds(&host);
    // When its grant is misspelt while the host runs
    host.put("bot.toml", "fule = 3\n");
    let bot = host.plugin_when("bot", |bot| bot["reason"].is_string());
    // Then it says so, and what was granted before holds
    let reason = bot["reason"].as_str().unwrap();
    assert!(
        reason.contains("line 1: `fule` is not a key") && reason.contains("last good"),
        "{reason}"
    );
    assert_eq!(bot["state"], "loaded");
    holds(&host);
    // Also after a restart
    host.stop();
    host.restart();
    host.plugin_when("bot", |bot| bot["state"] == "loaded");
    holds(&host);
    // Until it is mended
    host.put("bot.toml", "[match]\nrepo = [\"other/*\"]\n");
    host.plugin_when("bot", |bot| bot["reason"].is_null());
    assert_eq!(to_bot(&host, "other/a", SECRET).plugins(), ["bot"]);
    assert_eq!(to_bot(&host, "mine/a", SECRET).plugins().len(), 0);
}

#[test]
fn a_plugin_that_is_missing_still_gets_no_more_than_its_grant_lets_through() {
    let mut host = host_with_a_bot();
    host.stop();
    host.remove("bot.wasm");
    host.restart();
    let post = |repo: &str| {
        host.hub()
            .deliver(&event("repo", "create", repo))
            .send()
            .plugins()
    };
    assert_eq!(post("mine/a"), ["bot"]);
    assert_eq!(post("other/a").len(), 0);
}

#[test]
fn refs_and_authors_decide_which_events_a_plugin_gets() {
    let host = Host::with(&[])
        .plugin_as("main-only", "guest-counter")
        .grant("main-only", "[match]\nrefs = [\"refs/heads/main\"]\n")
        .plugin_as("not-mine", "guest-counter")
        .grant("not-mine", "[match]\nignore-authors = [\"bot-id\"]\n")
        .start();
    let post = |scope: &str, action: &str, more: serde_json::Value| {
        let mut event = event(scope, action, "a/b");
        for (key, value) in more.as_object().unwrap() {
            event[key] = value.clone();
        }
        host.hub().deliver(&event).send().plugins()
    };
    let refs = |name: &str| serde_json::json!({ "updatedRefs": [{ "ref": name }] });
    let both = ["main-only", "not-mine"];
    assert_eq!(
        post("repo.content", "update", refs("refs/heads/main")),
        both
    );
    assert_eq!(
        post("repo.content", "update", refs("refs/heads/dev")),
        ["not-mine"]
    );
    let said_by = |id: &str| serde_json::json!({ "comment": { "author": { "id": id } } });
    assert_eq!(post("discussion.comment", "create", said_by("human")), both);
    assert_eq!(
        post("discussion.comment", "create", said_by("bot-id")),
        ["main-only"]
    );
}
