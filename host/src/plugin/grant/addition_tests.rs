//! What is added to grants, and that it is no more than was agreed to.

use super::*;
use crate::plugin::{Grant, Want};

const PLENTY: usize = 4 << 30;

fn want(kind: &str, name: &str, detail: &str, reason: &str) -> Want {
    Want {
        kind: kind.to_owned(),
        name: name.to_owned(),
        detail: detail.to_owned(),
        required: true,
        reason: reason.to_owned(),
    }
}

/// A grant with what gives a want added to it.
#[track_caller]
fn given(want: &Want, text: &str) -> String {
    let grant = Grant::parse(text, PLENTY).unwrap();
    let lacking = want.lacking(&grant).expect("something is missing");
    let mut addition = lacking.addition.unwrap();
    if let Addition::Setting { value, .. } = &mut addition {
        *value = "a \"value\"".to_owned();
    }
    let added = addition.added_to(text, None);
    let after = Grant::parse(&added, PLENTY).unwrap_or_else(|error| panic!("{error}\n{added}"));
    assert_eq!(want.lacking(&after), None, "{added}");
    added
}

const BOT: &str =
    r#"{"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write"}"#;

#[test]
fn a_host_is_added_to_an_empty_grant() {
    let want = want("http", "huggingface.co", BOT, "it answers comments");
    insta::assert_snapshot!(given(&want, ""), @r#"
    # it answers comments
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/api/**"]
    bearer = "env:HF_TOKEN"   # a token that may write
    "#);
    let slack = super::tests::want("http", "api.slack.com:8443", r#"{"credential":""}"#, "");
    insta::assert_snapshot!(given(&slack, "fuel = 1"), @r#"
    fuel = 1

    [[http]]
    host = "api.slack.com:8443"
    paths = ["/**"]
    bearer = "env:TOKEN_OF_API_SLACK_COM"
    "#);
}

#[test]
fn what_an_entry_does_not_give_comes_before_it_as_near_and_as_closely_bound() {
    let want = want("http", "localhost:8080", BOT, "");
    let text = "# mine\n[match]\nrepo = [\"a/*\"]\n\n# the mirror\n[[http]]\nhost = \"localhost:8080\"   # here\nmethods = [\"GET\"]\npaths = [\"/api/x\"]\nscheme = \"http\"\nprivate = true\nrequests = 3\nwrites-per-hour = 4\nresponse-max = \"5KiB\"\ntimeout = \"6s\"\nheader = { name = \"X-Key\", value = \"file:/k\" }\n\n[state]\n";
    insta::assert_snapshot!(given(&want, text), @r#"
    # mine
    [match]
    repo = ["a/*"]

    [[http]]
    host = "localhost:8080"
    methods = ["POST"]
    paths = ["/api/**"]
    header = { name = "x-key", value = "file:/k" }   # a token that may write
    scheme = "http"
    private = true
    requests = 3
    writes-per-hour = 4
    response-max = "5120B"
    timeout = "6s"

    # the mirror
    [[http]]
    host = "localhost:8080"   # here
    methods = ["GET"]
    paths = ["/api/x"]
    scheme = "http"
    private = true
    requests = 3
    writes-per-hour = 4
    response-max = "5KiB"
    timeout = "6s"
    header = { name = "X-Key", value = "file:/k" }

    [state]
    "#);
}

#[test]
fn a_credential_counts_although_an_entry_without_one_is_there() {
    let want = want("http", "huggingface.co", BOT, "");
    let text = "[[http]]\nhost = \"huggingface.co\"\nmethods = [\"GET\", \"POST\"]\n";
    insta::assert_snapshot!(given(&want, text), @r#"
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/api/**"]
    bearer = "env:HF_TOKEN"   # a token that may write

    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    "#);
}

#[test]
fn settings_and_state_are_added_where_they_belong() {
    let setting = want("config", "name", "", "");
    insta::assert_snapshot!(given(&setting, ""), @r#"
    [config]
    name = "a \"value\""
    "#);
    insta::assert_snapshot!(given(&setting, "[config]   # mine\nmodel = \"m\"\n\n[state]\n"), @r#"
    [config]   # mine
    name = "a \"value\""
    model = "m"

    [state]
    "#);
    let odd = want("config", "two words\n[state]", "", "");
    insta::assert_snapshot!(given(&odd, ""), @r#"
    [config]
    "two words\n[state]" = "a \"value\""
    "#);
    let state = want("state", "what was answered", "", "");
    insta::assert_snapshot!(given(&state, "fuel = 5\n"), @"
    fuel = 5

    # what was answered
    [state]
    ");
}

#[test]
fn what_a_plugin_says_stays_in_its_place() {
    // Given a plugin that would write into its own grant
    let sly = "x\n[[http]]\nhost = \"evil.example\"\u{7f}\u{202e}";
    let wish = serde_json::json!({ "credential": sly }).to_string();
    for want in [
        want("http", "huggingface.co", &wish, sly),
        want("config", sly, "", sly),
        want("state", sly, "", sly),
    ] {
        // When what it wants is added
        let added = given(&want, "");
        // Then it is given that and nothing else
        let grant = Grant::parse(&added, PLENTY).unwrap();
        let hosts: Vec<String> = (grant.http.iter().map(|grant| grant.entry().name())).collect();
        assert!(hosts.iter().all(|host| host == "huggingface.co"), "{added}");
        assert!(
            !added.contains('\u{202e}') || want.kind == "config",
            "{added}"
        );
    }
}

#[test]
fn a_grant_in_another_form_is_left_to_its_operator() {
    // Given settings in the one form in which no line can be added to them
    let setting = want("config", "name", "", "");
    let text = "config = { model = \"m\" }\n";
    let grant = Grant::parse(text, PLENTY).unwrap();
    let addition = setting.lacking(&grant).unwrap().addition.unwrap();
    // Then what comes of it is no grant, which is seen before anything is written
    Grant::parse(&addition.added_to(text, None), PLENTY).unwrap_err();
}
