//! The SDK's bindings, generated from `wit/` here rather than wherever a plugin is built: so a plugin project builds
//! without the generator, and what is compiled can be read.

use crate::built::workspace;
use std::path::PathBuf;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

/// Whatever went wrong, in words.
pub type Error = Box<dyn std::error::Error>;

/// The part of `hookbox:plugin/plugin` that the SDK itself calls. What a plugin reaches through the standard library or
/// another crate is imported by those. A component imports only what its plugin calls: the rest is left out when it is
/// linked.
const WORLD: &str = "
    package hookbox:sdk;

    world component {
        import hookbox:plugin/raw@0.1.0;
        import wasi:logging/logging@0.1.0-draft;
        import wasi:config/store@0.2.0-rc.1;
        import wasi:keyvalue/store@0.2.0-draft;
        import wasi:keyvalue/atomics@0.2.0-draft;
        import wasi:http/outgoing-handler@0.2.12;
        export hookbox:plugin/handler@0.1.0;
    }
";

/// The file in the repo.
#[must_use]
pub fn file() -> PathBuf {
    workspace().join("sdk/src/bindings/generated.in")
}

/// What the file should hold.
///
/// # Errors
/// If `wit/` does not hold together.
pub fn generated() -> Result<String, Error> {
    let mut resolve = Resolve::default();
    resolve.push_path(workspace().join("wit"))?;
    let package = resolve.push_str("component.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("component"))?;
    let mut files = Files::default();
    options()
        .build()
        .generate(&mut resolve, world, &mut files)?;
    let (_, text) = files.iter().next().ok_or("the generator made no file")?;
    Ok(String::from_utf8(text.to_vec())?)
}

fn options() -> Opts {
    Opts {
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some("__export_component".to_owned()),
        default_bindings_module: Some("hookbox_sdk::__private::bindings".to_owned()),
        runtime_path: Some("crate::bindings::runtime".to_owned()),
        ..Opts::default()
    }
}
