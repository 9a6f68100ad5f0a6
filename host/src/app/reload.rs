//! What is taken up of settings that change while the host runs: their file, and the files of its secrets.
//!
//! All sources are read again and again, as a whole: what comes out is either taken up as a whole or, if anything in
//! it cannot be used, not at all, and the last good settings stay. A setting that cannot change now is told of.

use super::signals::HangUps;
use crate::alert::AlertSettings;
use crate::config::{Config, Said, Shown, Sources, TakenUp};
use crate::intake::IntakeConfig;
use crate::ledger::sqlite::SqliteLedger;
use crate::loader::LoaderSettings;
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two looks. What has changed counts when two looks in a row show the same: before that it may be
/// half written.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The settings that the parts of a running host look at.
#[derive(Clone)]
pub struct Live {
    loader: watch::Sender<LoaderSettings>,
    intake: watch::Sender<IntakeConfig>,
    alerts: watch::Sender<AlertSettings>,
    ledger: Arc<SqliteLedger>,
}

impl Live {
    /// As the host starts.
    pub fn new(config: &Config, ledger: Arc<SqliteLedger>) -> Self {
        Self {
            loader: watch::Sender::new(config.loader.clone()),
            intake: watch::Sender::new(config.intake),
            alerts: watch::Sender::new(config.alerts.clone()),
            ledger,
        }
    }

    /// The loader's.
    pub fn loader(&self) -> watch::Receiver<LoaderSettings> {
        self.loader.subscribe()
    }

    /// Intake's.
    pub fn intake(&self) -> watch::Receiver<IntakeConfig> {
        self.intake.subscribe()
    }

    /// Those of alerts.
    pub fn alerts(&self) -> watch::Receiver<AlertSettings> {
        self.alerts.subscribe()
    }

    fn show(&self, config: &Config) {
        self.loader.send_if_modified(|loader| {
            let changed = *loader != config.loader;
            loader.clone_from(&config.loader);
            changed
        });
        self.intake.send_replace(config.intake);
        self.alerts.send_replace(config.alerts.clone());
        self.ledger.set(config.ledger.settings.clone());
    }
}

/// Looks at the settings, and has them taken up.
pub struct Reload {
    sources: Sources,
    hang_ups: HangUps,
    live: Live,
    /// What the host was started with.
    started: Config,
    /// What was taken up last.
    accepted: Config,
    /// What the look before showed, if it is to be taken up when the next shows it again.
    seen: Option<Result<Config, String>>,
    /// Why the settings of now are not taken up, as was told.
    refused: Option<String>,
}

/// Why the host looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It is time to.
    ByTime,
    /// Somebody says that the files are as they should be.
    BySignal,
}

impl Reload {
    /// What looks at these settings, if they may change.
    ///
    /// # Errors
    /// If SIGHUP cannot be handled.
    pub fn of(config: &Config, live: Live) -> anyhow::Result<Option<Self>> {
        let Some(sources) = config.sources.clone() else {
            return Ok(None);
        };
        Ok(Some(Self {
            sources,
            hang_ups: HangUps::new()?,
            live,
            started: config.clone(),
            accepted: config.clone(),
            seen: None,
            refused: None,
        }))
    }

    /// Looks until `stopping` turns true.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let looked = async {
                let asked = tokio::select! {
                    () = self.hang_ups.next() => Asked::BySignal,
                    _ = looks.tick() => Asked::ByTime,
                };
                (asked, look(self.sources.clone()).await)
            };
            let (asked, read) = tokio::select! {
                looked = looked => looked,
                // A sender that is gone means the same.
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            if let Some(read) = read {
                self.take(asked, read);
            }
        }
    }

    fn take(&mut self, asked: Asked, read: Result<Config, String>) {
        let read = read.and_then(|config| {
            let open = config.refuse_open(self.started.listen);
            let open = open.map(|problem| problem.to_string());
            let before = &self.accepted.loader.secrets;
            match open.or_else(|| refuse_secrets(&config.loader.secrets, before)) {
                None => Ok(config),
                Some(problem) => Err(problem),
            }
        });
        if asked == Asked::ByTime && self.seen.as_ref() != Some(&read) {
            self.seen = Some(read);
            return;
        }
        match read {
            Ok(config) => self.accept(config),
            Err(problems) if self.refused.as_ref() != Some(&problems) => {
                tracing::error!(
                    reason = problems,
                    "the changed settings cannot be used; those before stay"
                );
                self.refused = Some(problems);
            }
            Err(_) => {}
        }
    }

    fn accept(&mut self, mut config: Config) {
        if self.refused.take().is_some() {
            tracing::info!("the settings can be used again");
        }
        if config == self.accepted {
            return;
        }
        if let Some(sources) = &config.sources {
            self.sources.clone_from(sources);
        }
        // The memory for bodies is bounded for as long as the host runs.
        let room = self.started.intake.bodies_bytes_max;
        if config.intake.body_bytes_max > room {
            tracing::warn!(
                bytes = room,
                "bodies may not be larger than this before a restart"
            );
        }
        let accepted = config.clone();
        config.intake.body_bytes_max = config.intake.body_bytes_max.min(room);
        self.live.show(&config);
        // What is told has happened.
        for (now, before) in accepted.said.iter().zip(&self.accepted.said) {
            if now.value != before.value {
                self.tell(now, before);
            }
        }
        tell_secrets(&accepted.loader.secrets, &self.accepted.loader.secrets);
        self.accepted = accepted;
    }

    fn tell(&self, now: &Said, before: &Said) {
        let shown = |said: &Said| match said.key.shown {
            Shown::Value => said.value.clone(),
            Shown::KeyOnly => "…".to_owned(),
        };
        let (key, old, new) = (now.key.name, shown(before), shown(now));
        let mut started = self.started.said.iter();
        let runs = started.any(|said| said.key == now.key && said.value == now.value);
        match now.key.taken_up {
            TakenUp::Live => tracing::info!(key, old, new, "a changed setting is taken up"),
            TakenUp::AtStart if runs => tracing::info!(key, new, "a setting is again as it runs"),
            TakenUp::AtStart => {
                tracing::warn!(
                    key,
                    old,
                    new,
                    "a changed setting takes effect after a restart"
                );
            }
        }
    }
}

/// Why a running host is not given these secrets: a file that is still being written looks like one that says less.
fn refuse_secrets(now: &[Secret], before: &[Secret]) -> Option<String> {
    if now.is_empty() && !before.is_empty() {
        return Some(
            "no webhook secret would be left, and whoever reaches this host could post deliveries; to have none, start \
             the host again"
                .to_owned(),
        );
    }
    let is_short = |secrets: &[Secret]| secrets.iter().any(Secret::is_short);
    (is_short(now) && !is_short(before) && !before.is_empty()).then(|| {
        "a webhook secret would be shorter than 16 bytes; make a better one with 'hookbox secret', or start the host \
         again to have this one"
            .to_owned()
    })
}

fn tell_secrets(now: &[Secret], before: &[Secret]) {
    if now == before {
        return;
    }
    tracing::info!(secrets = now.len(), "changed webhook secrets are taken up");
    if now.iter().any(Secret::is_short) {
        tracing::warn!(
            "a webhook secret is shorter than 16 bytes; make a better one with 'hookbox secret'"
        );
    }
}

/// Reads all sources on a thread for blocking; nothing if that broke off.
async fn look(sources: Sources) -> Option<Result<Config, String>> {
    let read = tokio::task::spawn_blocking(move || {
        let checked = sources.read().checked();
        checked.map_err(|problems| problems.to_string())
    });
    read.await.ok()
}
