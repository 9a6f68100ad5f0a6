//! From names to addresses.

use async_trait::async_trait;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The most lookups at once: one that was given up goes on until the system's resolver does.
const LOOKUPS_MAX: usize = 16;

/// Resolves names.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name, with the port.
    ///
    /// # Errors
    /// The system's.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver, with its hosts file and whatever else it is set up with.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    places: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let name = name.to_owned();
        let looked_up = tokio::task::spawn_blocking(move || {
            // Free only when the resolver has come back: nothing stops it.
            let _place = place;
            (name.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect)
        });
        looked_up.await.map_err(io::Error::other)?
    }
}
