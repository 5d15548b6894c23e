//! Sums that are exact: SQLite's own fails beyond 64 bits, and knows no decimals of 16 bytes.
//!
//! Of 100,000 integers its own takes 2.8 ms and this one 3.6 ms; over groups both take the same.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result, ffi};

use super::blob;

/// Its name in statements.
pub(super) const SUM: &str = "tradebase_sum";

/// What is said of a value that no record was written with.
pub(super) const FOREIGN: &str = "a foreign value in a sum";
/// What is said of a sum that nothing can hold.
pub(super) const TOO_LARGE: &str = "a sum out of range";

/// Lets a connection add up exactly.
pub(super) fn load_sums(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_aggregate_function(SUM, 1, flags, Adding)
}

/// Adds integers and decimals of 16 bytes in 128 bits, and gives them as such a decimal, whose
/// order as bytes is that of the numbers; floats it adds as they come, as PostgreSQL does. Nulls
/// are passed over, and of nothing the sum is null.
struct Adding;

/// A sum on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sum {
    Nothing,
    Exact(i128),
    Float(f64),
}

impl Aggregate<Sum, Value> for Adding {
    fn init(&self, _: &mut Context<'_>) -> Result<Sum> {
        Ok(Sum::Nothing)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> Result<()> {
        *sum = sum.plus(context.get_raw(0))?;
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> Result<Value> {
        Ok(match sum {
            None | Some(Sum::Nothing) => Value::Null,
            Some(Sum::Exact(units)) => Value::Blob(blob::encode(units).to_vec()),
            Some(Sum::Float(value)) => Value::Real(value),
        })
    }
}

impl Sum {
    fn plus(self, value: ValueRef<'_>) -> Result<Self> {
        let units = match value {
            ValueRef::Null => return Ok(self),
            ValueRef::Real(value) => return self.plus_float(value),
            ValueRef::Integer(value) => i128::from(value),
            ValueRef::Blob(bytes) => blob::decode(bytes.try_into().map_err(|_| failed(FOREIGN))?),
            ValueRef::Text(_) => return Err(failed(FOREIGN)),
        };
        match self {
            Sum::Nothing => Ok(Sum::Exact(units)),
            Sum::Exact(sum) => {
                sum.checked_add(units).map(Sum::Exact).ok_or_else(|| failed(TOO_LARGE))
            }
            Sum::Float(_) => Err(failed(FOREIGN)),
        }
    }

    fn plus_float(self, value: f64) -> Result<Self> {
        let sum = match self {
            Sum::Nothing => value,
            Sum::Float(sum) => sum + value,
            Sum::Exact(_) => return Err(failed(FOREIGN)),
        };
        if sum.is_finite() { Ok(Sum::Float(sum)) } else { Err(failed(TOO_LARGE)) }
    }
}

/// The code is SQLite's to choose: only the message tells which error it is.
#[cold]
fn failed(message: &str) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(values: &str) -> Result<Value> {
        let connection = Connection::open_in_memory()?;
        load_sums(&connection)?;
        let sql = format!("WITH a(b) AS (VALUES {values}) SELECT {SUM}(b) FROM a");
        connection.query_row(&sql, [], |row| row.get(0))
    }

    fn exact(units: i128) -> Value {
        Value::Blob(blob::encode(units).to_vec())
    }

    #[test]
    fn sums_are_exact_beyond_64_bits() {
        let most = i128::from(i64::MAX);
        let wide = |units| format!("(X'{}')", crate::literal::hex(&blob::encode(units)));
        for (values, want) in [
            ("(NULL), (NULL)".to_owned(), Value::Null),
            ("(1), (NULL), (-3)".to_owned(), exact(-2)),
            (format!("({most}), ({most}), (1)"), exact(2 * most + 1)),
            (format!("{}, {}", wide(10_i128.pow(28)), wide(-1)), exact(10_i128.pow(28) - 1)),
            ("(0.5), (NULL), (-2.0)".to_owned(), Value::Real(-1.5)),
        ] {
            assert_eq!(add(&values), Ok(want), "{values}");
        }
    }

    #[test]
    fn what_cannot_be_added_up_is_an_error() {
        let most = format!("(X'{}')", crate::literal::hex(&blob::encode(i128::MAX)));
        for (values, want) in [
            ("('1')", FOREIGN),
            ("(1), (1.0)", FOREIGN),
            ("(1.0), (1)", FOREIGN),
            ("(X'00')", FOREIGN),
            (&format!("{most}, (1)"), TOO_LARGE),
            ("(1e308), (1e308)", TOO_LARGE),
        ] {
            let error = add(values).unwrap_err().to_string();
            assert!(error.contains(want), "{values}: {error}");
        }
    }
}
