//! From the bytes of a file to a component that can be run: checked, compiled, linked, described.

use crate::plugin::bindings::{INTERFACE_VERSION, ManifestError, v0_1};
use crate::plugin::compiler::{CompileError, Compiler};
use crate::plugin::engine::Engine;
use crate::plugin::imports::{Access, Import, parse_version};
use crate::plugin::sandbox::{self, GuestState, Limits};
use crate::plugin::store::{Store, load_made};
use crate::plugin::toolchain::toolchain;
use crate::plugin::{Manifest, PluginName};
use crate::visible::{one_line, told};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{Cursor, Read, Seek};
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;

/// The largest component file, in bytes, unless the operator says otherwise.
pub const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What the digest of a component begins with.
pub(in crate::plugin) const ALGORITHM: &str = "sha256:";

/// The most imports that a reason names.
const REFUSED_NAMED_MAX: usize = 4;

/// The name under which a component imports or exports our interfaces.
const PACKAGE: &str = "hookbox:plugin/";

/// A compiled, linked and described component; cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Parts>);

struct Parts {
    pre: v0_1::PluginHostPre<GuestState>,
    manifest: Manifest,
    facts: ComponentFacts,
}

/// What can be told of a component without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFacts {
    /// `sha256:` and 64 hex digits, of the file's bytes.
    pub digest: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// The interface version it was built against, such as `0.1.0`.
    pub interface: String,
    /// The interfaces it imports.
    pub imports: Vec<String>,
    /// What it was made with, such as `rustc 1.95.0`, as its `producers` sections say (WebAssembly tool conventions).
    pub toolchain: Vec<String>,
}

/// Why a file is not a plugin that this host can run.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file is not WebAssembly.
    #[error("not a WebAssembly file; build the plugin with 'hookbox build'")]
    NotWasm,
    /// The file is a core module.
    #[error("not a component (it is a core module); build it with 'hookbox build'")]
    CoreModule,
    /// The file holds native code.
    #[error("precompiled native code is never loaded; put the component (.wasm) itself here")]
    Precompiled,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It does not compile, or did not this time.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It is a component, but no plugin.
    #[error(
        "a component, but not a plugin: it does not export hookbox:plugin/handler; write it with the SDK or \
         target the world hookbox:plugin/plugin"
    )]
    NotAPlugin,
    /// It was built for a newer interface.
    #[error(
        "built for hookbox:plugin@{found}, this host speaks up to {}.{}.{}; use a newer hookbox or an older SDK",
        INTERFACE_VERSION.0, INTERFACE_VERSION.1, INTERFACE_VERSION.2
    )]
    TooNew {
        /// The version it was built for.
        found: String,
    },
    /// It imports what this host does not have.
    #[error(
        "cannot be linked: {reason}; a plugin may import what the world hookbox:plugin/plugin has"
    )]
    Link {
        /// Which imports, and why; in the linker's words where only the linker can tell.
        reason: String,
    },
    /// `describe` did not answer.
    #[error("describe failed: {reason}")]
    Describe {
        /// What the sandbox met.
        reason: String,
    },
    /// Its manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl ComponentError {
    /// Whether it says nothing about the file: another time it may go well.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Read(_) => true,
            Self::Compile(error) => error.is_passing(),
            _ => false,
        }
    }
}

impl Component {
    /// Compiles, links and describes a component that a store keeps; that spares compiling what was compiled before.
    /// Compiling takes a while: never call it from a runtime thread (this blocks).
    ///
    /// # Errors
    /// [`ComponentError`] says why it is no plugin for this host.
    pub fn load(engine: &Engine, store: &Store, digest: &str) -> Result<Self, ComponentError> {
        let mut file = store.find(digest)?;
        let told = Told::of(&mut file)?;
        let compiled = store.compiled(engine, digest)?;
        Self::describe(engine, &compiled, digest.to_owned(), told)
    }

    /// The same for a component's bytes, of which nothing is kept.
    ///
    /// # Errors
    /// [`ComponentError`] says why the bytes are no plugin for this host.
    pub fn load_bytes(
        engine: &Engine,
        bytes: &[u8],
        compiler: &Compiler,
    ) -> Result<Self, ComponentError> {
        let told = Told::of(&mut Cursor::new(bytes))?;
        let (digest, mut artifact) = (digest(bytes), Vec::new());
        compiler.compile(engine, &digest, &mut &*bytes, &mut artifact)?;
        let compiled = load_made(engine, &artifact)?;
        Self::describe(engine, &compiled, digest, told)
    }

    fn describe(
        engine: &Engine,
        compiled: &wasmtime::component::Component,
        digest: String,
        told: Told,
    ) -> Result<Self, ComponentError> {
        let (interface, imports) = interfaces(engine, compiled)?;
        let pre = engine
            .linker()
            .instantiate_pre(compiled)
            .and_then(v0_1::PluginHostPre::new)
            .map_err(|error| ComponentError::Link {
                reason: unlinked(engine, compiled).unwrap_or_else(|| {
                    let text = one_line(&format!("{error:#}"));
                    misused(&text).unwrap_or(text)
                }),
            })?;
        let manifest = sandbox::describe(engine, &pre, &Limits::default())?;
        Ok(Self(Arc::new(Parts {
            pre,
            manifest,
            facts: ComponentFacts {
                digest,
                size_bytes: told.size_bytes,
                interface,
                imports,
                toolchain: told.toolchain,
            },
        })))
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What can be told without running it.
    #[must_use]
    pub fn facts(&self) -> &ComponentFacts {
        &self.0.facts
    }

    pub(in crate::plugin) fn pre(&self) -> &v0_1::PluginHostPre<GuestState> {
        &self.0.pre
    }
}

/// What can be told of a component's bytes before they are compiled.
struct Told {
    size_bytes: u64,
    toolchain: Vec<String>,
}

impl Told {
    fn of<S: Read + Seek>(source: &mut S) -> Result<Self, ComponentError> {
        let mut header = Vec::new();
        source.by_ref().take(8).read_to_end(&mut header)?;
        check_header(&header)?;
        let size_bytes = source.seek(std::io::SeekFrom::End(0))?;
        source.rewind()?;
        Ok(Self {
            size_bytes,
            toolchain: toolchain(source),
        })
    }
}

/// The digest of a component's bytes: `sha256:` and 64 hex digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("{ALGORITHM}{}", hex(&Sha256::digest(bytes)))
}

/// The digest of what is read to its end.
///
/// # Errors
/// The reader's.
pub fn digest_of(reader: &mut dyn Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            return Ok(format!("{ALGORITHM}{}", hex(&hash.finalize())));
        }
        hash.update(chunk.get(..read).unwrap_or_default());
    }
}

/// Bytes as hex digits.
pub(in crate::plugin) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The plugin name of a component file: its stem.
///
/// # Errors
/// [`PluginNameError`](crate::plugin::PluginNameError) if the stem is no plugin name.
pub fn name_of(path: &std::path::Path) -> Result<PluginName, crate::plugin::PluginNameError> {
    PluginName::parse(&path.file_stem().unwrap_or_default().to_string_lossy())
}

/// Tells components, core modules, native code and the rest apart by their first bytes.
fn check_header(bytes: &[u8]) -> Result<(), ComponentError> {
    match bytes.get(..8) {
        Some([0x7f, b'E', b'L', b'F', ..]) => Err(ComponentError::Precompiled),
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(ComponentError::CoreModule),
        _ => Err(ComponentError::NotWasm),
    }
}

/// The interface version and the imports, read before anything is instantiated.
fn interfaces(
    engine: &Engine,
    component: &wasmtime::component::Component,
) -> Result<(String, Vec<String>), ComponentError> {
    let ty = component.component_type();
    let imports: Vec<String> = ty
        .imports(engine.wasmtime())
        .map(|(name, _)| name.to_owned())
        .collect();
    let exports: Vec<String> = ty
        .exports(engine.wasmtime())
        .map(|(name, _)| name.to_owned())
        .collect();
    let newest = imports
        .iter()
        .chain(&exports)
        .filter_map(|name| name.strip_prefix(PACKAGE)?.split_once('@'))
        .filter_map(|(_, version)| Some((parse_version(version)?, version)))
        .max();
    if let Some((version, text)) = newest
        && version > INTERFACE_VERSION
    {
        return Err(ComponentError::TooNew {
            found: text.to_owned(),
        });
    }
    let handler = exports
        .iter()
        .filter_map(|name| name.strip_prefix(PACKAGE)?.strip_prefix("handler@"))
        .next()
        .ok_or(ComponentError::NotAPlugin)?;
    Ok((handler.to_owned(), imports))
}

/// The imports that cannot be linked, each with the reason; the first few of them.
fn unlinked(engine: &Engine, component: &wasmtime::component::Component) -> Option<String> {
    let ty = component.component_type();
    // A resource that was imported before is one by another name, which nobody has to have.
    let mut resources = Vec::new();
    let mut is_asked = |item: &ComponentItem| match item {
        ComponentItem::Type(_) => false,
        ComponentItem::Resource(resource) if resources.contains(resource) => false,
        ComponentItem::Resource(resource) => {
            resources.push(*resource);
            true
        }
        _ => true,
    };
    let refused: Vec<String> = ty
        .imports(engine.wasmtime())
        .filter_map(|(name, import)| {
            let items = match &import.ty {
                ComponentItem::ComponentInstance(instance) => instance
                    .exports(engine.wasmtime())
                    .filter(|(_, item)| is_asked(&item.ty))
                    .map(|(name, _)| name)
                    .collect(),
                item if is_asked(item) => vec![name],
                _ => Vec::new(),
            };
            match Import::new(name, items).access() {
                Access::Refused(reason) => Some(format!("{}: {reason}", told(name))),
                _ => None,
            }
        })
        .collect();
    let named = refused.get(..REFUSED_NAMED_MAX).unwrap_or(&refused);
    let more = match refused.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!refused.is_empty()).then(|| format!("{}{more}", named.join("; ")))
}

/// What the linker says of an import that is there and is another thing than what is asked for, in our words; the linker
/// puts names in backticks.
fn misused(text: &str) -> Option<String> {
    let mut names = text
        .strip_prefix("component imports ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let import = names.next()?;
    Some(match names.next() {
        Some(item) => format!("{import}: `{item}` of this host takes or gives other values"),
        None => format!("{import}: this host has it otherwise"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_other_values_is_told_in_our_words() {
        let text = "component imports instance `wasi:cli/exit@0.2.3`, but a matching implementation was not found \
                    in the linker: instance export `exit` has the wrong type: type mismatch with parameters";
        assert_eq!(
            misused(text).unwrap(),
            "wasi:cli/exit@0.2.3: `exit` of this host takes or gives other values"
        );
        assert_eq!(misused("something else"), None);
    }

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        let text = |bytes: &[u8]| check_header(bytes).map_err(|error| error.to_string());
        assert_eq!(text(b"\0asm\x0d\0\x01\0..."), Ok(()));
        assert_eq!(
            text(b"\0asm\x01\0\0\0"),
            Err("not a component (it is a core module); build it with 'hookbox build'".into())
        );
        assert!(
            text(b"\x7fELF\x02\x01\x01\0")
                .unwrap_err()
                .starts_with("precompiled")
        );
        assert!(
            text(b"hello")
                .unwrap_err()
                .starts_with("not a WebAssembly file")
        );
        assert!(text(b"").unwrap_err().starts_with("not a WebAssembly file"));
    }
}
