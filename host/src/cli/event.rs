//! The event of `run` and `send`: a built-in sample by its name, or a JSON file.

use crate::cli::UsageError;
use crate::intake::IntakeConfig;
use anyhow::Context as _;
use hookbox_sdk::sample;
use std::io::Read as _;
use std::path::Path;

/// Reads an event: a name without a dot or slash is a sample's.
///
/// # Errors
/// There is no such sample or file, or the file is larger than any body may be.
pub fn read(event: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(sample) = sample::find(event) {
        return Ok(sample.json.as_bytes().to_vec());
    }
    let path = Path::new(event);
    if !event.contains(['.', '/']) && !path.exists() {
        return Err(UsageError(format!(
            "there is no sample `{event}` (hookbox send --list shows all), and no file of that name"
        ))
        .into());
    }
    let bytes_max = IntakeConfig::default().body_bytes_max;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| {
            let limit = u64::try_from(bytes_max)
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            file.take(limit).read_to_end(&mut bytes)
        })
        .with_context(|| format!("{event}: cannot read the event"))?;
    if bytes.len() > bytes_max {
        anyhow::bail!("{event}: larger than {bytes_max} bytes, which no host takes");
    }
    Ok(bytes)
}
