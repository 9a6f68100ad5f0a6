//! What a component was made with, as its `producers` sections say (WebAssembly tool conventions): reading and writing
//! it.
//!
//! Read by seeking from section to section: the component itself is never in memory. Nothing depends on what is told,
//! so what cannot be read is passed over.

use crate::plugin::verdict::cut;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use wasm_encoder::{ComponentSection as _, ProducersField, ProducersSection};
use wasmparser::{BinaryReader, ProducersSectionReader};

/// The most producers that are told of, and the longest, in bytes: a component says what it likes.
const PRODUCERS_MAX: usize = 32;
const PRODUCER_BYTES_MAX: usize = 256;

/// The largest section that is read, in bytes.
const SECTION_BYTES_MAX: u64 = 64 * 1024;

/// The most sections that are looked at.
const SECTIONS_MAX: usize = 10_000;

/// Bytes of a module's or component's header; its seventh tells them apart.
const HEADER_BYTES: usize = 8;
const LAYER_AT: usize = 6;

/// The ids of the sections that matter (WebAssembly core specification 5.5.2; component model, Binary.md).
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// What the sections of a component and its core modules name, each once.
#[must_use]
pub fn toolchain<S: Read + Seek>(source: &mut S) -> Vec<String> {
    let mut found = BTreeSet::new();
    // What was found up to a place that cannot be read is worth telling.
    let _ = collect(source, &mut found);
    found.into_iter().take(PRODUCERS_MAX).collect()
}

fn collect<S: Read + Seek>(source: &mut S, found: &mut BTreeSet<String>) -> io::Result<()> {
    let end = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    // Where each of those ends that lie around this place, and whether it is a component.
    let mut around = vec![(end, is_component(source)?)];
    for _ in 0..SECTIONS_MAX {
        let at = source.stream_position()?;
        while around.last().is_some_and(|(end, _)| *end <= at) {
            around.pop();
        }
        let Some((_, in_component)) = around.last() else {
            return Ok(());
        };
        let id = byte(source)?;
        let size = u64::from(leb128(source)?);
        let next = source.stream_position()?.saturating_add(size);
        match id {
            CORE_MODULE | COMPONENT if *in_component => around.push((next, is_component(source)?)),
            CUSTOM if size <= SECTION_BYTES_MAX && found.len() < PRODUCERS_MAX => {
                let mut section = Vec::new();
                source.by_ref().take(size).read_to_end(&mut section)?;
                found.extend(producers(&section).unwrap_or_default());
            }
            _ => {
                source.seek(SeekFrom::Start(next))?;
            }
        }
    }
    Ok(())
}

/// Reads a header.
fn is_component(source: &mut impl Read) -> io::Result<bool> {
    let mut header = [0; HEADER_BYTES];
    source.read_exact(&mut header)?;
    Ok(header.get(LAYER_AT) == Some(&1))
}

fn producers(section: &[u8]) -> wasmparser::Result<Vec<String>> {
    let mut reader = BinaryReader::new(section, 0);
    if reader.read_string()? != "producers" {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for field in ProducersSectionReader::new(reader)? {
        for value in field?.values {
            let value = value?;
            // What stands in brackets behind a version is where it was built from.
            let version = value.version.split(" (").next().unwrap_or_default();
            let text = format!("{} {version}", value.name);
            found.push(cut(text.trim_end().to_owned(), PRODUCER_BYTES_MAX));
        }
    }
    Ok(found)
}

/// Something that took part in making a component: its field in a `producers` section (`language`, `sdk` or
/// `processed-by`), its name and its version.
pub type Producer<'a> = (&'a str, &'a str, &'a str);

/// This program.
pub const HOOKBOX: Producer<'static> = ("processed-by", "hookbox", env!("CARGO_PKG_VERSION"));

/// The component, which says of itself that these took part, too. It is as it was if it cannot be read.
#[must_use]
pub fn mark(component: &[u8], more: &[Producer<'_>]) -> Vec<u8> {
    marked(component, more).unwrap_or_else(|_| component.to_vec())
}

/// Names and versions by their field, in their order.
type Fields = Vec<(String, Vec<(String, String)>)>;

fn marked(component: &[u8], more: &[Producer<'_>]) -> wasmparser::Result<Vec<u8>> {
    let mut reader = BinaryReader::new(component, 0);
    let mut out = reader.read_bytes(HEADER_BYTES)?.to_vec();
    let mut fields = Fields::new();
    while !reader.eof() {
        let rest = reader.clone();
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let section = reader.read_bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
        // There may be but one, so ours takes its place; one that cannot be read stays what it is.
        let of_it = (id == CUSTOM).then(|| fields_of(section).ok().flatten());
        if let Some(of_it) = of_it.flatten() {
            for (field, values) in &of_it {
                (values.iter()).for_each(|(name, version)| add(&mut fields, field, name, version));
            }
        } else {
            let bytes = rest.bytes_remaining() - reader.bytes_remaining();
            out.extend_from_slice(rest.clone().read_bytes(bytes)?);
        }
    }
    for (field, name, version) in more {
        add(&mut fields, field, name, version);
    }
    let mut section = ProducersSection::new();
    for (field, values) in &fields {
        let mut encoded = ProducersField::new();
        for (name, version) in values {
            encoded.value(name, version);
        }
        section.field(field, &encoded);
    }
    section.append_to_component(&mut out);
    Ok(out)
}

/// What a custom section says, if it is that of the producers.
fn fields_of(section: &[u8]) -> wasmparser::Result<Option<Fields>> {
    let mut reader = BinaryReader::new(section, 0);
    if reader.read_string()? != "producers" {
        return Ok(None);
    }
    let mut fields = Fields::new();
    for field in ProducersSectionReader::new(reader)? {
        let field = field?;
        for value in field.values {
            let value = value?;
            add(&mut fields, field.name, value.name, value.version);
        }
    }
    Ok(Some(fields))
}

/// Adds a producer to its field; another version of the same goes.
fn add(fields: &mut Fields, field: &str, name: &str, version: &str) {
    let at = fields.iter().position(|(known, _)| known == field);
    let value = (name.to_owned(), version.to_owned());
    match at.and_then(|at| fields.get_mut(at)) {
        Some((_, values)) => {
            values.retain(|(known, _)| known != name);
            values.push(value);
        }
        None => fields.push((field.to_owned(), vec![value])),
    }
}

fn byte(source: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    source.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A number as the sizes of sections are written (WebAssembly core specification 5.2.2).
fn leb128(source: &mut impl Read) -> io::Result<u32> {
    let mut number = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let read = byte(source)?;
        number |= u32::from(read & 0x7f) << shift;
        if read < 0x80 {
            return Ok(number);
        }
    }
    Err(ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use wasm_encoder::{Component, Module, ModuleSection, NestedComponentSection, RawSection};

    fn made_with(name: &str, version: &str) -> ProducersSection {
        let mut field = ProducersField::new();
        field.value(name, version);
        let mut section = ProducersSection::new();
        section.field("processed-by", &field);
        section
    }

    #[test]
    fn each_component_and_module_tells_what_it_was_made_with() {
        let mut module = Module::new();
        module.section(&made_with("rustc", "1.95.0 (5980761 2026-04-14)"));
        let mut inner = Component::new();
        inner.section(&ModuleSection(&module));
        inner.section(&made_with("wit-component", "0.254.2"));
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner));
        outer.section(&made_with("wac", ""));
        outer.section(&made_with("wac", ""));
        let whole = outer.finish();
        let told = toolchain(&mut Cursor::new(&whole));
        assert_eq!(told, ["rustc 1.95.0", "wac", "wit-component 0.254.2"]);
        // What is cut off is passed over.
        for end in 0..whole.len() {
            assert!(toolchain(&mut Cursor::new(&whole[..end])).len() <= told.len());
        }
    }

    #[test]
    fn a_component_is_marked_once_with_each_that_made_it() {
        let mut component = Component::new();
        component.section(&made_with("wit-component", "0.254.2"));
        component.section(&made_with("hookbox", "0.0.1"));
        let old = component.finish();
        let python = [("language", "Python", "3.14"), HOOKBOX];
        let marked = mark(&old, &python);
        let told = toolchain(&mut Cursor::new(&marked));
        let hookbox = format!("hookbox {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(told, ["Python 3.14", &hookbox, "wit-component 0.254.2"]);
        // In one section, which is the same when it is marked again.
        let count = |bytes: &[u8]| bytes.windows(9).filter(|name| name == b"producers").count();
        assert_eq!(count(&marked), 1);
        assert_eq!(mark(&marked, &python), marked);
        // What cannot be read stays as it is.
        for bad in [&b""[..], b"\0asm", &old[..old.len() - 1]] {
            assert_eq!(mark(bad, &python), bad);
        }
    }

    #[test]
    fn a_size_that_leads_nowhere_ends_it() {
        let mut component = Component::new();
        component.section(&made_with("a", "1"));
        component.section(&RawSection {
            id: 7,
            data: &[0; 9],
        });
        let mut bytes = component.finish();
        bytes.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(toolchain(&mut Cursor::new(&bytes)), ["a 1"]);
    }
}
