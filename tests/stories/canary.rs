//! No secret leaves in any output: known ones are put wherever a secret can be, and searched for in everything that
//! the host says or keeps, in every form.

use hookbox_tests::{Canary, Cli, Host, Hub, Post, Receiver, Surfaces, event};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;

/// Secrets, by where they are put.
struct Secrets {
    hosts: Canary,
    second: Canary,
    own: Canary,
    in_file: Canary,
    /// What a plugin's calls carry.
    calls: Canary,
    strangers: Canary,
    operators: Canary,
    /// Where a place for a secret belongs, stands a secret itself.
    miswritten: Canary,
}

impl Secrets {
    fn new() -> Self {
        Self {
            hosts: Canary::new("webhook"),
            second: Canary::new("rotated"),
            own: Canary::new("plugins"),
            in_file: Canary::new("in-file"),
            calls: Canary::new("calls"),
            strangers: Canary::new("strangers"),
            operators: Canary::without_space("operators"),
            miswritten: Canary::new("miswritten"),
        }
    }

    fn all(&self) -> [&Canary; 8] {
        let known = [&self.hosts, &self.second, &self.own, &self.in_file];
        let [hosts, second, own, in_file] = known;
        [
            hosts,
            second,
            own,
            in_file,
            &self.calls,
            &self.strangers,
            &self.operators,
            &self.miswritten,
        ]
    }

    /// A host that was given them, and logs all it can. `file` holds one; another goes to `server`.
    fn host(&self, file: &Path, server: &Receiver) -> Host {
        // A literal, so that nothing of TOML has to be escaped
        let miswritten = format!("'''{}'''", self.miswritten.secret);
        let grants = [
            ("own", "secret = \"env:OWN_SECRET\"".to_owned()),
            ("in-file", format!("secret = \"file:{}\"", file.display())),
            ("unset", "secret = \"env:NOT_SET_ANYWHERE\"".to_owned()),
            ("bad-secret", format!("secret = {miswritten}")),
            ("bad-list", format!("secret = [{miswritten}]")),
            ("bad-table", format!("secret = {{ value = {miswritten} }}")),
            ("bad-digest", format!("digest = {miswritten}")),
            (
                "bad-http",
                format!("[[http]]\nhost = \"x.org\"\nbearer = {miswritten}"),
            ),
            ("bad-config", format!("[config]\nkey = [{miswritten}]")),
            ("bad-key", format!("bearer = {miswritten}")),
            (
                "bad-end",
                format!("secret = {}", &miswritten[..miswritten.len() - 3]),
            ),
        ];
        let host = Host::with(&["hello", "guest-hostile"])
            .secret(&self.hosts.secret)
            .env("SECOND_SECRET", &self.second.secret)
            .env("OWN_SECRET", &self.own.secret)
            .env("CALLS_SECRET", &self.calls.secret)
            .plugin_as("caller", "guest-hostile")
            .grant("caller", &calling(server))
            .env("HOOKBOX_ADMIN_TOKEN", &self.operators.secret)
            .args(&["--secrets", "env:WEBHOOK_SECRET,env:SECOND_SECRET"])
            .env("RUST_LOG", "trace");
        let granted = grants.iter().fold(host, |host, (name, text)| {
            host.plugin_as(name, "hello")
                .grant(name, &format!("{text}\n"))
        });
        granted.start()
    }

    /// Requests in which they are used, well and badly, and what each is answered.
    fn requests<'a>(&self, hub: &'a Hub, server: &Receiver) -> Vec<(u16, Post<'a>)> {
        let mut calls = event("repo", "update", "a/call");
        let own = json!({ "authorization": "Bearer x" });
        calls["calls"] = json!([
            { "url": server.url("/api/x") },
            { "url": server.url("/api/x"), "headers": own },
            { "url": server.url("/elsewhere") },
            { "url": "http://127.0.0.1:1/api/x" },
        ]);
        let comment = event("discussion.comment", "create", "a/seen");
        let query = |path: &str, canary: &Canary| format!("{path}?secret={}", canary.in_url());
        let post = || hub.deliver(&comment);
        let with = |canary: &Canary| post().secret(&canary.secret);
        let at = |path: &str| post().no_secret().to(path);
        let of_host = query("/webhooks", &self.hosts);
        let twice = format!("{of_host}&secret={}", self.strangers.in_url());
        let bearer = format!("Bearer {}", self.strangers.secret);
        vec![
            (200, post().wait(20)),
            (202, post().id("twice")),
            (200, post().id("twice")),
            (202, with(&self.second)),
            (202, at(&of_host)),
            (202, with(&self.own).to("/webhooks/own")),
            (202, at(&query("/webhooks/in-file", &self.in_file))),
            (403, at(&of_host.replace("%20", "+"))),
            (403, with(&self.own)),
            (403, with(&self.strangers)),
            (403, at(&query("/webhooks", &self.strangers))),
            (503, post().to("/webhooks/unset")),
            (503, post().to("/webhooks/bad-secret")),
            (
                400,
                post().header("x-webhook-secret", &self.strangers.secret),
            ),
            (400, at(&twice)),
            (401, at("/webhooks").header("authorization", &bearer)),
            (
                401,
                at("/webhooks").header("cookie", &self.strangers.secret),
            ),
            (404, post().to(&query("/elsewhere", &self.strangers))),
            (
                404,
                hub.request("GET", &query("/elsewhere", &self.strangers)),
            ),
            (405, hub.request("PUT", &of_host)),
            (400, hub.deliver_bytes("{").to(&of_host)),
            (415, post().to(&of_host).header("content-encoding", "gzip")),
            (
                200,
                hub.deliver(&event("repo", "create", "a/panic")).wait(20),
            ),
            (200, hub.deliver(&calls).to("/webhooks/caller").wait(20)),
        ]
    }
}

/// A grant that lets a plugin call this server, and one where nobody listens, with a credential.
fn calling(server: &Receiver) -> String {
    let entry = |host: &str| {
        format!(
            "[[http]]\nhost = \"{host}\"\nscheme = \"http\"\nprivate = true\npaths = [\"/api/**\"]\n\
             bearer = \"env:CALLS_SECRET\"\n"
        )
    };
    let url = server.url("");
    format!(
        "{}{}",
        entry(url.trim_start_matches("http://")),
        entry("127.0.0.1:1")
    )
}

#[test]
fn no_secret_of_a_host_that_works_is_in_anything_it_says_or_keeps() {
    // Given secrets wherever there is a place for one, and where there is none
    let secrets = Secrets::new();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{}\n", secrets.in_file.secret)).unwrap();
    let server = Receiver::answering(200);
    let mut host = secrets.host(&file, &server);
    let mut surfaces = Surfaces::default();
    // When each is used, well and badly
    for (status, post) in secrets.requests(&host.hub(), &server) {
        let answer = post.send();
        assert_eq!(answer.status, status, "{answer:?}");
        surfaces.answer("an answer", &answer);
    }
    for secret in [&secrets.hosts.secret, &secrets.strangers.secret] {
        let to = format!("{}/webhooks", host.url());
        let args = [
            "send",
            "discussion-comment",
            "--to",
            &to,
            "--secret",
            secret,
        ];
        surfaces.command("send", &Cli::new(&args).run());
    }
    // And the operator's listener is asked, well and badly
    let admin = host.admin();
    let token = |canary: &Canary| format!("token={}", canary.in_url());
    let (right, wrong) = (token(&secrets.operators), token(&secrets.strangers));
    for (status, asked) in [
        (303, admin.ask("GET", &format!("/?{right}"))),
        (401, admin.ask("GET", &format!("/?{wrong}"))),
        (303, admin.ask("POST", "/login").form(&right)),
        (401, admin.ask("POST", "/login").form(&wrong)),
        (
            401,
            admin
                .ask("GET", "/api/v1/plugins")
                .bearer(&secrets.hosts.secret),
        ),
        (400, admin.get(&format!("/api/v1/plugins?{right}"))),
        (404, admin.get(&format!("/{}", secrets.operators.in_url()))),
        (
            401,
            admin
                .ask("GET", &format!("/&{right}"))
                .bearer("a-wrong-token"),
        ),
        (
            401,
            admin
                .ask("GET", &format!("/%3F{right}"))
                .bearer("a-wrong-token"),
        ),
    ] {
        let answer = asked.send();
        assert_eq!(answer.status, status, "{answer:?}");
        surfaces.answer("an answer to the operator", &answer);
    }
    assert_eq!(server.got().len(), 1, "the granted call was made");
    surfaces.look(&host);
    // And when it is killed, goes on, and is stopped
    host.kill();
    surfaces.look_at_rest(&host);
    host.restart();
    surfaces.look(&host);
    assert_eq!(host.stop(), Some(0));
    surfaces.look_at_rest(&host);
    // Then none of them is to be found, though all that it said was looked through
    surfaces.hold_none_of(&secrets.all());
    assert!(
        surfaces.holding("\"level\":\"DEBUG\"") > 0,
        "{}",
        host.log()
    );
    assert!(
        surfaces.holding("a/seen") > 10,
        "{:?}",
        surfaces.holding("a/seen")
    );
}

#[test]
fn no_secret_is_in_what_is_said_of_a_start_that_failed() {
    let canary = Canary::new("miswritten");
    let (secret, folder) = (&canary.secret, TempDir::new().unwrap());
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("two-lines", format!("{secret}\n{secret}\n"));
    write("too-long", secret.repeat(1_000));
    let serve = || {
        let listen = ["serve", "--listen", "127.0.0.1:0"];
        Cli::new(&listen).folder(folder.path())
    };
    let url = format!("postgres://user:{secret}@host/db");
    let mut surfaces = Surfaces::default();
    for (case, command) in [
        (
            "a secret itself as --secrets",
            serve().arg("--secrets").arg(secret),
        ),
        (
            "a secret itself in HOOKBOX_SECRETS",
            serve().env("HOOKBOX_SECRETS", secret),
        ),
        (
            "a control character",
            serve().env("WEBHOOK_SECRET", &format!("{secret}\u{7}")),
        ),
        (
            "a space at its end",
            serve().env("WEBHOOK_SECRET", &format!("{secret} ")),
        ),
        (
            "a letter outside ASCII",
            serve().env("WEBHOOK_SECRET", &format!("{secret}\u{e4}")),
        ),
        ("two lines", serve().arg("--secrets").arg("file:two-lines")),
        ("too long", serve().arg("--secrets").arg("file:too-long")),
        (
            "one good, one bad",
            serve()
                .env("WEBHOOK_SECRET", secret)
                .arg("--secrets")
                .arg("env:WEBHOOK_SECRET,env:NONE"),
        ),
        (
            "an unknown setting",
            serve().env("HOOKBOX_ADMIN_TOKN", secret),
        ),
        ("a ledger's password", serve().arg("--ledger").arg(&url)),
        ("a ledger's password", serve().env("HOOKBOX_LEDGER", &url)),
        (
            "a folder that cannot be",
            serve()
                .env("WEBHOOK_SECRET", secret)
                .arg("--data")
                .arg("two-lines"),
        ),
    ] {
        surfaces.fails(case, command);
    }
    for (case, line) in [
        (
            "a secret in hookbox.toml",
            format!("secrets = ['''{secret}''']"),
        ),
        ("a list that is none", format!("secrets = '''{secret}'''")),
        ("an unknown key", format!("webhook-secret = '''{secret}'''")),
        ("a line that is cut", format!("secrets = ['''{secret}")),
        ("a table", format!("[secrets]\nhost = '''{secret}'''")),
    ] {
        write("hookbox.toml", line);
        surfaces.fails(case, serve());
    }
    surfaces.hold_none_of(&[&canary]);
}
