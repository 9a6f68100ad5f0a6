//! `.hookbox`: what `dev` keeps under the current folder, and one host at a time in it.
//!
//! It holds the components that are served (never `./plugins`), the ledger, and a made secret. Git is told to pass these
//! over; of a project that `new` made, it also holds the SDK, which belongs in git.

use crate::cli::build::install;
use crate::cli::project::Project;
use crate::secret;
use anyhow::Context as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where it is, under the current folder.
const FOLDER: &str = ".hookbox";

/// The file of a made secret in it.
const SECRET: &str = "webhook.secret";

/// What git is told: by name, because the SDK may lie beside it.
pub const NOT_IN_GIT: &str = "\
# Made by hookbox: what `hookbox dev` keeps here is not for git. The SDK is, where there is one.
/.gitignore
/plugins/
/data/
/dev.lock
/webhook.secret
";

/// What a plugin is granted whose project has no grant, or one that says nothing, where nothing can come from the Hub: whoever works on it posts
/// the same sample again and again, and that is no loop.
const GRANT: &str = "# Made by `hookbox dev`: without a tunnel nothing comes from the Hub, so there is no loop to cut.\n\
                     rate = { per-discussion = 1_000_000, per-repo = 1_000_000 }\n";

/// The folder, held.
pub struct DevFolder {
    /// Holding it open holds the lock.
    _lock: File,
    reach: Reach,
}

/// Who can post to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whoever works on this machine.
    Local,
    /// Others, such as the Hub.
    Open,
}

/// What became of a file that a project gives to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is new there, or another than before.
    New,
    /// It was there already.
    Same,
}

/// A made webhook secret.
pub struct MadeSecret {
    /// The secret itself.
    pub text: String,
    /// Whether it was made just now.
    pub placed: Placed,
}

impl DevFolder {
    /// Makes the folder and takes it for this process.
    ///
    /// # Errors
    /// If it cannot be written to, or another process has it.
    pub fn take(reach: Reach) -> anyhow::Result<Self> {
        let folder = Path::new(FOLDER);
        std::fs::create_dir_all(plugins())
            .and_then(|()| std::fs::write(folder.join(".gitignore"), NOT_IN_GIT))
            .with_context(|| format!("{FOLDER}: cannot be written to"))?;
        let path = folder.join("dev.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock, reach }),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "{FOLDER}: another `hookbox dev` runs in this folder; end it, or name its projects there too"
            ),
            Err(TryLockError::Error(error)) => {
                Err(anyhow::Error::new(error).context(path.display().to_string()))
            }
        }
    }

    /// Removes what other projects left among the plugins: those given are served, and no others.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear_all_but(&self, projects: &[Project]) -> anyhow::Result<()> {
        let folder = plugins();
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default();
            let ours = projects.iter().any(|project| stem == project.name.as_str());
            // A folder is no plugin: whose ever it is, it is left alone.
            if !ours && !path.is_dir() {
                std::fs::remove_file(&path)
                    .with_context(|| format!("{}: cannot be removed", path.display()))?;
            }
        }
        Ok(())
    }

    /// Puts a project's component among the plugins, if it is another than the one there.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn place(&self, project: &Project, artifact: &Path) -> anyhow::Result<Placed> {
        let built = std::fs::read(artifact).with_context(|| artifact.display().to_string())?;
        let there = std::fs::read(plugins().join(format!("{}.wasm", project.name)));
        if there.is_ok_and(|there| there == built) {
            return Ok(Placed::Same);
        }
        install(&built, &plugins(), &project.name)?;
        Ok(Placed::New)
    }

    /// Whether there is a component of a project, from whatever build.
    #[must_use]
    pub fn has(&self, project: &Project) -> bool {
        plugins().join(format!("{}.wasm", project.name)).is_file()
    }

    /// Puts a project's grant, `NAME.toml` beside its manifest, where the plugin's grant is; or takes that away.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn place_grant(&self, project: &Project) -> anyhow::Result<Placed> {
        let name = format!("{}.toml", project.name);
        let (source, path) = (project.dir.join(&name), plugins().join(&name));
        let read = |path: &Path| match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow::Error::new(error).context(path.display().to_string())),
        };
        let own = || (self.reach == Reach::Local).then(|| GRANT.as_bytes().to_vec());
        let given = read(&source)?.filter(|grant| says_something(grant));
        let (given, there) = (given.or_else(own), read(&path)?);
        if given == there {
            return Ok(Placed::Same);
        }
        let placed = match given {
            None => std::fs::remove_file(&path),
            Some(bytes) => {
                let part = plugins().join(format!(".{name}.part"));
                std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, &path))
            }
        };
        placed.with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(Placed::New)
    }

    /// The secret of this folder, which stays the same over restarts: what was pasted into the Hub goes on to fit.
    ///
    /// # Errors
    /// If it can be neither read nor made.
    pub fn secret(&self) -> anyhow::Result<MadeSecret> {
        let path = secret_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                return Ok(MadeSecret {
                    text: text.trim_end().to_owned(),
                    placed: Placed::Same,
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(anyhow::Error::new(error).context(path.display().to_string()));
            }
        }
        let text = secret::generate().context("the operating system gives no random bytes")?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(MadeSecret {
            text,
            placed: Placed::New,
        })
    }
}

/// Whether a grant is more than comments. What cannot be read is: whoever wrote it has to hear of it.
fn says_something(grant: &[u8]) -> bool {
    let text = std::str::from_utf8(grant).ok();
    let table = text.and_then(|text| text.parse::<toml::Table>().ok());
    table.is_none_or(|table| !table.is_empty())
}

/// The plugins folder in it.
#[must_use]
pub fn plugins() -> PathBuf {
    Path::new(FOLDER).join("plugins")
}

/// The data folder in it.
#[must_use]
pub fn data() -> PathBuf {
    Path::new(FOLDER).join("data")
}

/// The file of the made secret.
#[must_use]
pub fn secret_file() -> PathBuf {
    Path::new(FOLDER).join(SECRET)
}
