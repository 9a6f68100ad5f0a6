//! What changed between two commits, from git's raw diff.
//!
//! A line is `:100644 100644 bcd1234 0123456 M<tab>path`; a copy and a rename have a score behind their letter and two
//! paths, from and to. A path with unusual characters stands in quotes. (git: "Raw output format" and `core.quotePath`)
//! The Hub documents that the answer is raw, and not more: a line that is of another form is passed over.

/// A file that changed between two commits.
///
/// ```
/// use hookbox_sdk::hub::{ChangeKind, Client, Repo};
/// # use hookbox_sdk::{Failure, http::Response, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let diff = ":100644 100644 a1 b2 R90\told.csv\tnew.csv\n";
/// # let path = "/api/datasets/my-org/reviews/compare/ce9a467..575db8b";
/// # fake.answers_with("GET", path, Ok(Response::new(200).with_body(diff)));
///
/// let changes = Client::new()?.compare(&Repo::dataset("my-org/reviews")?, "ce9a467", "575db8b")?;
/// assert_eq!(changes[0].kind, ChangeKind::Renamed);
/// assert_eq!((changes[0].from.as_deref(), changes[0].path.as_str()), (Some("old.csv"), "new.csv"));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its path now; of a deleted one, before.
    pub path: String,
    /// Where a renamed or copied file came from.
    pub from: Option<String>,
}

/// What happened to a file.
///
/// ```
/// use hookbox_sdk::hub::{ChangeKind, Client, Repo};
/// # use hookbox_sdk::{Failure, http::Response, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let diff = ":100644 000000 a1 00 D\told.csv\n:000000 100644 00 b2 A\tnew.csv\n";
/// # let path = "/api/datasets/my-org/reviews/compare/ce9a467..575db8b";
/// # fake.answers_with("GET", path, Ok(Response::new(200).with_body(diff)));
///
/// let changes = Client::new()?.compare(&Repo::dataset("my-org/reviews")?, "ce9a467", "575db8b")?;
/// let still_there = changes.iter().filter(|change| change.kind != ChangeKind::Deleted);
/// assert_eq!(still_there.map(|change| &change.path).collect::<Vec<_>>(), ["new.csv"]);
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content is another.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
    /// It is a copy of another file.
    Copied,
    /// Its type is another, or something that is not known here, by git's letter.
    Other(char),
}

/// Reads a raw diff.
pub fn changes(raw: &str) -> Vec<Change> {
    raw.lines().filter_map(change).collect()
}

fn change(line: &str) -> Option<Change> {
    let (facts, paths) = line.strip_prefix(':')?.split_once('\t')?;
    let letter = facts.split(' ').nth(4)?.chars().next()?;
    let kind = match letter {
        'A' => ChangeKind::Added,
        'M' => ChangeKind::Modified,
        'D' => ChangeKind::Deleted,
        'R' => ChangeKind::Renamed,
        'C' => ChangeKind::Copied,
        other => ChangeKind::Other(other),
    };
    let paths = paths.trim_end_matches('\r');
    Some(match paths.split_once('\t') {
        Some((from, path)) => Change {
            kind,
            path: plain(path),
            from: Some(plain(from)),
        },
        None => Change {
            kind,
            path: plain(paths),
            from: None,
        },
    })
}

/// A path without git's quotes and escapes.
fn plain(path: &str) -> String {
    let quoted = path
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return path.to_owned();
    };
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(high @ b'0'..=b'3') => {
                let digits = [Some(high), rest.next(), rest.next()];
                let value = digits
                    .into_iter()
                    .flatten()
                    .fold(0u8, |value, digit| (value << 3) | (digit & 7));
                bytes.push(value);
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(raw: &str) -> Vec<(ChangeKind, String, Option<String>)> {
        let changes = changes(raw).into_iter();
        changes
            .map(|change| (change.kind, change.path, change.from))
            .collect()
    }

    #[test]
    fn each_line_is_a_file() {
        // The lines are those of git's manual, `git-diff`, "Raw output format".
        let raw = ":100644 100644 bcd1234 0123456 M\tfile0\n\
                   :100644 100644 abcd123 1234567 C68\tfile1\tfile2\n\
                   :100644 100644 abcd123 1234567 R86\tfile1\tfile3\n\
                   :000000 100644 0000000 1234567 A\tfile4\n\
                   :100644 000000 1234567 0000000 D\tfile5\n\
                   :000000 000000 0000000 0000000 U\tfile6\n";
        let file = |name: &str| name.to_owned();
        assert_eq!(
            told(raw),
            [
                (ChangeKind::Modified, file("file0"), None),
                (ChangeKind::Copied, file("file2"), Some(file("file1"))),
                (ChangeKind::Renamed, file("file3"), Some(file("file1"))),
                (ChangeKind::Added, file("file4"), None),
                (ChangeKind::Deleted, file("file5"), None),
                (ChangeKind::Other('U'), file("file6"), None),
            ]
        );
    }

    #[test]
    fn quoted_paths_are_told_as_they_are() {
        let raw = r#":100644 100644 a b M	"donn\303\251es/\"a\\b\".csv""#;
        let path = "données/\"a\\b\".csv".to_owned();
        assert_eq!(told(raw), [(ChangeKind::Modified, path, None)]);
    }

    #[test]
    fn what_is_no_such_line_is_passed_over() {
        assert!(told("").is_empty());
        assert!(told("diff --git a/x b/x\n:100644 M\n:\t\n: : : : :\n").is_empty());
        assert_eq!(told(":100644 100644 a b M\t\"\\\"\r\n").len(), 1);
    }
}
