//! Every plugin that there is, and what has become of its files: which version is active, which one is not and why,
//! and by which grant it runs.
//!
//! Pure: it is told what was found and loaded. An active version stays until a better one takes its place: a
//! candidate that is refused or held, or a grant that cannot be read, changes nothing of what runs.

mod compiling;
mod needs;

use crate::plugin::Manifest;
use crate::plugin::capability::http::HttpAccess;
use crate::plugin::component::Component;
use crate::plugin::grant::{Grant, WrittenGrant};
use compiling::Slow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// All plugins, by name. Files whose name no plugin can have are here too, by file name, so that nothing in the
/// folder is passed over in silence.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The plugins.
    pub plugins: BTreeMap<String, Arc<Plugin>>,
}

/// A plugin and what became of its files.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// Its name: the stem of its file.
    pub name: String,
    /// Whom it may call by its grant; nobody until it is equipped.
    pub http: HttpAccess,
    presence: Presence,
    active: Option<Active>,
    candidate: Option<Candidate>,
    described: Option<Described>,
    grant: Option<WrittenGrant>,
    grant_problem: Option<String>,
    /// What takes long to compile.
    slow: Option<Slow>,
}

/// Whether a plugin's component file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here,
    /// It was.
    Gone {
        /// Since when, in ms since the Unix epoch.
        since_ms: u64,
    },
    /// There is, or was, a grant only.
    Never,
}

/// The version that runs.
#[derive(Clone)]
struct Active {
    digest: String,
    /// Absent until it is compiled.
    component: Option<Component>,
    /// Why it cannot be compiled.
    problem: Option<String>,
}

/// What a version said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The version's digest.
    pub digest: String,
    /// Its manifest.
    pub manifest: Manifest,
}

impl std::fmt::Debug for Active {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digest)
    }
}

impl Active {
    const fn uncompiled(digest: String) -> Self {
        Self {
            digest,
            component: None,
            problem: None,
        }
    }
}

/// A version in the folder that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its digest; `None` if its file cannot be read.
    pub digest: Option<String>,
    /// Where it stands.
    pub standing: CandidateStanding,
}

/// Where a candidate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateStanding {
    /// It is being compiled.
    Compiling,
    /// It is good, and must have something that is not granted.
    Held(String),
    /// It cannot be used.
    Refused(String),
}

/// Where a plugin stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Loaded,
    /// It will run once it is compiled.
    Compiling,
    /// It waits for its operator.
    Held(String),
    /// It cannot be used.
    Refused(String),
    /// Its file is gone.
    Missing,
    /// There is a grant and no component.
    GrantAlone,
}

/// The grant of a plugin that has no good one; it does not run, so nothing of it is ever spent.
static NO_GRANT: LazyLock<Grant> = LazyLock::new(Grant::default);

impl Plugin {
    /// A plugin of which nothing is known yet.
    #[must_use]
    pub const fn new(name: String) -> Self {
        Self {
            name,
            http: HttpAccess::NotGranted,
            presence: Presence::Never,
            active: None,
            candidate: None,
            described: None,
            grant: None,
            grant_problem: None,
            slow: None,
        }
    }

    /// A plugin as it was when it was last noted: its active version is to be compiled.
    #[must_use]
    pub fn remembered(
        name: String,
        presence: Presence,
        active: Option<String>,
        candidate: Option<Candidate>,
        described: Option<Described>,
        grant: Option<WrittenGrant>,
    ) -> Self {
        Self {
            presence,
            active: active.map(Active::uncompiled),
            candidate,
            described,
            grant,
            ..Self::new(name)
        }
    }

    /// A file that no plugin can have.
    #[must_use]
    pub fn unusable(file: String, reason: String) -> Self {
        let mut plugin = Self::new(file);
        plugin.presence = Presence::Here;
        plugin.grant_problem = Some(reason.clone());
        plugin.refuse(None, reason);
        plugin
    }

    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.presence {
            Presence::Gone { .. } => return Standing::Missing,
            Presence::Never | Presence::Here => {}
        }
        if let (None, Some(problem)) = (&self.grant, &self.grant_problem) {
            return Standing::Refused(problem.clone());
        }
        if self.presence == Presence::Never {
            return Standing::GrantAlone;
        }
        let Some(active) = &self.active else {
            return match self.candidate.as_ref().map(|candidate| &candidate.standing) {
                Some(CandidateStanding::Held(reason)) => Standing::Held(reason.clone()),
                Some(CandidateStanding::Refused(reason)) => Standing::Refused(reason.clone()),
                Some(CandidateStanding::Compiling) | None => Standing::Compiling,
            };
        };
        if let Some(reason) = self.unpinned(&active.digest) {
            return Standing::Held(reason);
        }
        match (&active.component, &active.problem) {
            (Some(_), _) => Standing::Loaded,
            (None, Some(problem)) => Standing::Refused(problem.clone()),
            (None, None) => Standing::Compiling,
        }
    }

    /// Why it does not run; or what is wrong with its files although it does.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self.standing() {
            Standing::Held(reason) | Standing::Refused(reason) => Some(reason),
            Standing::Missing => Some("its file is gone".to_owned()),
            Standing::Loaded | Standing::Compiling => {
                let problem = self.grant_problem.as_ref().map(|problem| {
                    format!("{problem}; until that is mended its last good grant counts")
                });
                let parts = (self.slow_standing().into_iter())
                    .chain(problem)
                    .chain(self.no_longer_given());
                Some(parts.collect::<Vec<_>>().join("; ")).filter(|parts| !parts.is_empty())
            }
            Standing::GrantAlone => None,
        }
    }

    /// The component that runs, if one does.
    #[must_use]
    pub fn running(&self) -> Option<&Component> {
        match self.standing() {
            Standing::Loaded => self.active.as_ref()?.component.as_ref(),
            _ => None,
        }
    }

    /// Its grant.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        self.grant
            .as_ref()
            .map_or(&NO_GRANT, |written| &written.grant)
    }

    /// Its grant as an endpoint and routing need it.
    ///
    /// # Errors
    /// Why there is none: then its endpoint is closed and no event passes its `[match]`.
    pub fn usable_grant(&self) -> Result<&WrittenGrant, &str> {
        self.grant.as_ref().ok_or_else(|| {
            self.grant_problem
                .as_deref()
                .unwrap_or("it has no grant yet")
        })
    }

    /// Why its grant file cannot be used, if it cannot.
    #[must_use]
    pub fn grant_problem(&self) -> Option<&str> {
        self.grant_problem.as_deref()
    }

    /// Whether its component file is there.
    #[must_use]
    pub const fn presence(&self) -> Presence {
        self.presence
    }

    /// The digest of its active version.
    #[must_use]
    pub fn active_digest(&self) -> Option<&str> {
        self.active.as_ref().map(|active| active.digest.as_str())
    }

    /// Whether its active version is still to be compiled.
    #[must_use]
    pub fn is_uncompiled(&self) -> bool {
        let uncompiled = |active: &Active| active.component.is_none() && active.problem.is_none();
        self.presence == Presence::Here && self.active.as_ref().is_some_and(uncompiled)
    }

    /// Whether its active version could not be compiled.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        let active = self.active.as_ref();
        active.is_some_and(|active| active.component.is_none() && active.problem.is_some())
    }

    /// The version in the folder that does not run.
    #[must_use]
    pub const fn candidate(&self) -> Option<&Candidate> {
        self.candidate.as_ref()
    }

    /// What its last good version said of itself: the active one, or without one a candidate. Events are routed by it.
    #[must_use]
    pub const fn described(&self) -> Option<&Described> {
        self.described.as_ref()
    }

    /// There is no grant file: it has the default grant.
    pub fn ungrant(&mut self, default: WrittenGrant) {
        self.grant = Some(default);
        self.grant_problem = None;
    }

    /// Its file is there, and holds the version of this digest, if it can be read. What was removed stays removed:
    /// the version that was active before its file went runs again only if it is the one that came.
    pub fn appear(&mut self, digest: Option<&str>) {
        let is_back = matches!(self.presence, Presence::Gone { .. });
        if is_back && self.active_digest() != digest {
            self.active = None;
        }
        self.presence = Presence::Here;
    }

    /// Its file is gone.
    pub fn vanish(&mut self, now_ms: u64) {
        if self.presence == Presence::Here {
            self.presence = Presence::Gone { since_ms: now_ms };
        }
        self.candidate = None;
    }

    /// It has been gone for too long: what is left is its grant.
    pub fn forget(&mut self) {
        self.presence = Presence::Never;
        self.active = None;
        self.candidate = None;
        self.described = None;
    }

    /// A grant was read, or what is in its place cannot be, or looks cut off: then the last good one stays.
    pub fn regrant(&mut self, read: Result<WrittenGrant, String>) {
        let read = read.and_then(|grant| {
            let before = self.grant.as_ref();
            match before.and_then(|before| grant.looks_cut_off(before)) {
                Some(reason) => Err(format!("{}.toml: {reason}", self.name)),
                None => Ok(grant),
            }
        });
        match read {
            Ok(grant) => {
                self.grant = Some(grant);
                self.grant_problem = None;
            }
            Err(reason) => self.grant_problem = Some(reason),
        }
    }

    /// Whether a version of it is held: another grant may let it run.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.standing);
        matches!(candidate, Some(CandidateStanding::Held(_)))
    }

    /// Whether a version of this digest was held or refused.
    #[must_use]
    pub fn has_judged(&self, digest: &str) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| {
            candidate.digest.as_deref() == Some(digest)
                && candidate.standing != CandidateStanding::Compiling
        })
    }

    /// Whether a version of this digest is about to be compiled.
    #[must_use]
    pub fn is_compiling(&self, digest: &str) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| {
            candidate.digest.as_deref() == Some(digest)
                && candidate.standing == CandidateStanding::Compiling
        })
    }

    /// The digests of its active version and of a candidate that may yet become it.
    pub fn digests(&self) -> impl Iterator<Item = String> + use<> {
        let hopeful = self
            .candidate
            .as_ref()
            .filter(|candidate| !matches!(candidate.standing, CandidateStanding::Refused(_)));
        let candidate = hopeful.and_then(|candidate| candidate.digest.clone());
        let active = self.active.as_ref().map(|active| active.digest.clone());
        active.into_iter().chain(candidate)
    }

    /// The file holds the active version.
    pub fn confirm(&mut self) {
        self.candidate = None;
    }

    /// The file holds a version that is about to be compiled.
    pub fn begin(&mut self, digest: String) {
        self.slow = None;
        self.candidate = Some(Candidate {
            digest: Some(digest),
            standing: CandidateStanding::Compiling,
        });
    }

    /// The file holds a version that cannot be used.
    pub fn refuse(&mut self, digest: Option<String>, reason: String) {
        self.candidate = Some(Candidate {
            digest,
            standing: CandidateStanding::Refused(reason),
        });
    }

    /// Why a version of this digest may not run, if its grant pins another.
    #[must_use]
    pub fn unpinned(&self, digest: &str) -> Option<String> {
        self.grant().unpinned(digest)
    }

    /// The file holds a version that its grant does not let run.
    pub fn hold(&mut self, digest: String, reason: String) {
        self.candidate = Some(Candidate {
            digest: Some(digest),
            standing: CandidateStanding::Held(reason),
        });
    }

    /// The candidate was compiled and described: it is active from now on, unless it must have what is not granted.
    /// One that is no longer the candidate is passed over: its file was replaced, or went, meanwhile.
    pub fn judge(&mut self, component: Component) {
        let digest = component.facts().digest.clone();
        if !self.is_compiling(&digest) {
            return;
        }
        let described = Described {
            digest: digest.clone(),
            manifest: component.manifest().clone(),
        };
        let held = (self.unpinned(&digest)).or_else(|| self.lacks(&described.manifest));
        if let Some(reason) = held {
            if self.active.is_none() {
                self.described = Some(described);
            }
            return self.hold(digest, reason);
        }
        self.described = Some(described);
        self.candidate = None;
        self.active = Some(Active {
            component: Some(component),
            ..Active::uncompiled(digest)
        });
    }

    /// The candidate cannot be used. One that is no longer the candidate is passed over.
    pub fn judge_bad(&mut self, digest: String, reason: String) {
        if self.is_compiling(&digest) {
            self.refuse(Some(digest), reason);
        }
    }

    /// The active version was compiled from what is kept of it. It is passed over if another is active meanwhile.
    pub fn reload(&mut self, component: Component) {
        let digest = &component.facts().digest;
        if let Some(active) = self
            .active
            .as_mut()
            .filter(|active| active.digest == *digest)
        {
            self.described = Some(Described {
                digest: digest.clone(),
                manifest: component.manifest().clone(),
            });
            active.component = Some(component);
            active.problem = None;
        }
    }

    /// The active version cannot be compiled, or read, now. It stays the active one, and by its manifest events are
    /// still routed, and wait.
    pub fn suspend(&mut self, digest: &str, reason: String) {
        if let Some(active) = self
            .active
            .as_mut()
            .filter(|active| active.digest == digest)
        {
            active.problem = Some(reason);
            self.slow = None;
        }
    }
}
