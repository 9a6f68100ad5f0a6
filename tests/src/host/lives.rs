//! One life after the other on the same folder: hosts that die, and what they leave to be read.

use super::{FailedStart, Host, Running, STOP};
use crate::wait::{after, eventually_or};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

/// The number of SIGKILL.
const KILL: i32 = 9;

impl Host {
    /// Has no variable of this name in its environment from the next start on.
    pub fn unset_env(&mut self, name: &str) {
        self.settings.env.retain(|(known, _)| known != name);
    }

    /// Starts it again on the same folder.
    ///
    /// # Errors
    /// [`FailedStart`] if it ended before it listened.
    #[track_caller]
    pub fn try_restart(&mut self) -> Result<(), FailedStart> {
        self.running = Running::start(&self.settings, self.folder.path())?;
        Ok(())
    }

    /// Starts it again on the same folder and kills it (SIGKILL) after so long, however far it has come.
    #[track_caller]
    pub fn restart_and_kill_after(&mut self, time: Duration) {
        self.running = Running::spawn(&self.settings, self.folder.path());
        after(time);
        self.kill();
    }

    /// Whether it has been killed (SIGKILL), by whomever.
    pub fn is_killed(&mut self) -> bool {
        let status = self.running.child.try_wait().ok().flatten();
        status.is_some_and(|status| status.signal() == Some(KILL))
    }

    /// Waits until it has been killed; `false` if it still lives after so long, or ended by itself.
    pub fn dies_within(&mut self, bound: Duration) -> bool {
        let died = eventually_or(bound, || self.is_killed().then_some(()));
        died.is_some()
    }

    /// All that it logged in the life that has ended.
    #[must_use]
    pub fn log_of_life(&self) -> String {
        self.running.stderr.text_at_end(STOP)
    }
}
