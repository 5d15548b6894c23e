//! Groups that are being put together.

use std::marker::PhantomData;
use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Order, Record, Result};

use super::cells::{Part, Reader};
use super::key::Keys;
use super::measure::Measures;
use crate::engine::{Engine, either};
use crate::measure::column;
use crate::select::{self, By, Group, Item, Select};
use crate::sql::Sql;

/// Groups of rows; [`measure`](Groups::measure) says what is reckoned over each.
#[must_use = "groups do nothing until they are measured and awaited"]
#[derive(Debug)]
pub struct Groups<'a, T, K> {
    sql: &'a Sql,
    rows: Result<Select>,
    keys: K,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: Record, K: Keys<T>> Groups<'a, T, K> {
    pub(super) fn new(sql: &'a Sql, rows: Result<Select>, keys: K) -> Self {
        Self { sql, rows, keys, of: PhantomData }
    }

    /// What is reckoned over each group: one to six measures.
    pub fn measure<M: Measures<T>>(self, measures: M) -> MeasuredGroups<'a, T, K, M> {
        let Self { sql, rows, keys, .. } = self;
        let made = rows.and_then(|rows| select::<T, K, M>(rows, keys, measures));
        MeasuredGroups { sql, made }
    }

    /// The groups alone, each once.
    pub async fn all(self) -> Result<Vec<K::Out>> {
        let groups = self.measure(super::count()).all().await?;
        Ok(groups.into_iter().map(|(key, _)| key).collect())
    }
}

/// Groups with their measures; [`all`](MeasuredGroups::all) reads them.
#[must_use = "groups do nothing until `all` or `first` is awaited"]
#[derive(Debug)]
pub struct MeasuredGroups<'a, T, K, M> {
    sql: &'a Sql,
    made: Result<(Select, Reader<T, K, M>)>,
}

impl<T: Record, K: Keys<T>, M: Measures<T>> MeasuredGroups<'_, T, K, M> {
    /// Only groups that pass; a second one must be passed too.
    pub fn having(self, having: Having<T>) -> Self {
        self.with(|select| {
            select.having.push(having.0?);
            Ok(())
        })
    }

    /// In that order: of a column or a span that is grouped by, or of a measure. A second one
    /// orders what the first leaves equal, and what is grouped by what all do. Nulls come first
    /// going up and last going down.
    pub fn order_by(self, order: impl Into<GroupOrder<T>>) -> Self {
        let order = order.into();
        self.with(|select| {
            let by = order.0?;
            if let By::Group { group, .. } = by
                && !select.groups.contains(&group)
            {
                return Err(not_grouped_by::<T>(group));
            }
            select.orders.push(by);
            Ok(())
        })
    }

    /// At most so many groups.
    pub fn limit(self, groups: u32) -> Self {
        self.with(|select| {
            select.limit = Some(groups);
            Ok(())
        })
    }

    /// Not the first ones.
    pub fn offset(self, groups: u64) -> Self {
        self.with(|select| {
            select.offset = Some(groups);
            Ok(())
        })
    }

    /// All groups, each with what was reckoned over it.
    pub async fn all(self) -> Result<Vec<(K::Out, M::Out)>> {
        let Self { sql, made } = self;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let groups = async {
            let (select, reader) = made?;
            either!(Engine, &sql.engine, store => store.select(&call, &select, reader).await)
        };
        sql.run(&call, Vec::len, pin!(groups)).await
    }

    /// The first group.
    pub async fn first(self) -> Result<Option<(K::Out, M::Out)>> {
        let first = self.with(|select| {
            select.limit = Some(select.limit.map_or(1, |groups| groups.min(1)));
            Ok(())
        });
        Ok(first.all().await?.into_iter().next())
    }

    /// What goes wrong is reported when the groups are read.
    fn with(mut self, change: impl FnOnce(&mut Select) -> Result<()>) -> Self {
        self.made = self.made.and_then(|(mut select, reader)| {
            change(&mut select)?;
            Ok((select, reader))
        });
        self
    }
}

/// What a group must pass: a measure, compared.
#[derive(Debug)]
pub struct Having<T>(Result<select::Having>, PhantomData<fn() -> T>);

impl<T> Having<T> {
    pub(super) fn of(having: Result<select::Having>) -> Self {
        Self(having, PhantomData)
    }
}

/// An order of groups.
#[derive(Debug)]
pub struct GroupOrder<T>(Result<By>, PhantomData<fn() -> T>);

impl<T> GroupOrder<T> {
    pub(super) fn of(by: Result<By>) -> Self {
        Self(by, PhantomData)
    }
}

impl<T> From<Order<T>> for GroupOrder<T> {
    fn from(order: Order<T>) -> Self {
        let group = Group { at: order.sort.at, span: None };
        Self::of(Ok(By::Group { group, sort: order.sort }))
    }
}

/// The statement over these rows, and how it is read.
pub(super) fn select<T: Record, K: Keys<T>, M: Measures<T>>(
    rows: Select,
    keys: K,
    measures: M,
) -> Result<(Select, Reader<T, K, M>)> {
    let (mut groups, mut reckoned) = (Vec::new(), Vec::new());
    keys.list(&mut groups)?;
    measures.list(&mut reckoned);
    let mut parts = Vec::with_capacity(groups.len() + reckoned.len());
    for group in &groups {
        let read = T::TABLE.columns.get(group.at).ok_or_else(missing)?;
        parts.push(Part { read, from: Some(read) });
    }
    for reckoned in &reckoned {
        let from = reckoned.at.and_then(|at| T::TABLE.columns.get(at));
        parts.push(Part { read: column(T::TABLE, *reckoned)?, from });
    }
    let measures = reckoned.into_iter().map(Item::Measure);
    let output = groups.iter().copied().map(Item::Group).chain(measures).collect();
    Ok((Select { output, groups, ..rows }, Reader::new(parts)))
}

#[cold]
fn missing() -> Error {
    Error::new(Code::Internal, "a group names no column")
}

#[cold]
fn not_grouped_by<T: Record>(group: Group) -> Error {
    let message = "groups are ordered by what they are grouped by, or by a measure";
    let error = Error::new(Code::Unsupported, message);
    match T::TABLE.columns.get(group.at) {
        Some(column) => error.column(column.name.text),
        None => error,
    }
}
