//! How a store's pool of connections stands.

use std::time::Duration;

use tradebase_core::Result;

use crate::engine::{Engine, either};
use crate::sql::Sql;

/// How the pool of a store stands, from [`Sql::pool_status`].
///
/// On SQLite the connections are the readers and the one that writes; there is no overflow, and
/// what is counted since the store was made is not counted there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Connections that are kept at most.
    pub connections: usize,
    /// Connections beyond these that are opened when all are in use.
    pub overflow: usize,
    /// Connections that calls have now, with those whose statement is being cancelled.
    pub in_use: usize,
    /// Connections that wait for a call.
    pub idle: usize,
    /// Calls that wait for a connection now.
    pub waiting: usize,
    /// Calls that had to wait for a connection, whether they got one or not.
    pub waits: u64,
    /// How long all these waited together.
    pub wait_total: Duration,
    /// How long the one that waited longest did.
    pub wait_max: Duration,
    /// Calls that waited in vain.
    pub exhausted: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were ended for their age.
    pub recycled: u64,
    /// Connections that were ended because they were not needed any more.
    pub surplus: u64,
    /// Connections that the server ended, or that a call left in a state that nobody knows.
    pub broken: u64,
    /// Connections whose statement was cancelled, because its call was dropped.
    pub cancelled: u64,
}

impl PoolStatus {
    /// Connections that there can be at most.
    pub fn capacity(&self) -> usize {
        self.connections.saturating_add(self.overflow)
    }
}

impl Sql {
    /// How the pool of this store stands now. It waits for nothing.
    pub fn pool_status(&self) -> PoolStatus {
        either!(Engine, &self.engine, store => store.pool_status())
    }

    /// Sets how many connections to PostgreSQL are kept, at least one, and how many more may be
    /// opened, while the store is in use.
    ///
    /// Calls that wait go on at once if there are more connections now. If there are fewer, those
    /// that are idle are closed, and those in use when they come back. On SQLite it is an error
    /// of the code [`Code::Unsupported`](tradebase_core::Code::Unsupported): how many connections
    /// read is said by [`SqlOptions::readers`](crate::SqlOptions::readers) when it opens.
    pub fn resize_pool(&self, connections: usize, overflow: usize) -> Result<()> {
        let resized =
            either!(Engine, &self.engine, store => store.resize_pool(connections, overflow));
        resized.map_err(|e| e.during("resize_pool"))
    }
}
