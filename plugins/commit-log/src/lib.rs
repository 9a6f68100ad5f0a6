//! Logs what changed in a repo: one line for each branch, tag or pull request ref, and one for a bucket's files.

use hookbox_sdk::payload::{FileAction, RefUpdate};
use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json::Value;

plugin! {
    description: "Logs each branch, tag and file that changed",
    handlers: [log_changes],
}

/// A bucket's files that are named in the outcome. The rest are counted: an outcome holds 64 KiB.
const FILES_SHOWN_MAX: usize = 20;
/// Refs that are named in the outcome, and logged. The rest are counted.
const REFS_SHOWN_MAX: usize = 100;

#[on("repo.content", actions = [update])]
fn log_changes(event: ContentEvent) -> Result {
    if !event.refs.is_empty() {
        done_json(&refs(&event))
    } else if !event.files.is_empty() {
        done_json(&files(&event))
    } else {
        ignored("the payload names no refs and no files")
    }
}

fn refs(event: &ContentEvent) -> Value {
    let shown = event.refs.iter().take(REFS_SHOWN_MAX);
    let refs: Vec<_> = shown
        .map(|update| log_ref(&event.repo.name, update))
        .collect();
    json!({ "repo": event.repo.name, "count": event.refs.len(), "refs": refs })
}

fn log_ref(repo: &str, update: &RefUpdate) -> Value {
    let commit = update.new_sha.as_ref().or(update.old_sha.as_ref());
    let commit = commit.map_or("an unnamed commit", String::as_str);
    log::info!(
        "{repo}: {} {} {} at {commit}",
        kind(update),
        update.short_name(),
        update.change()
    );
    json!({ "ref": update.name, "change": update.change().as_str(), "old": update.old_sha, "new": update.new_sha })
}

fn kind(update: &RefUpdate) -> &'static str {
    match update {
        branch if branch.is_branch() => "branch",
        tag if tag.is_tag() => "tag",
        pull if pull.is_pull_request() => "pull request",
        _ => "ref",
    }
}

fn files(event: &ContentEvent) -> Value {
    let files = &event.files;
    let count = |action: &FileAction| files.iter().filter(|file| file.action == *action).count();
    let bytes = files
        .iter()
        .filter_map(|file| file.size)
        .fold(0u64, u64::saturating_add);
    let (added, deleted) = (count(&FileAction::Add), count(&FileAction::Delete));
    let more = if event.files_truncated {
        ", and more that the Hub did not list"
    } else {
        ""
    };
    log::info!(
        "{}: {added} files added ({bytes} bytes), {deleted} deleted{more}",
        event.repo.name
    );
    let shown: Vec<_> = files
        .iter()
        .take(FILES_SHOWN_MAX)
        .map(|file| file.path.as_str())
        .collect();
    json!({
        "repo": event.repo.name, "added": added, "deleted": deleted, "bytes": bytes,
        "truncated": event.files_truncated, "files": shown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookbox_sdk::testing::{SampleEvent, sample};

    /// The outcome of an event as JSON.
    fn outcome(event: SampleEvent) -> Result<Value> {
        match event.to(PLUGIN) {
            Some(Ok(Outcome::Done(Some(text)))) => Ok(hookbox_sdk::serde_json::from_str(&text)?),
            other => Err(Failure::reject(format!("{other:?}"))),
        }
    }

    #[test]
    fn every_ref_is_told_with_what_happened_to_it() -> Result<()> {
        let expected = json!({
            "repo": "some-user/some-repo",
            "count": 2,
            "refs": [
                {
                    "ref": "refs/heads/main", "change": "updated",
                    "old": "ce9a4674fa833a68d5a73ec355f0ea95eedd60b7",
                    "new": "575db8b7a51b6f85eb06eee540738584589f131c",
                },
                {
                    "ref": "refs/heads/old-branch", "change": "deleted",
                    "old": "ce9a4674fa833a68d5a73ec355f0ea95eedd60b7", "new": null,
                },
            ],
        });
        assert_eq!(outcome(sample("repo-content"))?, expected);
        Ok(())
    }

    #[test]
    fn tags_and_pull_requests_are_refs_too() -> Result<()> {
        let tag = outcome(sample("repo-content-tag"))?;
        assert_eq!(tag.pointer("/refs/0/change"), Some(&json!("created")));
        assert_eq!(tag.pointer("/refs/0/ref"), Some(&json!("refs/tags/v1.0")));
        let pull = outcome(sample("repo-content-pr"))?;
        assert_eq!(pull.pointer("/refs/0/ref"), Some(&json!("refs/pr/5")));
        Ok(())
    }

    #[test]
    fn files_of_a_bucket_are_summed_up() -> Result<()> {
        let expected = json!({
            "repo": "some-user/some-bucket", "added": 1, "deleted": 1, "bytes": 20, "truncated": true,
            "files": ["data/train.txt", "data/old.txt"],
        });
        assert_eq!(outcome(sample("bucket-content"))?, expected);
        Ok(())
    }

    #[test]
    fn a_payload_without_a_list_is_left_alone() {
        let bare = sample("repo-content").without("/updatedRefs");
        let said = ignored("the payload names no refs and no files");
        assert_eq!(log_changes(bare.view()), said);
        assert_eq!(sample("repo-create").to(PLUGIN), None);
    }

    #[test]
    fn ten_thousand_files_and_refs_stay_within_an_outcome() -> Result<()> {
        let files: Vec<_> = (0..10_000)
            .map(|n| json!({"path": format!("d/{n}"), "action": "add", "size": 1}))
            .collect();
        let refs: Vec<_> = (0..10_000)
            .map(|n| json!({"ref": format!("refs/heads/{n}"), "newSha": "a"}))
            .collect();
        let files = outcome(sample("bucket-content").set("/updatedFiles", files))?;
        assert_eq!(files.get("bytes"), Some(&json!(10_000)));
        let refs = outcome(sample("repo-content").set("/updatedRefs", refs))?;
        assert_eq!(refs.get("count"), Some(&json!(10_000)));
        assert!(files.to_string().len() < 64 * 1024 && refs.to_string().len() < 64 * 1024);
        Ok(())
    }
}
