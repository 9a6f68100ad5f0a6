//! Texts of others, made fit to be shown: they may come from a plugin or a sender.

/// The most characters of what others say that are repeated in a sentence of the host's own.
const TOLD_CHARS_MAX: usize = 200;

/// A text with its control characters made visible: it must not move the cursor or ring the bell, and not be read as
/// another. Line breaks and tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control() && c != '\n' && c != '\t' || turns(c);
            let (escape, plain) = if escaped {
                (Some(c.escape_default()), None)
            } else {
                (None, Some(c))
            };
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// The same for a text that must stay on its line: a line break in a repo's name must not look like a row.
#[must_use]
pub fn one_line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// What others say of themselves, fit to stand in a sentence of the host's own: the beginning of it, on one line.
#[must_use]
pub fn told(text: &str) -> String {
    let cut: String = text.chars().take(TOLD_CHARS_MAX).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", one_line(&cut))
}

/// Whether a character changes the direction of what follows (Unicode, UAX 9): a text could be read as another.
const fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_does_not_make_a_row() {
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
    }

    #[test]
    fn control_characters_of_others_are_made_visible() {
        assert_eq!(
            visible("a\u{1b}[31mb\u{7}\r\nc\tä\u{202e}"),
            "a\\u{1b}[31mb\\u{7}\\r\nc\tä\\u{202e}"
        );
    }
}
