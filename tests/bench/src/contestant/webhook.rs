//! `webhook` of Debian (adnanh/webhook): a program is run for each delivery, and answered when it has ended.

use super::{Running, clean, free_address};
use crate::payload::SECRET;
use anyhow::Result;
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Why it cannot be measured here, if so.
pub async fn missing() -> Option<String> {
    let asked = Command::new("webhook").arg("-version").output().await;
    asked
        .is_err()
        .then(|| "it is not installed (Debian: apt-get install webhook)".to_owned())
}

/// Starts it.
pub fn start(work: &Path) -> Result<Running> {
    let hooks = work.join("webhook.json");
    let rule = json!({
        "type": "value", "value": SECRET, "parameter": { "source": "header", "name": "X-Webhook-Secret" },
    });
    let hook = json!([{
        "id": "bench", "execute-command": "/bin/true",
        // Only so does it answer after the program has ended; else programs pile up behind the answers.
        "include-command-output-in-response": true,
        "success-http-response-code": 200,
        "trigger-rule": { "match": rule },
    }]);
    std::fs::write(&hooks, hook.to_string())?;
    let address = free_address()?;
    let mut server = clean(Path::new("webhook"));
    server
        .arg("-hooks")
        .arg(hooks)
        .args(["-ip", "127.0.0.1", "-port", &address.port().to_string()])
        .stdout(Stdio::null());
    Running::spawn(server, address, "/hooks/bench")
}
