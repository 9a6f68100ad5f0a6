//! A plugin project in Python: `src/plugin.py`, the helper that `new` put beside it, and `componentize-py`.

use crate::cli::child::{Children, command};
use crate::cli::project::Layout;
use crate::cli::{UsageError, output};
use crate::plugin::PluginName;
use anyhow::Context as _;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const MANIFEST: &str = "pyproject.toml";

/// What makes components of Python.
pub const TOOL: &str = "componentize-py";

/// How it is installed, by the lock file that `new` writes.
pub const INSTALL: &str =
    "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt";

/// Where the plugin's modules are.
const SOURCE: &str = "src";

/// Where the helper is.
const HELPER: &str = ".hookbox/python";

/// The interface that the component is to have.
const WIT: &str = ".hookbox/wit";

/// What is made of them.
const OUT: &str = ".hookbox/out";

/// Where modules are looked for; the tool calls these `/0`, `/1` and `/2`.
const SEARCHED: [&str; 3] = [SOURCE, HELPER, OUT];

/// The module that the component is made of, generated: it knows what the manifest says.
const ENTRY: &str = "hookbox_entry";

/// Names of modules that the component has already: the helper, that of `ENTRY`, and what the tool makes.
const TAKEN: [&str; 3] = ["hookbox", ENTRY, "wit_world"];

/// Variables that change what Python finds: a component is made of what the project names.
const PYTHON_VARIABLES: [&str; 3] = ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"];

/// A project of Python's.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name, and the plugin's.
    pub name: String,
    dir: PathBuf,
}

/// What makes the component.
#[derive(Debug, Clone)]
pub struct Tool {
    /// How it is run.
    program: OsString,
    /// As it says.
    pub version: String,
}

/// The part of the manifest that counts here (the Python Packaging User Guide, "pyproject.toml specification").
#[derive(serde::Deserialize)]
struct Manifest {
    project: Table,
}

#[derive(serde::Deserialize)]
struct Table {
    name: String,
    version: String,
}

impl Package {
    /// The project in a folder.
    ///
    /// # Errors
    /// If its manifest cannot be read, or its name can be no plugin's.
    pub fn find(dir: &Path) -> anyhow::Result<Self> {
        let name = read(dir)?.name;
        PluginName::parse(&name).with_context(|| {
            format!(
                "{}: its project name is to be the plugin's name",
                dir.join(MANIFEST).display()
            )
        })?;
        Ok(Self {
            name,
            dir: dir.to_owned(),
        })
    }

    /// The tool: the one that is installed in the project, or on the PATH.
    ///
    /// # Errors
    /// If there is none, with how to get it.
    pub async fn find_tool(&self, children: &Children) -> anyhow::Result<Tool> {
        let folder = self.dir.canonicalize()?;
        let own = folder.join(".venv/bin").join(TOOL);
        for tool in [own.into_os_string(), TOOL.into()] {
            let mut asked = without_python_of_others(command(&tool, &folder));
            asked.arg("--version").stdout(Stdio::piped());
            match children.output(&mut asked).await {
                Ok(said) if said.status.success() => {
                    let said = String::from_utf8_lossy(&said.stdout);
                    let version = said.split_whitespace().last().unwrap_or_default();
                    return Ok(Tool {
                        program: tool,
                        version: version.to_owned(),
                    });
                }
                Ok(_) => anyhow::bail!(
                    "{} does not run; install it again: {INSTALL}",
                    tool.display()
                ),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error.context(tool.display().to_string())),
            }
        }
        Err(UsageError(format!(
            "{}: {TOOL} is missing, which makes components of Python; run there: {INSTALL}",
            self.dir.display()
        ))
        .into())
    }

    /// Makes its component and returns that one's file.
    ///
    /// # Errors
    /// If it cannot be made; the tool has said why.
    pub async fn build(&self, children: &Children) -> anyhow::Result<PathBuf> {
        self.judge_modules()?;
        let tool = self.find_tool(children).await?;
        let folder = self.dir.canonicalize()?;
        let out = folder.join(OUT);
        let version = read(&self.dir)?.version;
        write_entry(&out, &version)
            .with_context(|| format!("{}: cannot be written to", out.display()))?;
        let made = Path::new(OUT).join(format!("{}.wasm", self.name));
        let mut componentize = without_python_of_others(command(&tool.program, &folder));
        // What the tool says goes to a file: its traceback is the author's business, what stands around it is not.
        let said = out.join("said.txt");
        let file = File::create(&said).with_context(|| said.display().to_string())?;
        componentize
            .stderr(file)
            .args(["--quiet", "--wit-path", WIT, "--world", "plugin"])
            .args(["componentize", ENTRY])
            .args(SEARCHED.iter().flat_map(|path| ["-p", path]))
            .arg("--output")
            .arg(&made);
        let output = children.output(&mut componentize).await?;
        if !output.status.success() {
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            output::note(&readable(&said));
            anyhow::bail!(
                "{}: the plugin does not build; what {TOOL} says is above",
                self.dir.display()
            );
        }
        Ok(self.dir.join(made))
    }

    /// Refuses modules of the plugin that would stand before those that make a component of it.
    fn judge_modules(&self) -> anyhow::Result<()> {
        for name in TAKEN {
            let module = self.dir.join(SOURCE).join(name);
            for path in [module.with_extension("py"), module] {
                anyhow::ensure!(
                    !path.exists(),
                    "{}: the component has a module `{name}` already; give this one another name",
                    path.display()
                );
            }
        }
        Ok(())
    }
}

/// Where the sources of the project in a folder are.
#[must_use]
pub fn layout(folder: &Path, name: &str) -> Layout {
    let own = folder.join(SOURCE);
    Layout {
        folders: [own.clone(), folder.join(HELPER)].into(),
        own: [own].into(),
        manifests: [MANIFEST, "requirements.txt"]
            .map(|name| folder.join(name))
            .into(),
        grant: Some(folder.join(format!("{name}.toml"))),
        target: folder.join(OUT),
    }
}

fn read(dir: &Path) -> anyhow::Result<Table> {
    let path = dir.join(MANIFEST);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(manifest.project)
}

fn write_entry(out: &Path, version: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(out)?;
    // It is nobody's but ours, wherever it lies.
    std::fs::write(out.join(".gitignore"), "*\n")?;
    let entry = format!(
        "# Made by `hookbox build`.\n\
         import plugin\n\
         from hookbox._component import Handler, made_of\n\n\
         made_of(version={version:?})\n"
    );
    std::fs::write(out.join(format!("{ENTRY}.py")), entry)
}

fn without_python_of_others(mut command: Command) -> Command {
    for variable in PYTHON_VARIABLES {
        command.env_remove(variable);
    }
    // The tool is in Rust, and where in it a plugin's mistake was noticed is nobody's business.
    command.env("RUST_BACKTRACE", "0");
    command
}

/// The traceback in what the tool says, with the folders as they are called in the project. All of it, if there is none.
fn readable(said: &str) -> String {
    let inside = said
        .split_once("\nAssertionError: ")
        .map(|(_, rest)| rest.split("\n\nCaused by:").next().unwrap_or(rest));
    let mut text = inside.unwrap_or(said).trim_end().to_owned();
    for (place, folder) in SEARCHED.iter().enumerate() {
        text = text.replace(&format!("File \"/{place}/"), &format!("File \"{folder}/"));
    }
    if text.contains("ModuleNotFoundError: ") {
        text.push_str(
            "\nA plugin's modules are in src, or installed in .venv; those with parts in C do not work in a component.",
        );
    }
    text
}

fn is_missing(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_tool_says_the_traceback_is_told() {
        let said = "Traceback (most recent call last):\n  File \"/x/componentize-py\", line 8, in <module>\n    \
                    sys.exit(script())\nAssertionError: Traceback (most recent call last):\n  File \"/2/hookbox_entry.py\", \
                    line 2, in <module>\n  File \"/0/plugin.py\", line 1, in <module>\nModuleNotFoundError: No module \
                    named 'requests'\n\n\nCaused by:\n    ModuleNotFoundError: No module named 'requests'\n";
        assert_eq!(
            readable(said),
            "Traceback (most recent call last):\n  File \".hookbox/out/hookbox_entry.py\", line 2, in <module>\n  File \
             \"src/plugin.py\", line 1, in <module>\nModuleNotFoundError: No module named 'requests'\nA plugin's \
             modules are in src, or installed in .venv; those with parts in C do not work in a component."
        );
        assert_eq!(readable("no such option\n"), "no such option");
    }
}
