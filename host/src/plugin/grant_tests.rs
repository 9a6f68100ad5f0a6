//! Grants as operators write them: what is taken, what is refused, and which events pass.

use super::*;
use crate::event::{Event, Repo};
use crate::rule::{Debounce, DebounceBy, Order};
use std::time::Duration;

const MEMORY_MAX: usize = 256 * 1024 * 1024;

fn check(text: &str, expected: &str) {
    let found = match Grant::parse(text, MEMORY_MAX) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_mistake_is_told_with_its_line_and_its_mend() {
    check("", "ok");
    check("fuel = 1_000", "ok");
    check(
        "\nfuell = 1",
        "line 2: `fuell` is not a key; did you mean `fuel`?",
    );
    check(
        "zzz = 1",
        "line 1: `zzz` is not a key; there are fuel, memory, timeout, concurrency, retry, order, debounce, rate, secret, digest, match, config, state, http",
    );
    check("fuel = 0", "line 1: fuel: 0 is not in 1..=1000000000000");
    check("fuel = -5", "line 1: fuel: -5 is not in 1..=1000000000000");
    check(
        "fuel = \"x\"",
        "line 1: invalid type: string \"x\", expected i64",
    );
    check("memory = \"64MiB\"", "ok");
    check(
        "memory = \"lots\"",
        "line 1: memory: `lots` is not a size; write `64MiB`",
    );
    check(
        "memory = \"1GiB\"",
        "line 1: memory: `1GiB` is not between 64KiB and 256.0 MiB, the host's memory-max",
    );
    check(
        "digest = \"sha256:00\"",
        "line 1: digest: not `sha256:` and 64 hex digits; 'hookbox inspect' shows a component's",
    );
    check("timeout = \"30s\"", "ok");
    check(
        "timeout = \"30\"",
        "line 1: timeout: `30` is not a duration; write `10s`, `5m` or `1h`",
    );
    check(
        "timeout = \"25h\"",
        "line 1: timeout: `25h` is not between 1ms and 24h",
    );
    check(
        "timeout = \"0s\"",
        "line 1: timeout: `0s` is not between 1ms and 24h",
    );
    check(
        "concurrency = 0",
        "line 1: concurrency: 0 is not in 1..=1024",
    );
    check(
        "retry = { attempts = 3, first = \"1s\", factor = 2, max = \"1m\" }",
        "ok",
    );
    check(
        "retry = { attempts = 0 }",
        "line 1: retry.attempts: 0 is not in 1..=1000",
    );
    check(
        "retry = { factor = 0.5 }",
        "line 1: retry.factor: 0.5 is not between 1 and 100",
    );
    check(
        "retry = { first = \"2h\" }",
        "line 1: retry.first (2h) is longer than retry.max (1h)",
    );
    check(
        "retry = { tries = 3 }",
        "line 1: `retry.tries` is not a key; there are attempts, first, factor, max",
    );
    check("secret = \"env:BOT\"", "ok");
    check(
        "secret = \"hunter2\"",
        "line 1: secret: write `env:NAME` or `file:PATH`: a secret itself never stands in a setting",
    );
    check("[match]\nrepo = [\"my-org/*\"]", "ok");
    check(
        "[match]\nrepos = []",
        "line 2: `match.repos` is not a key; did you mean `repo`?",
    );
    check(
        "[match]\nrepo = [\"a\", \"[\"]",
        "line 2: match.repo: `[` is not a glob: unclosed character class; missing ']'",
    );
    check(
        "fuel = ",
        "line 1: string values must be quoted, expected literal string",
    );
}

#[test]
fn rules_are_taken_as_they_are_written() {
    let rules = |text: &str| Grant::parse(text, MEMORY_MAX).unwrap().rules;
    assert_eq!(rules(""), Rules::default());
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let debounce = |by, quiet, max| Some(Debounce { by, quiet, max });
    for (text, expected) in [
        (
            "by = \"repo\"",
            debounce(DebounceBy::Repo, 30 * second, 5 * minute),
        ),
        (
            "by = \"discussion\", quiet = \"1s\", max = \"1m\"",
            debounce(DebounceBy::Discussion, second, minute),
        ),
    ] {
        let text = format!("order = \"repo\"\ndebounce = {{ {text} }}\nrate = {{ per-repo = 7 }}");
        let found = rules(&text);
        assert_eq!(found.debounce, expected);
        assert_eq!(found.order, Order::Repo);
        assert_eq!((found.rate.per_discussion, found.rate.per_repo), (20, 7));
    }
}

#[test]
fn a_mistake_in_a_rule_is_told_with_its_mend() {
    check("order = \"none\"", "ok");
    check(
        "order = \"time\"",
        "line 1: order: `time` is not an order; write `none` or `repo`",
    );
    check(
        "debounce = { quiet = \"1s\" }",
        "line 1: debounce: `by` is missing; write `by = \"repo\"` or `by = \"discussion\"`",
    );
    check(
        "debounce = { by = \"author\" }",
        "line 1: debounce.by: events are not told apart by `author`; write `repo` or `discussion`",
    );
    check(
        "debounce = { by = \"repo\", quiet = \"10m\" }",
        "line 1: debounce.quiet (10m) is longer than debounce.max (5m)",
    );
    check(
        "debounce = { by = \"repo\", quiet = \"25h\", max = \"25h\" }",
        "line 1: debounce.quiet: `25h` is not between 1ms and 24h",
    );
    check(
        "rate = { per-repo = 0 }",
        "line 1: rate.per-repo: 0 is not in 1..=1000000",
    );
    check(
        "rate = { per-user = 1 }",
        "line 1: `rate.per-user` is not a key; did you mean `per-repo`?",
    );
}

#[test]
fn config_is_texts_by_names_of_the_operators_own() {
    let config = |text: &str| Grant::parse(text, MEMORY_MAX).unwrap().config;
    assert!(config("").is_empty() && config("[config]").is_empty());
    let mut found = config("[config]\nmodel = \"a/b\"\n\"any name\" = \"\"\n").to_vec();
    found.sort();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found, [pair("any name", ""), pair("model", "a/b")]);
    check(
        "config = \"x\"",
        "line 1: config: not a table; write `[config]`, and below it `name = \"value\"`",
    );
    for value in ["5", "true", "[\"a\"]", "{ b = \"c\" }"] {
        check(
            &format!("fuel = 5\n[config]\na = \"b\"\nbad = {value}"),
            "line 4: config.bad: not a text; write it in quotes",
        );
    }
    let more = "config: more than 256 entries or 64 KiB of names and values; what is larger belongs into the plugin or \
                its state";
    let lines = |count: usize| {
        (0..count)
            .map(|at| format!("k{at:03} = \"\"\n"))
            .collect::<String>()
    };
    check(&format!("[config]\n{}", lines(256)), "ok");
    check(
        &format!("[config]\n{}", lines(257)),
        &format!("line 258: {more}"),
    );
    check(
        &format!("[config]\na = \"{}\"", "x".repeat(64 * 1024)),
        &format!("line 2: {more}"),
    );
}

#[test]
fn state_is_given_where_it_is_named_and_as_much_as_is_said() {
    let state = |text: &str| Grant::parse(text, MEMORY_MAX).unwrap().state;
    let given = |bytes, keys| Some(StateGrant { bytes, keys });
    assert_eq!(state(""), None);
    assert_eq!(state("[state]"), given(16 << 20, 10_000));
    assert_eq!(state("[state]\nbytes = \"1KiB\"\nkeys = 1"), given(1024, 1));
    check(
        "[state]\nbytes = \"lots\"",
        "line 2: state.bytes: `lots` is not a size; write `16MiB`",
    );
    check(
        "[state]\nbytes = \"2GiB\"",
        "line 2: state.bytes: `2GiB` is not between 1KiB and 1GiB",
    );
    check(
        "[state]\n\nkeys = 0",
        "line 3: state.keys: 0 is not in 1..=1000000",
    );
    check(
        "[state]\nkey = 5",
        "line 2: `state.key` is not a key; did you mean `keys`?",
    );
}

fn admits(text: &str, event: &Event) -> bool {
    Grant::parse(text, MEMORY_MAX)
        .unwrap()
        .matcher
        .admits(event)
}

fn push(name: Option<&str>, kind: Option<&str>, refs: &[&str]) -> Event {
    Event {
        scope: "repo.content".into(),
        action: "update".into(),
        repo: Some(Repo {
            kind: kind.map(Into::into),
            name: name.map(Into::into),
            id: None,
        }),
        refs: refs.iter().map(ToString::to_string).collect(),
        ..Event::default()
    }
}

#[test]
fn a_repo_glob_ignores_case_and_stops_at_the_slash() {
    let text = "[match]\nrepo = [\"My-Org/*\", \"gpt2\"]";
    assert!(admits(text, &push(Some("my-org/a"), None, &[])));
    assert!(admits(text, &push(Some("GPT2"), None, &[])));
    assert!(!admits(text, &push(Some("my-org/a/b"), None, &[])));
    assert!(!admits(text, &push(Some("other/a"), None, &[])));
    assert!(!admits(text, &push(None, None, &[])), "the field is needed");
    assert!(!admits(text, &Event::default()), "the field is needed");
}

#[test]
fn on_a_move_either_name_is_enough() {
    let mut moved = push(Some("old/a"), None, &[]);
    moved.moved_to = Some("my-org/a".into());
    assert!(admits("[match]\nrepo = [\"my-org/*\"]", &moved));
    assert!(admits("[match]\nrepo = [\"old/*\"]", &moved));
}

#[test]
fn types_need_the_field() {
    let text = "[match]\ntypes = [\"dataset\"]";
    assert!(admits(text, &push(None, Some("dataset"), &[])));
    assert!(!admits(text, &push(None, Some("model"), &[])));
    assert!(!admits(text, &push(None, None, &[])));
}

#[test]
fn refs_are_asked_only_of_events_that_carry_some_and_one_is_enough() {
    let text = "[match]\nrefs = [\"refs/heads/main\", \"refs/pr/*\"]";
    assert!(admits(text, &push(None, None, &[])));
    assert!(admits(
        text,
        &push(None, None, &["refs/tags/v1", "refs/pr/3"])
    ));
    assert!(!admits(text, &push(None, None, &["refs/heads/dev"])));
}

#[test]
fn authors_are_known_for_comments_and_opened_discussions_only() {
    let text = "[match]\nignore-authors = [\"bot\"]";
    let mut event = Event {
        scope: "discussion.comment".into(),
        action: "create".into(),
        comment_author_id: Some("bot".into()),
        discussion_author_id: Some("human".into()),
        ..Event::default()
    };
    assert!(!admits(text, &event));
    event.comment_author_id = None;
    assert!(admits(text, &event), "no author is never ignored");
    event.scope = "discussion".into();
    event.discussion_author_id = Some("bot".into());
    assert!(!admits(text, &event));
    event.action = "update".into();
    assert!(admits(text, &event), "an update names nobody");
}

#[test]
fn what_the_own_account_writes_is_ignored_unless_the_grant_says_otherwise() {
    let ignores = |text: &str, event: &Event, own: Option<&str>| {
        let grant = Grant::parse(text, MEMORY_MAX).unwrap();
        assert!(grant.matcher.admits(event));
        grant.matcher.ignores(event, own)
    };
    let mut event = Event {
        scope: "discussion.comment".into(),
        action: "create".into(),
        comment_author_id: Some("bot".into()),
        discussion_author_id: Some("human".into()),
        ..Event::default()
    };
    for text in ["", "[match]", "[match]\nignore-own = true"] {
        assert!(ignores(text, &event, Some("bot")), "{text}");
    }
    assert!(!ignores("[match]\nignore-own = false", &event, Some("bot")));
    assert!(
        !ignores("", &event, Some("human")),
        "it opened the discussion only"
    );
    assert!(!ignores("", &event, None), "nobody knows who it is");
    event.comment_author_id = None;
    assert!(!ignores("", &event, Some("bot")) && !ignores("", &event, None));
    event.scope = "discussion".into();
    assert!(ignores("", &event, Some("human")));
    event.action = "update".into();
    assert!(
        !ignores("", &event, Some("human")),
        "an update names nobody"
    );
    check(
        "[match]\nignore-own = 1",
        "line 2: invalid type: integer `1`, expected a boolean",
    );
}
