//! What `docs/deploy/` says, done: the settings of its files, on ports that are free.

use hookbox_tests::{Cli, Host, SECRET, event, workspace};
use std::collections::BTreeMap;

/// A file of `docs/deploy/`.
fn deploy(name: &str) -> String {
    std::fs::read_to_string(workspace().join("docs/deploy").join(name)).unwrap()
}

/// The variables that a container file sets.
fn variables(file: &str) -> BTreeMap<String, String> {
    let joined = file.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = lines.flat_map(str::split_whitespace);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    pairs.map(pair).collect()
}

#[test]
fn a_space_serves_the_hub_and_its_operator_on_its_one_port() {
    // Given the variables of the recipe, and the secrets and the name that a Space adds
    let variables = variables(&deploy("space/Dockerfile"));
    assert_eq!(variables["HOOKBOX_LISTEN"], "0.0.0.0:7860");
    assert!(deploy("space/README.md").contains("app_port: 7860"));
    let host = Host::with(&["hello"])
        .args(&[
            "--listen",
            "0.0.0.0:0",
            "--admin",
            &variables["HOOKBOX_ADMIN"],
        ])
        .env("SPACE_HOST", "me-hookbox.hf.space,hooks.example")
        .env("SPACE_ID", "me/hookbox")
        .env("HOOKBOX_ADMIN_TOKEN", "a-token-of-the-stories")
        .start();
    // When the Hub posts, then it is handled
    let comment = event("discussion.comment", "create", "a/b");
    assert_eq!(host.hub().deliver(&comment).wait(20).send().status, 200);
    // And the landing page names the address of the Space, and the operator is let in there under /admin
    let landing = host.hub().request("GET", "/").send().body;
    assert!(
        landing.contains("https://me-hookbox.hf.space/webhooks"),
        "{landing}"
    );
    let admin = host.admin();
    let page = admin.get("/admin/").host("me-hookbox.hf.space").send();
    assert_eq!(page.status, 200, "{page:?}");
    // Also by the name of one's own that a Space can have besides
    let own = admin.get("/admin/").host("hooks.example").send();
    assert_eq!(own.status, 200, "{own:?}");
    let stranger = admin
        .ask("GET", "/admin/metrics")
        .host("me-hookbox.hf.space")
        .send();
    assert_eq!(stranger.status, 401, "{stranger:?}");
    assert!(!host.log().contains(SECRET));
}

#[test]
fn every_variable_of_the_deploy_files_is_one_that_there_is() {
    let unit = deploy("hookbox.service");
    let in_unit = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment="));
    let in_files = ["Dockerfile", "space/Dockerfile"].map(|file| variables(&deploy(file)));
    let names = in_files.iter().flat_map(BTreeMap::keys).map(String::as_str);
    let names: Vec<&str> = names
        .chain(in_unit.filter_map(|pair| Some(pair.split_once('=')?.0)))
        .collect();
    assert!(names.len() >= 9, "{names:?}");
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        // A value that no setting takes: what is said of the name is what counts.
        let ran = Cli::new(&["check"])
            .folder(folder.path())
            .env(name, "\u{1}")
            .run();
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!told.contains("no such setting"), "{name}: {told}");
    }
}

#[test]
fn a_stop_of_the_unit_takes_longer_than_the_drain() {
    let unit = deploy("hookbox.service");
    let seconds = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let seconds: u32 = seconds.unwrap().parse().unwrap();
    let help = Cli::new(&["serve", "--help"]).run().ok().stdout;
    assert!(
        help.contains("[default: 25s]") && seconds > 25 + 10,
        "{seconds}"
    );
}
