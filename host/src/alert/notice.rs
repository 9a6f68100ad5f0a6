//! What an alert says: for programs, and for people in one sentence.

use crate::clock::{now_ms, rfc3339};
use crate::visible::one_line;
use serde::Serialize;

/// The longest text of others in an alert, in bytes.
const TEXT_BYTES_MAX: usize = 500;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody, or the host after failures, paused a plugin.
    PluginPaused,
    /// A run was given up.
    RunDead,
    /// Many requests came without the right secret or token.
    AuthFailures,
    /// A run has been due for long.
    BacklogOld,
    /// The ledger's disk is nearly full.
    DiskLow,
}

impl Kind {
    /// The word, as it is posted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PluginPaused => "plugin-paused",
            Self::RunDead => "run-dead",
            Self::AuthFailures => "auth-failures",
            Self::BacklogOld => "backlog-old",
            Self::DiskLow => "disk-low",
        }
    }
}

/// Something that an operator should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// The plugin, if it is about one that is known.
    pub plugin: Option<String>,
    /// The run, if it is about one.
    pub run: Option<String>,
    /// Its delivery.
    pub delivery: Option<String>,
    /// Why, by whom, or how much, in words.
    pub reason: String,
    /// How often it happened.
    pub count: u64,
}

/// An alert as it is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Post {
    kind: &'static str,
    at: String,
    host: String,
    plugin: Option<String>,
    run: Option<String>,
    delivery: Option<String>,
    reason: String,
    count: u64,
    text: String,
}

impl Post {
    /// A notice that stands for `count` of its kind and plugin since the last one.
    pub fn new(host: &str, notice: Notice, count: u64) -> Self {
        let reason = cut(&notice.reason);
        let plugin = notice.plugin.as_deref().map(cut);
        Self {
            text: format!("hookbox at {host}: {}", sentence(&notice, &reason, count)),
            kind: notice.kind.as_str(),
            at: rfc3339(now_ms()),
            host: host.to_owned(),
            plugin,
            run: notice.run,
            delivery: notice.delivery,
            reason,
            count,
        }
    }

    /// The word of its kind.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }
}

fn sentence(notice: &Notice, reason: &str, count: u64) -> String {
    let plugin = notice
        .plugin
        .as_deref()
        .map_or_else(|| "a plugin".to_owned(), cut);
    match (notice.kind, count) {
        (Kind::PluginPaused, _) => {
            format!(
                "the plugin {plugin} was paused by {reason}; 'hookbox plugins resume {plugin}' ends that"
            )
        }
        (Kind::RunDead, 1) => format!("a run of {plugin} is dead ({reason}){}", look(notice)),
        (Kind::RunDead, _) => {
            format!(
                "{count} runs of {plugin} are dead, the last one for: {reason}{}",
                look(notice)
            )
        }
        (Kind::AuthFailures, _) => {
            format!(
                "{count} requests came without the right secret, {reason}; see 'hookbox requests'"
            )
        }
        (Kind::BacklogOld, _) => format!("runs of {plugin} wait too long: {reason}"),
        (Kind::DiskLow, _) => format!("the disk of the data folder is nearly full: {reason}"),
    }
}

/// Where to see more.
fn look(notice: &Notice) -> String {
    match &notice.delivery {
        Some(delivery) => format!("; see 'hookbox deliveries show {delivery}'"),
        None => "; see 'hookbox deliveries list --run-state dead'".to_owned(),
    }
}

fn cut(text: &str) -> String {
    let mut text = one_line(text);
    let end = text.floor_char_boundary(TEXT_BYTES_MAX.min(text.len()));
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_one_json_object_with_a_sentence_in_it() {
        let notice = Notice {
            kind: Kind::RunDead,
            plugin: Some("hello".to_owned()),
            run: Some("r".to_owned()),
            delivery: Some("d".to_owned()),
            reason: format!("a\nb\u{1b}{}", "x".repeat(1000)),
            count: 1,
        };
        let post = Post::new("http://h", notice, 3);
        let json = serde_json::to_value(&post).unwrap();
        let keys: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            [
                "kind", "at", "host", "plugin", "run", "delivery", "reason", "count", "text"
            ]
        );
        assert_eq!(json["kind"], "run-dead");
        let text = json["text"].as_str().unwrap();
        assert!(
            text.starts_with("hookbox at http://h: 3 runs of hello are dead, the last one for: a")
        );
        assert!(text.ends_with("; see 'hookbox deliveries show d'") && text.len() < 700);
        assert!(!text.contains(char::is_control));
    }
}
