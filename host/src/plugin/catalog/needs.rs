//! What versions of a plugin require and its grant does not give.

use super::Plugin;
use crate::plugin::Manifest;
use crate::plugin::want::{held_for, unmet_needs};

impl Plugin {
    /// Why a version is held, with the mend.
    pub(super) fn lacks(&self, manifest: &Manifest) -> Option<String> {
        held_for(&self.name, manifest, self.grant())
    }

    /// What the version that runs requires and its grant gives no longer: it runs on, and is refused that.
    pub(super) fn no_longer_given(&self) -> Option<String> {
        let described = self.described.as_ref()?;
        let is_active = self.active_digest() == Some(&described.digest);
        let unmet = unmet_needs(&described.manifest, self.grant()).filter(|_| is_active)?;
        let name = &self.name;
        Some(format!(
            "it runs on without what it requires: {unmet}; 'hookbox grant {name}' shows the lines to add"
        ))
    }
}
