//! Which files of a dataset are its data.

/// Patterns of paths; without any, all is data but the card and what is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Patterns with spaces or line ends between them, as in a grant: `*` is any part of a folder's or a file's name,
    /// `**` any number of folders.
    pub fn parse(text: &str) -> Patterns {
        Patterns(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Whether a file is data.
    pub fn fit(&self, path: &str) -> bool {
        let parts: Vec<_> = path.split('/').collect();
        if self.0.is_empty() {
            return path != "README.md" && !parts.iter().any(|part| part.starts_with('.'));
        }
        self.0.iter().any(|pattern| {
            let pattern: Vec<_> = pattern.split('/').collect();
            wild(
                &pattern,
                &parts,
                |part| *part == "**",
                |part, name| fits(part, name),
            )
        })
    }
}

/// Whether a name fits one part of a pattern.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    wild(
        pattern,
        name,
        |byte| *byte == b'*',
        |one, other| one == other,
    )
}

/// Whether items fit a pattern in which some items stand for any number of others. Where it does not go on, the last of
/// those takes one more: never more steps than one length times the other.
fn wild<P, T>(
    pattern: &[P],
    items: &[T],
    is_any: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut pattern, mut items) = (pattern, items);
    let mut last_any = None;
    loop {
        match (pattern, items) {
            ([any, rest @ ..], _) if is_any(any) => {
                last_any = Some((rest, items));
                pattern = rest;
            }
            ([one, rest @ ..], [item, left @ ..]) if fits(one, item) => {
                (pattern, items) = (rest, left);
            }
            ([], []) => return true,
            _ => match last_any {
                Some((rest, [_, left @ ..])) => {
                    last_any = Some((rest, left));
                    (pattern, items) = (rest, left);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn data(patterns: &str, paths: &[&str], others: &[&str]) {
        let patterns = Patterns::parse(patterns);
        for path in paths {
            assert!(patterns.fit(path), "{path} is data");
        }
        for path in others {
            assert!(!patterns.fit(path), "{path} is no data");
        }
    }

    #[test]
    fn all_is_data_but_the_card_and_what_is_hidden() {
        data(
            "",
            &[
                "train.csv",
                "data/train.parquet",
                "docs/README.md",
                "readme.md",
            ],
            &[
                "README.md",
                ".gitattributes",
                ".github/x.yml",
                "data/.DS_Store",
            ],
        );
    }

    #[test]
    fn patterns_are_those_of_grants() {
        data(
            "data/**  *.csv\n**/part-*-of-*.parquet",
            &[
                "data/a",
                "data/a/b",
                "x.csv",
                ".csv",
                "part-1-of-2.parquet",
                "a/b/part--of-.parquet",
            ],
            &[
                "database/a",
                "a/x.csv",
                "x.csv.gz",
                "part-1.parquet",
                "README.md",
                "",
            ],
        );
        data(
            "data/*.csv",
            &["data/x.csv"],
            &["data/a/x.csv", "data", "x.csv"],
        );
        data("**", &["a", "a/b", "README.md"], &[]);
        data("é*", &["été"], &["e"]);
    }

    #[test]
    fn a_pattern_of_stars_ends() {
        let pattern = "*a".repeat(500);
        let name = "a".repeat(5_000);
        assert!(!Patterns::parse(&format!("{pattern}b")).fit(&name));
        let folders = "**/".repeat(500);
        assert!(!Patterns::parse(&format!("{folders}b")).fit(&"a/".repeat(1_000)));
    }
}
