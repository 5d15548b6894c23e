//! The embedded engine: a typed table of DuckDB for each series.
//!
//! A point is replaced whole by a later record of equal tags and time: the batch goes into a
//! temporary table, and one transaction deletes what it replaces and inserts it.

mod gate;
mod sql;

use std::sync::Arc;

use tokio::task::spawn_blocking;
use tradebase_core::{Code, Error, Record, Result};
use tradebase_duckdb::arrow::record_batch::RecordBatch;
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{
    BatchBuilder, Engine, OpenOptions, append, check_table, create_table_sql, driver_error,
    query_rows, transaction,
};

use crate::identity::{self, Bounds};
use crate::plan::Plan;
use crate::written::Written;
use gate::Gate;

/// The rows of one Arrow batch.
const BATCH_ROWS: usize = 8_192;

/// A file or memory of DuckDB.
#[derive(Debug)]
pub struct Embedded {
    engine: Engine,
    gate: Arc<Gate>,
}

impl Embedded {
    /// Opens a file, or `:memory:`.
    pub async fn open(path: &str) -> Result<Self> {
        let path = path.to_owned();
        let engine = blocking(move || Engine::open(&path, OpenOptions::new())).await?;
        let gate = gate::of(engine.path());
        Ok(Self { engine, gate })
    }

    /// Whether the data goes with the process.
    pub fn is_in_memory(&self) -> bool {
        self.engine.path().is_none()
    }

    /// Makes the table of a record, or looks whether the one that is there will do.
    pub async fn create(&self, plan: &'static Plan) -> Result<()> {
        self.with(move |connection| {
            run(connection, &create_table_sql(&plan.table)?)?;
            check_table(connection, &plan.table)
        })
        .await
    }

    /// Writes rows, all or none. A call that is dropped is still carried out once it has begun.
    pub async fn write<T: Record>(&self, plan: &'static Plan, rows: &[T]) -> Result<Written> {
        let batches = batches(plan, rows)?;
        let gate = Arc::clone(&self.gate);
        self.with(move |connection| {
            // Two writers at once could both find nothing to replace, and keep both points.
            let _only_writer = gate.enter();
            // DuckDB would cast in silence where record and table differ.
            check_table(connection, &plan.table)?;
            run(connection, &sql::stage(plan))?;
            append(connection, &plan.stage, batches.into_iter().map(Ok))?;
            transaction(connection, || run(connection, &sql::settle(plan)))?;
            run(connection, &sql::unstage(plan))
        })
        .await?;
        Ok(Written { accepted: rows.len(), stored: rows.len() })
    }

    /// All records of the range, by time and then by tags.
    pub async fn read<T: Record>(&self, plan: &'static Plan, range: (i64, i64)) -> Result<Vec<T>> {
        self.with(move |connection| {
            check_table(connection, &plan.table)?;
            query_rows(connection, &sql::select(plan, range), &[])
        })
        .await
    }

    /// Closes the engine, if nobody else has it.
    pub async fn close(self) -> Result<()> {
        blocking(move || self.engine.close().map(|_| ())).await
    }

    async fn with<U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        let engine = self.engine.clone();
        blocking(move || engine.with(work)).await
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

fn run(connection: &Connection, statements: &str) -> Result<()> {
    connection.execute_batch(statements).map_err(driver_error)
}

/// Works on a thread that may wait for the disk.
async fn blocking<U: Send + 'static>(
    work: impl FnOnce() -> Result<U> + Send + 'static,
) -> Result<U> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(Code::Internal, "the work on the embedded engine broke off").because(error))
    })
}
