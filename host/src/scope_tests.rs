//! Every row of the scope rule: which subscription sees which event, and how.

use super::*;

/// Reads subscriptions such as `repo.content[create,update] discussion.*`.
fn subscriptions(text: &str) -> Vec<Subscription> {
    text.split_whitespace()
        .map(|word| {
            let (pattern, actions) = word.split_once('[').unwrap_or((word, ""));
            let actions = actions.trim_end_matches(']').split(',');
            Subscription {
                pattern: ScopePattern::parse(pattern).unwrap(),
                actions: actions
                    .filter(|action| !action.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        })
        .collect()
}

/// `expected` is `scope action` as the plugin sees it, or `-` for not at all. The order of the subscriptions must
/// not matter, so each row is checked in both directions.
fn check(declared: &str, sent_scope: &str, sent_action: &str, expected: &str) {
    let mut subscriptions = subscriptions(declared);
    for _ in 0..2 {
        let seen = seen_by(&subscriptions, KNOWN_SCOPES_0_1, sent_scope, sent_action)
            .map_or("-".to_owned(), |seen| {
                format!("{} {}", seen.scope, seen.action)
            });
        assert_eq!(seen, expected, "{declared} on {sent_scope} {sent_action}");
        subscriptions.reverse();
    }
}

#[test]
fn an_exact_subscription_sees_its_own_scope_unchanged() {
    check("repo", "repo", "create", "repo create");
    check(
        "repo.content",
        "repo.content",
        "update",
        "repo.content update",
    );
    check("repo.config", "repo.config", "update", "repo.config update");
    check(
        "discussion.comment",
        "discussion.comment",
        "create",
        "discussion.comment create",
    );
    check("repo", "repo", "archive", "repo archive");
    check(
        "billing.plan",
        "billing.plan",
        "create",
        "billing.plan create",
    );
    check(
        "repo.config.dois",
        "repo.config.dois",
        "create",
        "repo.config.dois create",
    );
    check("discussion", "repo", "create", "-");
    check("", "repo", "create", "-");
}

#[test]
fn a_known_scope_is_never_narrowed() {
    check("repo", "repo.content", "update", "-");
    check("repo", "repo.config", "update", "-");
    check("discussion", "discussion.comment", "create", "-");
    check("repo.content", "repo", "update", "-");
    check("discussion.comment", "discussion", "create", "-");
}

#[test]
fn a_subtree_sees_its_root_and_all_below_it_unchanged() {
    check("repo.*", "repo", "create", "repo create");
    check("repo.*", "repo.content", "update", "repo.content update");
    check(
        "repo.*",
        "repo.config.dois",
        "create",
        "repo.config.dois create",
    );
    check(
        "repo.config.*",
        "repo.config",
        "update",
        "repo.config update",
    );
    check(
        "repo.config.*",
        "repo.config.dois.minted",
        "create",
        "repo.config.dois.minted create",
    );
    check("repo.config.*", "repo", "update", "-");
    check("repo.config.*", "repo.content", "update", "-");
    check("discussion.*", "repo.content", "update", "-");
    check("billing.*", "billing.plan", "create", "billing.plan create");
    check("billing.plan.*", "billing", "create", "-");
}

#[test]
fn everything_is_everything_unchanged() {
    check("*", "repo", "create", "repo create");
    check("*", "repo.config.dois", "create", "repo.config.dois create");
    check("*", "billing.plan", "upgrade", "billing.plan upgrade");
    check("*", "", "", " ");
    check("*[update]", "repo.config.dois", "create", "-");
}

#[test]
fn an_unknown_scope_is_narrowed_to_its_nearest_known_ancestor_and_no_further() {
    check(
        "repo.config",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check(
        "repo.config",
        "repo.config.dois",
        "update",
        "repo.config update",
    );
    check(
        "repo.config",
        "repo.config.dois.minted",
        "create",
        "repo.config update",
    );
    check(
        "repo.config",
        "repo.config.a.b.c.d",
        "delete",
        "repo.config update",
    );
    check(
        "repo.config.dois",
        "repo.config.dois.minted",
        "create",
        "repo.config.dois update",
    );
    check("repo", "repo.config.dois", "create", "-");
    check("repo", "repo.pins", "create", "repo update");
    check("repo", "repo.pins.top.first", "delete", "repo update");
    check("repo.pins", "repo.pins.top", "delete", "repo.pins update");
    check(
        "discussion",
        "discussion.poll",
        "create",
        "discussion update",
    );
    check("discussion", "discussion.comment.reaction", "create", "-");
    check(
        "discussion.comment",
        "discussion.comment.reaction",
        "create",
        "discussion.comment update",
    );
}

#[test]
fn an_unknown_root_has_no_known_ancestor() {
    check("billing", "billing.plan", "create", "billing update");
    check("billing", "billing.plan.price", "create", "billing update");
    check(
        "billing.plan",
        "billing.plan.price",
        "create",
        "billing.plan update",
    );
    check("repo", "billing.plan", "create", "-");
    check("repo.*", "billing", "create", "-");
    check("billing.plan", "billing", "create", "-");
}

#[test]
fn segments_are_compared_whole() {
    check("repo.content", "repo.contents", "update", "-");
    check("repo.content.*", "repo.contents", "update", "-");
    check("repo", "repo.contents", "create", "repo update");
    check("repo", "repository", "create", "-");
    check("repo.*", "repository", "create", "-");
    check("repo.*", "repo-x.content", "create", "-");
    check("repo", "Repo", "create", "-");
    check("*", "Repo.Content", "create", "Repo.Content create");
    check("repo.contents", "repo.content", "update", "-");
}

#[test]
fn actions_are_judged_as_they_would_be_seen() {
    check("repo[create]", "repo", "create", "repo create");
    check("repo[create]", "repo", "delete", "-");
    check("repo[create,delete]", "repo", "delete", "repo delete");
    check("repo[create]", "repo", "Create", "-");
    check(
        "repo.config[update]",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check("repo.config[create]", "repo.config.dois", "create", "-");
    check(
        "repo.config.*[create]",
        "repo.config.dois",
        "create",
        "repo.config.dois create",
    );
    check("repo.config.*[update]", "repo.config.dois", "create", "-");
}

#[test]
fn the_same_scope_declared_twice_is_a_union_of_actions() {
    check("repo[create] repo[delete]", "repo", "create", "repo create");
    check("repo[create] repo[delete]", "repo", "delete", "repo delete");
    check("repo[create] repo[delete]", "repo", "move", "-");
    check(
        "repo.*[create] repo.*",
        "repo.content",
        "update",
        "repo.content update",
    );
}

#[test]
fn the_most_segments_win_and_exact_wins_a_tie() {
    // Where two subscriptions would show the same, only narrowing tells which one won.
    check(
        "repo.* repo.config",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check(
        "* repo.config",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check(
        "repo.config.* repo.config",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check("repo.* repo", "repo.pins", "create", "repo update");
    check(
        "repo.pins.* repo",
        "repo.pins",
        "create",
        "repo.pins create",
    );
    check(
        "repo.config.dois.* repo.config",
        "repo.config.dois",
        "create",
        "repo.config.dois create",
    );
    check(
        "repo.config.dois repo.config",
        "repo.config.dois.x",
        "create",
        "repo.config.dois update",
    );
    check(
        "billing billing.plan.*",
        "billing.plan.price",
        "create",
        "billing.plan.price create",
    );
    check("* billing", "billing.plan", "create", "billing update");
}

#[test]
fn a_subscription_that_does_not_admit_the_action_leaves_the_event_to_a_lesser_one() {
    check(
        "repo.config[create] repo.*",
        "repo.config.dois",
        "create",
        "repo.config.dois create",
    );
    check(
        "repo.config[create] *",
        "repo.config.dois",
        "mint",
        "repo.config.dois mint",
    );
    check(
        "repo.config.*[update] repo.config",
        "repo.config.dois",
        "create",
        "repo.config update",
    );
    check(
        "repo[delete] repo.*[create]",
        "repo.pins",
        "create",
        "repo.pins create",
    );
    check(
        "repo.content[create] repo.*[delete] *",
        "repo.content",
        "update",
        "repo.content update",
    );
    check(
        "repo.content[create] repo.*[delete]",
        "repo.content",
        "update",
        "-",
    );
}

#[test]
fn what_is_no_pattern_is_refused_with_what_a_pattern_is() {
    let said = |text: &str| ScopePattern::parse(text).unwrap_err().to_string();
    assert!(said("").starts_with("an empty scope; write a scope such as"));
    assert_eq!(
        said(&"a".repeat(257)),
        "a scope of 257 bytes; at most 256 are allowed"
    );
    for text in [
        ".",
        "repo.",
        ".repo",
        "repo..content",
        "repo.**",
        "**",
        "*.repo",
        "repo.*.content",
        "repo.con*",
        ".*",
        "*.*",
        "repo content",
        "repo/content",
        "rëpo",
        " repo",
        "repo\n",
    ] {
        assert!(
            said(text).starts_with(&format!("`{text}` is not a scope")),
            "{text}"
        );
    }
    assert!(ScopePattern::parse(&"a".repeat(256)).is_ok());
}

#[test]
fn a_pattern_is_written_as_it_was_read() {
    for text in ["*", "repo", "repo.*", "repo.content", "a_b.c-d.e2.*"] {
        assert_eq!(ScopePattern::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn prefixes_are_the_ways_up_shortest_first() {
    let of = |scope, depth_max| prefixes(scope, depth_max).collect::<Vec<_>>().join(" ");
    assert_eq!(
        of("repo.config.dois", 9),
        "repo repo.config repo.config.dois"
    );
    assert_eq!(of("repo", 9), "repo");
    assert_eq!(of("a.b.c.d", 2), "a a.b");
}
