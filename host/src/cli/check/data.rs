//! What the host would trip over in its data folder. Nothing in it is opened for writing, made or locked.

use super::findings::Findings;
use crate::app::persistence;
use crate::config::Config;
use crate::ledger::sqlite::{check_file, check_medium, failed_before, running_host};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The most files whose rights are looked at.
const FILES_MAX: usize = 1000;

/// Looks at the data folder. Returns the process that serves it now.
pub fn check(config: &Config, findings: &mut Findings) -> Option<u32> {
    let data = config.data.as_path();
    match check_medium(data, config.ledger.network_fs) {
        Err(error) => findings.error(data.display(), error),
        Ok(()) => {
            if let Some(warning) = persistence::warning(data, config.surroundings) {
                findings.warning(data.display(), warning);
            }
        }
    }
    let Ok(found) = data.metadata() else {
        absent(data, findings);
        return None;
    };
    if !found.is_dir() {
        findings.error(data.display(), "not a folder; name another with --data");
        return None;
    }
    rights(data, &found, findings);
    if let Err(error) = check_file(data) {
        findings.error(data.join("ledger.db").display(), error);
    }
    failure(data, findings);
    let running = running_host(data);
    if let Some(process) = running {
        findings.note(
            data.display(),
            format!("a host serves it now (process {process}); another cannot at the same time"),
        );
    }
    running
}

/// A ledger that failed is told of: the next start takes longer, or ends at once.
fn failure(data: &Path, findings: &mut Findings) {
    let ledger = data.join("ledger.db");
    match failed_before(data) {
        Ok(None) => {}
        Ok(Some(why)) => findings.warning(
            ledger.display(),
            format!("it failed ({why}); the next start reads all of it before anything is served, and refuses to serve it if it is damaged"),
        ),
        Err(error) => findings.error(
            ledger.display(),
            format!("whether it failed cannot be told: {error}; let hookbox read its folder"),
        ),
    }
}

/// A folder that is not there has to be made.
fn absent(data: &Path, findings: &mut Findings) {
    if data.symlink_metadata().is_ok() {
        findings.error(
            data.display(),
            "a link to nothing, or one cannot look into it; name another folder with --data",
        );
        return;
    }
    let above = data
        .ancestors()
        .skip(1)
        .map(|path| {
            if path.as_os_str().is_empty() {
                Path::new(".")
            } else {
                path
            }
        })
        .find(|path| path.exists());
    match above {
        Some(above) if may(above, Access::WRITE_OK | Access::EXEC_OK) => {}
        _ => findings.error(
            data.display(),
            "it is not there and cannot be made; let hookbox write to the folder above, or name another with --data",
        ),
    }
}

fn rights(data: &Path, found: &std::fs::Metadata, findings: &mut Findings) {
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user {
        findings.warning(
            data.display(),
            format!(
                "it belongs to user {}, and this is user {user}",
                found.uid()
            ),
        );
    }
    if found.mode() & 0o007 != 0 {
        findings.warning(
            data.display(),
            "every user of this machine may look into it; take that away with chmod o-rwx",
        );
    }
    if !may(data, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        findings.error(
            data.display(),
            "it cannot be written to; let hookbox do that",
        );
        return;
    }
    let entries = std::fs::read_dir(data).into_iter().flatten().flatten();
    for entry in entries.take(FILES_MAX) {
        if !may(&entry.path(), Access::READ_OK | Access::WRITE_OK) {
            findings.error(
                entry.path().display(),
                "it cannot be written to; let hookbox do that",
            );
        }
    }
}

/// Whether this process has rights to something, as its effective user.
fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}
