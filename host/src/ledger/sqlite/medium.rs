//! What a data folder lies on: a disk of this machine, memory, or a file system of another machine, where a
//! write-ahead log can be corrupted (SQLite documentation, "Write-Ahead Logging": all processes must be on one host).

use crate::ledger::LedgerError;
use std::path::Path;

/// Whether a ledger may lie on a network file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkFs {
    /// It may not.
    #[default]
    Refused,
    /// It may: somebody said so.
    Allowed,
}

/// What a folder lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Medium {
    /// A disk, as far as can be told.
    Disk,
    /// Memory: nothing survives a restart of the machine.
    Memory,
    /// A layer of a container: nothing survives the container.
    Container,
    /// A folder that another system on this machine shares, which may not keep what was written in order.
    Shared {
        /// The file system's type.
        kind: String,
    },
    /// Another machine, or one cannot know.
    Network {
        /// The file system's type.
        kind: String,
    },
}

/// File systems that are on other machines or shared with them, by the `f_type` of statfs(2): the numbers of
/// `linux/magic.h`, and of the out-of-tree ones as statfs(2) and GNU coreutils' `stat` know them.
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0000_564c, "ncp"),
    (0x7375_7245, "coda"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0xaad7_aaea, "panfs"),
    (0x7461_636f, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
];

const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;
const OVERLAY: u32 = 0x794c_7630;
const PLAN9: u32 = 0x0102_1997;
const FUSE: u32 = 0x6573_5546;

/// Types of FUSE file systems that are known to be on this machine, as `/proc/self/mountinfo` has them. The number of
/// all FUSE file systems is the same, and most of the others fetch from elsewhere: sshfs, s3fs, rclone, hf-mount.
const FUSE_HERE: &[&str] = &[
    "fuseblk",
    "virtiofs",
    "fuse.fuse-overlayfs",
    "fuse.bindfs",
    "fuse.mergerfs",
];

impl Medium {
    /// What a folder lies on; one that is not there yet will lie where its nearest ancestor is. Blocks on the file
    /// system.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        look(nearest_there(folder))
    }

    fn judge(magic: u32, kind: Option<&str>) -> Self {
        if let Some((_, kind)) = NETWORK.iter().find(|(number, _)| *number == magic) {
            return Self::Network {
                kind: (*kind).to_owned(),
            };
        }
        match (magic, kind) {
            (TMPFS | RAMFS, _) => Self::Memory,
            (OVERLAY, _) => Self::Container,
            // How virtual machines and sandboxes show a folder of the machine that they are on.
            (PLAN9, _) => Self::Shared {
                kind: "9p".to_owned(),
            },
            (FUSE, Some(kind)) if FUSE_HERE.contains(&kind) => Self::Disk,
            (FUSE, kind) => Self::Network {
                kind: kind.unwrap_or("fuse").to_owned(),
            },
            _ => Self::Disk,
        }
    }
}

/// Whether a folder is on the same file system as `/`: in a container, nothing was mounted for it.
#[must_use]
pub fn is_on_root(folder: &Path) -> bool {
    let device = |path: &Path| rustix::fs::stat(path).ok().map(|found| found.st_dev);
    device(nearest_there(folder)).is_some_and(|found| Some(found) == device(Path::new("/")))
}

/// Refuses a data folder on a network file system, unless that is allowed. It need not be there.
///
/// # Errors
/// [`LedgerError::Open`] names the file system.
pub fn check_medium(data: &Path, allowed: NetworkFs) -> Result<(), LedgerError> {
    // Where the system does not tell, opening the ledger will.
    match Medium::of(data)
        .ok()
        .and_then(|medium| refusal(&medium, allowed))
    {
        Some(reason) => Err(LedgerError::Open {
            path: data.to_owned(),
            reason,
        }),
        None => Ok(()),
    }
}

/// Why a ledger may not lie there.
fn refusal(medium: &Medium, allowed: NetworkFs) -> Option<String> {
    match (medium, allowed) {
        (Medium::Network { kind }, NetworkFs::Refused) => Some(format!(
            "on a network file system ({kind}), where a ledger can be corrupted; name a folder on a local disk with \
             --data, or say --allow-network-fs if no other machine ever uses it"
        )),
        _ => None,
    }
}

/// The nearest ancestor that is there, or the folder itself.
fn nearest_there(folder: &Path) -> &Path {
    let there = folder.ancestors().find(|path| path.exists());
    // A relative path ends with the empty one, which stands for the working directory.
    there.unwrap_or_else(|| Path::new("."))
}

#[cfg(target_os = "linux")]
fn look(path: &Path) -> std::io::Result<Medium> {
    let found = rustix::fs::statfs(path)?;
    // The width and sign of the field differ by machine; the numbers have 32 bits.
    let magic = u32::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or_default();
    let kind = (magic == FUSE).then(|| mounted_kind(path)).flatten();
    Ok(Medium::judge(magic, kind.as_deref()))
}

#[cfg(not(target_os = "linux"))]
fn look(_: &Path) -> std::io::Result<Medium> {
    Ok(Medium::Disk)
}

/// The type of the file system that a path is on, from proc(5), `/proc/PID/mountinfo`.
#[cfg(target_os = "linux")]
fn mounted_kind(path: &Path) -> Option<String> {
    let device = rustix::fs::stat(path).ok()?.st_dev;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&mounts, &format!("{major}:{minor}"))
}

fn kind_in(mounts: &str, device: &str) -> Option<String> {
    let line = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(device))?;
    let kind = line.split(" - ").nth(1)?.split(' ').next()?;
    Some(kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(magic: u32, kind: Option<&str>, expected: &str) {
        let found = match Medium::judge(magic, kind) {
            Medium::Disk => "disk".to_owned(),
            Medium::Memory => "memory".to_owned(),
            Medium::Container => "container".to_owned(),
            Medium::Shared { kind } => format!("shared {kind}"),
            Medium::Network { kind } => format!("network {kind}"),
        };
        assert_eq!(found, expected, "{magic:#x} {kind:?}");
    }

    #[test]
    fn network_file_systems_are_told_from_disks_by_their_numbers() {
        check(0xef53, None, "disk"); // ext4
        check(0x5846_5342, None, "disk"); // xfs
        check(0x9123_683e, None, "disk"); // btrfs
        check(0x2fc1_2fc1, None, "disk"); // zfs
        check(TMPFS, None, "memory");
        check(OVERLAY, None, "container");
        check(PLAN9, None, "shared 9p");
        check(0x6969, None, "network nfs");
        check(0xff53_4d42, None, "network cifs");
        check(0xfe53_4d42, None, "network smb2");
        check(0x00c3_6400, None, "network ceph");
        check(0x0bd0_0bd0, None, "network lustre");
        check(FUSE, None, "network fuse");
        check(FUSE, Some("fuse.sshfs"), "network fuse.sshfs");
        check(FUSE, Some("fuse.s3fs"), "network fuse.s3fs");
        check(FUSE, Some("fuse.fuse-overlayfs"), "disk");
        check(FUSE, Some("virtiofs"), "disk");
    }

    #[test]
    fn a_ledger_lies_on_a_network_file_system_only_if_that_was_said() {
        let network = Medium::Network { kind: "nfs".into() };
        let reason = refusal(&network, NetworkFs::Refused).unwrap();
        assert!(
            reason.starts_with("on a network file system (nfs)"),
            "{reason}"
        );
        assert!(refusal(&network, NetworkFs::Allowed).is_none());
        for medium in [Medium::Disk, Medium::Memory, Medium::Container] {
            assert!(refusal(&medium, NetworkFs::Refused).is_none(), "{medium:?}");
        }
    }

    #[test]
    fn the_type_of_a_mount_is_found_by_its_device() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      36 22 0:44 / /mnt rw,nosuid shared:1 - fuse.sshfs me@host:/ rw\n";
        assert_eq!(kind_in(mounts, "0:44").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind_in(mounts, "0:45"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_lies_where_it_would_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let (there, absent) = (folder.path(), folder.path().join("a/b"));
        assert_eq!(Medium::of(there).unwrap(), Medium::of(&absent).unwrap());
        assert!(Medium::of(Path::new("not-there")).is_ok());
    }
}
