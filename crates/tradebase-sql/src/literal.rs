//! A column's default as SQL text. Only what a record declares at compile time comes here.

use serde::Serialize;
use tradebase_core::uuid::Uuid;
use tradebase_core::{
    Code, Column, Date, Error, Preset, Result, Sink, Timestamp, TimestampNs, Value,
};

/// An engine's way to write a value into its DDL.
pub(crate) trait Dialect {
    fn bool(value: bool) -> String;
    fn decimal(column: &'static Column, units: i128) -> String;
    fn bytes(value: &[u8]) -> String;
    fn uuid(value: Uuid) -> String;
    fn timestamp(value: Timestamp) -> String;
    fn date(value: Date) -> String;
}

/// The default of a column, if it has one.
pub(crate) fn of_default<D: Dialect>(column: &'static Column) -> Result<Option<String>> {
    let value = match column.default {
        None => return Ok(None),
        Some(Preset::Bool(value)) => Value::Bool(value),
        Some(Preset::Int(value)) => Value::Int(value),
        Some(Preset::Float(value)) => Value::Float(value),
        Some(Preset::Text(value)) => Value::Text(value.to_owned()),
        Some(_) => return Err(Error::new(Code::Unsupported, "a default of an unknown kind")),
    };
    let mut sink = LiteralSink::<D> { text: String::new(), dialect: std::marker::PhantomData };
    value.put(column, &mut sink)?;
    Ok(Some(sink.text))
}

struct LiteralSink<D> {
    text: String,
    dialect: std::marker::PhantomData<D>,
}

/// Digits of bytes, two each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

macro_rules! rendered {
    ($($method:ident($column:ident, $value:ident: $type:ty) => $text:expr;)+) => {$(
        fn $method(&mut self, $column: &'static Column, $value: $type) -> Result<()> {
            self.text = $text;
            Ok(())
        }
    )+};
}

impl<D: Dialect> Sink for LiteralSink<D> {
    rendered! {
        bool(_column, v: bool) => D::bool(v);
        i64(_column, v: i64) => v.to_string();
        f64(_column, v: f64) => format!("{v:?}");
        decimal(column, units: i128) => D::decimal(column, units);
        text(_column, v: &str) => crate::naming::literal(v);
        bytes(_column, v: &[u8]) => D::bytes(v);
        uuid(_column, v: Uuid) => D::uuid(v);
        timestamp(_column, v: Timestamp) => D::timestamp(v);
        timestamp_ns(_column, v: TimestampNs) => v.as_nanos().to_string();
        date(_column, v: Date) => D::date(v);
    }

    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        let mut text = Vec::new();
        tradebase_core::json::render(column, value, &mut text)?;
        self.text = crate::naming::literal(&String::from_utf8_lossy(&text));
        Ok(())
    }

    fn null(&mut self, _: &'static Column) -> Result<()> {
        self.text = "NULL".to_owned();
        Ok(())
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        self.null(column)
    }
}
