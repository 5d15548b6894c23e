//! The handle of the room: open, create tables, close.

use std::path::PathBuf;

use tradebase_core::clock::Clock;
use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Capabilities, Record, Result};
use tradebase_duckdb::Database;
use tradebase_duckdb::duckdb::{self, Connection};

use crate::watched::told;
use crate::{AnalyticsOptions, capability};

/// A DuckDB database that records are appended to and queries are asked of.
///
/// Handles are cheap to clone and may be used from many tasks at once. All handles of one file
/// share one engine, however often it is opened; the last one that goes closes the file.
#[derive(Clone, Debug)]
pub struct Analytics {
    database: Database,
    watch: Watch,
    clock: Clock,
}

impl Analytics {
    /// Opens a file, which is made if it is not there, or `:memory:`, which is always a new
    /// database.
    ///
    /// A file that another process holds is an error of the code
    /// [`FileLocked`](tradebase_core::Code::FileLocked), unless the options say otherwise by
    /// [`WhenLocked`](crate::WhenLocked). A missing folder or a file that is no database is
    /// [`StorageFailed`](tradebase_core::Code::StorageFailed). A failed open leaves no new file.
    pub async fn open(path: &str) -> Result<Analytics> {
        Self::open_with(AnalyticsOptions::new(path)).await
    }

    /// Opens a file or `:memory:` with other options.
    pub async fn open_with(options: AnalyticsOptions) -> Result<Analytics> {
        let analytics = Self::later(options).map_err(|e| e.during("open"))?;
        let done = analytics.database.connect().await.map_err(|e| e.during("open"));
        told(Operation::Connect, None, |()| 0, done)?;
        Ok(analytics)
    }

    /// A handle that opens its database when it is first used.
    ///
    /// The options are checked now. A failed open is an error of the call that needed it and of
    /// those that waited for it, and the next call tries again.
    pub fn later(options: AnalyticsOptions) -> Result<Analytics> {
        let (watch, clock) = (options.watch.clone(), options.clock.clone());
        Ok(Self { database: options.database()?, watch, clock })
    }

    /// Opens the database, if it is not open.
    pub async fn connect(&self) -> Result<()> {
        told(Operation::Connect, None, |()| 0, self.database.connect().await)
    }

    /// Whether the database is open.
    pub fn is_connected(&self) -> bool {
        self.database.is_connected()
    }

    /// Asks the database something, opening it if need be.
    pub async fn ping(&self) -> Result<()> {
        self.watched(Operation::Ping, None, |()| 0, self.database.ping()).await
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        if self.is_ephemeral() { &capability::MEMORY } else { &capability::FILE }
    }

    /// Where it is: the path of the file, or `:memory:`.
    pub fn address(&self) -> String {
        self.database.address()
    }

    /// The measures of its operations.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Whether its rows end with the process: it is in memory, as asked for or because the file
    /// was locked.
    pub fn is_ephemeral(&self) -> bool {
        self.database.is_in_memory()
    }

    /// The file that was asked for, where it was locked and memory has taken its place.
    pub fn ephemeral_instead_of(&self) -> Option<PathBuf> {
        self.database.instead_of()
    }

    /// Makes the record's table; does nothing where it is made already and fits the record.
    ///
    /// The table has no primary key: a second record of the same key is kept as a second row.
    pub async fn create_table<T: Record>(&self) -> Result<()> {
        let work = async {
            self.database.start(|engine| engine.create_table(T::TABLE)).await?.end().await
        };
        self.watched(Operation::Create, Some(T::TABLE), |()| 0, work).await
    }

    /// Drops the record's table with all its rows, if it is there.
    pub async fn drop_table<T: Record>(&self) -> Result<()> {
        let work =
            async { self.database.start(|engine| engine.drop_table(T::TABLE)).await?.end().await };
        self.watched(Operation::Drop, Some(T::TABLE), |()| 0, work).await
    }

    /// THE RAW DOOR: a connection of the library beneath, for what is not wrapped here and by
    /// [`connection`](Analytics::connection).
    ///
    /// The connection is made for the work and closed after it. What belongs to the whole engine
    /// stays, as with [`execute`](Analytics::execute). Types of the library change with its
    /// versions, not with ours.
    ///
    /// ```
    /// # use tradebase_analytics::Analytics;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tradebase_core::Error> {
    /// let analytics = Analytics::open(":memory:").await?;
    /// let made = "CREATE TABLE notes (note VARCHAR); CREATE INDEX by_note ON notes (note)";
    /// analytics.raw(move |connection| connection.execute_batch(made)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn raw<U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> duckdb::Result<U> + Send + 'static,
    ) -> Result<U> {
        let work = async { self.database.start(|engine| engine.raw(work)).await?.end().await };
        self.watched(Operation::Door, None, |_| 0, work).await
    }

    /// Closes the database for this handle and all its clones. A call that comes later is an error
    /// of the code [`Closed`](tradebase_core::Code::Closed). Closing twice is fine.
    ///
    /// It waits for work under way, also for connections that are checked out, at most
    /// [`CLOSE_WAIT_MAX`](crate::CLOSE_WAIT_MAX). When it answers, everything is in the file and
    /// another process may open it, unless this process has opened it a second time. A handle
    /// that is dropped closes too, but blocks its thread for it and cannot report an error.
    pub async fn close(&self) -> Result<()> {
        self.watched(Operation::Close, None, |()| 0, self.database.close()).await
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}
