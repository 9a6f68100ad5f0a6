//! The payloads in `tests/payloads` of the repo, and what no Hub sends yet.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

mod round_trip;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/payloads")
}

/// All JSON files in the folder and below. None outside the repo.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    Ok(found)
}

fn file(name: &str) -> Result<Payload> {
    Payload::from_json(&fs::read(folder().join(name))?)
}

fn parse(value: &Value) -> Result<Payload> {
    Payload::from_json(value.to_string().as_bytes())
}

#[test]
fn every_known_payload_is_read_or_refused_with_a_reason() -> Result<()> {
    let mut count = 0;
    for path in files(&folder())? {
        let text = fs::read(&path)?;
        let tree: Value = serde_json::from_slice(&text)?;
        match (Payload::from_json(&text), tree.get("event")) {
            (Ok(payload), Some(Value::Object(event))) => {
                assert_eq!(
                    event.get("scope"),
                    Some(&json!(payload.event.scope)),
                    "{}",
                    path.display()
                );
                assert_eq!(
                    event.get("action"),
                    Some(&json!(payload.event.action)),
                    "{}",
                    path.display()
                );
            }
            (Ok(payload), _) => {
                assert_eq!(payload.event, EventName::default(), "{}", path.display())
            }
            (Err(failure), _) => {
                assert!(
                    !tree.is_object(),
                    "{}: {}",
                    path.display(),
                    failure.reason()
                );
                assert!(
                    failure.reason().contains("no object"),
                    "{}",
                    failure.reason()
                );
            }
        }
        count += 1;
    }
    assert!(count > 40, "only {count} payloads found");
    Ok(())
}

#[test]
fn every_sample_is_read_and_named_for_its_scope() -> Result<()> {
    for sample in crate::sample::SAMPLES {
        let payload = Payload::from_json(sample.json.as_bytes())?;
        assert!(
            !payload.event.scope.is_empty() && !payload.repo.name.is_empty(),
            "{}",
            sample.name
        );
        assert!(!sample.description.is_empty(), "{}", sample.name);
        assert_eq!(payload.webhook.version, Some(3), "{}", sample.name);
    }
    let samples = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"))?;
    assert_eq!(
        samples.len(),
        crate::sample::SAMPLES.len(),
        "files and table differ"
    );
    Ok(())
}

#[test]
fn a_pull_request_as_documented() -> Result<()> {
    let payload = file("v3-doc-2026-discussion-create-pr.json")?;
    assert_eq!(
        (payload.event.scope.as_str(), payload.event.action.as_str()),
        ("discussion", "create")
    );
    assert_eq!(payload.repo.repo_type, RepoType::Model);
    assert_eq!(payload.repo.name, "openai-community/gpt2");
    assert_eq!(payload.repo.private, Some(false));
    assert_eq!(payload.repo.owner.id, "628b753283ef59b5be89e937");
    assert_eq!(
        (&payload.repo.head_sha, &payload.repo.subdomain),
        (&None, &None)
    );
    let discussion = payload.discussion.unwrap_or_default();
    assert_eq!(
        (discussion.num, discussion.title.as_str()),
        (19, "Update co2 emissions")
    );
    assert!(discussion.is_pull_request && discussion.status.is_open() && !discussion.pinned);
    assert_eq!(
        discussion
            .changes
            .and_then(|changes| changes.base)
            .as_deref(),
        Some("refs/heads/main")
    );
    let comment = payload.comment.unwrap_or_default();
    assert_eq!(
        comment.content.as_deref(),
        Some("Add co2 emissions information to the model card")
    );
    assert_eq!(comment.author.id, "61d2f90c3c2083e1c08af22d");
    assert!(comment.url.web.is_some() && comment.url.api.is_none() && !comment.hidden);
    assert_eq!(
        (payload.webhook.id.as_str(), payload.webhook.version),
        ("6390e855e30d9209411de93b", Some(3))
    );
    assert_eq!((payload.moved_to, payload.updated_refs.len()), (None, 0));
    Ok(())
}

#[test]
fn the_beta_called_the_owner_author() -> Result<()> {
    let payload = file("v3-doc-2022-discussion-create-pr-author-gitalyUid.json")?;
    assert_eq!(payload.repo.owner.id, "628b753283ef59b5be89e937");
    assert_eq!(payload.repo.name, "gpt2");
    Ok(())
}

#[test]
fn a_space_whose_pull_request_got_a_ref() -> Result<()> {
    let payload = file("v3-hfh-test-content-space-new-pr-ref.json")?;
    assert_eq!(payload.repo.repo_type, RepoType::Space);
    assert!(payload.repo.subdomain.is_some() && payload.repo.head_sha.is_some());
    let update = payload.updated_refs.first().cloned().unwrap_or_default();
    assert_eq!(
        (update.name.as_str(), update.change()),
        ("refs/pr/5", RefChange::Created)
    );
    assert!(update.is_pull_request() && !update.is_branch() && !update.is_tag());
    assert_eq!(update.short_name(), "5");
    Ok(())
}

#[test]
fn only_what_is_a_commits_id_is_told_as_one() -> Result<()> {
    let told = |sha: Value| -> Result<_> {
        let updates = json!([{"ref": "refs/heads/main", "oldSha": sha, "newSha": sha}]);
        let payload = parse(&json!({"updatedRefs": updates}))?;
        let update = payload.updated_refs.first().cloned().unwrap_or_default();
        assert_eq!(update.old_commit(), update.new_commit());
        Ok(update.new_commit().map(str::to_owned))
    };
    for id in ["575db8b", &"a".repeat(40), &"0F".repeat(32)] {
        assert_eq!(told(json!(id))?.as_deref(), Some(id));
    }
    for none in [
        "",
        "575db8",
        "main",
        "../../../x",
        "575db8b/",
        "575db8b\n",
        &"a".repeat(65),
    ] {
        assert_eq!(told(json!(none))?, None, "{none}");
    }
    assert_eq!(told(Value::Null)?, None);
    Ok(())
}

#[test]
fn a_bucket_tells_files() -> Result<()> {
    let payload = file("v3-doc-2026-09-bucket-content-updatedFiles.json")?;
    assert_eq!(payload.repo.repo_type, RepoType::Bucket);
    assert!(payload.updated_files_truncated);
    let told: Vec<_> = payload
        .updated_files
        .iter()
        .map(|file| (file.path.as_str(), file.action.as_str(), file.size))
        .collect();
    assert_eq!(
        told,
        [
            ("data/train.txt", "add", Some(20)),
            ("data/old.txt", "delete", None)
        ]
    );
    Ok(())
}

#[test]
fn a_move_tells_where_to() -> Result<()> {
    let moved = file("assembled/repo-move-model.json")?
        .moved_to
        .unwrap_or_default();
    assert_eq!(
        (moved.name.as_str(), moved.owner.id.as_str()),
        ("new-org/new-repo", "628b753283ef59b5be89e937")
    );
    let older = file("legacy/v2-repo-move-dataset.json")?
        .moved_to
        .unwrap_or_default();
    assert_eq!(
        (older.name.as_str(), older.owner.id.as_str()),
        ("webhook-test", "")
    );
    Ok(())
}

#[test]
fn settings_may_be_any_json() -> Result<()> {
    assert_eq!(
        file("assembled/config-private-true.json")?
            .updated_config
            .get("private"),
        Some(json!(true))
    );
    assert!(
        file("assembled/config-empty-space-secrets.json")?
            .updated_config
            .is_empty()
    );
    let config = json!({"a": null, "b": [1, null, "x", [-2, 0.5]], "c": {"d": {"e": 18_446_744_073_709_551_615_u64}}, "f": -7, "g": 1.5});
    let payload = parse(&json!({"updatedConfig": config}))?;
    for (name, value) in config.as_object().into_iter().flatten() {
        assert_eq!(
            payload.updated_config.get(name).as_ref(),
            Some(value),
            "{name}"
        );
    }
    assert_eq!(payload.updated_config.len(), 5);
    let twice = Payload::from_json(br#"{"updatedConfig": {"a": 1, "a": [ 2 ]}}"#)?;
    assert_eq!(twice.updated_config.get_json("a"), Some("[ 2 ]"));
    Ok(())
}

#[test]
fn a_merged_pull_request_names_its_commit() -> Result<()> {
    let discussion = file("assembled/discussion-update-pr-merged.json")?
        .discussion
        .unwrap_or_default();
    assert_eq!(discussion.status, Status::Merged);
    assert!(!discussion.status.is_open());
    let commit = discussion
        .changes
        .and_then(|changes| changes.merge_commit_id);
    assert_eq!(
        commit.as_deref(),
        Some("575db8b7a51b6f85eb06eee540738584589f131c")
    );
    let draft = file("assembled/discussion-update-title-draft-pinned.json")?
        .discussion
        .unwrap_or_default();
    assert!(draft.pinned && draft.status == Status::Draft && draft.status.is_open());
    Ok(())
}

#[test]
fn unknown_words_are_kept() -> Result<()> {
    assert_eq!(
        file("assembled/unknown-repo-type-kernel.json")?
            .repo
            .repo_type,
        RepoType::Other("kernel".to_owned())
    );
    assert_eq!(
        file("assembled/unknown-action.json")?.event.action,
        "archive"
    );
    let payload = parse(&json!({"discussion": {"status": "frozen"}, "webhook": {"version": 4}}))?;
    assert_eq!(
        payload.discussion.unwrap_or_default().status.to_string(),
        "frozen"
    );
    assert_eq!(payload.webhook.version, Some(4));
    Ok(())
}

#[test]
fn a_field_of_another_type_is_absent() -> Result<()> {
    let odd = json!({
        "event": "update", "comment": [1], "discussion": null, "updatedConfig": "none", "updatedFilesTruncated": "yes",
        "repo": {"type": 3, "name": null, "id": {"$oid": "1"}, "private": 0, "tags": ["a", 1, null, "b"], "url": "x",
                 "owner": [], "headSha": false},
        "updatedRefs": [{"ref": "refs/heads/main", "oldSha": 1, "newSha": "b"}, "refs/heads/x", 7, {}],
        "webhook": {"id": 1.5, "version": -3},
        "updatedFiles": {"path": "x"},
    });
    let payload = parse(&odd)?;
    assert_eq!(
        (payload.event, payload.comment, payload.discussion),
        (EventName::default(), None, None)
    );
    assert!(
        payload.updated_config.is_empty()
            && !payload.updated_files_truncated
            && payload.updated_files.is_empty()
    );
    assert_eq!(
        payload.repo,
        Repo {
            tags: vec!["a".to_owned(), "b".to_owned()],
            ..Repo::default()
        }
    );
    assert_eq!(payload.webhook, Webhook::default());
    let refs: Vec<_> = payload
        .updated_refs
        .iter()
        .map(|update| (update.name.as_str(), update.change()))
        .collect();
    assert_eq!(
        refs,
        [
            ("refs/heads/main", RefChange::Created),
            ("", RefChange::Updated)
        ]
    );
    Ok(())
}

#[test]
fn what_is_no_json_is_refused_for_good() {
    for text in [
        "",
        "{",
        "null",
        "\"x\"",
        "[{}]",
        "{} {}",
        "{\"a\": 01}",
        "{\"event\": {\"scope\": \"\u{1}\"}}",
    ] {
        let refused = Payload::from_json(text.as_bytes());
        assert!(
            matches!(refused, Err(Failure::Rejected { .. })),
            "{text}: {refused:?}"
        );
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let refused =
        Payload::from_json(format!("{{\"updatedConfig\": {{\"a\": {deep}}}}}").as_bytes());
    assert!(
        refused.is_err_and(|failure| failure.reason().contains("nested deeper than 128 levels"))
    );
    assert!(Payload::from_json(&[0xff, 0xfe, b'{']).is_err());
}

#[test]
fn keys_and_texts_with_escapes_are_read() -> Result<()> {
    let payload = Payload::from_json(
        br#"{"\u0065vent": {"scope": "repo\u002econtent", "action": "\ud83d\ude00"}}"#,
    )?;
    assert_eq!(
        (payload.event.scope.as_str(), payload.event.action.as_str()),
        ("repo.content", "😀")
    );
    Ok(())
}

#[test]
fn what_happened_to_a_ref_is_one_of_three() -> Result<()> {
    let check = |commits: Value, expected: [bool; 3]| -> Result<()> {
        let mut update = json!({"ref": "refs/heads/main"});
        if let (Some(update), Some(commits)) = (update.as_object_mut(), commits.as_object()) {
            update.extend(commits.clone());
        }
        let payload = parse(&json!({"updatedRefs": [update]}))?;
        let update = &payload.updated_refs[0];
        let told = [update.created(), update.updated(), update.deleted()];
        assert_eq!(told, expected, "{update:?}");
        Ok(())
    };
    check(json!({"newSha": "b"}), [true, false, false])?;
    check(json!({"oldSha": "a", "newSha": "b"}), [false, true, false])?;
    check(json!({"oldSha": "a", "newSha": null}), [false, false, true])?;
    check(json!({}), [false, true, false])
}

#[test]
fn a_repo_is_of_one_kind_or_of_a_later_one() -> Result<()> {
    for (word, expected) in [
        ("model", [true, false, false, false]),
        ("dataset", [false, true, false, false]),
        ("space", [false, false, true, false]),
        ("bucket", [false, false, false, true]),
        ("kernel", [false; 4]),
    ] {
        let repo = parse(&json!({"repo": {"type": word, "name": "gpt2"}}))?.repo;
        let told = [
            repo.is_model(),
            repo.is_dataset(),
            repo.is_space(),
            repo.is_bucket(),
        ];
        assert_eq!(told, expected, "{word}");
        assert_eq!((repo.namespace(), repo.is_public()), (None, false));
    }
    Ok(())
}

#[test]
fn a_discussion_is_open_until_it_is_closed_or_merged() -> Result<()> {
    for (status, expected) in [
        ("open", [true, false, false, false]),
        ("draft", [true, true, false, false]),
        ("closed", [false, false, true, false]),
        ("merged", [false, false, false, true]),
        ("parked", [false; 4]),
    ] {
        let payload = parse(&json!({"discussion": {"status": status}}))?;
        let discussion = payload.discussion.unwrap_or_default();
        let told = [
            discussion.is_open(),
            discussion.is_draft(),
            discussion.is_closed(),
            discussion.is_merged(),
        ];
        assert_eq!(told, expected, "{status}");
    }
    Ok(())
}
