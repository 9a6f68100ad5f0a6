//! Patterns of units, at two levels: segments of a path, and bytes of a segment. Both are matched, and compared with
//! each other, by the same two functions.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<T> {
    /// What this says.
    One(T),
    /// Any one unit.
    Any,
    /// Any number of units, none too.
    Many,
}

/// Whether a pattern is for a text. The time is bounded by the product of their lengths: only the last
/// [`Token::Many`] is ever tried again, for whatever an earlier one could take a later one can take as well.
pub(super) fn fits<T, U>(pattern: &[Token<T>], text: &[U], one: impl Fn(&T, &U) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut again: Option<(&[Token<T>], &[U])> = None;
    loop {
        (pattern, text) = match (pattern, text) {
            ([Token::Many, after @ ..], _) => {
                again = Some((after, text));
                (after, text)
            }
            ([Token::Any, after @ ..], [_, rest @ ..]) => (after, rest),
            ([Token::One(token), after @ ..], [unit, rest @ ..]) if one(token, unit) => {
                (after, rest)
            }
            ([], []) => return true,
            _ => {
                let Some((after, [_, rest @ ..])) = again else {
                    return false;
                };
                again = Some((after, rest));
                (after, rest)
            }
        };
    }
}

/// Whether there is a text that both patterns are for. The time is bounded by the product of their lengths.
pub(super) fn overlap<T>(
    pattern: &[Token<T>],
    other: &[Token<T>],
    both: impl Fn(&T, &T) -> bool,
) -> bool {
    let is_many = |token: &Token<T>| matches!(token, Token::Many);
    // For the end of `pattern`, from longer to longer ends of `other`: whether the two ends overlap.
    let mut below = vec![true];
    for facing in other.iter().rev() {
        let before = below.last() == Some(&true);
        below.push(before && is_many(facing));
    }
    for token in pattern.iter().rev() {
        let mut row = vec![is_many(token) && below.first() == Some(&true)];
        for (facing, ends) in other.iter().rev().zip(below.windows(2)) {
            let &[without_either, without_token] = ends else {
                continue;
            };
            let without_facing = row.last() == Some(&true);
            row.push(match (token, facing) {
                (Token::Many, _) | (_, Token::Many) => without_token || without_facing,
                (Token::One(token), Token::One(facing)) => without_either && both(token, facing),
                _ => without_either,
            });
        }
        below = row;
    }
    below.last() == Some(&true)
}
