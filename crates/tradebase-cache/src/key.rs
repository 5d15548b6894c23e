//! Keys as text: `prefix:part`, with one more `:part` for each further column of the key.

use serde::Serialize;
use tradebase_core::{
    Code, Column, Date, Error, Key, Record, Result, Sink, Timestamp, TimestampNs, Uuid, decimal,
};

/// The beginnings of a key, from the store's to the cache's; empty ones are left out.
pub(crate) type Prefixes<'a> = [&'a str; 2];

/// The text of a key.
pub(crate) fn of_key<T: Record>(prefixes: Prefixes<'_>, key: &T::Key) -> Result<String> {
    let mut sink = KeySink::new(prefixes, T::TABLE.key.len())?;
    key.put_key(T::TABLE.key_columns(), &mut sink)?;
    sink.finish()
}

/// The text of a record's key, without making the key first.
pub(crate) fn of_row<T: Record>(prefixes: Prefixes<'_>, row: &T) -> Result<String> {
    let mut sink = KeySink::new(prefixes, T::TABLE.key.len())?;
    for &at in T::TABLE.key {
        row.put(at, &mut sink)?;
    }
    sink.finish()
}

/// What most keys fit into: a prefix and a UUID.
const USUAL_BYTES: usize = 64;

/// A sink that joins the parts of a key.
///
/// The text of a key of one column stands byte for byte, since callers bring their own keys. In a
/// key of several columns `:` and `%` of a part are written `%3A` and `%25`, so that no two keys
/// have the same text.
struct KeySink {
    out: Vec<u8>,
    escapes: bool,
}

impl KeySink {
    fn new(prefixes: Prefixes<'_>, parts: usize) -> Result<Self> {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        for prefix in prefixes {
            if prefix.contains('\0') {
                return Err(Error::new(Code::Config, "a key prefix must not contain NUL"));
            }
            let prefix = prefix.trim_end_matches(':');
            if !prefix.is_empty() {
                join(&mut out);
                out.extend_from_slice(prefix.as_bytes());
            }
        }
        Ok(Self { out, escapes: parts > 1 })
    }

    fn part(&mut self, column: &'static Column, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        join(&mut self.out);
        let start = self.out.len();
        write(&mut self.out);
        let part = &self.out[start..];
        if part.is_empty() {
            return Err(Error::refused(column, "key", "must not be empty, because it is in a key"));
        }
        if part.contains(&0) {
            return Err(Error::refused(column, "nul", "must not contain the character NUL"));
        }
        if self.escapes && part.iter().any(|byte| matches!(byte, b':' | b'%')) {
            let part = self.out.split_off(start);
            for byte in part {
                match byte {
                    b':' => self.out.extend_from_slice(b"%3A"),
                    b'%' => self.out.extend_from_slice(b"%25"),
                    other => self.out.push(other),
                }
            }
        }
        Ok(())
    }

    fn shown(&mut self, column: &'static Column, value: impl ToString) -> Result<()> {
        self.part(column, |out| out.extend_from_slice(value.to_string().as_bytes()))
    }

    fn finish(self) -> Result<String> {
        String::from_utf8(self.out)
            .map_err(|e| Error::new(Code::Internal, "a key is not UTF-8").because(e))
    }
}

fn join(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b':');
    }
}

impl Sink for KeySink {
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()> {
        self.shown(column, value)
    }

    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        self.shown(column, value)
    }

    fn f64(&mut self, column: &'static Column, _: f64) -> Result<()> {
        Err(unfit(column, "a float has no exact text"))
    }

    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        self.part(column, |out| decimal::write(out, units, column.kind.scale()))
    }

    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        self.part(column, |out| out.extend_from_slice(value.as_bytes()))
    }

    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.part(column, |out| {
            for byte in value {
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        })
    }

    fn uuid(&mut self, column: &'static Column, value: Uuid) -> Result<()> {
        let mut buffer = Uuid::encode_buffer();
        let text = value.hyphenated().encode_lower(&mut buffer);
        self.part(column, |out| out.extend_from_slice(text.as_bytes()))
    }

    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()> {
        self.part(column, |out| value.write(out))
    }

    fn timestamp_ns(&mut self, column: &'static Column, value: TimestampNs) -> Result<()> {
        self.part(column, |out| value.write(out))
    }

    fn date(&mut self, column: &'static Column, value: Date) -> Result<()> {
        self.part(column, |out| value.write(out))
    }

    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, _: &T) -> Result<()> {
        Err(unfit(column, "JSON has more than one text"))
    }

    fn null(&mut self, column: &'static Column) -> Result<()> {
        Err(unfit(column, "null is no part of a key"))
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        Err(unfit(column, "it is not assigned yet"))
    }
}

#[cold]
fn unfit(column: &'static Column, why: &str) -> Error {
    Error::refused(column, "key", format!("cannot stand in a cache key: {why}"))
}
