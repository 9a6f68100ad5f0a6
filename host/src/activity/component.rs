//! A component file as `inspect` shows it, or a file that is none.

use super::subscriptions;
use crate::plugin::imports::{Ability, Access, Import, imports, own_version};
use crate::plugin::toolchain::toolchain;
use crate::plugin::want::held_for;
use crate::plugin::{Component, ComponentError, Grant, StoredSubscription, Want, component};
use serde::Serialize;
use std::io::Cursor;

/// A component file.
#[derive(Debug, Serialize)]
pub struct ComponentJson {
    /// What its file's name makes it.
    pub name: String,
    /// The plugin's own version. This and what else only a plugin has is absent of what is none.
    pub version: Option<String>,
    /// What the plugin does.
    pub description: Option<String>,
    /// The interface version it was built against, as far as that can be told.
    pub interface: Option<String>,
    /// The events it handles.
    pub subscriptions: Option<Vec<StoredSubscription>>,
    /// What it asks its operator for.
    pub wants: Option<Vec<Want>>,
    /// What it imports.
    pub imports: Vec<String>,
    /// The same by what a plugin has of it.
    pub access: AccessJson,
    /// Imports that cannot be linked.
    pub refused: Vec<RefusedJson>,
    /// What it was made with.
    pub toolchain: Vec<String>,
    /// Bytes of the file.
    pub size_bytes: usize,
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// What a host would make of the grant beside it.
    pub grant: Option<SidecarJson>,
    /// Why it is no plugin that this host can run.
    pub reason: Option<String>,
}

/// Imports by what a plugin has of them.
#[derive(Debug, Default, Serialize)]
pub struct AccessJson {
    /// They are there for each plugin.
    pub always: Vec<String>,
    /// They refuse but for what `[[http]]` gives.
    pub http: Vec<String>,
    /// They refuse but for what `[state]` gives.
    pub state: Vec<String>,
    /// They are empty but for what `[config]` gives.
    pub config: Vec<String>,
    /// They never give anything.
    pub nothing: Vec<String>,
    /// This host has no such interface, and need not: only types are asked of it.
    pub types: Vec<String>,
}

/// An import that cannot be linked.
#[derive(Debug, Serialize)]
pub struct RefusedJson {
    /// Its name.
    pub import: String,
    /// Why.
    pub reason: String,
}

/// A plugin under the grant that lies beside it.
#[derive(Debug, Serialize)]
pub struct SidecarJson {
    /// The grant file; absent if there is none, which is the default grant.
    pub file: Option<String>,
    /// Why the file cannot be used.
    pub error: Option<String>,
    /// What the plugin wants and is not given.
    pub lacks: Vec<LackJson>,
    /// Why a host would hold the plugin.
    pub held: Option<String>,
}

/// A want that a grant does not give.
#[derive(Debug, Serialize)]
pub struct LackJson {
    /// Its place among the plugin's wants, from 0: several may have one kind and name.
    pub want: usize,
    /// The want's kind.
    pub kind: String,
    /// The want's name.
    pub name: String,
    /// What of it is missing, where a part is given.
    pub missing: Option<String>,
}

impl ComponentJson {
    /// A file of these bytes under the name its path gives it, and what came of loading it.
    #[must_use]
    pub fn new(name: &str, bytes: &[u8], loaded: Result<&Component, &ComponentError>) -> Self {
        let found = imports(bytes);
        let mut told = Self {
            name: name.to_owned(),
            version: None,
            description: None,
            interface: own_version(&found),
            subscriptions: None,
            wants: None,
            imports: Vec::new(),
            access: AccessJson::default(),
            refused: Vec::new(),
            toolchain: toolchain(&mut Cursor::new(bytes)),
            size_bytes: bytes.len(),
            digest: component::digest(bytes),
            grant: None,
            reason: loaded.err().map(ToString::to_string),
        };
        told.judge(found, loaded);
        if let Err(ComponentError::Link { reason }) = loaded
            && told.refused.is_empty()
        {
            told.refuse_by_linker(reason);
        }
        if let Ok(component) = loaded {
            let manifest = component.manifest();
            told.version = Some(manifest.version.clone());
            told.description = Some(manifest.description.clone());
            told.interface = Some(component.facts().interface.clone());
            told.subscriptions = Some(subscriptions(manifest));
            told.wants = Some(manifest.wants.clone());
        }
        told
    }

    /// Moves what only the linker refused, as it is there and asked for with other values, to what is refused.
    fn refuse_by_linker(&mut self, reason: &str) {
        let names = self.imports.iter();
        let mut refused = names.filter_map(|name| {
            let reason = reason.strip_prefix(name.as_str())?.strip_prefix(": ")?;
            Some((name.clone(), reason.to_owned()))
        });
        let Some((import, reason)) = refused.next() else {
            return;
        };
        let access = &mut self.access;
        for names in [
            &mut access.always,
            &mut access.http,
            &mut access.state,
            &mut access.config,
            &mut access.nothing,
            &mut access.types,
        ] {
            names.retain(|name| *name != import);
        }
        self.refused.push(RefusedJson { import, reason });
    }

    fn judge(&mut self, found: Vec<Import>, loaded: Result<&Component, &ComponentError>) {
        let is_module = matches!(loaded, Err(ComponentError::CoreModule));
        for import in found {
            self.imports.push(import.name.clone());
            // What a core module imports is nothing that a host of components has or has not.
            if is_module {
                continue;
            }
            let access = &mut self.access;
            let names = match import.access() {
                Access::Always => &mut access.always,
                Access::Granted(Ability::Http) => &mut access.http,
                Access::Granted(Ability::State) => &mut access.state,
                Access::Granted(Ability::Config) => &mut access.config,
                Access::Nothing => &mut access.nothing,
                Access::OnlyTypes => &mut access.types,
                Access::Refused(reason) => {
                    self.refused.push(RefusedJson {
                        import: import.name,
                        reason,
                    });
                    continue;
                }
            };
            names.push(import.name);
        }
    }
}

impl SidecarJson {
    /// A plugin under a grant, which is that of a file if one is named.
    #[must_use]
    pub fn new(name: &str, component: &Component, file: Option<String>, grant: &Grant) -> Self {
        let manifest = component.manifest();
        let unpinned = grant.unpinned(&component.facts().digest);
        Self {
            file,
            error: None,
            lacks: lacks(&manifest.wants, grant),
            held: unpinned.or_else(|| held_for(name, manifest, grant)),
        }
    }

    /// A grant file that cannot be used.
    #[must_use]
    pub fn unusable(file: String, error: String) -> Self {
        Self {
            file: Some(file),
            error: Some(error),
            lacks: Vec::new(),
            held: Some(
                "a host would not run it until that is mended, or go on by the last good grant it knows"
                    .to_owned(),
            ),
        }
    }
}

fn lacks(wants: &[Want], grant: &Grant) -> Vec<LackJson> {
    let lacking = wants.iter().enumerate().filter_map(|(place, want)| {
        let lacking = want.lacking(grant)?;
        Some(LackJson {
            want: place,
            kind: want.kind.clone(),
            name: want.name.clone(),
            missing: lacking.missing().map(str::to_owned),
        })
    });
    lacking.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::grant::WrittenGrant;

    #[test]
    fn each_want_of_one_host_gets_its_own_verdict() {
        let want = |method: &str| Want {
            kind: "http".to_owned(),
            name: "huggingface.co".to_owned(),
            required: true,
            reason: String::new(),
            detail: format!(r#"{{"methods":["{method}"]}}"#),
        };
        let grant = b"[[http]]\nhost = \"huggingface.co\"\n".to_vec();
        let grant = WrittenGrant::parse(grant, 1 << 30).unwrap().grant;
        let lacks = lacks(&[want("GET"), want("POST")], &grant);
        let places: Vec<_> = (lacks.iter())
            .map(|lack| (lack.want, lack.missing.as_deref()))
            .collect();
        assert_eq!(places, [(1, Some("POST"))]);
    }
}
