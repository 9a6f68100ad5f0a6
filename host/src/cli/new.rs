//! `hookbox new`: a plugin project that builds, passes its test and handles a sample as it is.
//!
//! All of it comes out of this binary, the SDK included: nothing is fetched, and no tool is run. It is there as a whole
//! or not at all.

mod javascript;
mod python;
mod rust;

use crate::cli::{End, UsageError, output};
use anyhow::Context as _;
use std::borrow::Cow;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Make a plugin project: a handler, its test and its grant
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hookbox new my-plugin && cd my-plugin && cargo test && hookbox dev"
)]
pub struct New {
    /// The plugin's name, and that of the folder that is made here
    name: String,
    /// The language to write it in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Language {
    Rust,
    Python,
    #[value(name = "javascript")]
    JavaScript,
}

/// What to do with a project that was made.
struct Steps {
    /// How its tests are run.
    test: &'static str,
    /// How what builds it is installed, unless a build does that.
    install: Option<&'static str>,
}

/// The interface between host and plugin, for tools that read it: put together by the build script.
const WIT: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/wit.rs"));

/// A file of a project.
struct ProjectFile {
    /// Where it is in the project's folder.
    path: PathBuf,
    text: Cow<'static, str>,
}

impl New {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let (files, steps) = match self.lang {
            Language::Rust => (rust::project(&self.name)?, rust::STEPS),
            Language::Python => (python::project(&self.name)?, python::STEPS),
            Language::JavaScript => (javascript::project(&self.name)?, javascript::STEPS),
        };
        judge(&self.name, &files)?;
        make(Path::new(&self.name), &files)?;
        let (name, test) = (self.name, steps.test);
        let wide = test.len().max("hookbox dev    ".len());
        output::line(&format!("{name} is made; go on with"));
        output::line(&format!("  cd {name}"));
        output::line(&format!("  {test:<wide$} # its handler, on a sample event"));
        if let Some(install) = steps.install {
            output::line(&format!("  {install}"));
        }
        let dev = "hookbox dev";
        output::line(&format!(
            "  {dev:<wide$} # builds and serves it, and again whenever you save"
        ));
        Ok(End::Ok)
    }
}

/// Refuses names that only look good until the project is used, in whatever language.
fn judge(name: &str, files: &[ProjectFile]) -> Result<(), UsageError> {
    let grant = format!("{name}.toml");
    // Some file systems do not tell capitals from small letters.
    let is_grant = |file: &&ProjectFile| file.path.as_os_str().eq_ignore_ascii_case(&grant);
    let reason = if name == "hookbox" {
        format!("its grant would be {grant}, which the host takes for its own settings")
    } else if files.iter().filter(is_grant).count() > 1 {
        format!("its grant would be {grant}, and so is the project's manifest")
    } else if !name.ends_with(|last: char| last.is_ascii_alphanumeric()) {
        "it has to end with a letter or a digit".to_owned()
    } else {
        return Ok(());
    };
    Err(UsageError(format!(
        "`{name}` cannot be the name of a project: {reason}; take another one"
    )))
}

/// Writes a project's files into a folder beside its own, and puts that in place in one step.
fn make(folder: &Path, files: &[ProjectFile]) -> anyhow::Result<()> {
    let taken = || {
        UsageError(format!(
            "{}: it is there already, and not an empty folder; take another name",
            folder.display()
        ))
    };
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Ok(false) | Err(_) => return Err(taken().into()),
    }
    let beside = tempfile::Builder::new()
        .prefix(".hookbox-new-")
        .tempdir_in(".")
        .context("nothing can be made in this folder")?;
    // In a folder in that one, which nobody else may look into.
    let made = beside.path().join("project");
    for file in files {
        write(&made.join(&file.path), &file.text)
            .with_context(|| format!("{}: cannot be written", file.path.display()))?;
    }
    std::fs::rename(&made, folder).map_err(|error| match error.kind() {
        // It came meanwhile.
        ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => taken().into(),
        _ => anyhow::Error::new(error).context(format!("{}: cannot be made", folder.display())),
    })
}

/// The files of a template with the plugin's name in them, which stands for `NAME`.
fn named(template: &'static [(&str, &str)], name: &str) -> impl Iterator<Item = ProjectFile> {
    template.iter().map(move |(path, text)| ProjectFile {
        path: path.replace("NAME", name).into(),
        text: text.replace("NAME", name).into(),
    })
}

/// The files of a table, in a folder of the project.
fn in_folder(
    folder: &'static str,
    table: &'static [(&str, &str)],
) -> impl Iterator<Item = ProjectFile> {
    table.iter().map(move |(path, text)| ProjectFile {
        path: Path::new(folder).join(path),
        text: (*text).into(),
    })
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_files_with_one_path_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("src/plugin.py");
        write(&path, "first").unwrap();
        let again = write(&path, "second").unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
    }
}
