//! The values of a write as bytes of our own, so that it can be carried out on another thread
//! and more than once, whatever became of the record.

use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tradebase_core::{Code, Error, Result};

use super::error::from_sqlite;
use super::sink::Target;

/// What is made room for at first: a row of some ten columns.
const BYTES_AT_FIRST: usize = 256;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Values, one after another: a byte for the type, the length of text and bytes, the value.
#[derive(Debug)]
pub(super) struct Image(Vec<u8>);

impl Image {
    /// No values yet.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(BYTES_AT_FIRST))
    }

    /// The bytes, which are equal for equal values.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether one of the values is null.
    pub(super) fn has_null(&self) -> bool {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(|| next(&mut rest)).any(|value| value == ValueRef::Null)
    }

    /// The value at that place.
    pub(super) fn value(&self, at: usize) -> Option<ValueRef<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(|| next(&mut rest)).nth(at)
    }

    /// The last value, if it is an integer.
    pub(super) fn last_integer(&self) -> Option<i64> {
        let mut rest = self.0.as_slice();
        match std::iter::from_fn(|| next(&mut rest)).last()? {
            ValueRef::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// Adds a value.
    pub(super) fn integer(&mut self, value: i64) {
        self.0.push(INTEGER);
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// Binds the first values: as many as the statement has parameters.
    pub(super) fn bind(&self, statement: &mut Statement<'_>) -> Result<()> {
        let mut rest = self.0.as_slice();
        for at in 1..=statement.parameter_count() {
            let value = ToSqlOutput::Borrowed(next(&mut rest).ok_or_else(broken)?);
            statement.raw_bind_parameter(at, value).map_err(|e| from_sqlite(&e, None))?;
        }
        Ok(())
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) -> Result<()> {
        // Values were held against a limit before that is far below.
        let len = u32::try_from(bytes.len()).map_err(|_| broken())?;
        self.0.push(tag);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Target for Image {
    #[inline]
    fn put(&mut self, value: ValueRef<'_>) -> Result<()> {
        match value {
            ValueRef::Null => self.0.push(NULL),
            ValueRef::Integer(value) => self.integer(value),
            ValueRef::Real(value) => {
                self.0.push(REAL);
                self.0.extend_from_slice(&value.to_be_bytes());
            }
            ValueRef::Text(text) => self.sized(TEXT, text)?,
            ValueRef::Blob(bytes) => self.sized(BLOB, bytes)?,
        }
        Ok(())
    }
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let (tag, behind) = rest.split_first()?;
    *rest = behind;
    Some(match *tag {
        NULL => ValueRef::Null,
        INTEGER => ValueRef::Integer(i64::from_be_bytes(eight(rest)?)),
        REAL => ValueRef::Real(f64::from_be_bytes(eight(rest)?)),
        TEXT => ValueRef::Text(sized(rest)?),
        BLOB => ValueRef::Blob(sized(rest)?),
        _ => return None,
    })
}

fn eight(rest: &mut &[u8]) -> Option<[u8; 8]> {
    let (value, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*value)
}

fn sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (value, behind) = behind.split_at_checked(len)?;
    *rest = behind;
    Some(value)
}

#[cold]
fn broken() -> Error {
    Error::new(Code::Internal, "a write has other values than its statement has parameters")
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn values_come_out_as_they_went_in() {
        let values = [
            ValueRef::Null,
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(-0.5),
            ValueRef::Text("Zürich".as_bytes()),
            ValueRef::Blob(&[0, 255]),
            ValueRef::Text(b""),
        ];
        let mut image = Image::new();
        values.iter().for_each(|value| image.put(*value).unwrap());
        let connection = Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6").unwrap();
        image.bind(&mut statement).unwrap();
        let mut rows = statement.raw_query();
        let row = rows.next().unwrap().unwrap();
        for (at, value) in values.iter().enumerate() {
            assert_eq!(row.get_ref(at).unwrap(), *value);
        }
    }

    #[test]
    fn an_image_that_is_cut_is_an_error() {
        let mut image = Image::new();
        image.put(ValueRef::Text(b"text")).unwrap();
        for len in 0..image.0.len() {
            let cut = Image(image.0[..len].to_vec());
            let connection = Connection::open_in_memory().unwrap();
            let mut statement = connection.prepare("SELECT ?1").unwrap();
            assert_eq!(cut.bind(&mut statement).unwrap_err().code(), Code::Internal);
        }
    }
}
