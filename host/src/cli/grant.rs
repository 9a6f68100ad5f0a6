//! `hookbox grant`: what a plugin wants and its grant does not give, as the lines to add; adds those that are agreed to.

mod sidecar;

use crate::cli::component::{load, small_engine};
use crate::cli::{End, UsageError, output};
use crate::plugin::compiler::Compiler;
use crate::plugin::component::name_of;
use crate::plugin::folder::Kind;
use crate::plugin::grant::addition::Addition;
use crate::plugin::want::Lacking;
use crate::plugin::{EngineConfig, Want};
use crate::secret::SecretRef;
use crate::visible::told;
use anyhow::Context as _;
use serde::Serialize;
use sidecar::Sidecar;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The most parts in which a want is given: methods, paths, a credential.
const PARTS_MAX: usize = 4;

/// Show what a plugin wants and its grant does not give, and add it where you agree
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookbox grant bot                                what is missing, with a question for each
  hookbox grant bot --yes --set name=my-bot        all of it
  hookbox grant bot.wasm --yes --credential huggingface.co=file:/run/secrets/hub

Lines are added to NAME.toml beside the component; what stands there stays as it is. A running
host takes the grant up within a second. Without a terminal nothing is added unless --yes is said.
Ends with 1 as long as something is missing that the plugin requires.")]
pub struct Grant {
    /// The plugin's name, or its component file
    plugin: PathBuf,
    /// The folder that it lies in, if it is given by its name
    #[arg(
        long,
        env = "HOOKBOX_PLUGINS",
        value_name = "DIR",
        default_value = "plugins"
    )]
    plugins: PathBuf,
    /// Say yes to every question
    #[arg(long)]
    yes: bool,
    /// What to set a wanted setting to; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Pair>,
    /// Where the credential for a wanted host is read: `env:NAME` or `file:PATH`; may be given several times
    #[arg(long = "credential", value_name = "HOST=PLACE")]
    credentials: Vec<Pair>,
    /// Print JSON, and ask nothing
    #[arg(long)]
    json: bool,
}

/// What was given as `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Pair {
    name: String,
    value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write it with a `=`")?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// What came of it.
#[derive(Serialize)]
struct GrantedJson {
    plugin: String,
    grant: String,
    granted: Vec<WantJson>,
    lacking: Vec<WantJson>,
}

#[derive(Serialize)]
struct WantJson {
    kind: String,
    name: String,
    required: bool,
    words: String,
    lines: Vec<String>,
}

/// How questions are answered.
enum Answers {
    /// By whoever sits there.
    Asked,
    /// Yes.
    Yes,
    /// Not at all: what is missing is shown.
    None,
}

/// What is added for a want.
struct Agreed {
    addition: Addition,
    place: Option<SecretRef>,
}

impl Grant {
    pub(in crate::cli) fn execute(self) -> anyhow::Result<End> {
        let file = self.file()?;
        let engine = small_engine(EngineConfig::default().memory_bytes_max)?;
        let (plugin, component) = load(&engine, &file, &Compiler::in_children()?)?;
        let mut sidecar = Sidecar::read(file.with_extension("toml"))?;
        let wants = &component.manifest().wants;
        self.check_flags(wants, &sidecar)?;
        let answers = self.answers();
        let (mut granted, mut lacking, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for want in wants {
            let before = granted.len();
            if let Err(error) = self.give(want, &mut sidecar, &answers, &mut granted) {
                // What is typed cannot be read again, so the other answers still count.
                if error.is::<std::io::Error>() {
                    return Err(error);
                }
                failed.push(error);
            }
            if let Some(missing) = want.lacking(sidecar.grant()) {
                let asked = matches!(answers, Answers::Asked) && missing.addition.is_ok();
                lacking.push((asked || granted.len() > before, self.json_of(&missing)));
            }
        }
        if !granted.is_empty() {
            sidecar.write()?;
        }
        for error in &failed {
            output::error(error);
        }
        let needs = lacking.iter().any(|(_, want)| want.required);
        self.tell(&plugin, sidecar.path(), granted, lacking)?;
        let ok = failed.is_empty() && !needs;
        Ok(if ok { End::Ok } else { End::Failed })
    }

    /// Adds to a grant what a want lacks, part by part, as far as that is agreed to.
    fn give(
        &self,
        want: &Want,
        sidecar: &mut Sidecar,
        answers: &Answers,
        granted: &mut Vec<WantJson>,
    ) -> anyhow::Result<()> {
        for _ in 0..PARTS_MAX {
            let Some(missing) = want.lacking(sidecar.grant()) else {
                break;
            };
            let Some(agreed) = self.agreed(&missing, answers)? else {
                break;
            };
            let words = missing.to_string();
            sidecar.add(want, &agreed.addition, agreed.place.as_ref())?;
            let lines = agreed.addition.lines(agreed.place.as_ref());
            granted.push(WantJson::new(want, words, lines));
        }
        Ok(())
    }

    /// The component.
    fn file(&self) -> anyhow::Result<PathBuf> {
        let named = &self.plugin;
        if named.extension().is_some() || named.components().count() > 1 {
            return Ok(named.clone());
        }
        let name = named.to_string_lossy();
        let file = self.plugins.join(Kind::Component.file_name(&name));
        let found = name_of(&file).ok().filter(|_| file.exists());
        found.with_context(|| {
            let (name, folder) = (output::one_line(&name), self.plugins.display());
            format!("there is no plugin `{name}` in {folder}; name the folder with --plugins, or the component file")
        })?;
        Ok(file)
    }

    /// What is given for a want that there is not was meant for another, and what a grant says already is not changed.
    fn check_flags(&self, wants: &[Want], sidecar: &Sidecar) -> anyhow::Result<()> {
        let flags = [
            ("--set", "config", "setting", &self.settings),
            ("--credential", "http", "credential", &self.credentials),
        ];
        for (flag, kind, thing, pairs) in flags {
            for Pair { name, .. } in pairs {
                let is_it = |want: &&Want| want.kind == kind && want.name == *name;
                let found = wants.iter().find(is_it);
                let found = found.filter(|want| kind == "config" || want.wishes_for_a_credential());
                let why = match found.map(|want| want.lacking(sidecar.grant())) {
                    Some(Some(_)) => continue,
                    Some(None) => format!(
                        "{} gives it already; change it there",
                        sidecar.path().display()
                    ),
                    None => format!("the plugin wants no such {thing}"),
                };
                return Err(UsageError(format!("{flag} {name}: {why}")).into());
            }
        }
        wants.iter().try_for_each(|want| self.place(want).map(drop))
    }

    fn answers(&self) -> Answers {
        if self.yes {
            Answers::Yes
        } else if self.json || !std::io::stdin().is_terminal() {
            Answers::None
        } else {
            Answers::Asked
        }
    }

    /// What is to be added next for a want, if that is agreed to.
    fn agreed(&self, missing: &Lacking<'_>, answers: &Answers) -> anyhow::Result<Option<Agreed>> {
        let Ok(addition) = &missing.addition else {
            return Ok(None);
        };
        let mut agreed = Agreed {
            addition: addition.clone(),
            place: self.place(missing.want)?,
        };
        let given = self.setting(missing.want);
        if let (Addition::Setting { value, .. }, Some(given)) = (&mut agreed.addition, given) {
            given.clone_into(value);
        }
        let is_agreed = match answers {
            Answers::None => false,
            // Nobody can make up a value.
            Answers::Yes => !matches!(addition, Addition::Setting { .. }) || given.is_some(),
            Answers::Asked => ask(missing, &mut agreed, given)?,
        };
        Ok(is_agreed.then_some(agreed))
    }

    fn setting(&self, want: &Want) -> Option<&str> {
        let pair = self.settings.iter().find(|pair| pair.name == want.name);
        pair.map(|pair| pair.value.as_str())
    }

    fn place(&self, want: &Want) -> anyhow::Result<Option<SecretRef>> {
        let mut pairs = self.credentials.iter();
        let Some(Pair { name, value }) = pairs.find(|pair| pair.name == want.name) else {
            return Ok(None);
        };
        let place = value.parse();
        let place = place.map_err(|error| UsageError(format!("--credential {name}: {error}")))?;
        Ok(Some(place))
    }

    fn json_of(&self, missing: &Lacking<'_>) -> WantJson {
        let place = self.place(missing.want).ok().flatten();
        let addition = missing.addition.as_ref();
        let lines = addition.map_or_else(|_| Vec::new(), |addition| addition.lines(place.as_ref()));
        WantJson::new(missing.want, missing.to_string(), lines)
    }

    /// Tells what came of it; of what is missing those that were not asked for, too.
    fn tell(
        &self,
        plugin: &str,
        grant: &Path,
        granted: Vec<WantJson>,
        lacking: Vec<(bool, WantJson)>,
    ) -> anyhow::Result<()> {
        let grant = grant.display().to_string();
        if self.json {
            return output::json(&GrantedJson {
                plugin: plugin.to_owned(),
                grant,
                granted,
                lacking: lacking.into_iter().map(|(_, want)| want).collect(),
            });
        }
        if granted.is_empty() && lacking.is_empty() {
            output::line(&format!("{grant} gives {plugin} all that it wants"));
        }
        for want in lacking
            .iter()
            .filter(|(asked, _)| !asked)
            .map(|(_, want)| want)
        {
            let needs = if want.required {
                "requires"
            } else {
                "would like"
            };
            output::line(&format!("{needs} {}", want.words));
            for line in &want.lines {
                output::line(&format!("  {line}"));
            }
        }
        for want in &granted {
            output::line(&format!("added to {grant}: {}", want.words));
        }
        let still: Vec<&str> = (lacking.iter())
            .filter(|(_, want)| want.required)
            .map(|(_, want)| want.words.as_str())
            .collect();
        if !still.is_empty() {
            output::note(&format!(
                "{plugin} still lacks what it requires: {}",
                still.join(", ")
            ));
        }
        Ok(())
    }
}

impl WantJson {
    fn new(want: &Want, words: String, lines: Vec<String>) -> Self {
        Self {
            kind: want.kind.clone(),
            name: want.name.clone(),
            required: want.required,
            words,
            lines,
        }
    }
}

/// Asks whether something may be added; a value or place that is typed takes the place of the one that is shown.
fn ask(missing: &Lacking<'_>, agreed: &mut Agreed, given: Option<&str>) -> anyhow::Result<bool> {
    output::note(&missing.plainly());
    let question = match &mut agreed.addition {
        Addition::Setting { key, value } if given.is_none() => {
            let key = told(key);
            *value = output::ask_for(&format!("What is `{key}` set to? (nothing: leave it out) "))?;
            return Ok(!value.is_empty());
        }
        Addition::Setting { key, .. } => format!("Set `{}`?", told(key)),
        Addition::State { .. } => "Let it keep state?".to_owned(),
        Addition::Entry(entry) => {
            if entry.credential.is_some() && agreed.place.is_none() {
                agreed.place = Some(ask_for_place(entry.place())?);
            }
            format!("Let it call {}?", entry.name())
        }
    };
    for line in agreed.addition.lines(agreed.place.as_ref()) {
        output::note(&format!("  {line}"));
    }
    Ok(output::ask(&format!("{question} [y/N] "))?)
}

/// Asks where a credential is read, until that is answered.
fn ask_for_place(usual: SecretRef) -> anyhow::Result<SecretRef> {
    loop {
        let question = format!("Where is the credential? env:NAME or file:PATH [{usual}] ");
        let typed = output::ask_for(&question)?;
        match typed.parse() {
            _ if typed.is_empty() => return Ok(usual),
            Ok(place) => return Ok(place),
            Err(error) => output::note(&format!("{error}")),
        }
    }
}
