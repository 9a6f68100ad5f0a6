//! The admin listener: nobody without the token, and no other site's page, sees or changes anything.

use hookbox_tests::{Answer, Cli, Host, Operator, event};
use std::os::unix::fs::PermissionsExt;

/// A token that an operator chose.
const TOKEN: &str = "a-token-of-the-stories";

/// Paths of every kind; `{id}` stands for a delivery that is there.
const PATHS: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/?state=dead"),
    ("GET", "/deliveries/{id}"),
    ("POST", "/deliveries/{id}/replay"),
    ("GET", "/nothing"),
    ("GET", "/api"),
    ("GET", "/api/v1"),
    ("GET", "/api/v1/deliveries"),
    ("HEAD", "/api/v1/deliveries"),
    ("DELETE", "/api/v1/deliveries/{id}"),
    ("GET", "/api/v1/deliveries/{id}"),
    ("POST", "/api/v1/deliveries/{id}/replay"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/x"),
    ("GET", "/api/v1/runs/x/attempts"),
    ("GET", "/api/v1/runs/x/attempts/1"),
    ("GET", "/api/v1/plugins"),
    ("GET", "/api/v1/plugins/hello"),
    ("GET", "/api/v1/requests"),
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/nothing"),
    ("OPTIONS", "/api/v1/deliveries"),
];

fn posted(host: &Host) -> String {
    let comment = event("discussion.comment", "create", "secret-org/secret-repo");
    host.hub().deliver(&comment).wait(20).send().id()
}

/// What no answer to a stranger says, and what every answer says to a browser.
#[track_caller]
fn check_headers(answer: &Answer) {
    let has = |name: &str, text: &str| {
        let value = answer.header(name).unwrap_or_default();
        assert!(value.contains(text), "{name}: {answer:?}");
    };
    has("content-security-policy", "default-src 'none'");
    has("content-security-policy", "frame-ancestors 'none'");
    has("x-content-type-options", "nosniff");
    has("cache-control", "no-store");
    let cors = answer.headers.iter();
    let cors = cors.filter(|(name, _)| name.starts_with("access-control"));
    assert_eq!(cors.count(), 0, "{answer:?}");
}

#[test]
fn nothing_is_shown_or_done_without_the_token() {
    let host = Host::with(&["hello"]).start();
    let id = posted(&host);
    let operator = host.admin();
    let wrong = Operator::new(operator.address(), "another-token-of-32-bytes");
    for (method, path) in PATHS {
        let path = path.replace("{id}", &id);
        for answer in [
            operator.ask(method, &path).send(),
            wrong.ask(method, &path).bearer(wrong.token()).send(),
            operator.ask(method, &path).bearer("").send(),
            operator
                .ask(method, &path)
                .header("authorization", "Basic eDp5")
                .send(),
            operator
                .ask(method, &path)
                .header("cookie", "hookbox=1; hookbox-0=9.9")
                .send(),
        ] {
            assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
            assert!(!answer.body.contains("secret-"), "{answer:?}");
            check_headers(&answer);
            if path.starts_with("/api/") && *method != "HEAD" {
                assert!(answer.json()["error"].is_string(), "{answer:?}");
            }
        }
    }
    assert_eq!(host.delivery(&id)["runs"].as_array().unwrap().len(), 1);
    // The style sheet is no secret.
    assert_eq!(operator.ask("GET", "/style.css").send().status, 200);
}

#[test]
fn a_token_is_made_once_and_is_for_its_owner_alone() {
    // Given a host that was started without a token
    let mut host = Host::with(&[]).start();
    let file = host.data().join("admin.token");
    // Then it made one that only its owner can read, and printed where it is but not what it is
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!(token.len(), 64);
    let operator = host.admin();
    let line = format!(
        "admin page on http://{}/ (token in data/admin.token)\n",
        operator.address()
    );
    assert!(host.printed().ends_with(&line), "{}", host.printed());
    // And a session that it opened
    let cookie = operator.cookie("");
    // When the host is started again, then token and session are the same
    host.restart();
    let operator = host.admin();
    assert_eq!(operator.token(), token);
    assert_eq!(
        operator
            .ask("GET", "/")
            .header("cookie", &cookie)
            .send()
            .status,
        200
    );
    let told = format!("{}{}", host.printed(), host.log());
    assert!(!told.contains(&token));
}

#[test]
fn a_token_is_shown_once_to_whoever_looks_on() {
    // Given a host in a terminal
    let mut host = Host::with(&[]).in_terminal().start();
    // Then its first start prints a link that opens the page
    let operator = host.admin();
    let link = format!("/?token={}", operator.token());
    assert!(host.printed().contains(&link), "{}", host.printed());
    assert_eq!(operator.ask("GET", &link).send().status, 303);
    // And the next one only where the token is
    host.restart();
    let printed = host.printed();
    assert!(printed.contains("(token in data/admin.token)"), "{printed}");
    assert!(!printed.contains(operator.token()));
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    let mut host = Host::with(&[]).start();
    assert_eq!(host.stop(), Some(0));
    let file = host.data().join("admin.token");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let token = std::fs::read_to_string(&file).unwrap();
    let refused = host.cli(&["serve", "--listen", "127.0.0.1:0"]).exits(1);
    assert!(
        refused.stderr.contains("others can read it (mode 644)"),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains(token.trim()));
    // Removed, another is made.
    std::fs::remove_file(&file).unwrap();
    host.restart();
    assert_ne!(host.admin().token(), token.trim());
}

#[test]
fn the_operators_own_token_counts_and_is_never_written_down() {
    let host = Host::with(&[]).env("HOOKBOX_ADMIN_TOKEN", TOKEN).start();
    let operator = host.admin();
    assert_eq!(operator.token(), TOKEN);
    assert_eq!(operator.json("/api/v1/health")["ready"], true);
    assert!(
        host.printed()
            .ends_with("/ (token in HOOKBOX_ADMIN_TOKEN)\n")
    );
    assert!(!host.data().join("admin.token").exists());
    // One that can be guessed is refused, without being told.
    let refused = Cli::new(&["serve"])
        .env("HOOKBOX_ADMIN_TOKEN", "hunter2")
        .run();
    let said = refused.exits(2).stderr;
    assert!(
        said.contains("shorter than 16 bytes; make a good one"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_browser_logs_in_by_a_link_or_by_a_form() {
    let host = Host::with(&[]).start();
    let operator = host.admin();
    let token = operator.token();
    // By the link that leads on without the token
    let link = operator.ask("GET", &format!("/?token={token}")).send();
    assert_eq!((link.status, link.header("location")), (303, Some("/")));
    let cookie = link.header("set-cookie").unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
    assert!(!cookie.contains(token) && link.body.is_empty());
    // By the form of the page that asks for it
    let asked = operator.ask("GET", "/").send();
    assert!(
        asked
            .body
            .contains("<form method=\"post\" action=\"/login\">"),
        "{asked:?}"
    );
    let form = operator
        .ask("POST", "/login")
        .form(&format!("token={token}"))
        .send();
    assert_eq!((form.status, form.header("location")), (303, Some("/")));
    // Either cookie opens the page and the API
    for cookie in [&cookie, form.header("set-cookie").unwrap()] {
        let cookie = cookie.split(';').next().unwrap();
        for path in ["/", "/api/v1/deliveries"] {
            let answer = operator.ask("GET", path).header("cookie", cookie).send();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    // And a wrong token is told as one, here and among the refused requests
    for refused in [
        operator.ask("GET", "/?token=hunter2").send(),
        operator.ask("POST", "/login").form("token=hunter2").send(),
        operator
            .ask("GET", &format!("/?token={token}&token={token}"))
            .send(),
    ] {
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(
            refused.body.contains("the admin token is wrong")
                && refused.header("set-cookie").is_none()
        );
    }
    let noted = operator.json("/api/v1/requests");
    assert_eq!(noted.as_array().unwrap().len(), 3, "{noted:#}");
    assert_eq!(noted[2]["path"], "/");
    assert!(!noted.to_string().contains("hunter2"));
}

#[test]
fn a_name_that_leads_here_by_somebody_elses_doing_is_not_answered() {
    let host = Host::with(&[])
        .args(&["--public-url", "https://me.example"])
        .start();
    let operator = host.admin();
    let health = |name: &str| operator.get("/api/v1/health").host(name).send();
    for good in [
        "localhost:9",
        "127.0.0.1",
        "[::1]:8001",
        "me.example",
        "ME.example:443",
    ] {
        assert_eq!(health(good).status, 200, "{good}");
    }
    for bad in [
        "evil.example",
        "127.0.0.1.evil.example:8001",
        "me.example.evil.example",
    ] {
        let refused = health(bad);
        assert_eq!(refused.status, 421, "{refused:?}");
        assert!(refused.body.contains("--public-url"), "{refused:?}");
        let log_in = operator.ask("GET", &format!("/?token={}", operator.token()));
        assert_eq!(log_in.host(bad).send().status, 421);
    }
}

#[test]
fn no_other_sites_page_can_have_anything_done() {
    // Given an operator's browser with an open session, and a delivery
    let host = Host::with(&["hello"]).start();
    let id = posted(&host);
    let operator = host.admin();
    let cookie = operator.cookie("");
    let replay = format!("/deliveries/{id}/replay");
    let ours = format!("http://{}", operator.address());
    // When pages of others send requests with its cookie, or even with the token
    for headers in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &ours)],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://evil.example"),
        ],
        // Nobody says where from: good enough for a program with a token, not for a cookie.
        &[],
    ] {
        for path in [replay.clone(), format!("/api/v1{replay}")] {
            let mut ask = operator.ask("POST", &path).header("cookie", &cookie);
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            let refused = ask.send();
            assert_eq!(refused.status, 403, "{headers:?}: {refused:?}");
            check_headers(&refused);
        }
        if let [(name, value)] = headers {
            let with_token = operator.post(&format!("/api/v1{replay}"), "");
            assert_eq!(with_token.header(name, value).send().status, 403);
        }
    }
    // Then nothing was done
    assert_eq!(host.delivery(&id)["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn metrics_are_open_on_a_loopback_address_of_their_own_only() {
    let host = Host::with(&[]).start();
    let metrics = host.admin().ask("GET", "/metrics").send();
    assert_eq!(metrics.status, 200, "{metrics:?}");
    let kind = metrics.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(metrics.body.ends_with("# EOF\n"), "{metrics:?}");
    let elsewhere = host
        .admin()
        .ask("GET", "/metrics")
        .host("evil.example")
        .send();
    assert_eq!(elsewhere.status, 421);
    for admin in ["0.0.0.0:0", "same"] {
        let host = Host::with(&[]).args(&["--admin", admin]).start();
        let path = if admin == "same" {
            "/admin/metrics"
        } else {
            "/metrics"
        };
        let operator = host.admin();
        assert_eq!(operator.ask("GET", path).send().status, 401, "{admin}");
        assert_eq!(operator.get(path).send().status, 200, "{admin}");
    }
}

#[test]
fn a_host_can_have_its_page_under_its_public_address() {
    // Given a host whose only port is the public one, as in a Space
    let host = Host::with(&["hello"])
        .args(&["--admin", "same", "--listen", "0.0.0.0:0"])
        .env("SPACE_HOST", "me-hookbox.hf.space")
        .start();
    let id = posted(&host);
    let page = "admin page on https://me-hookbox.hf.space/admin/ (token in data/admin.token)\n";
    assert!(host.printed().ends_with(page), "{}", host.printed());
    let operator = host.admin();
    // Then all of it is below /admin, behind the token, and nothing is elsewhere
    for (method, path) in PATHS {
        let path = format!("/admin{}", path.replace("{id}", &id));
        assert_eq!(
            operator.ask(method, &path).send().status,
            401,
            "{method} {path}"
        );
    }
    assert_eq!(operator.get("/api/v1/health").send().status, 404);
    assert_eq!(operator.get("/administrator").send().status, 404);
    assert_eq!(operator.json("/admin/api/v1/health")["ready"], true);
    let slash = operator.ask("GET", "/admin").send();
    assert_eq!(
        (slash.status, slash.header("location")),
        (303, Some("/admin/"))
    );
    // And a browser that comes by the proxy gets a cookie for HTTPS alone
    let log_in = operator.ask("GET", &format!("/admin/?token={}", operator.token()));
    let log_in = log_in.host("me-hookbox.hf.space").send();
    assert_eq!(
        (log_in.status, log_in.header("location")),
        (303, Some("/admin/"))
    );
    let cookie = log_in.header("set-cookie").unwrap();
    assert!(
        cookie.contains("; Path=/admin;") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let page = operator
        .ask("GET", "/admin/")
        .header("cookie", cookie)
        .send();
    assert!(
        page.body
            .contains(&format!("href=\"/admin/deliveries/{id}\"")),
        "{page:?}"
    );
    assert!(!page.body.contains("href=\"/deliveries"), "{page:?}");
    // And the public landing page knows nothing of it
    assert!(!host.hub().request("GET", "/").send().body.contains("admin"));
}

#[test]
fn two_listeners_do_not_share_an_address_and_the_mend_is_told() {
    let one = [
        "serve",
        "--listen",
        "127.0.0.1:8123",
        "--admin",
        "127.0.0.1:8123",
    ];
    let refused = Cli::new(&one).run().exits(2).stderr;
    assert!(refused.contains("or say --admin same"), "{refused}");
    // One that somebody else has is named with the flag that mends it.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let failed = Host::with(&[]).args(&["--admin", &taken]).try_start();
    let said = failed.err().unwrap().stderr;
    assert!(
        said.contains("choose another address with --admin"),
        "{said}"
    );
    let word = Cli::new(&["serve", "--admin", "everywhere"])
        .run()
        .exits(2)
        .stderr;
    assert!(word.contains("nor `same`"), "{word}");
}

#[test]
fn another_machines_way_to_the_page_is_warned_of() {
    let host = Host::with(&[]).args(&["--admin", "0.0.0.0:0"]).start();
    host.logs("is plain HTTP: whoever listens on the way can take its token");
    assert!(host.printed().contains("admin page on http://localhost:"));
}
