//! Questions in SQL, and whole tables.

use arrow::record_batch::RecordBatch;
use tradebase_core::watch::Operation;
use tradebase_core::{Record, Result, Room, Row, Rows, Table, Value};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, Interrupt};

use crate::{Analytics, json, values};

impl Analytics {
    /// Asks one statement and reads its rows, column by column by position.
    ///
    /// Parameters are `?`, `$1` or `$name` in order of appearance. The number of columns must be
    /// the row's, and each column must be of a type that the field can be read from without loss.
    /// A call that is dropped stops the statement.
    pub async fn query<R: Row>(&self, sql: &str, params: &[Value]) -> Result<Vec<R>> {
        self.ask(sql, params, Vec::len, floor::query_rows).await
    }

    /// Asks one statement and gives its rows as values of whatever types they are; see [`Rows`].
    pub async fn query_values(&self, sql: &str, params: &[Value]) -> Result<Rows> {
        self.ask(sql, params, |found: &Rows| found.rows.len(), values::query).await
    }

    /// Carries one statement out, and says how many rows it changed.
    ///
    /// Statements that belong together go over one [`connection`](Analytics::connection): what a
    /// statement leaves open or sets for its session is gone after this call. What belongs to the
    /// whole engine stays, for all its handles, until it closes: an `ATTACH`, and settings that no
    /// session has of its own, such as `threads` and `memory_limit`.
    pub async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        self.ask(sql, params, changed, floor::execute).await
    }

    /// Asks one statement and gives its rows as a JSON array of objects.
    ///
    /// Decimals are number tokens with all their digits, moments are RFC 3339, bytes are base 64,
    /// columns of JSON keep their form. What JSON has no number for is text: `NaN`, `infinity` of
    /// a date or moment.
    pub async fn query_json(&self, sql: &str, params: &[Value]) -> Result<Vec<u8>> {
        let found = self.ask(sql, params, |found: &json::Found| found.count, json::query).await;
        found.map(|found| found.text)
    }

    /// Asks one statement and gives its rows in Arrow; an empty list if there are none.
    ///
    /// UUIDs are 16 bytes and JSON is text, each marked as Arrow's extension of that name. Times
    /// with a zone and bits are text. Infinite dates and moments, which Arrow does not know, are
    /// the largest number and its negative, as DuckDB keeps them.
    pub async fn query_arrow(&self, sql: &str, params: &[Value]) -> Result<Vec<RecordBatch>> {
        let count = |found: &floor::Found| found.batches.iter().map(RecordBatch::num_rows).sum();
        Ok(self.ask(sql, params, count, floor::query).await?.batches)
    }

    /// All records of a table, in the order of their keys.
    pub async fn all<T: Record>(&self) -> Result<Vec<T>> {
        let sql = T::TABLE.slot(Room::Analytics, || Texts::of(T::TABLE)).all.as_str();
        let work = async {
            let interrupt = Interrupt::default();
            let _stop = interrupt.on_drop();
            let all = move |connection: &Connection| {
                interrupt.run(connection, |connection| floor::query_rows(connection, sql, &[]))
            };
            self.database().with(all).await
        };
        self.watched(Operation::All, Some(T::TABLE), Vec::len, work).await
    }

    /// Asks over a connection of the statement's own: nobody knows what it sets or leaves open.
    async fn ask<U: Send + 'static>(
        &self,
        sql: &str,
        params: &[Value],
        count: impl Fn(&U) -> usize,
        ask: impl FnOnce(&Connection, &str, &[Value]) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        let (sql, params) = (sql.to_owned(), params.to_owned());
        let work = async {
            let interrupt = Interrupt::default();
            let _stop = interrupt.on_drop();
            let asked = self.database().start(move |engine| {
                engine.apart(|connection| {
                    interrupt.run(connection, |connection| ask(connection, &sql, &params))
                })
            });
            asked.await?.end().await
        };
        self.watched(Operation::Query, None, count, work).await
    }
}

/// The rows that a statement changed, as measures count them.
pub(crate) fn changed(count: &u64) -> usize {
    usize::try_from(*count).unwrap_or(usize::MAX)
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
