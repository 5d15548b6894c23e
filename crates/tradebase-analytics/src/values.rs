//! Results whose types are known only at run time.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use tradebase_core::{Result, Rows, Timestamp, TimestampNs, Uuid, Value};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, JSON_EXTENSION, UUID_EXTENSION};

use crate::error;
use crate::json::{self, Moment, extension};

/// The rows of one statement. Integers beyond 64 bits are decimals without a fraction; lists and
/// structs are JSON; types that have no value of their own, such as intervals, are text, and so
/// are infinite dates and moments.
pub(crate) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Rows> {
    let mut rows = Vec::new();
    let see = |batch: RecordBatch| add(&batch, &mut rows);
    let schema = floor::each(connection, sql, params, |_| Ok(()), see)?;
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    Ok(Rows::new(columns, rows))
}

fn add(batch: &RecordBatch, rows: &mut Vec<Vec<Value>>) -> Result<()> {
    let schema = batch.schema();
    // Enums come as numbers and a list of their texts.
    let arrays: Vec<ArrayRef> = batch.columns().iter().map(json::texts).collect::<Result<_>>()?;
    for row in 0..batch.num_rows() {
        let cells = arrays.iter().zip(schema.fields()).map(|(array, field)| {
            value(array, field, row).map_err(|e| e.column(field.name().as_str()))
        });
        rows.push(cells.collect::<Result<_>>()?);
    }
    Ok(())
}

/// The integer at that place, which always fits.
macro_rules! int {
    ($array:expr, $type:ty, $row:expr) => {
        Value::Int($array.as_primitive::<$type>().value($row).into())
    };
}

fn value(array: &ArrayRef, field: &Field, row: usize) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => int!(array, Int8Type, row),
        DataType::Int16 => int!(array, Int16Type, row),
        DataType::Int32 => int!(array, Int32Type, row),
        DataType::Int64 => int!(array, Int64Type, row),
        DataType::UInt8 => int!(array, UInt8Type, row),
        DataType::UInt16 => int!(array, UInt16Type, row),
        DataType::UInt32 => int!(array, UInt32Type, row),
        DataType::UInt64 => {
            let wide = array.as_primitive::<UInt64Type>().value(row);
            i64::try_from(wide).map_or(Value::Decimal(wide.into(), 0), Value::Int)
        }
        DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| error::no_value(scale))?;
            Value::Decimal(array.as_primitive::<Decimal128Type>().value(row), scale)
        }
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row).to_owned();
            if extension(field) == Some(JSON_EXTENSION) {
                Value::Json(text)
            } else {
                Value::Text(text)
            }
        }
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            match Uuid::from_slice(bytes) {
                Ok(uuid) if extension(field) == Some(UUID_EXTENSION) => Value::Uuid(uuid),
                _ => Value::Bytes(bytes.to_vec()),
            }
        }
        DataType::Date32 => {
            json::day_of(array, row).map_or_else(|word| Value::Text(word.to_owned()), Value::Date)
        }
        DataType::Timestamp(unit, _) => match json::moment_of(array, *unit, row)? {
            Moment::Micros(micros) => Value::Timestamp(Timestamp::from_micros(micros)),
            Moment::Nanos(nanos) => Value::TimestampNs(TimestampNs::from_nanos(nanos)),
            Moment::Infinite(word) => Value::Text(word.to_owned()),
        },
        DataType::List(_) | DataType::FixedSizeList(..) | DataType::Struct(_) => {
            json::check_field(field)?;
            let mut text = Vec::new();
            json::write_value(array, field, row, &mut text)?;
            Value::Json(String::from_utf8(text).map_err(|e| error::no_value("JSON").because(e))?)
        }
        other => Value::Text(
            array_value_to_string(array, row).map_err(|e| error::no_value(other).because(e))?,
        ),
    })
}
