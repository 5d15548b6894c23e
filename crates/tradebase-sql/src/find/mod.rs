//! Finding records by a typed filter.

mod keyset;
mod page;
mod projection;

use std::marker::PhantomData;
use std::pin::pin;

pub use keyset::{Keyset, Slice};
pub use page::Page;
#[cfg(doc)]
use tradebase_core::Code;
use tradebase_core::watch::Operation;
use tradebase_core::{Condition, Error, Filter, Kind, Order, Record, Result};

use crate::call::Call;
use crate::engine::{Engine, either};
use crate::error::missing;
use crate::mark::{Counted, There};
use crate::select::{By, Decode, Item, Joined, Reckoned, Select, Typed};
use crate::sql::{Sql, count};
use crate::stream::RowStream;

/// A find that is being put together; [`all`](Find::all), [`first`](Find::first) and their kin
/// run it.
///
/// It reads whole records, until [`select`](Find::select) or [`column`](Find::column) says
/// otherwise.
#[must_use = "a find does nothing until `all`, `first` or the like is awaited"]
#[derive(Debug)]
pub struct Find<'a, T, D = Typed<T>> {
    sql: &'a Sql,
    filter: Option<Filter<T>>,
    orders: Vec<By>,
    limit: Option<u32>,
    offset: Option<u64>,
    distinct: bool,
    output: Vec<Item>,
    joined: Option<Joined>,
    decode: D,
    /// Why it cannot be run.
    refused: Option<Error>,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: Record> Find<'a, T> {
    pub(crate) fn new(sql: &'a Sql) -> Self {
        Self {
            sql,
            filter: None,
            orders: Vec::new(),
            limit: None,
            offset: None,
            distinct: false,
            output: vec![Item::Every],
            joined: None,
            decode: Typed::default(),
            refused: None,
            of: PhantomData,
        }
    }
}

impl<'a, T: Record, D: Decode> Find<'a, T, D> {
    /// Only records that pass; a second filter must be passed too.
    pub fn filter(mut self, filter: Filter<T>) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(first) => first.and(filter),
            None => filter,
        });
        self
    }

    /// In that order; a second one orders what the first leaves equal, and the key what all do.
    /// Nulls come first going up and last going down, unless the order says otherwise. Without an
    /// order, rows come as the engine finds them.
    pub fn order_by(mut self, order: Order<T>) -> Self {
        self.orders.push(By::Column(order.sort));
        self
    }

    /// At most so many.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Without the first so many. The store walks over them: for what comes behind many rows,
    /// [`keyset`](Find::keyset) is quicker, and steady while others write.
    pub fn offset(mut self, rows: u64) -> Self {
        self.offset = Some(rows);
        self
    }

    /// Rows that are equal only once. An order must be by columns that are read.
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// All that are found.
    pub async fn all(self) -> Result<Vec<D::Out>> {
        let sql = self.sql;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let found = async {
            let (select, decode) = self.parts()?;
            rows(sql, &call, &select, decode).await
        };
        sql.run(&call, Vec::len, pin!(found)).await
    }

    /// The first that is found.
    pub async fn first(self) -> Result<Option<D::Out>> {
        let rows = self.limit.map_or(1, |rows| rows.min(1));
        let found = self.limit(rows).all().await?;
        Ok(found.into_iter().next())
    }

    /// The only one that is found: [`Code::NotFound`] if there is none, [`Code::NotOne`] if there
    /// are several.
    pub async fn one(self) -> Result<D::Out> {
        let absent = || missing().during(Operation::Find.as_str()).of(T::TABLE);
        self.at_most_one().await?.ok_or_else(absent)
    }

    /// The only one that is found, or none: [`Code::NotOne`] if there are several.
    pub async fn at_most_one(self) -> Result<Option<D::Out>> {
        let rows = self.limit.map_or(2, |rows| rows.min(2));
        let mut found = self.limit(rows).all().await?.into_iter();
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                let message = "there are several rows where there may be one";
                let error = Error::new(tradebase_core::Code::NotOne, message);
                Err(error.during(Operation::Find.as_str()).of(T::TABLE))
            }
            (first, _) => Ok(first),
        }
    }

    /// How many there are, within limit and offset. Not of distinct rows, which would have to be
    /// read: count them where they are.
    pub async fn count(self) -> Result<u64> {
        let (sql, limit, offset) = (self.sql, self.limit, self.offset.unwrap_or(0));
        let call = sql.call(Operation::Count, Some(T::TABLE));
        let counted = async {
            if self.distinct {
                return Err(of_distinct("counted"));
            }
            let select = Select::of(T::TABLE).that(self.condition()?);
            let behind = total(sql, &call, select).await?.saturating_sub(offset);
            Ok(limit.map_or(behind, |limit| behind.min(limit.into())))
        };
        sql.run(&call, count, pin!(counted)).await
    }

    /// Whether there is one, within limit and offset.
    pub async fn exists(self) -> Result<bool> {
        let (sql, limit, offset) = (self.sql, self.limit, self.offset);
        let call = sql.call(Operation::Exists, Some(T::TABLE));
        let exists = async {
            if self.distinct && offset.is_some() {
                return Err(of_distinct("passed over"));
            }
            let key = T::TABLE.key.first().copied().unwrap_or_default();
            let limit = limit.map_or(1, |limit| limit.min(1));
            let select = Select::of(T::TABLE).that(self.condition()?).limit(limit);
            let select = Select { output: vec![Item::Column(key)], offset, ..select };
            Ok(!rows(sql, &call, &select, There(&T::COLUMNS[key])).await?.is_empty())
        };
        sql.run(&call, |is_there| usize::from(*is_there), pin!(exists)).await
    }

    /// Reads what is found one after another, as [`Sql::stream`] does: in two chunks of memory,
    /// and as it is at one moment; inside a transaction, as the transaction sees it when it comes
    /// to it, and not of distinct rows.
    pub async fn stream(self) -> Result<RowStream<D::Out>> {
        let sql = self.sql;
        let parts = self.parts();
        sql.stream_of(T::TABLE, parts).await
    }

    /// With a table of which each row has one at most.
    pub(crate) fn joined(mut self, joined: Joined) -> Self {
        self.joined = Some(joined);
        self
    }

    /// The store that is asked.
    pub(crate) fn sql(&self) -> &'a Sql {
        self.sql
    }

    /// The store, and the rows over which something is reckoned. Their order does not matter.
    pub(crate) fn rows(self) -> (&'a Sql, Result<Select>) {
        let sql = self.sql;
        let partly = self.limit.is_some() || self.offset.is_some() || self.distinct;
        let rows = self.parts().and_then(|(select, _)| match partly {
            false => Ok(Select { orders: Vec::new(), ..select }),
            true => {
                let message = "what is reckoned over rows takes all of the filter: leave limit, \
                               offset and distinct out";
                Err(Error::new(tradebase_core::Code::Unsupported, message))
            }
        });
        (sql, rows)
    }

    /// What is asked, and how it is read.
    pub(crate) fn parts(self) -> Result<(Select, D)> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let condition = condition(self.filter)?;
        let select = Select {
            output: self.output,
            joined: self.joined,
            distinct: self.distinct,
            orders: self.orders,
            limit: self.limit,
            offset: self.offset,
            ..Select::of(T::TABLE).that(condition)
        };
        if select.distinct {
            comparable(&select, &self.decode)?;
        }
        Ok((select, self.decode))
    }

    fn condition(self) -> Result<Condition> {
        match self.refused {
            Some(refused) => Err(refused),
            None => condition(self.filter),
        }
    }
}

fn condition<T>(filter: Option<Filter<T>>) -> Result<Condition> {
    filter.map_or(Ok(Condition::Always), Filter::into_condition)
}

/// Refuses rows of which the engines would not tell alike which are equal, and orders that one of
/// them does not know.
fn comparable<D: Decode>(select: &Select, decode: &D) -> Result<()> {
    if let Some(column) = decode.columns().iter().find(|column| column.kind == Kind::Json) {
        let message = "rows with a JSON column cannot be told apart";
        let error = Error::new(tradebase_core::Code::Unsupported, message);
        return Err(error.column(column.name.text));
    }
    let reads =
        |at| select.output.iter().any(|i| matches!(i, Item::Every) || *i == Item::Column(at));
    for by in &select.orders {
        if let By::Column(sort) = by
            && !reads(sort.at)
            && let Some(column) = select.table.columns.get(sort.at)
        {
            let message = "distinct rows are ordered by what is read of them";
            let error = Error::new(tradebase_core::Code::Invalid, message);
            return Err(error.column(column.name.text));
        }
    }
    Ok(())
}

/// What a statement reads.
async fn rows<D: Decode>(
    sql: &Sql,
    call: &Call<'_>,
    select: &Select,
    decode: D,
) -> Result<Vec<D::Out>> {
    either!(Engine, &sql.engine, store => store.select(call, select, decode).await)
}

/// How many rows pass.
async fn total(sql: &Sql, call: &Call<'_>, mut select: Select) -> Result<u64> {
    let column = crate::measure::column(select.table, Reckoned::ROWS)?;
    select.output = vec![Item::Measure(Reckoned::ROWS)];
    let counts = rows(sql, call, &select, Counted(column)).await?;
    Ok(counts.first().copied().unwrap_or(0))
}

#[cold]
fn of_distinct(what: &str) -> Error {
    let message = format!("distinct rows cannot be {what} by this");
    Error::new(tradebase_core::Code::Unsupported, message)
}
