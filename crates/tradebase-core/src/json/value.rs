//! Values whose kind is known only at run time, as JSON and back.

use serde::de::IgnoredAny;

use super::scan::text_of;
use super::sink::escape;
use super::{Cell, CellSource, encode_base64, parse};
use crate::column::Column;
use crate::decimal;
use crate::error::Result;
use crate::kind::Kind;
use crate::source::Got;
use crate::value::Value;

/// The value of a column from JSON, every digit as written; what the column does not take is
/// refused.
pub fn value_of(column: &'static Column, cell: Cell<'_>) -> Result<Value> {
    value_in(column, cell).map_err(|error| error.refusing(column))
}

fn value_in(column: &'static Column, cell: Cell<'_>) -> Result<Value> {
    let text = match (column.kind, cell) {
        (Kind::Json, Cell::Null) if column.nullable => return Ok(Value::Null),
        (Kind::Json, Cell::Null) => "null".to_owned(),
        (Kind::Json, Cell::Bool(value)) => value.to_string(),
        (Kind::Json, Cell::Text(raw, _)) => format!("\"{}\"", text_of(raw, false)?),
        (Kind::Json, Cell::Number(raw) | Cell::Nested(raw)) => text_of(raw, false)?.into_owned(),
        (Kind::Decimal { .. }, Cell::Number(raw) | Cell::Text(raw, false)) => {
            match decimal::digits_of(raw) {
                Some((units, scale)) => return Ok(Value::Decimal(units, scale)),
                None => return taken(column, cell),
            }
        }
        _ => return taken(column, cell),
    };
    parse::<IgnoredAny>(column, text.as_bytes())?;
    Ok(Value::Json(without_blanks(&text)))
}

fn taken(column: &'static Column, cell: Cell<'_>) -> Result<Value> {
    Ok(match Value::take(0, column, &mut CellSource::new(cell))? {
        Got::Value(value) => value,
        Got::Null | Got::Absent => Value::Null,
    })
}

/// Appends a value as JSON, in the form in which records have it.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    let quoted = |out: &mut Vec<u8>, write: &dyn Fn(&mut Vec<u8>)| {
        out.push(b'"');
        write(out);
        out.push(b'"');
    };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(value) => {
            out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
        }
        Value::Float(value) if value.is_finite() => {
            out.extend_from_slice(ryu::Buffer::new().format_finite(*value).as_bytes());
        }
        Value::Float(value) => quoted(out, &|out| {
            out.extend_from_slice(ryu::Buffer::new().format(*value).as_bytes());
        }),
        Value::Decimal(units, scale) => {
            out.extend_from_slice(decimal::text(*units, *scale).as_bytes());
        }
        Value::Text(text) => escape(out, text.as_bytes()),
        Value::Bytes(bytes) => quoted(out, &|out| encode_base64(bytes, out)),
        Value::Uuid(id) => quoted(out, &|out| out.extend_from_slice(id.to_string().as_bytes())),
        Value::Timestamp(at) => quoted(out, &|out| at.write(out)),
        Value::TimestampNs(at) => quoted(out, &|out| at.write(out)),
        Value::Date(day) => quoted(out, &|out| day.write(out)),
        Value::Json(text) => out.extend_from_slice(text.as_bytes()),
    }
}

/// A JSON text without the blanks between its parts: all that engines keep of it differently
/// while it means the same.
pub fn without_blanks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    for char in text.chars() {
        if inside {
            inside = escaped || char != '"';
            escaped = !escaped && char == '\\';
        } else if matches!(char, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            inside = char == '"';
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    #[test]
    fn blanks_go_and_texts_stay() {
        let text = "{ \"a b\" : [ 1 ,\n 2.50 ], \"q\\\" \": \" x \\\\\" , \"n\":\tnull }";
        let want = r#"{"a b":[1,2.50],"q\" ":" x \\","n":null}"#;
        assert_eq!(without_blanks(text), want);
    }

    #[test]
    fn every_digit_of_a_number_is_kept() {
        static PRICE: Column =
            Column::new("price", Kind::Decimal { precision: 28, scale: 10 }, false);
        static NOTES: Column = Column::new("notes", Kind::Json, false);
        let value = |column, text: &str| {
            value_of(column, Scanner::new(text.as_bytes()).value().unwrap()).unwrap()
        };
        assert_eq!(
            value(&PRICE, "123456789012345678.0123456789"),
            Value::Decimal(1_234_567_890_123_456_780_123_456_789, 10)
        );
        assert_eq!(value(&PRICE, "\"1.50\""), Value::Decimal(150, 2));
        assert_eq!(value(&PRICE, "1e3"), Value::Decimal(1000, 0));
        let json = r#"{"b": 1.10, "a": 12345678901234567890123}"#;
        let kept = r#"{"b":1.10,"a":12345678901234567890123}"#;
        assert_eq!(value(&NOTES, json), Value::Json(kept.into()));
        assert_eq!(value(&NOTES, "null"), Value::Json("null".into()));
    }
}
