//! Where values go: a store's own buffer, one method per kind.

use serde::Serialize;
use uuid::Uuid;

use crate::column::Column;
use crate::error::Result;
use crate::time::{Date, Timestamp, TimestampNs};

/// A store's buffer, as a row writes itself into it.
///
/// The column is a constant at each call, so that after inlining a sink that looks at its kind,
/// name or roles pays nothing for it. Values arrive checked against the column's domain:
/// finite floats, whole units of the declared scale, text without NUL.
pub trait Sink {
    /// A bool.
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()>;

    /// An integer of 16 bits.
    #[inline]
    fn i16(&mut self, column: &'static Column, value: i16) -> Result<()> {
        self.i64(column, value.into())
    }

    /// An integer of 32 bits.
    #[inline]
    fn i32(&mut self, column: &'static Column, value: i32) -> Result<()> {
        self.i64(column, value.into())
    }

    /// An integer of 64 bits.
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()>;

    /// A float.
    fn f64(&mut self, column: &'static Column, value: f64) -> Result<()>;

    /// A decimal, as whole units of the column's scale: 1.50 at scale 4 is 15000.
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()>;

    /// Text.
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()>;

    /// Bytes.
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()>;

    /// A UUID.
    fn uuid(&mut self, column: &'static Column, value: Uuid) -> Result<()>;

    /// A moment to the microsecond.
    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()>;

    /// A moment to the nanosecond.
    fn timestamp_ns(&mut self, column: &'static Column, value: TimestampNs) -> Result<()>;

    /// A day.
    fn date(&mut self, column: &'static Column, value: Date) -> Result<()>;

    /// Any value of serde.
    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()>;

    /// No value.
    fn null(&mut self, column: &'static Column) -> Result<()>;

    /// A value that the database will assign: the column is left out, which is not null.
    fn skip(&mut self, column: &'static Column) -> Result<()>;
}
