//! A value as it was written, in a flag, a variable or the file, and how the kinds of values are read from it.

use super::setting::{AlertPlace, SecretPlaces, size};
use crate::admin::{AdminAddress, AdminAddressError};
use crate::alert::AlertUrl;
use crate::secret::SecretRef;
use bytesize::ByteSize;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

/// A value as it was written.
pub enum Written<'a> {
    /// In a flag or a variable.
    Text(&'a OsStr),
    /// In a file, which lies in this folder.
    Toml(&'a DeValue<'a>, &'a Path),
}

/// The longest duration, which is a year.
const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Written<'_> {
    /// A text.
    ///
    /// # Errors
    /// Why it is none.
    pub fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => text.to_str().ok_or_else(|| "not Unicode text".to_owned()),
            Self::Toml(value, _) => value
                .as_str()
                .ok_or_else(|| wrong_kind(value, "a text in quotes")),
        }
    }

    /// A path; one in a file is relative to the file's folder.
    ///
    /// # Errors
    /// Why it is none.
    pub fn path(&self) -> Result<PathBuf, String> {
        let path = match self {
            Self::Text(text) => PathBuf::from(text),
            Self::Toml(_, folder) => folder.join(self.text()?),
        };
        if path.as_os_str().is_empty() {
            return Err("empty; write the path of a folder".to_owned());
        }
        Ok(path)
    }

    /// The path of a file, or an empty one for none; one in a file of settings is relative to its folder.
    ///
    /// # Errors
    /// Why it is none.
    pub fn file_or_none(&self) -> Result<PathBuf, String> {
        match self {
            Self::Text(text) => Ok(PathBuf::from(text)),
            Self::Toml(_, folder) => Ok(match self.text()? {
                "" => PathBuf::new(),
                path => folder.join(path),
            }),
        }
    }

    /// An address to listen on.
    ///
    /// # Errors
    /// Why it is none.
    pub fn address(&self) -> Result<SocketAddr, String> {
        let text = self.text()?;
        text.parse().map_err(|_| {
            "not an address; write `127.0.0.1:8000`, or `0.0.0.0:8000` for all of this machine's".to_owned()
        })
    }

    /// Where the admin listener is.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn admin(&self) -> Result<AdminAddress, String> {
        self.text()?
            .parse()
            .map_err(|error: AdminAddressError| error.to_string())
    }

    /// A whole number.
    ///
    /// # Errors
    /// Why it is none, or the range.
    pub fn number(&self, range: RangeInclusive<u32>) -> Result<u32, String> {
        let number = match self {
            Self::Text(_) => self.text()?.parse::<i128>().ok(),
            Self::Toml(value, _) => {
                let integer = value
                    .as_integer()
                    .ok_or_else(|| wrong_kind(value, "a whole number without quotes"))?;
                i128::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
        };
        number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!(
                    "not a whole number from {} to {}",
                    range.start(),
                    range.end()
                )
            })
    }

    /// One of a few words.
    ///
    /// # Errors
    /// Why it is none, with all of them.
    pub fn one_of<T: Copy>(
        &self,
        choices: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Result<T, String> {
        let text = self.text()?;
        let chosen = choices.iter().find(|choice| word(**choice) == text);
        chosen.copied().ok_or_else(|| {
            let words: Vec<String> = choices
                .iter()
                .map(|one| format!("`{}`", word(*one)))
                .collect();
            match words.split_last() {
                Some((last, others)) => format!("not one of {} and {last}", others.join(", ")),
                None => "nothing can be chosen".to_owned(),
            }
        })
    }

    /// A size in bytes.
    ///
    /// # Errors
    /// Why it is none, or the range.
    pub fn bytes(&self, range: RangeInclusive<ByteSize>) -> Result<ByteSize, String> {
        let text = match self {
            Self::Toml(value, _) if value.as_str().is_none() => {
                return Err(wrong_kind(value, "a size in quotes, such as \"16MiB\""));
            }
            _ => self.text()?,
        };
        let bytes: ByteSize = text
            .parse()
            .map_err(|_| "not a size; write `512KiB`, `16MiB` or `1GiB`".to_owned())?;
        if !range.contains(&bytes) {
            return Err(format!(
                "not between {} and {}",
                size(*range.start()),
                size(*range.end())
            ));
        }
        Ok(bytes)
    }

    /// A duration of at least a millisecond and at most a year.
    ///
    /// # Errors
    /// Why it is none, or the range.
    pub fn time(&self) -> Result<Duration, String> {
        let text = match self {
            Self::Toml(value, _) if value.as_str().is_none() => {
                return Err(wrong_kind(value, "a duration in quotes, such as \"30s\""));
            }
            _ => self.text()?,
        };
        match humantime::parse_duration(text) {
            Ok(time) if (Duration::from_millis(1)..=TIME_MAX).contains(&time) => Ok(time),
            Ok(_) => Err("not between 1ms and a year".to_owned()),
            Err(_) => Err("not a duration; write `30s`, `5m` or `7d`".to_owned()),
        }
    }

    /// The address to paste into the Hub's settings; empty if it is not known. A user, a password or a query in it
    /// would be shown to everybody.
    ///
    /// # Errors
    /// Why it is none.
    pub fn url(&self) -> Result<String, String> {
        let text = self.text()?;
        if text.is_empty() {
            return Ok(String::new());
        }
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let plain = |rest: &&str| {
            let secretive = |c: char| {
                matches!(c, '@' | '?' | '#' | ',' | '\\') || c.is_whitespace() || c.is_control()
            };
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(secretive)
        };
        match rest.filter(plain) {
            Some(_) => Ok(text.trim_end_matches('/').to_owned()),
            None => Err(
                "not an address that may be shown; write `https://host`, without user, password, query or spaces"
                    .to_owned(),
            ),
        }
    }

    /// Where alerts are posted: an address, or where it is kept; empty for nowhere.
    ///
    /// # Errors
    /// Why it is none, without what may hold a secret.
    pub fn alerts(&self) -> Result<AlertPlace, String> {
        let text = self.text()?;
        if text.is_empty() {
            return Ok(AlertPlace::None);
        }
        if let Ok(place) = text.parse() {
            return Ok(AlertPlace::Kept(self.beside(place)));
        }
        let url = AlertUrl::parse(text);
        url.map(AlertPlace::Url).map_err(|error| error.to_string())
    }

    /// A place as it is meant: a path in a file is relative to that file's folder.
    fn beside(&self, place: SecretRef) -> SecretRef {
        match (place, self) {
            (SecretRef::File(path), Self::Toml(_, folder)) => SecretRef::File(folder.join(path)),
            (place, _) => place,
        }
    }

    /// Where secrets are read: in a file a list, elsewhere joined by commas.
    ///
    /// # Errors
    /// Why it is none, without what may be a secret.
    pub fn secrets(&self) -> Result<SecretPlaces, String> {
        let list = "a list of places; write [\"env:WEBHOOK_SECRET\"] or [\"file:PATH\", …]";
        let places: Vec<&str> = match self {
            Self::Text(_) => self.text()?.split(',').map(str::trim).collect(),
            Self::Toml(value, _) => {
                let array = value.as_array().ok_or_else(|| wrong_kind(value, list))?;
                let texts = array.iter().map(|place| place.get_ref().as_str());
                let texts: Option<Vec<&str>> = texts.collect();
                texts.ok_or_else(|| format!("not {list}"))?
            }
        };
        let places = places.into_iter().map(|place| {
            let place: SecretRef = place.parse().map_err(|error| format!("{error}"))?;
            Ok(self.beside(place))
        });
        Ok(SecretPlaces::Named(places.collect::<Result<_, String>>()?))
    }
}

fn wrong_kind(value: &DeValue<'_>, wanted: &str) -> String {
    let kind = match value.type_str() {
        "string" => "a text",
        "integer" => "a whole number",
        "float" => "a fraction",
        "boolean" => "true or false",
        "array" => "a list",
        "table" => "a table",
        _ => "a date",
    };
    format!("{kind}, where there must be {wanted}")
}
