//! Kinds beside the types of Arrow and DuckDB.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tradebase_core::{Code, Column, Error, Kind};

/// The key under which a field says which extension of Arrow it is.
pub const EXTENSION: &str = "ARROW:extension:name";
/// The key under which a field says more about its extension.
pub const EXTENSION_DETAILS: &str = "ARROW:extension:metadata";
/// The extension of UUIDs: 16 bytes.
pub const UUID_EXTENSION: &str = "arrow.uuid";
/// The extension of JSON texts.
pub const JSON_EXTENSION: &str = "arrow.json";

/// DuckDB's type for a kind.
pub fn duckdb_type(kind: Kind) -> String {
    match kind {
        Kind::Bool => "BOOLEAN".into(),
        Kind::I16 => "SMALLINT".into(),
        Kind::I32 => "INTEGER".into(),
        Kind::I64 => "BIGINT".into(),
        Kind::F64 => "DOUBLE".into(),
        Kind::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        Kind::Bytes => "BLOB".into(),
        Kind::Uuid => "UUID".into(),
        Kind::Timestamp => "TIMESTAMP".into(),
        Kind::TimestampNs => "TIMESTAMP_NS".into(),
        Kind::Date => "DATE".into(),
        Kind::Json => "JSON".into(),
        // Text, and whatever kind comes later: a column that takes any text.
        _ => "VARCHAR".into(),
    }
}

/// Arrow's type for a kind.
pub fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::I16 => DataType::Int16,
        Kind::I32 => DataType::Int32,
        Kind::I64 => DataType::Int64,
        Kind::F64 => DataType::Float64,
        Kind::Decimal { precision, scale } => {
            DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        Kind::Bytes => DataType::Binary,
        Kind::Uuid => DataType::FixedSizeBinary(16),
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        Kind::Date => DataType::Date32,
        _ => DataType::Utf8,
    }
}

/// Whether values of the kind differ in length.
pub(crate) const fn is_variable(kind: Kind) -> bool {
    matches!(kind, Kind::Text { .. } | Kind::Bytes | Kind::Json)
}

/// The Arrow field of a column.
pub fn field(column: &Column) -> Field {
    let field = Field::new(column.name.text, arrow_type(column.kind), column.nullable);
    let extension = match column.kind {
        Kind::Uuid => UUID_EXTENSION,
        Kind::Json => JSON_EXTENSION,
        _ => return field,
    };
    field.with_metadata(HashMap::from([(EXTENSION.to_owned(), extension.to_owned())]))
}

/// The Arrow schema of these columns.
pub fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

#[cold]
pub(crate) fn unknown(column: &Column, kind: Kind) -> Error {
    Error::new(Code::Unsupported, format!("DuckDB has no type for the kind {kind}"))
        .column(column.name.text)
}
