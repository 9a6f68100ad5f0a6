//! The operator's token: from the environment, or made at the first start and kept in the data folder.
//!
//! Only hashes of it are kept in memory, and it is compared in constant time. The file is read only as what it is to
//! be: a regular file of nobody else's.

use crate::secret::{SECRET_BYTES_GOOD, SECRET_BYTES_MAX, Secret, generate, matches_any};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The variable of a token that the operator chose.
pub const VARIABLE: &str = "HOOKBOX_ADMIN_TOKEN";

/// The file of a made token, in the data folder.
const FILE: &str = "admin.token";

/// What the key of sessions is derived with.
const SESSION_KEY: &[u8] = b"hookbox admin session\n";

/// The operator's token: its hash, and the key of the sessions that it opens. Neither is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken {
    secret: Secret,
    session_key: [u8; 32],
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

/// Why a text cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is empty, or can be guessed.
    #[error("it is shorter than {SECRET_BYTES_GOOD} bytes")]
    Short,
    /// It is too long.
    #[error("it is longer than {SECRET_BYTES_MAX} bytes")]
    Long,
    /// It does not fit into a header or an address.
    #[error("it has a character other than visible ASCII")]
    NotVisible,
}

impl AdminToken {
    /// Takes a token.
    ///
    /// # Errors
    /// [`TokenError`] says what is wrong, without the token.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        if text.len() < SECRET_BYTES_GOOD {
            return Err(TokenError::Short);
        }
        if text.len() > SECRET_BYTES_MAX {
            return Err(TokenError::Long);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NotVisible);
        }
        let session_key = Sha256::new().chain_update(SESSION_KEY).chain_update(text);
        Ok(Self {
            secret: Secret::new(text).map_err(|_| TokenError::NotVisible)?,
            session_key: session_key.finalize().into(),
        })
    }

    /// Whether this was sent. The time taken does not tell how much of it was right.
    #[must_use]
    pub fn is(&self, sent: &[u8]) -> bool {
        matches_any(std::slice::from_ref(&self.secret), sent)
    }

    /// The key of the sessions that it opens: it changes with the token.
    pub(in crate::admin) const fn session_key(&self) -> &[u8; 32] {
        &self.session_key
    }
}

/// The token of a host, and where its operator finds it.
pub struct Held {
    /// The token.
    pub token: AdminToken,
    /// Where it is.
    pub place: Place,
}

/// Where a token is.
pub enum Place {
    /// In [`VARIABLE`].
    Environment,
    /// In a file, from an earlier start.
    Kept(PathBuf),
    /// In a file that was just written.
    Made {
        /// The file.
        path: PathBuf,
        /// The token itself, to be shown once to whoever looks on.
        text: String,
    },
}

/// The token's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct TokenFileError {
    path: PathBuf,
    reason: String,
}

/// The token of the host that serves a data folder: the one given, else the one kept there, else a new one. Blocks.
///
/// # Errors
/// [`TokenFileError`] if there is a file that is no good, or none can be written.
pub fn take(data: &Path, given: Option<AdminToken>) -> Result<Held, TokenFileError> {
    if let Some(token) = given {
        let place = Place::Environment;
        return Ok(Held { token, place });
    }
    let path = data.join(FILE);
    if let Some(text) = read(data)? {
        let token = AdminToken::new(&text).map_err(|error| unusable(&path, error))?;
        let place = Place::Kept(path);
        return Ok(Held { token, place });
    }
    let text = make(data, &path).map_err(|error| TokenFileError {
        reason: format!("{error}; let hookbox write to this folder, or set {VARIABLE}"),
        path: path.clone(),
    })?;
    let token = AdminToken::new(&text).map_err(|error| unusable(&path, error))?;
    let place = Place::Made { path, text };
    Ok(Held { token, place })
}

/// The text of the token in a data folder; `None` if there is none. Blocks.
///
/// # Errors
/// [`TokenFileError`] if the file is no good, without what is in it.
pub fn read(data: &Path) -> Result<Option<String>, TokenFileError> {
    let path = data.join(FILE);
    let text = match read_file(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let reason = match error.raw_os_error() {
                Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
                    "it is a symbolic link; remove it, and a token is made at the next start"
                        .to_owned()
                }
                _ => format!("{error}; mend that, or set {VARIABLE}"),
            };
            return Err(TokenFileError { path, reason });
        }
    };
    match AdminToken::new(&text) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(unusable(&path, error)),
    }
}

fn unusable(path: &Path, error: TokenError) -> TokenFileError {
    TokenFileError {
        path: path.to_owned(),
        reason: format!("{error}; remove the file, and a token is made at the next start"),
    }
}

fn read_file(path: &Path) -> std::io::Result<String> {
    let mut options = OpenOptions::new();
    // A pipe would wait for its writer, and a link lead elsewhere.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    options.read(true).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(std::io::Error::other(format!(
            "others can read it (mode {mode:03o}): whoever did has the token; remove it, and another is made at the \
             next start, or keep it with `chmod 600`"
        )));
    }
    // One byte more, and a line break: what is too long is told as that.
    let bytes_max = u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    file.take(bytes_max.saturating_add(3))
        .read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Makes a token and writes it: whole or not at all, over nothing that is there, and durable.
fn make(data: &Path, path: &Path) -> std::io::Result<String> {
    let text = generate().map_err(std::io::Error::other)?;
    // Only its owner may read a temporary file.
    let mut file = tempfile::Builder::new()
        .prefix(".admin.token.")
        .tempfile_in(data)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(data)?.sync_all()?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn refusal(folder: &tempfile::TempDir) -> String {
        take(folder.path(), None).err().unwrap().to_string()
    }

    #[test]
    fn a_made_token_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = take(folder.path(), None).unwrap();
        let Place::Made { path, text } = made.place else {
            unreachable!()
        };
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(made.token.is(text.as_bytes()) && !made.token.is(b"another"));
        let kept = take(folder.path(), None).unwrap();
        assert!(matches!(kept.place, Place::Kept(_)));
        assert!(kept.token == made.token);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1);
    }

    #[test]
    fn a_file_that_is_no_good_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for (text, mode, reason) in [
            ("", 0o600, "shorter than 16 bytes; remove the file"),
            ("hunter2", 0o600, "shorter than 16 bytes"),
            ("hunter2 hunter2 hunter2", 0o600, "other than visible ASCII"),
            (
                "hunter2-hunter2-hunter2",
                0o640,
                "others can read it (mode 640)",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = refusal(&folder);
            assert!(
                error.contains(reason) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_file_is_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
        assert!(refusal(&folder).contains("not a regular file"));
        std::fs::remove_file(&path).unwrap();
        for target in ["elsewhere", "nowhere"] {
            std::fs::write(folder.path().join("elsewhere"), "x".repeat(32)).unwrap();
            std::os::unix::fs::symlink(folder.path().join(target), &path).unwrap();
            assert!(refusal(&folder).contains("a symbolic link"));
            std::fs::remove_file(&path).unwrap();
        }
    }
}
