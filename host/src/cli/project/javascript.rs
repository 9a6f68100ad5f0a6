//! A plugin project in JavaScript: `src/plugin.js`, the helper that `new` put beside it, and `componentize-js`.

use crate::cli::UsageError;
use crate::cli::child::{Children, command};
use crate::cli::project::Layout;
use crate::plugin::PluginName;
use anyhow::Context as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const MANIFEST: &str = "package.json";

const LOCK: &str = "package-lock.json";

/// The oldest Node.js that the tool runs on, by its parser's `engines`.
const NODE_MAJOR_MIN: u32 = 20;

/// What makes components of JavaScript, and where it is in a project: installed itself, or with `jco`.
const TOOLS: [&str; 2] = [
    "node_modules/@bytecodealliance/componentize-js",
    "node_modules/@bytecodealliance/jco/node_modules/@bytecodealliance/componentize-js",
];

/// The tool's module, in its folder.
const MODULE: &str = "src/componentize.js";

/// How it is installed, by the lock file that `new` writes. No package of it needs a script.
pub const INSTALL: &str = "npm ci --ignore-scripts";

/// Where the plugin's modules are.
const SOURCE: &str = "src";

/// The plugin itself.
const PLUGIN: &str = "src/plugin.js";

/// Where the helper is.
const HELPER: &str = ".hookbox/javascript";

/// The interface that the component is to have.
const WIT: &str = ".hookbox/wit";

/// What is made of them.
const OUT: &str = ".hookbox/out";

/// Has the tool make the component, and tells its errors in a few lines.
const BUILD: &str = include_str!("../../../templates/javascript/build.js");

/// Variables that change what Node.js runs: a component is made of what the project names.
const NODE_VARIABLES: [&str; 2] = ["NODE_OPTIONS", "NODE_PATH"];

/// A project of JavaScript's.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name, and the plugin's.
    pub name: String,
    dir: PathBuf,
}

/// The part of the manifest that counts here (the documentation of npm, "package.json").
#[derive(serde::Deserialize)]
struct Manifest {
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
                "{}: its name is to be the plugin's name",
                dir.join(MANIFEST).display()
            )
        })?;
        Ok(Self {
            name,
            dir: dir.to_owned(),
        })
    }

    /// The tool's module, as seen from the project's folder: the one that is installed there.
    ///
    /// # Errors
    /// If there is none, or no Node.js that runs it, with how to get it.
    pub async fn find_tool(&self, children: &Children) -> anyhow::Result<PathBuf> {
        self.check_node(children).await?;
        let mut modules = TOOLS.iter().map(|tool| Path::new(tool).join(MODULE));
        let found = modules.find(|module| self.dir.join(module).is_file());
        found.ok_or_else(|| {
            UsageError(format!(
                "{}: componentize-js is missing, which makes components of JavaScript; run there: {INSTALL}",
                self.dir.display()
            ))
            .into()
        })
    }

    async fn check_node(&self, children: &Children) -> anyhow::Result<()> {
        let mut asked = node(&self.dir);
        asked.arg("--version").stdout(Stdio::piped());
        let said = match children.output(&mut asked).await {
            Err(error) if is_missing(&error) => Err("Node.js is missing".to_owned()),
            Err(error) => return Err(error.context("node")),
            Ok(output) => {
                let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                match major(&version) {
                    Some(major) if major >= NODE_MAJOR_MIN => return Ok(()),
                    _ => Err(format!("Node.js {version} is too old")),
                }
            }
        };
        said.map_err(|what| {
            UsageError(format!(
                "{}: {what}; install Node.js {NODE_MAJOR_MIN} or later (https://nodejs.org), which runs the tool that \
                 makes components of JavaScript",
                self.dir.display()
            ))
            .into()
        })
    }

    /// Makes its component and returns that one's file.
    ///
    /// # Errors
    /// If it cannot be made; the tool has said why.
    pub async fn build(&self, children: &Children) -> anyhow::Result<PathBuf> {
        let tool = self.find_tool(children).await?;
        let folder = self.dir.canonicalize()?;
        let out = folder.join(OUT);
        write_entry(&out, &read(&self.dir)?.version)
            .with_context(|| format!("{}: cannot be written to", out.display()))?;
        if !folder.join(PLUGIN).is_file() {
            anyhow::bail!(
                "{}: it is missing; a plugin in JavaScript begins there",
                self.dir.join(PLUGIN).display()
            );
        }
        let made = Path::new(OUT).join(format!("{}.wasm", self.name));
        // The tool takes only paths in the folder that it runs in.
        let mut componentize = node(&folder);
        componentize
            .arg(Path::new(OUT).join("build.js"))
            .arg(tool)
            .arg(WIT)
            .arg(Path::new(OUT).join("entry.js"))
            .arg(&made)
            // What the plugin says while it is made is nothing of ours.
            .stdout(std::io::stderr());
        let output = children.output(&mut componentize).await?;
        if !output.status.success() {
            anyhow::bail!(
                "{}: the plugin does not build; what componentize-js says is above",
                self.dir.display()
            );
        }
        Ok(self.dir.join(made))
    }
}

/// Where the sources of the project in a folder are.
#[must_use]
pub fn layout(folder: &Path, name: &str) -> Layout {
    let own = folder.join(SOURCE);
    Layout {
        folders: [own.clone(), folder.join(HELPER)].into(),
        own: [own].into(),
        manifests: [MANIFEST, LOCK].map(|name| folder.join(name)).into(),
        grant: Some(folder.join(format!("{name}.toml"))),
        target: folder.join(OUT),
    }
}

fn read(dir: &Path) -> anyhow::Result<Manifest> {
    let path = dir.join(MANIFEST);
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{}: name and version cannot be read", path.display()))
}

fn write_entry(out: &Path, version: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    // It is nobody's but ours, wherever it lies.
    std::fs::write(out.join(".gitignore"), "*\n")?;
    // A text of JSON is one of JavaScript.
    let version = serde_json::to_string(version)?;
    // The helper first: what it puts in place is there for the plugin's own first lines.
    let entry = format!(
        "// Made by `hookbox build`.\n\
         import {{ component }} from \"../javascript/host.js\";\n\
         import plugin from \"../../{PLUGIN}\";\n\n\
         export const handler = component(plugin, {version});\n"
    );
    std::fs::write(out.join("entry.js"), entry)?;
    // Its imports are the kind of the project's, whatever that says of its own files.
    std::fs::write(out.join("package.json"), "{\"type\":\"module\"}\n")?;
    Ok(std::fs::write(out.join("build.js"), BUILD)?)
}

fn node(dir: &Path) -> Command {
    let mut node = command("node", dir);
    for variable in NODE_VARIABLES {
        node.env_remove(variable);
    }
    node
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn is_missing(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_version_counts() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("20.20.2"), None);
        assert_eq!(major(""), None);
    }
}
