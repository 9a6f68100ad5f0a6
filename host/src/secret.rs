//! Secrets: where they come from, how they are compared, and that they are never shown.

use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use subtle::{Choice, ConstantTimeEq};

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 4096;

/// The fewest bytes that a good secret has.
pub const SECRET_BYTES_GOOD: usize = 16;

/// A webhook secret. Only its hash is kept in memory, and neither is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    sha256: [u8; 32],
    short: bool,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a text cannot be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is empty.
    #[error("it is empty; make one with 'hookbox secret'")]
    Empty,
    /// It is too long.
    #[error("it is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// It cannot come in an HTTP header unchanged (RFC 9110, section 5.5).
    #[error(
        "it has a character that no HTTP header carries unchanged (a space at an end, a control character, or one \
         outside ASCII); make one with 'hookbox secret'"
    )]
    NotAHeaderValue,
}

impl Secret {
    /// Takes a secret. The Hub allows every ASCII character from space to DEL; a space at an end or DEL would not
    /// survive the header that it is sent in, so they are refused here rather than never matched.
    ///
    /// # Errors
    /// [`SecretError`] says what is wrong, without the secret.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > SECRET_BYTES_MAX {
            return Err(SecretError::TooLong);
        }
        let carried = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !carried || text.starts_with(' ') || text.ends_with(' ') {
            return Err(SecretError::NotAHeaderValue);
        }
        Ok(Self {
            sha256: Sha256::digest(text.as_bytes()).into(),
            short: text.len() < SECRET_BYTES_GOOD,
        })
    }

    /// Whether it is too short to be good.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.short
    }
}

/// Whether what was sent is one of the secrets. All are compared, by their hashes, without an early exit: the time
/// taken tells neither which one matched nor how much of it.
#[must_use]
pub fn matches_any(secrets: &[Secret], sent: &[u8]) -> bool {
    let sent: [u8; 32] = Sha256::digest(sent).into();
    let mut found = Choice::from(0);
    for secret in secrets {
        found |= secret.sha256.ct_eq(&sent);
    }
    found.into()
}

/// A new secret: 32 random bytes in hex.
///
/// # Errors
/// If the operating system gives no random bytes.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where a secret is to be read: `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file's content, without the line break at its end.
    File(PathBuf),
}

/// A secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretRefError {
    /// The text names no place.
    #[error("write `env:NAME` or `file:PATH`: a secret itself never stands in a setting")]
    Malformed,
    /// The variable is not set.
    #[error("env:{name}: the environment variable is not set; set it, or name another place")]
    Unset {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("file:{}: {reason}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What was read is no secret.
    #[error("{place}: {error}")]
    Bad {
        /// The reference.
        place: SecretRef,
        /// Why.
        error: SecretError,
    },
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(SecretRefError::Malformed),
        }
    }
}

/// Whether a text can be the name of an environment variable (POSIX.1-2024, section 8.1): a secret that was written in
/// its place mostly cannot, and is not repeated then.
fn is_variable(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    /// [`SecretRefError`] names the place and the reason, never what was read.
    pub fn read(&self) -> Result<Secret, SecretRefError> {
        Secret::new(&self.read_text()?).map_err(|error| self.bad(error))
    }

    /// Reads what lies there, for what needs more than to compare it: it must not be shown.
    ///
    /// # Errors
    /// As [`SecretRef::read`].
    pub fn read_text(&self) -> Result<String, SecretRefError> {
        match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => SecretRefError::Unset { name: name.clone() },
                std::env::VarError::NotUnicode(_) => self.bad(SecretError::NotAHeaderValue),
            }),
            Self::File(path) => {
                let text = read_file(path).map_err(|error| SecretRefError::Unreadable {
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }

    fn bad(&self, error: SecretError) -> SecretRefError {
        SecretRefError::Bad {
            place: self.clone(),
            error,
        }
    }
}

/// Reads a regular file that is no larger than a secret may be. Whatever else lies there is not waited for.
fn read_file(path: &Path) -> std::io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A pipe would wait for its writer.
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    // One byte more, and a line break: what is too long is told as that.
    let bytes_max = u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    file.take(bytes_max.saturating_add(3))
        .read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_secrets_matches_and_nothing_else() {
        let secrets = [
            Secret::new("first secret").unwrap(),
            Secret::new("second").unwrap(),
        ];
        assert!(matches_any(&secrets, b"first secret"));
        assert!(matches_any(&secrets, b"second"));
        assert!(!matches_any(&secrets, b"Second"));
        assert!(!matches_any(&secrets, b""));
        assert!(!matches_any(&[], b"second"));
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        for bad in [" x", "x ", "a\tb", "a\nb", "a\u{7f}", "ä"] {
            let error = Secret::new(bad).unwrap_err();
            assert_eq!(error, SecretError::NotAHeaderValue, "{bad:?}");
        }
        assert_eq!(Secret::new("").unwrap_err(), SecretError::Empty);
        assert!(Secret::new("a b").is_ok());
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(
            format!("{:?}", Secret::new("hunter2").unwrap()),
            "Secret(…)"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "hunter2\u{7f}").unwrap();
        let error = SecretRef::File(path).read().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_loses_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "hunter2\r\n").unwrap();
        let secret = format!("file:{}", path.display())
            .parse::<SecretRef>()
            .unwrap()
            .read()
            .unwrap();
        assert!(matches_any(&[secret], b"hunter2"));
    }

    #[test]
    fn what_is_no_file_of_a_secret_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large"));
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        std::fs::write(&large, "x".repeat(1 << 20)).unwrap();
        for (path, reason) in [(pipe, "not a regular file"), (large, "longer than")] {
            let error = SecretRef::File(path).read().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_secret_itself_is_no_reference() {
        for text in [
            "hunter2",
            "env:",
            "env:hunter2+",
            "env:2hunter2",
            "file:",
            "vault:x",
        ] {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"));
        }
    }

    #[test]
    fn generated_secrets_are_good_and_differ() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, two);
        assert!(!Secret::new(&one).unwrap().is_short());
    }
}
