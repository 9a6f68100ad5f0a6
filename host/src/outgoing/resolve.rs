//! From names to addresses.

use super::share::Place;
use async_trait::async_trait;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

/// Resolves names.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name, with the port. The place is free again when the lookup is over, also if it is given up
    /// before.
    ///
    /// # Errors
    /// The system's.
    async fn resolve(&self, name: &str, port: u16, place: Place) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver, with its hosts file and whatever else it is set up with.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str, port: u16, place: Place) -> io::Result<Vec<SocketAddr>> {
        let name = name.to_owned();
        let looked_up = tokio::task::spawn_blocking(move || {
            // Free only when the system's resolver has come back: nothing stops it.
            let _place = place;
            (name.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect)
        });
        looked_up.await.map_err(io::Error::other)?
    }
}
