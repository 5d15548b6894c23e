//! One writer and a few readers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::{self, JoinHandle};
use tokio::time::{sleep, timeout};
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result, Table};

use super::address::{self, Place};
use super::error::{from_sqlite, unopened};
use super::{open, tables};
use crate::call::Call;
use crate::error::{closed, exhausted};
use crate::options::SqlOptions;
use crate::status::PoolStatus;
use crate::{naming, schema};

/// The first pause while another process writes; each further one is twice as long.
const BUSY_PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest of these pauses.
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(50);
/// What is kept of a buffer for JSON between two writes, in bytes.
const SCRATCH_BYTES_KEPT: usize = 1 << 20;

/// A SQLite database.
pub(crate) struct Store {
    place: Place,
    /// None before `connect`, after `close`, and when a door has spent it: then the next call
    /// opens another.
    writer: Arc<Mutex<Option<Writing>>>,
    /// Set by `close`: whoever holds a connection then closes it instead of giving it back.
    shut: Arc<AtomicBool>,
    /// None for a database in memory: its only connection reads too.
    readers: Option<Arc<Readers>>,
    /// Those of the options, with the ones they point to.
    tables: Vec<&'static Table>,
    options: SqlOptions,
}

/// The connection that writes, with its buffer for JSON.
pub(super) struct Writing {
    pub(super) connection: Connection,
    pub(super) scratch: Vec<u8>,
}

struct Readers {
    path: PathBuf,
    /// The last one used is taken first: its cache is warm.
    idle: StdMutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    options: SqlOptions,
}

impl Store {
    /// What stands behind `sqlite:`, not opened yet.
    pub(crate) fn later(rest: &str, options: &SqlOptions) -> Result<Self> {
        let place = address::parse(rest)?;
        let tables = schema::with_parents(&options.tables)?;
        for table in &tables {
            // Before a file is made for them.
            naming::check(table).and_then(|()| tables::create(table)).map_err(|e| e.of(table))?;
        }
        let readers = match &place {
            Place::Memory => None,
            Place::File(path) => Some(Arc::new(Readers {
                path: path.clone(),
                idle: StdMutex::new(Vec::new()),
                permits: Arc::new(Semaphore::new(options.readers)),
                options: options.clone(),
            })),
        };
        let writer = Arc::new(Mutex::new(None));
        let shut = Arc::default();
        Ok(Self { place, writer, shut, readers, tables, options: options.clone() })
    }

    /// Opens the database, and creates the tables of the options. If it fails, a file that was
    /// not there before and has nothing in it is taken away again.
    pub(crate) async fn connect(&self) -> Result<()> {
        let fresh = open::Fresh::at(&self.place);
        let mut writer = Writer { guard: self.writer.lock().await, shut: &self.shut };
        *writer.guard = Some(self.open_writer().await?);
        let created = match self.tables.as_slice() {
            [] => Ok(()),
            tables => writer.create(tables, self.busy_wait()).await,
        };
        if created.is_err() {
            writer.guard.take();
        } else {
            fresh.keep();
        }
        created
    }

    async fn open_writer(&self) -> Result<Writing> {
        let opened = patiently(self.busy_wait(), || open::writer(&self.place, &self.options)).await;
        let connection = opened.map_err(|e| match &self.place {
            Place::Memory => e,
            Place::File(path) => unopened(path, e),
        })?;
        Ok(Writing { connection, scratch: Vec::new() })
    }

    /// Asks the file for its schema's number, which it keeps on its first page.
    pub(crate) async fn ping(&self, call: &Call<'_>) -> Result<()> {
        let reader = self.reader(call).await?;
        let number =
            reader.connection()?.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        number.map(drop).map_err(|e| from_sqlite(&e, None))
    }

    /// The file, as it was named, or `:memory:`.
    pub(crate) fn address(&self) -> String {
        match &self.place {
            Place::Memory => ":memory:".to_owned(),
            Place::File(path) => path.display().to_string(),
        }
    }

    /// The runtime whose threads are used, if not the caller's.
    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.options.runtime.as_ref()
    }

    /// How the store is used.
    pub(super) fn options(&self) -> &SqlOptions {
        &self.options
    }

    /// Whether it is a file, which other connections can open too.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// Whether it has been closed, for those who hold a connection.
    pub(super) fn shut(&self) -> Arc<AtomicBool> {
        self.shut.clone()
    }

    /// The writer with its lock, to be taken to another thread.
    pub(super) async fn owned_writer(
        &self,
        _call: &Call<'_>,
    ) -> Result<OwnedMutexGuard<Option<Writing>>> {
        let guard = self.writer.clone().lock_owned();
        let mut guard = timeout(self.busy_wait(), guard).await.map_err(|_| self.held())?;
        if guard.is_none() {
            *guard = Some(self.reopen_writer().await?);
        }
        Ok(guard)
    }

    #[cold]
    async fn reopen_writer(&self) -> Result<Writing> {
        if self.shut.load(Ordering::Acquire) { Err(closed()) } else { self.open_writer().await }
    }

    #[cold]
    fn held(&self) -> Error {
        let message = format!("another write held the database for {:?}", self.busy_wait());
        Error::new(Code::Locked, message)
    }

    /// How long a write waits for another writer.
    pub(super) fn busy_wait(&self) -> Duration {
        self.options.busy_wait
    }

    /// The writer, when it is free.
    pub(super) async fn writer(&self, _call: &Call<'_>) -> Result<Writer<'_>> {
        let guard = match self.writer.try_lock() {
            Ok(guard) => guard,
            Err(_) => {
                let turn = timeout(self.busy_wait(), self.writer.lock()).await;
                turn.map_err(|_| self.held())?
            }
        };
        let mut writer = Writer { guard, shut: &self.shut };
        if writer.guard.is_none() {
            *writer.guard = Some(Box::pin(self.reopen_writer()).await?);
        }
        Ok(writer)
    }

    /// The writer inside a transaction, which ends with `commit` or is undone.
    pub(super) async fn begin(&self, call: &Call<'_>) -> Result<Writer<'_>> {
        let mut writer = self.writer(call).await?;
        writer.begin(self.busy_wait()).await?;
        Ok(writer)
    }

    /// A connection that reads.
    pub(super) async fn reader(&self, _call: &Call<'_>) -> Result<Reader> {
        let Some(readers) = &self.readers else {
            let guard = self.writer.clone().lock_owned();
            let guard = timeout(self.options.pool_wait, guard)
                .await
                .map_err(|_| exhausted(self.options.pool_wait, 1))?;
            return Ok(Reader(Reading::Shared(guard)));
        };
        let permits = readers.permits.clone();
        let permit = match permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => timeout(self.options.pool_wait, permits.acquire_owned())
                .await
                .map_err(|_| exhausted(self.options.pool_wait, self.options.readers))?
                .map_err(|_| closed())?,
        };
        let idle = readers.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&readers.path, &readers.options)
                .map_err(|e| unopened(&readers.path, e))?,
        };
        let (connection, readers) = (Some(connection), readers.clone());
        Ok(Reader(Reading::Pooled { connection, readers, _permit: permit }))
    }

    /// How its connections stand.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        let writing = usize::from(self.writer.try_lock().is_err());
        let (readers, idle, reading) = match &self.readers {
            None => (0, 0, 0),
            Some(readers) => {
                let free = readers.permits.available_permits();
                let all = self.options.readers;
                (all, readers.lock().len(), all.saturating_sub(free))
            }
        };
        PoolStatus {
            engine: crate::SQLITE.engine,
            connections: readers + 1,
            in_use: reading + writing,
            idle: idle + 1 - writing,
            ..PoolStatus::default()
        }
    }

    /// Its readers are as many as the options say.
    pub(crate) fn resize_pool(&self, _: usize, _: usize) -> Result<()> {
        let message = "the pool of a SQLite file cannot be resized: set its readers when it opens";
        Err(Error::new(Code::Unsupported, message))
    }

    /// Creates tables, and those they point to.
    pub(crate) async fn create_tables(
        &self,
        call: &Call<'_>,
        tables: &[&'static Table],
    ) -> Result<()> {
        let tables = schema::with_parents(tables)?;
        self.writer(call).await?.create(&tables, self.busy_wait()).await
    }

    /// Drops a table.
    pub(crate) async fn drop_table(&self, call: &Call<'_>, table: &'static Table) -> Result<()> {
        let mut writer = self.begin(call).await?;
        writer.run(&tables::drop(table))?;
        writer.run("COMMIT")
    }

    /// Closes all connections; the one that writes last, because it tidies the log away. One that
    /// is not given back in time is an error, and is closed when it is.
    pub(crate) async fn close(&self) -> Result<()> {
        self.shut.store(true, Ordering::Release);
        let wait = self.options.pool_wait;
        let mut failed = Ok(());
        if let Some(readers) = &self.readers {
            let all = u32::try_from(self.options.readers).unwrap_or(u32::MAX);
            // Those that read finish first, and nobody takes their place.
            let held = timeout(wait, readers.permits.acquire_many(all)).await;
            readers.permits.close();
            for connection in readers.lock().drain(..) {
                failed = failed.and(shut(connection));
            }
            if held.is_err() {
                failed = failed.and(Err(exhausted(wait, self.options.readers)));
            }
        }
        let mut writer = timeout(wait, self.writer.lock()).await.map_err(|_| exhausted(wait, 1))?;
        if let Some(writing) = writer.take() {
            failed = failed.and(end(writing));
        }
        failed
    }
}

/// Closes the connection that writes, for good.
pub(super) fn end(writing: Writing) -> Result<()> {
    // Statistics for the planner; a store that cannot keep them closes all the same.
    _ = writing.connection.execute_batch("PRAGMA optimize");
    shut(writing.connection)
}

/// Closes a connection.
pub(super) fn shut(connection: Connection) -> Result<()> {
    connection.close().map_err(|(_, e)| from_sqlite(&e, None))
}

/// The connection that writes, while one call has it. Dropped inside a transaction, for an error
/// or because the call was cancelled, it rolls back.
pub(super) struct Writer<'a> {
    guard: MutexGuard<'a, Option<Writing>>,
    shut: &'a AtomicBool,
}

impl Writer<'_> {
    /// Begins a transaction: at once, because one that begins by reading cannot wait for its
    /// turn to write.
    async fn begin(&mut self, wait: Duration) -> Result<()> {
        patiently(wait, || self.run("BEGIN IMMEDIATE")).await
    }

    /// Creates these tables, all or none.
    async fn create(&mut self, tables: &[&'static Table], wait: Duration) -> Result<()> {
        self.begin(wait).await?;
        for table in tables {
            tables::create_in(&self.parts()?.connection, table).map_err(|e| e.of(table))?;
        }
        self.run("COMMIT")
    }

    /// The connection and its buffer; an error after `close`.
    pub(super) fn parts(&mut self) -> Result<&mut Writing> {
        self.guard.as_mut().ok_or_else(closed)
    }

    /// Runs statements without parameters or rows.
    pub(super) fn run(&mut self, sql: &str) -> Result<()> {
        self.parts()?.connection.execute_batch(sql).map_err(|e| from_sqlite(&e, None))
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let Some(writing) = self.guard.as_mut() else { return };
        // A full disk and the like may have rolled back already.
        if !writing.connection.is_autocommit()
            && let Err(error) = writing.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(store = "sqlite", %error, "a transaction could not be rolled back");
        }
        if writing.scratch.capacity() > SCRATCH_BYTES_KEPT {
            writing.scratch = Vec::new();
        }
        if self.shut.load(Ordering::Acquire)
            && let Some(writing) = self.guard.take()
        {
            note_unclosed(end(writing));
        }
    }
}

/// Says in the log that a connection could not be closed where there is no call to say it to.
pub(super) fn note_unclosed(closed: Result<()>) {
    if let Err(error) = closed {
        let code = error.code().as_str();
        tracing::warn!(store = "sqlite", code, "a connection could not be closed");
    }
}

/// A connection that reads, while one call has it.
pub(super) struct Reader(Reading);

enum Reading {
    Pooled { connection: Option<Connection>, readers: Arc<Readers>, _permit: OwnedSemaphorePermit },
    Shared(OwnedMutexGuard<Option<Writing>>),
}

impl Reader {
    /// The connection; an error after `close`.
    pub(super) fn connection(&self) -> Result<&Connection> {
        match &self.0 {
            Reading::Pooled { connection, .. } => connection.as_ref(),
            Reading::Shared(guard) => guard.as_ref().map(|writing| &writing.connection),
        }
        .ok_or_else(closed)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Reading::Pooled { connection, readers, .. } = &mut self.0
            && let Some(connection) = connection.take()
        {
            let mut idle = readers.lock();
            // Asked under the lock: whoever closes the store empties the list after saying so.
            if readers.permits.is_closed() {
                drop(idle);
                note_unclosed(shut(connection));
            } else {
                idle.push(connection);
            }
        }
    }
}

impl Readers {
    /// A panic elsewhere cannot leave the list half-changed.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Repeats what another process keeps from running, until the wait is over. The thread is free
/// in between.
pub(super) async fn patiently<R>(
    wait: Duration,
    mut attempt: impl FnMut() -> Result<R> + Send,
) -> Result<R> {
    let deadline = Tick::now().after(wait);
    let mut pause = BUSY_PAUSE_MIN;
    loop {
        match attempt() {
            Err(error) if error.code() == Code::Locked && !deadline.is_past() => {}
            outcome => return outcome,
        }
        sleep(pause).await;
        pause = (pause * 2).min(BUSY_PAUSE_MAX);
    }
}

/// Runs what may be long on a thread that may wait, of the given runtime or the caller's.
pub(super) fn on_a_thread<R: Send + 'static>(
    runtime: Option<&Handle>,
    job: impl FnOnce() -> R + Send + 'static,
) -> JoinHandle<R> {
    match runtime {
        Some(runtime) => runtime.spawn_blocking(job),
        None => task::spawn_blocking(job),
    }
}
