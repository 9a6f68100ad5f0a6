//! Connections of plugins' calls: used again by the plugin that made them, and by nobody else.

use hookbox_tests::{Host, Request, Server, event};
use serde_json::{Value, json};
use std::io::Write as _;

/// The calls of one attempt.
const CALLS: usize = 5;

/// A server that keeps its connections.
fn server() -> Server {
    Server::doing(|stream| {
        loop {
            Request::read(stream)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        }
    })
}

/// Has each plugin make its calls; whether each went over a connection that was used before.
fn reused(host: &Host, server: &Server) -> Vec<(String, Vec<bool>)> {
    let mut asked = event("repo", "update", "a/call");
    asked["calls"] = vec![json!({ "url": server.url("/") }); CALLS].into();
    let answer = host.hub().deliver(&asked).wait(20).send();
    let delivery = host.delivery(&answer.id());
    let runs = delivery["runs"].as_array().unwrap().iter();
    let told = runs.map(|run| {
        let calls = run["attempts"][0]["calls"].as_array().unwrap();
        let reused = |call: &Value| call["reused"].as_bool().unwrap_or_else(|| panic!("{call}"));
        (
            run["plugin"].as_str().unwrap().to_owned(),
            calls.iter().map(reused).collect(),
        )
    });
    told.collect()
}

fn sample(host: &Host, plugin: &str, kind: &str) -> usize {
    let scraped = host.admin().get("/metrics").send().body;
    let name = format!("hookbox_connections_total{{plugin=\"{plugin}\",kind=\"{kind}\"}} ");
    let count = scraped.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn calls_of_several_attempts_share_a_connection_and_plugins_never_do() {
    let server = server();
    let entry = server.entry("");
    let host = Host::with(&[])
        .plugin_as("one", "guest-hostile")
        .grant("one", &entry)
        .plugin_as("other", "guest-hostile")
        .grant("other", &entry)
        .start();
    // When two plugins call the same server, each in two attempts
    let (first, second) = (reused(&host, &server), reused(&host, &server));
    // Then each made one connection of its own, with its first call
    let mut new = vec![true; CALLS];
    new[0] = false;
    for plugin in ["one", "other"] {
        assert!(
            first.contains(&(plugin.to_owned(), new.clone())),
            "{first:?}"
        );
        assert!(
            second.contains(&(plugin.to_owned(), vec![true; CALLS])),
            "{second:?}"
        );
        assert_eq!(
            (
                sample(&host, plugin, "new"),
                sample(&host, plugin, "reused")
            ),
            (1, 2 * CALLS - 1)
        );
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_grant_that_is_changed_begins_with_connections_of_its_own() {
    let server = server();
    let host = Host::with(&[])
        .plugin_as("caller", "guest-hostile")
        .grant("caller", &server.entry(""))
        .start();
    reused(&host, &server);
    // What was connected under rules that no longer count is used by nobody
    host.replace(
        "plugins/caller.toml",
        &server.entry("methods = [\"GET\", \"POST\"]"),
    );
    let told = hookbox_tests::eventually(std::time::Duration::from_secs(10), || {
        let told = reused(&host, &server);
        (!told[0].1[0]).then_some(told)
    });
    assert!(told[0].1[1..].iter().all(|reused| *reused), "{told:?}");
    assert_eq!(server.connections(), 2);
}
