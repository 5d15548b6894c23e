//! Changing some columns of a record.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{
    Code, Col, Error, Field, Operand, Record, Result, Roles, Table, Value, Violations, rule,
};

use crate::engine::{Engine, either};
use crate::sql::{Sql, Updated};

/// A change of some columns that is being put together; [`run`](Patch::run) carries it out.
///
/// Every value is checked by the rules of its column; rules over several columns need the whole
/// record, so only [`update`](Sql::update) checks them. What the layer fills is filled: the time
/// of the change, and the version, counted up by one.
#[must_use = "a patch does nothing until `run` is awaited"]
pub struct Patch<'a, T: Record> {
    sql: &'a Sql,
    key: &'a T::Key,
    changes: Changes,
}

/// Columns that are to be set, as they are gathered: what is wrong is told at the end.
#[derive(Debug)]
pub(crate) struct Changes {
    table: &'static Table,
    change: Change,
    refused: Violations,
    failed: Option<Error>,
}

/// A patch without its type, as an engine takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Positions and values, each position once.
    pub(crate) values: Vec<(usize, Value)>,
    /// The version that the stored row must have.
    pub(crate) version: Option<i64>,
}

impl Sql {
    /// Changes some columns of the record of that key.
    ///
    /// ```
    /// # use tradebase_core::{Record, Value};
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into(), active: true }).await?;
    /// let changed = sql.patch::<Bot>(&1).set(Bot::ACTIVE, false).run().await?;
    /// assert!(changed);
    /// // Columns by name, with values of any type:
    /// sql.patch::<Bot>(&1).set_named("name", Value::Text("mean reversion".into())).run().await?;
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn patch<'a, T: Record>(&'a self, key: &'a T::Key) -> Patch<'a, T> {
        Patch { sql: self, key, changes: Changes::new(T::TABLE) }
    }
}

impl<T: Record> Patch<'_, T> {
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

    /// Only if the stored row has this version, else it is a [`Code::VersionConflict`].
    pub fn if_version(mut self, version: i64) -> Self {
        self.changes.if_version(version);
        self
    }

    /// Carries it out, and says whether there was such a row. Durable and whole as
    /// [`update`](Sql::update).
    pub async fn run(self) -> Result<bool> {
        let call = self.sql.call(Operation::Patch, Some(T::TABLE));
        let sql = self.sql;
        let patched = async {
            let (key, change) = (self.key, self.changes.checked(sql)?);
            let patched = either!(Engine, &sql.engine, store => {
                store.patch(&call, T::TABLE, key, &change).await?
            });
            match patched {
                Updated::Yes { .. } => Ok(true),
                Updated::Missing => Ok(false),
                Updated::OtherVersion => Err(crate::error::other_version(change.version)),
            }
        };
        sql.run(&call, |was| usize::from(*was), pin!(patched)).await
    }
}

impl Changes {
    /// None yet.
    pub(crate) fn new(table: &'static Table) -> Self {
        Self { table, change: Change::default(), refused: Violations::new(), failed: None }
    }

    /// Sets a column, or notes why it cannot be.
    pub(crate) fn set(&mut self, at: usize, value: Result<Value>) {
        match value {
            Ok(value) => self.add(at, value),
            Err(error) => self.refuse(error),
        }
    }

    /// Sets a column by its name.
    pub(crate) fn set_named(&mut self, column: &str, value: Value) {
        match self.table.position(column) {
            Some(at) => self.add(at, value),
            None => {
                let message = format!("there is no such column in {}", self.table.record);
                self.failed.get_or_insert(Error::new(Code::Invalid, message).column(column));
            }
        }
    }

    fn add(&mut self, at: usize, value: Value) {
        let column = &self.table.columns[at];
        let filled = [Roles::CREATED, Roles::UPDATED, Roles::VERSION];
        if self.table.key.contains(&at) {
            return self.refuse(Error::refused(column, "key", "a key is never changed"));
        }
        if filled.iter().any(|&role| column.is(role)) {
            return self.refuse(Error::refused(column, "filled", "the layer fills this column"));
        }
        match rule::check_value(column, &value) {
            Ok(()) => {
                self.change.values.retain(|(have, _)| *have != at);
                self.change.values.push((at, value));
            }
            Err(error) => self.refuse(error.column(column.name.text)),
        }
    }

    /// The version that the stored row must have.
    pub(crate) fn if_version(&mut self, version: i64) {
        self.change.version = Some(version);
    }

    /// Notes a value that is refused.
    pub(crate) fn refuse(&mut self, error: Error) {
        if let Err(other) = self.refused.absorb(error) {
            self.failed.get_or_insert(other);
        }
    }

    /// All of them, with what the layer fills, or what is wrong with them.
    pub(crate) fn checked(&self, sql: &Sql) -> Result<Change> {
        if let Some(error) = &self.failed {
            return Err(error.again());
        }
        self.refused.clone().into_result()?;
        let mut change = self.change.clone();
        if change.version.is_some() && self.table.playing(Roles::VERSION).is_none() {
            let message = "the record counts no versions: mark a column with `version`";
            return Err(Error::new(Code::Unsupported, message));
        }
        if change.values.is_empty() {
            return Err(Error::new(Code::Invalid, "set at least one column"));
        }
        if let Some((at, _)) = self.table.playing(Roles::UPDATED) {
            change.values.push((at, Value::Timestamp(sql.now())));
        }
        // One shape of statement for one set of columns.
        change.values.sort_by_key(|(at, _)| *at);
        Ok(change)
    }
}
