//! Each view on every payload of the collection, on payloads without a part, and on events from the future.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::{Outcome, sample};

/// What becomes of an event that is shown so: `shown`, or the answer instead.
fn shown<V: View>(event: &Event) -> String {
    match V::of(event.clone()) {
        Ok(_) => "shown".to_owned(),
        Err(Ok(Outcome::Ignored(Some(text)))) => format!("ignored: {text}"),
        Err(Err(Failure::Rejected { reason })) => format!("rejected: {reason}"),
        Err(other) => format!("{other:?}"),
    }
}

/// A view by its name, and [`shown`] for it.
type Shown = (&'static str, fn(&Event) -> String);

/// The views that show all events of a scope.
fn views(scope: &str) -> Vec<Shown> {
    let mut fitting: Vec<Shown> = vec![("Event", shown::<Event>)];
    match scope {
        "repo" => fitting.push(("RepoEvent", shown::<RepoEvent>)),
        "repo.content" => fitting.push(("ContentEvent", shown::<ContentEvent>)),
        "repo.config" => fitting.push(("ConfigEvent", shown::<ConfigEvent>)),
        "discussion" => fitting.push(("DiscussionEvent", shown::<DiscussionEvent>)),
        "discussion.comment" => {
            fitting.push(("DiscussionEvent", shown::<DiscussionEvent>));
            fitting.push(("CommentEvent", shown::<CommentEvent>));
        }
        _ => {}
    }
    if scope.starts_with("repo") {
        fitting.push(("RepoEvent", shown::<RepoEvent>));
    }
    fitting
}

/// The payloads with an event of the current shape, by name. The collection is not outside the repository.
fn payloads() -> std::io::Result<Vec<(String, String)>> {
    let samples = sample::SAMPLES.iter();
    let mut all: Vec<_> = samples
        .map(|sample| (sample.name.to_owned(), sample.json.to_owned()))
        .collect();
    let mut folders: Vec<PathBuf> =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/payloads")];
    folders.retain(|folder| folder.is_dir());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                all.push((path.display().to_string(), std::fs::read_to_string(&path)?));
            }
        }
    }
    let has_event = |text: &str| {
        let tree: Result<Value, _> = serde_json::from_str(text);
        tree.is_ok_and(|tree| tree["event"].is_object() && tree["event"]["scope"].is_string())
    };
    all.retain(|(_, text)| has_event(text));
    Ok(all)
}

#[test]
fn every_payload_of_the_collection_has_what_its_views_show() -> Result<()> {
    let mut views_tried = 0;
    for (name, text) in payloads()? {
        let event = Event::from_json(&text)?;
        for (view, shown) in views(event.scope()) {
            assert_eq!(shown(&event), "shown", "{view} of {name}");
            views_tried += 1;
        }
        if event.action() == "move" {
            assert_eq!(shown::<MoveEvent>(&event), "shown", "MoveEvent of {name}");
        }
    }
    assert!(views_tried > 30, "{views_tried}");
    Ok(())
}

/// A comment's payload without some parts.
fn without(scope: &str, action: &str, parts: &[&str]) -> Result<Event> {
    let mut payload = Event::sample("discussion-comment")?.json()?;
    payload["event"] = json!({"scope": scope, "action": action});
    if let Some(object) = payload.as_object_mut() {
        object.retain(|key, _| !parts.contains(&key.as_str()));
    }
    Event::from_json(&payload.to_string())
}

#[test]
fn what_the_hub_promises_and_does_not_send_is_rejected() -> Result<()> {
    let check = |shown: String, part: &str, scope: &str| {
        let expected = format!(
            "rejected: the Hub sends a {part} with `{scope}`, and this payload has none: look at what posted it"
        );
        assert_eq!(shown, expected);
    };
    let lacking = |part: &str| without("discussion.comment", "create", &[part]);
    let (comment, discussion, repo) = (
        lacking("comment")?,
        lacking("discussion")?,
        lacking("repo")?,
    );
    let scope = "discussion.comment";
    check(shown::<CommentEvent>(&comment), "comment", scope);
    check(shown::<CommentEvent>(&discussion), "discussion", scope);
    check(shown::<CommentEvent>(&repo), "repo", scope);
    check(shown::<DiscussionEvent>(&discussion), "discussion", scope);
    let moved = without("repo", "move", &[])?;
    check(shown::<MoveEvent>(&moved), "new name", "repo");
    let nameless = without("repo", "create", &["repo"])?;
    check(shown::<RepoEvent>(&nameless), "repo", "repo");
    check(shown::<ContentEvent>(&nameless), "repo", "repo");
    check(shown::<ConfigEvent>(&nameless), "repo", "repo");
    assert_eq!(shown::<Event>(&nameless), "shown");
    Ok(())
}

#[test]
fn nobody_promised_anything_of_a_scope_or_an_action_of_the_future() -> Result<()> {
    for (scope, action) in [
        ("discussion.comment.reaction", "create"),
        ("discussion.comment", "pin"),
        ("billing", "create"),
    ] {
        let event = without(scope, action, &["comment"])?;
        let expected = format!("ignored: the payload of `{scope}` has no comment");
        assert_eq!(shown::<CommentEvent>(&event), expected);
    }
    // As the host hands over what it narrowed: an `update` of the scope above.
    let event = without("discussion.comment.reaction", "create", &["comment"])?;
    let narrowed = event.seen_as(Seen {
        scope: "discussion.comment",
        action: "update",
    });
    let expected = "ignored: the payload of `discussion.comment.reaction` has no comment";
    assert_eq!(shown::<CommentEvent>(&narrowed), expected);
    Ok(())
}

#[test]
fn lists_that_are_absent_are_empty() -> Result<()> {
    let Ok(bare) = ContentEvent::of(without("repo.content", "update", &["updatedRefs"])?) else {
        return Err(Failure::reject("no view"));
    };
    assert!(bare.refs.is_empty() && bare.files.is_empty() && !bare.files_truncated);
    let Ok(bare) = ConfigEvent::of(without("repo.config", "update", &[])?) else {
        return Err(Failure::reject("no view"));
    };
    assert!(bare.changes.is_empty());
    Ok(())
}

#[test]
fn a_view_is_its_event_too_and_the_payload_is_still_there() -> Result<()> {
    let event = Event::sample("discussion-comment")?;
    let Ok(view) = CommentEvent::of(event.clone()) else {
        return Err(Failure::reject("no view"));
    };
    assert_eq!(view.run_id(), event.run_id());
    assert_eq!((view.raw(), view.json()?), (event.raw(), event.json()?));
    assert_eq!(view.payload()?, event.payload()?);
    assert_eq!(Some(&view.comment), event.payload()?.comment.as_ref());
    assert_eq!(Some(&view.discussion), event.payload()?.discussion.as_ref());
    assert_eq!(view.repo, event.payload()?.repo);
    Ok(())
}

#[test]
fn what_cannot_be_read_is_rejected_as_ever() {
    let event = Event::from_json("{}").map(|event| shown::<RepoEvent>(&event));
    // No scope is no known one.
    assert_eq!(
        event,
        Ok("ignored: the payload of `` has no repo".to_owned())
    );
}
