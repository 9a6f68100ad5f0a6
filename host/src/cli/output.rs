//! What the commands print: tables and colour for people, JSON for programs.

use anstream::{eprintln, println};
use comfy_table::{ContentArrangement, Table, presets};
use owo_colors::OwoColorize as _;
use serde::Serialize;

/// Prints one JSON document.
///
/// # Errors
/// If it cannot be serialised.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a line.
pub fn line(text: &str) {
    println!("{text}");
}

/// Prints a line about what is going on, apart from the output.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints an error with all its causes.
pub fn error(error: &anyhow::Error) {
    eprintln!(
        "{} {}",
        "error:".red().bold(),
        visible(&format!("{error:#}"))
    );
}

/// Prints a table; nothing for people is wrapped or cut when it goes elsewhere than to a terminal.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.map(|title| title.to_uppercase()));
    for row in rows {
        table.add_row(row.map(|cell| visible(&cell)));
    }
    for row in table.lines() {
        line(row.trim_end());
    }
}

/// A state or outcome in its colour.
pub fn state(word: &str) -> String {
    match word {
        "done" | "settled" | "loaded" => word.green().to_string(),
        "ignored" | "coalesced" => word.dimmed().to_string(),
        "pending" | "running" | "retry" | "held" | "compiling" | "missing" | "paused" => {
            word.yellow().to_string()
        }
        _ => word.red().to_string(),
    }
}

/// A text of others with its control characters made visible: it may come from a plugin or a sender, and must not
/// move the cursor or ring the bell.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control() && c != '\n' && c != '\t';
            let (escape, plain) = if escaped {
                (Some(c.escape_default()), None)
            } else {
                (None, Some(c))
            };
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_others_are_made_visible() {
        assert_eq!(
            visible("a\u{1b}[31mb\u{7}\r\nc\tä"),
            "a\\u{1b}[31mb\\u{7}\\r\nc\tä"
        );
    }
}
