//! One page of a listing: of the keys that are kept and those that the attempt itself wrote. Pure.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The most keys of a page.
pub(super) const PAGE_KEYS: usize = 500;

/// Fuel of a key that is looked at for a page, besides one for each byte of it: it is compared and kept for a moment,
/// whether the page has it in the end or not.
pub(super) const KEY_FUEL: usize = 64;

/// Keys, and what they go on after.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub keys: Vec<String>,
    /// The key that the next page begins after; `None` on the last page.
    pub next: Option<String>,
    /// What making it has cost, in fuel.
    pub cost: usize,
}

/// The page after a key, given up to one more than `max` kept keys from there on.
pub(super) fn page(
    kept: Vec<String>,
    writes: &BTreeMap<String, Option<Vec<u8>>>,
    after: &str,
    max: usize,
) -> Page {
    let mut cost = kept.iter().map(|key| KEY_FUEL + key.len()).sum();
    // Behind the last of them come keys that are not known yet.
    let last = (kept.len() > max).then(|| kept.get(max.checked_sub(1)?).cloned());
    let last = last.flatten();
    let until = match &last {
        Some(last) => Bound::Included(last.as_str()),
        None => Bound::Unbounded,
    };
    let mut own = writes
        .range::<str, _>((Bound::Excluded(after), until))
        .peekable();
    let mut kept = kept.into_iter().take(max).peekable();
    let mut keys: Vec<String> = Vec::new();
    // One more than fits: it shows that the page is cut.
    while keys.len() <= max {
        let is_own = match (own.peek(), kept.peek()) {
            (Some((own, _)), Some(kept)) => *own <= kept,
            (own, _) => own.is_some(),
        };
        if !is_own {
            match kept.next() {
                Some(key) => keys.push(key),
                None => break,
            }
        } else if let Some((key, value)) = own.next() {
            cost += KEY_FUEL + key.len();
            drop(kept.next_if_eq(key));
            keys.extend(value.as_ref().map(|_| key.clone()));
        }
    }
    let is_cut = keys.len() > max;
    keys.truncate(max);
    let next = if is_cut { keys.last().cloned() } else { last };
    Page { keys, next, cost }
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

    #[test]
    fn every_key_that_is_looked_at_is_charged_and_no_more_are_than_a_page_needs() {
        let writes = |keys: std::ops::Range<u32>, value: Option<Vec<u8>>| {
            let named = keys.map(|n| (format!("k{n:04}"), value.clone()));
            named.collect::<BTreeMap<_, _>>()
        };
        let each = KEY_FUEL + 5;
        // Of many that it wrote, those of the page and one more
        let many = writes(0..9000, Some(vec![]));
        let first = page(vec![], &many, "", 2);
        assert_eq!((first.keys.len(), first.cost), (2, 3 * each));
        // Of many that it deleted, each, though no page has one
        let none = page(vec![], &writes(0..9000, None), "", 2);
        assert_eq!((none.keys.len(), none.cost), (0, 9000 * each));
        // And what was read to see that there is more
        let kept = vec!["k0000".to_owned(), "k0001".to_owned(), "k0002".to_owned()];
        assert_eq!(page(kept, &BTreeMap::new(), "", 2).cost, 3 * each);
    }
}
