//! What the types model of a payload, told again, is what was sent; and what they do not model is listed here.

use std::collections::BTreeMap;

use super::*;
use crate::payload::lenient::Told;
use crate::{Event, sample};

/// What payloads have that no field tells, and why. It stays in [`Event::json`].
const NOT_MODELLED: &[(&str, &str)] = &[
    (
        "repo.gitalyUid",
        "an id of the Hub's storage, in payloads before version 3 and in its beta",
    ),
    ("repo.authorId", "version 2: the owner, under another name"),
    ("scope", "version 2: beside the event, not in it"),
    (
        "event",
        "version 2 and the beta: a word (`add`), no object; `add` became `create` later",
    ),
    ("domain", "the beta: the words of the scope as a list"),
    (
        "add",
        "version 1: the whole payload is a word with a repo's path",
    ),
    ("update", "version 1: as `add`"),
    ("remove", "version 1: as `add`"),
];

/// All payloads of the collection and all samples, by name; a fragment as a payload that has nothing else.
fn payloads() -> Result<Vec<(String, Value)>> {
    let samples = sample::SAMPLES.iter();
    let samples = samples.map(|sample| Ok((sample.name.to_owned(), sample.json.parse()?)));
    let mut all: Vec<_> = samples.collect::<Result<_>>()?;
    for path in files(&folder())? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut tree: Value = fs::read_to_string(&path)?.parse()?;
        if path.parent() == Some(&folder().join("fragments")) {
            let key = name.split('-').next().unwrap_or_default();
            tree = json!({key: tree});
        }
        all.push((name.into_owned(), tree));
    }
    Ok(all)
}

/// A payload with the words of older ones as the Hub writes them today.
fn in_todays_words(mut sent: Value) -> Value {
    if let Some(Value::Object(repo)) = sent.get_mut("repo")
        && let Some(author) = repo.remove("author")
    {
        repo.entry("owner").or_insert(author);
    }
    if let Some(name) = sent.get("movedTo").and_then(Value::as_str) {
        sent["movedTo"] = json!({"name": name});
    }
    sent
}

/// The paths of what one tree has and the other has not, or has otherwise. What says nothing (`null`, `false`, an empty
/// list) may as well be absent.
fn beyond(tree: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
    let nothing = [json!(null), json!(false), json!([]), json!({}), json!("")];
    if tree == other || nothing.contains(tree) {
        return;
    }
    let missing = Value::Null;
    match tree {
        Value::Object(object) if !object.is_empty() && (other.is_object() || other.is_null()) => {
            for (key, value) in object {
                let path = match path {
                    "" => key.clone(),
                    _ => format!("{path}.{key}"),
                };
                beyond(value, other.get(key).unwrap_or(&missing), &path, found);
            }
        }
        Value::Array(items) if other.is_array() => {
            for (at, item) in items.iter().enumerate() {
                let path = format!("{path}[]");
                beyond(item, other.get(at).unwrap_or(&missing), &path, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn what_is_modelled_is_what_was_sent() -> Result<()> {
    let mut count = 0;
    for (name, sent) in payloads()? {
        let payload = parse(&sent)?;
        let told = payload.told();
        assert_eq!(parse(&told)?, payload, "{name}");
        let mut invented = vec![];
        beyond(&told, &in_todays_words(sent), "", &mut invented);
        assert!(invented.is_empty(), "{name}: {invented:?}");
        count += 1;
    }
    assert!(count > 60, "{count}");
    Ok(())
}

#[test]
fn what_is_not_modelled_is_known_with_the_reason() -> Result<()> {
    let mut unread = BTreeMap::new();
    for (name, sent) in payloads()? {
        let mut paths = vec![];
        let told = parse(&sent)?.told();
        beyond(&in_todays_words(sent), &told, "", &mut paths);
        unread.extend(paths.into_iter().map(|path| (path, name.clone())));
    }
    for (path, name) in &unread {
        let is_known = NOT_MODELLED.iter().any(|(known, _)| known == path);
        assert!(is_known, "no field tells `{path}` of {name}");
    }
    for (path, _) in NOT_MODELLED {
        assert!(unread.contains_key(*path), "`{path}` is read by now");
    }
    Ok(())
}

#[test]
fn what_no_field_tells_is_in_the_exact_json() -> Result<()> {
    let text = "{ \"repo\":{\"name\":\"a/b\", \"gitalyUid\" : \"7\"},\n\"a\":1,\"a\":2.50 }";
    let event = Event::from_json(text)?;
    assert_eq!(event.raw(), text.as_bytes());
    assert_eq!(event.json()?["repo"]["gitalyUid"], "7");
    assert_eq!(event.payload()?.repo.name, "a/b");
    Ok(())
}

/// The fields of the types here, with their documentation: the macros take both from the source, and so does this.
#[test]
fn every_field_names_its_source() {
    let sources = ["docs", "hub client"];
    let mut fields = 0;
    for text in [
        include_str!("../../payload.rs"),
        include_str!("../repo.rs"),
        include_str!("../discussion.rs"),
        include_str!("../update.rs"),
    ] {
        let mut about = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(doc) = line.strip_prefix("///") {
                about.push_str(doc);
                continue;
            }
            if line.starts_with("pub ") && line.ends_with(',') && line.contains(": ") {
                let source = about.rsplit_once('(').map_or("", |(_, source)| source);
                let is_named = sources.iter().any(|known| source.contains(known));
                assert!(is_named, "`{line}` says `{about}`");
                fields += 1;
            }
            about.clear();
        }
    }
    assert!(fields > 45, "{fields}");
}
