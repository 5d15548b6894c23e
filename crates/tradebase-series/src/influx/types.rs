//! What a column is in InfluxDB, for people.

use tradebase_core::{Column, Kind, Roles};

/// How a column stands in a point: the table on the [front page](crate) in one word or two.
pub fn influx_type(column: &Column) -> &'static str {
    if column.is(Roles::TAG) {
        return "tag";
    }
    if column.is(Roles::TIME) || column.is(Roles::SEQUENCE) {
        return "time";
    }
    match column.kind {
        Kind::Bool => "boolean field",
        Kind::F64 => "float field",
        Kind::I16 | Kind::I32 | Kind::I64 | Kind::Timestamp | Kind::TimestampNs => "integer field",
        _ => "string field",
    }
}
