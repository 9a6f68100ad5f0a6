//! The ledger as what attempts have that lasts longer than they do.

use crate::ledger::{Ledger, LedgerError, StateKeys, StateUsage, StateValue, Taken};
use crate::plugin::capability::budget::{BudgetDenied, WriteBudget};
use crate::plugin::capability::{StateStore, Unavailable};
use async_trait::async_trait;
use std::sync::Arc;

/// Plugins' state, and the count of their writes, in this ledger.
pub struct InLedger(pub Arc<dyn Ledger>);

#[async_trait]
impl StateStore for InLedger {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, Unavailable> {
        self.0.state(plugin, key).await.map_err(unavailable)
    }

    async fn keys(
        &self,
        plugin: &str,
        after: &str,
        limit: usize,
    ) -> Result<StateKeys, Unavailable> {
        let keys = self.0.state_keys(plugin, after, limit).await;
        keys.map_err(unavailable)
    }

    async fn usage(&self, plugin: &str) -> Result<StateUsage, Unavailable> {
        self.0.state_usage(plugin).await.map_err(unavailable)
    }
}

#[async_trait]
impl WriteBudget for InLedger {
    async fn take(&self, plugin: &str, key: &str, max: u32) -> Result<(), BudgetDenied> {
        match self.0.take_write(plugin, key, max).await {
            Ok(Taken::Yes) => Ok(()),
            Ok(Taken::Full { free_at_ms }) => Err(BudgetDenied::Full { free_at_ms }),
            Err(error) => Err(BudgetDenied::Unavailable(error.to_string())),
        }
    }
}

fn unavailable(error: LedgerError) -> Unavailable {
    Unavailable {
        reason: error.to_string(),
    }
}
