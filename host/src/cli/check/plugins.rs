//! What would keep plugins from running: the folder, each component, and its grant.

use super::findings::Findings;
use super::suspicion::{has_hub_token, is_name_of_secret};
use crate::cli::component::small_engine;
use crate::config::Config;
use crate::outgoing::trusts_anybody;
use crate::plugin::catalog::{Plugin, Standing};
use crate::plugin::compiler::Compiler;
use crate::plugin::folder::{Folder, Kind};
use crate::plugin::grant::addition::bounds_nothing_in_bodies;
use crate::plugin::grant::{GRANT_BYTES_MAX, WrittenGrant, rules};
use crate::plugin::want::unmet_wishes;
use crate::plugin::{Component, Engine, Grant, Manifest};
use hyper::Method;
use std::cell::OnceCell;
use std::path::Path;

/// A plugin that would run.
pub struct Checked {
    /// Its name.
    pub name: String,
    /// What it subscribes to.
    pub manifest: Manifest,
    /// What it is given.
    pub grant: Grant,
}

/// Looks at every plugin. Returns those that would run.
pub fn check(config: &Config, findings: &mut Findings) -> Vec<Checked> {
    let Some(engine) = engine(config, findings) else {
        return Vec::new();
    };
    let path = config.plugins.as_path();
    let folder = Folder::new(path);
    let listing = match folder.list() {
        Ok(listing) => listing,
        Err(error) => {
            findings.error(path.display(), error);
            return Vec::new();
        }
    };
    if listing.folder.is_none() {
        findings.warning(path.display(), "there is no such plugins folder");
    } else if listing.components.is_empty() {
        findings.warning(path.display(), "there is no plugin in the folder");
    }
    for (file, reason) in &listing.unusable {
        findings.error(path.join(file).display(), reason);
    }
    for plugin in listing.grants.keys() {
        if !listing.components.contains_key(plugin) {
            let file = path.join(Kind::Grant.file_name(plugin));
            findings.warning(file.display(), "a grant without its plugin");
        }
    }
    let look = Look {
        config,
        engine: &engine,
        folder: &folder,
        trusts: OnceCell::new(),
    };
    let plugins = listing.components.into_keys();
    plugins
        .filter_map(|plugin| {
            let has_grant = listing.grants.contains_key(&plugin);
            look.at(plugin, has_grant, findings)
        })
        .collect()
}

/// The engine that the host would make; a small one to go on with if that cannot be had.
fn engine(config: &Config, findings: &mut Findings) -> Option<Engine> {
    match Engine::new(config.engine) {
        Ok(engine) => Some(engine),
        Err(error) => {
            findings.error("concurrency", error);
            small_engine(config.engine.memory_bytes_max).ok()
        }
    }
}

struct Look<'a> {
    config: &'a Config,
    engine: &'a Engine,
    folder: &'a Folder,
    /// Whether any authority is known; looked for once, when a plugin first needs one.
    trusts: OnceCell<bool>,
}

impl Look<'_> {
    /// Looks at one plugin, as the loader judges it.
    fn at(&self, name: String, has_grant: bool, findings: &mut Findings) -> Option<Checked> {
        let mut plugin = Plugin::new(name.clone());
        if has_grant {
            let file = self.folder.path().join(Kind::Grant.file_name(&name));
            let read = self.grant(&file);
            if let Err(reason) = &read {
                findings.error(file.display(), reason);
            }
            plugin.regrant(read);
            secret(&name, &file, plugin.grant(), findings);
            config(&file, plugin.grant(), findings);
            self.calls(&name, &file, plugin.grant(), findings);
        } else {
            let memory_bytes_max = self.config.engine.memory_bytes_max;
            plugin.ungrant(WrittenGrant::default_within(memory_bytes_max));
        }
        let file = self.folder.path().join(Kind::Component.file_name(&name));
        let component = match self.component(&file) {
            Ok(component) => component,
            Err(error) => {
                findings.error(file.display(), error);
                return None;
            }
        };
        let digest = component.facts().digest.clone();
        plugin.appear(Some(&digest));
        plugin.begin(digest);
        plugin.judge(component.clone());
        if let Standing::Held(reason) = plugin.standing() {
            findings.error(file.display(), format!("held: {reason}"));
        }
        for want in unmet_wishes(component.manifest(), plugin.grant()) {
            let message = format!("it would like what is not granted: {want}");
            findings.warning(file.display(), message);
        }
        plugin.running()?;
        let manifest = component.manifest().clone();
        let message = format!("{name} {} would run", manifest.version);
        findings.note(file.display(), message);
        Some(Checked {
            grant: plugin.grant().clone(),
            name,
            manifest,
        })
    }

    /// A credential that cannot be read denies the calls that need it, and so does trusting nobody.
    fn calls(&self, name: &str, file: &Path, grant: &Grant, findings: &mut Findings) {
        let rules = rules(name, &grant.http);
        for entry in &rules.entries {
            if let Some(Err(reason)) = &entry.credential {
                let (host, line) = (entry.name(), entry.line);
                findings.error(
                    file.display(),
                    format!("line {line}: credential of {host}: {reason}; until then calls to it are denied"),
                );
            }
            let writes = |method: &Method| ![Method::GET, Method::HEAD].contains(method);
            let paths = entry.paths.as_deref().unwrap_or_default();
            if entry.credential.is_some()
                && entry.methods.iter().any(writes)
                && bounds_nothing_in_bodies(paths)
            {
                let line = entry.line;
                findings.note(
                    file.display(),
                    format!(
                        "line {line}: calls to /api/repos/ name their repo in the body, which no path bounds: the plugin may create and delete what its credential may"
                    ),
                );
            }
        }
        let trusts = || trusts_anybody(&self.config.authorities);
        if rules.need_tls() && !self.trusts.get_or_init(trusts) {
            findings.error(
                file.display(),
                "no certificate authority is known, so it can call no https; install the system's or name ca-file",
            );
        }
    }

    fn grant(&self, file: &Path) -> Result<WrittenGrant, String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let bytes = self.folder.read(&name, GRANT_BYTES_MAX);
        let bytes = bytes.map_err(|error| error.to_string())?;
        WrittenGrant::parse(bytes, self.config.engine.memory_bytes_max)
    }

    fn component(&self, file: &Path) -> Result<Component, String> {
        let bytes_max = self.config.loader.component_bytes_max;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // As the host reads it: of no more than so many bytes, and not out of the folder.
        let read = self.folder.read(&name, bytes_max);
        let bytes = read.map_err(|error| error.to_string())?;
        let compiler = Compiler::in_children().map_err(|error| error.to_string())?;
        Component::load_bytes(self.engine, &bytes, &compiler).map_err(|error| error.to_string())
    }
}

/// What stands in `[config]` is told to the plugin.
fn config(file: &Path, grant: &Grant, findings: &mut Findings) {
    for (name, value) in grant.config.iter() {
        let looks = if has_hub_token(value) {
            "that looks like a token of the Hub; it"
        } else if is_name_of_secret(name) {
            "if that is a secret, it"
        } else {
            continue;
        };
        let message = format!(
            "config.{name}: {looks} does not belong there: the plugin reads it, and may show it; name a credential by \
             `bearer` in [[http]]"
        );
        findings.warning(file.display(), message);
    }
}

/// A secret of its own that cannot be read closes a plugin's endpoint.
fn secret(name: &str, file: &Path, grant: &Grant, findings: &mut Findings) {
    match grant.secret.as_ref().map(|place| place.read()) {
        Some(Err(error)) => {
            findings.error(
                file.display(),
                format!("secret: {error}; until then /webhooks/{name} is closed"),
            );
        }
        Some(Ok(secret)) if secret.is_short() => findings.warning(
            file.display(),
            "its secret is shorter than 16 bytes; make a better one with 'hookbox secret'",
        ),
        _ => {}
    }
}
