//! A component file as `inspect` shows it.

use super::subscriptions;
use crate::plugin::{Component, StoredSubscription, Want};
use serde::Serialize;

/// A component file.
#[derive(Debug, Serialize)]
pub struct ComponentJson {
    name: String,
    version: String,
    description: String,
    interface: String,
    subscriptions: Vec<StoredSubscription>,
    wants: Vec<Want>,
    imports: Vec<String>,
    toolchain: Vec<String>,
    size_bytes: u64,
    digest: String,
}

impl ComponentJson {
    /// A component under the name its file gives it.
    #[must_use]
    pub fn new(name: &str, component: &Component) -> Self {
        let manifest = component.manifest();
        let facts = component.facts();
        Self {
            name: name.to_owned(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            interface: facts.interface.clone(),
            subscriptions: subscriptions(manifest),
            wants: manifest.wants.clone(),
            imports: facts.imports.clone(),
            toolchain: facts.toolchain.clone(),
            size_bytes: facts.size_bytes,
            digest: facts.digest.clone(),
        }
    }
}
