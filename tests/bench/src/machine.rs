//! The machine that was measured on, in a few words.

use crate::disk::file_system;
use std::path::Path;
use std::process::Command;

/// What figures depend on, one line each.
pub fn told(work: &Path) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix("model name")?
                    .trim_start_matches(['\t', ':', ' '])
                    .to_owned(),
            )
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib = read("/proc/meminfo").lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    vec![
        format!(
            "{processor}, {cores} processors, {:.0} GB of memory",
            kib.unwrap_or(0.0) * 1024.0 / 1e9
        ),
        format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        format!("ledgers on {}", file_system(work)),
        format!("load average when it began: {load}"),
    ]
}

/// The compiler at hand.
pub fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
