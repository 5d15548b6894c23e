//! Statements and what they give.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use duckdb::{Connection, params_from_iter};
use tradebase_core::{Result, Row, Value};

use crate::error;
use crate::params;
use crate::plain::Plain;
use crate::source;
use crate::statement::check_single;

/// What a query gave, in Arrow.
#[derive(Clone, Debug)]
pub struct Found {
    /// The columns, also where there are no rows.
    pub schema: SchemaRef,
    /// The rows, some thousands a batch.
    pub batches: Vec<RecordBatch>,
}

/// Runs one statement and gives its rows in Arrow.
pub fn query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Found> {
    let mut batches = Vec::new();
    let schema = each(
        connection,
        sql,
        values,
        |_| Ok(()),
        |batch| {
            batches.push(batch);
            Ok(())
        },
    )?;
    Ok(Found { schema, batches })
}

/// Runs one statement and reads its rows, column by column by position.
pub fn query_rows<R: Row>(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    each(
        connection,
        sql,
        values,
        |schema| source::check_schema::<R>(schema),
        |batch| source::read_all(&batch, &mut rows),
    )?;
    Ok(rows)
}

/// Runs one statement that gives no rows, and says how many rows it changed.
pub fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64> {
    check_single(sql)?;
    let values = params::bound(values)?;
    let changed = connection.execute(sql, params_from_iter(values)).map_err(error::of)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Runs one statement and shows its batches, one after another.
pub fn each(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    check: impl FnOnce(&SchemaRef) -> Result<()>,
    mut see: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<SchemaRef> {
    check_single(sql)?;
    let values = params::bound(values)?;
    let mut statement = connection.prepare(sql).map_err(error::of)?;
    // The iterator this gives panics where a batch cannot be made; `step` answers with an error.
    let given = statement.query_arrow(params_from_iter(values)).map_err(error::of)?.get_schema();
    let plain = Plain::of(&given)?;
    check(plain.schema())?;
    while let Some(array) = statement.step().map_err(error::of)? {
        see(plain.batch(RecordBatch::from(array))?)?;
    }
    Ok(plain.into_schema())
}
