//! The command line: one module for each command, and how a run of `hookbox` ends.

mod backup;
mod build;
mod check;
mod child;
mod completions;
mod component;
mod deliveries;
mod dev;
mod event;
mod foreground;
mod grant;
mod inspect;
mod new;
mod output;
mod plugins;
mod project;
mod requests;
mod run;
mod secret;
mod send;
mod serve;

use crate::plugin::compiler;
use clap::{Parser, Subcommand};
use foreground::Stopped;
use std::process::ExitCode;

/// Everything went well; of `serve` and `dev`, also that they were told to stop and did.
pub const EXIT_OK: u8 = 0;

/// It did not: the command failed, or with `run` the plugin did.
pub const EXIT_FAILURE: u8 = 1;

/// The command line, or what it names, is wrong (as clap ends it, too).
pub const EXIT_USAGE: u8 = 2;

/// Receives Hugging Face Hub webhooks and runs sandboxed WebAssembly plugins on them
#[derive(Debug, Parser)]
#[command(name = "hookbox", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hookbox dev plugins/hello             build a plugin, serve it, rebuild it when its source changes
  hookbox build plugins/hello -o plugins && hookbox serve
  hookbox deliveries list               what came in, and what became of it

Exit codes: 0 success, 1 failure, 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    New(new::New),
    Dev(dev::Dev),
    Build(build::Build),
    Inspect(inspect::Inspect),
    Grant(grant::Grant),
    Run(run::Run),
    Send(send::Send),
    Plugins(plugins::Plugins),
    Deliveries(deliveries::Deliveries),
    Requests(requests::Requests),
    Check(Box<check::Check>),
    Backup(backup::Backup),
    Secret(secret::Secret),
    Completions(completions::Completions),
}

/// How a command ends, if not with an error.
enum End {
    Ok,
    Failed,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(key) = key_of_compiler() {
        return compiler::run(&key);
    }
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(command) => command.execute(),
        Command::New(command) => command.execute(),
        Command::Dev(command) => command.execute(),
        Command::Build(command) => command.execute(),
        Command::Inspect(command) => command.execute(),
        Command::Grant(command) => command.execute(),
        Command::Run(command) => command.execute(),
        Command::Send(command) => command.execute(),
        Command::Plugins(command) => command.execute(),
        Command::Deliveries(command) => command.execute(),
        Command::Requests(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Backup(command) => command.execute(),
        Command::Secret(command) => command.execute(),
        Command::Completions(command) => command.execute(),
    };
    match result {
        Ok(End::Ok) => ExitCode::from(EXIT_OK),
        Ok(End::Failed) => ExitCode::from(EXIT_FAILURE),
        Err(error) => {
            // Whoever stopped it knows.
            if let Some(stopped) = error.downcast_ref::<Stopped>() {
                return ExitCode::from(stopped.code);
            }
            output::error(&error);
            let usage = error.downcast_ref::<UsageError>().is_some();
            ExitCode::from(if usage { EXIT_USAGE } else { EXIT_FAILURE })
        }
    }
}

/// The key of the engine to compile for, if this is the child of a hookbox that has it compile: not a command, so that
/// neither help nor completions offer it.
fn key_of_compiler() -> Option<String> {
    let mut words = std::env::args_os().skip(1);
    words.next().filter(|word| word == compiler::COMMAND)?;
    words.next()?.into_string().ok()
}

/// What was given on the command line cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);
