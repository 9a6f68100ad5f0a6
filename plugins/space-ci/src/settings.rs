//! What the operator has set.

use hookbox_sdk::config::{self, Error};
use hookbox_sdk::hub::Space;

pub struct Settings {
    trusted: Vec<String>,
    hardware: Option<String>,
    sleep_seconds: Option<u64>,
    is_public: bool,
}

impl Settings {
    pub fn read() -> Result<Settings, Error> {
        let between = |sign: char| sign == ',' || sign.is_whitespace();
        let trusted = config::require("trusted-authors")?;
        let trusted = trusted.split(between).filter(|id| !id.is_empty());
        let seconds = |text: String| {
            let seconds = text.trim().parse();
            seconds.map_err(|_| malformed("sleep-seconds", "a number"))
        };
        Ok(Settings {
            trusted: trusted.map(str::to_owned).collect(),
            hardware: config::get("hardware")?,
            sleep_seconds: config::get("sleep-seconds")?.map(seconds).transpose()?,
            is_public: match config::get("visibility")?.as_deref() {
                None | Some("private") => false,
                Some("public") => true,
                Some(_) => return Err(malformed("visibility", "`private` or `public`")),
            },
        })
    }

    /// Whether the pull requests of an account are run, by its id: names can be given up, and taken by others.
    pub fn trusts(&self, author: &str) -> bool {
        self.trusted.iter().any(|trusted| trusted == author)
    }

    /// A Space as it should be made.
    pub fn apply(&self, mut space: Space) -> Space {
        if !self.is_public {
            space = space.private();
        }
        if let Some(hardware) = &self.hardware {
            space = space.hardware(hardware);
        }
        match self.sleep_seconds {
            Some(seconds) => space.sleep_after(seconds),
            None => space,
        }
    }
}

fn malformed(key: &str, expected: &str) -> Error {
    Error::Malformed {
        key: key.to_owned(),
        expected: expected.to_owned(),
    }
}
