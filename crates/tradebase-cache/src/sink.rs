//! Writing a row as a MessagePack map with the names of its columns.

use serde::Serialize;
use tradebase_core::{
    Code, Column, Date, Error, Result, Sink, Timestamp, TimestampNs, Uuid, decimal,
};

use crate::wire::read::Reader;
use crate::wire::write;

/// A sink that appends name and value of each column.
///
/// | kind | MessagePack |
/// | --- | --- |
/// | bool | bool |
/// | i16, i32, i64 | integer in its smallest form |
/// | f64 | float 64 |
/// | decimal | text with every digit of the declared scale |
/// | text | text |
/// | bytes | bin |
/// | uuid | bin of 16 bytes |
/// | timestamp, timestamp_ns | the timestamp extension, -1 |
/// | date | text, `2026-11-20` |
/// | json | the value, maps with names |
/// | null | nil |
#[derive(Debug)]
pub struct MessagePackSink<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    pairs: u16,
}

impl<'a> MessagePackSink<'a> {
    /// A sink for a row of so many columns, at the end of that buffer.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, columns: usize) -> Result<Self> {
        let pairs = u16::try_from(columns).map_err(|_| too_wide(columns))?;
        let start = out.len();
        write::map(out, pairs);
        Ok(Self { out, start, pairs })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn name(&mut self, column: &'static Column) -> &mut Vec<u8> {
        write::name(self.out, column.name.text);
        self.out
    }
}

impl Sink for MessagePackSink<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()> {
        write::bool(self.name(column), value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        write::integer(self.name(column), value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, column: &'static Column, value: f64) -> Result<()> {
        write::float(self.name(column), value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        let scale = column.kind.scale();
        write::short(self.name(column), |out| decimal::write(out, units, scale));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        if write::text(self.name(column), value.as_bytes()) { Ok(()) } else { too_long(column) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        if write::bytes(self.name(column), value) { Ok(()) } else { too_long(column) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, column: &'static Column, value: Uuid) -> Result<()> {
        write::sixteen(self.name(column), value.as_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()> {
        write::moment(self.name(column), value.into());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, column: &'static Column, value: TimestampNs) -> Result<()> {
        write::moment(self.name(column), value.into());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, column: &'static Column, value: Date) -> Result<()> {
        write::short(self.name(column), |out| value.write(out));
        Ok(())
    }

    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        let out = self.name(column);
        let start = out.len();
        // Human readable, as in JSON columns: behind `flatten` and the like, serde reads ids and
        // dates only in this form.
        let mut serializer =
            rmp_serde::Serializer::new(&mut *out).with_struct_map().with_human_readable();
        value.serialize(&mut serializer).map_err(|e| unwritable(column, &e.to_string()))?;
        // What cannot be read again must not be written.
        let mut reader = Reader::new(&out[start..]);
        reader.pass().map_err(|fault| unwritable(column, fault.text()))?;
        if reader.is_at_end() { Ok(()) } else { Err(unwritable(column, "more than one value")) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, column: &'static Column) -> Result<()> {
        write::nil(self.name(column));
        Ok(())
    }

    fn skip(&mut self, _: &'static Column) -> Result<()> {
        self.pairs = self.pairs.saturating_sub(1);
        write::patch_map(self.out, self.start, self.pairs);
        Ok(())
    }
}

#[cold]
fn too_wide(columns: usize) -> Error {
    Error::new(Code::Internal, format!("a row has more than {} columns: {columns}", u16::MAX))
}

#[cold]
fn too_long(column: &'static Column) -> Result<()> {
    let message = format!("must have at most {} bytes", u32::MAX);
    Err(Error::refused(column, "length", message))
}

#[cold]
fn unwritable(column: &'static Column, why: &str) -> Error {
    Error::refused(column, "json", format!("cannot be written as MessagePack: {why}"))
}
