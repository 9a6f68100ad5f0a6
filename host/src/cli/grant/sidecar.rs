//! The grant file that lines are added to: read once, and replaced as a whole.

use crate::plugin::folder::{ReadError, read_file};
use crate::plugin::grant::addition::Addition;
use crate::plugin::grant::{GRANT_BYTES_MAX, WrittenGrant};
use crate::plugin::{Grant, Want};
use crate::secret::SecretRef;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The most memory that a grant may give on any host, in bytes.
const MEMORY_BYTES_MAX: usize = 4 << 30;

/// A grant file, or the place of one.
pub struct Sidecar {
    path: PathBuf,
    /// As it was read; `None` where there is none.
    found: Option<Vec<u8>>,
    written: WrittenGrant,
}

impl Sidecar {
    /// Reads it. Without a file it is the default grant.
    ///
    /// # Errors
    /// Why the file cannot be used, with its line: it has to be mended by hand first.
    pub fn read(path: PathBuf) -> anyhow::Result<Self> {
        let found = found(&path)?;
        let written = match &found {
            Some(bytes) => WrittenGrant::parse(bytes.clone(), MEMORY_BYTES_MAX)
                .map_err(|reason| anyhow::anyhow!("{}: {reason}", path.display()))?,
            None => WrittenGrant::default_within(MEMORY_BYTES_MAX),
        };
        Ok(Self {
            path,
            found,
            written,
        })
    }

    /// What it gives, with what was added.
    pub const fn grant(&self) -> &Grant {
        &self.written.grant
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds to it what gives a want.
    ///
    /// # Errors
    /// If the lines do not give it where they would stand; then they have to be written by hand.
    pub fn add(
        &mut self,
        want: &Want,
        addition: &Addition,
        place: Option<&SecretRef>,
    ) -> anyhow::Result<()> {
        let text = addition.added_to(&self.written.text, place);
        let by_hand = |reason: String| {
            let lines = addition.lines(place).join("\n  ");
            anyhow::anyhow!(
                "{}: {reason}; nothing was changed, add to it by hand what these lines say:\n  {lines}",
                self.path.display()
            )
        };
        let written =
            WrittenGrant::parse(text.into_bytes(), MEMORY_BYTES_MAX).map_err(|reason| {
                by_hand(format!("with the lines added it cannot be used ({reason})"))
            })?;
        if let Some(lacking) = want.lacking(&written.grant) {
            return Err(by_hand(format!(
                "with the lines added it still lacks {lacking}"
            )));
        }
        self.written = written;
        Ok(())
    }

    /// Puts it where it belongs, in one piece: a host that reads it meanwhile sees the one before or the whole of it.
    ///
    /// # Errors
    /// If the folder cannot be written to, or somebody changed the file meanwhile.
    pub fn write(&self) -> anyhow::Result<()> {
        // A link stays one.
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let cannot = || format!("{}: cannot be written", self.path.display());
        if found(&self.path)? != self.found {
            anyhow::bail!(
                "{}: somebody changed it meanwhile; nothing was added, say it again",
                self.path.display()
            );
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".grant.")
            .tempfile_in(folder)
            .with_context(cannot)?;
        file.write_all(self.written.text.as_bytes())
            .and_then(|()| permit(file.as_file(), &path))
            .and_then(|()| file.as_file().sync_all())
            .with_context(cannot)?;
        file.persist(&path).with_context(cannot)?;
        Ok(())
    }
}

fn found(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match read_file(path, GRANT_BYTES_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(anyhow::anyhow!("{}: {error}", path.display())),
    }
}

/// Whoever could read the file before can still; a new one is as others of this user are.
fn permit(file: &std::fs::File, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = match std::fs::metadata(path) {
        Ok(before) => before.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o644),
    };
    file.set_permissions(permissions)
}
