//! Appending batches to a record's table, all of them or none.

use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use tradebase_core::{Code, Error, Result, Table};

use crate::catalog;
use crate::ddl::{literal, quote};
use crate::error;

/// Appends batches in one transaction, and says how many rows they had.
///
/// The table is compared with the record first, in the same transaction: an appender casts in
/// silence where they differ. The batches may still be made while others are appended; an error
/// among them, of theirs or of ours, rolls everything back.
pub fn append(
    connection: &Connection,
    table: &Table,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
) -> Result<u64> {
    transaction(connection, || {
        catalog::check(connection, table)?;
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.text).collect();
        let mut appender =
            connection.appender_with_columns(table.name, &columns).map_err(appending)?;
        let mut rows = 0;
        for batch in batches {
            let batch = batch?;
            rows += u64::try_from(batch.num_rows()).unwrap_or_default();
            appender.append_record_batch(batch).map_err(appending)?;
        }
        appender.flush().map_err(appending)?;
        Ok(rows)
    })
}

/// Works in a transaction, which is rolled back if the work fails.
pub fn transaction<U>(connection: &Connection, work: impl FnOnce() -> Result<U>) -> Result<U> {
    connection.execute_batch("BEGIN TRANSACTION").map_err(error::of)?;
    let done = work();
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(error::of);
    // The first error counts: a rollback fails only where there is nothing left to roll back.
    let done = done?;
    ended?;
    Ok(done)
}

/// Takes that many keys from a table's sequence, rising.
pub fn reserve_keys(connection: &Connection, sequence: &str, count: usize) -> Result<Vec<i64>> {
    let sql = format!("SELECT nextval({}) FROM range(?)", literal(&quote(sequence)));
    let count_bound = i64::try_from(count).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(&sql).map_err(error::of)?;
    let keys = statement.query_map([count_bound], |row| row.get(0)).map_err(error::of)?;
    let mut keys: Vec<i64> = keys.collect::<duckdb::Result<_>>().map_err(error::of)?;
    keys.sort_unstable();
    if keys.len() == count {
        Ok(keys)
    } else {
        Err(Error::new(Code::Internal, "the sequence gave another number of keys than asked for"))
    }
}

#[cold]
fn appending(error: duckdb::Error) -> Error {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(words)) if words.contains("could not be found") => {
            Error::new(Code::SchemaMismatch, "there is no such table; create it first")
                .because(words)
        }
        other => error::of(other),
    }
}
