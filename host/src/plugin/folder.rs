//! The plugins folder as files: which there are, and the bytes of one of them.
//!
//! A file is opened once for a reading, and what is judged is what was read from it. A link is followed only as far as it stays in the
//! folder (as mounted configuration has it), so nothing outside of it is ever read. Nothing here waits: a pipe or a
//! device is refused, not opened for its writer.

use crate::plugin::PluginName;
use crate::plugin::component::{COMPONENT_BYTES_MAX, ComponentError};
use crate::plugin::grant::{GRANT_BYTES_MAX, Grant, WrittenGrant};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How often a file that changes while it is read is read again before it is left for later.
const READS_MAX: usize = 4;

/// The plugins folder.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// What lies in the folder, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The component files, by the plugin's name.
    pub components: BTreeMap<String, Mark>,
    /// The grant files, by the plugin's name.
    pub grants: BTreeMap<String, Mark>,
    /// Files that look like a plugin's and cannot be one, by file name, with the reason.
    pub unusable: BTreeMap<String, String>,
    /// Which folder it was: another one may lie there under the same path.
    pub folder: Option<(u64, u64)>,
}

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Where the file lies on its device, its size in bytes, and its times in ns.
    File {
        /// Device and inode.
        place: (u64, u64),
        /// Bytes.
        bytes: u64,
        /// When its content changed, in seconds and ns since the Unix epoch.
        modified: (i64, i64),
        /// When anything about it changed, likewise.
        changed: (i64, i64),
    },
    /// It cannot be looked at; reading it will say why.
    Unreadable,
}

/// The two kinds of files of a plugin, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `NAME.toml`.
    Grant,
    /// `NAME.wasm`.
    Component,
}

impl Kind {
    /// The name of a plugin's file of this kind.
    #[must_use]
    pub fn file_name(self, plugin: &str) -> String {
        match self {
            Self::Component => format!("{plugin}.wasm"),
            Self::Grant => format!("{plugin}.toml"),
        }
    }
}

/// The folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read the plugins folder: {reason}; name another with --plugins", path.display())]
pub struct FolderError {
    path: PathBuf,
    reason: String,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error("there is no such file")]
    NotFound,
    /// It is a folder, a pipe, a device.
    #[error("not a regular file; put the file itself here")]
    NotRegular,
    /// It is a link to somewhere else.
    #[error("a link out of the plugins folder, which is not followed; put the file itself here")]
    Outside,
    /// It is too large.
    #[error("{bytes} bytes large, at most {bytes_max} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// It changes all the time.
    #[error("it changes while it is read; put it in place by renaming it")]
    Changing,
    /// The system's reason.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            _ => Self::Io(error),
        }
    }
}

impl Folder {
    /// The folder of this path, which need not be there.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies in it; nothing if it is not there. Blocks on the file system.
    ///
    /// # Errors
    /// [`FolderError`] if it is there and cannot be read.
    pub fn list(&self) -> Result<Listing, FolderError> {
        self.try_list().map_err(|error| FolderError {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    fn try_list(&self) -> std::io::Result<Listing> {
        let dir = match self.open() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Listing::default()),
            dir => dir?,
        };
        let own = dir.dir_metadata()?;
        let mut listing = Listing {
            folder: Some((own.dev(), own.ino())),
            ..Listing::default()
        };
        for entry in dir.entries()? {
            let file = PathBuf::from(entry?.file_name());
            match judge(&file) {
                Judged::Of(kind, plugin) => {
                    let mark = dir
                        .metadata(&file)
                        .map_or(Mark::Unreadable, |found| mark(&found));
                    match kind {
                        Kind::Component => listing.components.insert(plugin, mark),
                        Kind::Grant => listing.grants.insert(plugin, mark),
                    };
                }
                Judged::Unusable(reason) => {
                    let reason = format!("{}: {reason}", self.path.join(&file).display());
                    listing.unusable.insert(shown(&file), reason);
                }
                Judged::NobodysBusiness => {}
            }
        }
        Ok(listing)
    }

    /// Reads a file of at most `bytes_max` bytes. If it changes meanwhile, its content counts that was read twice in a
    /// row. Blocks on the file system.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, file: &str, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
        self.read_with(file, bytes_max, whole)
    }

    /// The same for what is too large to be held: what `take` makes of the content counts in its place.
    ///
    /// # Errors
    /// [`ReadError`], with what `take` fails with.
    pub fn read_with<T: PartialEq>(
        &self,
        file: &str,
        bytes_max: u64,
        take: impl Fn(&mut dyn Read) -> std::io::Result<T>,
    ) -> Result<T, ReadError> {
        let mut last: Option<T> = None;
        for _ in 0..READS_MAX {
            let (taken, stood_still) = self.read_once(file, bytes_max, &take)?;
            if stood_still || last.as_ref() == Some(&taken) {
                return Ok(taken);
            }
            last = Some(taken);
        }
        Err(ReadError::Changing)
    }

    fn read_once<T>(
        &self,
        file: &str,
        bytes_max: u64,
        take: &impl Fn(&mut dyn Read) -> std::io::Result<T>,
    ) -> Result<(T, bool), ReadError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(nonblocking());
        let opened = self.open()?.open_with(file, &options).map_err(outside)?;
        let before = opened.metadata()?;
        let opened = opened.into_std();
        let taken = read_opened(&opened, bytes_max, take)?;
        let after = Metadata::from_file(&opened)?;
        Ok((taken, mark(&after) == mark(&before)))
    }

    fn open(&self) -> std::io::Result<Dir> {
        Dir::open_ambient_dir(&self.path, ambient_authority())
    }
}

/// Reads a component file for a command that takes one, wherever it lies.
///
/// # Errors
/// The reason, with the path.
pub fn read_component(path: &Path) -> Result<Vec<u8>, String> {
    read_anywhere(path, COMPONENT_BYTES_MAX)
}

/// Reads a grant file for a command that takes one, wherever it lies.
///
/// # Errors
/// The reason, with path and line.
pub fn read_grant(path: &Path, memory_bytes_max: usize) -> Result<Grant, String> {
    let bytes = read_anywhere(path, GRANT_BYTES_MAX)?;
    match WrittenGrant::parse(bytes, memory_bytes_max) {
        Ok(written) => Ok(written.grant),
        Err(reason) => Err(format!("{}: {reason}", path.display())),
    }
}

fn read_anywhere(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    read_file(path, bytes_max).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a regular file of at most `bytes_max` bytes, wherever it lies. Nothing is waited for.
///
/// # Errors
/// [`ReadError`].
pub fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(nonblocking());
    read_opened(&options.open(path)?, bytes_max, whole)
}

/// A pipe would wait for its writer.
const fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

fn whole(content: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_opened<T>(
    opened: &File,
    bytes_max: u64,
    take: impl Fn(&mut dyn Read) -> std::io::Result<T>,
) -> Result<T, ReadError> {
    let found = opened.metadata()?;
    if !found.is_file() {
        return Err(ReadError::NotRegular);
    }
    let too_large = |bytes| ReadError::TooLarge { bytes, bytes_max };
    if found.len() > bytes_max {
        return Err(too_large(found.len()));
    }
    // One byte over the limit tells a file that grew meanwhile from one that just fits.
    let mut bounded = opened.take(bytes_max.saturating_add(1));
    let taken = take(&mut bounded)?;
    if bounded.limit() == 0 {
        return Err(too_large(bytes_max.saturating_add(1)));
    }
    Ok(taken)
}

/// What a file name says.
enum Judged {
    Of(Kind, String),
    Unusable(String),
    NobodysBusiness,
}

fn judge(file: &Path) -> Judged {
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    // Temporary names of editors and copying programs.
    if shown(file).starts_with('.') {
        return Judged::NobodysBusiness;
    }
    let kind = match extension.to_ascii_lowercase().as_str() {
        "wasm" => Kind::Component,
        "toml" => Kind::Grant,
        "cwasm" => return Judged::Unusable(ComponentError::Precompiled.to_string()),
        _ => return Judged::NobodysBusiness,
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    match PluginName::parse(&stem) {
        Ok(name) if kind.file_name(name.as_str()) == shown(file) => {
            Judged::Of(kind, name.to_string())
        }
        Ok(name) => Judged::Unusable(format!(
            "its extension is in capital letters; rename it to {}",
            kind.file_name(name.as_str())
        )),
        Err(error) => Judged::Unusable(error.to_string()),
    }
}

fn shown(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

fn mark(found: &Metadata) -> Mark {
    Mark::File {
        place: (found.dev(), found.ino()),
        bytes: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    }
}

/// What the sandboxed file system says of a link that leaves the folder has no kind of its own.
fn outside(error: std::io::Error) -> ReadError {
    if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        return ReadError::Outside;
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn folder() -> (TempDir, Folder) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("plugins");
        std::fs::create_dir(&path).unwrap();
        (dir, Folder::new(&path))
    }

    fn reason(folder: &Folder, file: &str) -> String {
        folder.read(file, 100).unwrap_err().to_string()
    }

    #[test]
    fn names_decide_what_is_a_plugin() {
        let (_dir, folder) = folder();
        for file in [
            "a.wasm",
            "a.toml",
            "b.toml",
            "notes.txt",
            ".a.wasm",
            ".b.wasm.part",
            "a.wasm~",
            "Upper.wasm",
            "c.WASM",
            "d.cwasm",
            "two words.toml",
        ] {
            std::fs::write(folder.path().join(file), file).unwrap();
        }
        let listing = folder.list().unwrap();
        assert_eq!(listing.components.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(listing.grants.keys().collect::<Vec<_>>(), ["a", "b"]);
        let unusable: Vec<_> = listing.unusable.iter().collect();
        assert_eq!(unusable.len(), 4, "{unusable:?}");
        assert!(listing.unusable["c.WASM"].ends_with("rename it to c.wasm"));
        assert!(listing.unusable["d.cwasm"].contains("native code"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty_and_a_file_in_its_place_an_error() {
        let (dir, _) = folder();
        let absent = Folder::new(&dir.path().join("absent"));
        assert_eq!(absent.list().unwrap(), Listing::default());
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = Folder::new(&dir.path().join("file")).list().unwrap_err();
        assert!(error.to_string().contains("--plugins"), "{error}");
    }

    #[test]
    fn links_are_followed_inside_the_folder_and_never_out_of_it() {
        let (dir, folder) = folder();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        let inside = folder.path().join("..2026");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("a.toml"), "fuel = 1").unwrap();
        symlink("..2026", folder.path().join("..data")).unwrap();
        symlink("..data/a.toml", folder.path().join("a.toml")).unwrap();
        assert_eq!(folder.read("a.toml", 100).unwrap(), b"fuel = 1");
        for (name, target) in [
            ("up.toml", "../secret".into()),
            ("root.toml", dir.path().join("secret").display().to_string()),
            ("far.toml", "..data/../../secret".into()),
        ] {
            symlink(target, folder.path().join(name)).unwrap();
            assert!(reason(&folder, name).starts_with("a link out of"), "{name}");
        }
        symlink("loop.toml", folder.path().join("loop.toml")).unwrap();
        assert!(reason(&folder, "loop.toml").starts_with("cannot be read"));
        assert_eq!(folder.list().unwrap().grants["loop"], Mark::Unreadable);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_at_once() {
        let (_dir, folder) = folder();
        std::fs::create_dir(folder.path().join("dir.wasm")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path().join("pipe.wasm"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        std::fs::write(folder.path().join("large.wasm"), [0; 101]).unwrap();
        assert!(reason(&folder, "dir.wasm").starts_with("not a regular file"));
        assert!(reason(&folder, "pipe.wasm").starts_with("not a regular file"));
        assert_eq!(
            reason(&folder, "large.wasm"),
            "101 bytes large, at most 100 are read"
        );
        assert_eq!(reason(&folder, "gone.wasm"), "there is no such file");
    }
}
