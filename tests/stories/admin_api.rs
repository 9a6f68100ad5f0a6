//! The admin API: what it shows and does, as its OpenAPI document says.

use hookbox_tests::{Host, Operator, departures, event, eventually, keys, resolved, workspace};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Longer than a run takes, with a second attempt.
const SOON: Duration = Duration::from_secs(20);

fn comment(repo: &str) -> Value {
    event("discussion.comment", "create", repo)
}

fn posted(host: &Host, event: &Value) -> String {
    host.hub().deliver(event).wait(20).send().id()
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Follows a list to its end; returns the ids of each part.
fn parts(operator: &Operator, path: &str) -> Vec<Vec<String>> {
    let (mut path, mut parts) = (path.to_owned(), Vec::new());
    loop {
        let answer = operator.get(&path).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        parts.push(ids(&answer.json()));
        let Some(link) = answer.header("link") else {
            return parts;
        };
        let (next, rel) = link.split_once(">; ").unwrap();
        assert_eq!(rel, "rel=\"next\"");
        path = next.trim_start_matches('<').to_owned();
    }
}

fn document() -> Value {
    let text = std::fs::read_to_string(workspace().join("host/src/admin/openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_documented_path_answers_as_documented() {
    // Given a host with a plugin that runs, one that does not, a failed run, and a refused request
    let host = Host::with(&["hello", "guest-hostile", "guest-wants-http"]).start();
    let id = posted(&host, &comment("a/panic"));
    let operator = host.admin();
    operator.ask("GET", "/api/v1/health").bearer("wrong").send();
    let run = operator.json("/api/v1/runs")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let document = document();
    assert_eq!(operator.json("/api/v1/openapi.json"), document);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let id = if path.starts_with("/runs") { &run } else { &id };
        let asked = path
            .replace("{id}", id)
            .replace("{n}", "1")
            .replace("{name}", "hello");
        let asked = format!("/api/v1{asked}");
        for (method, documented) in methods.as_object().unwrap() {
            // When each is asked with the token, without it, and for what is not there
            let answers = match method.as_str() {
                "post" => vec![
                    operator.post(&asked, "").send(),
                    operator.post(&asked, "{\"plugin\":\"helo\"}").send(),
                    operator.post(&asked, "{\"plugins\":1}").send(),
                    operator.ask("POST", &asked).send(),
                ],
                _ => vec![
                    operator.get(&asked).send(),
                    operator.get(&format!("{asked}?nothing=1")).send(),
                    operator.ask("GET", &asked).send(),
                    operator
                        .get(&asked.replace(&*run, "x").replace("hello", "x"))
                        .send(),
                ],
            };
            // Then each answer is one of those that are documented, and looks like it
            assert!((200..300).contains(&answers[0].status), "{:?}", answers[0]);
            for answer in answers {
                let response = &documented["responses"][answer.status.to_string()];
                let response = resolved(&document, response);
                let schema = &response["content"]["application/json"]["schema"];
                assert!(schema.is_object(), "{method} {path}: {answer:?}");
                let departures = departures(&document, schema, &answer.json());
                assert!(departures.is_empty(), "{method} {path}: {departures:#?}");
            }
        }
    }
}

#[test]
fn a_departure_from_the_document_is_found() {
    let document = document();
    let schema = &document["components"]["schemas"]["Health"];
    let host = Host::with(&["guest-wants-http"]).start();
    let mut health = host.admin().json("/api/v1/health");
    assert!(departures(&document, schema, &health).is_empty());
    health["plugins_not_running"][0]["state"] = json!("asleep");
    health["refused"] = health["refused_requests"].take();
    health["version"] = json!(1);
    let found = departures(&document, schema, &health).join("\n");
    for part in [
        "[0].state: \"asleep\" is not one of",
        "refused_requests: null is not",
        "refused is not documented",
        "version: 1 is not",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn every_path_that_there_is_is_documented() {
    let source = std::fs::read_to_string(workspace().join("host/src/admin/api.rs")).unwrap();
    let routes: BTreeSet<&str> = source
        .split(".route(")
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1))
        .collect();
    let document = document();
    let documented = document["paths"].as_object().unwrap().keys();
    assert_eq!(
        documented.map(String::as_str).collect::<BTreeSet<_>>(),
        routes
    );
    assert!(routes.len() > 10, "{routes:?}");
}

#[test]
fn the_api_shows_what_the_commands_print() {
    let host = Host::with(&["hello", "guest-hostile"]).start();
    let id = posted(&host, &comment("a/panic"));
    eventually(SOON, || {
        (host.delivery(&id)["state"] == "dead").then_some(())
    });
    let operator = host.admin();
    assert_eq!(
        operator.json(&format!("/api/v1/deliveries/{id}")),
        host.delivery(&id)
    );
    assert_eq!(
        operator.json("/api/v1/deliveries"),
        json!(host.deliveries())
    );
    let plugins = host.cli(&["plugins", "--json"]).ok().json();
    assert_eq!(operator.json("/api/v1/plugins"), plugins);
    assert_eq!(operator.json("/api/v1/plugins/hello")["name"], "hello");
    // A run apart from its delivery is the same, and names it.
    let delivery = host.delivery(&id);
    for run in delivery["runs"].as_array().unwrap() {
        let mut expected = run.clone();
        expected["delivery"] = json!(id);
        let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
        assert_eq!(operator.json(&path), expected);
        let attempts = operator.json(&format!("{path}/attempts"));
        assert_eq!(attempts, run["attempts"]);
        assert_eq!(operator.json(&format!("{path}/attempts/1")), attempts[0]);
        assert_eq!(
            operator.get(&format!("{path}/attempts/9")).send().status,
            404
        );
    }
}

#[test]
fn a_list_goes_on_without_gaps_or_repeats_while_more_comes_in() {
    let host = Host::with(&["hello", "commit-log"]).start();
    let mut expected: Vec<String> = (0..7)
        .map(|n| posted(&host, &comment(&format!("a/{n}"))))
        .collect();
    expected.reverse();
    let operator = host.admin();
    // When a list is read in parts, and more comes in after the first
    let first = operator.get("/api/v1/deliveries?limit=3").send();
    posted(&host, &comment("a/later"));
    let link = first.header("link").unwrap();
    let rest = link.split_once('>').unwrap().0.trim_start_matches('<');
    let mut parts_read = vec![ids(&first.json())];
    parts_read.extend(parts(&operator, rest));
    // Then the parts are the list as it was, and each is as long as was asked for
    let lengths: Vec<usize> = parts_read.iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 3, 1]);
    assert_eq!(parts_read.concat(), expected);
    // And so it is with runs, and with what matches a filter
    let all = parts(&operator, "/api/v1/runs?limit=500").concat();
    assert_eq!(all.len(), 8);
    assert_eq!(
        parts(&operator, "/api/v1/runs?limit=1&plugin=hello&state=done").concat(),
        all
    );
    assert_eq!(
        parts(&operator, "/api/v1/deliveries?limit=2&repo=a%2F3").concat(),
        expected[3..4]
    );
    let by_plugin = parts(
        &operator,
        "/api/v1/deliveries?limit=4&plugin=hello&since=1h&scope=discussion",
    );
    assert_eq!(by_plugin.concat().len(), 8);
    assert!(
        parts(&operator, "/api/v1/deliveries?plugin=commit-log")
            .concat()
            .is_empty()
    );
    assert!(
        parts(&operator, "/api/v1/deliveries?state=dead")
            .concat()
            .is_empty()
    );
}

#[test]
fn a_query_that_cannot_be_used_is_told_and_shows_nothing() {
    let host = Host::with(&[]).start();
    let operator = host.admin();
    let unknown = "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e";
    for (path, reason) in [
        (
            "deliveries?stat=dead",
            "unknown field `stat`, expected one of `limit`",
        ),
        (
            "deliveries?state=deadly",
            "state: not one of pending, settled, dead",
        ),
        ("deliveries?limit=0", "limit: not a number in 1..=500"),
        ("deliveries?limit=501", "limit: not a number in 1..=500"),
        ("deliveries?limit=1&limit=2", "duplicate field `limit`"),
        (
            "deliveries?since=yesterday",
            "since: neither a duration such as 12h",
        ),
        ("deliveries?before=x", "before: not an id"),
        (
            &format!("deliveries?before={unknown}"),
            "before: there is no such delivery",
        ),
        (
            "runs?state=settled",
            "state: not one of pending, running, done",
        ),
        (
            &format!("runs?before={unknown}"),
            "before: there is no such run",
        ),
        ("plugins?limit=1", "unknown field `limit`"),
        ("requests?limit=x", "limit: not a number"),
        ("health?verbose=1", "unknown field `verbose`"),
    ] {
        let answer = operator.get(&format!("/api/v1/{path}")).send();
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(reason), "{path}: {error}");
    }
    for path in [
        "",
        "/",
        "/nothing",
        "/deliveries/",
        "/deliveries/x",
        "/deliveries/%ff",
        "/plugins/x",
    ] {
        let answer = operator.get(&format!("/api/v1{path}")).send();
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.json()["error"].is_string());
    }
    let wrong = operator.post("/api/v1/deliveries", "").send();
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET,HEAD"))
    );
    assert!(wrong.json()["error"].is_string());
}

#[test]
fn a_replay_by_the_api_runs_the_plugin_again() {
    let host = Host::with(&["hello", "commit-log"]).start();
    let id = posted(&host, &comment("a/b"));
    let operator = host.admin();
    let path = format!("/api/v1/deliveries/{id}/replay");
    // When a delivery is replayed, then the new run is told and made
    let answer = operator.post(&path, "").send();
    assert_eq!(answer.status, 201, "{answer:?}");
    let told = answer.json();
    assert_eq!(keys(&told), "id runs skipped");
    let settled = eventually(SOON, || {
        let delivery = host.delivery(&id);
        (delivery["runs"][1]["state"] == "done").then_some(delivery)
    });
    assert_eq!(settled["runs"][1]["id"], told["runs"][0]["id"]);
    assert_eq!(settled["runs"][1]["replay_of"], settled["runs"][0]["id"]);
    // And by one plugin, if it is named
    let named = operator.post(&path, "{\"plugin\":\"hello\"}").send();
    assert_eq!(named.status, 201, "{named:?}");
    // And what cannot be replayed is told with its reason
    let unknown = path.replace(&id, "01990f5e-7c1e-7a43-9d3c-2f6a4b8c9d0e");
    for (path, body, status, reason) in [
        (&unknown, "", 404, "there is no such delivery"),
        (&path, "{\"plugin\":\"helo\"}", 422, "did you mean `hello`?"),
        (
            &path,
            "{\"plugin\":\"commit-log\"}",
            409,
            "commit-log (it does not subscribe to the event)",
        ),
        (&path, "[]", 400, "the body cannot be used"),
        (&path, "{\"plugins\":[]}", 400, "unknown field `plugins`"),
        (
            &path,
            &*"x".repeat(65 * 1024),
            413,
            "larger than 65536 bytes",
        ),
    ] {
        let answer = operator.post(path, body).send();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(reason), "{answer:?}");
    }
    assert_eq!(host.delivery(&id)["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn health_says_what_readiness_does_not() {
    // Given a host with a plugin that waits for its operator, and a delivery to it
    let host = Host::with(&["hello", "guest-wants-http"]).start();
    posted(&host, &comment("a/b"));
    // When it is asked how it does, then it is ready, and what does not run is named with its reason
    let health = host.admin().json("/api/v1/health");
    assert_eq!(
        (&health["ready"], &health["reasons"]),
        (&json!(true), &json!([]))
    );
    let not_running = &health["plugins_not_running"];
    assert_eq!(not_running.as_array().unwrap().len(), 1, "{health:#}");
    assert_eq!(not_running[0]["name"], "guest-wants-http");
    assert_eq!(not_running[0]["state"], "held");
    assert!(not_running[0]["reason"].as_str().unwrap().contains("http"));
    let parked = json!({"runs": 0, "parked": 1, "plugins": [{"plugin": "guest-wants-http", "runs": 0, "parked": 1}]});
    assert_eq!(health["backlog"], parked);
    // And the public listener says ready, and nothing more
    let ready = host.hub().request("GET", "/readyz").send();
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));
}
