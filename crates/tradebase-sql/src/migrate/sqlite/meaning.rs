//! What the columns mean, told from the readable view.

use tradebase_core::{Column, Kind, Table};

use super::catalogue;
use super::pieces::Pieces;
use crate::migrate::shape::{ColumnShape, Shape, TableShape};
use crate::naming::quoted;
use crate::sqlite::{INTEGER_DIGITS_MAX, decimal_check, readable_form, readable_line, sqlite_type};

/// The most digits that a decimal has.
const DIGITS_MAX: u8 = tradebase_core::decimal::MAX_PRECISION;

/// Kinds whose meaning the type does not tell and that have no parameters.
const PLAIN: [Kind; 11] = [
    Kind::Bool,
    Kind::I16,
    Kind::I32,
    Kind::I64,
    Kind::Timestamp,
    Kind::TimestampNs,
    Kind::Date,
    Kind::Uuid,
    Kind::Bytes,
    Kind::Json,
    Kind::TEXT,
];

/// Puts into every column what its table's readable view makes of it.
pub(super) fn find(shape: &mut Shape) {
    let views: Vec<_> =
        shape.views.iter().filter_map(|(name, text)| Some((name, text, lines(text)?))).collect();
    for (name, table) in &mut shape.tables {
        let (own, from) = (readable(name), format!("\nFROM {}", quoted(name)));
        let (own, others): (Vec<_>, Vec<_>) = views
            .iter()
            .filter(|view| view.1.contains(&from))
            .partition(|view| view.0.eq_ignore_ascii_case(&own));
        let known = |column: &ColumnShape| {
            let told = |lines: &[String]| kind(name, table, column, lines);
            // The engine writes the new name of a table into the view that keeps its old one. A
            // column as it stands says nothing in a view of somebody else.
            let left = |lines| told(lines).filter(|kind| readable_form(*kind, "").is_some());
            let found = own.iter().find_map(|view| told(&view.2));
            found.or_else(|| others.iter().find_map(|view| left(&view.2)))
        };
        let kinds: Vec<_> = table.columns.iter().map(known).collect();
        for (column, kind) in table.columns.iter_mut().zip(kinds) {
            column.meaning = kind.map(|kind| kind.to_string());
        }
    }
}

/// The name of a table's readable view.
pub(super) fn readable(table: &str) -> String {
    format!("{table}_readable")
}

/// The kind of a meaning.
pub(super) fn kind_of(meaning: &str) -> Option<Kind> {
    if let Some(kind) = PLAIN.into_iter().find(|kind| kind.word() == meaning) {
        return Some(kind);
    }
    let digits = meaning.strip_prefix("decimal(")?.strip_suffix(')')?;
    let (precision, scale) = digits.split_once(", ")?;
    Some(Kind::Decimal { precision: precision.parse().ok()?, scale: scale.parse().ok()? })
}

/// The lines of a view: what it selects.
fn lines(view: &str) -> Option<Vec<String>> {
    let mut pieces = Pieces::of(view).ok()?;
    if !pieces.take(&["SELECT"]) {
        return None;
    }
    let from = view.rfind("\nFROM ")?;
    let begin = view.len() - pieces.rest().len();
    let list = Pieces::of(view.get(begin..from)?).ok()?;
    Some(list.parts().iter().map(|part| part.written().to_owned()).collect())
}

/// What a readable view says of the columns of a record.
#[derive(Debug)]
pub(crate) enum Says {
    /// Of all of them what the record says.
    Enough,
    /// Nothing but what the record says, and not of all.
    Less,
    /// As before, and something of columns that the record does not have.
    Others,
    /// Something else of this one: what it says, as a kind is displayed or as it is written.
    Otherwise(&'static Column, String),
}

/// What the statement that made the readable view of a table says of its columns. Of one that it
/// does not name, nobody but the record knows.
pub(crate) fn says(table: &'static Table, view: &str) -> Says {
    let lines = catalogue::view(view).ok().and_then(|view| lines(&view)).unwrap_or_default();
    let lines: Vec<_> = lines.iter().map(|line| line.to_ascii_lowercase()).collect();
    let place =
        |column: &str| format!("{}.{}", quoted(table.name), quoted(column)).to_ascii_lowercase();
    let mut known = Vec::new();
    for column in table.columns {
        let mention = place(column.name.text);
        let Some(line) = lines.iter().find(|line| line.contains(&mention)) else { continue };
        // By another name if the column was renamed by hand.
        let said = unnamed(line);
        let is = |kind| {
            [true, false].into_iter().any(|nullable| {
                let line = readable_line(table.name, column.name.text, kind, nullable);
                unnamed(&line.to_ascii_lowercase()) == said
            })
        };
        if is(column.kind) {
            known.push(line);
            continue;
        }
        let decimals = [INTEGER_DIGITS_MAX, DIGITS_MAX].into_iter().flat_map(|precision| {
            (0..=precision).map(move |scale| Kind::Decimal { precision, scale })
        });
        let told = PLAIN.into_iter().filter(|kind| readable_form(*kind, "").is_some());
        let kind = told.chain(decimals).find(|kind| is(*kind));
        let says = kind.map_or_else(|| said.to_owned(), |kind| kind.to_string());
        return Says::Otherwise(column, says);
    }
    let others = format!("{}.", quoted(table.name)).to_ascii_lowercase();
    if known.len() == table.columns.len() {
        Says::Enough
    } else if lines.iter().any(|line| line.contains(&others) && !known.contains(&line)) {
        Says::Others
    } else {
        Says::Less
    }
}

/// A line without the name that it gives.
fn unnamed(line: &str) -> &str {
    line.rfind(" as \"").and_then(|at| line.get(..at)).unwrap_or(line)
}

fn kind(name: &str, table: &TableShape, column: &ColumnShape, lines: &[String]) -> Option<Kind> {
    let written = |kind| {
        let nullable = [column.nullable, !column.nullable];
        let line = |nullable| readable_line(name, &column.name, kind, nullable);
        let has = |line: String| lines.iter().any(|have| have.eq_ignore_ascii_case(&line));
        nullable.into_iter().any(|nullable| has(line(nullable)))
    };
    let checked = |text: &str| table.checks.iter().any(|check| check.text.starts_with(text));
    let own = quoted(&column.name);
    let plain = PLAIN.into_iter().filter(|kind| sqlite_type(*kind) == column.type_text);
    let found = plain.filter(|kind| written(*kind)).find(|kind| match kind {
        Kind::Bool => checked(&format!("{own} IN (0, 1)")),
        Kind::I16 => checked(&format!("{own} BETWEEN {} AND {}", i16::MIN, i16::MAX)),
        Kind::I32 => checked(&format!("{own} BETWEEN {} AND {}", i32::MIN, i32::MAX)),
        Kind::Json => table.checks.iter().any(|c| c.text.contains(&format!("json_valid({own})"))),
        _ => true,
    });
    if found.is_some() {
        return found;
    }
    let (least, most) = match column.type_text.as_str() {
        "INTEGER" => (1, INTEGER_DIGITS_MAX),
        "BLOB" => (INTEGER_DIGITS_MAX + 1, DIGITS_MAX),
        _ => return None,
    };
    let scale =
        (0..=most).find(|scale| written(Kind::Decimal { precision: most, scale: *scale }))?;
    let precision = (least..=most)
        .find(|p| table.checks.iter().any(|check| check.text == decimal_check(&own, *p)));
    Some(Kind::Decimal { precision: precision.unwrap_or(most), scale })
}
