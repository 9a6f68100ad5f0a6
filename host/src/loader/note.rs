//! Plugins as the ledger notes them, and back; and what opens their endpoints.

use crate::intake::Endpoint;
use crate::ledger::{self, PluginRecord, PluginState};
use crate::plugin::catalog::{Candidate, CandidateStanding, Described, Plugin, Presence, Standing};
use crate::plugin::grant::WrittenGrant;
use crate::plugin::{Manifest, PluginName};

/// A plugin as the ledger is to note it; `None` for a grant alone, which is no plugin yet.
pub fn record(plugin: &Plugin) -> Option<PluginRecord> {
    let state = match plugin.standing() {
        Standing::Loaded => PluginState::Loaded,
        Standing::Compiling => PluginState::Compiling,
        Standing::Held(_) => PluginState::Held,
        Standing::Refused(_) => PluginState::Refused,
        Standing::Missing => PluginState::Missing,
        Standing::GrantAlone => return None,
    };
    let grant = plugin.usable_grant().ok();
    let described = plugin.described();
    Some(PluginRecord {
        name: plugin.name.clone(),
        state,
        reason: plugin.reason(),
        active: plugin.active_digest().map(str::to_owned),
        candidate: plugin.candidate().map(|found| candidate(plugin, found)),
        manifest: described.map(|described| described.manifest.to_stored()),
        manifest_digest: described.map(|described| described.digest.clone()),
        grant: grant.map(|grant| grant.text.clone()),
        missing_since_ms: match plugin.presence() {
            Presence::Gone { since_ms } => Some(since_ms),
            Presence::Here | Presence::Never => None,
        },
        paused_by: None,
        // Whoever has it noted knows.
        own: None,
    })
}

fn candidate(plugin: &Plugin, candidate: &Candidate) -> ledger::Candidate {
    let (state, reason) = match &candidate.standing {
        CandidateStanding::Compiling => (PluginState::Compiling, plugin.slow_candidate()),
        CandidateStanding::Held(reason) => (PluginState::Held, Some(reason.clone())),
        CandidateStanding::Refused(reason) => (PluginState::Refused, Some(reason.clone())),
    };
    ledger::Candidate {
        digest: candidate.digest.clone(),
        state,
        reason,
    }
}

/// A plugin as the ledger remembers it, before its files are looked at.
pub fn remembered(record: &PluginRecord, memory_bytes_max: usize) -> Plugin {
    let was_plugin = record.active.is_some() || record.candidate.is_some();
    let presence = match record.missing_since_ms {
        Some(since_ms) => Presence::Gone { since_ms },
        None if was_plugin || record.manifest.is_some() => Presence::Here,
        None => Presence::Never,
    };
    let manifest = record.manifest.as_deref().and_then(Manifest::from_stored);
    let described = record.manifest_digest.clone().zip(manifest);
    let grant = record.grant.as_ref();
    Plugin::remembered(
        record.name.clone(),
        presence,
        record.active.clone(),
        record.candidate.as_ref().and_then(candidate_of),
        described.map(|(digest, manifest)| Described { digest, manifest }),
        // One that this host would not give any more is as good as none.
        grant
            .and_then(|text| WrittenGrant::parse(text.clone().into_bytes(), memory_bytes_max).ok()),
    )
}

/// A candidate that was judged before; one that was not is looked at anew.
fn candidate_of(stored: &ledger::Candidate) -> Option<Candidate> {
    let reason = stored.reason.clone().unwrap_or_default();
    let standing = match stored.state {
        PluginState::Held => CandidateStanding::Held(reason),
        PluginState::Refused => CandidateStanding::Refused(reason),
        _ => return None,
    };
    Some(Candidate {
        digest: stored.digest.clone(),
        standing,
    })
}

/// What opens a plugin's endpoint, if it can have one. A secret of its own that cannot be read closes it, and so does
/// a grant that never could be: neither ever opens it to the host's secrets. Blocks on the file system.
pub fn endpoint(plugin: &Plugin) -> Option<Endpoint> {
    PluginName::parse(&plugin.name).ok()?;
    let secret = plugin.usable_grant().map(|written| &written.grant.secret);
    let read = match secret {
        Ok(None) => return Some(Endpoint::Host),
        Ok(Some(reference)) => reference.read().map_err(|error| error.to_string()),
        Err(reason) => Err(reason.to_owned()),
    };
    Some(match read {
        Ok(secret) => Endpoint::Own(secret),
        Err(reason) => Endpoint::Closed { reason },
    })
}
