//! What the macros know of the Hub's events: the scopes and actions that there are, and which type shows which scope.

/// The scopes that this version of the interface knows.
const KNOWN: [&str; 5] = [
    "repo",
    "repo.content",
    "repo.config",
    "discussion",
    "discussion.comment",
];

/// The actions that the Hub has.
const ACTIONS: [&str; 4] = ["create", "update", "delete", "move"];

/// What a handler may take, with the scope that it shows: that one and all under it. `None` shows anything.
const VIEWS: [(&str, Option<&str>); 7] = [
    ("Event", None),
    ("RepoEvent", Some("repo")),
    ("MoveEvent", Some("repo")),
    ("ContentEvent", Some("repo.content")),
    ("ConfigEvent", Some("repo.config")),
    ("DiscussionEvent", Some("discussion")),
    ("CommentEvent", Some("discussion.comment")),
];

/// Whether a text is a scope to subscribe to: dotted words of letters, digits, `-` and `_`, and perhaps `.*` at the
/// end; or `*`.
pub fn is_subscription(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !word.is_empty() && word.bytes().all(is_part)
    };
    text == "*" || top(text).split('.').all(is_word)
}

/// A scope without `.*`.
fn top(scope: &str) -> &str {
    scope.strip_suffix(".*").unwrap_or(scope)
}

/// What to write in place of a scope that the Hub probably does not have.
pub fn mend(scope: &str) -> Option<String> {
    if let Some(reason) = action_in(top(scope)) {
        return Some(reason);
    }
    let meant = meant_scope(scope)?;
    Some(format!(
        "there is no scope `{scope}`: did you mean `{meant}`? (If the Hub has it: `#[on(\"{scope}\", unknown)]`)"
    ))
}

/// What to write where a scope ends with an action.
fn action_in(scope: &str) -> Option<String> {
    let (of, action) = scope.rsplit_once('.').unwrap_or(("repo", scope));
    ACTIONS
        .contains(&action)
        .then(|| format!("`{action}` is an action: `#[on(\"{of}\", actions = [{action}])]`"))
}

/// The scope that was probably meant by one that the Hub does not have.
fn meant_scope(scope: &str) -> Option<String> {
    let top = top(scope);
    let subtree = scope.strip_prefix(top).unwrap_or_default();
    let is_end = |known: &&&str| known.rsplit_once('.').is_some_and(|(_, end)| end == top);
    let known = KNOWN.iter().find(is_end).copied();
    let known = known.or_else(|| nearest(top, &KNOWN))?;
    Some(format!("{known}{subtree}"))
}

/// The action that was probably meant by one that the Hub does not have.
pub fn meant_action(action: &str) -> Option<&'static str> {
    nearest(action, &ACTIONS)
}

/// The word of a list that another one is nearly, but not exactly.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if known.contains(&word) {
        return None;
    }
    let near = known.iter().filter_map(|known| {
        let distance = distance(word, known);
        // Of a short word two letters are half of another one: `remove` is no `move`.
        let near = if known.len() < 5 { 1 } else { 2 };
        (distance <= near).then_some((distance, *known))
    });
    near.min().map(|(_, known)| known)
}

/// How many letters have to be added, left out or changed to make one word of another.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, have) in from.chars().enumerate() {
        let mut above_left = line;
        let mut left = line + 1;
        for (place, want) in row.iter_mut().skip(1).zip(to.chars()) {
            let changed = above_left + usize::from(have != want);
            above_left = *place;
            left = changed.min(*place + 1).min(left + 1);
            *place = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What a handler of a scope takes.
fn best(scope: &str) -> Option<&'static str> {
    let shows = |(name, shown): &(&'static str, Option<&str>)| {
        let is_special = *name == "MoveEvent";
        let shown = shown.filter(|shown| !is_special && is_at_or_under(top(scope), shown))?;
        Some((shown.len(), *name))
    };
    VIEWS.iter().filter_map(shows).max().map(|(_, name)| name)
}

fn is_at_or_under(scope: &str, top: &str) -> bool {
    scope
        .strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why a handler of these events cannot take this type, if it is known that it cannot: the compiler judges types of
/// other names.
pub fn misfit(view: &str, scope: &str, actions: &[String]) -> Option<String> {
    let (_, shown) = VIEWS.iter().find(|(name, _)| *name == view)?;
    let shown = (*shown)?;
    if view == "MoveEvent" {
        let moves = actions.iter().map(String::as_str).eq(["move"]);
        return (scope != "repo" || !moves).then(|| {
            "`MoveEvent` is what the action `move` of `repo` sends: write `#[on(\"repo\", actions = [move])]`, or take \
             a `RepoEvent`"
                .to_owned()
        });
    }
    if scope != "*" && is_at_or_under(top(scope), shown) {
        return None;
    }
    Some(match best(scope) {
        Some(best) => format!(
            "`{view}` shows `{shown}`; what `{scope}` sends is a `{best}`, and `Event` takes anything"
        ),
        None => format!("`{view}` shows `{shown}`; what `{scope}` sends only `Event` takes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scopes_and_actions_are_those_that_the_library_knows() {
        let rule = include_str!("../../src/scope.rs");
        let listed = |name: &str| -> Vec<&str> {
            let list = rule.split(name).nth(1).unwrap();
            let list = list.split("];").next().unwrap();
            list.split('"').skip(1).step_by(2).collect()
        };
        assert_eq!(listed("const KNOWN: [&str; 5] = ["), KNOWN);
        assert_eq!(listed("const ACTIONS: [&str; 4] = ["), ACTIONS);
    }

    #[test]
    fn what_can_be_subscribed_to() {
        for good in [
            "*",
            "repo",
            "repo.*",
            "repo.content",
            "discussion.comment.*",
            "x-1_y.z",
        ] {
            assert!(is_subscription(good), "{good}");
        }
        for bad in [
            "",
            ".",
            ".*",
            "repo.",
            ".repo",
            "repo..content",
            "Repo Content!!",
            "repo*",
            "*.repo",
            "repo.*.x",
            "**",
        ] {
            assert!(!is_subscription(bad), "{bad}");
        }
    }

    #[test]
    fn a_near_miss_is_told_from_a_scope_of_the_future() {
        let check = |scope: &str, meant: Option<&str>| {
            assert_eq!(meant_scope(scope).as_deref(), meant, "{scope}");
        };
        check("discusion.comment", Some("discussion.comment"));
        check("discussion.coment.*", Some("discussion.comment.*"));
        check("repo.contents", Some("repo.content"));
        check("repo.confg", Some("repo.config"));
        check("repos", Some("repo"));
        check("Repo", Some("repo"));
        check("comment", Some("discussion.comment"));
        check("content.*", Some("repo.content.*"));
        for right in [
            "repo",
            "repo.*",
            "*",
            "repo.pins",
            "billing.plan",
            "rep.pins",
            "disk",
        ] {
            check(right, None);
        }
    }

    #[test]
    fn an_action_is_no_part_of_a_scope() {
        let check = |scope: &str, form: &str| {
            assert!(mend(scope).unwrap().ends_with(form), "{scope}");
        };
        let form = r#"`create` is an action: `#[on("discussion.comment", actions = [create])]`"#;
        check("discussion.comment.create", form);
        check("repo.move.*", r#"`#[on("repo", actions = [move])]`"#);
        check("delete", r#"`#[on("repo", actions = [delete])]`"#);
        assert_eq!(mend("repo.merge"), None);
    }

    #[test]
    fn a_near_miss_is_told_from_an_action_of_the_future() {
        let check = |action: &str, meant| assert_eq!(meant_action(action), meant, "{action}");
        check("creat", Some("create"));
        check("updated", Some("update"));
        check("mov", Some("move"));
        for right in [
            "move", "delete", "archive", "remove", "pin", "merge", "close",
        ] {
            check(right, None);
        }
    }

    #[test]
    fn the_distance_counts_letters() {
        for (from, to, letters) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("move", "move", 0),
            ("kitten", "sitting", 3),
            ("übel", "ubel", 1),
        ] {
            assert_eq!(distance(from, to), letters, "{from} to {to}");
        }
    }

    #[test]
    fn a_handler_takes_what_its_scope_sends() {
        let fits = |view: &str, scope: &str| misfit(view, scope, &[]).is_none();
        for (view, scope) in [
            ("Event", "*"),
            ("Event", "billing.plan"),
            ("RepoEvent", "repo"),
            ("RepoEvent", "repo.*"),
            ("RepoEvent", "repo.config"),
            ("RepoEvent", "repo.pins"),
            ("ContentEvent", "repo.content"),
            ("ContentEvent", "repo.content.*"),
            ("ConfigEvent", "repo.config"),
            ("DiscussionEvent", "discussion.*"),
            ("CommentEvent", "discussion.comment"),
            ("Mine", "repo"),
        ] {
            assert!(fits(view, scope), "{view} of {scope}");
        }
        for (view, scope) in [
            ("RepoEvent", "*"),
            ("RepoEvent", "repository"),
            ("RepoEvent", "discussion"),
            ("ContentEvent", "repo.*"),
            ("ContentEvent", "repo"),
            ("CommentEvent", "discussion.*"),
            ("MoveEvent", "repo"),
        ] {
            assert!(!fits(view, scope), "{view} of {scope}");
        }
        assert!(misfit("MoveEvent", "repo", &["move".to_owned()]).is_none());
        assert!(misfit("MoveEvent", "repo.*", &["move".to_owned()]).is_some());
    }

    #[test]
    fn the_reason_names_what_to_take_instead() {
        let reason = |scope: &str| misfit("CommentEvent", scope, &[]).unwrap_or_default();
        let known = "what `repo.content` sends is a `ContentEvent`, and `Event` takes anything";
        assert!(reason("repo.content").ends_with(known));
        assert!(reason("repo.pins").contains("a `RepoEvent`"));
        assert!(reason("billing.plan").ends_with("what `billing.plan` sends only `Event` takes"));
    }
}
