//! The names in a component, as short as a backtrace needs them.
//!
//! A third of a small component would be names as the compiler writes them: with hashes, and with every type that a
//! function was made for. Functions keep their names, and nothing else does.

use std::borrow::Cow;

/// What tools put into a binary besides what is run: a section of this kind has a name (core specification, 5.5.3).
const CUSTOM: u8 = 0;

/// The sections of a component that hold a module and a component (Component Model, `Binary.md`).
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// The part of a module's names that is its functions' (core specification, appendix, 7.4.1).
const FUNCTIONS: u8 = 1;

/// Magic number and version.
const HEADER_BYTES: usize = 8;

/// The component with short names; as it is, if it cannot be read.
#[must_use]
pub fn shortened(component: &[u8]) -> Cow<'_, [u8]> {
    sections(component, in_component).map_or(Cow::Borrowed(component), Cow::Owned)
}

/// What becomes of a section: `None` if it goes.
type Kept<'a> = Option<Cow<'a, [u8]>>;

fn sections<'a>(
    binary: &'a [u8],
    keep: impl Fn(u8, &'a [u8]) -> Option<Kept<'a>>,
) -> Option<Vec<u8>> {
    let (header, mut rest) = binary.split_at_checked(HEADER_BYTES)?;
    let mut out = header.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let (content, after) = counted(after)?;
        rest = after;
        if let Some(content) = keep(*id, content)? {
            out.push(*id);
            put_counted(&mut out, &content);
        }
    }
    Some(out)
}

fn in_component(id: u8, content: &[u8]) -> Option<Kept<'_>> {
    Some(match id {
        CORE_MODULE => Some(sections(content, in_module)?.into()),
        COMPONENT => Some(sections(content, in_component)?.into()),
        CUSTOM if counted(content)?.0 == b"component-name" => None,
        _ => Some(content.into()),
    })
}

fn in_module(id: u8, content: &[u8]) -> Option<Kept<'_>> {
    if id != CUSTOM {
        return Some(Some(content.into()));
    }
    let (name, parts) = counted(content)?;
    if name != b"name" {
        return Some(Some(content.into()));
    }
    let mut out = Vec::new();
    put_counted(&mut out, name);
    let mut rest = parts;
    while let Some((id, after)) = rest.split_first() {
        let (part, after) = counted(after)?;
        rest = after;
        if *id == FUNCTIONS {
            out.push(*id);
            put_counted(&mut out, &functions(part)?);
        }
    }
    Some(Some(out.into()))
}

fn functions(part: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = number(part)?;
    let mut out = Vec::new();
    put_number(&mut out, count);
    for _ in 0..count {
        let (index, after) = number(rest)?;
        let (name, after) = counted(after)?;
        rest = after;
        put_number(&mut out, index);
        put_counted(&mut out, short(std::str::from_utf8(name).ok()?).as_bytes());
    }
    Some(out)
}

/// A name as people write it, without what is between the brackets of a type: `<Vec<_> as Extend<_>>::extend`.
fn short(name: &str) -> String {
    let Ok(name) = rustc_demangle::try_demangle(name) else {
        return name.to_owned();
    };
    let name = format!("{name:#}");
    let mut short = String::new();
    let mut left_out = 0_u32;
    let mut before = ' ';
    for (at, letter) in name.char_indices() {
        let of_type = before.is_alphanumeric() || matches!(before, '_' | ':');
        let implementing = name
            .get(at..)
            .is_some_and(|rest| rest.starts_with("<impl "));
        match letter {
            '<' if left_out > 0 => left_out += 1,
            '<' if of_type && !implementing => {
                left_out = 1;
                short.push('<');
            }
            '>' if left_out > 0 && before != '-' => {
                left_out -= 1;
                if left_out == 0 {
                    short.push_str("_>");
                }
            }
            _ if left_out == 0 => short.push(letter),
            _ => {}
        }
        before = letter;
    }
    short
}

/// A number of at most 32 bits, and what follows it (LEB128; core specification, 5.2.2).
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, bytes.get(place + 1..)?));
        }
    }
    None
}

/// Bytes with their number before them, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(count).ok()?)
}

fn put_number(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        Component, ComponentNameSection, CustomSection, Module, ModuleSection, NameMap, NameSection,
    };

    fn component(functions: &[(u32, &str)], others: bool) -> Vec<u8> {
        let mut names = NameSection::new();
        let mut map = NameMap::new();
        for (index, name) in functions {
            map.append(*index, name);
        }
        let mut globals = NameMap::new();
        globals.append(0, "stack_pointer");
        if others {
            names.module("m");
        }
        names.functions(&map);
        if others {
            names.globals(&globals);
        }
        let mut module = Module::new();
        module.section(&CustomSection {
            name: "kept".into(),
            data: b"as it is".into(),
        });
        module.section(&names);
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        if others {
            let mut names = ComponentNameSection::new();
            names.component("c");
            component.section(&names);
        }
        component.finish()
    }

    #[test]
    fn functions_keep_short_names_and_nothing_else_has_one() {
        let mangled = "_ZN11hookbox_sdk4json6Reader5value17he9d8ac4fe4be6357E";
        let long = "x".repeat(300);
        let given = component(&[(0, mangled), (200, "dlmalloc"), (300, &long)], true);
        let wanted = component(
            &[
                (0, "hookbox_sdk::json::Reader::value"),
                (200, "dlmalloc"),
                (300, &long),
            ],
            false,
        );
        assert_eq!(shortened(&given), wanted);
        assert_eq!(shortened(&wanted), wanted);
    }

    #[test]
    fn types_are_left_out_of_names() {
        for (mangled, told) in [
            (
                "_ZN102_$LT$core..iter..adapters..map..Map$LT$I$C$F$GT$$u20$as$u20$core..iter..traits..iterator..Iterator$GT$4fold17hc6c9a698b05f977eE",
                "<core::iter::adapters::map::Map<_> as core::iter::traits::iterator::Iterator>::fold",
            ),
            ("_ZN5hello5greet17h8446851e8cc98446E", "hello::greet"),
            ("cabi_realloc", "cabi_realloc"),
        ] {
            assert_eq!(short(mangled), told);
        }
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_is() {
        let good = component(&[(0, "a")], true);
        for bad in [&b""[..], b"\0asm", &good[..good.len() - 1], &[0xff; 40]] {
            assert_eq!(shortened(bad), bad);
        }
    }
}
