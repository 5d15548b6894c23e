//! The lanes of a store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tradebase_core::watch::Operation;
use tradebase_core::{Result, Table};

use super::gets::Gets;
use super::inserts::Inserts;
use super::lane::{Lane, Work};
use super::lease::Lease;
use super::pool::Pool;
use crate::call::{Call, Manner};
use crate::options::{Durability, SqlOptions};

/// One lane per record and kind of call, made when it is first needed.
pub(super) struct Lanes {
    pool: Arc<Pool>,
    runtime: Option<Handle>,
    room_wait: Duration,
    gets: Map<usize, Gets>,
    /// Those that wait for the disk and those that do not are never one statement.
    inserts: Map<(usize, bool), Inserts>,
}

type Map<K, W> = RwLock<HashMap<K, Arc<Lane<W>>>>;

/// Where a lane gets its connections.
pub(super) struct Access {
    pool: Arc<Pool>,
    operation: Operation,
    pub(super) table: &'static Table,
    manner: Manner,
}

impl Lanes {
    /// No lanes yet.
    pub(super) fn new(pool: Arc<Pool>, options: &SqlOptions) -> Self {
        let (runtime, room_wait) = (options.runtime.clone(), options.pool_wait);
        Self { pool, runtime, room_wait, gets: Map::default(), inserts: Map::default() }
    }

    /// Where rows of that table are read.
    #[inline]
    pub(super) fn gets(&self, table: &'static Table) -> Arc<Lane<Gets>> {
        self.lane(&self.gets, address(table), || {
            Gets::new(self.access(Operation::Get, table, Manner::default()))
        })
    }

    /// Where rows of that table are inserted in that manner.
    #[inline]
    pub(super) fn inserts(&self, table: &'static Table, manner: Manner) -> Arc<Lane<Inserts>> {
        let relaxed = manner.durability == Some(Durability::Relaxed);
        self.lane(&self.inserts, (address(table), relaxed), || {
            Inserts::new(self.access(Operation::Insert, table, manner))
        })
    }

    fn access(&self, operation: Operation, table: &'static Table, manner: Manner) -> Access {
        Access { pool: self.pool.clone(), operation, table, manner }
    }

    #[inline]
    fn lane<K: Hash + Eq, W: Work>(
        &self,
        lanes: &Map<K, W>,
        key: K,
        work: impl FnOnce() -> W,
    ) -> Arc<Lane<W>> {
        // A panic elsewhere cannot leave the map half-changed.
        if let Some(lane) = lanes.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return lane.clone();
        }
        let new = || Arc::new(Lane::new(work(), self.runtime.clone(), self.room_wait));
        let mut lanes = lanes.write().unwrap_or_else(PoisonError::into_inner);
        lanes.entry(key).or_insert_with(new).clone()
    }
}

/// A table is one static, whoever names it.
fn address(table: &'static Table) -> usize {
    std::ptr::from_ref(table).addr()
}

impl Access {
    /// A connection that nobody else uses.
    pub(super) async fn lease(&self) -> Result<Lease> {
        let call = Call::new(self.operation, Some(self.table), self.manner, None);
        Lease::take(&self.pool, &call).await
    }
}
