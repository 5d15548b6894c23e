//! Questions in SQL, and whole tables.

use arrow::record_batch::RecordBatch;
use tradebase_core::{Record, Result, Room, Row, Table, Value};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, Interrupt};

use crate::{Analytics, blocking, json};

impl Analytics {
    /// Asks one statement and reads its rows, column by column by position.
    ///
    /// Parameters are `?`, `$1` or `$name` in order of appearance. The number of columns must be
    /// the row's, and each column must be of a type that the field can be read from without loss.
    /// A call that is dropped stops the statement.
    pub async fn query<R: Row>(&self, sql: &str, params: &[Value]) -> Result<Vec<R>> {
        let rows: Vec<R> = self.ask("query", sql, params, floor::query_rows).await?;
        tracing::debug!(store = "duckdb", operation = "query", count = rows.len());
        Ok(rows)
    }

    /// Asks one statement and gives its rows as a JSON array of objects.
    ///
    /// Decimals are number tokens with all their digits, moments are RFC 3339, bytes are base 64,
    /// columns of JSON keep their form.
    pub async fn query_json(&self, sql: &str, params: &[Value]) -> Result<Vec<u8>> {
        self.ask("query_json", sql, params, json::query).await
    }

    /// Asks one statement and gives its rows in Arrow; an empty list if there are none.
    ///
    /// UUIDs are 16 bytes and JSON is text, each marked as Arrow's extension of that name.
    pub async fn query_arrow(&self, sql: &str, params: &[Value]) -> Result<Vec<RecordBatch>> {
        let found = self.ask("query_arrow", sql, params, floor::query).await?;
        Ok(found.batches)
    }

    /// All records of a table, in the order of their keys.
    pub async fn all<T: Record>(&self) -> Result<Vec<T>> {
        let sql = T::TABLE.slot(Room::Analytics, || Texts::of(T::TABLE)).all.as_str();
        let rows = self.ask("all", sql, &[], floor::query_rows).await;
        let rows: Vec<T> = rows.map_err(|e| e.of(T::TABLE))?;
        let record = T::TABLE.record;
        tracing::debug!(store = "duckdb", operation = "all", record, count = rows.len());
        Ok(rows)
    }

    async fn ask<U: Send + 'static>(
        &self,
        operation: &'static str,
        sql: &str,
        params: &[Value],
        ask: impl FnOnce(&Connection, &str, &[Value]) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        let (sql, params) = (sql.to_owned(), params.to_owned());
        let engine = self.engine().clone();
        let interrupt = Interrupt::default();
        let _stop = interrupt.on_drop();
        let asked = blocking::run(move || {
            engine.with(|connection| {
                interrupt.run(connection, |connection| ask(connection, &sql, &params))
            })
        });
        asked.await.map_err(|e| e.during(operation))
    }
}

/// The statements of a table.
struct Texts {
    all: String,
}

impl Texts {
    fn of(table: &Table) -> Self {
        let columns = floor::names(table.columns);
        let name = floor::quote(table.name);
        let order = floor::names(table.key_columns());
        Self { all: format!("SELECT {columns} FROM {name} ORDER BY {order}") }
    }
}
