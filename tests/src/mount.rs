//! File systems of a test's own, so small that they can be filled and so little used that they can be broken. Only
//! root can make them: without that a trial fails and says so.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The file's name that an ext4 lies in.
const IMAGE: &str = "image";

/// A mounted file system; dropping it takes it away, also when a test panics.
pub struct Mount {
    folder: TempDir,
    /// What is mounted there, as `mount` is told it.
    what: Vec<String>,
    /// The file that an ext4 lies in.
    image: Option<TempDir>,
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: whoever still has files open there keeps them and nobody else finds them.
        drop(run("umount", &["-l".as_ref(), self.path()]));
    }
}

impl Mount {
    /// A file system in memory that holds so many MiB.
    #[track_caller]
    #[must_use]
    pub fn tmpfs(mib: u32) -> Self {
        let options = format!("size={mib}m,mode=700");
        Self::of(&["-t", "tmpfs", "-o", &options, "tmpfs"], None)
    }

    /// An ext4 of so many MiB in a file, which turns read-only when it meets an error.
    #[track_caller]
    #[must_use]
    pub fn ext4(mib: u64) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let image = folder.path().join(IMAGE);
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(mib << 20))
            .expect("a file can be made");
        done(&run("mkfs.ext4", &["-q".as_ref(), &image]));
        let what = image.display().to_string();
        Self::of(&["-o", "loop,errors=remount-ro", &what], Some(folder))
    }

    #[track_caller]
    fn of(what: &[&str], image: Option<TempDir>) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let what = what.iter().map(|&word| word.to_owned()).collect();
        let mount = Self {
            folder,
            what,
            image,
        };
        mount.mount();
        mount
    }

    #[track_caller]
    fn mount(&self) {
        let mut args: Vec<&Path> = self.what.iter().map(Path::new).collect();
        args.push(self.path());
        done(&run("mount", &args));
    }

    /// Has an ext4 that nobody uses checked and mended, as at a machine's start.
    #[track_caller]
    pub fn mend(&self) {
        done(&run("umount", &[self.path()]));
        let image = self.image.as_ref().expect("it lies in a file");
        let ran = run("e2fsck", &["-fy".as_ref(), &image.path().join(IMAGE)]);
        // 1 says that something was mended (e2fsck(8)).
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran:?}");
        self.mount();
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Mounts it again with other options, such as `ro`; the reason if the system refuses that.
    ///
    /// # Errors
    /// What `mount` says.
    pub fn remount(&self, options: &str) -> Result<(), String> {
        let options = format!("remount,{options}");
        let ran = run("mount", &["-o".as_ref(), options.as_ref(), self.path()]);
        if ran.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&ran.stderr).into_owned())
    }

    /// Has an ext4 meet an error (`trigger_fs_error`, Linux's own means for tests).
    #[track_caller]
    pub fn meet_an_error(&self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts can be read");
        let path = self.path().display().to_string();
        let device = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            let device = words.next()?.strip_prefix("/dev/")?;
            (words.next()? == path).then_some(device)
        });
        let device = device.expect("it is mounted from a device");
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        std::fs::write(&trigger, "a trial").unwrap_or_else(|error| panic!("{trigger}: {error}"));
    }

    /// Takes what room it has; the file that does is returned.
    #[track_caller]
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut filler = std::fs::File::create(&path).expect("a file can be made");
        // Page by page: what is left has no room for one.
        loop {
            match filler.write_all(&[0; 4_096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return path,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
}

fn run(program: &str, args: &[&Path]) -> Output {
    Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[track_caller]
fn done(ran: &Output) {
    assert!(
        ran.status.success(),
        "this trial needs root and may mount file systems here: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
