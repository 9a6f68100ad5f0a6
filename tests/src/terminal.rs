//! A terminal for a child's standard output, or input.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::process::Command;

/// The end of a terminal that shows what the other prints.
pub struct Terminal(File);

impl Terminal {
    /// A new one, whose other end is the command's standard output.
    pub fn of(command: &mut Command) -> Self {
        let (shown, other) = Self::pair();
        command.stdout(other);
        shown
    }

    /// A new one, whose other end is the command's standard input, and on which this was typed.
    pub fn typed(command: &mut Command, text: &str) -> Self {
        let (mut keys, other) = Self::pair();
        command.stdin(other);
        let typed = keys.0.write_all(text.as_bytes());
        typed.expect("a terminal takes what is typed");
        keys
    }

    fn pair() -> (Self, OwnedFd) {
        let shown = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&shown).expect("it is ours");
        unlockpt(&shown).expect("it can be opened");
        let name = ptsname(&shown, Vec::new()).expect("it has a name");
        // Else it could become the tests' own.
        let other = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let other = other.expect("its other end can be opened");
        (Self(File::from(shown)), other)
    }
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            // Nobody has its other end any more (pts(4)).
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(0),
            read => read,
        }
    }
}
