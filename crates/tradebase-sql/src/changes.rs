//! Changing and deleting the records that pass a filter.

use std::pin::pin;

#[cfg(doc)]
use tradebase_core::Code;
use tradebase_core::watch::Operation;
use tradebase_core::{Col, Condition, Error, Field, Filter, Operand, Record, Result, Value};

use crate::engine::{Engine, either};
use crate::patch::Changes;
use crate::sql::{Sql, count};

/// A change of all records that pass a filter, while it is put together; [`run`](UpdateWhere::run)
/// carries it out.
///
/// Values are checked as by a [`Patch`](crate::Patch), and the layer fills the same columns: the
/// time of the change, and the version of each row, counted up by one.
#[must_use = "nothing is changed until `run` is awaited"]
#[derive(Debug)]
pub struct UpdateWhere<'a, T> {
    sql: &'a Sql,
    rows: Which<T>,
    changes: Changes,
}

/// Which rows are meant.
#[derive(Debug)]
enum Which<T> {
    /// All, and it was said loudly.
    Every,
    Passing(Filter<T>),
}

impl<T: Record> Which<T> {
    fn condition(self, loudly: &str) -> Result<Condition> {
        match self {
            Which::Every => Ok(Condition::Always),
            Which::Passing(filter) => {
                let instead = format!("if that is meant, say it with {loudly}");
                some_rows(filter.into_condition()?, &instead)
            }
        }
    }
}

/// Refuses a condition that every row passes, as far as its form tells.
pub(crate) fn some_rows(condition: Condition, instead: &str) -> Result<Condition> {
    if !condition.is_empty() {
        return Ok(condition);
    }
    let message = format!("every row passes this filter: {instead}");
    Err(Error::new(tradebase_core::Code::Unsupported, message))
}

impl Sql {
    /// Changes some columns of every record that passes a filter.
    ///
    /// A filter that every row passes, as far as its form tells, is an error of the code
    /// [`Code::Unsupported`]; [`update_every_row`](Sql::update_every_row) is for that.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into(), active: true }).await?;
    /// let stopped = sql.update_where(Bot::ACTIVE.eq(true)).set(Bot::ACTIVE, false).run().await?;
    /// assert_eq!(stopped, 1);
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_where<T: Record>(&self, filter: Filter<T>) -> UpdateWhere<'_, T> {
        let changes = Changes::new(T::TABLE);
        UpdateWhere { sql: self, rows: Which::Passing(filter), changes }
    }

    /// Changes some columns of every record there is.
    pub fn update_every_row<T: Record>(&self) -> UpdateWhere<'_, T> {
        UpdateWhere { sql: self, rows: Which::Every, changes: Changes::new(T::TABLE) }
    }

    /// Deletes every record that passes a filter, and gives their number.
    ///
    /// Rows that die with them, as a `belongs_to` with `on_delete = cascade` says, are not
    /// counted; on SQLite not even those that pass as well, where rows of a table die with others
    /// of the same table. Rows that only point to each other go together. A filter that every row passes, as far as its form tells, is an error of the code
    /// [`Code::Unsupported`]; [`delete_every_row`](Sql::delete_every_row) is for that. When it
    /// returns, all of it is committed; cancelled, all of it is done or nothing.
    pub async fn delete_where<T: Record>(&self, filter: Filter<T>) -> Result<u64> {
        self.delete_which(Which::Passing(filter)).await
    }

    /// Deletes every record there is, and gives their number, as [`delete_where`](Sql::delete_where)
    /// does.
    pub async fn delete_every_row<T: Record>(&self) -> Result<u64> {
        self.delete_which::<T>(Which::Every).await
    }

    async fn delete_which<T: Record>(&self, rows: Which<T>) -> Result<u64> {
        let call = self.call(Operation::DeleteWhere, Some(T::TABLE));
        let deleted = async {
            let condition = rows.condition("delete_every_row")?;
            either!(Engine, &self.engine, store => {
                store.delete_where(&call, T::TABLE, &condition).await
            })
        };
        self.run(&call, count, pin!(deleted)).await
    }
}

impl<T: Record> UpdateWhere<'_, T> {
    /// Sets a column.
    pub fn set<F: Field>(mut self, column: Col<T, F>, value: impl Operand<F>) -> Self {
        self.changes.set(column.at(), value.value(column.column()));
        self
    }

    /// Sets a column by its name. The value is converted where nothing is lost.
    pub fn set_named(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.changes.set_named(column, value.into());
        self
    }

    /// Carries it out, and gives the number of rows. When it returns, all of it is committed;
    /// cancelled, all of it is done or nothing.
    pub async fn run(self) -> Result<u64> {
        let Self { sql, rows, changes } = self;
        let call = sql.call(Operation::UpdateWhere, Some(T::TABLE));
        let updated = async {
            let change = changes.checked(sql)?;
            let condition = rows.condition("update_every_row")?;
            either!(Engine, &sql.engine, store => {
                store.update_where(&call, T::TABLE, &change, &condition).await
            })
        };
        sql.run(&call, count, pin!(updated)).await
    }
}
