//! A repo's card: the metadata at the top of its `README.md`, and the text below.
//!
//! The metadata is YAML between two lines `---`. (docs: "Model cards", "Dataset cards", "Spaces configuration") What
//! stands at its top level is read: keys, whether they have a value, and values on the key's own line. A whole YAML
//! parser would be most of a plugin.

/// Keys of a card that are looked at. Cards have a dozen.
const KEYS_MAX: usize = 256;

/// What YAML writes for nothing. (YAML 1.2.2, 10.3.2, and empty collections)
const EMPTY: [&str; 7] = ["", "~", "null", "Null", "NULL", "[]", "{}"];

/// The card of a repo, as far as a glance tells.
///
/// ```
/// use hookbox_sdk::hub::Card;
///
/// let card = Card::parse("---\nlicense: apache-2.0\nlanguage:\n- en\ntags: []\n---\n# Reviews\n");
/// assert_eq!(card.text("license"), Some("apache-2.0"));
/// assert!(card.has("language") && !card.has("tags"));
/// assert_eq!(card.description(), "# Reviews\n");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card<'a> {
    fields: Vec<Field<'a>>,
    description: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field<'a> {
    key: &'a str,
    /// What stands on the key's own line.
    value: &'a str,
    has_value: bool,
}

impl<'a> Card<'a> {
    /// Reads a `README.md`. Metadata that does not end is none: the Hub does not take it for some either.
    ///
    /// ```
    /// use hookbox_sdk::hub::Card;
    ///
    /// let card = Card::parse("---\nlicense: mit\n---\n# BERT\n");
    /// assert_eq!(card.text("license"), Some("mit"));
    /// assert!(!Card::parse("---\nlicense: mit\n").has("license")); // nothing ends the metadata
    /// ```
    pub fn parse(readme: &'a str) -> Card<'a> {
        let readme = readme.strip_prefix('\u{feff}').unwrap_or(readme);
        let bare = Card {
            fields: vec![],
            description: readme,
        };
        let mut lines = readme.split_inclusive('\n');
        let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
            return bare;
        };
        let (mut fields, mut read) = (Vec::new(), first.len());
        for line in lines {
            read += line.len();
            if line.trim_end() == "---" {
                let description = readme.get(read..).unwrap_or_default();
                return Card {
                    fields,
                    description,
                };
            }
            read_line(line.trim_end(), &mut fields);
        }
        bare
    }

    /// Whether a key has a value: not merely a place for one, such as `license:` or `tags: []`.
    ///
    /// ```
    /// use hookbox_sdk::hub::Card;
    ///
    /// let card = Card::parse("---\nlicense:\ntags:\n- art\n---\n");
    /// let missing: Vec<_> = ["license", "tags", "language"].into_iter().filter(|key| !card.has(key)).collect();
    /// assert_eq!(missing, ["license", "language"]);
    /// ```
    pub fn has(&self, key: &str) -> bool {
        self.field(key).is_some_and(|field| field.has_value)
    }

    /// The value of a key that is one word or text on the key's own line, without quotes.
    ///
    /// ```
    /// use hookbox_sdk::hub::Card;
    ///
    /// let card = Card::parse("---\npretty_name: \"Reviews, 2026\"\ntags:\n- art\n---\n");
    /// assert_eq!(card.text("pretty_name"), Some("Reviews, 2026"));
    /// assert_eq!(card.text("tags"), None); // a list
    /// ```
    pub fn text(&self, key: &str) -> Option<&'a str> {
        let value = self.field(key)?.value;
        let is_text = !EMPTY.contains(&value) && !value.starts_with(['[', '{', '|', '>', '&', '*']);
        is_text.then(|| unquoted(value))
    }

    /// What stands below the metadata.
    ///
    /// ```
    /// use hookbox_sdk::hub::Card;
    ///
    /// let card = Card::parse("---\nlicense: mit\n---\nA model that reads reviews.\n");
    /// assert_eq!(card.description().split_whitespace().count(), 5);
    /// ```
    pub fn description(&self) -> &'a str {
        self.description
    }

    fn field(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// Reads a line of the metadata: a key, or more of the value of the key above.
fn read_line<'a>(line: &'a str, fields: &mut Vec<Field<'a>>) {
    let text = without_comment(line.trim_start());
    if text.is_empty() {
        return;
    }
    if line.starts_with([' ', '\t', '-']) {
        let item = text.strip_prefix('-').map_or(text, str::trim);
        if let Some(field) = fields.last_mut() {
            field.has_value |= is_value(item);
        }
        return;
    }
    let Some((key, value)) = text.split_once(':') else {
        return;
    };
    let value = value.trim();
    if fields.len() < KEYS_MAX {
        fields.push(Field {
            key: unquoted(key.trim()),
            value,
            // A sign that the text follows on the next lines is none by itself.
            has_value: is_value(value) && !value.starts_with(['|', '>']),
        });
    }
}

/// A text without the comment at its end. In quotes, `#` is none.
fn without_comment(text: &str) -> &str {
    if text.starts_with('#') {
        return "";
    }
    let from = match text.char_indices().find(|(_, c)| matches!(c, '"' | '\'')) {
        Some((open, quote)) => text
            .rfind(quote)
            .filter(|close| *close > open)
            .unwrap_or_default(),
        None => 0,
    };
    let comment = text.get(from..).and_then(|rest| rest.find(" #"));
    let end = comment.map_or(text.len(), |at| from + at);
    text.get(..end).unwrap_or(text).trim_end()
}

fn is_value(text: &str) -> bool {
    !EMPTY.contains(&text) && !unquoted(text).trim().is_empty()
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_tells_what_it_has() {
        let card = Card::parse(
            "\u{feff}---\r\n# comment: no key\r\nlicense: \"cc-by-4.0\" # a comment\r\nlanguage:\r\n  - en\r\n\
             tags:\r\n- a#b\r\n'pretty_name': 'Reviews #1'\r\nsdk: gradio\r\n---\r\n\r\n# Reviews\r\n---\r\nend",
        );
        assert_eq!(card.text("license"), Some("cc-by-4.0"));
        assert_eq!(card.text("pretty_name"), Some("Reviews #1"));
        assert_eq!(card.text("sdk"), Some("gradio"));
        for key in ["license", "language", "tags", "pretty_name", "sdk"] {
            assert!(card.has(key), "{key}");
        }
        assert_eq!((card.has("comment"), card.text("language")), (false, None));
        assert_eq!(card.description(), "\r\n# Reviews\r\n---\r\nend");
    }

    #[test]
    fn a_place_for_a_value_is_none() {
        for empty in [
            "key:",
            "key: ",
            "key: ~",
            "key: null",
            "key: []",
            "key: {}",
            "key: ''",
            "key: \" \"",
            "key: # soon",
            "key:\n- ",
            "key:\n  # soon",
            "key: |",
            "key: >-",
            "key:\n\nother: x",
            " key: x",
            "- key: x",
            "key",
            "other:\n  key: x",
        ] {
            let readme = format!("---\n{empty}\n---\n");
            let card = Card::parse(&readme);
            assert!(!card.has("key"), "{empty}");
            assert_eq!(
                card.text("key").filter(|text| !text.trim().is_empty()),
                None
            );
        }
        for full in [
            "key: 0",
            "key: false",
            "key:\n  a: 1",
            "key: |\n  text",
            "key: [a]",
            "key: {a: 1}",
        ] {
            let readme = format!("---\n{full}\n---");
            assert!(Card::parse(&readme).has("key"), "{full}");
        }
    }

    #[test]
    fn what_is_no_metadata_is_description() {
        for readme in [
            "",
            "# Hello",
            "---",
            "---\nlicense: mit\n",
            "\n---\nlicense: mit\n---\n",
            "----\na: b\n---\n",
        ] {
            let card = Card::parse(readme);
            assert_eq!((card.has("license"), card.description()), (false, readme));
        }
    }

    #[test]
    fn a_hostile_card_costs_no_more_than_its_length() {
        let many: String = (0..10_000).map(|n| format!("k{n}: v\n")).collect();
        let readme = format!("---\n{many}---\n");
        let card = Card::parse(&readme);
        assert!(card.has("k0") && card.has("k255") && !card.has("k256"));
        for odd in [
            "---\n\u{0}: \u{0}\n---",
            "---\n:::\n\"\n'\n\" #'\n---",
            "---\né: 'é\n---",
        ] {
            assert!(!Card::parse(odd).has("license"));
        }
    }
}
