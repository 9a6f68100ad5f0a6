//! What plugins want, held against what their grants give.
//!
//! An operator may narrow what a plugin asks for: a wanted path is given if a granted one has a path in common with it.
//! What is proposed beside that is never more than what is missing.

mod calls;

use super::grant::addition::Addition;
use super::{Grant, Manifest, Want};
use crate::visible::told;
use calls::Calls;
use std::fmt;

/// The most wants that a reason names.
const NAMED_MAX: usize = 8;

/// Something that a plugin wants and its grant does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking<'a> {
    /// What it is.
    pub want: &'a Want,
    /// What of it is missing, where the grant gives a part of it.
    missing: Option<String>,
    /// What would have to be added to the grant next, or why nothing can be proposed.
    pub addition: Result<Addition, String>,
}

impl Lacking<'_> {
    /// What of it is missing, where the grant gives a part of it.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// What giving it would mean, in sentences for whoever has to decide.
    #[must_use]
    pub fn plainly(&self) -> String {
        let may = if self.want.required {
            "must"
        } else {
            "would like to"
        };
        let what = match &self.addition {
            Ok(addition) => addition.plainly(),
            Err(why) => format!("use {} `{}`: {why}", self.want.kind, told(&self.want.name)),
        };
        let why = match told(&self.want.reason) {
            reason if reason.is_empty() => String::new(),
            reason => format!(" Its reason: \"{reason}\""),
        };
        format!("It {may} {what}.{why}")
    }
}

impl fmt::Display for Lacking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.want.kind, told(&self.want.name))?;
        if let Some(missing) = &self.missing {
            write!(f, " with {missing}")?;
        }
        if !self.want.reason.is_empty() {
            write!(f, " ({})", told(&self.want.reason))?;
        }
        if let Err(why) = &self.addition {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

/// What a plugin would like and its grant does not give, for its operator.
#[must_use]
pub fn unmet_wishes(manifest: &Manifest, grant: &Grant) -> Vec<String> {
    let wishes = manifest.wants.iter().filter(|want| !want.required);
    let unmet = wishes.filter_map(|want| want.lacking(grant));
    unmet.map(|lacking| lacking.to_string()).collect()
}

/// What a plugin requires and its grant does not give, in a line; the first few of it.
#[must_use]
pub fn unmet_needs(manifest: &Manifest, grant: &Grant) -> Option<String> {
    let needs = manifest.wants.iter().filter(|want| want.required);
    let unmet: Vec<Lacking<'_>> = needs.filter_map(|want| want.lacking(grant)).collect();
    let named: Vec<String> = (unmet.iter().take(NAMED_MAX))
        .map(ToString::to_string)
        .collect();
    let more = match unmet.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!unmet.is_empty()).then(|| format!("{}{more}", named.join(", ")))
}

/// Why a plugin of this name is held under a grant that does not give what it requires, with the mend.
#[must_use]
pub fn held_for(name: &str, manifest: &Manifest, grant: &Grant) -> Option<String> {
    let unmet = unmet_needs(manifest, grant)?;
    Some(format!(
        "it requires what its grant does not give: {unmet}; 'hookbox grant {name}' shows the lines to add"
    ))
}

impl Want {
    /// Holds it against a grant; `None` if that gives it.
    #[must_use]
    pub fn lacking(&self, grant: &Grant) -> Option<Lacking<'_>> {
        let (missing, addition) = match self.kind.as_str() {
            "http" => calls::lacking(self, &grant.http)?,
            "config" if grant.config.iter().any(|(key, _)| *key == self.name) => return None,
            "config" => {
                let (key, value) = (self.name.clone(), String::new());
                (None, Ok(Addition::Setting { key, value }))
            }
            "state" if grant.state.is_some() => return None,
            "state" => {
                let label = self.name.clone();
                (None, Ok(Addition::State { label }))
            }
            _ => (
                None,
                Err("this version of hookbox has nothing like it".to_owned()),
            ),
        };
        Some(Lacking {
            want: self,
            missing,
            addition,
        })
    }

    /// Whether it wishes for a credential.
    #[must_use]
    pub fn wishes_for_a_credential(&self) -> bool {
        self.kind == "http" && Calls::of(self).is_ok_and(|calls| calls.credential.is_some())
    }
}

#[cfg(test)]
#[path = "want_tests.rs"]
mod tests;
