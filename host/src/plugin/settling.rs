//! When a file in the plugins folder is worth reading: once it has changed and come to rest.
//!
//! Pure: it is told what the folder holds, what the system hinted, and the time. A file that was closed or renamed
//! into place is read at once, one that is being written not before that ends, any other once it has not changed for
//! a while. However often a file is touched, it is read a few times a second at most.

use crate::plugin::folder::{Kind, Listing, Mark};
use crate::plugin::watch::Hints;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a file must not have changed, or must have been gone, where nothing else is known of it.
const REST: Duration = Duration::from_millis(250);

/// How long a grant must have been gone: longer than its component, so that a plugin that is removed as a whole is
/// never one without its grant meanwhile.
const GRANT_GONE: Duration = Duration::from_millis(500);

/// How long a file whose times change and whose size does not is waited for.
const TOUCHED_MAX: Duration = Duration::from_millis(500);

/// The shortest time from one reading of a file to the next.
const SPACING: Duration = Duration::from_millis(250);

/// What is known of each file.
#[derive(Debug, Default)]
pub struct Settling {
    files: BTreeMap<(Kind, String), Tracked>,
    waits: bool,
}

#[derive(Debug)]
struct Tracked {
    /// As it was last seen; `None` for gone.
    seen: Option<Mark>,
    /// Since when it has looked like that.
    since: Instant,
    /// Since when it has had that size, in that place.
    sized_since: Instant,
    /// As it was when it was last due.
    handled: Option<Option<Mark>>,
    /// When that was.
    due_at: Option<Instant>,
    /// Whether it is to be read once more though it looks the same.
    again: bool,
    /// Whether it was hinted to be complete.
    complete: bool,
}

/// A file to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which of its files.
    pub kind: Kind,
    /// The plugin.
    pub plugin: String,
    /// Whether it is there.
    pub there: bool,
}

impl Settling {
    /// The files that have changed and come to rest since they were last due.
    pub fn due(&mut self, listing: &Listing, hints: &Hints, now: Instant) -> Vec<Due> {
        let components = listing
            .components
            .keys()
            .map(|name| (Kind::Component, name));
        let grants = listing.grants.keys().map(|name| (Kind::Grant, name));
        let mut keys: BTreeSet<(Kind, String)> = self.files.keys().cloned().collect();
        keys.extend(
            components
                .chain(grants)
                .map(|(kind, name)| (kind, name.clone())),
        );
        self.waits = false;
        let mut due = Vec::new();
        // A component waits for its grant: it must not run by the default one meanwhile. And a grant that goes waits for
        // a component that goes with it.
        let mut unread_grants = BTreeSet::new();
        let leaves = |(kind, plugin): &(Kind, String), tracked: &Tracked| {
            *kind == Kind::Component
                && !listing.components.contains_key(plugin)
                && tracked.handled != Some(None)
        };
        let leaving: BTreeSet<String> = (self.files.iter())
            .filter(|(key, tracked)| leaves(key, tracked))
            .map(|((_, plugin), _)| plugin.clone())
            .collect();
        for (kind, plugin) in keys {
            let found = match kind {
                Kind::Component => listing.components.get(&plugin),
                Kind::Grant => listing.grants.get(&plugin),
            };
            let key = (kind, plugin);
            let tracked = self
                .files
                .entry(key.clone())
                .or_insert_with(|| Tracked::new(now));
            tracked.see(found.copied(), now);
            let file = kind.file_name(&key.1);
            tracked.complete |= hints.complete.contains(&file);
            if tracked.is_handled() {
                if found.is_none() {
                    self.files.remove(&key);
                }
                continue;
            }
            let wanted = match kind {
                Kind::Component => unread_grants.contains(&key.1),
                Kind::Grant => found.is_none() && leaving.contains(&key.1),
            };
            if wanted || !tracked.is_due(kind, hints.writing.contains(&file), now) {
                self.waits = true;
                if kind == Kind::Grant && tracked.is_unread() {
                    unread_grants.insert(key.1);
                }
                continue;
            }
            tracked.handle(now);
            due.push(Due {
                kind,
                plugin: key.1,
                there: found.is_some(),
            });
        }
        due
    }

    /// Counts a file as there until it has been gone for long enough: it was there when somebody last looked.
    pub fn expect(&mut self, kind: Kind, plugin: &str, now: Instant) {
        let tracked = self.files.entry((kind, plugin.to_owned()));
        let tracked = tracked.or_insert_with(|| Tracked::new(now));
        if tracked.seen.is_none() {
            tracked.seen = Some(Mark::Unreadable);
            tracked.handled = Some(Some(Mark::Unreadable));
            self.waits = true;
        }
    }

    /// Makes a file due again, as if it had changed.
    pub fn again(&mut self, kind: Kind, plugin: &str) {
        if let Some(tracked) = self.files.get_mut(&(kind, plugin.to_owned())) {
            tracked.again = true;
            tracked.complete = true;
            self.waits = true;
        }
    }

    /// Whether a file has changed and not come to rest yet.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.waits
    }
}

impl Tracked {
    const fn new(now: Instant) -> Self {
        Self {
            seen: None,
            since: now,
            sized_since: now,
            handled: None,
            due_at: None,
            again: false,
            complete: false,
        }
    }

    fn see(&mut self, found: Option<Mark>, now: Instant) {
        if self.seen == found {
            return;
        }
        if !same_size(self.seen, found) {
            self.sized_since = now;
        }
        self.seen = found;
        self.since = now;
    }

    /// Whether nothing has happened since it was due. One that was closed may have changed though it looks the same:
    /// two writes within a tick of the file system's clock.
    fn is_handled(&self) -> bool {
        self.handled == Some(self.seen) && !self.again && !(self.complete && self.seen.is_some())
    }

    /// Whether it is there and was never read, or not since it was gone.
    const fn is_unread(&self) -> bool {
        self.seen.is_some() && (!matches!(self.handled, Some(Some(_))) || self.again)
    }

    fn is_due(&self, kind: Kind, being_written: bool, now: Instant) -> bool {
        let since = |then: Instant| now.saturating_duration_since(then);
        // One that was gone and is there again is no file that is touched all the time.
        let is_back = self.handled == Some(None);
        let is_early = self.due_at.is_some_and(|then| since(then) < SPACING);
        if being_written || is_early && !is_back {
            return false;
        }
        let rest = match (kind, self.seen) {
            (Kind::Grant, None) => GRANT_GONE,
            _ => REST,
        };
        self.complete && self.seen.is_some()
            || since(self.since) >= rest
            || self.seen.is_some() && since(self.sized_since) >= TOUCHED_MAX
    }

    fn handle(&mut self, now: Instant) {
        self.handled = Some(self.seen);
        self.due_at = Some(now);
        self.again = false;
        self.complete = false;
    }
}

fn same_size(one: Option<Mark>, other: Option<Mark>) -> bool {
    match (one, other) {
        (
            Some(Mark::File { place, bytes, .. }),
            Some(Mark::File {
                place: other_place,
                bytes: other_bytes,
                ..
            }),
        ) => place == other_place && bytes == other_bytes,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder over time, looked at by hand.
    struct Scene {
        settling: Settling,
        listing: Listing,
        began: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                settling: Settling::default(),
                listing: Listing::default(),
                began: Instant::now(),
            }
        }

        fn file(&mut self, bytes: u64, modified: i64) {
            let mark = Mark::File {
                place: (1, 1),
                bytes,
                modified: (modified, 0),
                changed: (modified, 0),
            };
            self.listing.components.insert("a".to_owned(), mark);
        }

        /// Whether the file is due so many ms after the beginning, and there.
        fn due(&mut self, ms: u64, hints: &Hints) -> Option<bool> {
            let now = self.began + Duration::from_millis(ms);
            let due = self.settling.due(&self.listing, hints, now);
            assert!(due.len() < 2);
            due.first().map(|due| due.there)
        }
    }

    fn complete() -> Hints {
        Hints {
            complete: ["a.wasm".to_owned()].into(),
            ..Hints::default()
        }
    }

    fn writing() -> Hints {
        Hints {
            writing: ["a.wasm".to_owned()].into(),
            ..Hints::default()
        }
    }

    #[test]
    fn a_file_without_hints_is_due_once_it_rests() {
        let (mut scene, none) = (Scene::new(), Hints::default());
        scene.file(1, 1);
        assert_eq!(scene.due(0, &none), None);
        scene.file(2, 2);
        assert_eq!(scene.due(200, &none), None);
        assert!(scene.settling.waits());
        assert_eq!(scene.due(450, &none), Some(true));
        assert_eq!(scene.due(900, &none), None);
        assert!(!scene.settling.waits());
    }

    #[test]
    fn a_file_that_was_closed_is_due_at_once_and_one_being_written_not_at_all() {
        let mut scene = Scene::new();
        scene.file(1, 1);
        assert_eq!(scene.due(0, &writing()), None);
        assert_eq!(scene.due(30_000, &writing()), None);
        assert_eq!(scene.due(30_001, &complete()), Some(true));
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_was_never_gone() {
        let (mut scene, none) = (Scene::new(), Hints::default());
        scene.file(1, 1);
        assert_eq!(scene.due(0, &complete()), Some(true));
        scene.listing = Listing::default();
        assert_eq!(scene.due(300, &none), None);
        scene.file(1, 2);
        assert_eq!(scene.due(500, &complete()), Some(true));
        scene.listing = Listing::default();
        assert_eq!(scene.due(800, &none), None);
        assert_eq!(scene.due(1100, &none), Some(false));
        assert_eq!(scene.due(2000, &none), None);
    }

    #[test]
    fn however_often_a_file_is_touched_it_is_read_and_not_too_often() {
        for hints in [Hints::default, complete] {
            let mut scene = Scene::new();
            let due = (0..2_000_u64).filter(|ms| {
                scene.file(7, i64::try_from(*ms).unwrap());
                scene.due(*ms, &hints()).is_some()
            });
            let due = due.count();
            assert!((2..=8).contains(&due), "{due}");
        }
    }

    #[test]
    fn a_grant_that_is_being_written_goes_before_its_component() {
        let (mut scene, mark) = (Scene::new(), Mark::Unreadable);
        scene.listing.components.insert("a".to_owned(), mark);
        scene.listing.grants.insert("a".to_owned(), mark);
        let mut hints = complete();
        hints.writing.insert("a.toml".to_owned());
        assert_eq!(scene.due(0, &hints), None);
        let kinds = |due: Vec<Due>| due.iter().map(|due| due.kind).collect::<Vec<_>>();
        hints = complete();
        hints.complete.insert("a.toml".to_owned());
        let due = scene.settling.due(&scene.listing, &hints, scene.began);
        assert_eq!(kinds(due), [Kind::Grant, Kind::Component]);
    }

    #[test]
    fn a_plugin_that_is_removed_as_a_whole_loses_its_component_first() {
        let mut scene = Scene::new();
        scene.file(1, 1);
        scene
            .listing
            .grants
            .insert("a".to_owned(), Mark::Unreadable);
        let at = |ms| scene.began + Duration::from_millis(ms);
        let none = Hints::default();
        scene.settling.due(&scene.listing, &none, at(0));

        assert_eq!(scene.settling.due(&scene.listing, &none, at(300)).len(), 2);
        scene.listing.grants.clear();
        assert_eq!(scene.settling.due(&scene.listing, &none, at(600)), []);
        scene.listing.components.clear();
        assert_eq!(scene.settling.due(&scene.listing, &none, at(900)), []);
        let due = scene.settling.due(&scene.listing, &none, at(1200));
        assert_eq!(due.first().map(|due| due.kind), Some(Kind::Component));
        let due = scene.settling.due(&scene.listing, &none, at(1400));
        assert_eq!(due.first().map(|due| due.kind), Some(Kind::Grant));
    }

    #[test]
    fn a_grant_that_was_there_before_the_first_look_is_gone_only_once_it_rests() {
        let (mut scene, none) = (Scene::new(), Hints::default());
        let at = |scene: &Scene, ms| scene.began + Duration::from_millis(ms);
        scene.settling.expect(Kind::Grant, "a", scene.began);
        for (ms, due) in [(50, 0), (500, 0), (600, 1), (700, 0)] {
            let now = at(&scene, ms);
            let found = scene.settling.due(&scene.listing, &none, now);
            assert_eq!(found.len(), due, "{ms} ms");
        }
    }

    #[test]
    fn a_component_waits_for_a_grant_that_has_just_gone_and_come_back() {
        let (mut scene, none) = (Scene::new(), Hints::default());
        let at = |scene: &Scene, ms| scene.began + Duration::from_millis(ms);
        scene
            .listing
            .grants
            .insert("a".to_owned(), Mark::Unreadable);
        let now = at(&scene, 300);
        scene.settling.due(&scene.listing, &none, scene.began);
        assert_eq!(scene.settling.due(&scene.listing, &none, now).len(), 1);
        scene.listing.grants.clear();
        let now = at(&scene, 400);
        assert_eq!(scene.settling.due(&scene.listing, &none, now).len(), 0);
        let now = at(&scene, 1000);
        assert_eq!(scene.settling.due(&scene.listing, &none, now).len(), 1);
        scene
            .listing
            .grants
            .insert("a".to_owned(), Mark::Unreadable);
        scene.file(1, 1);
        let now = at(&scene, 1050);
        let due = scene.settling.due(&scene.listing, &complete(), now);
        assert!(due.is_empty(), "{due:?}");
        let now = at(&scene, 1310);
        let due = scene.settling.due(&scene.listing, &complete(), now);
        let kinds: Vec<Kind> = due.iter().map(|due| due.kind).collect();
        assert_eq!(kinds, [Kind::Grant, Kind::Component]);
    }

    #[test]
    fn a_file_may_be_asked_for_again() {
        let mut scene = Scene::new();
        scene.file(1, 1);
        assert_eq!(scene.due(0, &complete()), Some(true));
        scene.settling.again(Kind::Component, "a");
        assert!(scene.settling.waits());
        assert_eq!(scene.due(300, &Hints::default()), Some(true));
        assert_eq!(scene.due(900, &Hints::default()), None);
    }
}
