//! The connections that read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::timeout;
use tradebase_core::Result;
use tradebase_core::clock::Tick;

use super::error::unopened;
use super::held::Use;
use super::open;
use super::writing::{Writing, note_unclosed, shut};
use crate::call::Call;
use crate::error::{closed, exhausted};
use crate::options::SqlOptions;

/// Connections to a file.
pub(super) struct Readers {
    path: PathBuf,
    /// The last one used is taken first: its cache is warm.
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    options: SqlOptions,
}

/// How the readers stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// How many there may be.
    pub(super) readers: usize,
    pub(super) idle: usize,
    /// How many calls have one.
    pub(super) reading: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: SqlOptions) -> Self {
        let permits = Semaphore::new(options.readers);
        Self { path, idle: Mutex::default(), permits, options }
    }

    /// One of them, when it is free.
    pub(super) async fn take(self: &Arc<Self>, call: &Call<'_>) -> Result<Reader> {
        let wait = self.options.pool_wait;
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let begun = Tick::now();
                let permit = timeout(wait, self.permits.acquire()).await;
                call.waits(begun.elapsed());
                permit.map_err(|_| exhausted(wait, self.options.readers))?.map_err(|_| closed())?
            }
        };
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path, &self.options).map_err(|e| unopened(&self.path, e))?,
        };
        // Given back with the connection.
        permit.forget();
        Ok(Reader(Reading::Pooled { connection: Some(connection), readers: self.clone() }))
    }

    /// Closes all of them; those in use when they are given back.
    pub(super) async fn close(&self) -> Result<()> {
        let all = u32::try_from(self.options.readers).unwrap_or(u32::MAX);
        let wait = self.options.pool_wait;
        // Those that read finish first, and nobody takes their place.
        let held = timeout(wait, self.permits.acquire_many(all)).await;
        self.permits.close();
        let mut failed = Ok(());
        for connection in self.lock().drain(..) {
            failed = failed.and(shut(connection));
        }
        if held.is_err() {
            failed = failed.and(Err(exhausted(wait, self.options.readers)));
        }
        failed
    }

    /// How they stand now.
    pub(super) fn standing(&self) -> Standing {
        let (readers, free) = (self.options.readers, self.permits.available_permits());
        Standing { readers, idle: self.lock().len(), reading: readers.saturating_sub(free) }
    }

    /// A panic elsewhere cannot leave the list half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, connection: Connection) {
        // What a caller left open, or a cancelled call.
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            note_unclosed(shut(connection));
        } else {
            let mut idle = self.lock();
            // Asked under the lock: whoever closes the store empties the list after saying so.
            if self.permits.is_closed() {
                drop(idle);
                note_unclosed(shut(connection));
            } else {
                idle.push(connection);
            }
        }
        self.permits.add_permits(1);
    }
}

/// A connection that reads, while one call has it.
pub(super) struct Reader(Reading);

enum Reading {
    Pooled {
        connection: Option<Connection>,
        readers: Arc<Readers>,
    },
    /// The only connection of a database in memory.
    Shared(OwnedMutexGuard<Option<Writing>>),
    /// That of a transaction.
    Held(Use),
}

impl Reader {
    /// The only connection of a database in memory.
    pub(super) fn shared(guard: OwnedMutexGuard<Option<Writing>>) -> Self {
        Self(Reading::Shared(guard))
    }

    /// The connection of a transaction.
    pub(super) fn held(held: Use) -> Self {
        Self(Reading::Held(held))
    }

    /// The connection; an error after `close`.
    pub(super) fn connection(&self) -> Result<&Connection> {
        match &self.0 {
            Reading::Pooled { connection, .. } => connection.as_ref().ok_or_else(closed),
            Reading::Shared(guard) => {
                guard.as_ref().map(|writing| &writing.connection).ok_or_else(closed)
            }
            Reading::Held(held) => held.connection(),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        match &mut self.0 {
            Reading::Pooled { connection, readers } => {
                if let Some(connection) = connection.take() {
                    readers.give_back(connection);
                }
            }
            Reading::Shared(guard) => {
                if let Some(writing) = guard.as_ref() {
                    writing.roll_back();
                }
            }
            Reading::Held(_) => {}
        }
    }
}
