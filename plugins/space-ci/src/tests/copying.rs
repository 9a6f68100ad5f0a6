//! Which files are copied, and in how many commits.

use super::*;

const FILE_BYTES_MAX_AND_MORE: u64 = 1024 * 1024 + 1;

#[test]
fn large_files_are_left_out_and_named_as_code() {
    let _config = configured();
    let hub = hub(ADA, "open", &[]);
    let hostile = "`@everyone`\n# x.bin";
    with_files(
        &hub,
        &[
            file("README.md", "a"),
            json!({"type": "file", "path": hostile, "oid": "l", "size": 5, "lfs": {"oid": "e", "size": 5}}),
            json!({"type": "file", "path": "big.json", "oid": "b", "size": FILE_BYTES_MAX_AND_MORE}),
        ],
    );
    with_target(&hub, &[]);
    let said = done(format!(
        "{PAGE} is at {HEAD}: 1 files written, 0 deleted, 2 left out"
    ));
    assert_eq!(PLUGIN.deliver(&discussion("create", "open")), Some(said));
    let comment = hub.bodies().pop().unwrap();
    let comment = comment["comment"].as_str().unwrap();
    assert!(
        comment.contains("can hold:\n- `@everyone# x.bin`\n- `big.json`\n"),
        "{comment}"
    );
    // One that looks small, and stands for a large one.
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:e3b0\nsize 7\n";
    let place = format!("/spaces/my-org/demo/raw/{HEAD}/README.md");
    hub.answers_with("GET", &place, Ok(Response::new(200).with_body(pointer)));
    for left_out in [2, 3] {
        let written = 3 - left_out;
        let text =
            format!("{PAGE} is at {HEAD}: {written} files written, 0 deleted, {left_out} left out");
        let said = if written == 0 {
            ignored(text)
        } else {
            done(text)
        };
        assert_eq!(PLUGIN.deliver(&push("refs/pr/5", Some(HEAD))), Some(said));
    }
    let many: Vec<_> = (0..25).map(|n| format!("{n}{}", "x".repeat(300))).collect();
    let shown = copy::shown(&many);
    assert!(
        shown.ends_with("- and 5 more\n") && shown.len() < 3_000,
        "{shown}"
    );
}

#[test]
fn a_file_that_grew_too_large_leaves_no_old_form_behind() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    let big =
        json!({"type": "file", "path": "big.json", "oid": "b", "size": FILE_BYTES_MAX_AND_MORE});
    let files = [file("README.md", "a"), big, file("lfs", "p")];
    hub.answers("GET", &format!("{SOURCE}/tree/{HEAD}"), &json!(files));
    with_files(&hub, &files[..1]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:e3b0\nsize 7\n";
    let place = format!("/spaces/my-org/demo/raw/{HEAD}/lfs");
    hub.answers_with("GET", &place, Ok(Response::new(200).with_body(pointer)));
    let old = [
        file("README.md", "a"),
        file("big.json", "small"),
        file("lfs", "small"),
    ];
    with_target(&hub, &old);
    let said = done(format!(
        "{PAGE} is at {HEAD}: 0 files written, 2 deleted, 2 left out"
    ));
    assert_eq!(PLUGIN.deliver(&push("refs/pr/5", Some(HEAD))), Some(said));
    assert_eq!(committed(&hub), ["deletedFile big.json", "deletedFile lfs"]);
}

#[test]
fn a_file_that_no_request_can_name_is_left_out() {
    use hookbox_sdk::http::{Error, ErrorKind};
    let _config = configured();
    let hub = hub(ADA, "open", &[]);
    let files = [
        file("README.md", "a"),
        file("back\\slash", "b"),
        file(";x", "c"),
    ];
    hub.answers("GET", &format!("{SOURCE}/tree/{HEAD}"), &json!(files));
    with_files(&hub, &files[..1]);
    let place = format!("/spaces/my-org/demo/raw/{HEAD}/%3Bx");
    let refused = Error::new(ErrorKind::Invalid, "the host refuses it");
    hub.answers_with("GET", &place, Err(refused));
    with_target(&hub, &[]);
    let said = done(format!(
        "{PAGE} is at {HEAD}: 1 files written, 0 deleted, 2 left out"
    ));
    assert_eq!(PLUGIN.deliver(&discussion("create", "open")), Some(said));
}

#[test]
fn many_deletions_become_several_commits() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    with_files(&hub, &[file("README.md", "a")]);
    let mut old = vec![file("README.md", "a")];
    old.extend((0..101).map(|n| file(&format!("f{n}.py"), "x")));
    with_target(&hub, &old);
    let event = push("refs/pr/5", Some(HEAD));
    assert!(PLUGIN.deliver(&event).unwrap().is_ok());
    assert_eq!((changes(&hub).len(), committed(&hub).len()), (3, 101));
}

#[test]
fn many_files_become_several_commits() {
    let _config = configured();
    let hub = hub(ADA, "open", &[told_before()]);
    let mut files = vec![file("README.md", "a")];
    files.extend((0..119).map(|n| file(&format!("f{n}.py"), "x")));
    with_files(&hub, &files);
    with_target(&hub, &[]);
    assert!(
        PLUGIN
            .deliver(&push("refs/pr/5", Some(HEAD)))
            .unwrap()
            .is_ok()
    );
    assert_eq!(changes(&hub).len(), 3);
    assert_eq!(committed(&hub).len(), 120);
}
