//! What a process holds, as Linux tells it (proc(5)).

use std::path::Path;

/// A process, looked at from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// A size of its status in bytes, such as `VmRSS` (what is in memory), `VmHWM` (the most that ever was) or
    /// `RssAnon` (what no file holds); nothing if it has ended.
    #[must_use]
    pub fn bytes(self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line
            .trim_start_matches(':')
            .split_whitespace()
            .next()?
            .parse()
            .ok()?;
        Some(kib * 1024)
    }

    /// From now on `VmHWM` is the most since now.
    pub fn forget_peak(self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.0), "5")
            .expect("a process of one's own can be told to forget");
    }

    /// The processes that it started and that are not waited for yet.
    #[must_use]
    pub fn children(self) -> Vec<Self> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0));
        let told = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
        let children = tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| told(task).ok());
        let ids: Vec<String> = children.collect();
        ids.iter()
            .flat_map(|ids| ids.split_whitespace())
            .filter_map(|id| id.parse().ok().map(Self))
            .collect()
    }

    /// What its open files are, by number.
    #[must_use]
    pub fn files(self) -> Vec<(u32, String)> {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.0));
        let mut files: Vec<_> = (entries.into_iter().flatten().flatten())
            .filter_map(|entry| {
                let target = std::fs::read_link(entry.path()).ok()?;
                let number = entry.file_name().to_str()?.parse().ok()?;
                Some((number, target.display().to_string()))
            })
            .collect();
        files.sort();
        files
    }

    /// Its environment.
    #[must_use]
    pub fn environment(self) -> Vec<String> {
        let text = std::fs::read(format!("/proc/{}/environ", self.0)).unwrap_or_default();
        let variables = text
            .split(|byte| *byte == 0)
            .filter(|text| !text.is_empty());
        variables
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    }

    /// Its limit of this name (as `Max cpu time`), soft and hard.
    #[must_use]
    pub fn limit(self, name: &str) -> Option<(String, String)> {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.0)).ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.next()?))
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_there(self) -> bool {
        Path::new(&format!("/proc/{}", self.0)).exists()
    }
}
