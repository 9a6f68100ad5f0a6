//! Our own listeners: no plugin reaches them, also where its grant opens this machine.

use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, PoisonError, RwLock};

/// The addresses that this host listens on; cheap to clone. Until they are known nothing is connected to.
#[derive(Debug, Clone, Default)]
pub struct OwnListeners(Arc<RwLock<Option<Vec<SocketAddr>>>>);

impl OwnListeners {
    /// The listeners of a command that has none.
    #[must_use]
    pub fn none() -> Self {
        let own = Self::default();
        own.are(Vec::new());
        own
    }

    /// Says which they are.
    pub fn are(&self, listeners: Vec<SocketAddr>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(listeners);
    }

    /// Whether an address may be connected to as far as they go.
    ///
    /// # Errors
    /// What it is.
    pub(super) fn judge(&self, address: SocketAddr) -> Result<(), &'static str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(listeners) = known.as_ref() else {
            return Err("not known not to be hookbox itself yet");
        };
        let ip = address.ip().to_canonical();
        let is_own = |listener: &SocketAddr| {
            let own = listener.ip().to_canonical();
            listener.port() == address.port()
                && (own == ip || own.is_unspecified() && is_of_this_machine(ip))
        };
        if listeners.iter().any(is_own) {
            return Err("hookbox itself");
        }
        Ok(())
    }
}

/// Whether an address is one of this machine's: only then can anything be bound to it.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).map_or_else(|error| may_be_ours(&error), |_| true)
}

/// Whether an address that could not be bound to may be one of this machine's all the same: where only something else
/// was wanting, such as a file descriptor, nobody can tell.
fn may_be_ours(error: &io::Error) -> bool {
    let elsewhere = [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT];
    !Errno::from_io_error(error).is_some_and(|error| elsewhere.contains(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_however_it_is_called() {
        let own = OwnListeners::default();
        let judge = |address: &str| own.judge(address.parse().unwrap());
        assert!(judge("127.0.0.1:8000").is_err(), "not known yet");
        own.are(vec![
            "0.0.0.0:8000".parse().unwrap(),
            "127.0.0.1:8001".parse().unwrap(),
        ]);
        for address in [
            "127.0.0.1:8000",
            "127.0.0.2:8000",
            "[::ffff:127.0.0.1]:8000",
            "127.0.0.1:8001",
            "[::ffff:127.0.0.1]:8001",
        ] {
            assert_eq!(judge(address), Err("hookbox itself"), "{address}");
        }
        // In a file descriptor's absence it is not known to be another's.
        assert!(may_be_ours(&Errno::MFILE.into()));
        assert!(!is_of_this_machine("192.0.2.1".parse().unwrap()));
        for address in ["127.0.0.1:8002", "127.0.0.2:8001", "1.1.1.1:8000"] {
            assert_eq!(judge(address), Ok(()), "{address}");
        }
    }
}
