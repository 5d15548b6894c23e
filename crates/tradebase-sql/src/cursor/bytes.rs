//! Values as bytes, each behind its kind, so that different values never have the same bytes.

use tradebase_core::uuid::Uuid;
use tradebase_core::{Date, Timestamp, TimestampNs, Value};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const DECIMAL: u8 = 5;
const TEXT: u8 = 6;
const BYTES: u8 = 7;
const UUID: u8 = 8;
const TIMESTAMP: u8 = 9;
const TIMESTAMP_NS: u8 = 10;
const DATE: u8 = 11;
const OTHER: u8 = 12;

/// Adds a value.
pub(super) fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::Int(value) => fixed(INT, value.to_be_bytes(), out),
        Value::Float(value) => fixed(FLOAT, value.to_bits().to_be_bytes(), out),
        Value::Decimal(units, scale) => {
            fixed(DECIMAL, units.to_be_bytes(), out);
            out.push(*scale);
        }
        Value::Text(value) => sized(TEXT, value.as_bytes(), out),
        Value::Bytes(value) => sized(BYTES, value, out),
        Value::Uuid(value) => fixed(UUID, *value.as_bytes(), out),
        Value::Timestamp(value) => fixed(TIMESTAMP, value.as_micros().to_be_bytes(), out),
        Value::TimestampNs(value) => fixed(TIMESTAMP_NS, value.as_nanos().to_be_bytes(), out),
        Value::Date(value) => fixed(DATE, value.as_days().to_be_bytes(), out),
        // Has no order, so it stands in no place; in a filter it stands as it prints.
        other => sized(OTHER, format!("{other:?}").as_bytes(), out),
    }
}

/// Takes a value off the front; none if there is no value.
pub(super) fn take(bytes: &mut &[u8]) -> Option<Value> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match *kind {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => Value::Int(i64::from_be_bytes(chunk(bytes)?)),
        FLOAT => Value::Float(f64::from_bits(u64::from_be_bytes(chunk(bytes)?))),
        DECIMAL => {
            let units = i128::from_be_bytes(chunk(bytes)?);
            let [scale] = chunk(bytes)?;
            Value::Decimal(units, scale)
        }
        TEXT => Value::Text(str::from_utf8(counted(bytes)?).ok()?.to_owned()),
        BYTES => Value::Bytes(counted(bytes)?.to_owned()),
        UUID => Value::Uuid(Uuid::from_bytes(chunk(bytes)?)),
        TIMESTAMP => Value::Timestamp(Timestamp::from_micros(i64::from_be_bytes(chunk(bytes)?))),
        TIMESTAMP_NS => {
            Value::TimestampNs(TimestampNs::from_nanos(i64::from_be_bytes(chunk(bytes)?)))
        }
        DATE => Value::Date(Date::from_days(i32::from_be_bytes(chunk(bytes)?))),
        _ => return None,
    })
}

/// Adds bytes behind their number.
pub(super) fn counting(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn fixed<const N: usize>(kind: u8, bytes: [u8; N], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bytes);
}

fn sized(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    counting(bytes, out);
}

fn chunk<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*chunk)
}

fn counted<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(u64::from_be_bytes(chunk(bytes)?)).ok()?;
    let (counted, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_come_back_and_cut_ones_do_not() {
        let all = [
            Value::Null,
            Value::Bool(true),
            Value::Bool(false),
            Value::Int(i64::MIN),
            Value::Float(-0.0),
            Value::Decimal(-1, 8),
            Value::Text("ä'".into()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(Uuid::max()),
            Value::Timestamp(Timestamp::MAX),
            Value::TimestampNs(TimestampNs::MIN),
            Value::Date(Date::MIN),
        ];
        for value in &all {
            let mut bytes = Vec::new();
            put(value, &mut bytes);
            let mut rest = bytes.as_slice();
            assert_eq!(take(&mut rest).as_ref(), Some(value));
            assert!(rest.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(take(&mut &bytes[..cut]), None, "{value:?}");
            }
        }
        assert_eq!(take(&mut [OTHER, 0].as_slice()), None);
        assert_eq!(take(&mut [99].as_slice()), None);
    }
}
