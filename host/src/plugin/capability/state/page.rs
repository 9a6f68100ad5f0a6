//! One page of a listing: of the keys that are kept and those that the attempt itself wrote. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The most keys of a page.
pub(super) const PAGE_KEYS: usize = 500;

/// Keys, and what they go on after.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub keys: Vec<String>,
    /// The key that the next page begins after; `None` on the last page.
    pub next: Option<String>,
}

/// The page after a key, given up to one more than `max` kept keys from there on.
pub(super) fn page(
    mut kept: Vec<String>,
    writes: &BTreeMap<String, Option<Vec<u8>>>,
    after: &str,
    max: usize,
) -> Page {
    let goes_on = kept.len() > max;
    kept.truncate(max);
    // Behind the last of them come keys that are not known yet.
    let last = kept.last().filter(|_| goes_on).cloned();
    let until = match &last {
        Some(last) => Bound::Included(last.as_str()),
        None => Bound::Unbounded,
    };
    let own = writes.range::<str, _>((Bound::Excluded(after), until));
    let mut keys: BTreeSet<String> = kept.into_iter().collect();
    for (key, value) in own {
        match value {
            Some(_) => keys.insert(key.clone()),
            None => keys.remove(key),
        };
    }
    let is_cut = keys.len() > max;
    let keys: Vec<String> = keys.into_iter().take(max).collect();
    let next = if is_cut { keys.last().cloned() } else { last };
    Page { keys, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Keys = &'static [&'static str];

    /// Pages of two keys: what they hold together, each page in its own brackets.
    fn listed(kept: &[&str], written: &[&str], deleted: &[&str]) -> String {
        let mut writes = BTreeMap::new();
        writes.extend(written.iter().map(|key| ((*key).to_owned(), Some(vec![]))));
        writes.extend(deleted.iter().map(|key| ((*key).to_owned(), None)));
        let (mut after, mut pages) = (String::new(), String::new());
        loop {
            let found = kept.iter().filter(|key| ***key > *after);
            let found = found.take(3).map(|key| (*key).to_owned()).collect();
            let page = page(found, &writes, &after, 2);
            pages.push_str(&format!("[{}]", page.keys.join(" ")));
            match page.next {
                Some(next) => after = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn what_is_kept_and_what_was_written_are_listed_as_one() {
        let cases: [(Keys, Keys, Keys, &str); 9] = [
            (&[], &[], &[], "[]"),
            (&["a", "b"], &[], &[], "[a b]"),
            (&["a", "b", "c"], &[], &[], "[a b][c]"),
            (&[], &["a", "b", "c", "d", "e"], &[], "[a b][c d][e]"),
            (&["b", "d"], &["a", "c", "e"], &[], "[a b][c d][e]"),
            (&["a", "b", "c"], &["b"], &["a"], "[b][c]"),
            (&["a", "b", "c", "d"], &[], &["a", "b"], "[][c d]"),
            (&["a"], &["b"], &["a", "x"], "[b]"),
            (
                &["a", "b", "c", "d", "e"],
                &["aa", "z"],
                &["c"],
                "[a aa][b][d e][z]",
            ),
        ];
        for (kept, written, deleted, expected) in cases {
            assert_eq!(listed(kept, written, deleted), expected);
        }
    }
}
