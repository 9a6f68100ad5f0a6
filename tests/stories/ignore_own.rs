//! What a plugin writes on the Hub comes back as an event: the host learns whose credential the plugin has, and starts no
//! run for what that account wrote.

use hookbox_tests::{Answer, Host, HostBuilder, Receiver, event, eventually};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(10);

const WHOAMI: &str = "/api/whoami-v2";

const TOKEN: &str = "hf_a-token-that-nobody-sees";

/// A Hub that knows one account.
fn hub() -> Receiver {
    let hub = Receiver::answering(200);
    hub.says(
        WHOAMI,
        &json!({ "type": "user", "id": "me", "name": "bot", "orgs": [] }),
    );
    hub
}

/// A grant with a credential for this Hub.
fn grant(hub: &Receiver, token: &Path, more: &str) -> String {
    let url = hub.url("");
    let (host, token) = (url.replace("http://", ""), token.display());
    format!(
        "{more}\n[config]\nhub-endpoint = \"{url}\"\n[[http]]\nhost = \"{host}\"\nscheme = \"http\"\nprivate = true\n\
         methods = [\"POST\"]\npaths = [\"/api/discussions/**\"]\nrequests = 1\nbearer = \"file:{token}\"\n"
    )
}

fn token(folder: &TempDir, text: &str) -> PathBuf {
    let file = folder.path().join("token");
    std::fs::write(&file, text).unwrap();
    file
}

fn bot(grant: &str) -> HostBuilder {
    Host::with(&[])
        .plugin_as("bot", "hello")
        .grant("bot", grant)
}

fn comment_by(host: &Host, author: &str) -> Answer {
    let mut comment = event("discussion.comment", "create", "a/b");
    comment["comment"] = json!({ "id": "c", "author": { "id": author }, "content": "hello" });
    host.hub().deliver(&comment).wait(20).send()
}

/// Posts comments until one comes to just these plugins: what is noted is routed by a moment later.
#[track_caller]
fn comes_to(host: &Host, author: &str, plugins: &[&str]) -> Answer {
    eventually(SOON, || {
        Some(comment_by(host, author)).filter(|answer| answer.plugins() == plugins)
    })
}

fn asked(hub: &Receiver) -> usize {
    hub.got().iter().filter(|(path, _)| path == WHOAMI).count()
}

#[test]
fn what_a_plugins_own_account_writes_starts_no_run_of_it() {
    // Given a plugin whose account the host has learnt, though its grant allows no such call
    let (hub, folder) = (hub(), TempDir::new().unwrap());
    let host = bot(&grant(&hub, &token(&folder, TOKEN), "")).start();
    let plugin = host.plugin_when("bot", |plugin| plugin["own_account"].is_object());
    assert_eq!(plugin["own_account"], json!({ "id": "me", "name": "bot" }));
    assert_eq!(plugin["own_account_unknown"], Value::Null);
    // When it writes something, and somebody else does
    let (own, other) = (comes_to(&host, "me", &[]), comment_by(&host, "somebody"));
    // Then only the other's is handled, and a replay finds the same
    assert_eq!(other.run("bot")["outcome"], "done");
    let again = host.cli(&["deliveries", "replay", &own.id(), "--plugin", "bot"]);
    let why = "its own account caused the event (`ignore-own` in its grant)";
    assert!(
        again.stderr.contains(why) || again.stdout.contains(why),
        "{again:?}"
    );
    // And nobody is shown the credential
    assert!(!host.log().contains(TOKEN), "{}", host.log());
    for file in ["ledger.db", "ledger.db-wal"] {
        let bytes = std::fs::read(host.data().join(file)).unwrap_or_default();
        let found = bytes
            .windows(TOKEN.len())
            .any(|part| part == TOKEN.as_bytes());
        assert!(!found, "it is in {file}");
    }
}

#[test]
fn while_nobody_knows_whose_a_credential_is_events_pass_and_that_is_said() {
    let (hub, folder) = (Receiver::answering(500), TempDir::new().unwrap());
    let file = token(&folder, TOKEN);
    let host = bot(&grant(&hub, &file, "")).start();
    let url = hub.url("");
    let failed = |why: &str| {
        let why = format!("{url} {why}");
        let plugin = host.plugin_when("bot", |plugin| plugin["own_account_unknown"] == why);
        assert_eq!(
            (&plugin["state"], &plugin["own_account"]),
            (&json!("loaded"), &Value::Null)
        );
        let said = host.cli(&["plugins"]).ok().stdout;
        let told = format!("its own account is not known, so what that writes comes to it: {why}");
        assert!(said.contains(&told), "{said}");
    };
    failed("answered 500 Internal Server Error to GET /api/whoami-v2");
    assert_eq!(comment_by(&host, "me").run("bot")["outcome"], "done");
    // A credential that the Hub does not accept is told as that
    hub.answers(401);
    std::fs::write(&file, "another").unwrap();
    failed("does not accept its credential (401); put another in its place");
    // And one that cannot be read is not asked about
    let before = asked(&hub);
    std::fs::remove_file(&file).unwrap();
    let unread = |plugin: &Value| {
        let why = plugin["own_account_unknown"].as_str().unwrap_or_default();
        why.starts_with("its credential cannot be read: file:")
    };
    host.plugin_when("bot", unread);
    assert_eq!(asked(&hub), before);
}

#[test]
fn a_credential_is_asked_about_once_and_another_anew() {
    // Given two plugins with the same credential
    let (hub, folder) = (hub(), TempDir::new().unwrap());
    let file = token(&folder, TOKEN);
    let mut host = bot(&grant(&hub, &file, ""))
        .plugin_as("other", "hello")
        .grant("other", &grant(&hub, &file, ""))
        .start();
    for plugin in ["bot", "other"] {
        host.plugin_when(plugin, |plugin| plugin["own_account"]["id"] == "me");
    }
    assert_eq!(asked(&hub), 1);
    // When the host is started again, and a grant is written anew
    host.restart();
    host.put("bot.toml", grant(&hub, &file, "concurrency = 1"));
    eventually(SOON, || {
        let grant = "SELECT grant_text FROM plugins WHERE name = 'bot'";
        host.ledger()
            .text(grant)
            .contains("concurrency")
            .then_some(())
    });
    // Then it still knows, and asks nobody
    assert!(comment_by(&host, "me").plugins().is_empty());
    assert_eq!(asked(&hub), 1);
    // Another credential is asked about, and what holds for the first does not hold for it
    hub.says(WHOAMI, &json!({ "id": "somebody" }));
    std::fs::write(&file, "another").unwrap();
    host.plugin_when("bot", |plugin| plugin["own_account"]["id"] == "somebody");
    comes_to(&host, "somebody", &[]);
    comes_to(&host, "me", &["bot", "other"]);
    assert_eq!(asked(&hub), 2);
}

#[test]
fn nobody_is_asked_about_what_is_not_for_the_hub_or_not_to_be_ignored() {
    // Given plugins that are looked at before one whose account becomes known
    let (hub, never, folder) = (hub(), hub(), TempDir::new().unwrap());
    let file = token(&folder, TOKEN);
    let open = grant(&never, &file, "[match]\nignore-own = false");
    let elsewhere = grant(&never, &file, "").replace("hub-endpoint", "other-endpoint");
    let bare = grant(&never, &file, "").replace("bearer", "# bearer");
    let host = Host::with(&[])
        .plugin_as("bare", "hello")
        .grant("bare", &bare)
        .plugin_as("elsewhere", "hello")
        .grant("elsewhere", &elsewhere)
        .plugin_as("open", "hello")
        .grant("open", &open)
        .plugin_as("own", "hello")
        .grant("own", &grant(&hub, &file, ""))
        .start();
    host.plugin_when("own", |plugin| plugin["own_account"]["id"] == "me");
    // Then nobody was asked about them, nothing is said of them, and they get what anybody writes
    assert!(never.got().is_empty(), "{:?}", never.got());
    for plugin in ["bare", "elsewhere", "open"] {
        let plugin = host.plugin(plugin);
        let said = (&plugin["own_account"], &plugin["own_account_unknown"]);
        assert_eq!(said, (&Value::Null, &Value::Null));
    }
    comes_to(&host, "me", &["bare", "elsewhere", "open"]);
}
