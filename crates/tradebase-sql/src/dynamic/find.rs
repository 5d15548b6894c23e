//! Finding rows by a filter over columns by name.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Column, Condition, Error, Kind, Nulls, Result, Sort, Source, Table, Value};

use super::Dynamic;
use super::filter::DynamicFilter;
use super::names::position;
use super::row::DynamicRow;
use crate::call::Call;
use crate::engine::{Engine, either};
use crate::entry::cell;
use crate::select::{By, Decode, How, Item, Reckoned, Select};
use crate::sql::{Sql, count};

/// A find over columns by name that is being put together; [`all`](DynamicFind::all),
/// [`first`](DynamicFind::first) or [`count`](DynamicFind::count) runs it. A name that is not
/// there is an error of these.
#[must_use = "a find does nothing until `all`, `first` or `count` is awaited"]
#[derive(Debug)]
pub struct DynamicFind<'a> {
    sql: &'a Sql,
    select: Select,
    /// The columns that are read.
    columns: Vec<&'static Column>,
    failed: Option<Error>,
}

impl<'a> Dynamic<'a> {
    /// Finds rows by a filter.
    ///
    /// ```
    /// # use tradebase_core::{Record, Value};
    /// # use tradebase_sql::{DynamicFilter, Sql};
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into(), active: true }).await?;
    /// let active = DynamicFilter::new("active", "eq", [Value::Bool(true)]);
    /// let bots = sql.table(Bot::TABLE).find().filter(active).order_by("name", false, None);
    /// assert_eq!(bots.limit(10).all().await?.len(), 1);
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find(&self) -> DynamicFind<'a> {
        let columns = self.table.columns.iter().collect();
        DynamicFind { sql: self.sql, select: Select::of(self.table), columns, failed: None }
    }
}

impl DynamicFind<'_> {
    /// Only rows that pass; a second filter must be passed too.
    pub fn filter(self, filter: DynamicFilter) -> Self {
        let condition = filter.condition(self.select.table);
        self.take(condition, |select, condition| {
            let first = std::mem::replace(&mut select.condition, Condition::Always);
            select.condition = match first {
                Condition::Always => condition,
                first => Condition::All(vec![first, condition]),
            };
        })
    }

    /// As [`filter`](DynamicFind::filter), from JSON; see [`DynamicFilter::from_json`].
    pub fn filter_json(mut self, text: &str) -> Self {
        match DynamicFilter::from_json(self.select.table, text) {
            Ok(filter) => self.filter(filter),
            Err(error) => {
                self.failed.get_or_insert(error);
                self
            }
        }
    }

    /// In the order of that column, from the largest down or from the smallest up; a second one
    /// orders what the first leaves equal, and the key what all do. Nulls come first going up and
    /// last going down, unless told.
    pub fn order_by(self, column: &str, down: bool, nulls: Option<Nulls>) -> Self {
        let at = position(self.select.table, column);
        self.take(at, |select, at| {
            let sort = Sort::by(at, down);
            let sort = Sort { nulls: nulls.unwrap_or(sort.nulls), ..sort };
            select.orders.push(By::Column(sort));
        })
    }

    /// Only these columns of each row, in this order.
    pub fn columns<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let table = self.select.table;
        let places = names.into_iter().map(|name| position(table, name.as_ref()));
        match places.collect::<Result<Vec<_>>>() {
            Ok(places) if places.is_empty() => {
                let message = "a find reads at least one column";
                self.failed.get_or_insert(Error::new(tradebase_core::Code::Invalid, message));
            }
            Ok(places) => {
                self.columns = places.iter().map(|&at| &table.columns[at]).collect();
                self.select.output = places.into_iter().map(Item::Column).collect();
            }
            Err(error) => _ = self.failed.get_or_insert(error),
        }
        self
    }

    /// At most so many.
    pub fn limit(mut self, rows: u32) -> Self {
        self.select.limit = Some(rows);
        self
    }

    /// Behind the first so many. The store walks over those that are passed over.
    pub fn offset(mut self, rows: u64) -> Self {
        self.select.offset = Some(rows);
        self
    }

    /// All that are found.
    pub async fn all(self) -> Result<Vec<DynamicRow>> {
        let Self { sql, select, columns, failed } = self;
        let call = sql.call(Operation::Find, Some(select.table));
        match failed {
            None => read(sql, &call, &select, columns).await,
            Some(error) => refused(sql, &call, error).await,
        }
    }

    /// The first that is found.
    pub async fn first(self) -> Result<Option<DynamicRow>> {
        let rows = self.select.limit.map_or(1, |rows| rows.min(1));
        let found = self.limit(rows).all().await?;
        Ok(found.into_iter().next())
    }

    /// How many rows pass, whatever its limit and offset.
    pub async fn count(self) -> Result<u64> {
        let Self { sql, select, failed, .. } = self;
        let call = sql.call(Operation::Count, Some(select.table));
        match failed {
            None => counted(sql, &call, select.table, select.condition).await,
            Some(error) => refused(sql, &call, error).await,
        }
    }

    fn take<V>(mut self, value: Result<V>, put: impl FnOnce(&mut Select, V)) -> Self {
        match value {
            Ok(value) => put(&mut self.select, value),
            Err(error) => _ = self.failed.get_or_insert(error),
        }
        self
    }
}

/// Ends a call that was refused before it began.
async fn refused<T>(sql: &Sql, call: &Call<'_>, error: Error) -> Result<T> {
    sql.run(call, |_| 0, pin!(async { Err(error) })).await
}

/// Reads rows.
pub(super) async fn read(
    sql: &Sql,
    call: &Call<'_>,
    select: &Select,
    columns: Vec<&'static Column>,
) -> Result<Vec<DynamicRow>> {
    let found = async {
        either!(Engine, &sql.engine, store => {
            store.select(call, select, Named(columns)).await
        })
    };
    sql.run(call, Vec::len, pin!(found)).await
}

/// Counts the rows that pass.
pub(super) async fn counted(
    sql: &Sql,
    call: &Call<'_>,
    table: &'static Table,
    condition: Condition,
) -> Result<u64> {
    let select = Select::of(table).that(condition);
    let output = vec![Item::Measure(Reckoned { how: How::Count, at: None })];
    let select = Select { output, ..select };
    let counted = async {
        let counts = either!(Engine, &sql.engine, store => {
            store.select(call, &select, Named(vec![&COUNT])).await?
        });
        match counts.into_iter().next().and_then(|row| row.into_values().pop()) {
            Some(Value::Int(rows)) => Ok(u64::try_from(rows).unwrap_or_default()),
            _ => Err(Error::new(tradebase_core::Code::Internal, "a count gave no number")),
        }
    };
    sql.run(call, count, pin!(counted)).await
}

static COUNT: Column = Column::new("count", Kind::I64, false);

/// Rows that are read by their columns.
#[derive(Debug)]
pub(super) struct Named(pub(super) Vec<&'static Column>);

impl Decode for Named {
    type Out = DynamicRow;

    fn columns(&self) -> Vec<&'static Column> {
        self.0.clone()
    }

    fn decode<S: Source>(&self, source: &mut S) -> Result<DynamicRow> {
        let mut cells = Vec::with_capacity(self.0.len());
        for (at, column) in self.0.iter().copied().enumerate() {
            cells.push((column, cell(at, column, source)?));
        }
        Ok(DynamicRow::of(cells.into_iter()))
    }
}
