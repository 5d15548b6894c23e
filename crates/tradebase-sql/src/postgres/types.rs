//! What a kind is stored as, and whether a column of the server holds it.

use tokio_postgres::types::Type;
use tradebase_core::{Code, Column, Error, Kind, Result};

/// What a kind is stored as in PostgreSQL. Text is ordered by code point (`COLLATE "C"`), as on
/// SQLite, so that an index serves the same order; a CHECK keeps the length of bounded text.
///
/// | kind | column |
/// | --- | --- |
/// | bool | boolean |
/// | i16, i32, i64 | smallint, integer, bigint |
/// | f64 | double precision |
/// | decimal(p, s) | numeric(p, s) |
/// | text | text |
/// | bytes | bytea |
/// | uuid | uuid |
/// | timestamp | timestamp with time zone |
/// | timestamp_ns | bigint, nanoseconds since 1970 UTC |
/// | date | date |
/// | json | jsonb |
pub fn postgres_type(kind: Kind) -> String {
    match kind {
        Kind::Decimal { precision, scale } => format!("numeric({precision}, {scale})"),
        Kind::Text { .. } => "text COLLATE \"C\"".to_owned(),
        Kind::F64 => "double precision".to_owned(),
        Kind::Timestamp => "timestamp with time zone".to_owned(),
        other => type_of(other).name().to_owned(),
    }
}

/// The type of a parameter or column of that kind.
pub(super) fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::BOOL,
        Kind::I16 => Type::INT2,
        Kind::I32 => Type::INT4,
        Kind::I64 | Kind::TimestampNs => Type::INT8,
        Kind::F64 => Type::FLOAT8,
        Kind::Decimal { .. } => Type::NUMERIC,
        Kind::Bytes => Type::BYTEA,
        Kind::Uuid => Type::UUID,
        Kind::Timestamp => Type::TIMESTAMPTZ,
        Kind::Date => Type::DATE,
        Kind::Json => Type::JSONB,
        // Other kinds do not exist in this version.
        _ => Type::TEXT,
    }
}

/// The type of an array of that kind.
pub(super) fn array_of(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::BOOL_ARRAY,
        Kind::I16 => Type::INT2_ARRAY,
        Kind::I32 => Type::INT4_ARRAY,
        Kind::I64 | Kind::TimestampNs => Type::INT8_ARRAY,
        Kind::F64 => Type::FLOAT8_ARRAY,
        Kind::Decimal { .. } => Type::NUMERIC_ARRAY,
        Kind::Bytes => Type::BYTEA_ARRAY,
        Kind::Uuid => Type::UUID_ARRAY,
        Kind::Timestamp => Type::TIMESTAMPTZ_ARRAY,
        Kind::Date => Type::DATE_ARRAY,
        Kind::Json => Type::JSONB_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

/// Whether bytes made for one type are right for the other.
pub(super) fn same_bytes(ours: &Type, server: &Type) -> bool {
    ours == server
        || (*ours == Type::TEXT && *server == Type::VARCHAR)
        || (*ours == Type::TEXT_ARRAY && *server == Type::VARCHAR_ARRAY)
}

/// Refuses a statement whose parameters are not of these types: bytes go past the driver's own
/// check.
pub(super) fn check_parameters(ours: &[Type], server: &[Type]) -> Result<()> {
    if ours.len() == server.len() && ours.iter().zip(server).all(|(o, s)| same_bytes(o, s)) {
        return Ok(());
    }
    let message = format!("the statement takes other values: {}", words(server));
    Err(Error::new(Code::SchemaMismatch, message))
}

fn words(types: &[Type]) -> String {
    types.iter().map(Type::name).collect::<Vec<_>>().join(", ")
}

/// Refuses columns that do not hold what the record says, or less of it. The server's are given
/// by their types and modifiers.
pub(super) fn check_columns<'a>(
    ours: impl ExactSizeIterator<Item = &'static Column>,
    server: impl ExactSizeIterator<Item = (&'a Type, i32)>,
) -> Result<()> {
    if ours.len() != server.len() {
        let message = format!("the statement has another number of columns: {}", server.len());
        return Err(Error::new(Code::SchemaMismatch, message));
    }
    for (column, (kind, modifier)) in ours.zip(server) {
        if !same_bytes(&type_of(column.kind), kind) {
            return Err(mismatch(column, kind.name()));
        }
        if let Some(narrower) = narrower(column.kind, modifier) {
            return Err(mismatch(column, &narrower));
        }
    }
    Ok(())
}

/// The type of a column of the server that would round values of the kind, or refuse them.
fn narrower(kind: Kind, modifier: i32) -> Option<String> {
    match kind {
        Kind::Decimal { precision, scale } => {
            let (p, s) = digits(modifier)?;
            let narrow = s < i32::from(scale) || p - s < i32::from(precision) - i32::from(scale);
            narrow.then(|| format!("numeric({p}, {s})"))
        }
        Kind::Timestamp if (0..MICROS_DIGITS).contains(&modifier) => {
            Some(format!("timestamp({modifier}) with time zone"))
        }
        Kind::Text { max } => {
            let chars = modifier.checked_sub(HEADER).filter(|chars| *chars >= 0)?;
            let enough = max.is_some_and(|max| i64::from(max) <= i64::from(chars));
            (!enough).then(|| format!("character varying({chars})"))
        }
        _ => None,
    }
}

/// Digits of a second that a timestamp without a modifier has.
const MICROS_DIGITS: i32 = 6;
/// What modifiers of types with a length are greater by.
const HEADER: i32 = 4;

/// Precision and scale in a type modifier of NUMERIC; none if there is no limit.
fn digits(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(HEADER).filter(|_| modifier >= HEADER)?;
    // The scale may be negative since PostgreSQL 15: 11 bits with a sign.
    let scale = packed & 0x7ff;
    Some((packed >> 16 & 0xffff, (scale ^ 1024) - 1024))
}

#[cold]
pub(super) fn mismatch(column: &Column, server: &str) -> Error {
    let message = format!("the column must hold {}, it is {server}", column.kind);
    Error::new(Code::SchemaMismatch, message).column(column.name.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_from_a_type_modifier() {
        assert_eq!(digits(-1), None);
        assert_eq!(digits(((18 << 16) | 8) + 4), Some((18, 8)));
        assert_eq!(digits(((5 << 16) | (-3 & 0x7ff)) + 4), Some((5, -3)));
    }

    #[test]
    fn narrower_columns_are_told_by_their_modifier() {
        let bounded = Kind::Text { max: Some(8) };
        for (kind, modifier, want) in [
            (Kind::Timestamp, -1, None),
            (Kind::Timestamp, 6, None),
            (Kind::Timestamp, 3, Some("timestamp(3) with time zone")),
            (bounded, -1, None),
            (bounded, 8 + 4, None),
            (bounded, 7 + 4, Some("character varying(7)")),
            (Kind::TEXT, -1, None),
            (Kind::TEXT, 200 + 4, Some("character varying(200)")),
            (Kind::I64, -1, None),
        ] {
            assert_eq!(narrower(kind, modifier).as_deref(), want, "{kind:?} {modifier}");
        }
    }

    #[test]
    fn parameters_of_another_type_are_refused() {
        assert!(check_parameters(&[Type::INT8], &[Type::INT8]).is_ok());
        assert!(check_parameters(&[Type::TEXT], &[Type::VARCHAR]).is_ok());
        for server in [vec![Type::TIMESTAMPTZ], vec![], vec![Type::INT8, Type::INT8]] {
            let error = check_parameters(&[Type::INT8], &server).unwrap_err();
            assert_eq!(error.code(), Code::SchemaMismatch);
        }
    }
}
