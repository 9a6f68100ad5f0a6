//! Somebody who follows a page: writes the files that it shows, runs its commands, and compares what they print.

use crate::built::story_target;
use crate::cli::{Cli, Ran, clean};
use crate::markdown::{Fence, commands};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What only makes sense beside a host, or goes on until it is told to end: looked at, not run.
const BESIDE_A_HOST: &[&str] = &["dev", "serve", "send", "deliveries", "plugins", "requests"];

/// Ends well if this Python is new enough for the projects that `new` makes.
const PYTHON_IS_NEW: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// The same of Node.js.
const NODE_IS_NEW: &str = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";

/// What a value stands for that the page leaves to its reader.
const LEFT_OUT: char = '…';

/// The longest that a command may take: the tools of some languages take their time.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a reader has at hand.
#[derive(Debug, Clone, Copy)]
pub enum Tools {
    /// What every story has: nothing is installed, and where a component would be made, the command is looked at.
    OfStories,
    /// What its language needs: where the page would install that, this puts it into the project.
    Given(fn(&Path)),
}

/// A reader in a folder.
pub struct Reader {
    folder: PathBuf,
    tools: Tools,
    env: Vec<(String, String)>,
    /// What the commands of the last shell block printed; nothing if they were not run.
    said: Option<String>,
}

impl Reader {
    /// One who begins in this folder.
    #[must_use]
    pub fn new(folder: &Path, tools: Tools) -> Self {
        let target = story_target().display().to_string();
        let env = [
            ("CARGO_TARGET_DIR", target.as_str()),
            ("CARGO_NET_OFFLINE", "true"),
            // Nothing of it belongs beside the sources.
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            folder: folder.to_owned(),
            tools,
            env: env.to_vec(),
            said: None,
        }
    }

    /// Follows these blocks, one after the other.
    #[track_caller]
    pub fn follows(&mut self, fences: &[Fence]) {
        for fence in fences {
            match (fence.language.as_str(), fence.note("file")) {
                (_, Some(file)) => self.writes(file, &fence.text),
                ("sh", None) => self.types(fence),
                ("text", None) => self.compares(fence),
                (language, None) => panic!("line {}: what becomes of this {language}?", fence.line),
            }
        }
    }

    /// Where it is now.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[track_caller]
    fn writes(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        let folder = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(&path, text).expect("a file can be written");
    }

    #[track_caller]
    fn types(&mut self, fence: &Fence) {
        let code = fence.note("exit").unwrap_or("0").parse();
        let code = code.expect("an exit code is a number");
        let mut said = None;
        for command in commands(&fence.text) {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let Some(ran) = self.runs(&words) else {
                continue;
            };
            println!("$ {}", words.join(" "));
            let ran = ran.exits(code);
            said.get_or_insert_with(String::new)
                .push_str(&format!("{}\n{}\n", ran.stdout, ran.stderr));
        }
        self.said = said;
    }

    /// Runs a command, if it is one of those that are run.
    #[track_caller]
    fn runs(&mut self, words: &[&str]) -> Option<Ran> {
        match words {
            ["cd", folder] => self.folder = self.folder.join(folder),
            // Where nothing was made there is nowhere to copy to.
            ["cp", from, to] if self.has_tools() => self.copies(from, to),
            ["cp", from, _] => assert!(self.folder.join(from).is_file(), "{from} is not there"),
            ["export", variables @ ..] => self.exports(variables),
            ["hookbox", args @ ..] if self.is_only_looked_at(args) => is_known(args),
            ["hookbox", args @ ..] => {
                let cli = Cli::new(args).folder(&self.folder);
                let cli = self
                    .env
                    .iter()
                    .fold(cli, |cli, (name, value)| cli.env(name, value));
                return Some(cli.within(PATIENCE).run());
            }
            ["cargo", "test"] | ["node", "--test"] | ["python3", "-m", "unittest", ..] => {
                return self.tests(words);
            }
            ["python3", "-m", "venv", ..] | ["npm", "ci", ..] => {
                if let Tools::Given(install) = self.tools {
                    install(&self.folder);
                }
            }
            // That went with the environment.
            [".venv/bin/pip", ..] => {}
            _ => panic!("what becomes of `{}`?", words.join(" ")),
        }
        None
    }

    /// Whether a command is not run: it wants a host beside it, a delivery that there was, or a tool.
    fn is_only_looked_at(&self, args: &[&str]) -> bool {
        let name = args.first().copied().unwrap_or_default();
        let wants_tool = name != "new" && !self.has_tools();
        wants_tool || BESIDE_A_HOST.contains(&name) || args.contains(&"ID")
    }

    fn has_tools(&self) -> bool {
        matches!(self.tools, Tools::Given(_))
    }

    /// Runs a project's tests, where their language is there: stories need that of Rust alone.
    #[track_caller]
    fn tests(&self, words: &[&str]) -> Option<Ran> {
        let (program, args) = words.split_first()?;
        let is_there = match *program {
            "cargo" => true,
            "node" => self
                .program("node", &["-e", NODE_IS_NEW])
                .is_some_and(is_yes),
            _ => self
                .program(program, &["-c", PYTHON_IS_NEW])
                .is_some_and(is_yes),
        };
        if !is_there {
            assert!(!self.has_tools(), "{program} is missing, or too old");
            println!("{program} is missing here, or too old: its tests are not run");
            return None;
        }
        let ran = self.program(program, args)?;
        assert!(
            *program != "cargo" || !ran.stderr.contains("warning"),
            "{}",
            ran.stderr
        );
        Some(ran)
    }

    /// Runs a program to its end, if there is one of that name.
    fn program(&self, program: &str, args: &[&str]) -> Option<Ran> {
        let mut command = clean(Command::new(program));
        command.args(args).current_dir(&self.folder);
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let output = match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!(
                    "there is no {program} here: `{}` is not run",
                    args.join(" ")
                );
                return None;
            }
            output => output.expect("a program can be started"),
        };
        Some(Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    #[track_caller]
    fn copies(&self, from: &str, to: &str) {
        let mut target = self.folder.join(to);
        if to.ends_with('/') {
            std::fs::create_dir_all(&target).expect("a folder can be made");
            target.push(from);
        }
        std::fs::copy(self.folder.join(from), target).expect("a file can be copied");
    }

    fn exports(&mut self, variables: &[&str]) {
        let pairs = variables.iter().filter_map(|pair| pair.split_once('='));
        for (name, value) in pairs {
            let value = value.replace(LEFT_OUT, "what-the-reader-has");
            self.env.push((name.to_owned(), value));
        }
    }

    /// Each line is one that was printed; what it leaves out may be anything.
    #[track_caller]
    fn compares(&self, fence: &Fence) {
        let Some(said) = &self.said else { return };
        for line in fence.text.lines().filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line.split(LEFT_OUT).collect();
            let is_printed = said.lines().any(|printed| has(printed, &parts));
            assert!(
                is_printed,
                "line {}: `{line}` is not in\n{said}",
                fence.line
            );
        }
    }
}

fn is_yes(ran: Ran) -> bool {
    ran.code == Some(0)
}

/// Whether a line has these parts, one behind the other.
fn has(line: &str, parts: &[&str]) -> bool {
    let mut rest = Some(line);
    for part in parts {
        rest = rest.and_then(|rest| Some(rest.split_once(part)?.1));
    }
    rest.is_some()
}

/// Fails unless there is such a command, with the flags that it is given.
///
/// # Panics
/// If there is not.
#[track_caller]
pub fn is_known(command: &[&str]) {
    let mut name = command.first().map(|name| vec![*name]).unwrap_or_default();
    // Some have commands of their own.
    if let ["deliveries" | "plugins", own, ..] = command {
        name.push(own);
    }
    let help = Cli::new(&name).arg("--help").run().ok().stdout;
    for flag in command.iter().filter(|word| word.starts_with('-')) {
        let flag = flag.split('=').next().unwrap_or_default();
        assert!(
            help.contains(&format!("{flag} ")),
            "hookbox {} has no {flag}",
            name.join(" ")
        );
    }
}
