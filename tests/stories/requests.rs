//! `hookbox requests`: the first place to look when nothing arrives.

use hookbox_tests::{Cli, Host};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A token that an operator chose.
const TOKEN: &str = "a-token-of-the-stories";

#[test]
fn what_a_running_host_refused_is_shown_newest_first() {
    // Given a host that refused nothing yet
    let host = Host::with(&[]).start();
    let none = host.cli(&["requests"]).ok().stdout;
    assert!(
        none.starts_with("no request was refused since the host started at 20"),
        "{none}"
    );
    // When it refused two requests
    let operator = host.admin();
    operator.ask("GET", "/api/v1/health").bearer("wrong").send();
    operator
        .get("/api/v1/health?secret=x")
        .host("evil.example")
        .send();
    // Then they are shown with time, status, method, path, reason and peer
    let shown = host.cli(&["requests"]).ok().stdout;
    let lines: Vec<&str> = shown.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(head, ["TIME", "STATUS", "METHOD", "PATH", "REASON", "PEER"]);
    assert!(
        lines[1].contains("421") && lines[1].contains("this is no name of the host"),
        "{shown}"
    );
    assert!(
        lines[2].contains("401") && lines[2].contains("the admin token is wrong"),
        "{shown}"
    );
    assert!(
        lines[2].contains("/api/v1/health") && lines[2].contains("127.0.0.1:"),
        "{shown}"
    );
    assert_eq!(lines.len(), 3, "{shown}");
    assert!(
        !shown.contains("secret") && !shown.contains("evil"),
        "{shown}"
    );
    // And `--json` prints what the API shows
    let printed = host.cli(&["requests", "--json"]).ok().json();
    assert_eq!(printed, operator.json("/api/v1/requests"));
    let one = host
        .cli(&["requests", "--json", "--limit", "1"])
        .ok()
        .json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0], printed[0]);
}

#[test]
fn without_a_running_host_it_says_so() {
    // Given a host that was stopped in order, then it took its address with it
    let mut host = Host::with(&[]).start();
    let address = host.data().join("admin.address");
    let mode = std::fs::metadata(&address).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(host.stop(), Some(0));
    assert!(!address.exists());
    let said = host.cli(&["requests"]).exits(1).stderr;
    assert!(
        said.contains("no host serves") && said.contains("'hookbox serve'"),
        "{said}"
    );
    // And where there never was one, it is the same
    let folder = TempDir::new().unwrap();
    let said = Cli::new(&["requests"])
        .folder(folder.path())
        .run()
        .exits(1)
        .stderr;
    assert!(said.contains("no host serves data"), "{said}");
}

#[test]
fn the_token_goes_to_no_other_program() {
    // Given a host that was killed, and another program that has its address now
    let mut host = Host::with(&[]).start();
    let address = host.data().join("admin.address");
    host.kill();
    assert!(address.exists());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/api/v1", other.local_addr().unwrap());
    std::fs::write(&address, base).unwrap();
    // When the command is run, then it asks nobody
    let said = host.cli(&["requests"]).exits(1).stderr;
    assert!(said.contains("no host serves"), "{said}");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err());
    // And a host that starts there again is asked at its own address
    host.restart();
    host.cli(&["requests"]).ok();
}

#[test]
fn it_works_with_the_operators_own_token_and_on_one_listener() {
    let host = Host::with(&[]).env("HOOKBOX_ADMIN_TOKEN", TOKEN);
    let host = host
        .args(&["--admin", "same", "--listen", "0.0.0.0:0"])
        .start();
    let ask = || Cli::new(&["requests"]).arg("--data").arg(host.data());
    let told = ask().env("HOOKBOX_ADMIN_TOKEN", TOKEN).run().ok().stdout;
    assert!(told.starts_with("no request was refused"), "{told}");
    let said = ask().run().exits(1).stderr;
    assert!(
        said.contains("there is no admin token; set HOOKBOX_ADMIN_TOKEN"),
        "{said}"
    );
    let said = ask()
        .env("HOOKBOX_ADMIN_TOKEN", "another-token-of-them")
        .run();
    let said = said.exits(1).stderr;
    assert!(said.contains("the host has another admin token"), "{said}");
    assert!(!said.contains("another-token-of-them"), "{said}");
}
