//! Where values come from: a store's own row, one method per kind.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::column::Column;
use crate::error::{Error, Result};
use crate::time::{Date, Timestamp, TimestampNs};

/// What a source has for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got<T> {
    /// A value.
    Value(T),
    /// Null.
    Null,
    /// Nothing, not even null: bytes of an older version, or a store that leaves nulls out.
    Absent,
}

impl<T> Got<T> {
    /// The same answer, with the value changed.
    #[inline(always)]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Got<U> {
        match self {
            Got::Value(value) => Got::Value(f(value)),
            Got::Null => Got::Null,
            Got::Absent => Got::Absent,
        }
    }

    /// The same answer, with the value changed by what may fail.
    #[inline(always)]
    pub fn try_map<U>(self, f: impl FnOnce(T) -> Result<U>) -> Result<Got<U>> {
        Ok(match self {
            Got::Value(value) => Got::Value(f(value)?),
            Got::Null => Got::Null,
            Got::Absent => Got::Absent,
        })
    }
}

/// A store's row, as a record reads itself from it.
///
/// `at` is the position among the columns of the row that is read; a source that finds values by
/// name maps positions once per statement or batch. Columns are asked for in rising order.
/// Stored bytes never panic and never narrow in silence: what does not fit is an error.
pub trait Source {
    /// Whether there is a value, without reading it; for rows that may be missing as a whole.
    fn cell(&mut self, at: usize, column: &'static Column) -> Result<Got<()>>;

    /// A bool.
    fn bool(&mut self, at: usize, column: &'static Column) -> Result<Got<bool>>;

    /// An integer of 16 bits.
    #[inline]
    fn i16(&mut self, at: usize, column: &'static Column) -> Result<Got<i16>> {
        self.i64(at, column)?.try_map(|v| i16::try_from(v).map_err(|_| narrow(column, v)))
    }

    /// An integer of 32 bits.
    #[inline]
    fn i32(&mut self, at: usize, column: &'static Column) -> Result<Got<i32>> {
        self.i64(at, column)?.try_map(|v| i32::try_from(v).map_err(|_| narrow(column, v)))
    }

    /// An integer of 64 bits.
    fn i64(&mut self, at: usize, column: &'static Column) -> Result<Got<i64>>;

    /// A float.
    fn f64(&mut self, at: usize, column: &'static Column) -> Result<Got<f64>>;

    /// A decimal, as whole units of the column's scale.
    fn decimal(&mut self, at: usize, column: &'static Column) -> Result<Got<i128>>;

    /// Text.
    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>>;

    /// Bytes.
    fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>>;

    /// A UUID.
    fn uuid(&mut self, at: usize, column: &'static Column) -> Result<Got<Uuid>>;

    /// A moment to the microsecond.
    fn timestamp(&mut self, at: usize, column: &'static Column) -> Result<Got<Timestamp>>;

    /// A moment to the nanosecond.
    fn timestamp_ns(&mut self, at: usize, column: &'static Column) -> Result<Got<TimestampNs>>;

    /// A day.
    fn date(&mut self, at: usize, column: &'static Column) -> Result<Got<Date>>;

    /// Any value of serde.
    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>>;
}

#[cold]
fn narrow(column: &'static Column, value: i64) -> Error {
    Error::unreadable(column, format_args!("{value} does not fit {}", column.kind))
}
