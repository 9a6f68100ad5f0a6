//! What is done to a host's process from outside: signals, and limits.

use super::Host;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::collections::BTreeSet;

impl Host {
    /// Kills it as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        // It may have ended already, which comes to the same.
        let _ = self.running.child.kill();
        let _ = self.running.child.wait();
    }

    /// Kills it (SIGKILL) while others still talk to it, and does not wait.
    #[track_caller]
    pub fn kill_from_here(&self) {
        let killed = kill_process(Pid::from_child(&self.running.child), Signal::KILL);
        assert!(
            killed.is_ok(),
            "the host has ended already:\n{}",
            self.log()
        );
    }

    /// Has its terminal hang up (SIGHUP), and does not wait.
    #[track_caller]
    pub fn hang_up(&self) {
        let told = kill_process(Pid::from_child(&self.running.child), Signal::HUP);
        assert!(told.is_ok(), "the host has ended already:\n{}", self.log());
    }

    /// Lets it open no more files than it has open now.
    #[track_caller]
    pub fn opens_no_more_files(&self) {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.running.child.id()));
        let open: BTreeSet<u64> = open
            .expect("its files can be listed")
            .filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        // The next file gets the lowest number that is free.
        let limit = (0..).find(|number| !open.contains(number));
        let limits = Rlimit {
            current: limit,
            maximum: limit,
        };
        let set = prlimit(
            Some(Pid::from_child(&self.running.child)),
            Resource::Nofile,
            limits,
        );
        set.expect("the limit of a child can be lowered");
    }

    /// Asks it to stop (SIGTERM), and does not wait.
    #[track_caller]
    pub fn ask_to_stop(&self) {
        let asked = kill_process(Pid::from_child(&self.running.child), Signal::TERM);
        assert!(asked.is_ok(), "the host has ended already:\n{}", self.log());
    }

    /// Asks it to stop (SIGTERM) and waits until it has; returns its exit code.
    #[track_caller]
    pub fn stop(&mut self) -> Option<i32> {
        self.ask_to_stop();
        self.ended()
    }

    /// Waits until it has ended; returns its exit code.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        self.running.wait().code()
    }
}
