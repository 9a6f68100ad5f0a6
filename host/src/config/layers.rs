//! The layers that settings are said in: flag, environment, file, default, the first of which counts.

use super::args::Flags;
use super::file::ParsedFile;
use super::problem::{Place, Problem, no_such_variable};
use super::setting::{Audience, Key, PREFIX, Setting, Value, variable_of};
use super::table::{FLAGS_ONLY, KEYS, LATER, NOT_IN_FILE};
use super::written::Written;
use std::ffi::{OsStr, OsString};

/// The variable that names the file.
pub const CONFIG_VARIABLE: &str = "HOOKBOX_CONFIG";

/// The variables of the process. An empty one counts as unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// These variables; one whose name is not Unicode is none of ours.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Self(
            variables
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        )
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let mut variables = self.0.iter();
        let found = variables.find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// What is wrong with the names of its variables.
    fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            self.0.iter().filter_map(|(name, _)| refuse(name)).collect();
        // Their order says nothing.
        problems.sort_by(|one, other| one.subject.cmp(&other.subject));
        problems
    }
}

fn refuse(variable: &str) -> Option<Problem> {
    let key = variable.strip_prefix(PREFIX)?;
    let key = key.to_ascii_lowercase().replace('_', "-");
    let place = Place::Variable(variable.to_owned());
    let is_key = NOT_IN_FILE.contains(&key.as_str()) || KEYS.iter().any(|known| known.name == key);
    let spelled = variable_of(&key);
    if is_key && variable != spelled {
        let reason = format!("there is no such setting; did you mean {spelled}?");
        return Some(Problem::at(&place, reason));
    }
    if is_key {
        return None;
    }
    if let Some(later) = LATER.iter().find(|later| later.name == key) {
        return Some(Problem::at(&place, later.reason));
    }
    if FLAGS_ONLY.contains(&key.as_str()) {
        let reason = format!("this can only be said as the flag --{key}");
        return Some(Problem::at(&place, reason));
    }
    let known = KEYS
        .iter()
        .filter(|key| key.audience == Audience::Operators);
    let known = known.map(|key| key.name).chain(NOT_IN_FILE.iter().copied());
    Some(Problem::at(&place, no_such_variable(&key, known)))
}

/// A setting as it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which one.
    pub key: &'static Key,
    /// Where it was said.
    pub place: Place,
    /// Its value as it is told; of one that is never shown, too: this is for comparing.
    pub value: String,
}

/// All layers, and what was found wrong in them so far.
pub struct Layers<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: Option<ParsedFile<'a>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What came out.
    pub said: Vec<Said>,
}

impl<'a> Layers<'a> {
    /// These layers. `problems` are those that the file itself has.
    pub fn new(
        flags: &'a Flags,
        environment: &'a Environment,
        file: Option<ParsedFile<'a>>,
        mut problems: Vec<Problem>,
    ) -> Self {
        problems.extend(environment.problems());
        problems.extend(flags.problems());
        Self {
            flags,
            environment,
            file,
            problems,
            said: Vec::new(),
        }
    }

    /// Reads a setting. One that cannot be used is noted among the problems, and its default stands in for it.
    pub fn read<T: Value>(&mut self, setting: &Setting<T>) -> T {
        let (place, value) = match self.find(setting) {
            Some((place, Ok(value))) => (place, value),
            Some((place, Err(problem))) => {
                self.problems.push(problem);
                (place, (setting.default)())
            }
            None => (Place::Default(setting.key.name), (setting.default)()),
        };
        self.said.push(Said {
            key: setting.key,
            place,
            value: value.shown(),
        });
        value
    }

    /// Where a setting was said.
    #[must_use]
    pub fn place_of(&self, key: &Key) -> Place {
        let said = self.said.iter().find(|said| said.key == key);
        said.map_or(Place::Default(""), |said| said.place.clone())
    }

    fn find<T>(&self, setting: &Setting<T>) -> Option<(Place, Result<T, Problem>)> {
        let key = setting.key;
        let judge = |place: Place, text: &OsStr, read: Result<T, String>| {
            let text = text.to_string_lossy();
            let read = read.map_err(|reason| Problem::of_value(&place, &text, key.shown, reason));
            Some((place, read))
        };
        if let Some(text) = self.flags.get(key) {
            return judge(
                Place::Flag(key.name),
                text,
                (setting.read)(&Written::Text(text)),
            );
        }
        let variable = key.variable();
        if let Some(text) = self.environment.get(&variable) {
            return judge(
                Place::Variable(variable),
                text,
                (setting.read)(&Written::Text(text)),
            );
        }
        if let Some(ecosystem) = &setting.ecosystem
            && let Some(text) = self.environment.get(ecosystem.variable)
        {
            let place = Place::Variable(ecosystem.variable.to_owned());
            return judge(place, text, (ecosystem.read)(text));
        }
        let (place, text, written) = self.file.as_ref()?.value(key)?;
        judge(place, OsStr::new(text), (setting.read)(&written))
    }
}
