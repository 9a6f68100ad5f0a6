//! What a plugin keeps: it is there for the next attempt, it is right whoever writes beside it, it never grows past
//! what its operator gave, and it is nobody else's.

use hookbox_tests::{Answer, Host, Shared, event, eventually, met};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

static HOST: Shared = Shared::new();

const STATE: &str = "retry = { attempts = 1 }\n[state]\n";

/// One host with the same guest under several names.
fn host() -> Arc<Host> {
    HOST.get(|| {
        Host::with(&[])
            .plugin_as("keeper", "guest-keeper")
            .grant("keeper", STATE)
            .plugin_as("other", "guest-keeper")
            .grant("other", STATE)
            .plugin_as("small", "guest-keeper")
            .grant("small", &format!("{STATE}bytes = \"1KiB\"\nkeys = 3\n"))
            .plugin_as("none", "guest-keeper")
            .grant("none", "retry = { attempts = 1 }\n")
            .plugin_as("poor", "guest-keeper")
            .grant("poor", &format!("fuel = 20_000_000\n{STATE}"))
            .start()
    })
}

fn post(host: &Host, plugin: &str, steps: &str) -> Answer {
    let event = event("repo", "update", &format!("a/{steps}"));
    let hub = host.hub();
    hub.deliver(&event)
        .to(&format!("/webhooks/{plugin}"))
        .wait(20)
        .send()
}

/// What a plugin came to in its first attempt at some steps.
fn attempt(host: &Host, plugin: &str, steps: &str) -> Value {
    host.delivery(&post(host, plugin, steps).id())["runs"][0]["attempts"][0].clone()
}

/// What it said.
#[track_caller]
fn said(host: &Host, plugin: &str, steps: &str) -> String {
    let attempt = attempt(host, plugin, steps);
    assert_eq!(attempt["outcome"], "done", "{attempt:#}");
    attempt["output"].as_str().unwrap().to_owned()
}

#[test]
fn what_a_plugin_keeps_is_there_for_its_next_run_and_for_nobody_else() {
    let host = host();
    assert_eq!(
        said(&host, "keeper", "get:kept,set:kept:this,get:kept,has:kept"),
        "none; set; this; true"
    );
    assert_eq!(said(&host, "keeper", "get:kept,inc:kept-n:5"), "this; 5");
    assert_eq!(said(&host, "keeper", "inc:kept-n:2,get:kept-n"), "7; 7");
    // The same component under another name has its own.
    assert_eq!(said(&host, "other", "get:kept,list"), "none; []");
    assert_eq!(said(&host, "keeper", "del:kept,has:kept"), "deleted; false");
    assert_eq!(said(&host, "keeper", "get:kept"), "none");
}

#[test]
fn how_much_of_its_quota_a_plugin_uses_is_shown() {
    // Given a plugin that keeps something, one that may, and one that keeps what it is not granted any more
    let host = Host::with(&["hello"])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", &format!("{STATE}bytes = \"1KiB\"\nkeys = 3\n"))
        .plugin_as("may", "guest-keeper")
        .grant("may", STATE)
        .plugin_as("once", "guest-keeper")
        .grant("once", STATE)
        .start();
    said(&host, "keeper", "set:ab:cde,set:f:g");
    said(&host, "once", "fill:a:2000");
    host.put("once.toml", "");
    // Then each is told in words, in JSON, and by metrics
    let usage = |plugin: &str| host.plugin(plugin)["state_usage"].clone();
    host.plugin_when("once", |plugin| plugin["state_usage"]["keys_max"].is_null());
    assert_eq!(
        usage("keeper"),
        json!({ "keys": 2, "bytes": 7, "keys_max": 3, "bytes_max": 1024 })
    );
    assert_eq!(usage("hello"), Value::Null);
    let shown = host.cli(&["plugins"]).ok().stdout;
    for told in [
        "KEEPS",
        "2 of 3 keys, 7 B of 1.0 KiB",
        "0 of 10000 keys, 0 B of 16.0 MiB",
        "1 key, 2.0 KiB, and is granted none",
    ] {
        assert!(shown.contains(told), "{shown}");
    }
    let metrics = host.admin().get("/metrics").send().body;
    for told in ["keys{plugin=\"keeper\"} 2", "bytes{plugin=\"once\"} 2001"] {
        assert!(
            metrics.contains(&format!("hookbox_state_{told}\n")),
            "{metrics}"
        );
    }
    let page = host.admin().get("/").send().body;
    assert!(page.contains("keeps 2 of 3 keys, 7 B of 1.0 KiB"), "{page}");
}

#[test]
fn what_is_kept_outlives_a_restart() {
    let mut host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", "[state]\n")
        .start();
    let count = |host: &Host| post(host, "keeper", "inc:n:1").run("keeper")["output"].clone();
    assert_eq!(count(&host), "1");
    host.stop();
    host.restart();
    assert_eq!(count(&host), "2");
    host.kill();
    host.restart();
    assert_eq!(count(&host), "3");
}

#[test]
fn without_a_grant_there_is_no_store_and_with_one_there_is_only_its_own() {
    let host = host();
    assert_eq!(
        said(&host, "none", "open:,open:default,get:a"),
        "access denied; access denied; access denied"
    );
    assert_eq!(
        said(&host, "other", "open:,open:default,open:keeper"),
        "open; open; no such store"
    );
}

#[test]
fn what_was_written_is_kept_of_a_rejection_and_dropped_with_a_retry_or_a_failure() {
    let host = host();
    for (end, outcome, kept) in [
        ("ignore", "ignored", "5"),
        ("reject", "rejected", "5"),
        ("retry", "retry", "none"),
        ("exit", "trapped", "none"),
    ] {
        let ended = attempt(&host, "keeper", &format!("set:of-{end}:5,{end}"));
        assert_eq!(ended["outcome"], outcome, "{ended:#}");
        assert_eq!(
            said(&host, "keeper", &format!("get:of-{end}")),
            kept,
            "{end}"
        );
    }
}

#[test]
fn a_quota_is_said_to_the_plugin_that_would_exceed_it() {
    let host = host();
    let refused = said(&host, "small", "fill:a:1000,fill:b:100,get:b");
    let expected = "set; refused: state quota: with this there would be 2 keys and 1102 bytes, [state] in the grant \
                    allows 3 and 1024; delete some, or have it raised; none";
    assert_eq!(refused, expected);
    let keys = said(&host, "small", "set:b:,set:c:,set:d:");
    assert!(
        keys.starts_with("set; set; refused: state quota: with this there would be 4 keys"),
        "{keys}"
    );
    // What it gives up it has again.
    assert_eq!(
        said(&host, "small", "del:a,fill:d:900,list"),
        "deleted; set; [b c d]"
    );
}

#[test]
fn two_attempts_that_pass_each_other_both_count_and_the_one_that_lost_is_shown() {
    // Given a counter that two attempts read at the same time
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", "[state]\n")
        .start();
    let steps = event("repo", "update", "a/get:n,wait:3000,inc:n:1");
    let other = event("repo", "update", "a/get:n,wait:3000,inc:n:1");
    let ids = [&steps, &other].map(|event| host.hub().deliver(event).send().id());
    // When both have come to their end
    let runs = ids.map(|id| {
        eventually(Duration::from_secs(20), || {
            let run = host.delivery(&id)["runs"][0].clone();
            (run["state"] == "done").then_some(run)
        })
    });
    // Then none was missed
    let sum = post(&host, "keeper", "get:n").run("keeper")["output"].clone();
    assert_eq!(sum, "2");
    // And the attempt that was overtaken is kept, says why it was made again, and did not count as a failure
    let attempts = |run: &Value| run["attempts"].as_array().unwrap().clone();
    let all: Vec<Value> = runs.iter().flat_map(attempts).collect();
    let lost: Vec<&Value> = all
        .iter()
        .filter(|one| one["outcome"] == "conflict")
        .collect();
    assert_eq!((all.len(), lost.len()), (3, 1), "{all:#?}");
    met(
        lost[0],
        "conflict",
        "another attempt changed the plugin state",
    );
    assert_eq!(lost[0]["output"], Value::Null);
}

#[test]
fn a_thousand_steps_of_a_counter_in_attempts_side_by_side_are_a_thousand() {
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", "concurrency = 2\n[state]\n")
        .start();
    let ids: Vec<String> = (0..20)
        .map(|_| {
            let event = event("repo", "update", "a/each:n:50");
            host.hub().deliver(&event).send().id()
        })
        .collect();
    for id in ids {
        eventually(Duration::from_secs(20), || {
            (host.delivery(&id)["state"] == "settled").then_some(())
        });
    }
    let sum = post(&host, "keeper", "get:n").run("keeper")["output"].clone();
    assert_eq!(sum, "1000");
}

#[test]
fn a_long_list_comes_in_pages_with_what_the_attempt_wrote_itself() {
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", "[state]\n")
        .start();
    let told = |steps: &str| {
        let run = post(&host, "keeper", steps).run("keeper");
        run["output"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(told("many:k:700"), "700 keys");
    assert_eq!(told("list"), "2 pages, 700 keys, k00000 to k00699");
    assert_eq!(
        told("set:z:,del:k00000,list"),
        "set; deleted; 2 pages, 700 keys, k00001 to z"
    );
}

#[test]
fn a_quota_that_is_used_up_meanwhile_makes_the_attempt_conflict_and_then_say_so() {
    // Given room for one more key, and two attempts that both find it free
    let host = Host::with(&[])
        .plugin_as("keeper", "guest-keeper")
        .grant("keeper", "[state]\nkeys = 1\n")
        .start();
    let ids = ["first", "second"].map(|key| {
        let steps = format!("a/set:{key}:x,wait:700");
        let event = event("repo", "update", &steps);
        host.hub().deliver(&event).send().id()
    });
    let runs = ids.map(|id| {
        eventually(Duration::from_secs(10), || {
            let run = host.delivery(&id)["runs"][0].clone();
            (run["state"] == "done").then_some(run)
        })
    });
    // Then one has it, and the other one was told when it was made again
    let mut outputs: Vec<String> = runs
        .iter()
        .filter_map(|run| run["attempts"].as_array()?.last()?["output"].as_str())
        .map(str::to_owned)
        .collect();
    outputs.sort();
    assert_eq!(outputs[1], "set; waited");
    assert!(outputs[0].starts_with("refused: state quota: with this there would be 2 keys"));
    let listed = post(&host, "keeper", "list").run("keeper")["output"].clone();
    assert!(["[first]", "[second]"].contains(&listed.as_str().unwrap()));
}

#[test]
fn looking_costs_fuel_and_keys_and_values_have_bounds() {
    let host = host();
    let poor = attempt(&host, "poor", "looks:a:3000");
    met(&poor, "out-of-fuel", "fuel");
    assert_eq!(said(&host, "poor", "looks:a:1000"), "1000 looks");
    let large = said(&host, "keeper", "fill:large:1048577");
    assert!(large.contains("a value has at most 1 MiB"), "{large}");
    let long = said(&host, "keeper", "key::1025,key::0,key::1024");
    let told = "refused: a key has 1 to 1024 bytes, this one has";
    assert_eq!(long, format!("{told} 1025; {told} 0; set"));
    // A copy of a megabyte is a megabyte of fuel.
    let copy = attempt(&host, "keeper", "fill:big:1000000,get:big");
    let fuel = copy["fuel"].as_u64().unwrap();
    assert!(fuel > 2_000_000, "{copy:#}");
}
