//! The names in a component, as short as a backtrace needs them.
//!
//! A third of a small component would be names as the compiler writes them: with hashes, and with every type that a
//! function was made for. Functions keep their names, and nothing else does.

use std::borrow::Cow;
use wasm_encoder::{ComponentSectionId, NameMap, NameSection, RawSection, Section as _};
use wasmparser::{BinaryReaderError, CustomSectionReader, KnownCustom, Name, Parser, Payload};

/// The component with short names; as it is, if it cannot be read.
#[must_use]
pub fn shortened(component: &[u8]) -> Cow<'_, [u8]> {
    match written_again(component) {
        Ok(Some(shorter)) => Cow::Owned(shorter),
        Ok(None) | Err(_) => Cow::Borrowed(component),
    }
}

/// `None` if it ends where a component cannot.
fn written_again(component: &[u8]) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    // The component, and what is open in it: each with what it is as a section of the one before.
    let mut open: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut inner = ComponentSectionId::Component;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Payload::Version { range, .. } = &payload {
            let header = component.get(range.clone()).unwrap_or_default();
            open.push((inner as u8, header.to_vec()));
            continue;
        }
        let Some((_, out)) = open.last_mut() else {
            return Ok(None);
        };
        match payload {
            Payload::ModuleSection { .. } => inner = ComponentSectionId::CoreModule,
            Payload::ComponentSection { .. } => inner = ComponentSectionId::Component,
            Payload::CustomSection(custom) if custom.name() == "component-name" => {}
            Payload::CustomSection(custom) if custom.name() == "name" => {
                functions(&custom)?.append_to(out);
            }
            Payload::End(_) => {
                let ended = open.pop();
                match (ended, open.last_mut()) {
                    (Some((id, data)), Some((_, out))) => {
                        RawSection { id, data: &data }.append_to(out)
                    }
                    (ended, _) => return Ok(ended.map(|(_, written)| written)),
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let data = component.get(range).unwrap_or_default();
                    RawSection { id, data }.append_to(out);
                }
            }
        }
    }
    Ok(None)
}

/// A module's names: of those, its functions'.
fn functions(custom: &CustomSectionReader<'_>) -> Result<NameSection, BinaryReaderError> {
    let mut names = NameSection::new();
    if let KnownCustom::Name(parts) = custom.as_known() {
        for part in parts {
            if let Name::Function(functions) = part? {
                let mut map = NameMap::new();
                for function in functions {
                    let function = function?;
                    map.append(function.index, &short(function.name));
                }
                names.functions(&map);
            }
        }
    }
    Ok(names)
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
