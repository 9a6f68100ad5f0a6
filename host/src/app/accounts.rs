//! Learns whose accounts plugins' credentials for the Hub are, so that what a plugin writes there starts no run of it.
//!
//! The Hub limits how often that may be asked. So each credential is asked about once, and the answer is kept in the
//! ledger; what could not be learnt is asked again after a minute, and then ever later. One question is under way at a
//! time.

use crate::backoff::RetrySchedule;
use crate::ledger::{OwnAccount, OwnStanding};
use crate::loader::OwnAccounts;
use crate::outgoing::{Account, AccountError, HubEntry, Outgoing, hub_entry};
use crate::plugin::capability::http::HttpAccess;
use crate::plugin::catalog::{Catalog, Plugin, Presence};
use crate::plugin::grant::OwnEvents;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The waits after questions that were not answered.
const AGAIN: RetrySchedule = RetrySchedule {
    attempts: u32::MAX,
    first: Duration::from_secs(60),
    factor: 2.0,
    max: Duration::from_secs(60 * 60),
};

/// The most answers that are remembered while nobody has their credentials.
const ANSWERS_MAX: usize = 256;

/// Asks until `stopping` turns true. What becomes known is told to `told`, which began as `noted`.
pub async fn learn(
    mut catalog: watch::Receiver<Arc<Catalog>>,
    noted: Arc<OwnAccounts>,
    told: watch::Sender<Arc<OwnAccounts>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut book = Book {
        own: OwnAccounts::clone(&noted),
        ..Book::default()
    };
    told.send_replace(noted);
    loop {
        let wanted = wanted(&catalog.borrow_and_update());
        book.settle(&wanted);
        told.send_if_modified(|told| book.tell(told));
        let step = step(book.due(&wanted, Instant::now()), &mut catalog);
        let answered = tokio::select! {
            answered = step => answered,
            // A sender that is gone means the same.
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        if let Some((of, answer)) = answered {
            book.note(&of, answer, Instant::now());
        }
    }
}

/// Asks what is due, or waits until something is.
async fn step(
    due: Option<(Instant, Way)>,
    catalog: &mut watch::Receiver<Arc<Catalog>>,
) -> Option<(String, Result<Account, AccountError>)> {
    match due {
        Some((at, way)) if at <= Instant::now() => {
            return Some((way.of(), way.outgoing.account(&way.entry).await));
        }
        // Either end of the wait means the same.
        Some((at, _)) => drop(tokio::time::timeout_at(at, changed(catalog)).await),
        None => changed(catalog).await,
    }
    None
}

/// Waits until there is another catalog, which there never is once its loader has ended.
async fn changed(catalog: &mut watch::Receiver<Arc<Catalog>>) {
    if catalog.changed().await.is_err() {
        std::future::pending().await
    }
}

/// How the account behind a credential is asked for.
#[derive(Clone)]
struct Way {
    outgoing: Arc<Outgoing>,
    entry: HubEntry,
    /// A hash of the plugin's grant.
    grant: u64,
}

impl Way {
    /// What tells a credential, sent to a host, from all others.
    fn of(&self) -> String {
        let HubEntry {
            hub, credential, ..
        } = &self.entry;
        match credential {
            Ok(sha256) => format!("{hub} {sha256}"),
            Err(reason) => format!("{hub} {reason}"),
        }
    }
}

/// How to ask for the account of each plugin that has a credential for the Hub, and ignores what its account writes.
fn wanted(catalog: &Catalog) -> BTreeMap<String, Way> {
    let plugins = catalog.plugins.values();
    plugins
        .filter_map(|plugin| Some((plugin.name.clone(), way(plugin)?)))
        .collect()
}

fn way(plugin: &Plugin) -> Option<Way> {
    let grant = plugin.grant();
    let HttpAccess::Granted(http) = &plugin.http else {
        return None;
    };
    if grant.matcher.own() == OwnEvents::Pass || plugin.presence() == Presence::Never {
        return None;
    }
    Some(Way {
        entry: hub_entry(http.outgoing.rules(), &grant.config)?,
        outgoing: Arc::clone(&http.outgoing),
        grant: hash(&plugin.usable_grant().ok()?.text),
    })
}

/// It is only compared, by this process.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// What is known, and what was asked in vain.
#[derive(Default)]
struct Book {
    own: OwnAccounts,
    /// All that was learnt, also of credentials that nobody has at the moment; by what it holds for.
    answers: BTreeMap<String, OwnAccount>,
    /// The grants that this was made of, as [`Way::grant`].
    grants: BTreeMap<String, u64>,
    /// By what it holds for.
    failed: BTreeMap<String, Failed>,
}

struct Failed {
    reason: String,
    times: u32,
    again: Instant,
}

impl Book {
    /// Has an entry for each plugin that wants one, and no others.
    fn settle(&mut self, wanted: &BTreeMap<String, Way>) {
        let keys: BTreeSet<String> = wanted.values().map(Way::of).collect();
        self.failed.retain(|of, _| keys.contains(of));
        for (plugin, way) in wanted {
            // Its operator may have mended what kept the question from being answered.
            let before = self.grants.insert(plugin.clone(), way.grant);
            if before.is_some_and(|before| before != way.grant) {
                self.failed.remove(&way.of());
            }
        }
        self.grants.retain(|plugin, _| wanted.contains_key(plugin));
        for own in self.own.values().filter(|own| own.id().is_some()) {
            // A file may be empty for a moment while its credential is written anew.
            if self.answers.len() < ANSWERS_MAX || self.answers.contains_key(&own.of) {
                self.answers.insert(own.of.clone(), own.clone());
            }
        }
        let now = wanted.iter().map(|(plugin, way)| {
            let of = way.of();
            let own = self.answers.get(&of).cloned();
            (plugin.clone(), own.unwrap_or_else(|| self.unknown(of)))
        });
        self.own = now.collect();
    }

    /// Brings what others know up to date; `false` if it is.
    fn tell(&self, told: &mut Arc<OwnAccounts>) -> bool {
        let changed = **told != self.own;
        if changed {
            *told = Arc::new(self.own.clone());
        }
        changed
    }

    fn unknown(&self, of: String) -> OwnAccount {
        let failed = self.failed.get(&of);
        let reason = failed.map_or("it is being asked for", |failed| &failed.reason);
        OwnAccount {
            standing: OwnStanding::Unknown {
                reason: reason.to_owned(),
            },
            of,
        }
    }

    /// What is to be asked next, and when.
    fn due(&self, wanted: &BTreeMap<String, Way>, now: Instant) -> Option<(Instant, Way)> {
        let unknown = wanted.iter().filter(|(plugin, _)| {
            let own = self.own.get(*plugin);
            own.is_none_or(|own| own.id().is_none())
        });
        let dated = unknown.map(|(_, way)| {
            let failed = self.failed.get(&way.of());
            (failed.map_or(now, |failed| failed.again), way)
        });
        dated
            .min_by_key(|(at, _)| *at)
            .map(|(at, way)| (at, way.clone()))
    }

    /// Takes an answer for all plugins that it holds for.
    fn note(&mut self, of: &str, answer: Result<Account, AccountError>, now: Instant) {
        match answer {
            Ok(Account { id, name }) => {
                tracing::info!(account = id, name, "learnt whose credential plugins have");
                self.failed.remove(of);
                let standing = OwnStanding::Known { id, name };
                for own in self.own.values_mut().filter(|own| own.of == of) {
                    own.standing = standing.clone();
                }
            }
            Err(error) => {
                let reason = error.to_string();
                let before = self.failed.get(of);
                if before.is_none_or(|before| before.reason != reason) {
                    tracing::warn!(
                        reason,
                        "whose credential plugins have is not known, so what they write comes to them; asking again"
                    );
                }
                let times = before.map_or(0, |before| before.times).saturating_add(1);
                let again = now + AGAIN.delay_after(times, fastrand::f64());
                let failed = Failed {
                    reason,
                    times,
                    again,
                };
                self.failed.insert(of.to_owned(), failed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::host::{Scheme, Target};
    use crate::outgoing::{CallError, Network, OwnListeners, Rules, SystemResolver};

    /// A plugin that has this credential.
    fn way(credential: &str) -> Way {
        let network = Network::new(
            Arc::new(SystemResolver),
            Vec::new(),
            OwnListeners::default(),
        );
        let rules = Rules {
            file: String::new(),
            entries: Vec::new(),
        };
        Way {
            outgoing: Arc::new(Outgoing::new(&Arc::new(network), rules)),
            entry: HubEntry {
                entry: 0,
                hub: Target::parse(Scheme::Https, "huggingface.co").unwrap(),
                credential: Ok(credential.to_owned()),
            },
            grant: 0,
        }
    }

    fn plugins(of: &[(&str, &str)]) -> BTreeMap<String, Way> {
        let named = |(plugin, credential): &(&str, &str)| ((*plugin).to_owned(), way(credential));
        of.iter().map(named).collect()
    }

    fn account(id: &str) -> Account {
        Account {
            id: id.to_owned(),
            name: None,
        }
    }

    /// The credential that is asked about next, and in how long.
    fn due(
        book: &Book,
        wanted: &BTreeMap<String, Way>,
        now: Instant,
    ) -> Option<(String, Duration)> {
        let (at, way) = book.due(wanted, now)?;
        Some((way.entry.credential.unwrap(), at - now))
    }

    fn ids(book: &Book) -> Vec<(&str, Option<&str>)> {
        let each = book.own.iter();
        each.map(|(plugin, own)| (&**plugin, own.id())).collect()
    }

    #[test]
    fn each_credential_is_asked_about_once_for_all_plugins_that_have_it() {
        let (mut book, now) = (Book::default(), Instant::now());
        let wanted = plugins(&[("a", "1"), ("b", "1"), ("c", "2")]);
        book.settle(&wanted);
        assert_eq!(ids(&book), [("a", None), ("b", None), ("c", None)]);
        let asked = due(&book, &wanted, now).unwrap();
        assert_eq!(asked, ("1".to_owned(), Duration::ZERO));
        book.note(&way("1").of(), Ok(account("me")), now);
        book.settle(&wanted);
        assert_eq!(
            ids(&book),
            [("a", Some("me")), ("b", Some("me")), ("c", None)]
        );
        assert_eq!(due(&book, &wanted, now).unwrap().0, "2");
        // One that comes later, and one with another credential
        let wanted = plugins(&[("a", "1"), ("b", "3"), ("d", "1")]);
        book.settle(&wanted);
        assert_eq!(
            ids(&book),
            [("a", Some("me")), ("b", None), ("d", Some("me"))]
        );
        assert_eq!(due(&book, &wanted, now).unwrap().0, "3");
        book.settle(&plugins(&[("a", "1")]));
        assert_eq!(due(&book, &plugins(&[("a", "1")]), now), None);
        // One that is away for a moment, as a file is that is written anew
        book.settle(&plugins(&[("a", "")]));
        assert_eq!(ids(&book), [("a", None)]);
        book.settle(&plugins(&[("a", "1")]));
        assert_eq!(ids(&book), [("a", Some("me"))]);
    }

    #[test]
    fn what_was_asked_in_vain_is_asked_ever_later_and_another_credential_at_once() {
        let (mut book, mut now) = (Book::default(), Instant::now());
        let wanted = plugins(&[("a", "1")]);
        book.settle(&wanted);
        let failed = || Err(AccountError::Call(way("1").entry.hub, CallError::Closed));
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            book.note(&way("1").of(), failed(), now);
            book.settle(&wanted);
            let (_, wait) = due(&book, &wanted, now).unwrap();
            let longest = Duration::from_secs(minutes * 60);
            assert!(wait <= longest && wait >= longest.mul_f64(0.79), "{wait:?}");
            now += wait;
        }
        let why = book.own["a"].unknown().unwrap();
        let told = "https://huggingface.co could not be asked: the connection was closed before the answer";
        assert_eq!(why, told);
        let mut wanted = plugins(&[("a", "2")]);
        book.settle(&wanted);
        assert_eq!(
            due(&book, &wanted, now).unwrap(),
            ("2".to_owned(), Duration::ZERO)
        );
        assert!(book.failed.is_empty());
        assert_eq!(book.own["a"].unknown(), Some("it is being asked for"));
        // So is the same once its grant is another.
        book.note(&way("2").of(), failed(), now);
        book.settle(&wanted);
        assert!(due(&book, &wanted, now).unwrap().1 > Duration::ZERO);
        wanted.get_mut("a").unwrap().grant = 1;
        book.settle(&wanted);
        assert_eq!(due(&book, &wanted, now).unwrap().1, Duration::ZERO);
    }
}
