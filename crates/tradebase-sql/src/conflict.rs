//! What an upsert does when the row is there already.

use std::marker::PhantomData;

use tradebase_core::{
    Code, Col, Error, Field, Put, Record, Result, Roles, Table, Timestamp, Value,
};

use crate::naming::words;
use crate::schema;

/// What an [`upsert`](crate::Sql::upsert) does with a row that is there already.
///
/// Two rows are the same if they are equal in the key, or in the columns of a unique index that
/// [`on`](Conflict::on) names. The key of a stored row never changes, nor when it was made; its
/// version is counted up by one, whatever version the given record has.
///
/// ```
/// # use tradebase_core::{Decimal, Record};
/// # use tradebase_sql::Conflict;
/// #[derive(Record)]
/// #[record(table = "quotes", unique(venue, symbol))]
/// struct Quote {
///     #[record(key)]
///     id: i64,
///     venue: String,
///     symbol: String,
///     #[record(decimal(18, 8))]
///     bid: Decimal,
/// }
///
/// let newest = Conflict::set(Quote::BID).on((Quote::VENUE, Quote::SYMBOL));
/// # _ = newest;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Conflict<T> {
    pub(crate) plan: Plan,
    of: PhantomData<fn() -> T>,
}

/// An upsert without its type, as an engine takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The columns in which two rows are the same; empty for the key.
    pub(crate) on: Vec<usize>,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The stored row stays as it is.
    Keep,
    /// All columns but the key are written.
    Replace,
    /// These columns are written, and what the layer fills.
    Set(Vec<usize>),
}

impl<T: Record> Conflict<T> {
    fn new(action: Action) -> Self {
        Self { plan: Plan { on: Vec::new(), action }, of: PhantomData }
    }

    /// The stored row stays as it is.
    pub fn keep() -> Self {
        Self::new(Action::Keep)
    }

    /// All columns of the stored row are written, but the key and when it was made.
    pub fn replace() -> Self {
        Self::new(Action::Replace)
    }

    /// Only these columns of the stored row are written, and those that the layer fills.
    pub fn set(columns: impl Columns<T>) -> Self {
        Self::new(Action::Set(columns.positions()))
    }

    /// Rows are the same that are equal in these columns, which a unique index must have.
    pub fn on(mut self, columns: impl Columns<T>) -> Self {
        self.plan.on = columns.positions();
        self
    }
}

impl Plan {
    /// Refuses columns that no unique index has, or that cannot be set.
    pub(crate) fn check(&self, table: &Table) -> Result<()> {
        let unique = || schema::indexes(table).into_iter().filter(|index| index.unique);
        let mut on = self.on.clone();
        on.sort_unstable();
        let is_there = on.is_empty()
            || same(&on, table.key)
            || unique().any(|index| same(&on, &index.columns));
        if !is_there {
            let message = format!(
                "rows can only be told apart by the key or a unique index, there is none of: {}",
                words(table, &self.on)
            );
            return Err(Error::new(Code::Unsupported, message).column(words(table, &self.on)));
        }
        match &self.action {
            Action::Set(columns) => check_set(table, columns),
            Action::Keep | Action::Replace => Ok(()),
        }
    }
}

/// Refuses columns that are not the caller's to set.
fn check_set(table: &Table, columns: &[usize]) -> Result<()> {
    let filled = [Roles::CREATED, Roles::UPDATED, Roles::VERSION];
    for &at in columns {
        let column = &table.columns[at];
        if table.key.contains(&at) {
            return Err(Error::refused(column, "key", "a key is never changed"));
        }
        if filled.iter().any(|&role| column.is(role)) {
            return Err(Error::refused(column, "filled", "the layer fills this column"));
        }
    }
    Ok(())
}

/// The columns that are written when these are set: with those that the layer fills, in order.
pub(crate) fn settable(table: &Table, mut columns: Vec<usize>) -> Result<Vec<usize>> {
    check_set(table, &columns)?;
    let filled = [Roles::UPDATED, Roles::VERSION].into_iter();
    columns.extend(filled.filter_map(|role| table.playing(role)).map(|(at, _)| at));
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

/// Whether these are the same columns; the first are in order.
fn same(sorted: &[usize], columns: &[usize]) -> bool {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    sorted == columns
}

/// How an upsert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Upserted {
    /// There was no such row: it has been inserted.
    Inserted,
    /// The stored row has been changed.
    Updated,
    /// The stored row stays as it was.
    Kept,
}

/// How an upsert of many rows ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upserts {
    /// Rows that were inserted.
    pub inserted: u64,
    /// Stored rows that were changed.
    pub updated: u64,
    /// Stored rows that stay as they were.
    pub kept: u64,
}

impl Upserts {
    pub(crate) fn count(&mut self, how: Upserted) {
        match how {
            Upserted::Inserted => self.inserted += 1,
            Upserted::Updated => self.updated += 1,
            Upserted::Kept => self.kept += 1,
        }
    }
}

/// What stands in the store after an upsert of one row, as far as the layer fills it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Landed {
    pub(crate) how: Upserted,
    /// None for a row that was kept, and where there is no such column.
    pub(crate) created: Option<Timestamp>,
    /// As `created`.
    pub(crate) version: Option<i64>,
    /// The key, if the database assigns it; none for a row that was kept.
    pub(crate) key: Option<i64>,
    /// All columns, for an [`Entry`](crate::entry::Entry) that reads them back; none for a row
    /// that was kept.
    pub(crate) stored: Option<Box<[Value]>>,
}

/// One column of a record, or a tuple of some.
pub trait Columns<T>: sealed::Sealed {
    #[doc(hidden)]
    fn positions(self) -> Vec<usize>;
}

mod sealed {
    pub trait Sealed {}
}

impl<T, F> sealed::Sealed for Col<T, F> {}

impl<T: Put, F: Field> Columns<T> for Col<T, F> {
    fn positions(self) -> Vec<usize> {
        vec![self.at()]
    }
}

macro_rules! tuples {
    ($($($name:ident $at:tt),+;)+) => {$(
        impl<T, $($name),+> sealed::Sealed for ($(Col<T, $name>,)+) {}

        impl<T: Put, $($name: Field),+> Columns<T> for ($(Col<T, $name>,)+) {
            fn positions(self) -> Vec<usize> {
                vec![$(self.$at.at()),+]
            }
        }
    )+};
}

tuples! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
