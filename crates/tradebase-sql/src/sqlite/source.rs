//! Reading records from SQLite's rows.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use tradebase_core::uuid::Uuid;
use tradebase_core::{
    Column, Date, Error, Got, Kind, Result, Source, Timestamp, TimestampNs, json,
};

use super::blob;
use super::types::INTEGER_DIGITS_MAX;
use crate::domain::{finite, has_digits, is_within};

/// A source over a row, whose columns stand in the order of the record's.
#[derive(Clone, Debug)]
pub struct RowSource<'a, 'stmt> {
    row: &'a Row<'stmt>,
}

impl<'a, 'stmt> RowSource<'a, 'stmt> {
    /// A source over that row.
    #[inline(always)]
    pub fn new(row: &'a Row<'stmt>) -> Self {
        Self { row }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn value(&self, at: usize) -> Option<ValueRef<'_>> {
        self.row.get_ref(at).ok()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn integer(&self, at: usize, column: &'static Column) -> Result<Got<i64>> {
        match self.value(at) {
            Some(ValueRef::Integer(value)) => Ok(Got::Value(value)),
            other => missing(other, column),
        }
    }
}

/// What it is when it is not of the type that is asked for.
#[inline]
fn missing<T>(value: Option<ValueRef<'_>>, column: &'static Column) -> Result<Got<T>> {
    match value {
        Some(ValueRef::Null) => Ok(Got::Null),
        None => Ok(Got::Absent),
        Some(other) => Err(mistyped(other, column)),
    }
}

#[cold]
#[inline(never)]
fn mistyped(value: ValueRef<'_>, column: &'static Column) -> Error {
    Error::unreadable(column, format_args!("{} is no {}", value.data_type(), column.kind))
}

#[cold]
#[inline(never)]
fn mislaid(column: &'static Column, what: &str, value: i64) -> Error {
    Error::unreadable(column, format_args!("{value} is no {what}"))
}

#[cold]
#[inline(never)]
fn out_of_range(column: &'static Column, what: &str) -> Error {
    Error::unreadable(column, format_args!("the {what} is out of range"))
}

#[cold]
#[inline(never)]
fn too_long(column: &'static Column) -> Error {
    Error::unreadable(column, format_args!("it has more digits than the column declares"))
}

#[cold]
#[inline(never)]
fn odd_length(column: &'static Column, len: usize) -> Error {
    Error::unreadable(column, format_args!("{len} bytes are no {}, which has 16", column.kind))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn sixteen(column: &'static Column, bytes: &[u8]) -> Result<[u8; 16]> {
    <[u8; 16]>::try_from(bytes).map_err(|_| odd_length(column, bytes.len()))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn utf8<'v>(column: &'static Column, bytes: &'v [u8]) -> Result<&'v str> {
    std::str::from_utf8(bytes).map_err(|e| not_utf8(column, e))
}

#[cold]
#[inline(never)]
fn not_utf8(column: &'static Column, error: std::str::Utf8Error) -> Error {
    Error::unreadable(column, format_args!("it is not UTF-8: {error}"))
}

impl Source for RowSource<'_, '_> {
    fn cell(&mut self, at: usize, _: &'static Column) -> Result<Got<()>> {
        Ok(match self.value(at) {
            None => Got::Absent,
            Some(ValueRef::Null) => Got::Null,
            Some(_) => Got::Value(()),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, at: usize, column: &'static Column) -> Result<Got<bool>> {
        self.integer(at, column)?.try_map(|value| match value {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(mislaid(column, "bool", other)),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, at: usize, column: &'static Column) -> Result<Got<i64>> {
        self.integer(at, column)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, at: usize, column: &'static Column) -> Result<Got<f64>> {
        match self.value(at) {
            Some(ValueRef::Real(value)) => finite(column, value).map(Got::Value),
            other => missing(other, column),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, at: usize, column: &'static Column) -> Result<Got<i128>> {
        let units = match column.kind {
            Kind::Decimal { precision, .. } if precision > INTEGER_DIGITS_MAX => {
                match self.value(at) {
                    Some(ValueRef::Blob(bytes)) => {
                        Got::Value(blob::decode(sixteen(column, bytes)?))
                    }
                    other => missing(other, column)?,
                }
            }
            _ => self.integer(at, column)?.map(i128::from),
        };
        units.try_map(|units| match has_digits(column, units) {
            true => Ok(units),
            false => Err(too_long(column)),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
        match self.value(at) {
            Some(ValueRef::Text(bytes)) => utf8(column, bytes).map(Got::Value),
            other => missing(other, column),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        match self.value(at) {
            Some(ValueRef::Blob(bytes)) => Ok(Got::Value(bytes)),
            other => missing(other, column),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, at: usize, column: &'static Column) -> Result<Got<Uuid>> {
        match self.value(at) {
            Some(ValueRef::Blob(bytes)) => {
                Ok(Got::Value(Uuid::from_bytes(sixteen(column, bytes)?)))
            }
            other => missing(other, column),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, at: usize, column: &'static Column) -> Result<Got<Timestamp>> {
        self.integer(at, column)?.try_map(|micros| {
            let at = Timestamp::from_micros(micros);
            match is_within(column, &at, &Timestamp::MIN, &Timestamp::MAX) {
                true => Ok(at),
                false => Err(out_of_range(column, "moment")),
            }
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, at: usize, column: &'static Column) -> Result<Got<TimestampNs>> {
        self.integer(at, column)?.try_map(|nanos| {
            let at = TimestampNs::from_nanos(nanos);
            match is_within(column, &at, &TimestampNs::MIN, &TimestampNs::MAX) {
                true => Ok(at),
                false => Err(out_of_range(column, "moment")),
            }
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, at: usize, column: &'static Column) -> Result<Got<Date>> {
        self.integer(at, column)?.try_map(|days| {
            i32::try_from(days)
                .ok()
                .map(Date::from_days)
                .filter(|day| is_within(column, day, &Date::MIN, &Date::MAX))
                .ok_or_else(|| out_of_range(column, "day"))
        })
    }

    #[inline]
    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        match self.value(at) {
            Some(ValueRef::Text(bytes)) => json::parse(column, bytes).map(Got::Value),
            other => missing(other, column),
        }
    }
}
