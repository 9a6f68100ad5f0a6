//! JSON, indented for people. It is not parsed: numbers, equal keys and escapes stay as they were received, and its
//! depth costs nothing.

/// The deepest indent, in levels: what lies deeper stands under it.
const LEVELS_MAX: usize = 24;

/// The text indented, as far as `bytes_max` allows, and whether that is all of it.
pub fn pretty(json: &str, bytes_max: usize) -> (String, bool) {
    let mut out = String::new();
    let (mut level, mut in_text, mut escaped) = (0usize, false, false);
    // Whether nothing stands yet between the last bracket and here.
    let mut empty = false;
    for c in json.chars() {
        if out.len() >= bytes_max {
            return (out, false);
        }
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            '}' | ']' => {
                level = level.saturating_sub(1);
                if !empty {
                    new_line(&mut out, level);
                }
                out.push(c);
            }
            _ => {
                if empty {
                    new_line(&mut out, level);
                }
                out.push(c);
            }
        }
        empty = matches!(c, '{' | '[');
        match c {
            '{' | '[' => level = level.saturating_add(1),
            ',' => new_line(&mut out, level),
            ':' => out.push(' '),
            '"' => in_text = true,
            _ => {}
        }
    }
    (out, true)
}

fn new_line(out: &mut String, level: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", level.min(LEVELS_MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_nothing_else_of_it_changes() {
        let (shown, whole) = pretty(r#" {"a":[1e400,{}, [ ]],"b,{":"x\"}\\","a":null}"#, 1000);
        assert!(whole);
        assert_eq!(
            shown,
            "{\n  \"a\": [\n    1e400,\n    {},\n    []\n  ],\n  \"b,{\": \"x\\\"}\\\\\",\n  \"a\": null\n}"
        );
    }

    #[test]
    fn what_is_deep_or_long_is_cut_and_not_much_larger() {
        let deep = "[".repeat(10_000);
        let (shown, whole) = pretty(&deep, 4096);
        assert!(!whole && shown.len() < 4200);
    }
}
