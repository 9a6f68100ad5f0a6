//! Which subscription gets an event: the host's rule, repeated here so that a plugin is tested with it natively and
//! picks the right one of its handlers.
//!
//! Scopes are compared segment by segment, never as string prefixes: `repo.contents` is not under `repo.content`.

use std::cmp::Reverse;

/// The scopes that this version of the interface knows. A scope that it does not know is seen by an exact
/// subscription to the nearest known one above it, as an `update` there.
const KNOWN: [&str; 5] = [
    "repo",
    "repo.content",
    "repo.config",
    "discussion",
    "discussion.comment",
];

/// The actions that this version of the interface knows.
const ACTIONS: [&str; 4] = ["create", "update", "delete", "move"];

/// Whether the Hub's documentation says what is sent with such an event.
pub fn is_known(sent: Seen<'_>) -> bool {
    is_one_of(&KNOWN, sent.scope) && is_one_of(&ACTIONS, sent.action)
}

/// Not inlined: each place would have the comparisons one by one, and plugins are small.
#[inline(never)]
fn is_one_of(words: &[&str], word: &str) -> bool {
    words.contains(&word)
}

/// A scope and an action, as a subscription sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    pub scope: &'a str,
    pub action: &'a str,
}

/// Finds the subscription that wins a sent event, and how it sees it: the most segments, exact before subtree.
pub fn winner<'a, S>(
    subscriptions: &'a [S],
    sent: Seen<'a>,
    parts: impl Fn(&'a S) -> (&'a str, &'a [&'a str]),
) -> Option<(&'a S, Seen<'a>)> {
    let candidates = subscriptions.iter().filter_map(|subscription| {
        let (pattern, actions) = parts(subscription);
        let seen = view(pattern, sent)?;
        (actions.is_empty() || actions.contains(&seen.action)).then_some((
            subscription,
            seen,
            rank(pattern),
        ))
    });
    // `min_by_key` keeps the first of equals, `max_by_key` would keep the last.
    let best = candidates.min_by_key(|(_, _, rank)| Reverse(*rank));
    best.map(|(subscription, seen, _)| (subscription, seen))
}

/// Finds the subscription that won an event at the host, which has narrowed the event to how that one sees it. Among
/// those that see it so the order is that of [`winner`].
pub fn taker<'a, S>(
    subscriptions: &'a [S],
    seen: Seen<'_>,
    parts: impl Fn(&'a S) -> (&'a str, &'a [&'a str]),
) -> Option<&'a S> {
    let mut best: Option<((usize, bool), &S)> = None;
    for subscription in subscriptions {
        let (pattern, actions) = parts(subscription);
        let is_seen =
            shows(pattern, seen.scope) && (actions.is_empty() || is_one_of(actions, seen.action));
        let rank = rank(pattern);
        if is_seen && best.is_none_or(|(best, _)| rank > best) {
            best = Some((rank, subscription));
        }
    }
    best.map(|(_, subscription)| subscription)
}

/// Whether a subscription's pattern sees a scope as it is.
fn shows(pattern: &str, scope: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(top) => is_at_or_under(scope, top),
        None => pattern == "*" || pattern == scope,
    }
}

/// How a subscription's pattern sees a sent event, if at all.
fn view<'a>(pattern: &'a str, sent: Seen<'a>) -> Option<Seen<'a>> {
    if shows(pattern, sent.scope) {
        return Some(sent);
    }
    let narrowed = !is_one_of(&KNOWN, sent.scope) && nearest_known(sent.scope) == Some(pattern);
    narrowed.then_some(Seen {
        scope: pattern,
        action: "update",
    })
}

/// Segments, then exact before subtree.
fn rank(pattern: &str) -> (usize, bool) {
    match pattern.strip_suffix(".*") {
        Some(top) => (segments(top), false),
        None if pattern == "*" => (0, false),
        None => (segments(pattern), true),
    }
}

fn segments(scope: &str) -> usize {
    scope.split('.').count()
}

pub fn is_at_or_under(scope: &str, top: &str) -> bool {
    scope
        .strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn nearest_known(scope: &str) -> Option<&'static str> {
    let above = |known: &&&str| is_at_or_under(scope, known);
    KNOWN
        .iter()
        .filter(above)
        .max_by_key(|known| segments(known))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Declared = (&'static str, &'static [&'static str]);

    /// The pattern that wins and what it sees, as `pattern: scope/action`, or `-`.
    fn check(declared: &[Declared], scope: &str, action: &str, expected: &str) {
        let won = winner(declared, Seen { scope, action }, |(pattern, actions)| {
            (*pattern, *actions)
        });
        let got = won.map_or("-".to_owned(), |((pattern, _), seen)| {
            // Handed over as it sees it, the event is taken by the same one.
            let taken = taker(declared, seen, |(pattern, actions)| (*pattern, *actions));
            assert_eq!(taken.map(|(pattern, _)| pattern), Some(pattern));
            format!("{pattern}: {}/{}", seen.scope, seen.action)
        });
        assert_eq!(got, expected, "{declared:?} on {scope}/{action}");
    }

    #[test]
    fn an_exact_subscription_sees_its_scope_unchanged() {
        check(
            &[("repo.content", &[])],
            "repo.content",
            "update",
            "repo.content: repo.content/update",
        );
        check(&[("repo", &[])], "repo.content", "update", "-");
        check(&[("repo.content", &[])], "repo.contents", "update", "-");
        check(&[("repo.content", &[])], "repo", "create", "-");
    }

    #[test]
    fn a_subtree_sees_all_at_and_under_it_unchanged() {
        check(&[("repo.*", &[])], "repo", "create", "repo.*: repo/create");
        check(
            &[("repo.*", &[])],
            "repo.config.dois",
            "create",
            "repo.*: repo.config.dois/create",
        );
        check(&[("repo.*", &[])], "repository", "create", "-");
        check(
            &[("*", &[])],
            "billing.plan",
            "create",
            "*: billing.plan/create",
        );
    }

    #[test]
    fn an_unknown_scope_is_an_update_on_the_nearest_known_one() {
        check(
            &[("repo.config", &[])],
            "repo.config.dois",
            "create",
            "repo.config: repo.config/update",
        );
        check(&[("repo", &[])], "repo.config.dois", "create", "-");
        check(&[("repo", &[])], "repo.pins", "delete", "repo: repo/update");
        check(
            &[("repo", &[])],
            "repo.contents",
            "update",
            "repo: repo/update",
        );
        check(&[("billing", &[])], "billing.plan", "create", "-");
        check(
            &[("discussion.comment", &[])],
            "discussion.comment.a.b",
            "x",
            "discussion.comment: discussion.comment/update",
        );
    }

    #[test]
    fn the_most_specific_subscription_that_admits_the_action_wins() {
        let declared: &[Declared] = &[
            ("*", &[]),
            ("repo.*", &[]),
            ("repo.config.*", &["create"]),
            ("repo.config", &["update"]),
        ];
        check(
            declared,
            "repo.config.dois",
            "create",
            "repo.config: repo.config/update",
        );
        check(
            declared,
            "repo.config",
            "create",
            "repo.config.*: repo.config/create",
        );
        check(
            declared,
            "repo.config",
            "delete",
            "repo.*: repo.config/delete",
        );
        check(declared, "discussion", "create", "*: discussion/create");
        check(
            &[("repo", &["create"]), ("repo", &["delete"])],
            "repo",
            "delete",
            "repo: repo/delete",
        );
        check(&[("repo", &["create"])], "repo", "delete", "-");
    }
}
