//! Finding records by a typed filter.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Condition, Error, Filter, Order, Record, Result};

use crate::engine::{Engine, either};
use crate::select::{By, Select, Typed};
use crate::sql::Sql;

/// A find that is being put together; [`all`](Find::all) or [`first`](Find::first) runs it.
#[must_use = "a find does nothing until `all` or `first` is awaited"]
#[derive(Debug)]
pub struct Find<'a, T> {
    sql: &'a Sql,
    filter: Option<Filter<T>>,
    orders: Vec<By>,
    limit: Option<u32>,
}

impl<'a, T: Record> Find<'a, T> {
    pub(crate) fn new(sql: &'a Sql) -> Self {
        Self { sql, filter: None, orders: Vec::new(), limit: None }
    }

    /// Only records that pass; a second filter must be passed too.
    pub fn filter(mut self, filter: Filter<T>) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(first) => first.and(filter),
            None => filter,
        });
        self
    }

    /// In that order; a second one orders what the first leaves equal, and the key what all do.
    /// Nulls come first going up and last going down. Without an order, rows come as the engine
    /// finds them.
    pub fn order_by(mut self, order: Order<T>) -> Self {
        self.orders.push(By::Column(order.sort));
        self
    }

    /// At most so many.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// All that are found.
    pub async fn all(self) -> Result<Vec<T>> {
        let sql = self.sql;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let found = async {
            let select = self.select()?;
            either!(Engine, &sql.engine, store => {
                store.select(&call, &select, Typed::<T>::default()).await
            })
        };
        sql.run(&call, Vec::len, pin!(found)).await
    }

    /// The first that is found.
    pub async fn first(self) -> Result<Option<T>> {
        let rows = self.limit.map_or(1, |rows| rows.min(1));
        let found = self.limit(rows).all().await?;
        Ok(found.into_iter().next())
    }

    /// The store, and the rows over which something is reckoned. Their order does not matter.
    pub(crate) fn rows(self) -> (&'a Sql, Result<Select>) {
        let sql = self.sql;
        let limited = self.limit.is_some();
        let rows = self.select().and_then(|select| match limited {
            false => Ok(Select { orders: Vec::new(), ..select }),
            true => {
                let message = "what is reckoned over rows takes all of the filter: leave the \
                               limit out";
                Err(Error::new(Code::Unsupported, message))
            }
        });
        (sql, rows)
    }

    fn select(self) -> Result<Select> {
        let condition = match self.filter {
            Some(filter) => filter.into_condition()?,
            None => Condition::Always,
        };
        let select = Select::of(T::TABLE).that(condition);
        Ok(Select { orders: self.orders, limit: self.limit, ..select })
    }
}
