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
use anyhow::Context as _;
use serde::Serialize;
use sidecar::Sidecar;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::str::FromStr;

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

/// What was given as `left=right`.
#[derive(Debug, Clone)]
struct Pair(String, String);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (left, right) = text.split_once('=').ok_or("write it with a `=`")?;
        Ok(Self(left.to_owned(), right.to_owned()))
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
        self.check_flags(wants)?;
        let answers = self.answers();
        let (mut granted, mut lacking) = (Vec::new(), Vec::new());
        for want in wants {
            let Some(missing) = want.lacking(sidecar.grant()) else {
                continue;
            };
            match self.agreed(&missing, &answers)? {
                Some(agreed) => {
                    let lines = agreed.addition.lines(agreed.place.as_ref());
                    sidecar.add(want, &agreed.addition, agreed.place.as_ref())?;
                    granted.push(WantJson::new(want, lines));
                }
                None => lacking.push(self.json_of(&missing)),
            }
        }
        if !granted.is_empty() {
            sidecar.write()?;
        }
        let needs = lacking.iter().any(|want: &WantJson| want.required);
        self.tell(GrantedJson {
            plugin,
            grant: sidecar.path().display().to_string(),
            granted,
            lacking,
        })?;
        Ok(if needs { End::Failed } else { End::Ok })
    }

    /// The component.
    fn file(&self) -> anyhow::Result<PathBuf> {
        let named = &self.plugin;
        if named.extension().is_some() || named.components().count() > 1 {
            return Ok(named.clone());
        }
        let name = named.to_string_lossy();
        let file = self.plugins.join(Kind::Component.file_name(&name));
        name_of(&file)
            .ok()
            .filter(|_| file.exists())
            .with_context(|| {
                let folder = self.plugins.display();
                format!("there is no plugin `{name}` in {folder}; name the folder with --plugins, or the component file")
            })?;
        Ok(file)
    }

    /// What is given for a want that there is not was meant for another.
    fn check_flags(&self, wants: &[Want]) -> anyhow::Result<()> {
        let given = [
            ("--set", "config", &self.settings),
            ("--credential", "http", &self.credentials),
        ];
        for (flag, kind, pairs) in given {
            for Pair(name, _) in pairs {
                let mut of_kind = wants.iter().filter(|want| want.kind == kind);
                if !of_kind.any(|want| want.name == *name) {
                    let text = format!("{flag} {name}: the plugin wants no {kind} `{name}`");
                    return Err(UsageError(text).into());
                }
            }
        }
        Ok(())
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

    /// What is to be added for a want, if that is agreed to.
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
        let pair = self.settings.iter().find(|Pair(key, _)| *key == want.name);
        pair.map(|Pair(_, value)| value.as_str())
    }

    fn place(&self, want: &Want) -> anyhow::Result<Option<SecretRef>> {
        let mut pairs = self.credentials.iter();
        let Some(Pair(host, place)) = pairs.find(|Pair(host, _)| *host == want.name) else {
            return Ok(None);
        };
        let place = place.parse();
        let place = place.map_err(|error| UsageError(format!("--credential {host}: {error}")))?;
        Ok(Some(place))
    }

    fn json_of(&self, missing: &Lacking<'_>) -> WantJson {
        let place = self.place(missing.want).ok().flatten();
        let lines = missing
            .addition
            .as_ref()
            .map_or_else(|_| Vec::new(), |addition| addition.lines(place.as_ref()));
        WantJson {
            words: missing.to_string(),
            ..WantJson::new(missing.want, lines)
        }
    }

    fn tell(&self, told: GrantedJson) -> anyhow::Result<()> {
        if self.json {
            return output::json(&told);
        }
        let GrantedJson {
            plugin,
            grant,
            granted,
            lacking,
        } = told;
        if granted.is_empty() && lacking.is_empty() {
            output::line(&format!("{grant} gives {plugin} all that it wants"));
        }
        for want in &lacking {
            if matches!(self.answers(), Answers::Asked) {
                continue;
            }
            output::line(&format!("{} {}:", needs(want.required), want.words));
            for line in &want.lines {
                output::line(&format!("  {line}"));
            }
        }
        for want in &granted {
            output::line(&format!("added to {grant}: {} `{}`", want.kind, want.name));
        }
        let still: Vec<String> = (lacking.iter())
            .filter(|want| want.required)
            .map(|want| format!("{} `{}`", want.kind, want.name))
            .collect();
        if !still.is_empty() {
            let still = output::one_line(&still.join(", "));
            output::note(&format!("{plugin} is held as long as it lacks {still}"));
        }
        Ok(())
    }
}

impl WantJson {
    fn new(want: &Want, lines: Vec<String>) -> Self {
        Self {
            kind: want.kind.clone(),
            name: output::one_line(&want.name),
            required: want.required,
            words: String::new(),
            lines,
        }
    }
}

const fn needs(required: bool) -> &'static str {
    if required { "requires" } else { "would like" }
}

/// Asks whether something may be added; a value or place that is typed takes the place of the one that is shown.
fn ask(missing: &Lacking<'_>, agreed: &mut Agreed, given: Option<&str>) -> anyhow::Result<bool> {
    output::note(&output::one_line(&missing.plainly()));
    match &mut agreed.addition {
        Addition::Setting { .. } if given.is_some() => {}
        Addition::Setting { key, value } => {
            let key = output::one_line(key);
            *value = output::ask_for(&format!("What is `{key}` set to? (nothing: leave it out) "))?;
            return Ok(!value.is_empty());
        }
        Addition::Entry(entry) if entry.credential.is_some() && agreed.place.is_none() => {
            let usual = entry.place();
            let question = format!("Where is its credential? env:NAME or file:PATH [{usual}] ");
            let typed = output::ask_for(&question)?;
            agreed.place = Some(match typed.as_str() {
                "" => usual,
                typed => typed
                    .parse()
                    .map_err(|error| UsageError(format!("{error}")))?,
            });
        }
        Addition::Entry(_) | Addition::State { .. } => {}
    }
    for line in agreed.addition.lines(agreed.place.as_ref()) {
        output::note(&format!("  {line}"));
    }
    Ok(output::ask("Add it? [y/N] ")?)
}
