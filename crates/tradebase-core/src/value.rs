//! Values whose type is known only at run time: filters, dynamic access, the command line.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::column::{Column, Preset};
use crate::decimal;
use crate::domain;
use crate::error::{Error, Result};
use crate::field::Field;
use crate::kind::Kind;
use crate::parse;
use crate::row::{Put, Row};
use crate::sink::Sink;
use crate::source::{Got, Source};
use crate::time::{Date, Timestamp, TimestampNs};

/// One value of any kind.
///
/// Only the dynamic edges use it: on a typed path a record goes straight into the store's buffer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Null,
    /// A bool.
    Bool(bool),
    /// An integer of any width.
    Int(i64),
    /// A float.
    Float(f64),
    /// A decimal: whole units, and the digits after the point.
    Decimal(i128, u8),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A UUID.
    Uuid(Uuid),
    /// A moment to the microsecond.
    Timestamp(Timestamp),
    /// A moment to the nanosecond.
    TimestampNs(TimestampNs),
    /// A day.
    Date(Date),
    /// A JSON text.
    Json(String),
}

/// What a statement of a user's own found: values of whatever types its columns are.
///
/// Decimals are exact. What has no kind here is text, as the engine writes it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// The names of the columns, as the engine tells them, also where there are no rows.
    pub columns: Vec<String>,
    /// The rows, each with a value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Rows of these columns.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Value>>) -> Self {
        Self { columns, rows }
    }
}

impl Value {
    /// The value of a field, checked as if it were written to that column.
    pub fn of<F: Field>(field: &F, column: &'static Column) -> Result<Value> {
        let mut sink = Values::default();
        field.put(column, &mut sink)?;
        Ok(sink.0.pop().unwrap_or(Value::Null))
    }

    /// All values of a row, in order.
    pub fn row<T: Put>(row: &T) -> Result<Vec<Value>> {
        let mut sink = Values::default();
        row.write(&mut sink)?;
        Ok(sink.0)
    }

    /// The value of one column of a row.
    pub fn at<T: Put>(row: &T, at: usize) -> Result<Value> {
        let mut sink = Values::default();
        row.put(at, &mut sink)?;
        Ok(sink.0.pop().unwrap_or(Value::Null))
    }

    /// Reads a row from its values.
    pub fn read<T: Row>(values: &[Value]) -> Result<T> {
        T::read(&mut ValueSource { values, text: String::new() })
    }

    /// Reads a value of the column's kind from any store. JSON keeps its digits and the order of
    /// its members.
    pub fn take<R: Source>(
        at: usize,
        column: &'static Column,
        source: &mut R,
    ) -> Result<Got<Value>> {
        Ok(match column.kind {
            Kind::Bool => source.bool(at, column)?.map(Value::Bool),
            Kind::I16 => source.i16(at, column)?.map(|v| Value::Int(v.into())),
            Kind::I32 => source.i32(at, column)?.map(|v| Value::Int(v.into())),
            Kind::I64 => source.i64(at, column)?.map(Value::Int),
            Kind::F64 => source.f64(at, column)?.map(Value::Float),
            Kind::Decimal { scale, .. } => source.decimal(at, column)?.try_map(|units| {
                decimal::check_units(column, units)?;
                Ok(Value::Decimal(units, scale))
            })?,
            Kind::Text { .. } => source.text(at, column)?.map(|v| Value::Text(v.to_owned())),
            Kind::Bytes => source.bytes(at, column)?.map(|v| Value::Bytes(v.to_vec())),
            Kind::Uuid => source.uuid(at, column)?.map(Value::Uuid),
            Kind::Timestamp => source.timestamp(at, column)?.map(Value::Timestamp),
            Kind::TimestampNs => source.timestamp_ns(at, column)?.map(Value::TimestampNs),
            Kind::Date => source.date(at, column)?.map(Value::Date),
            Kind::Json => {
                let raw = source.json::<Box<RawValue>>(at, column)?;
                raw.map(|raw| Value::Json(crate::json::without_blanks(raw.get())))
            }
        })
    }

    /// The same value as that column holds it, converted where nothing is lost; or why it is
    /// refused.
    pub fn in_column(&self, column: &'static Column) -> Result<Value> {
        let mut sink = Values::default();
        self.put(column, &mut sink).map_err(|error| error.refusing(column))?;
        Ok(sink.0.pop().unwrap_or(Value::Null))
    }

    /// Reads something else from it.
    pub(crate) fn read_with<T>(
        &self,
        read: impl FnOnce(&mut ValueSource<'_>) -> Result<T>,
    ) -> Result<T> {
        read(&mut ValueSource { values: std::slice::from_ref(self), text: String::new() })
    }

    /// Writes it to a column, converting what converts without loss.
    pub fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        if let Value::Null = self {
            return if column.nullable { sink.null(column) } else { Err(null(column)) };
        }
        let mut source = ValueSource { values: std::slice::from_ref(self), text: String::new() };
        let s = &mut source;
        match column.kind {
            Kind::Bool => through(s.bool(0, column)?, |v| v.put(column, sink)),
            Kind::I16 => through(s.i16(0, column)?, |v| v.put(column, sink)),
            Kind::I32 => through(s.i32(0, column)?, |v| v.put(column, sink)),
            Kind::I64 => through(s.i64(0, column)?, |v| v.put(column, sink)),
            Kind::F64 => through(s.f64(0, column)?, |v| v.put(column, sink)),
            Kind::Decimal { .. } => through(s.decimal(0, column)?, |units| {
                decimal::from_units(column, units)?.put(column, sink)
            }),
            Kind::Text { .. } => through(s.text(0, column)?, |v| {
                domain::text(column, v)?;
                sink.text(column, v)
            }),
            Kind::Bytes => through(s.bytes(0, column)?, |v| sink.bytes(column, v)),
            Kind::Uuid => through(s.uuid(0, column)?, |v| v.put(column, sink)),
            Kind::Timestamp => through(s.timestamp(0, column)?, |v| v.put(column, sink)),
            Kind::TimestampNs => through(s.timestamp_ns(0, column)?, |v| v.put(column, sink)),
            Kind::Date => through(s.date(0, column)?, |v| v.put(column, sink)),
            Kind::Json => through(s.json::<Box<RawValue>>(0, column)?, |raw| {
                let text = crate::json::without_blanks(raw.get());
                sink.json(column, &crate::json::parse::<Box<RawValue>>(column, text.as_bytes())?)
            }),
        }
    }
}

macro_rules! from {
    ($($type:ty => $make:expr;)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let make: fn($type) -> Value = $make;
                make(value)
            }
        }
    )+};
}

from! {
    bool => Value::Bool;
    i16 => |v| Value::Int(v.into());
    i32 => |v| Value::Int(v.into());
    i64 => Value::Int;
    f64 => Value::Float;
    rust_decimal::Decimal => |v| {
        // A scale is at most 28.
        Value::Decimal(v.mantissa(), u8::try_from(v.scale()).unwrap_or(u8::MAX))
    };
    &str => |v| Value::Text(v.to_owned());
    String => Value::Text;
    &[u8] => |v| Value::Bytes(v.to_owned());
    Vec<u8> => Value::Bytes;
    Uuid => Value::Uuid;
    Timestamp => Value::Timestamp;
    TimestampNs => Value::TimestampNs;
    Date => Value::Date;
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

fn through<T>(got: Got<T>, put: impl FnOnce(T) -> Result<()>) -> Result<()> {
    match got {
        Got::Value(value) => put(value),
        Got::Null | Got::Absent => Ok(()),
    }
}

/// A sink that gathers values.
#[derive(Debug, Default)]
struct Values(Vec<Value>);

macro_rules! gather {
    ($($method:ident($type:ty) => $value:expr;)+) => {$(
        fn $method(&mut self, column: &'static Column, value: $type) -> Result<()> {
            let make: fn(&'static Column, $type) -> Value = $value;
            self.0.push(make(column, value));
            Ok(())
        }
    )+};
}

impl Sink for Values {
    gather! {
        bool(bool) => |_, v| Value::Bool(v);
        i64(i64) => |_, v| Value::Int(v);
        f64(f64) => |_, v| Value::Float(v);
        decimal(i128) => |column, v| Value::Decimal(v, column.kind.scale());
        text(&str) => |_, v| Value::Text(v.to_owned());
        bytes(&[u8]) => |_, v| Value::Bytes(v.to_vec());
        uuid(Uuid) => |_, v| Value::Uuid(v);
        timestamp(Timestamp) => |_, v| Value::Timestamp(v);
        timestamp_ns(TimestampNs) => |_, v| Value::TimestampNs(v);
        date(Date) => |_, v| Value::Date(v);
    }

    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        let mut text = Vec::new();
        crate::json::render(column, value, &mut text)?;
        self.0.push(Value::Json(String::from_utf8_lossy(&text).into_owned()));
        Ok(())
    }

    fn null(&mut self, _: &'static Column) -> Result<()> {
        self.0.push(Value::Null);
        Ok(())
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        self.null(column)
    }
}

/// A source over values; text forms are read where a text stands for another kind.
pub(crate) struct ValueSource<'a> {
    values: &'a [Value],
    text: String,
}

impl ValueSource<'_> {
    fn at<T>(
        &mut self,
        at: usize,
        column: &'static Column,
        read: impl FnOnce(&Value) -> Result<Option<T>>,
    ) -> Result<Got<T>> {
        match self.values.get(at) {
            None => Ok(Got::Absent),
            Some(Value::Null) => Ok(Got::Null),
            Some(value) => read(value)?.map(Got::Value).ok_or_else(|| mismatch(column, value)),
        }
    }
}

impl Source for ValueSource<'_> {
    fn cell(&mut self, at: usize, column: &'static Column) -> Result<Got<()>> {
        self.at(at, column, |_| Ok(Some(())))
    }

    fn bool(&mut self, at: usize, column: &'static Column) -> Result<Got<bool>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Bool(v) => Some(*v),
                Value::Text(v) => Some(parse::boolean(column, v)?),
                _ => None,
            })
        })
    }

    fn i64(&mut self, at: usize, column: &'static Column) -> Result<Got<i64>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Int(v) => Some(*v),
                Value::Text(v) => Some(parse::integer(column, v)?),
                _ => None,
            })
        })
    }

    fn f64(&mut self, at: usize, column: &'static Column) -> Result<Got<f64>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Float(v) => Some(*v),
                Value::Int(v) => i32::try_from(*v).ok().map(f64::from),
                Value::Text(v) => Some(parse::float(column, v)?),
                _ => None,
            })
        })
    }

    fn decimal(&mut self, at: usize, column: &'static Column) -> Result<Got<i128>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Decimal(units, from) => decimal::fitting(column, *units, *from)?,
                Value::Int(v) => decimal::fitting(column, (*v).into(), 0)?,
                Value::Text(v) => match decimal::digits_of(v.as_bytes()) {
                    Some((units, from)) => decimal::fitting(column, units, from)?,
                    None => Some(parse::decimal(column, v.as_bytes())?),
                },
                _ => None,
            })
        })
    }

    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
        match self.values.get(at) {
            None => Ok(Got::Absent),
            Some(Value::Null) => Ok(Got::Null),
            Some(Value::Text(v)) => Ok(Got::Value(v)),
            Some(other) => Err(mismatch(column, other)),
        }
    }

    fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        match self.values.get(at) {
            None => Ok(Got::Absent),
            Some(Value::Null) => Ok(Got::Null),
            Some(Value::Bytes(v)) => Ok(Got::Value(v)),
            Some(other) => Err(mismatch(column, other)),
        }
    }

    fn uuid(&mut self, at: usize, column: &'static Column) -> Result<Got<Uuid>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Uuid(v) => Some(*v),
                Value::Text(v) => Some(parse::uuid(column, v)?),
                _ => None,
            })
        })
    }

    fn timestamp(&mut self, at: usize, column: &'static Column) -> Result<Got<Timestamp>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Timestamp(v) => Some(*v),
                Value::Text(v) => Some(parse::timestamp(column, v)?),
                _ => None,
            })
        })
    }

    fn timestamp_ns(&mut self, at: usize, column: &'static Column) -> Result<Got<TimestampNs>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::TimestampNs(v) => Some(*v),
                Value::Timestamp(v) => v.to_ns(),
                Value::Text(v) => Some(parse::timestamp_ns(column, v)?),
                _ => None,
            })
        })
    }

    fn date(&mut self, at: usize, column: &'static Column) -> Result<Got<Date>> {
        self.at(at, column, |value| {
            Ok(match value {
                Value::Date(v) => Some(*v),
                Value::Text(v) => Some(parse::date(column, v)?),
                _ => None,
            })
        })
    }

    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        if let Some(Value::Json(text) | Value::Text(text)) = self.values.get(at) {
            self.text.clone_from(text);
            return crate::json::parse(column, self.text.as_bytes()).map(Got::Value);
        }
        self.at(at, column, |_| Ok(None))
    }
}

/// A source of a default, for columns that are absent.
#[derive(Debug)]
pub(crate) struct PresetSource(pub(crate) Preset);

impl From<Preset> for Value {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Bool(v) => Value::Bool(v),
            Preset::Int(v) => Value::Int(v),
            Preset::Float(v) => Value::Float(v),
            Preset::Text(v) => Value::Text(v.to_owned()),
        }
    }
}

impl PresetSource {
    fn value(&self) -> Value {
        self.0.into()
    }

    fn read<T>(&self, read: impl FnOnce(&mut ValueSource<'_>) -> Result<T>) -> Result<T> {
        let value = self.value();
        read(&mut ValueSource { values: &[value], text: String::new() })
    }
}

macro_rules! preset {
    ($($method:ident -> $type:ty;)+) => {$(
        fn $method(&mut self, _: usize, column: &'static Column) -> Result<Got<$type>> {
            self.read(|source| source.$method(0, column))
        }
    )+};
}

impl Source for PresetSource {
    preset! {
        cell -> ();
        bool -> bool;
        i64 -> i64;
        f64 -> f64;
        decimal -> i128;
        uuid -> Uuid;
        timestamp -> Timestamp;
        timestamp_ns -> TimestampNs;
        date -> Date;
    }

    fn text(&mut self, _: usize, column: &'static Column) -> Result<Got<&str>> {
        match self.0 {
            Preset::Text(text) => Ok(Got::Value(text)),
            _ => Err(mismatch(column, &self.value())),
        }
    }

    fn bytes(&mut self, _: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        match self.0 {
            Preset::Text(text) => Ok(Got::Value(text.as_bytes())),
            _ => Err(mismatch(column, &self.value())),
        }
    }

    fn json<T: DeserializeOwned>(&mut self, _: usize, column: &'static Column) -> Result<Got<T>> {
        self.read(|source| source.json(0, column))
    }
}

#[cold]
fn mismatch(column: &'static Column, value: &Value) -> Error {
    let message = format!("takes {}, is {value:?}", column.kind);
    Error::refused(column, "kind", message)
}

#[cold]
fn null(column: &'static Column) -> Error {
    Error::refused(column, "required", "must have a value, is null")
}
