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
        (r#"{"later":1}"#, entry(""), "nothing"),
        // Nothing said is GET, by https
        ("", entry("methods = [\"POST\"]"), "GET"),
        ("", entry("scheme = \"http\""), "all"),
        // What is not understood is for its operator to judge
        ("no json", entry(""), "nothing"),
        (
            r#"{"methods":"GET"}"#,
            entry("methods = [\"POST\"]"),
            "nothing",
        ),
        (both, entry(""), "POST"),
        (both, entry("methods = [\"GET\", \"POST\"]"), "nothing"),
        // An operator may narrow what is wanted, and give it in parts
        (both, entry(narrow), "nothing"),
        (both, two, "nothing"),
        (both, entry("paths = [\"/other/**\"]"), "/api/**"),
        (
            r#"{"methods":["GET","POST"],"paths":["/a/**","/b"]}"#,
            entry("paths = [\"/a/x\"]"),
            "POST",
        ),
        (r#"{"methods":["get"]}"#, entry(""), "nothing"),
        (r#"{"paths":["/a","/b"]}"#, entry("paths = [\"/a\"]"), "/b"),
        (r#"{"credential":"x"}"#, entry(""), "a credential"),
        (r#"{"credential":"x"}"#, entry(bearer), "nothing"),
        // The first entry that fits counts: behind one for everything a credential is never used
        (
            r#"{"credential":"x"}"#,
            format!("{}{}", entry(""), entry(bearer)),
            "a credential",
        ),
        (
            r#"{"credential":"x"}"#,
            format!("{}{}", entry("paths = [\"/a\"]"), entry(bearer)),
            "nothing",
        ),
        (
            r#"{"methods":["POST"],"credential":"x"}"#,
            format!("{}{}", entry("methods = [\"POST\"]"), entry(bearer)),
            "a credential",
        ),
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
fn what_nothing_can_be_proposed_for_says_why() {
    for (want, expected) in [
        (want("http", "https://x.org/", ""), "write the host alone"),
        (
            hub(r#"{"methods":["TRACE"]}"#),
            "`methods` has one that is never sent",
        ),
        (
            hub(r#"{"methods":["A B"]}"#),
            "`methods` has one that is never sent",
        ),
        (hub(r#"{"paths":["/a/../b"]}"#), "`paths`: "),
        (hub(r#"{"paths":["api"]}"#), "it begins with a slash"),
        (
            hub(r#"{"paths":"/api"}"#),
            "`paths` is no list of up to 64 texts",
        ),
        (
            hub(r#"{"credential":{"as":"bearer"}}"#),
            "`credential` is no text",
        ),
        (hub("[]"), "it is no JSON object"),
        (
            want("http", "*.x.org", r#"{"credential":"x"}"#),
            "a credential is for one host",
        ),
    ] {
        let found = missing(&want, "");
        assert!(found.starts_with("never: "), "{found}");
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn a_manifest_that_wants_without_end_is_told_in_a_line() {
    // Given a plugin that wants as much as a manifest can say
    let many = |what: &str, times: usize| vec![what; times].join(",");
    let detail = format!(
        r#"{{"methods":[{}],"paths":[{}]}}"#,
        many("\"GET\"", METHODS),
        many("\"/**/a/**/b\"", PATHS)
    );
    let mut want = hub(&detail);
    want.reason = "why ".repeat(1000);
    let manifest = manifest(vec![want; 256]);
    let grant = Grant::parse(
        "[[http]]\nhost = \"huggingface.co\"\npaths = [\"/x\"]\n",
        PLENTY,
    )
    .unwrap();
    // Then its reason is short
    let unmet = unmet_needs(&manifest, &grant).unwrap();
    assert!(unmet.len() < 4096, "{}", unmet.len());
    assert!(unmet.ends_with(", and 248 more"), "{unmet}");
    // And one that says more than that is not understood
    let long = detail.replace("\"/**/a/**/b\"]", "\"/**/a/**/b\",\"/c\"]");
    assert!(missing(&hub(&long), "").contains("no list of up to 64 texts"));
}

/// The most that a want may name.
const METHODS: usize = 32;
const PATHS: usize = 64;

fn manifest(wants: Vec<Want>) -> Manifest {
    Manifest {
        version: "1".to_owned(),
        description: String::new(),
        subscriptions: Vec::new(),
        wants,
        known_scopes: &[],
    }
}

#[test]
fn what_a_plugin_says_of_itself_stays_on_its_line() {
    let mut sly = hub("");
    sly.reason = "ok\u{1b}[2K\nadded: all good\u{202e}".to_owned();
    let grant = Grant::parse("", PLENTY).unwrap();
    let lacking = sly.lacking(&grant).unwrap();
    for text in [lacking.to_string(), lacking.plainly()] {
        assert!(!text.contains(['\n', '\u{1b}', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn what_is_required_is_told_with_its_mend_and_wishes_apart() {
    let mut wish = want("config", "model", "");
    wish.required = false;
    wish.reason = "the model that answers".to_owned();
    let mut need = hub(r#"{"methods":["POST"]}"#);
    need.reason = "it writes comments".to_owned();
    let manifest = manifest(vec![wish, need]);
    let grant = Grant::parse("[[http]]\nhost = \"huggingface.co\"\n", PLENTY).unwrap();
    insta::assert_snapshot!(unmet_needs(&manifest, &grant).unwrap(), @"http `huggingface.co` with POST (it writes comments)");
    insta::assert_snapshot!(unmet_wishes(&manifest, &grant).join("\n"), @"config `model` (the model that answers)");
}
