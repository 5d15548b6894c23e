//! Parameters of statements.

use duckdb::types::{Decimal, TimeUnit, Value as Bound};
use tradebase_core::{Code, Error, Result, Value};

/// The values as the library beneath binds them.
pub(crate) fn bound(values: &[Value]) -> Result<Vec<Bound>> {
    values.iter().map(one).collect()
}

fn one(value: &Value) -> Result<Bound> {
    Ok(match value {
        Value::Null => Bound::Null,
        Value::Bool(v) => Bound::Boolean(*v),
        Value::Int(v) => Bound::BigInt(*v),
        Value::Float(v) => Bound::Double(*v),
        Value::Decimal(units, scale) => {
            let digits = units.unsigned_abs().checked_ilog10().map_or(1, |n| n + 1);
            let width = u8::try_from(digits).unwrap_or(u8::MAX).max(*scale).max(1);
            let decimal = Decimal::new(width, *scale, *units)
                .map_err(|e| Error::new(Code::Invalid, "the parameter is too wide").because(e))?;
            Bound::Decimal(decimal)
        }
        Value::Text(v) | Value::Json(v) => Bound::Text(v.clone()),
        Value::Bytes(v) => Bound::Blob(v.clone()),
        // The library binds neither UUIDs nor nanoseconds; DuckDB reads both exactly from text.
        Value::Uuid(v) => Bound::Text(v.to_string()),
        Value::TimestampNs(v) => Bound::Text(v.to_string().trim_end_matches('Z').to_owned()),
        Value::Timestamp(v) => Bound::Timestamp(TimeUnit::Microsecond, v.as_micros()),
        Value::Date(v) => Bound::Date32(v.as_days()),
        other => {
            let message = format!("DuckDB takes no such parameter: {other:?}");
            return Err(Error::new(Code::Unsupported, message));
        }
    })
}
