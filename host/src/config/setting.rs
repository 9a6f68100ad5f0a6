//! One setting: its key, how its value is read, and what it is where nothing says otherwise.

use super::written::Written;
use crate::admin::AdminAddress;
use crate::alert::AlertUrl;
use crate::intake::OnUnparsable;
use crate::ledger::OnDuplicate;
use crate::secret::SecretRef;
use bytesize::ByteSize;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The key of a setting, and what people are told of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// As it stands in the file; `--NAME` is its flag and `HOOKBOX_NAME` its variable.
    pub name: &'static str,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What it is, for the help.
    pub help: &'static str,
    /// When a changed value counts.
    pub taken_up: TakenUp,
    /// Whether its value may be told.
    pub shown: Shown,
    /// Who it is for.
    pub audience: Audience,
}

/// When a changed value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenUp {
    /// While the host runs.
    Live,
    /// When it is started again.
    AtStart,
}

/// Whether a value may stand in an error or a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It may.
    Value,
    /// It may not: a secret may have been written there by mistake.
    KeyOnly,
}

/// Who a setting is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever runs a host.
    Operators,
    /// Whoever tests one; it is not in the help.
    Testers,
}

impl Key {
    /// The key of a setting that is for operators, is shown, and counts from the next start.
    #[must_use]
    pub const fn new(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            name,
            value,
            help,
            taken_up: TakenUp::AtStart,
            shown: Shown::Value,
            audience: Audience::Operators,
        }
    }

    /// The same, taken up by a running host.
    #[must_use]
    pub const fn live(self) -> Self {
        Self {
            taken_up: TakenUp::Live,
            ..self
        }
    }

    /// The same, with a value that is never shown.
    #[must_use]
    pub const fn private(self) -> Self {
        Self {
            shown: Shown::KeyOnly,
            ..self
        }
    }

    /// The same, not in the help.
    #[must_use]
    pub const fn for_testers(self) -> Self {
        Self {
            audience: Audience::Testers,
            ..self
        }
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        variable_of(self.name)
    }
}

/// What all settings' variables begin with.
pub const PREFIX: &str = "HOOKBOX_";

/// The environment variable of a key.
#[must_use]
pub fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

/// A setting with the type of its value.
pub struct Setting<T: 'static> {
    /// Its key.
    pub key: &'static Key,
    /// Its value where nothing is said.
    pub default: fn() -> T,
    /// Reads a value as it was written; the reason if it cannot be used, with what can.
    pub read: fn(&Written<'_>) -> Result<T, String>,
    /// A variable of the ecosystem that says it too, after its own.
    pub ecosystem: Option<Ecosystem<T>>,
}

/// A variable that others set.
pub struct Ecosystem<T> {
    /// Its name.
    pub variable: &'static str,
    /// Reads its value.
    pub read: fn(&OsStr) -> Result<T, String>,
}

/// A value that can be told of.
pub trait Value {
    /// As it is written.
    fn shown(&self) -> String;
}

impl Value for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Value for SocketAddr {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for AdminAddress {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Value for OnDuplicate {
    fn shown(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Value for OnUnparsable {
    fn shown(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Value for u32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for ByteSize {
    fn shown(&self) -> String {
        size(*self)
    }
}

impl Value for Duration {
    fn shown(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

/// A size as people write it: `16MiB`.
#[must_use]
pub fn size(bytes: ByteSize) -> String {
    bytes
        .display()
        .iec()
        .to_string()
        .replace(".0 ", "")
        .replace(' ', "")
}

/// Where the host's secrets are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlaces {
    /// Nothing was said: `WEBHOOK_SECRET`, if it is set.
    Default,
    /// These, each of which must be readable.
    Named(Vec<SecretRef>),
}

impl SecretPlaces {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

/// Where alerts are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertPlace {
    /// Nowhere.
    None,
    /// There.
    Url(AlertUrl),
    /// At the address that is kept there.
    Kept(SecretRef),
}

impl Value for AlertPlace {
    fn shown(&self) -> String {
        match self {
            Self::None => String::new(),
            // It may hold a secret, and this is only for comparing.
            Self::Url(url) => url.fingerprint(),
            Self::Kept(place) => place.to_string(),
        }
    }
}

impl Value for SecretPlaces {
    fn shown(&self) -> String {
        match self {
            Self::Default => "env:WEBHOOK_SECRET".to_owned(),
            Self::Named(places) => {
                let places: Vec<String> = places.iter().map(ToString::to_string).collect();
                places.join(",")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for text in ["16MiB", "1B", "1.5KiB", "1GiB"] {
            assert_eq!(size(text.parse().unwrap()), text);
        }
    }
}
