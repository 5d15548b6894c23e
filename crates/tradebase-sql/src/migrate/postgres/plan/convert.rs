//! What becomes of values when a column gets another type: kept exactly, or an error, or nothing.
//!
//! A value that does not fit must stop the statement. Where a cast would round, the value is
//! compared with what is left of it, and cast from a text that is none of the type if they differ:
//! the text holds the value, so the error names it, and the server cannot reckon it beforehand.

use super::super::super::shape::ColumnShape;
use super::texts::{collation, generated};
use crate::naming::quoted;

/// What becomes of the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// They stay as they are.
    Same,
    /// The server takes them over by itself: into a wider type.
    Plain,
    /// Each becomes this expression of the old column's name.
    Using(String),
    /// They cannot be taken over: the column is made anew.
    None(&'static str),
}

/// A type, as far as it takes to convert from and to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    /// Its bytes.
    Int(u8),
    /// Precision and scale.
    Numeric(Option<(i32, i32)>),
    Real,
    Double,
    Text,
    /// Its length.
    Varchar(Option<u32>),
    Bytes,
    Uuid,
    /// Digits of its seconds.
    Moment(u8),
    Date,
    Json,
    Jsonb,
    Other,
}

/// Digits of a second that a timestamp has unless it says otherwise.
const MICROS_DIGITS: u8 = 6;

/// What becomes of the values of a column that becomes another; `name` is what it is called when
/// that happens.
pub(super) fn conversion(from: &ColumnShape, to: &ColumnShape, name: &str) -> Conversion {
    match (generated(from), generated(to)) {
        (None, None) => {}
        (Some(_), None) if from.type_text == to.type_text => return Conversion::Same,
        (a, b) if a == b && from.type_text == to.type_text => return Conversion::Same,
        _ => return Conversion::None("the column is generated from others in another way"),
    }
    if from.type_text == to.type_text {
        let same = collation(from) == collation(to);
        return if same { Conversion::Same } else { Conversion::Plain };
    }
    between(Type::of(&from.type_text), Type::of(&to.type_text), &quoted(name), to)
}

/// Whether a key that stands twice in a value would stand there once.
pub(super) fn doubled_keys(from: &ColumnShape, to: &ColumnShape) -> bool {
    let from = Type::of(&from.type_text);
    let may = matches!(from, Type::Text | Type::Varchar(_) | Type::Json);
    may && Type::of(&to.type_text) == Type::Jsonb
}

fn between(from: Type, to: Type, c: &str, column: &ColumnShape) -> Conversion {
    use Conversion::{None, Plain, Using};
    use Type::{Bool, Bytes, Date, Double, Int, Json, Jsonb, Moment, Numeric, Real, Text, Varchar};
    let cast = || Using(format!("{c}::{}", column.type_text));
    let exact = |left: &str, what: &str, base: &str| {
        Using(format!("CASE WHEN {c} = {left} THEN {left} ELSE ('{what}: ' || {c})::{base} END"))
    };
    match (from, to) {
        (Int(a), Int(b)) if a < b => Plain,
        (Int(_), Int(_)) => cast(),
        (Bool, Int(_)) => Using(format!("{c}::integer::{}", column.type_text)),
        (Int(_), Bool) => Using(format!(
            "CASE {c} WHEN 0 THEN false WHEN 1 THEN true \
             ELSE ('neither 0 nor 1: ' || {c})::boolean END"
        )),
        // Of a scale below none the server would round.
        (Int(_), Numeric(Some((_, scale)))) if scale < 0 => {
            exact(&format!("trunc({c}::numeric, {scale})"), "too many digits", "numeric")
        }
        (Int(_), Numeric(_)) => cast(),
        (Int(bytes), Double) if bytes < 8 => Plain,
        (Real, Double) => Plain,
        (Numeric(_), Int(_)) => exact(&format!("trunc({c})"), "not a whole number", "numeric"),
        (Numeric(a), Numeric(b)) => match (a, b) {
            (Some((p, s)), Some((q, t))) if t >= s && q - t >= p - s => Plain,
            (Some(_), Option::None) => Plain,
            (_, Option::None) => Plain,
            (_, Some((_, t))) => exact(&format!("trunc({c}, {t})"), "too many digits", "numeric"),
        },
        (Date, Moment(_)) => Using(format!("{c}::timestamp AT TIME ZONE 'UTC'")),
        (Moment(_), Date) => Using(format!(
            "CASE WHEN {c} = date_trunc('day', {c} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' \
             THEN ({c} AT TIME ZONE 'UTC')::date ELSE ('not midnight: ' || {c})::date END"
        )),
        (Moment(a), Moment(b)) if a <= b => Plain,
        (Moment(_), Moment(b)) => exact(
            &format!("{c}::timestamp({b}) with time zone"),
            "too many digits",
            "timestamp with time zone",
        ),
        (Text, Int(_) | Type::Uuid | Jsonb | Json) => cast(),
        (Varchar(_), Int(_) | Type::Uuid | Jsonb | Json) => cast(),
        (Json, Jsonb) | (Jsonb, Json) => cast(),
        (Varchar(_), Text | Varchar(Option::None)) | (Text, Varchar(Option::None)) => Plain,
        (Varchar(Some(a)), Varchar(Some(b))) if a <= b => Plain,
        (Varchar(_) | Text, Varchar(Some(most))) => Using(fitting(c, most)),
        (Moment(_), Text) => Using(written(
            c,
            ["0001-01-01 00:00:00+00", "10000-01-01 00:00:00+00", "timestamp with time zone"],
            &format!("to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
        )),
        (Date, Text) => Using(written(
            c,
            ["0001-01-01", "10000-01-01", "date"],
            &format!("to_char({c}, 'YYYY-MM-DD')"),
        )),
        (Bytes, Text) => Using(format!("encode({c}, 'hex')")),
        (Type::Other, Text) => None("its text depends on settings of the session"),
        (_, Text) => Using(format!("{c}::text")),
        (Double | Real, Int(_) | Numeric(_)) => None("a float holds no exact number"),
        _ => None("no value of the one type is surely one of the other"),
    }
}

/// The text of a day or moment, in the years that have one: the server would make nothing of
/// infinity, and leave out that a year is one before Christ.
fn written(c: &str, [first, end, base]: [&str; 3], text: &str) -> String {
    format!(
        "CASE WHEN isfinite({c}) AND {c} >= '{first}' AND {c} < '{end}' THEN {text} \
         ELSE ('not in the years 1 to 9999: ' || {c})::{base}::text END"
    )
}

/// A text that is not too long. Casting or not, the server cuts blanks off the end to make it so.
fn fitting(c: &str, most: u32) -> String {
    format!(
        "CASE WHEN char_length({c}) <= {most} THEN {c} \
         ELSE ('longer than {most} characters: ' || {c})::integer::text END"
    )
}

impl Type {
    fn of(text: &str) -> Self {
        let (base, inside) = match (text.find('('), text.find(')')) {
            (Some(open), Some(close)) if open < close => {
                let behind = text.get(close + 1..).unwrap_or_default();
                let base = text.get(..open).unwrap_or_default();
                (format!("{base}{behind}"), text.get(open + 1..close))
            }
            _ => (text.to_owned(), None),
        };
        let number = || inside.and_then(|inside| inside.trim().parse().ok());
        match base.as_str() {
            "boolean" => Type::Bool,
            "smallint" => Type::Int(2),
            "integer" => Type::Int(4),
            "bigint" => Type::Int(8),
            "numeric" => Type::Numeric(inside.and_then(|inside| {
                let (precision, scale) = inside.split_once(',')?;
                Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
            })),
            "real" => Type::Real,
            "double precision" => Type::Double,
            "text" => Type::Text,
            "character varying" => Type::Varchar(number()),
            "bytea" => Type::Bytes,
            "uuid" => Type::Uuid,
            "timestamp with time zone" => {
                Type::Moment(inside.and_then(|i| i.parse().ok()).unwrap_or(MICROS_DIGITS))
            }
            "date" => Type::Date,
            "json" => Type::Json,
            "jsonb" => Type::Jsonb,
            _ => Type::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_server_writes_them() {
        for (text, want) in [
            ("numeric(18,8)", Type::Numeric(Some((18, 8)))),
            ("numeric", Type::Numeric(None)),
            ("timestamp(3) with time zone", Type::Moment(3)),
            ("timestamp with time zone", Type::Moment(6)),
            ("timestamp without time zone", Type::Other),
            ("character varying(8)", Type::Varchar(Some(8))),
            ("bigint[]", Type::Other),
        ] {
            assert_eq!(Type::of(text), want, "{text}");
        }
    }
}
