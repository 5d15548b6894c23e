//! Where a record goes: line protocol.
//!
//! A line has its tags first, whatever the order of the columns. So the record writes itself once
//! into two buffers, and the fields are laid behind the tags in the end. Writing it twice, each
//! time with a sink that takes a part, checked every value twice: 0.54 of hand-written code
//! without any checks, where this was 0.74 the same hour, and 0.9 since checks go by words.

use serde::Serialize;
use tradebase_core::{
    Code, Column, Date, Error, Result, Roles, Sink, Timestamp, TimestampNs, Uuid, decimal, json,
};

use crate::escape;

/// Takes the tags as `,symbol=BTC/USDT`, the fields as `,price="1.50"`, and the time aside.
///
/// What is null is left out.
#[derive(Debug)]
pub struct LineSink<'a> {
    tags: &'a mut Vec<u8>,
    fields: &'a mut Vec<u8>,
    moment: i64,
    sequence: i64,
}

impl<'a> LineSink<'a> {
    /// A sink that appends to these buffers.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn new(tags: &'a mut Vec<u8>, fields: &'a mut Vec<u8>) -> Self {
        Self { tags, fields, moment: 0, sequence: 0 }
    }

    /// The point's time in nanoseconds, with the sequence below its microsecond; none where no
    /// series holds it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn time(&self) -> Option<TimestampNs> {
        let time = self.moment.checked_add(self.sequence).map(TimestampNs::from_nanos)?;
        (TimestampNs::MIN..=TimestampNs::MAX).contains(&time).then_some(time)
    }

    /// The buffer of the column, behind its name.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn named(&mut self, column: &'static Column) -> &mut Vec<u8> {
        let out = if column.is(Roles::TAG) { &mut *self.tags } else { &mut *self.fields };
        out.extend_from_slice(column.name.line.as_bytes());
        out
    }

    /// The buffer of a field, behind its name and the quote that opens it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn opened(&mut self, column: &'static Column) -> &mut Vec<u8> {
        self.fields.extend_from_slice(column.name.quoted.as_bytes());
        self.fields
    }

    /// A value whose text needs no escape anywhere.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn plain(&mut self, column: &'static Column, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        if column.is(Roles::TAG) {
            write(self.named(column));
        } else {
            let out = self.opened(column);
            write(out);
            out.push(b'"');
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn whole(&mut self, column: &'static Column, value: i64) -> Result<()> {
        let out = self.named(column);
        integer(out, value);
        if !column.is(Roles::TAG) {
            out.push(b'i');
        }
        Ok(())
    }

    /// A text that is made in the buffer and escaped there.
    #[inline]
    fn made(
        &mut self,
        column: &'static Column,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        if column.is(Roles::TAG) {
            let out = self.named(column);
            let start = out.len();
            write(out)?;
            escape::tag_in_place(out, start);
        } else {
            let out = self.opened(column);
            let start = out.len();
            write(out)?;
            escape::quoted_in_place(out, start);
            out.push(b'"');
        }
        Ok(())
    }
}

impl Sink for LineSink<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()> {
        self.named(column).extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        if column.is(Roles::SEQUENCE) {
            self.sequence = value;
        }
        self.whole(column, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, column: &'static Column, value: f64) -> Result<()> {
        if column.is(Roles::TAG) {
            return Err(no_tag(column));
        }
        float(self.named(column), value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        self.plain(column, |out| decimal::write(out, units, column.kind.scale()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        if column.is(Roles::TAG) {
            escape::tag(self.named(column), value.as_bytes());
        } else {
            let out = self.opened(column);
            escape::quoted(out, value.as_bytes());
            out.push(b'"');
        }
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        if column.is(Roles::TAG) && value.is_empty() {
            return Err(empty_tag(column));
        }
        // Base 64 may end with `=`, which has a meaning in a tag.
        self.made(column, |out| {
            json::encode_base64(value, out);
            Ok(())
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, column: &'static Column, value: Uuid) -> Result<()> {
        self.plain(column, |out| uuid(out, value))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()> {
        if column.is(Roles::TIME) {
            self.moment = value.to_ns().ok_or_else(|| no_point(column))?.as_nanos();
            return Ok(());
        }
        if column.is(Roles::TAG) {
            return self.plain(column, |out| value.write(out));
        }
        self.whole(column, value.as_micros())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, column: &'static Column, value: TimestampNs) -> Result<()> {
        if column.is(Roles::TIME) {
            self.moment = value.as_nanos();
            return Ok(());
        }
        if column.is(Roles::TAG) {
            return self.plain(column, |out| value.write(out));
        }
        self.whole(column, value.as_nanos())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, column: &'static Column, value: Date) -> Result<()> {
        self.plain(column, |out| value.write(out))
    }

    #[inline]
    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        self.made(column, |out| json::render(column, value, out))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, column: &'static Column) -> Result<()> {
        if column.is(Roles::TIME) { Err(no_time(column)) } else { Ok(()) }
    }

    #[inline]
    fn skip(&mut self, column: &'static Column) -> Result<()> {
        if column.is(Roles::TAG) { Err(not_assigned(column)) } else { Ok(()) }
    }
}

#[inline(never)]
pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(value).as_bytes());
}

#[inline(never)]
fn float(out: &mut Vec<u8>, value: f64) {
    let mut buffer = ryu::Buffer::new();
    out.extend_from_slice(buffer.format(value).as_bytes());
}

#[inline(never)]
fn uuid(out: &mut Vec<u8>, value: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(value.hyphenated().encode_lower(&mut buffer).as_bytes());
}

#[cold]
#[inline(never)]
fn no_tag(column: &'static Column) -> Error {
    Error::new(Code::Config, format!("a float cannot be a tag: {}", column.name.text))
}

#[cold]
#[inline(never)]
fn empty_tag(column: &'static Column) -> Error {
    Error::refused(column, "tag", "must not be empty, because it is a tag: use None for no value")
}

#[cold]
#[inline(never)]
fn not_assigned(column: &'static Column) -> Error {
    Error::refused(column, "assigned", "must be assigned before it can be a tag")
}

#[cold]
#[inline(never)]
fn no_point(column: &'static Column) -> Error {
    let (first, last) = (Timestamp::SERIES_MIN, Timestamp::SERIES_MAX);
    Error::refused(column, "range", format!("must be between {first} and {last}"))
}

#[cold]
#[inline(never)]
fn no_time(column: &'static Column) -> Error {
    Error::refused(column, "required", "must have a value, it is the time of the point")
}
