//! JavaScript: a project as `new` makes it, and what becomes of it under the real host.

mod slack_notify;
pub mod tools;

use hookbox_tests::{Cli, DevBuilder, Host, event, eventually_or, told, workspace};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use tools::{PATIENCE, built, project, tested};

/// The longest that a run may take.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_new_project_passes_its_test_and_handles_a_sample_as_it_is() {
    let folder = TempDir::new().unwrap();
    let project = project(folder.path(), "greeter");
    assert!(tested(&project).contains("ok 1 - whoever comments is greeted"));
    let mut dev = DevBuilder::of(&project).start();
    dev.says("greeter 0.1.0 is loaded (sha256:");
    let sent = Cli::new(&["send", "discussion-comment", "--to"]);
    sent.arg(format!("{}/webhooks", dev.url())).run().ok();
    dev.says("greeter  done  hello 61d2000c3c2083e1c08af22d  ");
    // A mistake does not take away what is served, and is told in a line.
    dev.save("src/plugin.js", "const broken = {;\n");
    dev.says("the version before goes on");
    let told = dev.stderr();
    assert!(told.contains("src/plugin.js:1:17 SyntaxError"), "{told}");
    let ran = Cli::new(&["run", ".hookbox/plugins/greeter.wasm", "discussion-comment"]);
    let ran = ran.folder(&project).within(PATIENCE).run().ok().stdout;
    assert!(ran.contains("hello 61d2000c3c2083e1c08af22d"), "{ran}");
}

#[test]
fn the_helper_does_what_its_description_says() {
    let folder = TempDir::new().unwrap();
    let project = project(folder.path(), "helped");
    let tests = workspace().join("tests/languages/javascript/helper.test.js");
    std::fs::copy(tests, project.join("test/helper.test.js")).unwrap();
    let said = tested(&project);
    assert!(said.contains("# fail 0") && said.contains("the handler that wins is the host's"));
}

#[test]
fn what_does_not_build_is_told_in_a_few_lines() {
    let folder = TempDir::new().unwrap();
    let project = project(folder.path(), "broken");
    let plugin = std::fs::read_to_string(project.join("src/plugin.js")).unwrap();
    let fails = |text: &str| {
        std::fs::write(project.join("src/plugin.js"), text).unwrap();
        let build = Cli::new(&["build", "-o", "built"])
            .folder(&project)
            .within(PATIENCE)
            .run();
        let told = build.exits(1).stderr;
        assert!(told.lines().count() < 14, "{told}");
        assert!(
            told.contains("error: .: the plugin does not build"),
            "{told}"
        );
        told
    };
    let told = fails(&format!("{plugin}\nexport const LUCK = Math.random();\n"));
    assert!(told.contains("move it into a handler"), "{told}");
    let told = fails(&plugin.replace("discussion.comment", "discusion.comment"));
    assert!(
        told.contains("did you mean \"discussion.comment\"?"),
        "{told}"
    );
    assert!(told.contains("at src/plugin.js:5:"), "{told}");
    let told = fails(&format!("{plugin}\nimport leftPad from \"left-pad\";\n"));
    assert!(told.contains("packages of npm are to be bundled"), "{told}");
    let told = fails("export const greet = 5;\n");
    assert!(
        told.contains("doesn't provide an export named: 'default'"),
        "{told}"
    );
}

/// Puts a component into a host's folder, and waits until it is compiled.
pub fn compiled(host: &Host, name: &str, component: Vec<u8>) {
    host.put(&format!("{name}.wasm"), component);
    let loaded = || {
        let plugin = host.find_plugin(name)?;
        (plugin["state"] == "loaded").then_some(())
    };
    let found = eventually_or(PATIENCE, loaded);
    assert!(found.is_some(), "it is not loaded\n{}", host.log());
}

/// A host with the plugin that does what comments say.
struct Doer {
    host: Host,
}

impl Doer {
    /// How each attempt at this deed ended, and what the last one said.
    #[track_caller]
    fn does(&self, deed: &str) -> (String, String) {
        let mut payload = event("discussion.comment", "create", "my-org/demo");
        payload["comment"]["content"] = json!(deed);
        self.handles(&payload)
    }

    #[track_caller]
    fn handles(&self, payload: &Value) -> (String, String) {
        let answer = self.host.hub().deliver(payload).send();
        assert_eq!(answer.status, 202, "{}", answer.body);
        let run = eventually_or(SOON, || {
            let run = self.host.delivery(&answer.id())["runs"][0].clone();
            let attempts = run["attempts"].as_array()?;
            let is_over = attempts.last()?["outcome"].is_string();
            is_over.then_some(run)
        });
        let run = run.unwrap_or_else(|| panic!("nothing came of it\n{}", self.host.log()));
        let (outcomes, said) = told(&run);
        (outcomes.first().cloned().unwrap_or_default(), said)
    }

    #[track_caller]
    fn check(&self, deed: &str, outcome: &str, said: &str) {
        let came = self.does(deed);
        assert_eq!(came.0, outcome, "{deed}: {}", came.1);
        assert!(came.1.contains(said), "{deed}: {}", came.1);
    }
}

#[test]
fn a_plugin_in_javascript_has_the_outcomes_and_the_abilities_of_any_other() {
    let folder = TempDir::new().unwrap();
    let project = project(folder.path(), "doer");
    let deeds = workspace().join("tests/languages/javascript/deeds.js");
    std::fs::copy(deeds, project.join("src/plugin.js")).unwrap();
    let component = built(&project);
    assert!(component.len() < 16 << 20, "{} bytes", component.len());
    let grant = "[config]\nlabel = \"x\"\n[state]\n";
    let host = Host::with(&[]).grant("doer", grant).start();
    let doer = Doer { host };
    compiled(&doer.host, "doer", component);
    outcomes(&doer);
    abilities(&doer);
    let pushed = event("repo.content", "update", "my-org/demo");
    let seen = ("done".to_owned(), "main updated".to_owned());
    assert_eq!(doer.handles(&pushed), seen);
    let told = Cli::new(&["inspect", "built/doer.wasm"]).folder(&project);
    let told = told.within(PATIENCE).run().ok().stdout;
    for fact in [
        "version       0.1.0",
        "Does what comments say",
        "subscribes to repo (move)",
        "ComponentizeJS 0.23.0, JavaScript",
    ] {
        assert!(told.contains(fact), "no `{fact}` in {told}");
    }
}

fn outcomes(doer: &Doer) {
    doer.check("text", "done", "a text");
    doer.check("ignored", "ignored", "not ours");
    doer.check("throws", "retry", "it broke: underneath");
    doer.check("mistake", "retry", "TypeError: can't access property");
    doer.check("rejected promise", "retry", "too late");
    doer.check("reject", "rejected", "never");
    doer.check("retry", "retry", "not yet");
    // Within the default fuel.
    doer.check("long answer", "done", "… (16384 of 65536 characters)");
    doer.check("long lines", "rejected", "… (16384 of 20000 characters)");
    doer.check("fetch", "retry", "a plugin has no fetch()");
    doer.check("caught fetch", "done", "caught a plugin has no fetch()");
    let words = "POST https://example.org/x: the grant does not allow it";
    doer.check("denied", "retry", words);
    doer.check("caught denied", "done", "caught denied");
    doer.check(
        "missing",
        "retry",
        "add `greeting = \"…\"` under `[config]`",
    );
    doer.check("memory", "out-of-memory", "");
    doer.check("endless", "out-of-fuel", "");
}

fn abilities(doer: &Doer) {
    doer.check("config", "done", "{\"label\":\"x\"}");
    doer.check("count", "done", "1 é comments,last");
    // What a rejected attempt wrote is kept, as with any plugin.
    doer.check("count and fail", "rejected", "2");
    doer.check("count", "done", "3 é");
    doer.check("sleep", "done", "slept");
    doer.check("random", "done", "36");
    doer.check("logs", "done", "now");
}
