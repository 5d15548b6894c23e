//! Writing a row as a JSON object.

use serde::Serialize;
use uuid::Uuid;

use super::{encode_base64, render};
use crate::column::Column;
use crate::decimal;
use crate::error::Result;
use crate::sink::Sink;
use crate::time::{Date, Timestamp, TimestampNs};

/// A sink that appends `,"name":value` for each column.
#[derive(Debug)]
pub struct JsonSink<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> JsonSink<'a> {
    /// A sink that appends to that buffer.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Closes the object that began at that place of the buffer: its first comma opens it.
    pub fn finish(self, start: usize) {
        match self.out.get_mut(start) {
            Some(comma) => *comma = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }

    #[inline(always)]
    fn name(&mut self, column: &'static Column) -> &mut Vec<u8> {
        self.out.extend_from_slice(column.name.json.as_bytes());
        self.out
    }

    #[inline(always)]
    fn quoted(&mut self, column: &'static Column, write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.name(column);
        out.push(b'"');
        write(out);
        out.push(b'"');
    }
}

impl Sink for JsonSink<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.name(column).extend_from_slice(text);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        let mut buffer = itoa::Buffer::new();
        self.name(column).extend_from_slice(buffer.format(value).as_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, column: &'static Column, value: f64) -> Result<()> {
        let mut buffer = ryu::Buffer::new();
        // Infinities and NaN are no JSON numbers; only records without a table hold them.
        if value.is_finite() {
            self.name(column).extend_from_slice(buffer.format_finite(value).as_bytes());
        } else {
            self.quoted(column, |out| out.extend_from_slice(buffer.format(value).as_bytes()));
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        decimal::write(self.name(column), units, column.kind.scale());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        escape(self.name(column), value.as_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        self.quoted(column, |out| encode_base64(value, out));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, column: &'static Column, value: Uuid) -> Result<()> {
        let mut buffer = Uuid::encode_buffer();
        let text = value.hyphenated().encode_lower(&mut buffer);
        self.quoted(column, |out| out.extend_from_slice(text.as_bytes()));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()> {
        self.quoted(column, |out| value.write(out));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, column: &'static Column, value: TimestampNs) -> Result<()> {
        self.quoted(column, |out| value.write(out));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, column: &'static Column, value: Date) -> Result<()> {
        self.quoted(column, |out| value.write(out));
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        render(column, value, self.name(column))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, column: &'static Column) -> Result<()> {
        self.name(column).extend_from_slice(b"null");
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn skip(&mut self, _: &'static Column) -> Result<()> {
        Ok(())
    }
}

/// What stands for a byte: 0 for itself, `u` for a `\u00..` escape, else the letter of the escape.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = b'u';
        i += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends a text in quotes.
#[inline]
pub(super) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| ESCAPES[usize::from(*b)] != 0) {
        out.extend_from_slice(&rest[..at]);
        escape_one(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape_one(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match ESCAPES[usize::from(byte)] {
        b'u' => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}
