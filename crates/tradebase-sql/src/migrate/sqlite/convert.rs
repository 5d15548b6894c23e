//! What becomes of the values of a column when it gets another type or meaning.
//!
//! Everything that can be kept is kept exactly. A value that cannot ends the whole step before
//! anything is lost: in its place stands one that the column refuses.

use tradebase_core::Kind;

use super::meaning::kind_of;
use super::rebuild::strict;
use super::wide::{decimal_of, is_wide};
use crate::migrate::shape::{ColumnShape, Storage};
use crate::naming::literal;
use crate::sqlite::readable_form;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// Nanoseconds of a day.
const DAY_NS: i64 = DAY_US * 1000;

/// What becomes of values.
#[derive(Debug)]
pub(super) enum Kept {
    /// They are what this SQL makes of them.
    As(String),
    /// They have no place in the new column.
    Lost,
}

/// Whether nobody said what stands there, and it must be known: integers and bytes are a number
/// or a moment by what the readable view says alone.
pub(super) fn unsaid(was: &ColumnShape, is: &ColumnShape) -> bool {
    let bare = |column: &ColumnShape| {
        column.meaning.is_none() && matches!(affinity(&column.type_text), "INTEGER" | "BLOB")
    };
    let counts = |column: &ColumnShape| {
        kind(column).is_some_and(|kind| {
            !kind.is_integer() && !matches!(kind, Kind::Bool | Kind::Bytes | Kind::Uuid)
        })
    };
    bare(was) && counts(is) || bare(is) && counts(was)
}

/// How the values at that place become those of a column.
pub(super) fn kept(was: &ColumnShape, is: &ColumnShape, place: &str, storage: &Storage) -> Kept {
    let as_is = Kept::As(place.to_owned());
    if was.type_text == is.type_text && (was.meaning.is_none() || is.meaning.is_none()) {
        // What it means makes no difference, or the plan would have ended.
        return as_is;
    }
    let (Some(from), Some(to)) = (kind(was), kind(is)) else {
        let same = affinity(&was.type_text) == affinity(&is.type_text);
        return if same { as_is } else { Kept::Lost };
    };
    let Some(value) = converted(from, to, place) else { return Kept::Lost };
    if value == place {
        return as_is;
    }
    let fails = refused(is, place, strict(storage));
    // No value at all is what the conversion makes of one that does not fit.
    Kept::As(format!("CASE WHEN {place} IS NULL THEN NULL ELSE coalesce({value}, {fails}) END"))
}

/// What a column holds, as far as its values can be told by it.
fn kind(column: &ColumnShape) -> Option<Kind> {
    match &column.meaning {
        Some(meaning) => kind_of(meaning),
        None => match affinity(&column.type_text) {
            "INTEGER" => Some(Kind::I64),
            "TEXT" => Some(Kind::TEXT),
            "BLOB" if !column.type_text.is_empty() => Some(Kind::Bytes),
            "REAL" => Some(Kind::F64),
            _ => None,
        },
    }
}

/// What the engine makes of the name of a type, by its own rules.
fn affinity(type_text: &str) -> &'static str {
    let has = |part: &str| type_text.contains(part);
    if has("INT") {
        "INTEGER"
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        "TEXT"
    } else if has("BLOB") || type_text.is_empty() {
        "BLOB"
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        "REAL"
    } else {
        "NUMERIC"
    }
}

/// A value that the column refuses, where there is one of the former.
fn refused(is: &ColumnShape, place: &str, strict: bool) -> String {
    let text = affinity(&is.type_text) == "TEXT";
    if strict && !text && is.type_text != "ANY" {
        return literal("a value that does not fit");
    }
    // The engine has no place for this one. It depends on the row, or it would be found before.
    format!("abs(-9223372036854775807 - ({place} IS NOT NULL))")
}

/// What becomes of a value, or null of one that does not fit; none if nothing can be kept.
fn converted(from: Kind, to: Kind, x: &str) -> Option<String> {
    let whole = |kind: Kind| kind.is_integer() || kind == Kind::Bool;
    Some(match (from, to) {
        _ if from == to => x.to_owned(),
        (Kind::Text { .. } | Kind::Json, Kind::Text { .. }) => x.to_owned(),
        // The check of the column sees to the range.
        _ if whole(from) && whole(to) => x.to_owned(),
        (Kind::Uuid, Kind::Bytes) | (Kind::Bytes, Kind::Uuid) => x.to_owned(),
        (Kind::Decimal { .. }, Kind::Decimal { .. }) => decimal(from, to, x),
        (_, Kind::Decimal { .. }) if from.is_integer() => decimal(from, to, x),
        (Kind::Decimal { .. }, _) if to.is_integer() => decimal(from, to, x),
        (_, Kind::F64) if whole(from) => {
            // The greatest integer would come back from a float that is greater than it.
            format!(
                "CASE WHEN CAST(CAST({x} AS REAL) AS INTEGER) = {x} AND {x} < {} \
                 THEN CAST({x} AS REAL) END",
                i64::MAX
            )
        }
        (Kind::Timestamp, Kind::TimestampNs) => times(x, 1000),
        (Kind::TimestampNs, Kind::Timestamp) => parts(x, 1000),
        (Kind::Date, Kind::Timestamp) => times(x, DAY_US),
        (Kind::Date, Kind::TimestampNs) => times(x, DAY_NS),
        (Kind::Timestamp, Kind::Date) => parts(x, DAY_US),
        (Kind::TimestampNs, Kind::Date) => parts(x, DAY_NS),
        (Kind::F64, Kind::Text { .. }) => float(x),
        (_, Kind::Text { .. }) => {
            readable_form(from, x).unwrap_or_else(|| format!("CAST({x} AS TEXT)"))
        }
        (Kind::Text { .. }, Kind::Json) => format!("CASE WHEN json_valid({x}) THEN {x} END"),
        (Kind::Text { .. }, _) => read(to, x)?,
        _ => return None,
    })
}

/// So many times as much, if there is room for it.
fn times(x: &str, unit: i64) -> String {
    let most = i64::MAX / unit;
    format!("CASE WHEN {x} BETWEEN -{most} AND {most} THEN {x} * {unit} END")
}

/// So many times less, if nothing is left over.
fn parts(x: &str, unit: i64) -> String {
    format!("CASE WHEN {x} % {unit} = 0 THEN {x} / {unit} END")
}

fn decimal(from: Kind, to: Kind, x: &str) -> String {
    if !is_wide(from) && !is_wide(to) {
        // The scales of both are at most 18.
        let by = 10_i64.pow(u32::from(from.scale().abs_diff(to.scale())));
        return match from.scale().cmp(&to.scale()) {
            std::cmp::Ordering::Less => times(x, by),
            std::cmp::Ordering::Equal => x.to_owned(),
            std::cmp::Ordering::Greater => parts(x, by),
        };
    }
    if is_wide(from) && is_wide(to) && from.scale() == to.scale() {
        return x.to_owned();
    }
    decimal_of(from, to, x)
}

/// The shortest digits that are this float and no other; null if there are none that all releases
/// of the engine read the same way.
fn float(x: &str) -> String {
    let digits = |n: u8| format!("printf('%!.{n}g', {x})");
    // Some releases read a text as the float beside it. A division of two integers that are floats
    // themselves gives what the digits say, by the rules of floats alone.
    let units = "CAST(replace(d, '.', '') AS INTEGER)";
    let places = "length(d) - instr(d, '.')";
    let unit = format!("CAST('1' || substr('{}', 1, {places}) AS INTEGER)", "0".repeat(18));
    let short = |n: u8| {
        format!(
            "(SELECT CASE WHEN instr(d, 'e') = 0 AND {places} <= 18 \
             AND abs({units}) <= 9007199254740992 AND CAST({units} AS REAL) / {unit} = {x} \
             THEN d END FROM (SELECT {} AS d))",
            digits(n)
        )
    };
    // As many as tell every float from those beside it.
    let all = format!("CASE WHEN CAST({0} AS REAL) = {x} THEN {0} END", digits(17));
    format!("coalesce({}, {}, {all})", short(15), short(16))
}

/// What a text reads as, if it is just how such a value is written.
fn read(to: Kind, x: &str) -> Option<String> {
    let value = match to {
        Kind::Bool | Kind::I16 | Kind::I32 | Kind::I64 => format!("CAST({x} AS INTEGER)"),
        Kind::Decimal { .. } if !is_wide(to) => format!("CAST(replace({x}, '.', '') AS INTEGER)"),
        Kind::Date => {
            format!("CAST(strftime('%s', {x}) AS INTEGER) / 86400")
        }
        Kind::Uuid => return Some(uuid(x)),
        _ => return None,
    };
    let written = readable_form(to, "v").unwrap_or_else(|| "CAST(v AS TEXT)".to_owned());
    Some(format!("(SELECT CASE WHEN {written} = {x} THEN v END FROM (SELECT {value} AS v))"))
}

/// The bytes of a UUID, if it is one in its usual form.
fn uuid(x: &str) -> String {
    let bytes: String = (0..=255_u8).map(|byte| format!("{byte:02X}")).collect();
    let digit = |at: &str| format!("instr('123456789abcdef', substr(d, {at}, 1))");
    let byte = format!("{} * 16 + {} + 1", digit("2 * i + 1"), digit("2 * i + 2"));
    let written = readable_form(Kind::Uuid, "b").unwrap_or_default();
    format!(
        "(WITH RECURSIVE made(i, d, b) AS (SELECT 0, replace(lower({x}), '-', ''), '' UNION ALL \
         SELECT i + 1, d, b || substr(X'{bytes}', {byte}, 1) FROM made WHERE i < 16) \
         SELECT b FROM (SELECT CAST(b AS BLOB) AS b FROM made WHERE i = 16) \
         WHERE {written} = lower({x}))"
    )
}
