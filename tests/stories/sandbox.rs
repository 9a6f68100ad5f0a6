//! A guest can harm nobody but itself: each word of `guest-hostile` ends with its own outcome, and a neighbour goes
//! on meanwhile.

use hookbox_tests::{Answer, Cli, Host, SECRET, Shared, component, event, eventually, met};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

static HOST: Shared = Shared::new();

/// One host with the same guest under several grants, and a neighbour.
fn host() -> Arc<Host> {
    HOST.get(|| {
        Host::with(&["guest-counter"])
            .plugin_as("hostile", "guest-hostile")
            .grant("hostile", "retry = { attempts = 1 }\n")
            .plugin_as("small", "guest-hostile")
            .grant("small", "fuel = 20_000_000\nretry = { attempts = 1 }\n")
            .plugin_as("long", "guest-hostile")
            .grant(
                "long",
                "fuel = 1_000_000_000_000\ntimeout = \"1s\"\nretry = { attempts = 1 }\n",
            )
            .plugin_as("again", "guest-hostile")
            .grant(
                "again",
                "retry = { attempts = 4, first = \"50ms\", factor = 1, max = \"50ms\" }\n",
            )
            .start()
    })
}

fn post(host: &Host, plugin: &str, word: &str) -> Answer {
    let answer = host
        .hub()
        .deliver(&event("repo", "update", &format!("a/{word}")))
        .to(&format!("/webhooks/{plugin}"))
        .wait(20)
        .send();
    assert_eq!(answer.status, 200, "{plugin} {word}: {answer:?}");
    answer
}

/// The first attempt at a word.
fn attempt(plugin: &str, word: &str) -> Value {
    let host = host();
    let delivery = host.delivery(&post(&host, plugin, word).id());
    delivery["runs"][0]["attempts"][0].clone()
}

/// What a guest said, as JSON.
fn output(attempt: &Value) -> Value {
    assert_eq!(attempt["outcome"], "done", "{attempt:#}");
    serde_json::from_str(attempt["output"].as_str().unwrap()).unwrap()
}

#[test]
fn a_loop_ends_with_its_fuel_or_with_its_time() {
    let small = attempt("small", "loop");
    met(&small, "out-of-fuel", "fuel");
    let (used, limit) = (
        small["fuel"].as_u64().unwrap(),
        small["fuel_limit"].as_u64().unwrap(),
    );
    assert!(limit > 20_000_000 && limit < 21_000_000, "{limit}");
    assert!(used > limit - 10_000 && used <= limit, "{used} of {limit}");
    let long = attempt("long", "loop");
    met(&long, "timed-out", "1s");
    assert!(
        (900..3000).contains(&long["wall_ms"].as_u64().unwrap()),
        "{long:#}"
    );
}

#[test]
fn a_wait_inside_the_host_ends_with_the_time() {
    let sleeping = attempt("long", "sleep");
    met(&sleeping, "timed-out", "1s");
    assert!(
        (900..3000).contains(&sleeping["wall_ms"].as_u64().unwrap()),
        "{sleeping:#}"
    );
    // Whoever waits costs no fuel.
    assert!(sleeping["fuel"].as_u64().unwrap() < 10_000_000);
}

#[test]
fn a_hog_gets_its_memory_and_no_more() {
    let hog = attempt("hostile", "hog");
    met(&hog, "out-of-memory", "it may have");
    let peak = hog["memory_peak_bytes"].as_u64().unwrap();
    assert!((32 << 20..=64 << 20).contains(&peak), "{peak}");
}

#[test]
fn a_panic_is_told_with_its_message_and_the_functions_on_the_stack() {
    let panic = attempt("hostile", "panic");
    met(&panic, "trapped", "unreachable");
    let logs = panic["logs"].as_array().unwrap();
    assert!(
        logs.iter().any(|line| line["text"]
            .as_str()
            .unwrap()
            .contains("the guest panics as asked")),
        "{logs:#?}"
    );
    let frames = panic["trap"]["frames"].to_string();
    assert!(
        frames.contains("guest_hostile::harm::panics") && frames.contains("guest_hostile::handle"),
        "{frames}"
    );
}

#[test]
fn endless_recursion_ends_at_the_stack() {
    let recursion = attempt("hostile", "recurse");
    met(&recursion, "trapped", "stack");
    let frames = recursion["trap"]["frames"].as_array().unwrap();
    assert!(
        frames.len() <= 64 && frames[0].as_str().unwrap().contains("recurse"),
        "{frames:#?}"
    );
}

#[test]
fn loops_of_costly_calls_end_with_the_fuel() {
    for word in ["grow", "hostcalls"] {
        let attempt = attempt("small", word);
        met(&attempt, "out-of-fuel", "fuel");
        assert!(
            attempt["wall_ms"].as_u64().unwrap() < 5000,
            "{word}: {attempt:#}"
        );
    }
}

#[test]
fn a_flood_of_logs_is_cut_and_its_guest_left_alone() {
    for word in ["flood", "flood-stdout", "flood-line"] {
        let attempt = attempt("hostile", word);
        assert_eq!(
            (&attempt["outcome"], &attempt["output"]),
            (&"done".into(), &"flooded".into()),
            "{word}"
        );
        let texts: Vec<&str> = attempt["logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["text"].as_str().unwrap())
            .collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        assert!(
            (150 * 1024..=257 * 1024).contains(&bytes),
            "{word}: {bytes}"
        );
        let cut = texts
            .iter()
            .filter(|text| text.starts_with("truncated"))
            .count();
        assert_eq!(
            (cut, texts.last().unwrap().starts_with("truncated")),
            (1, true),
            "{word}"
        );
    }
}

#[test]
fn exits_are_judged_by_their_code() {
    let zero = attempt("hostile", "exit0");
    assert_eq!(
        (&zero["outcome"], &zero["trap"]),
        (&"rejected".into(), &Value::Null)
    );
    assert!(
        zero["output"]
            .as_str()
            .unwrap()
            .contains("without a result"),
        "{zero:#}"
    );
    met(
        &attempt("hostile", "exit1"),
        "trapped",
        "exited with code 1",
    );
}

#[test]
fn no_request_leaves_and_what_was_asked_is_kept_within_bounds() {
    let attempt = attempt("hostile", "calls");
    assert_eq!(attempt["output"], "300 requests were refused");
    let calls = attempt["calls"].as_array().unwrap();
    // The last row says how many more there were.
    let (more, calls) = calls.split_last().unwrap();
    assert_eq!((calls.len(), &more["url"]), (128, &json!("and 172 more")));
    for call in calls {
        let method = call["method"].as_str().unwrap();
        let url = call["url"].as_str().unwrap();
        assert!(method.len() <= 32 && url.len() <= 1024, "{call:#}");
        assert!(url.starts_with("https://huggingface.co/ppp"), "{url}");
        assert_eq!(call["status"], Value::Null);
        // A path of 10,000 bytes is none that is sent, whatever is granted.
        assert_eq!(call["denied_by"], "path: it is longer than 8 KiB");
    }
    assert!(!attempt.to_string().contains("the-query-of-the-guest"));
}

#[test]
fn an_output_is_kept_up_to_its_bound() {
    let big = attempt("hostile", "big-output");
    assert_eq!(
        (&big["outcome"], big["output"].as_str().unwrap().len()),
        (&"done".into(), 64 * 1024)
    );
    assert!(
        big["logs"].to_string().contains("output truncated"),
        "{}",
        big["logs"]
    );
}

#[test]
fn no_secret_is_among_the_headers_that_a_guest_sees() {
    let host = host();
    let answer = host
        .hub()
        .deliver(&event("repo", "update", "a/headers"))
        .to("/webhooks/hostile")
        .id("an-id")
        .header("user-agent", "the-hub")
        .header("authorization", "Bearer hf_x")
        .header("traceparent", "00-1-2-01")
        .wait(20)
        .send();
    let told: Value =
        serde_json::from_str(answer.run("hostile")["output"].as_str().unwrap()).unwrap();
    let expected = json!({
        "webhook-id": "an-id", "Webhook-Id": "an-id", "content-type": "application/json", "user-agent": "the-hub",
        "traceparent": "00-1-2-01", "x-webhook-secret": null, "X-Webhook-Secret": null, "authorization": null,
        "host": null, "": null,
    });
    assert_eq!(told, expected);
    assert!(!host.delivery(&answer.id()).to_string().contains(SECRET));
}

#[test]
fn nothing_of_the_outside_is_to_be_seen() {
    let seen = output(&attempt("hostile", "env"));
    assert_eq!(
        (&seen["vars"], &seen["args"], &seen["preopens"]),
        (&json!({}), &json!([]), &json!([]))
    );
    for place in ["tcp", "passwd", "write"] {
        assert!(
            seen[place].as_str().unwrap().starts_with("refused"),
            "{place}: {seen}"
        );
    }
    let randoms = [attempt("hostile", "random"), attempt("hostile", "random")];
    assert_eq!(randoms[0]["output"].as_str().unwrap().len(), 32);
    assert_ne!(randoms[0]["output"], randoms[1]["output"]);
}

#[test]
fn a_plugin_decides_how_its_run_goes_on() {
    let host = host();
    let run = |plugin: &str, word: &str| {
        host.delivery(&post(&host, plugin, word).id())["runs"][0].clone()
    };
    let rejected = run("again", "reject");
    assert_eq!(
        (&rejected["state"], &rejected["attempts"][0]["output"]),
        (&"dead".into(), &"asked to reject".into())
    );
    let ignored = run("again", "ignore");
    assert_eq!(
        (&ignored["state"], &ignored["attempts"][0]["output"]),
        (&"ignored".into(), &"asked to ignore".into())
    );
    // It asks for 1.5 s, whatever its grant's schedule says.
    let later = run("again", "retry-after");
    assert_eq!(
        (&later["state"], &later["attempts"][0]["outcome"]),
        (&"pending".into(), &"retry".into())
    );
    let at = |text: &Value| text.as_str().unwrap()[17..23].parse::<f64>().unwrap();
    let wait =
        (at(&later["next_attempt_at"]) - at(&later["attempts"][0]["started_at"])).rem_euclid(60.0);
    assert!((1.5..2.5).contains(&wait), "{wait} in {later:#}");
}

#[test]
fn attempts_follow_their_schedule_to_its_end() {
    let host = host();
    let ends = |word: &str| {
        let id = post(&host, "again", word).id();
        let run = eventually(Duration::from_secs(10), || {
            let run = host.delivery(&id)["runs"][0].clone();
            (run["next_attempt_at"].is_null()
                && !["pending", "running"].contains(&run["state"].as_str()?))
            .then_some(run)
        });
        let attempts = run["attempts"].as_array().unwrap();
        let outcomes: Vec<&str> = attempts
            .iter()
            .map(|attempt| attempt["outcome"].as_str().unwrap())
            .collect();
        let numbers: Vec<u64> = attempts
            .iter()
            .map(|attempt| attempt["n"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=attempts.len() as u64).collect::<Vec<_>>());
        format!("{}: {}", outcomes.join(" "), run["state"].as_str().unwrap())
    };
    assert_eq!(ends("fail-then-ok"), "retry retry done: done");
    assert_eq!(ends("retry"), "retry retry retry retry: dead");
    // The same code on the same bytes will mostly trap again, so it gets one more attempt only.
    assert_eq!(ends("panic"), "trapped trapped: dead");
    assert_eq!(ends("reject"), "rejected: dead");
}

#[test]
fn a_neighbour_goes_on_while_others_do_their_worst() {
    let host = host();
    let words = [
        "loop",
        "sleep",
        "hog",
        "grow",
        "hostcalls",
        "flood",
        "recurse",
        "loop",
    ];
    let posted: Vec<String> = words
        .iter()
        .map(|word| {
            let event = event("repo", "update", &format!("a/{word}"));
            host.hub().deliver(&event).to("/webhooks/long").send().id()
        })
        .collect();
    // While they run, each of the neighbour's deliveries is handled soon.
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(
            post(&host, "guest-counter", "x").run("guest-counter")["outcome"],
            "done"
        );
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }
    // And all of them come to their end.
    for id in posted {
        eventually(Duration::from_secs(15), || {
            (host.delivery(&id)["state"] != "pending").then_some(())
        });
    }
    assert_eq!(host.hub().request("GET", "/readyz").send().status, 200);
}

#[test]
fn a_run_without_a_host_ends_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let grant = folder.path().join("grant.toml");
    std::fs::write(&grant, "fuel = 20_000_000\n").unwrap();
    for (word, code, outcome) in [
        ("ok", 0, "done"),
        ("ignore", 0, "ignored"),
        ("loop", 1, "out-of-fuel"),
        ("panic", 1, "trapped"),
        ("exit0", 1, "rejected"),
        ("retry", 1, "retry"),
    ] {
        let file = folder.path().join("event.json");
        std::fs::write(
            &file,
            event("repo", "update", &format!("a/{word}")).to_string(),
        )
        .unwrap();
        let ran = Cli::new(&["run"])
            .arg(component("guest-hostile"))
            .arg(&file)
            .arg("--grant")
            .arg(&grant)
            .arg("--json")
            .run();
        assert_eq!(
            (ran.code, &ran.json()["outcome"]),
            (Some(code), &outcome.into()),
            "{word}: {ran:?}"
        );
    }
}
