//! The calls against answers of the documented shapes (`sdk/answers`): what is asked, and what is read.

mod changing;
mod failing;
mod reading;

use serde_json::Value;

use super::*;
use crate::testing::FakeHub;

/// One of the answers in `sdk/answers`.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/answers/", $name))
    };
}
use sample;

/// The Hub's place of the model that the tests are about.
const MODEL: &str = "/api/models/some-user/some-repo";

fn model() -> Repo {
    Repo::model("some-user/some-repo").unwrap()
}

fn client() -> Client {
    Client::new().unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A Hub that has one answer.
fn hub(method: &str, path: &str, answer: &str) -> FakeHub {
    let hub = FakeHub::start();
    hub.answers(method, path, &json(answer));
    hub
}

#[test]
fn a_plugin_reaches_the_hub_that_its_settings_name() {
    let hub = hub("GET", "/api/whoami-v2", sample!("whoami.json"));
    assert!(client().whoami().is_ok());
    let urls = |hub: &FakeHub| -> Vec<String> {
        let requests = hub.requests().into_iter();
        requests.map(|request| request.url().to_owned()).collect()
    };
    assert_eq!(urls(&hub), ["https://huggingface.co/api/whoami-v2"]);
    let _config = crate::testing::config([
        ("hub-endpoint", "http://LOCALHOST:8080/"),
        ("router-endpoint", "https://router.example.org:443"),
    ]);
    assert_eq!(client().router(), "https://router.example.org");
    assert!(client().whoami().is_ok());
    assert_eq!(
        urls(&hub).last().map(String::as_str),
        Some("http://localhost:8080/api/whoami-v2")
    );
}

#[test]
fn a_setting_that_names_no_host_is_told() {
    for wrong in [
        "huggingface.co",
        "https://huggingface.co/api",
        "ftp://x",
        "https://a@b",
        "",
    ] {
        let _config = crate::testing::config([("hub-endpoint", wrong)]);
        let error = Client::new().unwrap_err().to_string();
        assert!(
            error.contains("`hub-endpoint` is not `https://`"),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn no_call_carries_a_credential_of_its_own() {
    let hub = hub(
        "POST",
        &format!("{MODEL}/discussions"),
        sample!("opened.json"),
    );
    client()
        .open_discussion(&model(), "A title", "text")
        .unwrap();
    let requests = hub.requests();
    let names: Vec<_> = requests[0]
        .headers()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(names, ["content-type"]);
}

#[test]
fn names_of_repos_stay_in_their_place() {
    for name in ["gpt2", "openai-community/gpt2", "a/b.c_d-e"] {
        assert!(Repo::model(name).is_ok(), "{name}");
    }
    for name in [
        "", "/", "a/", "/b", "a/b/c", "a/..", "../b", "a b", "a%2fb", "a/b?c", "a/b#c", "a\\b",
        "é/b", ".git/x", "a/-b",
    ] {
        assert!(Repo::space(name).is_err(), "{name}");
    }
    assert!(Repo::dataset(&"a".repeat(201)).is_err());
}

#[test]
fn the_repo_of_an_event_is_known_without_its_payload() -> crate::Result<()> {
    let repo = Repo::of(&crate::Event::sample("repo-content")?)?;
    assert_eq!(
        (repo.kind(), repo.to_string()),
        (RepoKind::Model, "some-user/some-repo".to_owned())
    );
    let space = Repo::of(&crate::Event::sample("repo-content-pr")?)?;
    assert_eq!(space.kind(), RepoKind::Space);
    let bucket = Repo::of(&crate::Event::sample("bucket-content")?).unwrap_err();
    assert_eq!(
        bucket.to_string(),
        "a repo of the type `bucket` has no discussions and no commits"
    );
    Ok(())
}
