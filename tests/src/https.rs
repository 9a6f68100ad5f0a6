//! HTTPS on loopback, for the servers that stories play.

pub mod authority;
pub mod exchange;
