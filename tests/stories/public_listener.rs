//! The public listener, row by row of its table: method, secret, path, size, body.

use hookbox_tests::{Answer, Host, Hub, SECRET, Shared, event, says};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

static HOST: Shared = Shared::new();

/// One host for all stories that do not disturb one another.
fn host() -> Arc<Host> {
    HOST.get(|| Host::with(&["guest-counter"]).start())
}

/// An event that `guest-counter` handles.
fn created() -> Value {
    event("repo", "create", "a/b")
}

#[test]
fn without_the_secret_nobody_is_let_in() {
    let host = host();
    let hub = host.hub();
    says(
        &hub.deliver(&created()).no_secret().send(),
        401,
        "x-webhook-secret header not set.",
    );
    for wrong in [
        "",
        "x",
        &SECRET[1..],
        &SECRET.to_uppercase(),
        &format!("{SECRET}x"),
    ] {
        says(
            &hub.deliver(&created()).secret(wrong).send(),
            403,
            "Invalid webhook secret.",
        );
    }
    assert_eq!(hub.deliver(&created()).send().status, 202);
}

#[test]
fn the_secret_is_asked_for_before_the_body() {
    let host = host();
    for (headers, status) in [
        (
            &["content-length: 60000", "x-webhook-secret: wrong"][..],
            403,
        ),
        (&["content-length: 60000"], 401),
    ] {
        // Given a sender without the secret, who announces a body and never sends it
        let mut connection = host.hub().connect();
        let began = Instant::now();
        connection.send(format!(
            "{}\r\n",
            Hub::new(host.address(), None).head(headers)
        ));
        // Then it is told at once
        assert_eq!(connection.answer().unwrap().status, status);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn the_secret_is_asked_for_before_the_path() {
    let host = host();
    let hub = host.hub();
    for path in [
        "/",
        "/elsewhere",
        "/webhooks/nobody",
        "/webhooks/guest-counter/deeper",
        "/healthz",
    ] {
        assert_eq!(
            hub.deliver(&created()).to(path).no_secret().send().status,
            401,
            "{path}"
        );
        assert_eq!(
            hub.deliver(&created())
                .to(path)
                .secret("wrong")
                .send()
                .status,
            403,
            "{path}"
        );
        assert_eq!(
            hub.deliver(&created()).to(path).send().status,
            404,
            "{path}"
        );
    }
}

#[test]
fn the_query_is_a_place_for_the_secret_when_there_is_no_header() {
    let host = Host::with(&[]).secret("s&cr=t +1/").start();
    let hub = host.hub();
    let post = |path: &str| hub.deliver(&created()).to(path).no_secret().send().status;
    assert_eq!(post("/webhooks?secret=s%26cr%3Dt%20%2B1%2F"), 202);
    assert_eq!(post("/webhooks?x=y&secret=s%26cr=t%20+1/&z"), 202);
    assert_eq!(post("/webhooks?secret=wrong"), 403);
    assert_eq!(post("/webhooks?Secret=s%26cr%3Dt%20%2B1%2F"), 401);
    assert_eq!(post("/webhooks?secret=x&secret=s%26cr%3Dt%20%2B1%2F"), 400);
    // The header wins, right or wrong.
    let both = |header: &str, query: &str| {
        hub.deliver(&created())
            .secret(header)
            .to(query)
            .send()
            .status
    };
    assert_eq!(both("wrong", "/webhooks?secret=s%26cr%3Dt%20%2B1%2F"), 403);
    assert_eq!(
        both("s&cr=t +1/", "/webhooks?secret=wrong&secret=wrong"),
        202
    );
    // And what was in the query is nowhere to be found.
    assert!(
        !host.log().contains("26cr") && !host.log().contains("s&cr"),
        "{}",
        host.log()
    );
    assert!(
        host.deliveries()
            .iter()
            .all(|delivery| delivery["path"] == "/webhooks")
    );
}

#[test]
fn a_secret_sent_twice_is_refused_even_if_it_is_right_twice() {
    let host = host();
    let answer = host
        .hub()
        .deliver(&created())
        .header("X-Webhook-Secret", SECRET)
        .send();
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(
        answer.json()["error"].as_str().unwrap().contains("twice"),
        "{answer:?}"
    );
}

#[test]
fn several_secrets_are_good_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "the-second-of-two-secrets\n").unwrap();
    let host = Host::with(&[])
        .no_secret()
        .env("FIRST", "the-first-of-two-secrets")
        .env(
            "HOOKBOX_SECRETS",
            &format!("env:FIRST,file:{}", file.path().display()),
        )
        .start();
    let status = |secret: &str| host.hub().deliver(&created()).secret(secret).send().status;
    assert_eq!(status("the-first-of-two-secrets"), 202);
    assert_eq!(status("the-second-of-two-secrets"), 202);
    assert_eq!(
        status("the-first-of-two-secrets,the-second-of-two-secrets"),
        403
    );
    assert_eq!(host.hub().deliver(&created()).send().status, 401);
}

#[test]
fn an_endpoint_with_a_secret_of_its_own_takes_that_one_only() {
    let host = Host::with(&[])
        .plugin_as("bot", "guest-counter")
        .grant("bot", "secret = \"env:BOT_SECRET\"\n")
        .plugin_as("shut", "guest-counter")
        .grant("shut", "secret = \"env:NOT_SET_ANYWHERE\"\n")
        .env("BOT_SECRET", "the-secret-of-the-bot")
        .start();
    let hub = host.hub();
    let status = |path: &str, secret: &str| {
        hub.deliver(&created())
            .to(path)
            .secret(secret)
            .send()
            .status
    };
    assert_eq!(status("/webhooks/bot", "the-secret-of-the-bot"), 202);
    assert_eq!(status("/webhooks/bot", SECRET), 403);
    assert_eq!(status("/webhooks", "the-secret-of-the-bot"), 403);
    assert_eq!(status("/webhooks/shut", "the-secret-of-the-bot"), 503);
    // An endpoint whose secret cannot be read is shut for everybody, and says when to come again.
    let answer = hub.deliver(&created()).to("/webhooks/shut").send();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert!(!answer.body.contains("NOT_SET_ANYWHERE"), "{answer:?}");
    // The common endpoint reaches both.
    assert_eq!(hub.deliver(&created()).send().plugins(), ["bot", "shut"]);
}

#[test]
fn another_method_is_refused_with_the_one_to_use() {
    let host = host();
    let hub = host.hub();
    for path in [
        "/webhooks",
        "/webhooks/",
        "/webhooks/guest-counter",
        "/webhooks/nobody",
        "/webhooks/a/b",
    ] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let answer = hub.request(method, path).send();
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some("POST")),
                "{method} {path}"
            );
        }
    }
    for path in ["/", "/elsewhere", "/healthz"] {
        let answer = hub.request("DELETE", path).send();
        assert_eq!(answer.status, 405, "{path}");
        assert!(
            answer
                .header("allow")
                .is_some_and(|allow| allow.contains("GET")),
            "{answer:?}"
        );
    }
    assert_eq!(hub.request("GET", "/elsewhere").send().status, 404);
    assert_eq!(hub.request("GET", "/webhooksx").send().status, 404);
}

#[test]
fn a_trailing_slash_is_tolerated_and_does_not_make_another_endpoint() {
    let host = host();
    let hub = host.hub();
    let created = created();
    let first = hub.deliver(&created).id("slash").to("/webhooks/").send();
    assert_eq!(
        (first.status, first.plugins()),
        (202, vec!["guest-counter".to_owned()])
    );
    assert_eq!(
        hub.deliver(&created)
            .id("slash")
            .to("/webhooks")
            .send()
            .id(),
        first.id()
    );
    assert_eq!(
        hub.deliver(&created)
            .to("/webhooks/guest-counter/")
            .send()
            .status,
        202
    );
}

#[test]
fn the_same_delivery_again_is_counted_and_not_run_again() {
    let host = host();
    let hub = host.hub();
    let created = created();
    let first = hub.deliver(&created).id("again-1").wait(20).send();
    for n in 1..=2 {
        let again = hub.deliver(&created).id("again-1").wait(20).send();
        assert_eq!(
            (again.status, again.json()),
            (
                200,
                json!({"id": first.id(), "duplicate": true, "runs": []})
            )
        );
        assert_eq!(host.delivery(&first.id())["duplicates"], n);
    }
    let runs = host.delivery(&first.id())["runs"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        (runs.len(), runs[0]["attempts"].as_array().unwrap().len()),
        (1, 1)
    );
    // Another body, another endpoint, another id or none: each is a delivery of its own.
    let others = [
        hub.deliver(&event("repo", "delete", "a/b"))
            .id("again-1")
            .send(),
        hub.deliver(&created)
            .id("again-1")
            .to("/webhooks/guest-counter")
            .send(),
        hub.deliver(&created).id("again-2").send(),
        hub.deliver(&created).send(),
        hub.deliver(&created).send(),
    ];
    let mut ids: Vec<String> = others.iter().map(Answer::id).chain([first.id()]).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "{others:?}");
    assert!(others.iter().all(|answer| answer.status == 202));
}

#[test]
fn an_id_that_is_no_id_counts_as_none() {
    let host = host();
    let created = created();
    for id in ["x".repeat(257), "a b".to_owned(), String::new()] {
        let ids = [(), ()].map(|()| host.hub().deliver(&created).id(&id).send().id());
        assert_ne!(ids[0], ids[1], "{id}");
        assert_eq!(host.delivery(&ids[0])["hub_id"], Value::Null);
    }
}

#[test]
fn the_landing_page_tells_what_to_paste_and_nothing_private() {
    let host = host();
    let page = host.hub().request("GET", "/").send();
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(
        page.body.contains(&format!("{}/webhooks", host.url())),
        "{}",
        page.body
    );
    for private in [
        "guest-counter",
        SECRET,
        "plugins-dir",
        &host.data().display().to_string(),
    ] {
        assert!(!page.body.contains(private), "{private} in {}", page.body);
    }
    let space = Host::with(&[])
        .env("SPACE_HOST", "me-hookbox.hf.space")
        .start();
    assert!(
        space
            .hub()
            .request("GET", "/")
            .send()
            .body
            .contains("https://me-hookbox.hf.space/webhooks")
    );
}

#[test]
fn health_and_readiness_are_for_everybody() {
    let host = host();
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(host.hub().request("GET", path).send().status, 200, "{path}");
        assert_eq!(
            host.hub().request("HEAD", path).send().status,
            200,
            "{path}"
        );
    }
}

#[test]
fn without_a_secret_only_loopback_is_served() {
    let refused = Host::with(&[])
        .no_secret()
        .args(&["--listen", "0.0.0.0:0"])
        .try_start()
        .err()
        .unwrap();
    assert!(matches!(refused.code, Some(1 | 2)), "{refused:?}");
    assert!(
        refused.stderr.contains("--insecure-no-secret")
            && refused.stderr.contains("WEBHOOK_SECRET")
    );
    // On loopback it warns, and takes everybody's deliveries.
    let open = Host::with(&[]).no_secret().start();
    open.logs("no webhook secret is configured");
    assert_eq!(open.hub().deliver(&created()).send().status, 202);
    assert_eq!(
        open.hub().deliver(&created()).secret("any").send().status,
        202
    );
    // And elsewhere only on the operator's word.
    let told = Host::with(&[])
        .no_secret()
        .args(&["--listen", "0.0.0.0:0", "--insecure-no-secret"])
        .start();
    told.logs("no webhook secret is configured");
}

#[test]
fn a_wait_is_clamped_and_ends_with_the_runs_as_they_stand() {
    let host = Host::with(&["guest-counter"])
        .plugin_as("sleepy", "guest-hostile")
        .start();
    let hub = host.hub();
    let answer = hub
        .deliver(&created())
        .wait(600)
        .to("/webhooks/guest-counter")
        .send();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (200, Some("wait=25"))
    );
    let began = Instant::now();
    let answer = hub
        .deliver(&event("repo", "create", "a/sleep"))
        .wait(1)
        .send();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (202, Some("wait=1"))
    );
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&began.elapsed()));
    assert_eq!(answer.run("guest-counter")["state"], "done");
    let run = answer.run("sleepy");
    assert_eq!(
        (&run["outcome"], &run["output"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        ["running", "pending"].contains(&run["state"].as_str().unwrap()),
        "{run}"
    );
    let answer = hub
        .deliver(&created())
        .wait(0)
        .to("/webhooks/sleepy")
        .send();
    assert!([200, 202].contains(&answer.status));
}

#[test]
fn the_status_never_depends_on_what_a_plugin_does() {
    let host = Host::with(&["guest-hostile"]).start();
    for (word, state, outcome) in [
        ("reject", "dead", "rejected"),
        ("panic", "pending", "trapped"),
        ("retry", "pending", "retry"),
    ] {
        let event = event("repo", "create", &format!("a/{word}"));
        let answer = host.hub().deliver(&event).wait(20).send();
        assert_eq!(answer.status, 200, "{word}: {answer:?}");
        let run = answer.run("guest-hostile");
        assert_eq!(
            (&run["state"], &run["outcome"]),
            (&state.into(), &outcome.into()),
            "{word}: {run}"
        );
        assert_eq!(host.hub().deliver(&event).send().status, 202);
    }
}
