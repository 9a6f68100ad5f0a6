//! What a guest can ask of the host: log lines, the raw delivery, what its operator configured, its own state, and the
//! network.
//!
//! All of it is linked for every component. What is not granted is refused when it is called.

pub mod budget;
pub mod calls;
pub mod config;
pub mod http;
pub mod log;
pub mod raw;
pub mod state;

use crate::delivery::state::{StateKeys, StateUsage, StateValue};
use crate::plugin::grant::{Grant, StateGrant};
use async_trait::async_trait;
use http::HttpAccess;
use std::sync::Arc;

/// What an attempt may call, besides what every attempt may.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// Whom its plugin may call.
    pub http: HttpAccess,
    /// How much state its plugin may have; `None` for none at all.
    pub state: Option<StateGrant>,
    /// What its plugin is configured with: names and values, by name.
    pub config: Arc<[(String, String)]>,
}

impl Capabilities {
    /// What a grant gives, with what its plugin was equipped with for calls.
    #[must_use]
    pub fn of(grant: &Grant, http: HttpAccess) -> Self {
        Self {
            http,
            state: grant.state,
            config: Arc::clone(&grant.config),
        }
    }
}

/// What attempts have that lasts longer than they do. Whoever makes attempts binds it.
#[derive(Clone)]
pub struct Backing {
    /// The plugin's name: nothing of another's can be reached.
    pub plugin: Arc<str>,
    /// Its state.
    pub state: Arc<dyn StateStore>,
}

impl Backing {
    /// One for attempts that are given nothing that lasts.
    #[must_use]
    pub fn none() -> Self {
        Self {
            plugin: "".into(),
            state: Arc::new(NoState),
        }
    }
}

/// Where attempts read their plugins' state. They never write there: what an attempt writes is its own until it settles.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be read now.
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, Unavailable>;

    /// The keys that come after one, in the order of their bytes, and at most so many.
    ///
    /// # Errors
    /// [`Unavailable`] if they cannot be read now.
    async fn keys(&self, plugin: &str, after: &str, limit: usize)
    -> Result<StateKeys, Unavailable>;

    /// How much state there is.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be read now.
    async fn usage(&self, plugin: &str) -> Result<StateUsage, Unavailable>;
}

/// What is kept cannot be read now. For the host's log: a guest is told that it is so, and not why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    /// Why.
    pub reason: String,
}

/// There is nothing.
struct NoState;

#[async_trait]
impl StateStore for NoState {
    async fn get(&self, _: &str, _: &str) -> Result<Option<StateValue>, Unavailable> {
        Ok(None)
    }

    async fn keys(&self, _: &str, _: &str, _: usize) -> Result<StateKeys, Unavailable> {
        Ok(StateKeys::default())
    }

    async fn usage(&self, _: &str) -> Result<StateUsage, Unavailable> {
        Ok(StateUsage::default())
    }
}
