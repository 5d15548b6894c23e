//! The readable view of a table: every value as a person writes it, in plain SQL.
//!
//! Any SQLite shell from 3.37 on can use it; it needs none of our functions. Decimals are exact:
//! the 16 bytes of a wide one are turned into digits by long arithmetic, see [`wide_digits`].

use tradebase_core::{Column, Kind, Table};

use super::types::INTEGER_DIGITS_MAX;
use crate::naming::quoted;

/// The name of a table's view.
pub(super) fn name(table: &Table) -> String {
    format!("{}_readable", table.name)
}

/// The statement that creates the view.
pub(super) fn create(table: &Table) -> String {
    let columns: Vec<_> = table.columns.iter().map(|c| column(table, c)).collect();
    format!(
        "CREATE VIEW {} AS SELECT\n  {}\nFROM {}",
        quoted(&name(table)),
        columns.join(",\n  "),
        quoted(table.name),
    )
}

fn column(table: &Table, column: &Column) -> String {
    line(table.name, column.name.text, column.kind, column.nullable)
}

/// What the view of a table says of a column.
pub(crate) fn line(table: &str, column: &str, kind: Kind, nullable: bool) -> String {
    let name = quoted(column);
    let value = format!("{}.{name}", quoted(table));
    match readable(kind, &value) {
        None => format!("{value} AS {name}"),
        // Some functions make text even of null.
        Some(text) if nullable => {
            format!("CASE WHEN {value} IS NOT NULL THEN {text} END AS {name}")
        }
        Some(text) => format!("{text} AS {name}"),
    }
}

/// The readable form of a value; none if it is readable as it is.
pub(crate) fn readable(kind: Kind, value: &str) -> Option<String> {
    match kind {
        Kind::Decimal { precision, scale } if precision > INTEGER_DIGITS_MAX => {
            Some(wide_decimal(value, scale))
        }
        Kind::Decimal { scale, .. } => Some(narrow_decimal(value, scale)),
        Kind::Bytes => Some(format!("lower(hex({value}))")),
        Kind::Uuid => Some(uuid(value)),
        Kind::Timestamp => Some(moment(value, 6)),
        Kind::TimestampNs => Some(moment(value, 9)),
        Kind::Date => Some(format!("date({value} * 86400, 'unixepoch')")),
        _ => None,
    }
}

fn uuid(value: &str) -> String {
    let part = |from: u8, len: u8| format!("substr(hex({value}), {from}, {len})");
    let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
    format!("lower({})", parts.join(" || '-' || "))
}

/// Seconds are rounded down, also before 1970, so that the fraction is never negative.
fn moment(value: &str, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let fraction = format!("(({value} % {unit} + {unit}) % {unit})");
    let seconds = format!("({value} / {unit} - ({value} % {unit} < 0))");
    format!(
        "strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || \
         printf('.%0{digits}dZ', {fraction})"
    )
}

fn narrow_decimal(value: &str, scale: u8) -> String {
    if scale == 0 {
        return format!("CAST({value} AS TEXT)");
    }
    let unit = 10_u64.pow(scale.into());
    format!(
        "CASE WHEN {value} < 0 THEN '-' ELSE '' END || (abs({value}) / {unit}) || \
         printf('.%0{scale}d', abs({value}) % {unit})"
    )
}

fn wide_decimal(value: &str, scale: u8) -> String {
    let digits = wide_digits(value);
    let whole = 28 - scale;
    // '0' stays where nothing is left of the whole part.
    let whole_text = format!("coalesce(nullif(ltrim(substr(d, 1, {whole}), '0'), ''), '0')");
    let fraction = match scale {
        0 => String::new(),
        _ => format!(" || '.' || substr(d, {}, {scale})", whole + 1),
    };
    let sign = format!("CASE WHEN hex({value}) >= '8' THEN '' ELSE '-' END");
    format!("(SELECT {sign} || {whole_text}{fraction} FROM ({digits}))")
}

/// The 28 digits of a wide decimal's magnitude, as `d`.
///
/// Up to 28 digits need 94 bits, so of the 16 bytes only the last 12 count; the first tells the
/// sign. They are taken as six words of 16 bits (`word`), inverted and increased by one below
/// zero. From the top word down (`part`), all so far is multiplied by 2^16 and the word added, in
/// two halves of 14 digits each: 10^14 * 2^16 still fits an integer of 63 bits.
pub(crate) fn wide_digits(value: &str) -> String {
    let digit = |place: u8, weight: u32| {
        format!("instr('123456789ABCDEF', substr(hex({value}), {place} + 4 * i, 1)) * {weight}")
    };
    let word = [digit(9, 4096), digit(10, 256), digit(11, 16), digit(12, 1)].join(" + ");
    let places = (1..6).map(|i| format!(" UNION ALL SELECT {i}")).collect::<String>();
    format!(
        "WITH RECURSIVE word(i, w) AS (\
         SELECT i, CASE WHEN hex({value}) >= '8' THEN w ELSE 65535 - w + (i = 5) END \
         FROM (SELECT i, {word} AS w FROM (SELECT 0 AS i{places}))), \
         part(n, high, low) AS (SELECT 0, 0, 0 UNION ALL \
         SELECT n + 1, high * 65536 + (low * 65536 + w) / 100000000000000, \
         (low * 65536 + w) % 100000000000000 FROM part JOIN word ON i = n) \
         SELECT printf('%014d%014d', high, low) AS d FROM part WHERE n = 6"
    )
}
