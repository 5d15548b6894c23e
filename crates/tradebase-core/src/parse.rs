//! Values from their text forms, for the sources whose stores keep text.

use uuid::Uuid;

use crate::column::Column;
use crate::decimal;
use crate::error::{Error, Result};
use crate::time::{Date, Timestamp, TimestampNs};

/// A UUID from its text.
#[inline]
pub fn uuid(column: &'static Column, text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| unreadable(column, text))
}

/// A moment from RFC 3339.
#[inline]
pub fn timestamp(column: &'static Column, text: &str) -> Result<Timestamp> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// A moment in nanoseconds from RFC 3339.
#[inline]
pub fn timestamp_ns(column: &'static Column, text: &str) -> Result<TimestampNs> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// A day from `2026-11-20`.
#[inline]
pub fn date(column: &'static Column, text: &str) -> Result<Date> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// Whole units of the column's scale from a number's text.
#[inline]
pub fn decimal(column: &'static Column, text: &[u8]) -> Result<i128> {
    decimal::parse(text, column.kind.scale())
        .ok_or_else(|| unreadable(column, &String::from_utf8_lossy(text)))
}

/// An integer from its text.
#[inline]
pub fn integer(column: &'static Column, text: &str) -> Result<i64> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// A float from its text.
#[inline]
pub fn float(column: &'static Column, text: &str) -> Result<f64> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// A bool from `true` or `false`.
#[inline]
pub fn boolean(column: &'static Column, text: &str) -> Result<bool> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// Bytes from hexadecimal digits.
pub fn hex(column: &'static Column, text: &str) -> Result<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return Err(unreadable(column, text));
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or_else(|| unreadable(column, text))
}

#[cold]
#[inline(never)]
fn unreadable(column: &'static Column, text: &str) -> Error {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).collect();
    Error::unreadable(column, format_args!("{shown:?} is no {}", column.kind))
}
