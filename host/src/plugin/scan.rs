//! A look at a component before anything is compiled: what it would make, and how much there is to compile.
//!
//! A kilobyte can ask for millions of instances: components that instantiate the one before twice, and twice again. So
//! what an instantiation makes is multiplied, never expanded. One pass over the bytes; what is remembered is a few
//! numbers for each of a bounded number of modules and components. See `docs/compiling.md` for where the bounds come
//! from.

use crate::plugin::limiter::{INSTANCES_MAX, TABLE_ELEMENTS_MAX};
use std::ops::Range;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, ElementItems, ElementSectionReader, Encoding, Instance, Parser, Payload,
    TableSectionReader,
};

/// The most core instances, over all components that a component instantiates. No sandbox can hold more.
pub const CORE_INSTANCES_MAX: u64 = INSTANCES_MAX as u64;

/// The most steps of making all instances: each import, alias, instance, lifted or lowered function and export of each
/// instance of a component is one. Python takes 2,391, JavaScript 1,013.
pub const STEPS_MAX: u64 = 50_000;

/// The most functions, over all core modules. Python has 13,684, JavaScript 13,045.
pub const FUNCTIONS_MAX: u64 = 100_000;

/// The largest function, in bytes of its body. That of Python has 426,843, that of JavaScript 171,628.
pub const FUNCTION_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// The most types, over all core modules: code is made for each. Python has 1,132.
pub const TYPES_MAX: u64 = 50_000;

/// The largest table, in elements: no sandbox can hold a larger one.
pub const TABLE_MAX: u64 = TABLE_ELEMENTS_MAX as u64;

/// The most table elements, over all core modules, and the most elements of their segments: wasmtime writes out what a
/// table holds at the start, whether its module is ever instantiated or not. Python has 6,115.
pub const ELEMENTS_MAX: u64 = 200_000;

/// The most globals, over all core modules. Python has 874.
pub const GLOBALS_MAX: u64 = 30_000;

/// The most imports and exports, over all core modules. Python has 6,941.
pub const LINKS_MAX: u64 = 30_000;

/// The most element and data segments, over all core modules. Python has 2,213.
pub const SEGMENTS_MAX: u64 = 50_000;

/// The most bytes that say how its parts fit together: the names and types of what they import, export and hand on.
/// Python has 295,603.
pub const LINK_BYTES_MAX: u64 = 1024 * 1024;

/// The most core modules and components that a component consists of.
pub const PARTS_MAX: u64 = 1_000;

/// How deep components may lie in components.
pub const NESTING_MAX: u64 = 32;

/// Why a component is not compiled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The bytes are no component.
    #[error("does not compile: {0}; build it anew with 'hookbox build'")]
    Malformed(String),
    /// There is too much of something.
    #[error("it {what} (at most {max} are possible); {mend}", max = grouped(*max))]
    TooMany {
        /// What, with the number.
        what: String,
        /// The bound.
        max: u64,
        /// What to do.
        mend: &'static str,
    },
    /// What an instance would be made of cannot be told.
    #[error(
        "it instantiates a component that it is given, which no plugin needs; build it as one component"
    )]
    Unknown,
}

/// What to do about a component that is put together from too many.
const COMPOSE: &str = "build it as one component";

/// What to do about a component with too much code.
const SHRINK: &str = "leave out what it does not use, or split it into several plugins";

/// What was counted in a component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Core instances when it starts.
    pub core_instances: u64,
    /// Steps of making all instances.
    pub steps: u64,
    /// Functions of all core modules.
    pub functions: u64,
    /// Bytes of the largest function's body.
    pub function_bytes: u64,
    /// Types of all core modules.
    pub types: u64,
    /// Elements of all core modules' tables when they start; an empty table counts as one.
    pub table_elements: u64,
    /// Elements of all core modules' segments.
    pub segment_elements: u64,
    /// Globals of all core modules.
    pub globals: u64,
    /// Imports and exports of all core modules.
    pub links: u64,
    /// Element and data segments of all core modules.
    pub segments: u64,
    /// Bytes that say how the parts fit together.
    pub link_bytes: u64,
    /// Core modules and components.
    pub parts: u64,
    /// How deep components and modules lie in components.
    pub nesting: u64,
}

/// Counts what is in a component.
///
/// # Errors
/// [`ScanError`] if it is over a bound.
pub fn scan(bytes: &[u8]) -> Result<Census, ScanError> {
    let mut scanner = Scanner::default();
    for payload in Parser::new(0).parse_all(bytes) {
        scanner.take(payload?)?;
    }
    Ok(scanner.census)
}

impl From<wasmparser::BinaryReaderError> for ScanError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// What instantiating a component makes, all in all.
#[derive(Debug, Clone, Copy, Default)]
struct Makes {
    core_instances: u64,
    steps: u64,
}

/// A component or core module whose end was not seen yet.
enum Scope {
    Module,
    Component {
        /// What each component of its index space makes, as far as that is known.
        components: Vec<Option<Makes>>,
        makes: Makes,
    },
}

#[derive(Default)]
struct Scanner {
    open: Vec<Scope>,
    census: Census,
}

impl Scanner {
    fn take(&mut self, payload: Payload<'_>) -> Result<(), ScanError> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(encoding),
            Payload::End(_) => self.end(),
            Payload::TypeSection(types) => {
                let more = u64::from(types.count());
                add(&mut self.census.types, more, TYPES_MAX, "core types")
            }
            Payload::CodeSectionStart { count, .. } => {
                let more = u64::from(count);
                add(&mut self.census.functions, more, FUNCTIONS_MAX, "functions")
            }
            Payload::CodeSectionEntry(body) => {
                let found = u64::try_from(body.range().len()).unwrap_or(u64::MAX);
                self.census.function_bytes = self.census.function_bytes.max(found);
                bound(found, FUNCTION_BYTES_MAX, SHRINK, || {
                    format!("has a function of {} bytes", grouped(found))
                })
            }
            Payload::TableSection(tables) => self.take_tables(tables),
            Payload::ElementSection(segments) => self.take_elements(segments),
            Payload::GlobalSection(globals) => {
                let more = u64::from(globals.count());
                add(&mut self.census.globals, more, GLOBALS_MAX, "globals")
            }
            Payload::DataSection(segments) => self.segments(segments.count()),
            Payload::ImportSection(imports) => {
                self.links(imports.count())?;
                self.link_bytes(&imports.range())
            }
            Payload::ExportSection(exports) => {
                self.links(exports.count())?;
                self.link_bytes(&exports.range())
            }
            payload => self.take_of_component(payload),
        }
    }

    fn take_tables(&mut self, tables: TableSectionReader<'_>) -> Result<(), ScanError> {
        for table in tables {
            let found = table?.ty.initial;
            bound(found, TABLE_MAX, SHRINK, || {
                format!("has a table of {} elements", grouped(found))
            })?;
            let elements = &mut self.census.table_elements;
            add(elements, found.max(1), ELEMENTS_MAX, "table elements")?;
        }
        Ok(())
    }

    fn take_elements(&mut self, segments: ElementSectionReader<'_>) -> Result<(), ScanError> {
        self.segments(segments.count())?;
        for segment in segments {
            let more = match segment?.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            };
            let elements = &mut self.census.segment_elements;
            add(elements, more.into(), ELEMENTS_MAX, "elements in segments")?;
        }
        Ok(())
    }

    fn segments(&mut self, more: u32) -> Result<(), ScanError> {
        let segments = &mut self.census.segments;
        add(segments, more.into(), SEGMENTS_MAX, "segments")
    }

    fn links(&mut self, more: u32) -> Result<(), ScanError> {
        let links = &mut self.census.links;
        add(links, more.into(), LINKS_MAX, "core imports and exports")
    }

    fn link_bytes(&mut self, section: &Range<usize>) -> Result<(), ScanError> {
        let more = u64::try_from(section.len()).unwrap_or(u64::MAX);
        let bytes = &mut self.census.link_bytes;
        let what = "bytes of names and types of imports and exports";
        add(bytes, more, LINK_BYTES_MAX, what)
    }

    fn take_of_component(&mut self, payload: Payload<'_>) -> Result<(), ScanError> {
        if let Some(section) = section_of_links(&payload) {
            self.link_bytes(&section)?;
        }
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    let made = match instance? {
                        Instance::Instantiate { .. } => 1,
                        Instance::FromExports(_) => 0,
                    };
                    self.make(Makes {
                        core_instances: made,
                        steps: 1,
                    })?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    self.instantiate(&instance?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(&alias?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.step()?;
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        self.name_component(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.step()?;
                    let export = export?;
                    // Whatever is exported gets one more index.
                    if export.kind == ComponentExternalKind::Component {
                        let makes = self.component(0, export.index);
                        self.name_component(makes);
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    function?;
                    self.step()?;
                }
            }
            Payload::ComponentTypeSection(section) => self.make(steps(section.count()))?,
            Payload::CoreTypeSection(section) => self.make(steps(section.count()))?,
            Payload::ComponentStartSection { .. } => self.step()?,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), ScanError> {
        self.census.parts += 1;
        let parts = self.census.parts;
        bound(parts, PARTS_MAX, COMPOSE, || {
            format!(
                "consists of more than {} components and modules",
                grouped(PARTS_MAX)
            )
        })?;
        self.open.push(match encoding {
            Encoding::Module => Scope::Module,
            Encoding::Component => Scope::Component {
                components: Vec::new(),
                makes: Makes::default(),
            },
        });
        let nesting = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        self.census.nesting = self.census.nesting.max(nesting);
        bound(nesting, NESTING_MAX, COMPOSE, || {
            format!("has components in components, {nesting} deep")
        })
    }

    fn end(&mut self) -> Result<(), ScanError> {
        let Some(Scope::Component { makes, .. }) = self.open.pop() else {
            return Ok(());
        };
        self.name_component(Some(makes));
        if !self.open.is_empty() {
            return Ok(());
        }
        self.census.core_instances = makes.core_instances;
        self.census.steps = makes.steps;
        bound(makes.core_instances, CORE_INSTANCES_MAX, COMPOSE, || {
            let found = grouped(makes.core_instances);
            format!("would make {found} core instances when it starts")
        })?;
        bound(makes.steps, STEPS_MAX, COMPOSE, || {
            let found = grouped(makes.steps);
            format!("would take {found} steps to start")
        })
    }

    fn instantiate(&mut self, instance: &ComponentInstance<'_>) -> Result<(), ScanError> {
        self.step()?;
        match instance {
            ComponentInstance::FromExports(_) => Ok(()),
            ComponentInstance::Instantiate {
                component_index, ..
            } => {
                let makes = self.component(0, *component_index);
                self.make(makes.ok_or(ScanError::Unknown)?)
            }
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), ScanError> {
        self.step()?;
        match alias {
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => self.name_component(None),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let makes = self.component(*count, *index);
                self.name_component(makes);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a component makes, as far as that is known; `outer` is counted outwards from the innermost open one.
    fn component(&self, outer: u32, index: u32) -> Option<Makes> {
        let (outer, index) = (usize::try_from(outer).ok()?, usize::try_from(index).ok()?);
        match self.open.iter().rev().nth(outer)? {
            Scope::Component { components, .. } => *components.get(index)?,
            Scope::Module => None,
        }
    }

    /// Gives a component the next index of the innermost open one.
    fn name_component(&mut self, makes: Option<Makes>) {
        if let Some(Scope::Component { components, .. }) = self.open.last_mut() {
            components.push(makes);
        }
    }

    fn step(&mut self) -> Result<(), ScanError> {
        self.make(steps(1))
    }

    fn make(&mut self, more: Makes) -> Result<(), ScanError> {
        let Some(Scope::Component { makes, .. }) = self.open.last_mut() else {
            let text = "a core module holds what only a component can";
            return Err(ScanError::Malformed(text.to_owned()));
        };
        makes.core_instances = makes.core_instances.saturating_add(more.core_instances);
        makes.steps = makes.steps.saturating_add(more.steps);
        Ok(())
    }
}

/// Where a section of a component lies that names or types what its parts hand each other.
fn section_of_links(payload: &Payload<'_>) -> Option<Range<usize>> {
    match payload {
        Payload::InstanceSection(section) => Some(section.range()),
        Payload::ComponentInstanceSection(section) => Some(section.range()),
        Payload::ComponentAliasSection(section) => Some(section.range()),
        Payload::ComponentImportSection(section) => Some(section.range()),
        Payload::ComponentExportSection(section) => Some(section.range()),
        Payload::ComponentTypeSection(section) => Some(section.range()),
        Payload::CoreTypeSection(section) => Some(section.range()),
        _ => None,
    }
}

fn steps(count: u32) -> Makes {
    Makes {
        core_instances: 0,
        steps: u64::from(count),
    }
}

/// Adds to a count, and holds it to its bound.
fn add(count: &mut u64, more: u64, max: u64, what: &str) -> Result<(), ScanError> {
    *count = count.saturating_add(more);
    let found = *count;
    bound(found, max, SHRINK, || {
        format!("has {} {what}", grouped(found))
    })
}

fn bound(
    found: u64,
    max: u64,
    mend: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), ScanError> {
    if found <= max {
        return Ok(());
    }
    let what = what();
    Err(ScanError::TooMany { what, max, mend })
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
