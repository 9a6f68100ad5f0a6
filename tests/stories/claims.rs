//! What the documents claim is shown by tests that there are.

use hookbox_tests::workspace;
use std::path::{Path, PathBuf};

/// The documents whose claims name their tests.
const DOCUMENTS: &[&str] = &["docs/security.md", "docs/promises.md", "docs/comparison.md"];

/// A link: its text and its target.
fn links(text: &str) -> Vec<(&str, &str)> {
    let opened = text.split("](").zip(text.split("](").skip(1));
    opened
        .filter_map(|(before, after)| {
            let text = before.rsplit('[').next()?;
            Some((text, after.split(')').next()?))
        })
        .collect()
}

/// Why a link leads nowhere, if it does.
fn missing(folder: &Path, text: &str, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path: PathBuf = folder.join(file);
    let Ok(content) = std::fs::read_to_string(&path) else {
        return Some(format!("{target}: there is no such file"));
    };
    if !heading.is_empty() && !headings(&content).iter().any(|found| found == heading) {
        return Some(format!("{target}: there is no such heading"));
    }
    let is_source = path.extension().is_some_and(|extension| extension == "rs");
    let name = text.trim_matches('`');
    (is_source && !has_test(&content, name)).then(|| format!("{target} has no test `{name}`"))
}

/// Headings as links name them.
fn headings(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    let spelled = lines.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    });
    spelled.collect()
}

/// Whether a source has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let needle = format!("fn {name}(");
    let Some(at) = source.find(&needle) else {
        return false;
    };
    let line = source[..at].rfind('\n').unwrap_or(0);
    let above = source[..line].lines().rev();
    let mut attributes = above.take_while(|line| !line.trim().is_empty() && !line.starts_with('}'));
    attributes.any(|line| {
        let line = line.trim();
        line == "#[test]" || line.starts_with("#[tokio::test")
    })
}

#[test]
fn every_link_of_a_claim_leads_to_a_test_that_there_is() {
    let mut broken = Vec::new();
    for document in DOCUMENTS {
        let path = workspace().join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        let found = links(&text);
        assert!(!found.is_empty(), "{document} names nothing");
        for (text, target) in found
            .into_iter()
            .filter(|(_, target)| !target.contains("://"))
        {
            let missing = missing(path.parent().unwrap(), text, target);
            broken.extend(missing.map(|missing| format!("{document}: {missing}")));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_claim_of_security_goes_without_a_test() {
    let text = std::fs::read_to_string(workspace().join("docs/security.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    // Whom it trusts is no claim, and neither is a table's head.
    let claims: Vec<&str> = rows.filter(|row| row.matches(" | ").count() == 1).collect();
    let shown = |row: &&&str| links(row).iter().any(|(_, target)| target.ends_with(".rs"));
    let (shown, others): (Vec<&str>, Vec<&str>) = claims.iter().partition(|row| shown(row));
    assert!(shown.len() > 30, "{}", shown.len());
    let trusted = text.split("## Whom it trusts").nth(1).unwrap();
    let trusted = trusted.split("\n## ").next().unwrap();
    let bare: Vec<&&str> = others
        .iter()
        .filter(|row| **row != "| | shown by |" && !trusted.contains(**row))
        .collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let here = workspace().join("docs");
    for (text, target, expected) in [
        ("x", "nothing.md", "nothing.md: there is no such file"),
        (
            "x",
            "grants.md#nothing",
            "grants.md#nothing: there is no such heading",
        ),
        (
            "`nothing`",
            "../tests/stories/claims.rs",
            "../tests/stories/claims.rs has no test `nothing`",
        ),
        (
            "`links`",
            "../tests/stories/claims.rs",
            "../tests/stories/claims.rs has no test `links`",
        ),
    ] {
        assert_eq!(missing(&here, text, target).as_deref(), Some(expected));
    }
    let own = "`a_link_that_leads_nowhere_is_found`";
    assert_eq!(missing(&here, own, "../tests/stories/claims.rs"), None);
    assert_eq!(missing(&here, "state", "grants.md#state"), None);
}
