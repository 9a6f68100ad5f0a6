//! The fenced blocks of a Markdown page, and the commands in them.

use crate::built::workspace;

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The first word after the backticks; empty if there is none.
    pub language: String,
    /// What is between the fences.
    pub text: String,
    /// The line that it begins on, from 1.
    pub line: usize,
    notes: Vec<(String, String)>,
}

impl Fence {
    /// What stands after the language as `key=value`.
    #[must_use]
    pub fn note(&self, key: &str) -> Option<&str> {
        let mut notes = self.notes.iter();
        notes
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    fn opened(info: &str, line: usize) -> Self {
        let mut words = info.split_whitespace();
        let language = words.next().unwrap_or_default().to_owned();
        let notes = words.filter_map(|word| word.split_once('='));
        Self {
            language,
            text: String::new(),
            line,
            notes: notes
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

/// The fenced blocks of a page, in order.
#[must_use]
pub fn fences(page: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<Fence> = None;
    for (at, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Fence::opened(info, at + 1)),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(fence)) => {
                fence.text.push_str(line);
                fence.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The fenced blocks under a heading of a page in the repository.
///
/// # Panics
/// If there is no such page, or there are none.
#[track_caller]
#[must_use]
pub fn under(page: &str, heading: &str) -> Vec<Fence> {
    let text = std::fs::read_to_string(workspace().join(page));
    let text = text.unwrap_or_else(|error| panic!("{page}: {error}"));
    let found = fences(section(&text, heading));
    assert!(!found.is_empty(), "{page} has nothing under `{heading}`");
    found
}

/// What stands under a heading, to the next one of its level; empty if there is no such heading.
#[must_use]
pub fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap_or_default();
    let Some((_, under)) = page.split_once(&format!("\n{heading}\n")) else {
        return "";
    };
    let next = under.find(&format!("\n{level} "));
    under.get(..next.unwrap_or(under.len())).unwrap_or_default()
}

/// The commands of a shell block, each as its words: without comments, and `a && b` is two.
#[must_use]
pub fn commands(shell: &str) -> Vec<Vec<String>> {
    let lines = shell
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default());
    let commands = lines.flat_map(|line| line.split("&&"));
    let words = commands.map(|command| command.split_whitespace().map(str::to_owned).collect());
    words
        .filter(|words: &Vec<String>| !words.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\n## One\n\n```sh exit=1\na b # c\nd && e\n```\n\n### Deeper\n\n```\nx\n```\n\n## Two\n\n```rust file=src/lib.rs\nfn x() {}\n\n```\n";

    #[test]
    fn fences_are_found_with_what_stands_behind_their_language() {
        let found = fences(PAGE);
        let told: Vec<_> = found
            .iter()
            .map(|fence| (fence.language.as_str(), fence.line))
            .collect();
        assert_eq!(told, [("sh", 5), ("", 12), ("rust", 18)]);
        assert_eq!(found[0].note("exit"), Some("1"));
        assert_eq!(found[2].note("file"), Some("src/lib.rs"));
        assert_eq!(found[2].text, "fn x() {}\n\n");
    }

    #[test]
    fn a_section_ends_where_the_next_of_its_level_begins() {
        assert_eq!(fences(section(PAGE, "## One")).len(), 2);
        assert_eq!(fences(section(PAGE, "## Two")).len(), 1);
        assert_eq!(section(PAGE, "## Three"), "");
    }

    #[test]
    fn commands_are_words_without_comments() {
        let found = commands(&fences(PAGE)[0].text);
        assert_eq!(found, [vec!["a", "b"], vec!["d"], vec!["e"]]);
    }
}
