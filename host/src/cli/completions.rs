//! `hookbox completions`: what a shell needs to complete commands and flags.

use crate::cli::{Cli, End, output};
use clap::CommandFactory as _;
use clap_complete::aot::{Bash, Fish, Generator, Zsh, generate};

/// Print a script that lets a shell complete commands and flags
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox completions bash > ~/.local/share/bash-completion/completions/hookbox
  hookbox completions zsh > ~/.zfunc/_hookbox      (with 'fpath+=~/.zfunc' before compinit)
  hookbox completions fish > ~/.config/fish/completions/hookbox.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let script = match self.shell {
            Shell::Bash => script(Bash),
            Shell::Zsh => script(Zsh),
            Shell::Fish => script(Fish),
        };
        output::line(script.trim_end());
        Ok(End::Ok)
    }
}

fn script(shell: impl Generator) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "hookbox", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
