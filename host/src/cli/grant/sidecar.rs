//! The grant file that lines are added to: read once, and replaced as a whole.

use crate::plugin::folder::{ReadError, read_file};
use crate::plugin::grant::addition::Addition;
use crate::plugin::grant::{GRANT_BYTES_MAX, WrittenGrant};
use crate::plugin::{Grant, Want};
use crate::secret::SecretRef;
use anyhow::Context as _;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
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
        if path.is_symlink() {
            is_followed(&path)?;
        }
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
    /// If they would not mean there what they should; then they have to be written by hand.
    pub fn add(
        &mut self,
        want: &Want,
        addition: &Addition,
        place: Option<&SecretRef>,
    ) -> anyhow::Result<()> {
        let text = addition.added_to(&self.written.text, place);
        let read = text.and_then(|text| {
            let fits = u64::try_from(text.len()).is_ok_and(|bytes| bytes <= GRANT_BYTES_MAX);
            let written = WrittenGrant::parse(text.into_bytes(), MEMORY_BYTES_MAX).ok()?;
            // Of what is missing a part may be left, which is the next to be added.
            let helps = want.lacking(&written.grant) != want.lacking(&self.written.grant);
            (fits && helps).then_some(written)
        });
        let Some(written) = read else {
            let lines = addition.lines(place).join("\n  ");
            anyhow::bail!(
                "{}: there is no place for these lines where they would mean what they should; add by hand what they say:\n  {lines}",
                self.path.display()
            );
        };
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
            // What the user's mask leaves of it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .with_context(cannot)?;
        file.write_all(self.written.text.as_bytes())
            .and_then(|()| permit(file.as_file(), &path))
            .and_then(|()| file.as_file().sync_all())
            .with_context(cannot)?;
        file.persist(&path).with_context(cannot)?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(cannot)
    }
}

fn found(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match read_file(path, GRANT_BYTES_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(anyhow::anyhow!("{}: {error}", path.display())),
    }
}

/// A host follows links inside the folder alone, and what it does not read is not worth adding to.
fn is_followed(path: &Path) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let inside = path
        .canonicalize()
        .and_then(|target| Ok(target.starts_with(folder.canonicalize()?)));
    match inside {
        Ok(true) => Ok(()),
        Ok(false) => anyhow::bail!("{}: {}", path.display(), ReadError::Outside),
        Err(error) => anyhow::bail!("{}: a link to what cannot be read: {error}", path.display()),
    }
}

/// Whoever had the file before has it still, and nobody else.
fn permit(file: &File, path: &Path) -> std::io::Result<()> {
    let before = match std::fs::metadata(path) {
        Ok(before) => before,
        // Only a new one is as its folder and user would have it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    if (before.uid(), before.gid()) != (new.uid(), new.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(before.permissions())
}
