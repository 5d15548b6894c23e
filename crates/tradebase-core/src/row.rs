//! The contract: what can be read, what can be written, what is a record.

use crate::column::Column;
use crate::error::{Error, Result, Violations};
use crate::key::Key;
use crate::sink::Sink;
use crate::source::{Got, Source};
use crate::table::Table;
use crate::time::Timestamp;

/// Anything that can be read: records, projections, `(A, B)` of a join, `Option<B>` of an outer
/// join.
pub trait Row: Sized + Send + Sync + 'static {
    /// How many columns it takes.
    const WIDTH: usize;

    /// Adds its columns to a list, in order.
    fn list(columns: &mut Vec<&'static Column>);

    /// Reads it from the columns at `at` and following.
    fn read_at<R: Source>(at: usize, source: &mut R) -> Result<Self>;

    /// Reads it from the first columns.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn read<R: Source>(source: &mut R) -> Result<Self> {
        Self::read_at(0, source)
    }
}

/// Anything that can be written: records, and structs embedded in them.
pub trait Put: Row {
    /// Its columns, in order.
    const COLUMNS: &'static [Column];

    /// Reads it as part of a host, which hands its columns down.
    fn read_in<R: Source>(columns: &'static [Column], at: usize, source: &mut R) -> Result<Self>;

    /// Writes one column, for keys, patches and index fields.
    fn put_in<S: Sink>(&self, i: usize, columns: &'static [Column], sink: &mut S) -> Result<()>;

    /// Writes all columns, in order, as part of a host.
    fn write_in<S: Sink>(&self, columns: &'static [Column], sink: &mut S) -> Result<()>;

    /// Runs the custom rules and notes what breaks them.
    fn check_in(&self, _columns: &'static [Column], _found: &mut Violations) {}

    /// Writes one column.
    #[inline]
    fn put<S: Sink>(&self, i: usize, sink: &mut S) -> Result<()> {
        self.put_in(i, Self::COLUMNS, sink)
    }

    /// Writes all columns, in order.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn write<S: Sink>(&self, sink: &mut S) -> Result<()> {
        self.write_in(Self::COLUMNS, sink)
    }
}

/// A row with a key and a place in the stores.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "not a record",
    note = "add `#[derive(Record)]` to it"
)]
pub trait Record: Put {
    /// Its table, with keys, indexes and series.
    const TABLE: &'static Table;

    /// What identifies it.
    type Key: Key;

    /// Its key.
    fn key(&self) -> Self::Key;

    /// Sets what the layer fills, and gives back what stood there.
    fn stamp(&mut self, _stamp: Stamp) -> Stamp {
        Stamp::default()
    }

    /// Takes the key that the database assigned.
    fn assign(&mut self, _key: i64) {}
}

/// What the layer fills in on writing; `None` leaves a column as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// For the column that says when the row was made.
    pub created: Option<Timestamp>,
    /// For the column that says when it was last written.
    pub updated: Option<Timestamp>,
    /// For the column that counts writes.
    pub version: Option<i64>,
}

/// A record as it is handed to a writing verb: `&T`, or `&mut T` where the layer fills columns,
/// so that caller, row and cache agree.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed to a writing verb",
    note = "a record is handed over as `&record`; one with `created`, `updated`, `version` or an \
            assigned key as `&mut record`, because the layer fills these columns"
)]
pub trait Handed: Send {
    /// The record.
    type Record: Record;

    /// The record, to read.
    fn record(&self) -> &Self::Record;

    /// See [`Record::stamp`].
    fn stamp(&mut self, stamp: Stamp) -> Stamp;

    /// See [`Record::assign`].
    fn assign(&mut self, key: i64);
}

impl<A: Row, B: Row> Row for (A, B) {
    const WIDTH: usize = A::WIDTH + B::WIDTH;

    fn list(columns: &mut Vec<&'static Column>) {
        A::list(columns);
        B::list(columns);
    }

    #[inline]
    fn read_at<R: Source>(at: usize, source: &mut R) -> Result<Self> {
        let first = A::read_at(at, source)?;
        let second = B::read_at(at + A::WIDTH, source)?;
        Ok((first, second))
    }
}

/// `None` where every column is null: the missing side of an outer join.
impl<B: Row> Row for Option<B> {
    const WIDTH: usize = B::WIDTH;

    fn list(columns: &mut Vec<&'static Column>) {
        B::list(columns);
    }

    #[inline]
    fn read_at<R: Source>(at: usize, source: &mut R) -> Result<Self> {
        let mut columns = Vec::with_capacity(B::WIDTH);
        B::list(&mut columns);
        for (i, column) in columns.into_iter().enumerate() {
            if let Got::Value(()) = source.cell(at + i, column)? {
                return B::read_at(at, source).map(Some);
            }
        }
        Ok(None)
    }
}

/// What the derives call for a column that is null.
#[doc(hidden)]
#[inline(always)]
pub fn null<T: crate::field::Field>(column: &'static Column) -> Result<T> {
    T::none().ok_or_else(|| missing(column, "null"))
}

/// What the derives call for a value of serde that must be there.
#[doc(hidden)]
#[inline]
pub fn need_json<T: serde::de::DeserializeOwned>(
    got: Got<T>,
    column: &'static Column,
    null: Option<T>,
) -> Result<T> {
    match got {
        Got::Value(value) => Ok(value),
        Got::Null => null.ok_or_else(|| missing(column, "null")),
        Got::Absent => match column.default {
            Some(preset) => match crate::value::PresetSource(preset).json(0, column)? {
                Got::Value(value) => Ok(value),
                Got::Null | Got::Absent => Err(missing(column, "absent")),
            },
            None => null.ok_or_else(|| missing(column, "absent")),
        },
    }
}

/// What the derives call for a column that is absent.
#[doc(hidden)]
#[cold]
#[inline(never)]
pub fn absent<T: crate::field::Field>(column: &'static Column) -> Result<T> {
    match column.default {
        Some(preset) => match T::take(0, column, &mut crate::value::PresetSource(preset))? {
            Got::Value(value) => Ok(value),
            Got::Null | Got::Absent => Err(missing(column, "absent")),
        },
        None => T::none().ok_or_else(|| missing(column, "absent")),
    }
}

#[cold]
#[inline(never)]
fn missing(column: &'static Column, how: &str) -> Error {
    Error::unreadable(column, format_args!("it is {how}, but the column must have a value"))
}
