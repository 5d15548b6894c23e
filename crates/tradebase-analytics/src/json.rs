//! Results as JSON.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use serde::Serialize;
use serde::de::IgnoredAny;
use tradebase_core::json::encode_base64;
use tradebase_core::{Code, Date, Error, Result, Timestamp, TimestampNs, Uuid, Value, decimal};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, EXTENSION, JSON_EXTENSION, UUID_EXTENSION};

use crate::error;

/// What DuckDB calls dates and moments after all others.
const INFINITE: &str = "infinity";
/// And those before all others.
const INFINITE_BEFORE: &str = "-infinity";

/// Rows as JSON.
pub(crate) struct Found {
    /// An array of objects.
    pub(crate) text: Vec<u8>,
    /// How many.
    pub(crate) count: usize,
}

/// The rows of one statement as a JSON array of objects.
pub(crate) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Found> {
    let (mut text, mut count) = (vec![b'['], 0);
    floor::each(connection, sql, params, check, |batch| {
        count += batch.num_rows();
        write_batch(&batch, &mut text)
    })?;
    text.push(b']');
    Ok(Found { text, count })
}

/// Whether every column has a form in JSON, also where there are no rows.
fn check(schema: &SchemaRef) -> Result<()> {
    schema.fields().iter().try_for_each(|field| check_field(field))
}

/// Whether a column has a form in JSON.
pub(crate) fn check_field(field: &Field) -> Result<()> {
    use DataType as D;
    match field.data_type() {
        D::Null | D::Boolean | D::Utf8 | D::Binary | D::FixedSizeBinary(_) | D::Date32 => Ok(()),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::Float32 | D::Float64 => Ok(()),
        D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 | D::Timestamp(..) => Ok(()),
        D::Decimal128(_, 0..) => Ok(()),
        D::Dictionary(_, value) if **value == D::Utf8 => Ok(()),
        D::List(item) | D::FixedSizeList(item, _) => check_field(item),
        D::Struct(fields) => fields.iter().try_for_each(|field| check_field(field)),
        other => Err(error::no_json(field.name(), other)),
    }
}

fn write_batch(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let schema = batch.schema();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        names.push(name(field)?);
    }
    // Enums come as numbers and a list of their texts.
    let arrays: Vec<ArrayRef> = batch.columns().iter().map(texts).collect::<Result<_>>()?;
    for row in 0..batch.num_rows() {
        separate(out, b'[');
        out.push(b'{');
        for ((array, field), name) in arrays.iter().zip(schema.fields()).zip(&names) {
            separate(out, b'{');
            out.extend_from_slice(name);
            write_value(array, field, row, out)?;
        }
        out.push(b'}');
    }
    Ok(())
}

/// A comma, unless it is the first.
fn separate(out: &mut Vec<u8>, opening: u8) {
    if out.last() != Some(&opening) {
        out.push(b',');
    }
}

/// `"name":`
fn name(field: &Field) -> Result<Vec<u8>> {
    let mut name = Vec::new();
    write_serde(field.name(), &mut name)?;
    name.push(b':');
    Ok(name)
}

/// The array, with the texts of enums in the place of their numbers.
pub(crate) fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(..) => arrow::compute::cast(array, &DataType::Utf8).map_err(|e| {
            Error::new(Code::Unreadable, "an enum cannot be read as its texts").because(e)
        }),
        _ => Ok(std::sync::Arc::clone(array)),
    }
}

/// Values that are written as serde writes them.
macro_rules! by_serde {
    ($array:expr, $row:expr, $out:expr; $($name:ident => $type:ty),+) => {
        match $array.data_type() {
            $(DataType::$name => write_serde(&$array.as_primitive::<$type>().value($row), $out),)+
            other => Err(error::no_json("", other)),
        }
    };
}

/// Which extension of Arrow the column says it is.
pub(crate) fn extension(field: &Field) -> Option<&str> {
    field.metadata().get(EXTENSION).map(String::as_str)
}

/// Writes one cell.
pub(crate) fn write_value(
    array: &ArrayRef,
    field: &Field,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let extension = extension(field);
    match array.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => write_serde(&array.as_boolean().value(row), out)?,
        DataType::Float32 => {
            float(f64::from(array.as_primitive::<Float32Type>().value(row)), out)?;
        }
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row), out)?,
        DataType::Decimal128(_, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| error::no_json(field.name(), scale))?;
            decimal::write(out, array.as_primitive::<Decimal128Type>().value(row), scale);
        }
        DataType::Utf8 if extension == Some(JSON_EXTENSION) => {
            raw(array.as_string::<i32>().value(row), field, out)?;
        }
        DataType::Utf8 => write_serde(array.as_string::<i32>().value(row), out)?,
        DataType::Binary => base64(array.as_binary::<i32>().value(row), out),
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            match Uuid::from_slice(bytes) {
                Ok(uuid) if extension == Some(UUID_EXTENSION) => {
                    write_serde(&uuid_text(uuid), out)?
                }
                _ => base64(bytes, out),
            }
        }
        DataType::Date32 => match day_of(array, row) {
            Ok(day) => quoted(out, |out| day.write(out)),
            Err(infinite) => write_serde(infinite, out)?,
        },
        DataType::Timestamp(unit, _) => moment(array, *unit, row, out)?,
        DataType::List(item) => list(&array.as_list::<i32>().value(row), item, out)?,
        DataType::FixedSizeList(item, _) => {
            list(&array.as_fixed_size_list().value(row), item, out)?;
        }
        DataType::Struct(fields) => {
            out.push(b'{');
            for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                separate(out, b'{');
                out.extend_from_slice(&name(field)?);
                write_value(&texts(array)?, field, row, out)?;
            }
            out.push(b'}');
        }
        _ => by_serde!(array, row, out;
            Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
            UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type)
        .map_err(|e| e.column(field.name().as_str()))?,
    }
    Ok(())
}

fn list(items: &ArrayRef, item: &Field, out: &mut Vec<u8>) -> Result<()> {
    let items = texts(items)?;
    out.push(b'[');
    for i in 0..items.len() {
        separate(out, b'[');
        write_value(&items, item, i, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_serde<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value)
        .map_err(|e| Error::new(Code::Internal, "a value cannot be written as JSON").because(e))
}

/// JSON has no infinities and no NaN; they are texts.
fn float(value: f64, out: &mut Vec<u8>) -> Result<()> {
    if value.is_finite() { write_serde(&value, out) } else { write_serde(&value.to_string(), out) }
}

fn uuid_text(uuid: Uuid) -> String {
    uuid.hyphenated().to_string()
}

/// A text that is JSON by its type; checked, since it becomes part of ours.
fn raw(text: &str, field: &Field, out: &mut Vec<u8>) -> Result<()> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| {
        let message = "a value of a JSON column is no JSON";
        Error::new(Code::Unreadable, message).column(field.name().as_str()).because(e)
    })?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    quoted(out, |out| encode_base64(bytes, out));
}

fn moment(array: &ArrayRef, unit: TimeUnit, row: usize, out: &mut Vec<u8>) -> Result<()> {
    match moment_of(array, unit, row)? {
        Moment::Micros(micros) => quoted(out, |out| Timestamp::from_micros(micros).write(out)),
        Moment::Nanos(nanos) => quoted(out, |out| TimestampNs::from_nanos(nanos).write(out)),
        Moment::Infinite(infinite) => write_serde(infinite, out)?,
    }
    Ok(())
}

/// A moment, as fine as its column is.
pub(crate) enum Moment {
    /// To the microsecond, or coarser.
    Micros(i64),
    /// To the nanosecond.
    Nanos(i64),
    /// Before or after all others, in DuckDB's word for it.
    Infinite(&'static str),
}

/// The moment at that place.
pub(crate) fn moment_of(array: &ArrayRef, unit: TimeUnit, row: usize) -> Result<Moment> {
    const FIRST: i64 = -i64::MAX;
    let stored = match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    };
    // Of whatever unit, these are no moments.
    match stored {
        i64::MAX => return Ok(Moment::Infinite(INFINITE)),
        FIRST => return Ok(Moment::Infinite(INFINITE_BEFORE)),
        _ => {}
    }
    let micros = match unit {
        TimeUnit::Second => stored.checked_mul(1_000_000),
        TimeUnit::Millisecond => stored.checked_mul(1_000),
        TimeUnit::Microsecond => Some(stored),
        TimeUnit::Nanosecond => return Ok(Moment::Nanos(stored)),
    };
    micros
        .map(Moment::Micros)
        .ok_or_else(|| Error::new(Code::Unreadable, "a moment is too far away to be written"))
}

/// The day at that place, or DuckDB's word for one before or after all others.
pub(crate) fn day_of(array: &ArrayRef, row: usize) -> std::result::Result<Date, &'static str> {
    const FIRST: i32 = -i32::MAX;
    match array.as_primitive::<Date32Type>().value(row) {
        i32::MAX => Err(INFINITE),
        FIRST => Err(INFINITE_BEFORE),
        days => Ok(Date::from_days(days)),
    }
}
