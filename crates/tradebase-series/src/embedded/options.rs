//! How the embedded engine is opened.

use std::path::PathBuf;

use tokio::runtime::Handle;
use tradebase_core::watch::Watch;
use tradebase_core::{Result, Table};
use tradebase_duckdb::{Database, DatabaseOptions, OpenOptions, WhenLocked};

use crate::capability::EMBEDDED;
use crate::plan::Plan;

/// How to open a series on the embedded engine.
///
/// ```
/// use tradebase_series::{EmbeddedOptions, WhenLocked};
///
/// let options = EmbeddedOptions::new("series.duckdb").when_locked(WhenLocked::ReadOnly);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EmbeddedOptions {
    path: PathBuf,
    open: OpenOptions,
    when_locked: WhenLocked,
    runtime: Option<Handle>,
    tables: Vec<&'static Table>,
    pub(crate) watch: Watch,
}

impl EmbeddedOptions {
    /// The defaults for a file, which is made if it is not there, or for `:memory:`, which is
    /// always a new database.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            open: OpenOptions::new(),
            when_locked: WhenLocked::default(),
            runtime: None,
            tables: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// What becomes of the open where another process holds the file; an error unless given.
    pub fn when_locked(mut self, when_locked: WhenLocked) -> Self {
        self.when_locked = when_locked;
        self
    }

    /// Opens an existing file for reading only, beside other readers.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.open.read_only = read_only;
        self
    }

    /// The threads a query may use; as many as the machine has unless given.
    pub fn threads(mut self, threads: u16) -> Self {
        self.open.threads = Some(threads);
        self
    }

    /// The bytes of memory DuckDB may use; four fifths of the machine's unless given.
    pub fn memory_bytes_max(mut self, bytes: u64) -> Self {
        self.open.memory_bytes_max = Some(bytes);
        self
    }

    /// The runtime on whose threads the work is done, instead of the caller's.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What measures the operations, and fails them where a test orders it.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Records whose series are made when the database is opened, if they are missing; one that
    /// is there is left as it is. Records that are no series are passed over.
    pub fn create_tables(mut self, tables: impl IntoIterator<Item = &'static Table>) -> Self {
        self.tables.extend(tables);
        self
    }

    pub(crate) fn database(self) -> Result<Database> {
        let series = self.tables.into_iter().filter(|table| table.series.is_some());
        let plans = series.map(Plan::of).collect::<Result<Vec<_>>>()?;
        let mut options = DatabaseOptions::new(EMBEDDED.engine, self.path)
            .open(self.open)
            .when_locked(self.when_locked)
            .watch(self.watch)
            .create_tables(plans.into_iter().map(|plan| &plan.table))?;
        if let Some(runtime) = self.runtime {
            options = options.runtime(runtime);
        }
        Database::later(options)
    }
}
