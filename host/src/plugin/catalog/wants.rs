//! What plugins ask for and do not get.

use crate::plugin::Manifest;

/// What a plugin could use and nobody can grant so far, for its operator.
#[must_use]
pub fn optional_wants(manifest: &Manifest) -> Vec<String> {
    let optional = manifest.wants.iter().filter(|want| !want.required);
    optional
        .map(|want| format!("{} `{}` ({})", want.kind, want.name, want.reason))
        .collect()
}

/// What a plugin must have and nobody can grant so far.
pub(super) fn lacking(manifest: &Manifest) -> Option<String> {
    let missing: Vec<String> = manifest
        .wants
        .iter()
        .filter(|want| want.required)
        .map(|want| format!("{} `{}` ({})", want.kind, want.name, want.reason))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "it requires what this version of hookbox cannot grant: {}",
            missing.join(", ")
        )
    })
}
