//! Changing and deleting the rows that pass a filter over columns by name.

use std::pin::pin;

#[cfg(doc)]
use tradebase_core::Code;
use tradebase_core::Result;
use tradebase_core::watch::Operation;

use super::Dynamic;
use super::filter::DynamicFilter;
use super::row::DynamicRow;
use super::verbs::gathered;
use crate::changes::some_rows;
use crate::engine::{Engine, either};
use crate::sql::count;

/// What to do about a filter that every row passes.
const INSTEAD: &str = "say by a filter which rows are meant";

impl Dynamic<'_> {
    /// Changes some columns of every row that passes a filter, and gives their number.
    ///
    /// Values are checked and columns filled as by [`update`](Dynamic::update). A filter that
    /// every row passes, as far as its form tells, is an error of the code [`Code::Unsupported`].
    /// When it returns, all of it is committed; cancelled, all of it is done or nothing. See
    /// [`Sql::update_where`](crate::Sql::update_where).
    ///
    /// ```
    /// # use tradebase_core::{Record, Value};
    /// # use tradebase_sql::{DynamicFilter, DynamicRow, Sql};
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into(), active: true }).await?;
    /// let active = DynamicFilter::new("active", "eq", [Value::Bool(true)]);
    /// let stop = DynamicRow::new().with("active", false);
    /// assert_eq!(sql.table(Bot::TABLE).update_where(active, &stop).await?, 1);
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn update_where(&self, filter: DynamicFilter, changes: &DynamicRow) -> Result<u64> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::UpdateWhere, Some(table));
        let updated = async {
            let change = gathered(table, changes).checked(sql)?;
            let condition = some_rows(filter.condition(table)?, INSTEAD)?;
            either!(Engine, &sql.engine, store => {
                store.update_where(&call, table, &change, &condition).await
            })
        };
        sql.run(&call, count, pin!(updated)).await
    }

    /// Deletes every row that passes a filter, and gives their number; not that of rows that die
    /// with them.
    ///
    /// A filter that every row passes, as far as its form tells, is an error of the code
    /// [`Code::Unsupported`]. When it returns, all of it is committed; cancelled, all of it is
    /// done or nothing. See [`Sql::delete_where`](crate::Sql::delete_where).
    pub async fn delete_where(&self, filter: DynamicFilter) -> Result<u64> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::DeleteWhere, Some(table));
        let deleted = async {
            let condition = some_rows(filter.condition(table)?, INSTEAD)?;
            either!(Engine, &sql.engine, store => {
                store.delete_where(&call, table, &condition).await
            })
        };
        sql.run(&call, count, pin!(deleted)).await
    }
}
