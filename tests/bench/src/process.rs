//! What a process takes, as Linux tells it (proc(5)).

/// Clock ticks a second in what Linux tells programs, on every machine.
const TICKS: f64 = 100.0;

/// A process, looked at from outside.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Megabytes in memory; 0 if it has ended.
    pub fn resident_mb(self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) * 1024.0 / 1e6
    }

    /// Seconds of processor time that it used so far, with those of its children that have ended.
    pub fn cpu_seconds(self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        // The second field is a name in brackets, and may hold anything; the four times are fields 14 to 17.
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let times = after_name.split(' ').skip(11).take(4);
        times
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS
    }
}
