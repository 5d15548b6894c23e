//! The embedded engine: a typed table of DuckDB for each series.
//!
//! A point is replaced whole by a later record of equal tags and time: the batch goes into a
//! temporary table, and one transaction deletes what it replaces and inserts it.

mod options;
mod sql;

use std::path::PathBuf;

use tradebase_core::watch::Watch;
use tradebase_core::{Capabilities, Record, Result};
use tradebase_duckdb::arrow::record_batch::RecordBatch;
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{
    BatchBuilder, Database, append, check_table, driver_error, query_rows, transaction,
};

pub use options::EmbeddedOptions;

use crate::capability::{EMBEDDED, EMBEDDED_MEMORY};
use crate::identity::{self, Bounds};
use crate::plan::Plan;
use crate::written::Written;

/// The rows of one Arrow batch.
const BATCH_ROWS: usize = 8_192;

/// A file or memory of DuckDB.
#[derive(Debug)]
pub struct Embedded {
    database: Database,
    watch: Watch,
}

impl Embedded {
    /// The engine, not opened yet.
    pub fn later(options: EmbeddedOptions) -> Result<Self> {
        let watch = options.watch.clone();
        Ok(Self { database: options.database()?, watch })
    }

    /// What it can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        if self.database.is_in_memory() { &EMBEDDED_MEMORY } else { &EMBEDDED }
    }

    /// The path of the file, or `:memory:`.
    pub fn address(&self) -> String {
        self.database.address()
    }

    /// Whether the data goes with the process.
    pub fn is_ephemeral(&self) -> bool {
        self.database.is_in_memory()
    }

    /// The file that was asked for, where memory has taken its place.
    pub fn instead_of(&self) -> Option<PathBuf> {
        self.database.instead_of()
    }

    /// The measures of its operations.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Whether the database is open.
    pub fn is_connected(&self) -> bool {
        self.database.is_connected()
    }

    /// Opens the database, if it is not open.
    pub async fn connect(&self) -> Result<()> {
        self.database.connect().await
    }

    /// Asks the database something.
    pub async fn ping(&self) -> Result<()> {
        self.database.ping().await
    }

    /// Makes the table of a record, or looks whether the one that is there will do.
    pub async fn create(&self, plan: &'static Plan) -> Result<()> {
        self.database.start(|engine| engine.create_table(&plan.table)).await?.end().await
    }

    /// Takes the table of a record away, if it is there.
    pub async fn remove(&self, plan: &'static Plan) -> Result<()> {
        self.database.start(|engine| engine.drop_table(&plan.table)).await?.end().await
    }

    /// Writes rows, all or none. A call that is dropped is still carried out once it has begun.
    pub async fn write<T: Record>(&self, plan: &'static Plan, rows: &[T]) -> Result<Written> {
        let batches = batches(plan, rows)?;
        let written = self.database.start(move |engine| {
            engine.check_writable()?;
            // Two writers at once could both find nothing to replace, and keep both points.
            let _only_writer = engine.turn();
            engine.with(|connection| write(connection, plan, batches))
        });
        written.await?.end().await?;
        Ok(Written { accepted: rows.len(), stored: rows.len() })
    }

    /// All records of the range, by time and then by tags.
    pub async fn read<T: Record>(&self, plan: &'static Plan, range: (i64, i64)) -> Result<Vec<T>> {
        let read = move |connection: &Connection| {
            check_table(connection, &plan.table)?;
            query_rows(connection, &sql::select(plan, range), &[])
        };
        self.database.with(read).await
    }

    /// Why a request is refused: there is no server to send it to.
    #[cfg(feature = "influx")]
    pub fn takes_no_requests() -> tradebase_core::Error {
        let message = "the embedded engine takes no requests, only InfluxDB does";
        tradebase_core::Error::new(tradebase_core::Code::Unsupported, message)
    }

    /// Closes the database for all handles.
    pub async fn close(&self) -> Result<()> {
        self.database.close().await
    }
}

/// The rows as Arrow, each point once.
fn batches<T: Record>(plan: &'static Plan, rows: &[T]) -> Result<Vec<RecordBatch>> {
    let bounds = Bounds { lines: BATCH_ROWS, bytes: usize::MAX };
    let repeated = identity::check(plan, rows, bounds)?.repeated;
    let mut repeated = repeated.into_iter().peekable();
    let mut builder = BatchBuilder::<T>::with_capacity(rows.len().min(BATCH_ROWS));
    let mut batches = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        if repeated.next_if_eq(&i).is_some() {
            continue;
        }
        builder.append(row).map_err(|e| e.at_row(i))?;
        if builder.is_full() {
            batches.push(builder.finish()?);
        }
    }
    if !builder.is_empty() {
        batches.push(builder.finish()?);
    }
    Ok(batches)
}

fn write(connection: &Connection, plan: &Plan, batches: Vec<RecordBatch>) -> Result<()> {
    // DuckDB would cast in silence where record and table differ.
    check_table(connection, &plan.table)?;
    run(connection, &sql::stage(plan))?;
    append(connection, &plan.stage, batches.into_iter().map(Ok))?;
    transaction(connection, || run(connection, &sql::settle(plan)))?;
    run(connection, &sql::unstage(plan))
}

fn run(connection: &Connection, statements: &str) -> Result<()> {
    connection.execute_batch(statements).map_err(driver_error)
}
