//! Paths of requests, and the globs of a grant that they must match.
//!
//! A path that a server could read differently from us is refused before any glob is asked: what `..`, a second
//! slash or an encoded separator means is decided by whoever reads it last.

use super::glob::{Token, fits, overlap};
use std::borrow::Cow;
use std::fmt;

/// The longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 8 * 1024;

/// The longest glob, in bytes.
pub const GLOB_BYTES_MAX: usize = 1024;

/// Where a path ends for a server that decodes it before it looks for a query or a fragment.
const ENDS: &[&str] = &["%3f", "%23", "%253f", "%2523"];

/// What follows these in a segment some servers take for parameters, and leave out.
const PARAMETERS: &[&str] = &[";", "%3b", "%253b"];

/// Checks a path as it goes over the wire, without its query. An empty one is `/`.
///
/// # Errors
/// What is wrong with it.
pub fn check(path: &str) -> Result<&str, &'static str> {
    if path.is_empty() {
        return Ok("/");
    }
    if path.len() > PATH_BYTES_MAX {
        return Err("it is longer than 8 KiB");
    }
    if !path.starts_with('/') {
        return Err("it does not begin with a slash");
    }
    if !path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(
            "it has a space, a control character or one outside ASCII, not percent-encoded",
        );
    }
    if path.contains(['\\', '#', '?']) {
        return Err("it has a backslash, `#` or `?`, not percent-encoded");
    }
    if path.contains("//") {
        return Err("it has two slashes in a row");
    }
    path.split('/').try_for_each(segment)?;
    Ok(path)
}

/// Checks what stands between two slashes: as it is, decoded once, and decoded twice.
fn segment(raw: &str) -> Result<(), &'static str> {
    if !raw.split('%').skip(1).all(begins_with_hex) {
        return Err("it has a percent sign without two hex digits");
    }
    let once = decode(raw.as_bytes());
    // What a server that decodes twice would see.
    let twice = decode(&once);
    if [&once, &twice]
        .into_iter()
        .any(|form| std::str::from_utf8(form).is_err())
    {
        return Err("percent-encoded bytes in it are not UTF-8");
    }
    for form in [raw.as_bytes(), &once, &twice] {
        let is_bad = |byte: &u8| matches!(byte, b'/' | b'\\') || byte.is_ascii_control();
        if form.iter().any(is_bad) {
            return Err("it has a percent-encoded slash, backslash or control character");
        }
        // What follows a semicolon some servers take for parameters.
        let name = form.split(|byte| *byte == b';').next().unwrap_or_default();
        if matches!(name, b"." | b"..") {
            return Err("it has a segment `.` or `..`");
        }
        if name.is_empty() && !form.is_empty() {
            return Err("it has a segment that begins with a semicolon");
        }
    }
    Ok(())
}

fn begins_with_hex(text: &str) -> bool {
    let mut digits = text.bytes().take(2);
    digits.len() == 2 && digits.all(|byte| byte.is_ascii_hexdigit())
}

/// Decodes every percent sign that two hex digits follow; any other stays, as with lenient servers.
fn decode(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}

/// What a path is to those who read it: as it is, and, where that differs, cut at its encoded end, without the parameters
/// of its segments, and both. Which of them a server sees is not for us to know.
fn readings(path: &str) -> Vec<Cow<'_, str>> {
    if !path.contains(['%', ';']) {
        return vec![path.into()];
    }
    let cut = before(path, ENDS);
    let without = |path: &str| {
        let segments = path.split('/').map(|segment| before(segment, PARAMETERS));
        segments.collect::<Vec<_>>().join("/")
    };
    let plain = without(path);
    if cut == path && plain == path {
        return vec![path.into()];
    }
    vec![path.into(), cut.into(), plain.into(), without(cut).into()]
}

/// What stands before the first of these marks, whatever the case.
fn before<'a>(text: &'a str, marks: &[&str]) -> &'a str {
    let is_at = |at: usize, mark: &str| {
        let part = text.get(at..at + mark.len());
        part.is_some_and(|part| part.eq_ignore_ascii_case(mark))
    };
    let mut may_be = text.match_indices(['%', ';']).map(|(at, _)| at);
    let first = may_be.find(|at| marks.iter().any(|mark| is_at(*at, mark)));
    first.and_then(|at| text.get(..at)).unwrap_or(text)
}

/// What a path's segments must be, one after the other.
type Segments = Vec<Token<Vec<Token<u8>>>>;

/// A glob of a grant: `*` stands for any part of a segment, `**` as a whole segment for any number of segments, and
/// everything else for itself, in the same case. At the end `**` stands for one segment or more.
#[derive(Clone, PartialEq, Eq)]
pub struct PathGlob {
    text: String,
    segments: Segments,
    /// The same for the other readings of a path, where the glob has others itself.
    readings: Vec<Segments>,
}

impl PathGlob {
    /// Reads a glob.
    ///
    /// # Errors
    /// Why it cannot be used, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > GLOB_BYTES_MAX {
            return Err("longer than 1 KiB".to_owned());
        }
        if !text.starts_with('/') {
            return Err("it begins with a slash, as in `/api/models/**`".to_owned());
        }
        if text.contains(['?', '[', ']', '{', '}', '\\', '#']) {
            return Err("only `*` (part of a segment) and `**` (whole segments) stand for something else than themselves; \
                        the query is not matched"
                .to_owned());
        }
        check(text).map_err(|reason| format!("no request has such a path: {reason}"))?;
        let split = text.split('/');
        if split
            .clone()
            .any(|part| part != "**" && part.contains("**"))
        {
            return Err("`**` is a whole segment, as in `/api/**`".to_owned());
        }
        let others = readings(text).into_iter().skip(1);
        Ok(Self {
            text: text.to_owned(),
            segments: segments(text),
            readings: others.map(|reading| segments(&reading)).collect(),
        })
    }

    /// Whether it is for a path that [`check`] let pass, however that is read.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        if !is_for(&self.segments, path) {
            return false;
        }
        let own = self.readings.iter();
        let own = own.chain(std::iter::repeat(&self.segments));
        let others = readings(path).into_iter().skip(1);
        others.zip(own).all(|(path, own)| is_for(own, &path))
    }

    /// Whether there is a path that both are for.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        overlap(&self.segments, &other.segments, |one, other| {
            overlap(one, other, |byte, other| byte == other)
        })
    }
}

/// The patterns of a glob's segments.
fn segments(glob: &str) -> Segments {
    let mut segments = Vec::new();
    let mut rest = glob.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        match segment {
            "**" if rest.peek().is_some() => segments.push(Token::Many),
            "**" => segments.extend([Token::Any, Token::Many]),
            _ => segments.push(Token::One(bytes(segment))),
        }
    }
    segments
}

fn is_for(segments: &Segments, path: &str) -> bool {
    let path: Vec<&str> = path.split('/').skip(1).collect();
    fits(segments, &path, |pattern, segment| {
        fits(pattern, segment.as_bytes(), |byte, other| byte == other)
    })
}

/// The pattern of a segment; `*` alone stands for at least one byte, so that `/a/*` is not for `/a/`.
fn bytes(segment: &str) -> Vec<Token<u8>> {
    if segment == "*" {
        return vec![Token::Any, Token::Many];
    }
    let token = |byte| match byte {
        b'*' => Token::Many,
        byte => Token::One(byte),
    };
    segment.bytes().map(token).collect()
}

impl fmt::Debug for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathGlob({:?})", self.text)
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The slow way, by the words of the documentation.
    fn naive(glob: &[&str], path: &[&str]) -> bool {
        match (glob, path) {
            ([], []) => true,
            (["**"], path) => !path.is_empty(),
            (["**", after @ ..], path) => {
                (0..=path.len()).any(|taken| naive(after, &path[taken..]))
            }
            ([first, after @ ..], [segment, rest @ ..]) => {
                let alone = *first == "*";
                let first: Vec<char> = first.chars().collect();
                let segment: Vec<char> = segment.chars().collect();
                (!alone || !segment.is_empty())
                    && naive_segment(&first, &segment)
                    && naive(after, rest)
            }
            _ => false,
        }
    }

    fn naive_segment(glob: &[char], text: &[char]) -> bool {
        match glob {
            [] => text.is_empty(),
            ['*', after @ ..] => (0..=text.len()).any(|taken| naive_segment(after, &text[taken..])),
            [first, after @ ..] => text.first() == Some(first) && naive_segment(after, &text[1..]),
        }
    }

    fn segments(text: &str) -> Vec<&str> {
        text.split('/').skip(1).collect()
    }

    fn globs() -> impl Strategy<Value = String> {
        let segment = prop_oneof![Just("**".to_owned()), Just("*".to_owned()), "[ab*]{1,3}"];
        prop::collection::vec(segment, 1..5).prop_filter_map("no glob", |segments| {
            let text = format!("/{}", segments.join("/"));
            PathGlob::parse(&text).ok().map(|_| text)
        })
    }

    fn paths() -> impl Strategy<Value = String> {
        let slash = prop_oneof![Just(""), Just("/")];
        (prop::collection::vec("[ab]{1,3}", 1..5), slash)
            .prop_map(|(segments, end)| format!("/{}{end}", segments.join("/")))
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_words_say(glob in globs(), path in paths()) {
            let found = PathGlob::parse(&glob).unwrap().matches(&path);
            prop_assert_eq!(found, naive(&segments(&glob), &segments(&path)));
        }

        #[test]
        fn two_globs_that_match_one_path_overlap(one in globs(), other in globs(), path in paths()) {
            let parse = |text: &str| PathGlob::parse(text).unwrap();
            let (one, other) = (parse(&one), parse(&other));
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
            if one.matches(&path) && other.matches(&path) {
                prop_assert!(one.overlaps(&other));
            }
        }

        #[test]
        fn a_path_that_passes_keeps_its_segments_however_often_it_is_decoded(path in "/[a.%25eEfF2/;]{0,12}") {
            if check(&path).is_ok() {
                let mut text = path.clone().into_bytes();
                for _ in 0..2 {
                    let decoded = decode(&text);
                    let count = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
                    prop_assert_eq!(count(&decoded), count(&text));
                    let dots = |segment: &[u8]| segment == b"." || segment == b"..";
                    prop_assert!(!decoded.split(|byte| *byte == b'/').any(dots));
                    text = decoded;
                }
            }
        }
    }

    #[test]
    fn globs_overlap_where_a_path_is_for_both() {
        let overlap = |one: &str, other: &str| {
            PathGlob::parse(one)
                .unwrap()
                .overlaps(&PathGlob::parse(other).unwrap())
        };
        for (one, other, expected) in [
            ("/api/**", "/api/datasets/my-org/**", true),
            ("/api/**", "/api", false),
            ("/api/*", "/api/", false),
            ("/api/**", "/api/", true),
            ("/**", "/", true),
            ("/a/**/z", "/a/z", true),
            ("/a/**/z", "/a/b/c/z", true),
            ("/a/**/z", "/a/b", false),
            ("/a/**/b", "/**/c/b", true),
            ("/a/**/b", "/**/c", false),
            ("/a*", "/*b", true),
            ("/a*c", "/*b", false),
            ("/a*c", "/ab*", true),
            ("/x/*/y", "/x/1/*", true),
            ("/x/*", "/x/*/*", false),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn the_worst_glob_and_path_cost_little() {
        let glob = PathGlob::parse(&format!("/{}b", "a*".repeat(500))).unwrap();
        let path = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
        assert!(!glob.matches(&path));
        let many = PathGlob::parse(&format!("{}/b", "/**/a".repeat(200))).unwrap();
        assert!(!many.matches(&"/a".repeat(PATH_BYTES_MAX / 2)));
        assert!(!many.overlaps(&PathGlob::parse(&"/a".repeat(500)).unwrap()));
    }

    #[test]
    fn what_is_no_glob_is_told_with_its_mend() {
        for (glob, expected) in [
            ("api/**", "it begins with a slash"),
            ("", "it begins with a slash"),
            ("/api/[ab]", "only `*`"),
            ("/api?x=1", "only `*`"),
            ("/api/x**", "`**` is a whole segment"),
            ("/a//b", "two slashes"),
            ("/a/../b", "a segment `.` or `..`"),
            ("/a/%2F", "percent-encoded slash"),
            ("/ä", "outside ASCII"),
        ] {
            let error = PathGlob::parse(glob).unwrap_err();
            assert!(error.contains(expected), "{glob}: {error}");
        }
    }
}
