//! Whether what a host keeps is still there after a restart, as far as it can tell.

use crate::config::Surroundings;
use crate::ledger::sqlite::{Medium, is_on_root};
use std::path::Path;

/// What is doubtful about a data folder, which need not be there. Blocks on the file system.
#[must_use]
pub fn warning(data: &Path, surroundings: Surroundings) -> Option<String> {
    let medium = Medium::of(data).ok()?;
    judge(&medium, surroundings, || is_on_root(data))
}

fn judge(
    medium: &Medium,
    surroundings: Surroundings,
    is_on_root: impl Fn() -> bool,
) -> Option<String> {
    match (medium, surroundings) {
        (Medium::Network { kind }, _) => Some(format!(
            "the data folder is on a network file system ({kind}): no other machine may ever use it"
        )),
        (Medium::Container, Surroundings::Space) => Some(space()),
        (Medium::Disk, Surroundings::Space) if is_on_root() => Some(space()),
        (Medium::Memory, _) => Some(
            "the data folder is kept in memory (tmpfs), so nothing in it survives a restart of the machine; name a \
             folder on a disk with --data"
                .to_owned(),
        ),
        (Medium::Shared { kind }, _) => Some(format!(
            "the data folder is shared by another system ({kind}), which may not keep what was written when it stops; \
             name a folder on a disk of this one with --data"
        )),
        (Medium::Disk | Medium::Container, _) => None,
    }
}

fn space() -> String {
    "the data folder is part of this Space's container, so nothing in it survives a restart of the Space: deliveries \
     and plugin state will be lost; have 'hookbox backup' copy it to a bucket that is mounted into the Space (the \
     ledger itself cannot lie there), or run the host where it has a disk"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_survive_a_restart_is_told() {
        let told = |medium: Medium, surroundings, on_root: bool| {
            judge(&medium, surroundings, || on_root).unwrap_or_default()
        };
        let network = Medium::Network { kind: "nfs".into() };
        for (medium, surroundings, on_root, words) in [
            (Medium::Disk, Surroundings::Elsewhere, true, ""),
            (Medium::Container, Surroundings::Elsewhere, true, ""),
            (Medium::Disk, Surroundings::Space, false, ""),
            (
                Medium::Disk,
                Surroundings::Space,
                true,
                "restart of the Space",
            ),
            (
                Medium::Container,
                Surroundings::Space,
                false,
                "restart of the Space",
            ),
            (Medium::Memory, Surroundings::Elsewhere, false, "tmpfs"),
            (network, Surroundings::Elsewhere, false, "(nfs)"),
        ] {
            let told = told(medium, surroundings, on_root);
            assert_eq!(told.is_empty(), words.is_empty(), "{told}");
            assert!(told.contains(words), "{told}");
        }
    }
}
