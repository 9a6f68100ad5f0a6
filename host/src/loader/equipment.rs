//! What plugins may call, made from their grants: rules with the credentials as they are now, and connections.

use crate::outgoing::Rules;
use crate::plugin::capability::http::{Http, HttpAccess, Outlet};
use crate::plugin::catalog::Plugin;
use crate::plugin::grant::{HttpGrant, rules};
use std::collections::{BTreeMap, HashMap};

/// What every plugin with a grant for HTTP was given last.
pub struct Equipment {
    outlet: Outlet,
    given: HashMap<String, Given>,
}

struct Given {
    entries: Vec<HttpGrant>,
    http: Http,
}

impl Given {
    fn rules(&self) -> &Rules {
        self.http.outgoing.rules()
    }

    /// Whether its credentials may have changed without its grant: those in files, and those that could not be read.
    fn may_change(&self) -> bool {
        let unread = self
            .rules()
            .entries
            .iter()
            .any(|entry| matches!(entry.credential, Some(Err(_))));
        unread || self.entries.iter().any(HttpGrant::may_change)
    }
}

impl Equipment {
    pub fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            given: HashMap::new(),
        }
    }

    /// Whom a plugin may call by its grant. As long as nothing about that changes it keeps its connections; once it
    /// does, the old ones end with the last attempt that has them.
    pub async fn of(&mut self, plugin: &Plugin) -> HttpAccess {
        let entries = plugin.grant().http.clone();
        if entries.is_empty() {
            self.given.remove(&plugin.name);
            return HttpAccess::NotGranted;
        }
        let rules = read(&plugin.name, entries.clone()).await;
        let given = self.given.get(&plugin.name);
        let http = match given.filter(|given| *given.rules() == rules) {
            Some(given) => given.http.clone(),
            None => {
                tell(&plugin.name, &rules);
                if rules.need_tls() {
                    self.outlet.network.prepare().await;
                }
                self.outlet.open(&plugin.name, rules)
            }
        };
        let given = Given {
            entries,
            http: http.clone(),
        };
        self.given.insert(plugin.name.clone(), given);
        HttpAccess::Granted(http)
    }

    /// A plugin is gone.
    pub fn forget(&mut self, plugin: &str) {
        self.given.remove(plugin);
    }

    /// The plugins of which a credential is another one than before, or can be read now, or no longer.
    pub async fn stale(&self, plugins: &BTreeMap<String, Plugin>) -> Vec<String> {
        let mut stale = Vec::new();
        for name in plugins.keys() {
            let Some(given) = self.given.get(name).filter(|given| given.may_change()) else {
                continue;
            };
            if read(name, given.entries.clone()).await != *given.rules() {
                stale.push(name.clone());
            }
        }
        stale
    }
}

/// Reads credentials, which blocks.
async fn read(plugin: &str, entries: Vec<HttpGrant>) -> Rules {
    let name = plugin.to_owned();
    let read = tokio::task::spawn_blocking(move || rules(&name, &entries)).await;
    // A host that stops, or a fault of ours: nothing is allowed.
    read.unwrap_or_else(|_| Rules {
        file: format!("{plugin}.toml"),
        entries: Vec::new(),
    })
}

/// Tells the log of credentials that cannot be read.
fn tell(plugin: &str, rules: &Rules) {
    for entry in &rules.entries {
        if let Some(Err(reason)) = &entry.credential {
            let host = entry.name();
            tracing::error!(
                plugin,
                host,
                reason,
                "a credential cannot be read; calls that need it are denied"
            );
        }
    }
}
