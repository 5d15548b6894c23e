//! Finding records by a typed filter.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Condition, Filter, Order, Record, Result};

use crate::engine::{Engine, either};
use crate::sql::Sql;

/// A find that is being put together; [`all`](Find::all) or [`first`](Find::first) runs it.
#[must_use = "a find does nothing until `all` or `first` is awaited"]
#[derive(Debug)]
pub struct Find<'a, T> {
    sql: &'a Sql,
    filter: Option<Filter<T>>,
    orders: Vec<(usize, bool)>,
    limit: Option<u32>,
}

/// A find without its type, as an engine takes it.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) condition: Condition,
    pub(crate) orders: Vec<(usize, bool)>,
    pub(crate) limit: Option<u32>,
    pub(crate) offset: Option<u64>,
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
        self.orders.push((order.at, order.down));
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
            let search = self.search()?;
            either!(Engine, &sql.engine, store => store.find(&call, search).await)
        };
        sql.run(&call, Vec::len, pin!(found)).await
    }

    /// The first that is found.
    pub async fn first(self) -> Result<Option<T>> {
        let rows = self.limit.map_or(1, |rows| rows.min(1));
        let found = self.limit(rows).all().await?;
        Ok(found.into_iter().next())
    }

    fn search(self) -> Result<Search> {
        let condition = match self.filter {
            Some(filter) => filter.into_condition()?,
            None => Condition::Always,
        };
        Ok(Search { condition, orders: self.orders, limit: self.limit, offset: None })
    }
}
