//! What plugins want, held against grants.

use super::*;

const PLENTY: usize = 4 << 30;

fn want(kind: &str, name: &str, detail: &str) -> Want {
    Want {
        kind: kind.to_owned(),
        name: name.to_owned(),
        detail: detail.to_owned(),
        required: true,
        reason: String::new(),
    }
}

fn hub(detail: &str) -> Want {
    want("http", "huggingface.co", detail)
}

/// What of a want a grant does not give: nothing, `all`, or the part that is missing.
fn missing(want: &Want, grant: &str) -> String {
    let grant = Grant::parse(grant, PLENTY).unwrap();
    match want.lacking(&grant) {
        None => "nothing".to_owned(),
        Some(Lacking {
            addition: Err(why), ..
        }) => format!("never: {why}"),
        Some(Lacking { missing, .. }) => missing.unwrap_or_else(|| "all".to_owned()),
    }
}

#[test]
fn a_call_is_given_by_what_a_grant_has_in_common_with_it() {
    let entry = |more: &str| format!("[[http]]\nhost = \"huggingface.co\"\n{more}\n");
    let both = r#"{"methods":["GET","POST"],"paths":["/api/**"]}"#;
    let bearer = "paths = [\"/**\"]\nbearer = \"env:T\"";
    let narrow = "methods = [\"GET\", \"POST\"]\npaths = [\"/api/datasets/my-org/**\"]";
    let two = format!(
        "{}{}",
        entry("methods = [\"GET\"]"),
        entry("methods = [\"POST\"]\npaths = [\"/api/x\"]")
    );
    for (detail, grant, expected) in [
        ("", String::new(), "all"),
        ("", entry(""), "nothing"),
        ("no json", entry(""), "nothing"),
        (r#"{"later":1}"#, entry(""), "nothing"),
        (both, entry(""), "POST"),
        (both, entry("methods = [\"GET\", \"POST\"]"), "nothing"),
        // An operator may narrow what is wanted, and give it in parts
        (both, entry(narrow), "nothing"),
        (both, two, "nothing"),
        (both, entry("paths = [\"/other/**\"]"), "GET, POST, /api/**"),
        (r#"{"methods":["get"]}"#, entry(""), "nothing"),
        (r#"{"paths":["/a","/b"]}"#, entry("paths = [\"/a\"]"), "/b"),
        (r#"{"credential":"x"}"#, entry(""), "a credential"),
        (r#"{"credential":"x"}"#, entry(bearer), "nothing"),
        // Of another port, or another host, nothing counts
        (
            "",
            "[[http]]\nhost = \"huggingface.co:8443\"".to_owned(),
            "all",
        ),
        ("", "[[http]]\nhost = \"hf.co\"".to_owned(), "all"),
        (
            "",
            "[[http]]\nhost = \"HUGGINGFACE.co.\"".to_owned(),
            "nothing",
        ),
    ] {
        assert_eq!(missing(&hub(detail), &grant), expected, "{detail} {grant}");
    }
}

#[test]
fn names_below_a_name_are_compared_with_what_lies_there() {
    let grant = |host: &str| format!("[[http]]\nhost = \"{host}\"\n");
    for (wanted, given, expected) in [
        ("a.example.org", "*.example.org", "nothing"),
        ("example.org", "*.example.org", "all"),
        ("*.example.org", "a.example.org", "nothing"),
        ("*.example.org", "*.a.example.org", "nothing"),
        ("*.example.org", "*.example.com", "all"),
        ("example.org:8443", "example.org:8443", "nothing"),
        ("example.org:8443", "example.org", "all"),
    ] {
        let found = missing(&want("http", wanted, ""), &grant(given));
        assert_eq!(found, expected, "{wanted} {given}");
    }
}

#[test]
fn a_setting_and_state_are_given_by_being_there() {
    let config = want("config", "name", "");
    assert_eq!(missing(&config, ""), "all");
    assert_eq!(missing(&config, "[config]\nother = \"x\"\n"), "all");
    assert_eq!(missing(&config, "[config]\nname = \"\"\n"), "nothing");
    let state = want("state", "what was answered", "");
    assert_eq!(missing(&state, ""), "all");
    assert_eq!(missing(&state, "[state]\n"), "nothing");
}

#[test]
fn what_no_grant_can_give_says_why() {
    for (want, expected) in [
        (want("http", "https://x.org/", ""), "write the host alone"),
        (hub(r#"{"methods":["TRACE"]}"#), "`TRACE` is not a method"),
        (hub(r#"{"methods":["A B"]}"#), "`A B` is not a method"),
        (hub(r#"{"paths":["/a/../b"]}"#), "the path `/a/../b`: "),
        (hub(r#"{"paths":["api"]}"#), "it begins with a slash"),
    ] {
        let found = missing(&want, "");
        assert!(found.starts_with("never: "), "{found}");
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn what_is_required_is_told_with_its_mend_and_wishes_apart() {
    let mut wish = want("config", "model", "");
    wish.required = false;
    wish.reason = "the model that answers".to_owned();
    let mut need = hub(r#"{"methods":["POST"]}"#);
    need.reason = "it writes comments".to_owned();
    let manifest = Manifest {
        version: "1".to_owned(),
        description: String::new(),
        subscriptions: Vec::new(),
        wants: vec![wish, need],
        known_scopes: &[],
    };
    let grant = Grant::parse("[[http]]\nhost = \"huggingface.co\"\n", PLENTY).unwrap();
    insta::assert_snapshot!(unmet_needs("bot", &manifest, &grant).unwrap(), @"it requires what its grant does not give: http `huggingface.co` with POST (it writes comments); 'hookbox grant bot' shows the lines to add");
    insta::assert_snapshot!(unmet_wishes(&manifest, &grant).join("\n"), @"config `model` (the model that answers)");
}
