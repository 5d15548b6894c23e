//! A small pool of connections.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_postgres::Config;
use tradebase_core::{Code, Result, Table};

use super::address;
use super::connection::Connection;
use super::tables;
use crate::error::{closed, exhausted};
use crate::options::SqlOptions;
use crate::schema;

/// A PostgreSQL database.
pub(crate) struct Store {
    config: Config,
    options: SqlOptions,
    /// The last one used is taken first: the others may rest.
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Store {
    /// Opens what stands behind `postgres:`, with a first connection.
    pub(crate) async fn open(rest: &str, options: &SqlOptions) -> Result<Self> {
        let config = address::parse(rest, options.connect_wait)?;
        let store = Self {
            config,
            options: options.clone(),
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(options.pool_connections),
        };
        let lease = store.lease().await?;
        lease.done(Ok(()))?;
        Ok(store)
    }

    /// A connection that nobody else uses.
    pub(super) async fn lease(&self) -> Result<Lease<'_>> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => timeout(self.options.pool_wait, self.permits.acquire())
                .await
                .map_err(|_| exhausted(self.options.pool_wait, self.options.pool_connections))?
                .map_err(|_| closed())?,
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => {
                let Self { config, options, .. } = self;
                Connection::open(config, options.connect_wait, options.statements_max).await?
            }
        };
        Ok(Lease { store: self, connection: Some(connection), usable: false, _permit: permit })
    }

    /// Those that the server has ended are dropped on the way.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some(connection) = idle.pop() {
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// A panic elsewhere cannot leave the list half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a table, and those it points to.
    pub(crate) async fn create_table(&self, table: &'static Table) -> Result<()> {
        let sql = tables::create_all(&schema::with_parents(table)?)?;
        self.run(table, &sql).await
    }

    /// Drops a table.
    pub(crate) async fn drop_table(&self, table: &'static Table) -> Result<()> {
        self.run(table, &tables::drop(table)).await
    }

    async fn run(&self, table: &'static Table, sql: &str) -> Result<()> {
        let mut lease = self.lease().await?;
        let connection = lease.connection()?;
        let run = connection.run(table, sql).await;
        lease.done(run)
    }

    /// Ends all connections, when those in use are given back.
    pub(crate) async fn close(&self) -> Result<()> {
        let all = u32::try_from(self.options.pool_connections).unwrap_or(u32::MAX);
        let held = timeout(self.options.pool_wait, self.permits.acquire_many(all)).await;
        self.permits.close();
        let idle: Vec<_> = self.lock().drain(..).collect();
        for connection in idle {
            connection.close().await;
        }
        match held {
            Ok(_) => Ok(()),
            Err(_) => Err(exhausted(self.options.pool_wait, self.options.pool_connections)),
        }
    }
}

/// A connection, while one call has it.
///
/// It goes back to the pool only after [`done`](Lease::done): a call that was cancelled leaves it
/// in a state that nobody knows, so then it is ended, and the server undoes what was begun.
pub(super) struct Lease<'a> {
    store: &'a Store,
    connection: Option<Connection>,
    usable: bool,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(closed)
    }

    /// The call has ended, well or not, and no transaction is open.
    pub(super) fn done<R>(mut self, outcome: Result<R>) -> Result<R> {
        self.usable = true;
        if let (Err(error), Some(connection)) = (&outcome, &mut self.connection)
            && matches!(error.code(), Code::SchemaMismatch | Code::TransactionFailed)
        {
            // Somebody may have changed a table under its prepared statements.
            connection.forget();
        }
        outcome
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.usable
            && connection.is_open()
        {
            self.store.lock().push(connection);
        }
    }
}
