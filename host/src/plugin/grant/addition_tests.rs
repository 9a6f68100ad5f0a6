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

/// A grant with all added to it that a want lacks.
#[track_caller]
fn given(want: &Want, text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..4 {
        let grant = Grant::parse(&text, PLENTY).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let Some(lacking) = want.lacking(&grant) else {
            return text;
        };
        let mut addition = lacking.addition.unwrap();
        if let Addition::Setting { value, .. } = &mut addition {
            *value = "a \"value\"".to_owned();
        }
        text = addition
            .added_to(&text, None)
            .expect("there is a place for it");
    }
    panic!("{want:?} still lacks something in\n{text}");
}

/// The first that a want lacks of a grant, added to it.
fn added(want: &Want, text: &str) -> Option<String> {
    let grant = Grant::parse(text, PLENTY).unwrap();
    let lacking = want.lacking(&grant).expect("something is missing");
    lacking.addition.unwrap().added_to(text, None)
}

const BOT: &str =
    r#"{"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write"}"#;

#[test]
fn a_host_is_added_to_an_empty_grant() {
    let want = want("http", "huggingface.co", BOT, "it answers comments");
    insta::assert_snapshot!(given(&want, ""), @r#"
    # wanted by the plugin: it answers comments
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/api/**"]
    bearer = "env:HF_TOKEN"   # wished for: a token that may write
    "#);
    let slack = super::tests::want("http", "api.slack.com:8443", r#"{"credential":""}"#, "");
    insta::assert_snapshot!(given(&slack, "fuel = 1"), @r#"
    fuel = 1

    [[http]]
    host = "api.slack.com:8443"
    methods = ["GET"]
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
    paths = ["/api/x"]
    header = { name = "x-key", value = "file:/k" }   # wished for: a token that may write
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
    bearer = "env:HF_TOKEN"   # wished for: a token that may write

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

    # wanted by the plugin: what was answered
    [state]
    ");
}

#[test]
fn no_more_is_added_than_is_missing() {
    // Given an operator who has narrowed what is asked for
    let narrow = "[[http]]\nhost = \"huggingface.co\"\npaths = [\"/api/datasets/my-org/**\"]\n";
    // Then another method comes where that is, not where the plugin would like it
    let method = want(
        "http",
        "huggingface.co",
        r#"{"methods":["GET","POST"],"paths":["/api/**"]}"#,
        "",
    );
    insta::assert_snapshot!(given(&method, narrow), @r#"
    [[http]]
    host = "huggingface.co"
    methods = ["POST"]
    paths = ["/api/datasets/my-org/**"]

    [[http]]
    host = "huggingface.co"
    paths = ["/api/datasets/my-org/**"]
    "#);
    // And methods and paths that are missing each open nothing else
    let both = want(
        "http",
        "huggingface.co",
        r#"{"methods":["GET","POST"],"paths":["/api/**","/b"]}"#,
        "",
    );
    insta::assert_snapshot!(given(&both, narrow), @r#"
    [[http]]
    host = "huggingface.co"
    methods = ["GET", "POST"]
    paths = ["/b"]

    [[http]]
    host = "huggingface.co"
    methods = ["POST"]
    paths = ["/api/datasets/my-org/**"]

    [[http]]
    host = "huggingface.co"
    paths = ["/api/datasets/my-org/**"]
    "#);
    // And a credential comes where the plugin could go without one
    let credential = want(
        "http",
        "huggingface.co",
        r#"{"methods":["GET"],"paths":["/api/**"],"credential":"x"}"#,
        "",
    );
    insta::assert_snapshot!(given(&credential, narrow), @r#"
    [[http]]
    host = "huggingface.co"
    methods = ["GET"]
    paths = ["/api/datasets/my-org/**"]
    bearer = "env:HF_TOKEN"   # wished for: x

    [[http]]
    host = "huggingface.co"
    paths = ["/api/datasets/my-org/**"]
    "#);
    // And what reaches into one's own network is not for more hosts than were named
    let below = want(
        "http",
        "*.corp.example",
        r#"{"methods":["GET","POST"]}"#,
        "",
    );
    let own = "[[http]]\nhost = \"a.corp.example\"\nprivate = true\n";
    insta::assert_snapshot!(given(&below, own), @r#"
    [[http]]
    host = "a.corp.example"
    methods = ["POST"]
    private = true

    [[http]]
    host = "a.corp.example"
    private = true
    "#);
}

#[test]
fn whoever_grants_a_credential_is_told_what_no_path_bounds() {
    let detail =
        |paths: &str| format!(r#"{{"methods":["POST"],"paths":[{paths}],"credential":"x"}}"#);
    for (paths, is_told) in [
        ("", true),
        (r#""/api/**""#, true),
        (r#""/api/repos/create""#, true),
        (r#""/api/datasets/my-org/**","/api/jobs/*""#, false),
    ] {
        let want = want("http", "huggingface.co", &detail(paths), "");
        let grant = Grant::parse("", PLENTY).unwrap();
        let plainly = want.lacking(&grant).unwrap().plainly();
        assert_eq!(
            plainly.contains("which no path bounds"),
            is_told,
            "{plainly}"
        );
    }
}

#[test]
fn hosts_are_written_as_they_are_compared() {
    for (wanted, written) in [
        ("huggingf\u{430}ce.co", "xn--huggingfce-6qi.co"),
        ("0x7f.1", "127.0.0.1"),
        ("EXAMPLE.org.:8443", "example.org:8443"),
    ] {
        let want = want("http", wanted, "", "");
        let grant = Grant::parse("", PLENTY).unwrap();
        let lacking = want.lacking(&grant).unwrap();
        let plainly = lacking.plainly();
        let lines = lacking.addition.unwrap().lines(None).join("\n");
        assert!(lines.contains(&format!("host = \"{written}\"")), "{lines}");
        assert!(
            plainly.contains(&format!("call {written} (which it writes")),
            "{plainly}"
        );
    }
}

#[test]
fn what_a_plugin_says_stays_in_its_place() {
    // Given a plugin that would write into its own grant
    let sly = "x\n[[http]]\nhost = \"evil.example\"\u{7f}\u{9b}\u{202e}";
    let wish = serde_json::json!({ "credential": sly }).to_string();
    for want in [
        want("http", "huggingface.co", &wish, sly),
        want("config", sly, "", sly),
        want("state", sly, "", sly),
    ] {
        // When what it wants is added to a grant that has some of each
        let text = "fuel = 5\n[config]\na = \"b\"\n\n[[http]]\nhost = \"example.org\"\n";
        let added = given(&want, text);
        // Then it is given that, and what was there is there
        let grant = Grant::parse(&added, PLENTY).unwrap();
        let hosts: Vec<String> = grant
            .http
            .iter()
            .map(|grant| grant.entry().name())
            .collect();
        assert!(!hosts.iter().any(|host| host.contains("evil")), "{added}");
        assert_eq!(
            hosts.contains(&"huggingface.co".to_owned()),
            want.kind == "http"
        );
        assert!(hosts.contains(&"example.org".to_owned()) && added.starts_with("fuel = 5\n"));
        // And nothing of it can be mistaken for something else
        assert!(!added.contains(['\u{7f}', '\u{9b}', '\u{202e}']), "{added}");
    }
}

#[test]
fn a_text_that_looks_like_the_place_is_not_written_into() {
    // Given a setting whose text ends with what looks like a comment above an entry, and a plugin that would close it
    let text =
        "[config]\nprompt = \"\"\"\nfirst\n# last\"\"\"\n[[http]]\nhost = \"huggingface.co\"\n";
    let sly = want(
        "http",
        "huggingface.co",
        r#"{"methods":["POST"]}"#,
        "\"\"\"",
    );
    // Then no place is found
    assert_eq!(added(&sly, text), None);
    // Nor in one that looks like the header of the settings
    let text =
        "x = \"\"\"\n[config]\n\"\"\"\n".replace("x =", "[match]\nrepo = [\"a/*\"]\n[config]\nx =");
    let setting = want("config", "name", "", "");
    let found = given(&setting, &text);
    assert!(found.contains("[config]\nname = \"a"), "{found}");
    let hidden = "[match]\ntypes = [\"\"\"\n[config]\n\"\"\"]\n";
    assert_eq!(added(&setting, hidden), None);
}

#[test]
fn a_grant_is_otherwise_left_as_it_is() {
    let post = want("http", "huggingface.co", r#"{"methods":["POST"]}"#, "");
    // Given line breaks of another system, headers that are written in other ways, and no line break at the end
    let crlf = "fuel = 5\r\n\r\n# mine\r\n[[ http ]]\r\nhost = \"huggingface.co\"";
    let longer = given(&post, crlf);
    // Then all that was there is, byte by byte, before and after what is new
    let at = crlf.find("# mine").unwrap();
    assert!(
        longer.starts_with(&crlf[..at]) && longer.ends_with(&crlf[at..]),
        "{longer:?}"
    );
    assert!(!longer.replace("\r\n", "").contains('\n'), "{longer:?}");
    let quoted = "[[\"http\"]]\nhost = \"huggingface.co\"\n";
    assert!(given(&post, quoted).ends_with(quoted));
    let marked = "\u{feff}[[http]]\nhost = \"huggingface.co\"\n";
    if let Some(added) = added(&post, marked) {
        assert!(Grant::parse(&added, PLENTY).is_ok());
    }
    let state = want("state", "", "", "");
    assert_eq!(given(&state, "fuel = 5\r\n"), "fuel = 5\r\n\r\n[state]\r\n");
}

#[test]
fn a_grant_in_another_form_is_left_to_its_operator() {
    // Given settings and entries in the forms to which no line can be added
    let setting = want("config", "name", "", "");
    assert_eq!(added(&setting, "config = { model = \"m\" }\n"), None);
    let post = want("http", "huggingface.co", r#"{"methods":["POST"]}"#, "");
    assert_eq!(
        added(&post, "http = [{ host = \"huggingface.co\" }]\n"),
        None
    );
}
