//! The command that makes a plugin's webhook on the Hub: `hf webhooks create` of `huggingface_hub` 2.4
//! (`cli/webhooks.py`), as far as its subscriptions and its grant's `[match]` tell.

use super::plugins::Checked;
use crate::cli::output;
use crate::config::Config;
use crate::plugin::Manifest;
use crate::plugin::grant::Matcher;
use crate::scope::ScopePattern;
use crate::secret::SecretRef;
use serde::Serialize;
use std::collections::BTreeSet;

/// The types of repos that can be watched (`WebhookWatchedItem` in `hf_api.py`).
const TYPES: &[&str] = &["bucket", "dataset", "model", "space"];

/// The domains of events (`WEBHOOK_DOMAIN_T` in `constants.py`): each is the first segment of its scopes.
const DOMAINS: &[&str] = &["repo", "discussion"];

/// What stands for what cannot be told.
const UNKNOWN_TYPE: &str = "TYPE";
const UNKNOWN_NAME: &str = "NAME";
const UNKNOWN_HOST: &str = "https://YOUR-HOST";

/// The characters besides letters and digits that no shell takes for its own.
const PLAIN: &str = "_-./:,@%+";

/// A plugin's webhook on the Hub.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Webhook {
    plugin: String,
    command: String,
    /// What is to be filled in, or looked at; empty if nothing.
    notes: Vec<&'static str>,
}

impl Webhook {
    /// The webhook of a plugin.
    pub fn of(plugin: &Checked, config: &Config) -> Self {
        let mut notes = Vec::new();
        let mut words = vec!["hf webhooks create".to_owned()];
        for watch in watches(&plugin.grant.matcher) {
            notes.extend(watch.note());
            words.push(format!("--watch {}", quoted(&watch.0)));
        }
        for domain in domains(&plugin.manifest) {
            words.push(format!("--domain {domain}"));
        }
        let host = match config.public_url.as_str() {
            "" => {
                notes.push("YOUR-HOST is this host's address on the internet; public-url says it");
                UNKNOWN_HOST
            }
            url => url,
        };
        words.push(format!(
            "--url {}",
            quoted(&format!("{host}/webhooks/{}", plugin.name))
        ));
        let own = plugin.grant.secret.clone();
        if let Some(place) = own.or_else(|| config.first_secret()) {
            words.push(format!("--secret {}", expansion(&place)));
        }
        notes.sort_unstable();
        notes.dedup();
        Self {
            plugin: plugin.name.clone(),
            command: words.join(" "),
            notes,
        }
    }

    /// Prints it for people.
    pub fn show(&self) {
        output::line(&format!("\nwebhook of {}:", self.plugin));
        output::line(&format!("  {}", output::one_line(&self.command)));
        for note in &self.notes {
            output::line(&format!("  ({note})"));
        }
    }
}

/// Something to watch: `type:name`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Watch(String);

impl Watch {
    fn note(&self) -> Option<&'static str> {
        match self.0.split_once(':') {
            Some((UNKNOWN_TYPE, UNKNOWN_NAME)) => Some(
                "what to watch cannot be told from the grant's [match]: write TYPE:NAME with model, dataset, space, \
                 bucket, org or user",
            ),
            Some((UNKNOWN_TYPE, _)) => {
                Some("TYPE is model, dataset, space or bucket; `types` under [match] says it")
            }
            Some(("org", _)) => {
                Some("write user:NAME where NAME is a user's and not an organisation's")
            }
            _ => None,
        }
    }
}

/// What covers the repos that pass: each alone if it is named, its owner's if only that is.
fn watches(matcher: &Matcher) -> BTreeSet<Watch> {
    let types: Option<Vec<&str>> = matcher.types().map(|types| {
        let known = TYPES.iter().filter(|known| types.contains(**known));
        known.copied().collect()
    });
    let types = types.filter(|types| !types.is_empty());
    let types = types.unwrap_or_else(|| vec![UNKNOWN_TYPE]);
    let globs = matcher.repo_globs().iter().map(String::as_str);
    let mut watches: BTreeSet<Watch> = globs
        .flat_map(|glob| match glob.split_once('/') {
            _ if is_literal(glob) => types
                .iter()
                .map(|kind| Watch(format!("{kind}:{glob}")))
                .collect(),
            Some((owner, _)) if is_literal(owner) => vec![Watch(format!("org:{owner}"))],
            _ => vec![unknown()],
        })
        .collect();
    if watches.is_empty() {
        watches.insert(unknown());
    }
    watches
}

fn unknown() -> Watch {
    Watch(format!("{UNKNOWN_TYPE}:{UNKNOWN_NAME}"))
}

/// Whether a glob matches nothing but itself.
fn is_literal(glob: &str) -> bool {
    !glob.is_empty() && !glob.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// The domains whose events the plugin subscribes to; none if they are not known, which `hf` takes for all.
fn domains(manifest: &Manifest) -> Vec<&'static str> {
    let patterns = manifest
        .subscriptions
        .iter()
        .map(|subscription| &subscription.pattern);
    let roots: BTreeSet<&str> = patterns
        .flat_map(|pattern| match pattern {
            ScopePattern::Everything => DOMAINS.to_vec(),
            ScopePattern::Exact(scope) | ScopePattern::Subtree(scope) => {
                vec![scope.split('.').next().unwrap_or_default()]
            }
        })
        .collect();
    let known = DOMAINS.iter().filter(|domain| roots.contains(**domain));
    known.copied().collect()
}

/// What the shell is to put in: the secret itself is never printed.
fn expansion(place: &SecretRef) -> String {
    match place {
        SecretRef::Env(name) => {
            let is_name = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            if is_name {
                format!("\"${name}\"")
            } else {
                format!("\"$(printenv {})\"", quoted(name))
            }
        }
        SecretRef::File(path) => format!("\"$(cat {})\"", quoted(&path.to_string_lossy())),
    }
}

/// A word that the shell takes as it stands.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Grant;
    use crate::scope::{KNOWN_SCOPES_0_1, Subscription};

    fn watched(grant: &str) -> String {
        let grant = Grant::parse(grant, 1 << 30).unwrap();
        let watches = watches(&grant.matcher);
        let watches: Vec<String> = watches.into_iter().map(|watch| watch.0).collect();
        watches.join(" ")
    }

    #[test]
    fn what_to_watch_comes_from_the_match_as_far_as_it_tells() {
        for (grant, expected) in [
            ("", "TYPE:NAME"),
            ("[match]\ntypes = [\"dataset\"]", "TYPE:NAME"),
            ("[match]\nrepo = [\"me/data\"]", "TYPE:me/data"),
            (
                "[match]\nrepo = [\"me/data\"]\ntypes = [\"Dataset\", \"model\"]",
                "dataset:me/data model:me/data",
            ),
            ("[match]\nrepo = [\"my-org/*\"]", "org:my-org"),
            (
                "[match]\nrepo = [\"my-org/a*\", \"my-org/b\"]\ntypes = [\"space\"]",
                "org:my-org space:my-org/b",
            ),
            ("[match]\nrepo = [\"*/data\"]", "TYPE:NAME"),
            ("[match]\nrepo = [\"{a,b}/*\"]", "TYPE:NAME"),
            (
                "[match]\nrepo = [\"me/x\"]\ntypes = [\"kernel\"]",
                "TYPE:me/x",
            ),
        ] {
            assert_eq!(watched(grant), expected, "{grant}");
        }
    }

    #[test]
    fn domains_come_from_the_first_segment_of_the_scopes() {
        for (scopes, expected) in [
            (&["repo.content"][..], &["repo"][..]),
            (&["discussion.comment", "discussion"], &["discussion"]),
            (&["discussion.*", "repo"], &["repo", "discussion"]),
            (&["*"], &["repo", "discussion"]),
            (&["repos.x"], &[]),
        ] {
            let subscription = |scope: &&str| Subscription {
                pattern: ScopePattern::parse(scope).unwrap(),
                actions: BTreeSet::new(),
            };
            let manifest = Manifest {
                version: "1.0.0".into(),
                description: String::new(),
                subscriptions: scopes.iter().map(subscription).collect(),
                wants: vec![],
                known_scopes: KNOWN_SCOPES_0_1,
            };
            assert_eq!(domains(&manifest), expected, "{scopes:?}");
        }
    }

    #[test]
    fn nothing_that_is_named_reaches_the_shell_as_its_own() {
        assert_eq!(quoted("dataset:me/data"), "dataset:me/data");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("$(rm -rf ~)'"), "'$(rm -rf ~)'\\'''");
        assert_eq!(quoted(""), "''");
        let env = |name: &str| expansion(&SecretRef::Env(name.into()));
        assert_eq!(env("WEBHOOK_SECRET"), "\"$WEBHOOK_SECRET\"");
        assert_eq!(env("A;B"), "\"$(printenv 'A;B')\"");
        let file = expansion(&SecretRef::File("/run/my secret".into()));
        assert_eq!(file, "\"$(cat '/run/my secret')\"");
    }
}
