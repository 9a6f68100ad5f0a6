//! Posts alerts, one after another, on a thread for blocking: without redirects, without a proxy, within ten seconds
//! each, at most three times.

use super::metrics::AlertMetrics;
use super::notice::Post;
use super::{AlertSettings, AlertUrl};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long one exchange may take.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Posts what waits.
pub struct Poster {
    settings: watch::Receiver<AlertSettings>,
    metrics: AlertMetrics,
    /// Whether the last alert failed, and that was told.
    failing: bool,
}

/// Why a post failed, and whether another attempt may help.
struct Failed {
    reason: String,
    again: Again,
}

#[derive(PartialEq, Eq)]
enum Again {
    MayHelp,
    Useless,
}

impl Poster {
    /// One that posts to what is set then.
    pub fn new(settings: watch::Receiver<AlertSettings>, metrics: AlertMetrics) -> Self {
        Self {
            settings,
            metrics,
            failing: false,
        }
    }

    /// Posts until there is nobody left who alerts.
    pub async fn run(mut self, mut waiting: mpsc::Receiver<Post>) {
        while let Some(post) = waiting.recv().await {
            self.post(post).await;
        }
    }

    async fn post(&mut self, post: Post) {
        let Some(url) = self.settings.borrow().url.clone() else {
            return;
        };
        let kind = post.kind();
        let Ok(body) = serde_json::to_vec(&post) else {
            return;
        };
        match attempts(&url, &body).await {
            Ok(()) => {
                self.metrics.posted();
                if self.failing {
                    tracing::info!(host = url.host(), "alerts can be posted again");
                }
                self.failing = false;
            }
            Err(failed) => {
                self.metrics.failed();
                if !self.failing {
                    // The host's name alone: the path may hold a secret.
                    tracing::warn!(
                        host = url.host(),
                        kind,
                        reason = failed.reason,
                        "an alert cannot be posted; look at [alerts] url"
                    );
                }
                self.failing = true;
            }
        }
    }
}

async fn attempts(url: &AlertUrl, body: &[u8]) -> Result<(), Failed> {
    let mut waits = WAITS.into_iter();
    loop {
        let (to, body) = (url.clone(), body.to_vec());
        let sent = tokio::task::spawn_blocking(move || send(&to, &body)).await;
        let failed = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failed)) => failed,
            Err(_) => Failed {
                reason: "the host is stopping".to_owned(),
                again: Again::Useless,
            },
        };
        match waits.next() {
            Some(wait) if failed.again == Again::MayHelp => tokio::time::sleep(wait).await,
            _ => return Err(failed),
        }
    }
}

/// Posts once. Blocks.
fn send(url: &AlertUrl, body: &[u8]) -> Result<(), Failed> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(TIME_MAX))
        .user_agent(concat!("hookbox/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let request = agent
        .post(url.as_str())
        .header("content-type", "application/json");
    let response = request.send(body).map_err(|error| Failed {
        reason: in_words(&error),
        again: Again::MayHelp,
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    // Too Many Requests (RFC 6585, section 4) passes; what else is the sender's fault stays.
    let passes = status.is_server_error() || status.as_u16() == 429;
    Err(Failed {
        reason: format!("it answered {}", status.as_u16()),
        again: if passes {
            Again::MayHelp
        } else {
            Again::Useless
        },
    })
}

/// In our own words: those of an error may repeat the address.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it took longer than 10 s".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::Io(error) => error.kind().to_string(),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            "its TLS certificate or protocol is not accepted".to_owned()
        }
        _ => "it cannot be reached".to_owned(),
    }
}
