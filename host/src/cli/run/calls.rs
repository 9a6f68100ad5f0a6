//! What a run without a host may call: nothing, or what its grant allows. Its write budget ends with the command.

use crate::outgoing::{Network, OwnListeners, Rules, SystemResolver, read_ca_file};
use crate::plugin::capability::budget::PassingBudget;
use crate::plugin::capability::http::{HttpAccess, Outlet};
use crate::plugin::grant::{HttpGrant, rules};
use std::path::Path;
use std::sync::Arc;

/// Why nobody is called.
const WITHHELD: &str =
    "network: 'hookbox run' calls nobody; pass --allow-http to let it call what the grant allows";

/// Whom the plugin may call.
pub struct Calls(Option<Outlet>);

impl Calls {
    /// Nobody.
    pub const fn withheld() -> Self {
        Self(None)
    }

    /// Whether nobody is called, whatever a grant says.
    pub const fn are_withheld(&self) -> bool {
        self.0.is_none()
    }

    /// Whom its grant allows, if the system or this file's authorities trust them.
    ///
    /// # Errors
    /// Why the file cannot be used, with its path.
    pub fn allowed(ca_file: Option<&Path>) -> Result<Self, String> {
        let authorities = ca_file.map_or(Ok(Vec::new()), |file| {
            read_ca_file(file).map_err(|reason| format!("{}: {reason}", file.display()))
        });
        let resolver = Arc::new(SystemResolver);
        let network = Network::new(resolver, authorities?, OwnListeners::none());
        Ok(Self(Some(Outlet {
            network: Arc::new(network),
            budget: Arc::new(PassingBudget::default()),
        })))
    }

    /// What these entries of a plugin's grant, which lies in this file, allow.
    ///
    /// # Errors
    /// If the credentials cannot be looked for.
    pub async fn of(
        &self,
        plugin: &str,
        entries: Vec<HttpGrant>,
        file: &Path,
    ) -> anyhow::Result<HttpAccess> {
        let Some(outlet) = &self.0 else {
            return Ok(HttpAccess::Withheld(WITHHELD));
        };
        if entries.is_empty() {
            return Ok(HttpAccess::NotGranted);
        }
        let name = plugin.to_owned();
        // Credentials lie in files.
        let rules = tokio::task::spawn_blocking(move || rules(&name, &entries)).await?;
        let rules = Rules {
            file: file.display().to_string(),
            ..rules
        };
        if rules.need_tls() {
            // Better now than in the plugin's time.
            outlet.network.prepare().await;
        }
        Ok(HttpAccess::Granted(outlet.open(plugin, rules)))
    }
}
