//! What a file imports, and what a plugin has of each: always, as its grant says, nothing, or no place in this host.
//!
//! Read from the bytes, so that it can be told of a file that does not compile or link, too. The linker decides what is
//! linked; this says why not, for each import, where the linker names only the first.

use crate::plugin::bindings::INTERFACE_VERSION;
use crate::plugin::scan::scan;
use crate::plugin::verdict::cut;
use crate::visible::told;
use std::sync::LazyLock;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, InstanceTypeDeclaration, Parser, Payload, TypeBounds,
};

/// The most imports that are told of, and the longest name of one, in bytes: a file says what it likes.
const IMPORTS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 256;

/// The most types in types that a section may have, and so how deep they may lie in each other: they are read by
/// recursion. What language tools make has none.
const NESTED_TYPES_MAX: usize = 100;

/// How a type in a component's or instance's type begins (component model, Binary.md).
const NESTED_TYPES: [[u8; 2]; 2] = [[1, 0x41], [1, 0x42]];

/// The most items that a reason names.
const NAMED_MAX: usize = 4;

/// The interfaces that this host links and what each has: `cargo run -p hookbox-tests --example wit-deps` prints them
/// from `wit/`.
const LINKED: &str = include_str!("imports/linked.txt");

/// Our own package, of which this host may be older than a plugin.
const OWN: &str = "hookbox:plugin";

/// An import of a component, or a module that a core module imports from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its name, such as `wasi:cli/exit@0.2.12`.
    pub name: String,
    /// What is asked of it: functions, resources and the like. Types need nobody who has them.
    pub items: Vec<String>,
}

/// What a plugin has of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It is there for each plugin.
    Always,
    /// It refuses, or is empty, but for what the grant gives.
    Granted(Ability),
    /// It is there, because languages link it, and never gives anything: no files, no sockets, no input.
    Nothing,
    /// This host has no such interface, and need not: only types are asked of it.
    OnlyTypes,
    /// It cannot be linked, for this reason.
    Refused(String),
}

/// What a grant has a table for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// `[[http]]`.
    Http,
    /// `[state]`.
    State,
    /// `[config]`.
    Config,
}

impl Ability {
    /// Its table in a grant.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Http => "[[http]]",
            Self::State => "[state]",
            Self::Config => "[config]",
        }
    }
}

/// An interface that this host links.
struct Linked {
    package: &'static str,
    interface: &'static str,
    version: &'static str,
    items: Vec<&'static str>,
}

static WORLD: LazyLock<Vec<Linked>> = LazyLock::new(|| {
    let mut world: Vec<Linked> = Vec::new();
    for line in LINKED.lines() {
        match (line.strip_prefix("  "), world.last_mut()) {
            (Some(item), Some(linked)) => linked.items.push(item),
            _ => world.extend(Name::of(line).map(|name| Linked {
                package: name.package,
                interface: name.interface,
                version: name.version.unwrap_or_default(),
                items: Vec::new(),
            })),
        }
    }
    world
});

/// `package/interface@version`.
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let (package, interface) = path.split_once('/')?;
        Some(Self {
            package,
            interface,
            version,
        })
    }

    /// Whether this host has the interface.
    fn is_ours(&self) -> bool {
        WORLD.iter().any(|linked| {
            (linked.package, linked.interface) == (self.package, self.interface)
                && misfit(self.version, linked.version).is_none()
        })
    }
}

impl Import {
    /// An import by its name and what is asked of it; both are cut where they are too long to be shown.
    #[must_use]
    pub fn new<'a>(name: &str, items: impl IntoIterator<Item = &'a str>) -> Self {
        let bounded = |text: &str| cut(text.to_owned(), NAME_BYTES_MAX);
        Self {
            name: bounded(name),
            items: items.into_iter().map(bounded).collect(),
        }
    }

    /// What a plugin of this host has of it.
    #[must_use]
    pub fn access(&self) -> Access {
        if let Some(reason) = self.refused() {
            return Access::Refused(reason);
        }
        let Some(name) =
            Name::of(&self.name).filter(|name| !self.items.is_empty() || name.is_ours())
        else {
            return Access::OnlyTypes;
        };
        match (name.package, name.interface) {
            ("wasi:http", _) => Access::Granted(Ability::Http),
            ("wasi:keyvalue", _) => Access::Granted(Ability::State),
            ("wasi:config", _) => Access::Granted(Ability::Config),
            ("wasi:filesystem" | "wasi:sockets", _) => Access::Nothing,
            ("wasi:cli", "environment" | "stdin") => Access::Nothing,
            ("wasi:cli", interface) if interface.starts_with("terminal-") => Access::Nothing,
            _ => Access::Always,
        }
    }

    fn refused(&self) -> Option<String> {
        let Some(name) = Name::of(&self.name) else {
            if self.items.is_empty() {
                return None;
            }
            return Some("a plugin imports interfaces, and this is none".to_owned());
        };
        if name.package == OWN && name.version.and_then(parse_version) > Some(INTERFACE_VERSION) {
            let (major, minor, patch) = INTERFACE_VERSION;
            return Some(format!(
                "this host speaks {OWN} up to {major}.{minor}.{patch}; use a newer hookbox or an older SDK"
            ));
        }
        if self.items.is_empty() {
            return None;
        }
        // All interfaces of a package have one version.
        let mut of_package = (WORLD.iter()).filter(|linked| linked.package == name.package);
        let Some(has) = of_package.clone().next() else {
            return Some(format!("this host has no package {}", told(name.package)));
        };
        let told_has = format!("this host has {}@{}", has.package, has.version);
        if let Some(reason) = misfit(name.version, has.version) {
            return Some(format!("{told_has}, {reason}"));
        }
        let Some(linked) = of_package.find(|linked| linked.interface == name.interface) else {
            let interface = told(name.interface);
            return Some(format!("{told_has}, which has no interface `{interface}`"));
        };
        self.lacking(linked)
    }

    fn lacking(&self, linked: &Linked) -> Option<String> {
        let items = self.items.iter().map(String::as_str);
        let lacking: Vec<&str> = items.filter(|item| !linked.items.contains(item)).collect();
        let named: Vec<String> = (lacking.iter().take(NAMED_MAX))
            .map(|item| format!("`{}`", told(item)))
            .collect();
        let more = match lacking.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let Linked {
            package,
            interface,
            version,
            ..
        } = linked;
        (!lacking.is_empty()).then(|| {
            format!(
                "{package}/{interface}@{version} of this host has no {}{more}",
                named.join(", ")
            )
        })
    }
}

/// Why an import of one version is not met by another. Releases that differ in what comes last only are the same to the
/// linker (semantic versions); drafts are no releases.
fn misfit(asked: Option<&str>, has: &str) -> Option<&'static str> {
    let asked = asked.unwrap_or_default();
    let draft = |version: &str| version.contains(['-', '+']);
    match (parse_version(asked), parse_version(has)) {
        _ if asked == has => None,
        (None, _) => Some("and this names no such version"),
        _ if draft(has) => Some("and a draft has to be the very same"),
        (Some(number), Some(has)) if track(number) == track(has) => {
            draft(asked).then_some("and this is a draft of it; build for the release")
        }
        _ => Some("and this is another interface; build for that"),
    }
}

/// What has to be the same of two releases, for one to be met by the other.
const fn track((major, minor, patch): (u64, u64, u64)) -> (u64, u64, u64) {
    match (major, minor) {
        (0, 0) => (0, 0, patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

/// The version of our own interfaces that something imports.
#[must_use]
pub fn own_version(imports: &[Import]) -> Option<String> {
    let mut names = imports.iter().filter_map(|import| Name::of(&import.name));
    let own = names.find(|name| name.package == OWN)?;
    own.version.map(str::to_owned)
}

/// The numbers of a semantic version.
pub(in crate::plugin) fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let plain = text.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The imports of a component or core module, in its order. None of a file that is neither, or that is over the bounds
/// of what is compiled at all; what cannot be read is passed over.
#[must_use]
pub fn imports(bytes: &[u8]) -> Vec<Import> {
    let mut found = Found::default();
    if scan(bytes).is_ok() {
        // What was found up to a place that cannot be read is worth telling.
        let _: Option<()> = found.collect(bytes);
    }
    found.imports.truncate(IMPORTS_MAX);
    found.imports
}

/// What was read so far of the outermost component or module.
#[derive(Default)]
struct Found<'a> {
    imports: Vec<Import>,
    /// Its types: what instances of each have.
    types: Vec<Vec<&'a str>>,
}

impl<'a> Found<'a> {
    fn collect(&mut self, bytes: &'a [u8]) -> Option<()> {
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.ok()? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentTypeSection(section) if depth == 1 => {
                    let written = bytes.get(section.range())?.windows(2);
                    let nested = written.filter(|pair| NESTED_TYPES.iter().any(|to| to == pair));
                    if nested.count() > NESTED_TYPES_MAX {
                        return None;
                    }
                    for ty in section {
                        self.types.push(items(ty.ok()?));
                    }
                }
                payload if depth == 1 => self.take(payload).ok()?,
                _ => {}
            }
        }
        Some(())
    }

    fn take(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let module = Import::new(import?.module, []);
                    if self.imports.len() < IMPORTS_MAX && !self.imports.contains(&module) {
                        self.imports.push(module);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    let is_type = matches!(
                        alias?,
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Type,
                            ..
                        } | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Type,
                            ..
                        }
                    );
                    self.types.extend(is_type.then(Vec::new));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    self.take_import(import.name.name, import.ty);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    // Whatever is exported gets one more index.
                    let is_type = export?.kind == ComponentExternalKind::Type;
                    self.types.extend(is_type.then(Vec::new));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_import(&mut self, name: &str, ty: ComponentTypeRef) {
        let of = |index: u32| self.types.get(usize::try_from(index).ok()?);
        let items = match ty {
            ComponentTypeRef::Instance(index) => of(index).cloned().unwrap_or_default(),
            // What is no instance is itself what is asked for.
            _ => vec![name],
        };
        if let ComponentTypeRef::Type(_) = ty {
            self.types.push(Vec::new());
        }
        // One type by another name is nothing that anybody has to have.
        if !matches!(ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
            self.imports.push(Import::new(name, items));
        }
    }
}

/// What an instance type has but types, which need nobody who has them; a resource by another name is a type.
fn items(ty: ComponentType<'_>) -> Vec<&str> {
    let ComponentType::Instance(declarations) = ty else {
        return Vec::new();
    };
    let declarations = declarations.into_iter();
    declarations
        .filter_map(|declaration| match declaration {
            InstanceTypeDeclaration::Export {
                ty: ComponentTypeRef::Type(TypeBounds::Eq(_)),
                ..
            } => None,
            InstanceTypeDeclaration::Export { name, .. } => Some(name.name),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
