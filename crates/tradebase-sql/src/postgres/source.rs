//! Reading records from PostgreSQL's binary values.

use std::error::Error as StdError;

use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use tradebase_core::uuid::Uuid;
use tradebase_core::{
    Column, Date, Error, Got, Kind, Result, Source, Timestamp, TimestampNs, json,
};

use super::numeric;
use super::sink::{EPOCH_DAYS, EPOCH_MICROS, JSONB_VERSION};
use crate::domain::{finite, has_digits, is_within};

/// The encoded values of a row.
pub trait Cells {
    /// The bytes of the value at that place.
    fn cell(&mut self, at: usize) -> Got<&[u8]>;
}

/// A source that decodes the values of a row.
#[derive(Debug)]
pub struct DecodeSource<C>(pub(super) C);

/// The cells of a row of the driver.
#[derive(Debug)]
pub struct RowCells<'a>(&'a Row);

impl<'a> RowCells<'a> {
    /// The cells of that row.
    pub(super) fn new(row: &'a Row) -> Self {
        Self(row)
    }
}

/// A source over a row, whose columns stand in the order of the record's. Their types were
/// compared when the statement was prepared.
pub type RowSource<'a> = DecodeSource<RowCells<'a>>;

impl<'a> RowSource<'a> {
    /// A source over that row.
    #[inline(always)]
    pub fn new(row: &'a Row) -> Self {
        Self(RowCells(row))
    }
}

/// A value as the driver lends it.
struct Borrowed<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Borrowed<'a> {
    #[inline(always)]
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Borrowed(Some(raw)))
    }

    #[inline(always)]
    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Borrowed(None))
    }

    #[inline(always)]
    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Cells for RowCells<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn cell(&mut self, at: usize) -> Got<&[u8]> {
        match self.0.try_get::<_, Borrowed<'_>>(at) {
            Ok(Borrowed(Some(bytes))) => Got::Value(bytes),
            Ok(Borrowed(None)) => Got::Null,
            // The row has no such column.
            Err(_) => Got::Absent,
        }
    }
}

impl<C: Cells> DecodeSource<C> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fixed<const N: usize>(
        &mut self,
        at: usize,
        column: &'static Column,
    ) -> Result<Got<[u8; N]>> {
        match self.0.cell(at) {
            Got::Value(bytes) => match <[u8; N]>::try_from(bytes) {
                Ok(bytes) => Ok(Got::Value(bytes)),
                Err(_) => Err(odd(column, bytes.len())),
            },
            Got::Null => Ok(Got::Null),
            Got::Absent => Ok(Got::Absent),
        }
    }
}

#[cold]
#[inline(never)]
fn odd(column: &'static Column, len: usize) -> Error {
    Error::unreadable(column, format_args!("{len} bytes are no {}", column.kind))
}

/// Statements of the user's own give integers of other widths than the field has. One that does
/// not fit the field is refused there.
#[cold]
#[inline(never)]
fn integer_of_any_width(column: &'static Column, bytes: &[u8]) -> Result<i64> {
    match *bytes {
        [a, b] => Ok(i16::from_be_bytes([a, b]).into()),
        [a, b, c, d] => Ok(i32::from_be_bytes([a, b, c, d]).into()),
        _ => bytes.try_into().map(i64::from_be_bytes).map_err(|_| odd(column, bytes.len())),
    }
}

#[cold]
#[inline(never)]
fn float_of_any_width(column: &'static Column, bytes: &[u8]) -> Result<f64> {
    let four = bytes.try_into().map_err(|_| odd(column, bytes.len()))?;
    Ok(f32::from_be_bytes(four).into())
}

#[cold]
#[inline(never)]
fn faulty(column: &'static Column, why: &dyn std::fmt::Display) -> Error {
    Error::unreadable(column, format_args!("{why}"))
}

impl<C: Cells> Source for DecodeSource<C> {
    fn cell(&mut self, at: usize, _: &'static Column) -> Result<Got<()>> {
        Ok(self.0.cell(at).map(|_| ()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, at: usize, column: &'static Column) -> Result<Got<bool>> {
        self.fixed::<1>(at, column)?.try_map(|byte| match byte {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(faulty(column, &format_args!("{other} is no bool"))),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, at: usize, column: &'static Column) -> Result<Got<i64>> {
        self.0.cell(at).try_map(|bytes| {
            let value = match column.kind {
                Kind::I16 => bytes.try_into().ok().map(|two| i16::from_be_bytes(two).into()),
                Kind::I32 => bytes.try_into().ok().map(|four| i32::from_be_bytes(four).into()),
                _ => bytes.try_into().ok().map(i64::from_be_bytes),
            };
            value.map_or_else(|| integer_of_any_width(column, bytes), Ok)
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, at: usize, column: &'static Column) -> Result<Got<f64>> {
        self.0.cell(at).try_map(|bytes| match bytes.try_into() {
            Ok(eight) => finite(column, f64::from_be_bytes(eight)),
            Err(_) => finite(column, float_of_any_width(column, bytes)?),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, at: usize, column: &'static Column) -> Result<Got<i128>> {
        self.0.cell(at).try_map(|bytes| match numeric::decode(bytes, column.kind.scale()) {
            Ok(units) if has_digits(column, units) => Ok(units),
            Ok(_) => Err(faulty(column, &"it has more digits than the column declares")),
            Err(fault) => Err(faulty(column, &fault)),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
        self.0.cell(at).try_map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => Err(faulty(column, &error)),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, at: usize, _: &'static Column) -> Result<Got<&[u8]>> {
        Ok(self.0.cell(at))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, at: usize, column: &'static Column) -> Result<Got<Uuid>> {
        Ok(self.fixed(at, column)?.map(Uuid::from_bytes))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, at: usize, column: &'static Column) -> Result<Got<Timestamp>> {
        self.fixed(at, column)?.try_map(|bytes| match i64::from_be_bytes(bytes) {
            // The ends of the range are the infinities.
            micros if micros > i64::MIN && micros < i64::MAX => micros
                .checked_add(EPOCH_MICROS)
                .map(Timestamp::from_micros)
                .filter(|at| is_within(column, at, &Timestamp::MIN, &Timestamp::MAX))
                .ok_or_else(|| faulty(column, &"the moment is out of range")),
            _ => Err(faulty(column, &"an infinity is no moment")),
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, at: usize, column: &'static Column) -> Result<Got<TimestampNs>> {
        self.fixed(at, column)?.try_map(|bytes| {
            let at = TimestampNs::from_nanos(i64::from_be_bytes(bytes));
            match is_within(column, &at, &TimestampNs::MIN, &TimestampNs::MAX) {
                true => Ok(at),
                false => Err(faulty(column, &"the moment is out of range")),
            }
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, at: usize, column: &'static Column) -> Result<Got<Date>> {
        self.fixed(at, column)?.try_map(|bytes| match i32::from_be_bytes(bytes) {
            days if days > i32::MIN && days < i32::MAX => days
                .checked_add(EPOCH_DAYS)
                .map(Date::from_days)
                .filter(|day| is_within(column, day, &Date::MIN, &Date::MAX))
                .ok_or_else(|| faulty(column, &"the day is out of range")),
            _ => Err(faulty(column, &"an infinity is no day")),
        })
    }

    #[inline]
    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        self.0.cell(at).try_map(|bytes| match bytes {
            [JSONB_VERSION, text @ ..] => json::parse(column, text),
            _ => Err(faulty(column, &"it is no JSONB")),
        })
    }
}
