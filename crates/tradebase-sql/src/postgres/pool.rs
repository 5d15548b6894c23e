//! A small pool of connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::Config;
use tradebase_core::{Code, Result};

use super::connection::Connection;
use crate::error::{closed, exhausted};
use crate::options::SqlOptions;

/// Connections to one database.
pub(super) struct Pool {
    config: Config,
    options: SqlOptions,
    /// The last one used is taken first: the others may rest.
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(config: Config, options: SqlOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.pool_connections));
        Self { config, options, idle: Mutex::new(Vec::new()), permits }
    }

    /// How it connects.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// A connection that nobody else uses.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let permits = self.permits.clone();
        let permit = match permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => timeout(self.options.pool_wait, permits.acquire_owned())
                .await
                .map_err(|_| exhausted(self.options.pool_wait, self.options.pool_connections))?
                .map_err(|_| closed())?,
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => Connection::open(&self.config, &self.options).await?,
        };
        let connection = Some(connection);
        Ok(Lease { pool: self.clone(), connection, usable: false, _permit: permit })
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

    /// Ends all connections, when those in use are given back.
    pub(super) async fn close(&self) -> Result<()> {
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
pub(super) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    usable: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
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

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.usable
            && connection.is_open()
            && !self.pool.permits.is_closed()
        {
            self.pool.lock().push(connection);
        }
    }
}
