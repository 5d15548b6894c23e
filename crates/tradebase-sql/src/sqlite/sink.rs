//! Writing records into SQLite's values.

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Error as DriverError, Statement};
use serde::Serialize;
use tradebase_core::uuid::Uuid;
use tradebase_core::{Code, Column, Date, Error, Kind, Result, Sink, Timestamp, TimestampNs, json};

use super::image::Image;
use super::types::INTEGER_DIGITS_MAX;
use super::{blob, error};
use crate::limits;

/// Where values go.
pub trait Target {
    /// Takes the next value.
    fn put(&mut self, value: ValueRef<'_>) -> Result<()>;
}

/// The parameters of a statement, one after another.
#[derive(Debug)]
pub struct Slots<'a, 'conn> {
    statement: &'a mut Statement<'conn>,
    last: usize,
}

impl Target for Slots<'_, '_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.last += 1;
        self.statement.raw_bind_parameter(self.last, Bound(value)).map_err(unbound)
    }
}

/// Values of their own, for finds that run on another thread.
impl Target for Vec<Value> {
    fn put(&mut self, value: ValueRef<'_>) -> Result<()> {
        let value = value.try_into();
        self.push(value.map_err(|_| Error::new(Code::Internal, "a text is not UTF-8"))?);
        Ok(())
    }
}

struct Bound<'a>(ValueRef<'a>);

impl ToSql for Bound<'_> {
    #[inline(always)]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// A sink over a [`Target`].
#[derive(Debug)]
pub struct ValueSink<'a, T> {
    target: T,
    scratch: &'a mut Vec<u8>,
    skipped: bool,
}

/// A sink that binds the parameters of a statement, beginning with the first.
pub type BindSink<'a, 'conn> = ValueSink<'a, Slots<'a, 'conn>>;

impl<'a, 'conn> BindSink<'a, 'conn> {
    /// A sink for that statement; JSON is rendered into the scratch.
    #[inline]
    pub fn new(statement: &'a mut Statement<'conn>, scratch: &'a mut Vec<u8>) -> Self {
        Self { target: Slots { statement, last: 0 }, scratch, skipped: false }
    }

    /// Binds one more parameter, which is no column.
    pub(super) fn integer(&mut self, value: i64) -> Result<()> {
        self.target.put(ValueRef::Integer(value))
    }
}

impl<'a> ValueSink<'a, Vec<Value>> {
    /// A sink that keeps the values.
    pub(super) fn owned(scratch: &'a mut Vec<u8>) -> Self {
        Self { target: Vec::new(), scratch, skipped: false }
    }

    /// The values.
    pub(super) fn into_values(self) -> Vec<Value> {
        self.target
    }
}

impl<'a> ValueSink<'a, Image> {
    /// A sink that makes an image of the values.
    pub(super) fn image(scratch: &'a mut Vec<u8>) -> Self {
        Self { target: Image::new(), scratch, skipped: false }
    }

    /// The image.
    pub(super) fn into_image(self) -> Image {
        self.target
    }
}

impl<T> ValueSink<'_, T> {
    /// Whether a value was left for the database to assign.
    pub(super) fn skipped(&self) -> bool {
        self.skipped
    }
}

impl<T: Target> ValueSink<'_, T> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.target.put(value)
    }
}

impl<T: Target> Sink for ValueSink<'_, T> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, _: &'static Column, value: bool) -> Result<()> {
        self.put(ValueRef::Integer(value.into()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, _: &'static Column, value: i64) -> Result<()> {
        self.put(ValueRef::Integer(value))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, _: &'static Column, value: f64) -> Result<()> {
        self.put(ValueRef::Real(value))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        match column.kind {
            Kind::Decimal { precision, .. } if precision > INTEGER_DIGITS_MAX => {
                self.put(ValueRef::Blob(&blob::encode(units)))
            }
            _ => match i64::try_from(units) {
                Ok(units) => self.put(ValueRef::Integer(units)),
                Err(_) => Err(too_wide(column, units)),
            },
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        limits::size(column, value.len())?;
        self.put(ValueRef::Text(value.as_bytes()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        limits::size(column, value.len())?;
        self.put(ValueRef::Blob(value))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, _: &'static Column, value: Uuid) -> Result<()> {
        self.put(ValueRef::Blob(value.as_bytes()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, _: &'static Column, value: Timestamp) -> Result<()> {
        self.put(ValueRef::Integer(value.as_micros()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, _: &'static Column, value: TimestampNs) -> Result<()> {
        self.put(ValueRef::Integer(value.as_nanos()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, _: &'static Column, value: Date) -> Result<()> {
        self.put(ValueRef::Integer(value.as_days().into()))
    }

    #[inline]
    fn json<V: Serialize + ?Sized>(&mut self, column: &'static Column, value: &V) -> Result<()> {
        self.scratch.clear();
        json::render(column, value, self.scratch)?;
        limits::size(column, self.scratch.len())?;
        self.target.put(ValueRef::Text(self.scratch))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, _: &'static Column) -> Result<()> {
        self.put(ValueRef::Null)
    }

    /// Null makes an INTEGER PRIMARY KEY assign itself.
    fn skip(&mut self, _: &'static Column) -> Result<()> {
        self.skipped = true;
        self.put(ValueRef::Null)
    }
}

#[cold]
#[inline(never)]
fn too_wide(column: &'static Column, units: i128) -> Error {
    Error::refused(column, "precision", format!("must fit {}, has {units} units", column.kind))
}

#[cold]
#[inline(never)]
fn unbound(error: DriverError) -> Error {
    match error::from_sqlite(&error, None) {
        error if error.code() == Code::StorageFull => error,
        error => Error::new(Code::Internal, "a value cannot be bound").because(error),
    }
}
