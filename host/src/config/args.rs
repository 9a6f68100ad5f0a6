//! The settings of `serve` as flags, made from the table of settings.

use super::problem::{Place, Problem};
use super::setting::{Audience, Key};
use super::table::{KEYS, LATER, SECRETS};
use crate::ledger::sqlite::NetworkFs;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What was said in flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    given: BTreeMap<&'static str, OsString>,
    later: Vec<&'static str>,
    /// The file to read.
    pub config: Option<PathBuf>,
    /// Whether other machines may be served without a secret.
    pub no_secret: NoSecret,
    /// Whether the ledger may lie on a network file system.
    pub network_fs: NetworkFs,
}

/// Whether other machines may be served without a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoSecret {
    /// They may not.
    #[default]
    Refused,
    /// They may: somebody said so.
    Insecure,
}

impl Flags {
    /// The flags of a command line.
    ///
    /// # Errors
    /// What `serve` itself would say of them.
    pub fn of(flags: &[&OsStr]) -> Result<Self, Error> {
        let command = Self::augment_args(Command::new("serve").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    /// What was said of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&OsStr> {
        self.given.get(key.name).map(OsString::as_os_str)
    }

    /// The flags of later keys, each of which is refused.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        let later = LATER
            .iter()
            .filter(|later| self.later.contains(&later.name));
        later.map(|later| Problem::at(&Place::Flag(later.name), later.reason))
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let keys = KEYS.iter().map(|key| argument(key));
        let later = LATER.iter().map(|later| {
            let argument = Arg::new(later.name).long(later.name).hide(true);
            argument.value_parser(ValueParser::os_string())
        });
        command
            .args(keys)
            .args(later)
            .arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .value_parser(ValueParser::path_buf())
                    .help("File of settings [default: hookbox.toml, if it is there]"),
            )
            .arg(switch(
                "insecure-no-secret",
                "Serve other machines without a webhook secret: anybody can then post deliveries",
            ))
            .arg(switch(
                "allow-network-fs",
                "Keep the ledger on a network file system although that can corrupt it",
            ))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &'static Key) -> Arg {
    let argument = Arg::new(key.name)
        .long(key.name)
        .value_name(key.value)
        .value_parser(ValueParser::os_string())
        .help(key.help)
        .hide(key.audience == Audience::Testers);
    // The only one of which there may be several.
    if key == SECRETS.key {
        argument.action(ArgAction::Append)
    } else {
        argument
    }
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = KEYS.iter().filter_map(|key| {
            let values: Vec<&OsStr> = matches
                .get_many::<OsString>(key.name)?
                .map(OsString::as_os_str)
                .collect();
            Some((key.name, values.join(OsStr::new(","))))
        });
        let later = LATER.iter().map(|later| later.name);
        Ok(Self {
            given: given.collect(),
            later: later.filter(|name| matches.contains_id(name)).collect(),
            config: matches.get_one("config").cloned(),
            no_secret: if matches.get_flag("insecure-no-secret") {
                NoSecret::Insecure
            } else {
                NoSecret::Refused
            },
            network_fs: if matches.get_flag("allow-network-fs") {
                NetworkFs::Allowed
            } else {
                NetworkFs::Refused
            },
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
