//! A small pool of connections.

use std::sync::atomic::{AtomicU64, Ordering};
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
    /// How often statements that may have altered tables were run.
    alterations: AtomicU64,
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(config: Config, options: SqlOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.pool_connections));
        let (idle, alterations) = (Mutex::default(), AtomicU64::new(0));
        Self { config, options, idle, permits, alterations }
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
        let mut connection = match self.take_idle() {
            Some(connection) => connection,
            // Boxed, so that no call carries it along.
            None => Box::pin(Connection::open(&self.config, &self.options)).await?,
        };
        connection.keep_up(self.alterations.load(Ordering::Relaxed));
        let (pool, connection) = (self.clone(), Some(connection));
        Ok(Lease { pool, connection, usable: false, alters: false, _permit: permit })
    }

    /// A table may be another one from now on: all connections compare theirs anew.
    fn altered(&self) {
        self.alterations.fetch_add(1, Ordering::Relaxed);
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
    alters: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(closed)
    }

    /// Says that what is run may alter tables.
    pub(super) fn alters(&mut self) {
        self.alters = true;
    }

    /// Takes the connection along: it is put back when a call has ended, and a call that is
    /// cancelled ends it. None after such a call.
    pub(super) fn take(&mut self) -> Option<Connection> {
        self.connection.take()
    }

    /// Puts the connection back after a call.
    pub(super) fn put(&mut self, connection: Connection) {
        self.connection = Some(connection);
        if self.alters {
            self.pool.altered();
        }
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
        if self.alters {
            self.pool.altered();
        }
        if let Some(connection) = self.connection.take()
            && self.usable
            && connection.is_open()
        {
            let mut idle = self.pool.lock();
            // Asked under the lock: whoever closes the pool empties the list after saying so.
            if !self.pool.permits.is_closed() {
                idle.push(connection);
            }
        }
    }
}
