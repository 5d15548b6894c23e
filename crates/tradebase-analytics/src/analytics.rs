//! The handle of the room: open, create tables, close.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tradebase_core::{Capabilities, Record, Result, Table};
use tradebase_duckdb::duckdb::{self, Connection};
use tradebase_duckdb::{self as floor, Engine};

use crate::{AnalyticsOptions, blocking, capability};

/// A DuckDB database that records are appended to and queries are asked of.
///
/// Handles are cheap to clone and may be used from many tasks at once. All handles of one file
/// share one engine, however often it is opened; the last one that goes closes the file.
#[derive(Clone, Debug)]
pub struct Analytics {
    engine: Engine,
    /// The tables that were compared with their records, by the address of their description.
    checked: Arc<Mutex<HashSet<usize>>>,
}

impl Analytics {
    /// Opens a file, which is made if it is not there, or `:memory:`, which is always a new
    /// database.
    ///
    /// A file that another process holds is an error of the code
    /// [`FileLocked`](tradebase_core::Code::FileLocked); a missing folder or a file that is no
    /// database is [`StorageFailed`](tradebase_core::Code::StorageFailed).
    pub async fn open(path: &str) -> Result<Analytics> {
        Self::open_with(path, AnalyticsOptions::new()).await
    }

    /// Opens a file or `:memory:` with other options.
    pub async fn open_with(path: &str, options: AnalyticsOptions) -> Result<Analytics> {
        let path = path.to_owned();
        let engine = blocking::run(move || Engine::open(path, options)).await?;
        Ok(Self { engine, checked: Arc::default() })
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        if self.engine.path().is_some() { &capability::FILE } else { &capability::MEMORY }
    }

    /// Makes the record's table; does nothing where it is made already and fits the record.
    ///
    /// The table has no primary key: a second record of the same key is kept as a second row.
    pub async fn create_table<T: Record>(&self) -> Result<()> {
        let made = self.with(|connection| floor::create_table::<T>(connection)).await;
        made.map_err(|e| e.during("create_table").of(T::TABLE))?;
        self.check(T::TABLE).await.map_err(|e| e.during("create_table"))
    }

    /// THE RAW DOOR: a connection of the library beneath, for what is not wrapped here.
    ///
    /// The connection is made for the work and closed after it. Types of the library change with
    /// its versions, not with ours.
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
        let engine = self.engine.clone();
        blocking::run(move || engine.raw(work)).await
    }

    /// Closes this handle, and the file with the last one.
    ///
    /// When the last handle's close answers, everything is in the file and another process may
    /// open it. Work that is still going on, on other handles or from calls that were dropped,
    /// keeps the file open until it ends. A handle that is dropped closes too, but blocks its
    /// thread for it and cannot report an error.
    pub async fn close(self) -> Result<()> {
        let Self { engine, checked } = self;
        drop(checked);
        blocking::run(move || engine.close().map(|_| ())).await
    }

    /// Compares a record's table with the record, once for this handle and its clones: appending
    /// to columns of other types would cast in silence.
    pub(crate) async fn check(&self, table: &'static Table) -> Result<()> {
        let address = std::ptr::from_ref(table).addr();
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked().contains(&address) {
            return Ok(());
        }
        self.with(move |connection| floor::check_table(connection, table)).await?;
        checked().insert(address);
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) async fn with<U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        let engine = self.engine.clone();
        blocking::run(move || engine.with(work)).await
    }
}
