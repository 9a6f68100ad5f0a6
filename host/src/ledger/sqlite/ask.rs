//! The embedded ledger asked: each call of [`Ledger`] becomes an item for the writer, or a read beside it.

use super::fault::Fault;
use super::health::Standing;
use super::held::{self, Handout};
use super::record::{self, Parcel};
use super::settle::{self, Ending};
use super::writer::Tx;
use super::{
    SqliteLedger, budget, claim, clock, dedup, due, first, meta, pack, page, plugins, query, row,
    state, tend,
};
use crate::delivery::{AttemptRecord, DeliveryId, NewDelivery, NewRun, RunId, Settlement};
use crate::ledger::{
    Claim, ClaimRequest, DeliveryFilter, DeliveryRecord, KnownAs, Ledger, LedgerError, Page,
    Payload, PluginRecord, Recording, RunEntry, RunFilter, RunRecord, Settled, StateChanges,
    StateKeys, StateUsage, StateValue, Taken, Tended, Totals,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a write may take that is to show whether the store takes one again.
const PROBE: Duration = Duration::from_secs(1);

#[async_trait]
impl Ledger for SqliteLedger {
    async fn record(
        &self,
        delivery: NewDelivery,
        runs: Vec<NewRun>,
    ) -> Result<Recording, LedgerError> {
        let (id, attempts) = (
            delivery.id,
            runs.iter().filter(|run| run.parked.is_none()).count(),
        );
        let payload = Payload {
            body: delivery.body.clone(),
            headers: delivery.headers.clone(),
        };
        let parcel = Parcel {
            body: pack::pack_body(&delivery.body).await,
            headers: row::as_json(&delivery.headers).map_err(Fault::into_error)?,
            delivery,
            runs,
        };
        let recording = self
            .shared
            .intake(move |tx| record::record(tx, &parcel))
            .await?;
        if matches!(recording, Recording::Recorded(_)) {
            self.fresh.keep(id, payload, attempts);
        }
        Ok(recording)
    }

    async fn first_of(&self, again: KnownAs) -> Result<Option<DeliveryId>, LedgerError> {
        let now_ms = self.shared.clock.wall_ms();
        let on_duplicate = self.shared.settings.borrow().on_duplicate;
        self.readers
            .read(move |connection| dedup::first_at_rest(connection, &again, now_ms, on_duplicate))
            .await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, LedgerError> {
        let shared = Arc::clone(&self.shared);
        let handout = self.shared.work(move |tx| {
            let claims = claim::claim(tx, &request)?;
            Ok(Handout { claims, shared })
        });
        Ok(handout.await?.take())
    }

    async fn settle(
        &self,
        claim: Claim,
        settlement: Settlement,
        attempt: AttemptRecord,
        changes: StateChanges,
    ) -> Result<Settled, LedgerError> {
        let ending = Ending::pack(settlement, attempt, changes).await;
        let ending = ending.map_err(Fault::into_error)?;
        held::end(
            &self.shared,
            claim,
            move |tx: &mut Tx<'_>, claim: &Claim| settle::settle(tx, claim, &ending),
        )
        .await
    }

    async fn give_back(&self, claim: Claim) -> Result<Settled, LedgerError> {
        held::end(&self.shared, claim, settle::give_back).await
    }

    async fn payload(&self, claim: &Claim) -> Result<Option<Payload>, LedgerError> {
        let (delivery, id) = (claim.delivery_seq, claim.facts.delivery);
        if let Some(payload) = self.fresh.take(id) {
            return Ok(Some(payload));
        }
        self.readers
            .read(
                move |connection| match query::payload(connection, delivery) {
                    Err(Fault::Item(reason)) => {
                        tracing::error!(delivery = %id, reason, "a stored body is damaged");
                        Ok(None)
                    }
                    read => read,
                },
            )
            .await
    }

    async fn next_due_ms(&self, plugins: Vec<String>) -> Result<Option<u64>, LedgerError> {
        let (now_ms, ahead_ms) = (self.shared.clock.forward_ms(), self.shared.clock.ahead_ms());
        let due_ms = self
            .readers
            .read(move |connection| due::next_due_ms(connection, &plugins, now_ms));
        Ok(due_ms
            .await?
            .map(|due_ms| clock::natural(due_ms.saturating_sub(ahead_ms))))
    }

    fn claimable(&self) -> watch::Receiver<u64> {
        self.shared.waits.claimable()
    }

    async fn first_attempts(&self, id: DeliveryId) -> Result<Vec<RunRecord>, LedgerError> {
        first::first_attempts(&self.shared, &self.readers, id).await
    }

    async fn runs(&self, id: DeliveryId) -> Result<Vec<RunRecord>, LedgerError> {
        self.readers
            .read(move |connection| query::runs_of(connection, id))
            .await
    }

    async fn put_plugin(&self, plugin: PluginRecord) -> Result<(), LedgerError> {
        self.shared.work(move |tx| plugins::put(tx, &plugin)).await
    }

    async fn forget_plugin(&self, name: String) -> Result<(), LedgerError> {
        self.shared.work(move |tx| plugins::forget(tx, &name)).await
    }

    async fn plugins(&self) -> Result<Vec<PluginRecord>, LedgerError> {
        self.readers.read(plugins::all).await
    }

    async fn known_plugins(&self) -> Result<Vec<String>, LedgerError> {
        self.readers.read(plugins::known).await
    }

    async fn state(&self, plugin: &str, key: &str) -> Result<Option<StateValue>, LedgerError> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.readers
            .read(move |connection| state::value(connection, &plugin, &key))
            .await
    }

    async fn state_keys(
        &self,
        plugin: &str,
        after: &str,
        limit: usize,
    ) -> Result<StateKeys, LedgerError> {
        let (plugin, after) = (plugin.to_owned(), after.to_owned());
        self.readers
            .read(move |connection| state::keys(connection, &plugin, &after, limit))
            .await
    }

    async fn state_usage(&self, plugin: &str) -> Result<StateUsage, LedgerError> {
        let plugin = plugin.to_owned();
        self.readers
            .read(move |connection| state::usage(connection, &plugin))
            .await
    }

    async fn take_write(&self, plugin: &str, key: &str, max: u32) -> Result<Taken, LedgerError> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.shared
            .work(move |tx| budget::take_write(tx, &plugin, &key, max))
            .await
    }

    async fn replay(
        &self,
        id: DeliveryId,
        runs: Vec<NewRun>,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        self.shared
            .work(move |tx| record::replay(tx, id, &runs))
            .await
    }

    async fn pause(&self, plugin: String, by: String) -> Result<bool, LedgerError> {
        self.shared
            .work(move |tx| plugins::pause(tx, &plugin, &by))
            .await
    }

    async fn resume(&self, plugin: String) -> Result<bool, LedgerError> {
        self.shared
            .work(move |tx| plugins::resume(tx, &plugin))
            .await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRecord>, LedgerError> {
        self.readers
            .read(move |connection| query::delivery(connection, id))
            .await
    }

    async fn deliveries(&self, filter: DeliveryFilter) -> Result<Vec<DeliveryRecord>, LedgerError> {
        self.readers
            .read(move |connection| query::deliveries(connection, &filter))
            .await
    }

    async fn delivery_page(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
    ) -> Result<Option<Page<DeliveryRecord, DeliveryId>>, LedgerError> {
        self.readers
            .read(move |connection| page::deliveries(connection, &filter, before))
            .await
    }

    async fn run_page(
        &self,
        filter: RunFilter,
        limit: usize,
        before: Option<RunId>,
    ) -> Result<Option<Page<RunEntry, RunId>>, LedgerError> {
        self.readers
            .read(move |connection| page::runs(connection, &filter, limit, before))
            .await
    }

    async fn run(&self, id: RunId) -> Result<Option<RunEntry>, LedgerError> {
        self.readers
            .read(move |connection| page::run(connection, id))
            .await
    }

    async fn totals(&self) -> Result<Totals, LedgerError> {
        self.readers.totals().await
    }

    async fn tend(&self) -> Result<Tended, LedgerError> {
        tend::tend(&self.shared).await
    }

    fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.health.failure()
    }

    async fn check_writable(&self) -> Result<(), LedgerError> {
        self.shared.health.check()?;
        match self.shared.health.standing() {
            Standing::Writes => {}
            Standing::Refuses(error) => return Err(error),
            // A lock that somebody else holds is waited for in vain for longer than whoever asks would wait.
            Standing::Try(error) => tokio::time::timeout(PROBE, self.shared.work(meta::probe))
                .await
                .unwrap_or(Err(error))?,
        }
        let min = self.shared.settings.borrow().free_space_min;
        match self.shared.room.shortage(min) {
            Some(reason) => Err(Fault::Full(reason).into_error()),
            None => Ok(()),
        }
    }

    async fn close(&self) {
        self.shared.queue.close();
        let mut ended = self.shared.ended.subscribe();
        // This cannot fail: the sender is part of what this ledger shares.
        drop(ended.wait_for(|ended| *ended).await);
    }
}
