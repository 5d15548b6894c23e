//! What a kind is stored as.

use tradebase_core::{Column, Kind, decimal};

use super::blob;
use crate::literal::hex;
use crate::naming::{literal, quoted};

/// The digits that fit an integer of 64 bits whatever they are.
pub(crate) const INTEGER_DIGITS_MAX: u8 = 18;

/// What a kind is stored as in SQLite. Tables are STRICT, and a CHECK keeps each column to its
/// domain.
///
/// | kind | column |
/// | --- | --- |
/// | bool | INTEGER, 0 or 1 |
/// | i16, i32, i64 | INTEGER, within its width |
/// | f64 | REAL; -0.0 comes back as 0.0 |
/// | decimal(p, s), p up to 18 | INTEGER, whole units of 10^-s |
/// | decimal(p, s), p up to 28 | BLOB(16): units as i128, big end first, top bit flipped |
/// | text | TEXT |
/// | bytes | BLOB |
/// | uuid | BLOB, 16 bytes |
/// | timestamp | INTEGER, microseconds since 1970 UTC |
/// | timestamp_ns | INTEGER, nanoseconds since 1970 UTC |
/// | date | INTEGER, days since 1970-01-01 |
/// | json | TEXT, valid JSON |
pub fn sqlite_type(kind: Kind) -> &'static str {
    match kind {
        Kind::F64 => "REAL",
        Kind::Decimal { precision, .. } if precision > INTEGER_DIGITS_MAX => "BLOB",
        Kind::Bytes | Kind::Uuid => "BLOB",
        Kind::Bool | Kind::I16 | Kind::I32 | Kind::I64 | Kind::Decimal { .. } => "INTEGER",
        Kind::Timestamp | Kind::TimestampNs | Kind::Date => "INTEGER",
        // Text and JSON; other kinds do not exist in this version.
        _ => "TEXT",
    }
}

/// What a value of the column must keep to, as SQL; none if its type says it all.
pub(super) fn check(column: &'static Column) -> Option<String> {
    let name = &quoted(column.name.text);
    match column.kind {
        Kind::Bool => Some(format!("{name} IN (0, 1)")),
        Kind::I16 => Some(between(name, i16::MIN, i16::MAX)),
        Kind::I32 => Some(between(name, i32::MIN, i32::MAX)),
        Kind::Decimal { precision, .. } => Some(decimal_check(name, precision)),
        Kind::Uuid => Some(format!("length({name}) = 16")),
        // Before 3.45 json_valid of null is 0, not null: a shell 3.40 would find every null wrong.
        Kind::Json if column.nullable => Some(format!("{name} IS NULL OR json_valid({name})")),
        Kind::Json => Some(format!("json_valid({name})")),
        Kind::Text { max } => text_check(column, name, max),
        _ => None,
    }
}

/// What a decimal of so many digits must keep to.
pub(crate) fn decimal_check(name: &str, precision: u8) -> String {
    let most = decimal::power_of_ten(precision) - 1;
    if precision <= INTEGER_DIGITS_MAX {
        return between(name, -most, most);
    }
    let [least, most] = [-most, most].map(|units| hex(&blob::encode(units)));
    let range = between(name, format!("X'{least}'"), format!("X'{most}'"));
    format!("length({name}) = 16 AND {range}")
}

fn text_check(column: &'static Column, name: &str, max: Option<u32>) -> Option<String> {
    let closed = (column.closed && !column.labels.is_empty()).then(|| {
        let labels: Vec<_> = column.labels.iter().map(|label| literal(label)).collect();
        format!("{name} IN ({})", labels.join(", "))
    });
    let bounded = max.map(|max| format!("length({name}) <= {max}"));
    match (closed, bounded) {
        (Some(closed), Some(bounded)) => Some(format!("{closed} AND {bounded}")),
        (either, other) => either.or(other),
    }
}

fn between<T: std::fmt::Display>(name: &str, least: T, most: T) -> String {
    format!("{name} BETWEEN {least} AND {most}")
}
