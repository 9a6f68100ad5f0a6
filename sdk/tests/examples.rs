//! Each public item of the SDK shows in an example of its own what it is for. `cargo test --doc` runs the examples; that
//! there is one, and that it asserts something, is looked at here.
//!
//! The sources are read as text, in the form that `cargo fmt` gives them. Public is what `lib.rs` and its public modules
//! declare or re-export, and each method of such a type. The crate's macros are shown where they are re-exported; a
//! method that a macro writes for many types, by the example of each type.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Keywords of items, after `pub`.
const KEYWORDS: [&str; 9] = [
    "fn", "struct", "enum", "union", "trait", "mod", "type", "const", "static",
];

/// Attributes of what is not public, or not documented here.
const EXEMPT: [&str; 3] = [
    "#[doc(hidden)]",
    "#[cfg(test)]",
    "#[cfg(target_family = \"wasm\")]",
];

/// A source file of a module.
struct Source {
    path: PathBuf,
    text: String,
    /// Whether all that it declares as `pub` is public, and not only what is re-exported.
    is_public: bool,
}

/// What stands above an item.
#[derive(Default)]
struct Above {
    has_example: bool,
    is_exempt: bool,
    /// Whether an attribute goes on over several lines.
    is_open: bool,
}

impl Above {
    /// Takes a line, if it does not belong to the item itself.
    fn takes(&mut self, line: &str) -> bool {
        self.has_example |= line.starts_with("/// ```");
        self.is_exempt |= EXEMPT.contains(&line);
        let is_attribute = self.is_open || line.starts_with("#[");
        self.is_open = is_attribute && !line.ends_with(']');
        line.is_empty() || line.starts_with("//") || is_attribute
    }
}

/// What a line at the left margin opened, down to its closing brace.
enum Block {
    /// A file, or what has items in it as a file has: `object! {`.
    Items,
    Methods(String),
    Trait(String),
    Private,
}

impl Block {
    fn opened_by(line: &str, above: &Above) -> Block {
        let of_trait = name_after(line, "pub trait ");
        if let Some(name) = of_trait {
            Block::Trait(name.to_owned())
        } else if line.ends_with("! {") && !above.is_exempt {
            Block::Items
        } else {
            implemented(line).map_or(Block::Private, |name| Block::Methods(name.to_owned()))
        }
    }

    /// The name of the public item that a line within declares, if it does.
    fn item(&self, line: &str, names: &BTreeSet<String>) -> Option<String> {
        let text = line.trim_start();
        let declared = || declared(text.strip_prefix("pub ")?);
        let (owner, name) = match self {
            Block::Private => return None,
            Block::Items => {
                let of_macros = || name_after(text, "pub use hookbox_sdk_macros::");
                let own = name_after(text, "macro_rules! ").or_else(declared);
                let found = own.filter(|name| names.contains(*name)).or_else(of_macros);
                return found.map(str::to_owned);
            }
            Block::Methods(owner) => (owner, declared()?),
            Block::Trait(owner) => (owner, name_after(line, "    fn ")?),
        };
        names.contains(owner).then(|| format!("{owner}::{name}"))
    }
}

/// The name that follows.
fn name_after<'a>(line: &'a str, words: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(words)?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = rest.get(..end.unwrap_or(rest.len()))?;
    (!name.is_empty()).then_some(name)
}

/// The name of what a line declares.
fn declared(line: &str) -> Option<&str> {
    let line = match line.split_once(" fn ") {
        Some((before, _)) if !before.contains(['(', ':']) => line.get(before.len() + 1..)?,
        _ => line,
    };
    let name = |keyword: &&str| name_after(line, &format!("{keyword} "));
    KEYWORDS.iter().find_map(name)
}

/// The type to which `impl<…> Type<…> {` gives methods; none where it gives a trait's.
fn implemented(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once("> ")?.1,
        None => rest.trim_start(),
    };
    (!line.contains(" for ")).then(|| name_after(rest, ""))?
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Reads a module's file, and those of the modules in it.
fn read(path: PathBuf, is_public: bool, found: &mut Vec<Source>) -> io::Result<()> {
    let whole = std::fs::read_to_string(&path)?;
    let text = whole
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let folder = if path == root().join("lib.rs") {
        root()
    } else {
        path.with_extension("")
    };
    let mut above = Above::default();
    for line in text.lines() {
        if above.takes(line) {
            continue;
        }
        let is_module = line.ends_with(';') && !above.is_exempt;
        let name = name_after(line.trim_start_matches("pub "), "mod ");
        if let Some(name) = name.filter(|_| is_module) {
            let is_public = is_public && line.starts_with("pub ");
            read(folder.join(format!("{name}.rs")), is_public, found)?;
        }
        above = Above::default();
    }
    found.push(Source {
        path,
        text: text.to_owned(),
        is_public,
    });
    Ok(())
}

/// The names that a public module declares and re-exports.
fn names(text: &str) -> impl Iterator<Item = String> {
    // What the macros expand to is no part of the interface.
    let text = text.split("pub mod __private").next().unwrap_or_default();
    let used = text.split("pub use ").skip(1).filter_map(|used| {
        let (path, _) = used.split_once(';')?;
        path.rsplit("::").next()
    });
    let used = used.flat_map(|names| names.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let lines = text.lines().map(str::trim_start);
    let declared = lines.filter_map(|line| declared(line.strip_prefix("pub ")?));
    used.chain(declared).map(str::to_owned)
}

/// The public items of a file: with an example, and without.
fn items(file: &Source, names: &BTreeSet<String>) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    if file.is_public {
        let has_example = file.text.contains("//! ```\n");
        found.push(("the module".to_owned(), has_example));
    }
    let (mut above, mut block) = (Above::default(), Block::Items);
    for line in file.text.lines() {
        if above.takes(line.trim_start()) {
            continue;
        }
        let is_file = line.starts_with("pub mod ") && line.ends_with(';');
        let is_macro = line.starts_with("macro_rules! ");
        let item = block.item(line, names);
        // A hidden macro is shown where it is re-exported.
        if let Some(item) = item.filter(|_| !is_file && (is_macro || !above.is_exempt)) {
            found.push((item, above.has_example));
        }
        if line == "}" {
            block = Block::Items;
        } else if !line.starts_with(' ') && line.ends_with('{') {
            block = Block::opened_by(line, &above);
        }
        above = Above::default();
    }
    found
}

/// The files of the SDK, as far as they are documented.
fn sources() -> io::Result<Vec<Source>> {
    let mut files = Vec::new();
    read(root().join("lib.rs"), true, &mut files)?;
    Ok(files)
}

/// The shapes in a file that are not read here, so that an item in them would be missed: the line, and what it is.
fn unreadable(whole: &str) -> Vec<(usize, &'static str)> {
    let (mut found, mut is_impl, mut is_tests_over) = (Vec::new(), false, false);
    for (at, line) in whole.lines().enumerate() {
        let text = line.trim_start();
        // Nothing is declared in these: they re-export.
        let is_hidden = ["pub mod __private {", "pub mod prelude {"].contains(&line);
        let fault = if text.starts_with("pub use ") && text.contains('*') {
            Some("re-exports all there is: name each")
        } else if line.starts_with("pub mod ") && line.ends_with('{') && !is_hidden {
            Some("is a public module within a file: give it a file of its own")
        } else if is_impl && line.starts_with("where") {
            Some("has `where` on a line of its own: bound the parameters where they stand")
        } else if is_tests_over && line.starts_with("pub ") {
            Some("is public and stands after the tests: put it before them")
        } else {
            None
        };
        found.extend(fault.map(|fault| (at + 1, fault)));
        is_tests_over |= line.starts_with("mod tests");
        is_impl = line.starts_with("impl") && !line.ends_with(['{', '}']);
    }
    found
}

/// What is wrong with the examples of a file: the line that each of them begins with, and why.
fn faults(text: &str) -> Vec<(usize, &'static str)> {
    let (mut found, mut open) = (Vec::new(), None);
    for (at, line) in text.lines().map(str::trim_start).enumerate() {
        let doc = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let Some(doc) = doc.map(str::trim) else {
            continue;
        };
        match (doc.strip_prefix("```"), &mut open) {
            (Some("compile_fail"), None) => open = Some((at, true)),
            (Some(""), None) => open = Some((at, false)),
            (Some(_), None) => {
                found.push((at + 1, "is not run"));
                open = Some((at, true));
            }
            (Some(_), Some((begin, asserts))) => {
                if !*asserts {
                    found.push((*begin + 1, "asserts nothing"));
                }
                open = None;
            }
            // What a comment says asserts nothing.
            (None, Some((_, asserts))) => {
                let code = doc.split("//").next().unwrap_or_default();
                *asserts |= code.contains("assert");
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn each_file_is_written_so_that_its_items_are_found() {
    let mut told = Vec::new();
    for file in sources().unwrap() {
        let place = file.path.strip_prefix(root()).unwrap().display();
        let whole = std::fs::read_to_string(&file.path).unwrap();
        let faults = unreadable(&whole).into_iter();
        told.extend(faults.map(|(line, fault)| format!("{place}:{line} {fault}")));
    }
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn what_is_not_read_is_refused() {
    let check = |text: &str, line: usize, fault: &str| {
        let found = unreadable(text);
        let is_told = found
            .iter()
            .any(|(at, said)| *at == line && said.contains(fault));
        assert!(is_told, "{text}: {found:?}");
    };
    check("pub use inner::*;", 1, "name each");
    check("pub mod inner {\n}", 1, "a file of its own");
    check(
        "impl<T> Slot for Vec<T>\nwhere\n    T: Slot,\n{",
        2,
        "`where`",
    );
    check("mod tests;\n\npub fn late() {}", 3, "before them");
    assert_eq!(unreadable("pub use inner::{One, Other};\nmod tests;"), []);
    let commented = "/// ```\n/// call(); // assert nothing\n/// ```";
    assert_eq!(faults(commented), [(1, "asserts nothing")]);
}

#[test]
fn each_example_is_run_and_asserts_something() {
    let mut told = Vec::new();
    for file in sources().unwrap() {
        let place = file.path.strip_prefix(root()).unwrap().display();
        let faults = faults(&file.text).into_iter();
        told.extend(faults.map(|(line, fault)| format!("{place}:{line} {fault}")));
    }
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn each_public_item_has_an_example_of_its_own() {
    let files = sources().unwrap();
    let public = files.iter().filter(|file| file.is_public);
    let names: BTreeSet<String> = public.flat_map(|file| names(&file.text)).collect();
    let (mut shown, mut bare) = (Vec::new(), Vec::new());
    for file in &files {
        let place = file.path.strip_prefix(root()).unwrap().display();
        for (name, has_example) in items(file, &names) {
            let list = if has_example { &mut shown } else { &mut bare };
            list.push(format!("{place}: {name}"));
        }
    }
    assert!(bare.is_empty(), "without an example: {bare:#?}");
    // What is not found lacks nothing.
    for known in [
        "event.rs: Event::payload",
        "http.rs: Transport::send",
        "hub/comment.rs: Client::comment_once",
        "hub/thread.rs: Entry",
        "lib.rs: on",
        "lib.rs: prelude",
        "log.rs: __info",
        "outcome.rs: Result",
        "outcome.rs: done",
        "view.rs: CommentEvent",
    ] {
        assert!(
            shown.iter().any(|name| name == known),
            "{known} is not among {shown:#?}"
        );
    }
}
