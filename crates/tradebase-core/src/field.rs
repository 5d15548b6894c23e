//! How a Rust type stands in a column.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::column::{Check, Column};
use crate::decimal;
use crate::domain;
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::sink::Sink;
use crate::source::{Got, Source};
use crate::time::{Date, Timestamp, TimestampNs};

/// A type that can stand in a column.
///
/// `#[derive(Field)]` makes newtypes and enums fields; `#[record(json)]` does it for any type of
/// serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a column",
    label = "not a column type",
    note = "add `#[derive(Field)]` to a newtype or enum, `#[record(json)]` to a field of any \
            serde type, `#[record(embed)]` to a struct with `#[derive(Row)]`"
)]
pub trait Field: Sized + Send + Sync + 'static {
    /// What a column of it holds.
    const KIND: Kind;
    /// Whether it may be null.
    const NULLABLE: bool = false;
    /// Whether it is null in two ways, which no store can tell apart.
    const NESTED: bool = false;
    /// The stored texts, for an enum.
    const LABELS: &'static [&'static str] = &[];
    /// Whether no other text may be stored, for an enum.
    const CLOSED: bool = false;
    /// Whether the database assigns it.
    const ASSIGNED: bool = false;
    /// Whether writing it may cut digits off, so that the record must say `truncate`.
    const CUTS: bool = false;
    /// Checks a value that is to become one.
    #[doc(hidden)]
    const CHECK: Check = crate::rule::check_field::<Self>;

    /// Writes the value.
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()>;

    /// Reads a value.
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>>;

    /// What null reads as, for types that have a null.
    #[inline(always)]
    fn none() -> Option<Self> {
        None
    }
}

macro_rules! plain {
    ($($type:ty, $kind:expr, $method:ident, $check:path;)+) => {$(
        impl Field for $type {
            const KIND: Kind = $kind;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
                $check(column, (*self).into())?;
                sink.$method(column, *self)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn take<R: Source>(
                at: usize,
                column: &'static Column,
                source: &mut R,
            ) -> Result<Got<Self>> {
                source.$method(at, column)
            }
        }
    )+};
}

#[inline(always)]
fn anything<T>(_: &'static Column, _: T) -> Result<()> {
    Ok(())
}

plain! {
    bool, Kind::Bool, bool, anything::<bool>;
    i16, Kind::I16, i16, domain::integer;
    i32, Kind::I32, i32, domain::integer;
    i64, Kind::I64, i64, domain::integer;
    f64, Kind::F64, f64, domain::f64;
    Uuid, Kind::Uuid, uuid, anything::<Uuid>;
    Timestamp, Kind::Timestamp, timestamp, domain::timestamp;
    TimestampNs, Kind::TimestampNs, timestamp_ns, domain::timestamp_ns;
    Date, Kind::Date, date, domain::date;
}

/// Types that are stored as another one, with checks on the way.
macro_rules! carried {
    ($($type:ty, $kind:expr, $method:ident, $check:path, $to:expr, $from:expr;)+) => {$(
        impl Field for $type {
            const KIND: Kind = $kind;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
                let value = $to(column, self)?;
                $check(column, value)?;
                sink.$method(column, value)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn take<R: Source>(
                at: usize,
                column: &'static Column,
                source: &mut R,
            ) -> Result<Got<Self>> {
                // Spelled out: a closure here is not always inlined, and every read comes by.
                Ok(match source.$method(at, column)? {
                    Got::Value(value) => Got::Value($from(column, value)?),
                    Got::Null => Got::Null,
                    Got::Absent => Got::Absent,
                })
            }
        }
    )+};
}

carried! {
    u32, Kind::I64, i64, domain::integer,
        |_, v: &u32| Ok::<i64, Error>(i64::from(*v)),
        |column, v: i64| u32::try_from(v).map_err(|_| unfit(column, v, "u32"));
    u64, Kind::I64, i64, domain::integer,
        |column, v: &u64| i64::try_from(*v).map_err(|_| too_large(column, *v)),
        |column, v: i64| u64::try_from(v).map_err(|_| unfit(column, v, "u64"));
    NaiveDate, Kind::Date, date, domain::date,
        |_, v: &NaiveDate| Ok::<Date, Error>((*v).into()),
        |column, v: Date| v.try_into().map_err(|e| not_chrono(column, e));
}

impl Field for Decimal {
    const KIND: Kind = Kind::UNDECLARED_DECIMAL;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        sink.decimal(column, decimal::to_units(column, self)?)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        Ok(match source.decimal(at, column)? {
            // Checked first, made last: a `Result` of a decimal goes through memory in pieces.
            Got::Value(units) => {
                decimal::check_units(column, units)?;
                Got::Value(decimal::of_checked(column, units))
            }
            Got::Null => Got::Null,
            Got::Absent => Got::Absent,
        })
    }
}

impl Field for DateTime<Utc> {
    const KIND: Kind = Kind::Timestamp;
    const CUTS: bool = true;

    #[inline]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        Timestamp::truncated(*self).put(column, sink)
    }

    #[inline]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        source.timestamp(at, column)?.try_map(|v| v.try_into().map_err(|e| not_chrono(column, e)))
    }
}

impl Field for String {
    const KIND: Kind = Kind::TEXT;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        domain::text(column, self)?;
        sink.text(column, self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        Ok(source.text(at, column)?.map(str::to_owned))
    }
}

impl Field for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        sink.bytes(column, self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        Ok(source.bytes(at, column)?.map(<[u8]>::to_vec))
    }
}

impl<F: Field> Field for Option<F> {
    const KIND: Kind = F::KIND;
    const NULLABLE: bool = true;
    const NESTED: bool = F::NULLABLE;
    const LABELS: &'static [&'static str] = F::LABELS;
    const CLOSED: bool = F::CLOSED;
    const CUTS: bool = F::CUTS;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        match self {
            Some(value) => value.put(column, sink),
            None => sink.null(column),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        Ok(match F::take(at, column, source)? {
            Got::Value(value) => Got::Value(Some(value)),
            Got::Null => Got::Null,
            Got::Absent => Got::Absent,
        })
    }

    #[inline(always)]
    fn none() -> Option<Self> {
        Some(None)
    }
}

/// An integer key that the database assigns on insert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assigned<T> {
    /// Not inserted yet: the column is left out.
    #[default]
    New,
    /// The assigned key.
    Is(T),
}

impl<T: Copy> Assigned<T> {
    /// The key, if it is assigned.
    pub fn get(self) -> Option<T> {
        match self {
            Assigned::New => None,
            Assigned::Is(key) => Some(key),
        }
    }
}

impl Field for Assigned<i64> {
    const KIND: Kind = Kind::I64;
    const ASSIGNED: bool = true;

    #[inline]
    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        match self {
            Assigned::New => sink.skip(column),
            Assigned::Is(key) => sink.i64(column, *key),
        }
    }

    #[inline]
    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        Ok(source.i64(at, column)?.map(Assigned::Is))
    }
}

/// Writes the text that an open enum keeps; what `#[field(other)]` calls.
pub fn put_other<S: Sink>(
    text: &str,
    labels: &[&str],
    column: &'static Column,
    sink: &mut S,
) -> Result<()> {
    if labels.contains(&text) {
        // It would read back as the variant, and not be equal.
        let message = format!("has a variant for {text:?}: use the variant");
        return Err(Error::refused(column, "label", message));
    }
    domain::text(column, text)?;
    sink.text(column, text)
}

/// A stored text that an enum has no variant for; what enums without `other` call.
#[cold]
pub fn unknown_label(column: &'static Column, text: &str) -> Error {
    Error::unreadable(column, format_args!("{text:?} is none of the known texts"))
}

/// Writes a value of serde; what `#[record(json)]` calls.
#[inline]
pub fn put_json<T, S>(value: &T, column: &'static Column, sink: &mut S) -> Result<()>
where
    T: Serialize + ?Sized,
    S: Sink,
{
    sink.json(column, value)
}

/// Reads a value of serde; what `#[record(json)]` calls.
#[inline]
pub fn take_json<T, R>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<T>>
where
    T: DeserializeOwned,
    R: Source,
{
    source.json(at, column)
}

#[cold]
fn unfit(column: &'static Column, value: i64, name: &str) -> Error {
    Error::unreadable(column, format_args!("{value} does not fit {name}"))
}

#[cold]
fn too_large(column: &'static Column, value: u64) -> Error {
    let message = format!("must be at most {}, is {value}", i64::MAX);
    Error::refused(column, "range", message)
}

#[cold]
fn not_chrono(column: &'static Column, error: crate::time::ParseTimeError) -> Error {
    Error::unreadable(column, format_args!("{error}"))
}
