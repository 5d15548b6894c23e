//! A PostgreSQL database.

use std::sync::Arc;

use tokio::runtime::Handle;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result, Table};

use super::lanes::Lanes;
use super::lease::Lease;
use super::pool::{self, Pool};
use super::{address, tables};
use crate::call::Call;
use crate::options::SqlOptions;
use crate::status::PoolStatus;
use crate::{naming, schema};

/// A PostgreSQL database.
pub(crate) struct Store {
    pool: Arc<Pool>,
    pub(super) lanes: Lanes,
    /// The statements that create the tables of the options, if there are any.
    create: Option<String>,
    runtime: Option<Handle>,
}

impl Store {
    /// What stands behind `postgres:`, not connected yet.
    pub(crate) fn later(rest: &str, options: &SqlOptions) -> Result<Self> {
        let address = address::parse(rest, options)?;
        let create = match schema::with_parents(&options.tables)?.as_slice() {
            [] => None,
            all => {
                for table in all {
                    naming::check(table).map_err(|e| e.of(table))?;
                }
                Some(tables::create_all(all)?)
            }
        };
        let pool = Arc::new(Pool::new(address, options.clone()));
        let lanes = Lanes::new(pool.clone(), options);
        Ok(Self { pool, lanes, create, runtime: options.runtime.clone() })
    }

    /// Makes a first connection, and creates the tables of the options.
    pub(crate) async fn connect(&self) -> Result<()> {
        let mut lease = self.pool.lease().await?;
        let connected = match &self.create {
            None => Ok(()),
            Some(sql) => lease.connection()?.run(None, sql).await,
        };
        lease.done(connected)
    }

    /// Asks the server for an answer.
    pub(crate) async fn ping(&self, call: &Call<'_>) -> Result<()> {
        let mut lease = self.lease(call).await?;
        let pong = lease.connection()?.run(None, "SELECT 1").await;
        lease.done(pong)
    }

    /// Host, port and database.
    pub(crate) fn address(&self) -> String {
        address::shown(&self.pool.address().config)
    }

    /// How the pool stands.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Sets how many connections are kept, and how many more may be opened.
    #[expect(clippy::unnecessary_wraps, reason = "the other engine cannot")]
    pub(crate) fn resize_pool(&self, connections: usize, overflow: usize) -> Result<()> {
        self.pool.resize(connections, overflow);
        Ok(())
    }

    /// Whether a connection is one of the server, also between two transactions.
    pub(super) fn sessions(&self) -> Result<()> {
        if !self.pool.address().pgbouncer {
            return Ok(());
        }
        let message = "SQL of your own needs a session, which PgBouncer does not give: leave \
                       pgbouncer out, with PgBouncer 1.21 or later and its max_prepared_statements";
        Err(Error::new(Code::Unsupported, message))
    }

    /// The connection for a call: one that nobody else uses, or that of its transaction.
    pub(super) async fn lease(&self, call: &Call<'_>) -> Result<Lease> {
        Lease::take(&self.pool, call).await
    }

    /// A connection that nobody else uses, also for a call that is part of a transaction.
    pub(super) async fn own_lease(&self, call: &Call<'_>) -> Result<pool::Lease> {
        let begun = Tick::now();
        let lease = self.pool.lease().await;
        call.waits(begun.elapsed());
        lease
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The runtime that connections belong to, if it is not the caller's.
    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    /// Creates tables, and those they point to.
    pub(crate) async fn create_tables(
        &self,
        call: &Call<'_>,
        wanted: &[&'static Table],
    ) -> Result<()> {
        let sql = tables::create_all(&schema::with_parents(wanted)?)?;
        self.run(call, wanted.first().copied(), &sql).await
    }

    /// Drops a table.
    pub(crate) async fn drop_table(&self, call: &Call<'_>, table: &'static Table) -> Result<()> {
        self.run(call, Some(table), &tables::drop(table)).await
    }

    async fn run(&self, call: &Call<'_>, table: Option<&'static Table>, sql: &str) -> Result<()> {
        let mut lease = self.lease(call).await?;
        lease.alters();
        let run = lease.connection()?.run(table, sql).await;
        lease.done(run)
    }

    /// Ends all connections, when those in use are given back.
    pub(crate) async fn close(&self) -> Result<()> {
        self.pool.close().await
    }
}
