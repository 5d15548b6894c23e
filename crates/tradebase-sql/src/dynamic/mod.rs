//! Tables that are known only at run time: by name, with values of any kind.

mod changes;
mod conflict;
mod filter;
mod filter_json;
mod find;
mod full;
mod names;
mod row;
mod verbs;

pub use conflict::DynamicConflict;
pub use filter::{DynamicFilter, FILTER_LEVELS_MAX, FILTER_TERMS_MAX, FILTER_VALUES_MAX};
pub use filter_json::FILTER_BYTES_MAX;
pub use find::DynamicFind;
pub use row::DynamicRow;

use tradebase_core::{Code, Error, Result, Table, Value, Violations, json};

use crate::sql::Sql;

/// A table, to be asked and written by the names of its columns: for programs that learn only at
/// run time what there is, as the command line and the console do.
///
/// Rows are checked as their record is: by its limits, rules and types, with the same errors,
/// which name every column at fault; and they are stored in the same bytes. Of a table that is
/// made from a [`TableSchema`](tradebase_core::schema::TableSchema) the rules and types are not
/// known, so kinds and limits are checked only.
///
/// ```
/// # use tradebase_core::{Decimal, Record, Value};
/// # use tradebase_sql::{DynamicRow, Sql, SqlOptions};
/// #[derive(Record)]
/// #[record(table = "quotes")]
/// struct Quote {
///     #[record(key)]
///     symbol: String,
///     #[record(decimal(18, 8), min = 0)]
///     bid: Decimal,
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let options = SqlOptions::new("sqlite::memory:").create_tables([Quote::TABLE]);
/// let sql = Sql::open_with(options).await?;
/// let quotes = sql.table_named("quotes")?;
/// quotes.insert(&quotes.row_from_json(r#"{"symbol":"BTC/USDT","bid":91250.5}"#)?).await?;
/// let found = quotes.get(&["BTC/USDT".into()]).await?.unwrap_or_default();
/// assert_eq!(found.get("bid"), Some(&Value::Decimal(9_125_050_000_000, 8)));
///
/// let wrong = DynamicRow::new().with("symbol", "ETH/USDT").with("bid", -1_i64);
/// let error = quotes.insert(&wrong).await.unwrap_err();
/// assert_eq!(error.violations()[0].message, "must be at least 0, is -1.00000000");
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dynamic<'a> {
    sql: &'a Sql,
    table: &'static Table,
}

impl Sql {
    /// A table, to be asked and written by name: that of a record, or of a
    /// [`TableSchema`](tradebase_core::schema::TableSchema).
    pub fn table(&self, table: &'static Table) -> Dynamic<'_> {
        Dynamic { sql: self, table }
    }

    /// The table of that name, of those that the store was opened with
    /// ([`SqlOptions::create_tables`](crate::SqlOptions::create_tables)) and those they point to.
    pub fn table_named(&self, name: &str) -> Result<Dynamic<'_>> {
        names::find(self.tables(), name).map(|table| self.table(table))
    }
}

impl Dynamic<'_> {
    /// What is known of it.
    pub fn schema(&self) -> &'static Table {
        self.table
    }

    /// A row of it from a JSON object; see [`DynamicRow::from_json`].
    pub fn row_from_json(&self, text: &str) -> Result<DynamicRow> {
        DynamicRow::from_json(self.table, text)
    }

    /// The key of a row.
    pub fn key_of(&self, row: &DynamicRow) -> Result<Vec<Value>> {
        let mut key = Vec::with_capacity(self.table.key.len());
        for column in self.table.key_columns() {
            let value = row.get(column.name.text).cloned().ok_or_else(|| {
                let message = "must have a value, is missing";
                Error::refused(column, "required", message)
            })?;
            key.push(value);
        }
        Ok(key)
    }

    /// A key from JSON: the value itself, or an array of one per column.
    pub fn key_from_json(&self, text: &str) -> Result<Vec<Value>> {
        let bad = || Error::new(Code::Invalid, "the key is no JSON value, or no array of them");
        let mut scanner = json::Scanner::new(text.as_bytes());
        let cell = scanner.value().map_err(|error| bad().because(error))?;
        if !scanner.at_end() {
            return Err(bad());
        }
        let mut cells = vec![cell];
        if let json::Cell::Nested(raw) = cell {
            let mut scanner = json::Scanner::new(raw);
            scanner.expect(b'[').map_err(|error| bad().because(error))?;
            cells.clear();
            while scanner.element(cells.is_empty()).map_err(|error| bad().because(error))? {
                cells.push(scanner.value().map_err(|error| bad().because(error))?);
            }
        }
        let (mut key, mut found) = (Vec::with_capacity(cells.len()), Violations::new());
        let mut columns = self.table.key_columns();
        for cell in cells {
            // One more than there are columns is told when the key is used.
            let Some(column) = columns.next() else {
                key.push(Value::Null);
                continue;
            };
            match json::value_of(column, cell) {
                Ok(value) => key.push(value),
                Err(error) => found.absorb(error)?,
            }
        }
        found.into_result()?;
        Ok(key)
    }
}
