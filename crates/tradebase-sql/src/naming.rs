//! Names of what stands in a database, and how they are written in SQL.
//!
//! The generated names tell table, columns and purpose: `fills__bot_id__executed_at__index`. The
//! engines give them back in errors, which is how an error can name the columns at fault.

use tradebase_core::{Code, Error, Result, Table};

/// PostgreSQL cuts longer names off in silence.
const NAME_BYTES_MAX: usize = 63;

/// What a generated name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The primary key.
    Key,
    /// A unique index.
    Unique,
    /// An index.
    Index,
    /// The limits of a column.
    Check,
    /// The reference to a parent.
    Parent,
}

impl Purpose {
    const ALL: [Purpose; 5] =
        [Purpose::Key, Purpose::Unique, Purpose::Index, Purpose::Check, Purpose::Parent];

    const fn word(self) -> &'static str {
        match self {
            Purpose::Key => "key",
            Purpose::Unique => "unique",
            Purpose::Index => "index",
            Purpose::Check => "check",
            Purpose::Parent => "parent",
        }
    }
}

/// Appends an identifier in quotes.
pub(crate) fn quote(out: &mut String, name: &str) {
    out.push('"');
    for (i, part) in name.split('"').enumerate() {
        out.push_str(if i > 0 { "\"\"" } else { "" });
        out.push_str(part);
    }
    out.push('"');
}

/// An identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    quote(&mut out, name);
    out
}

/// A text as an SQL literal. The values of records never come here: they are bound.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The columns at these positions, in quotes, with commas.
pub(crate) fn list(table: &Table, columns: impl IntoIterator<Item = usize>) -> String {
    let names: Vec<_> = columns.into_iter().map(|at| quoted(table.columns[at].name.text)).collect();
    names.join(", ")
}

/// The name of something of a table.
pub(crate) fn name(table: &Table, columns: &[usize], purpose: Purpose) -> String {
    let mut name = table.name.to_owned();
    if purpose != Purpose::Key {
        for &at in columns {
            name.push_str("__");
            name.push_str(table.columns[at].name.text);
        }
    }
    name.push_str("__");
    name.push_str(purpose.word());
    shortened(name)
}

/// The name of the part that takes the rows no other part of a table has room for.
pub(crate) fn default_part(table: &str) -> String {
    shortened(format!("{table}__default"))
}

/// The name of a part of a table: `fills__p2026_11`.
pub(crate) fn part(table: &str, label: &str) -> String {
    shortened(format!("{table}__p{label}"))
}

/// Whether a name is of the form that those of a table's own are generated in.
pub(crate) fn is_generated(table: &str, name: &str) -> bool {
    let Some((head, end)) = name.rsplit_once("__") else { return false };
    let own =
        head.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with("__"));
    let is_hash = end.len() == 16 && end.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    match is_hash {
        // Cut off, the name may not even have all of the table's.
        true => own || (name.len() + 4 > NAME_BYTES_MAX && table.starts_with(head)),
        false => own && Purpose::ALL.iter().any(|purpose| end == purpose.word()),
    }
}

/// The columns of a generated name; none if it is not one of this table.
pub(crate) fn columns_of(table: &Table, constraint: &str) -> Option<Vec<usize>> {
    let singles = (0..table.columns.len()).map(|at| vec![at]);
    let several = table.indexes.iter().map(|index| index.columns.to_vec());
    let key = std::iter::once(table.key.to_vec());
    key.chain(singles).chain(several).find(|columns| {
        Purpose::ALL.iter().any(|purpose| name(table, columns, *purpose) == constraint)
    })
}

/// The names of columns for a message: `bot_id, executed_at`.
pub(crate) fn words(table: &Table, columns: &[usize]) -> String {
    let names: Vec<_> = columns.iter().map(|&at| table.columns[at].name.text).collect();
    names.join(", ")
}

/// Refuses a record that is for no table, or whose own names an engine would cut off.
pub(crate) fn check(table: &Table) -> Result<()> {
    if table.columns.iter().any(|column| !column.domain.table) {
        // Its values are not kept to what a table can hold.
        let message = "the record is for no table: add `table = \"…\"` to it";
        return Err(Error::new(Code::Unsupported, message));
    }
    let names = table.columns.iter().map(|c| c.name.text).chain([table.name]);
    match names.into_iter().find(|name| name.len() > NAME_BYTES_MAX) {
        None => Ok(()),
        Some(long) => Err(Error::new(
            Code::Unsupported,
            format!("a table's and a column's name has at most {NAME_BYTES_MAX} bytes: {long}"),
        )),
    }
}

/// A name within the limit: the end of a longer one becomes a hash.
fn shortened(name: String) -> String {
    const HASH: usize = 18;
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let end = (0..=NAME_BYTES_MAX - HASH).rev().find(|&at| name.is_char_boundary(at));
    format!("{}__{:016x}", &name[..end.unwrap_or(0)], fnv(name.as_bytes()))
}

/// FNV-1a: the same on every machine and in every version.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use tradebase_core::{Column, Index, Kind};

    use super::*;

    static COLUMNS: [Column; 3] = [
        Column::new("id", Kind::I64, false),
        Column::new("a_rather_long_name_of_a_column_that_goes_on", Kind::I64, false),
        Column::new("say \"hi\"", Kind::TEXT, false),
    ];
    static INDEXES: [Index; 1] = [Index::new(&[1, 2], true)];
    static TABLE: Table = Table::new("Note", "notes", &COLUMNS, &[0], &INDEXES, None);

    #[test]
    fn names_lead_back_to_their_columns() {
        for (columns, purpose) in [
            (vec![0], Purpose::Key),
            (vec![1], Purpose::Check),
            (vec![2], Purpose::Unique),
            (vec![1, 2], Purpose::Unique),
        ] {
            let name = name(&TABLE, &columns, purpose);
            assert!(name.len() <= NAME_BYTES_MAX, "{name}");
            assert_eq!(columns_of(&TABLE, &name), Some(columns), "{name}");
            assert!(is_generated("notes", &name), "{name}");
        }
        assert_eq!(columns_of(&TABLE, "notes_pkey"), None);
        for (name, ours) in
            [("notes__mine", false), ("notes_x__index", false), ("notes__key", true)]
        {
            assert_eq!(is_generated("notes", name), ours, "{name}");
        }
    }

    #[test]
    fn quotes_in_names_cannot_end_them() {
        assert_eq!(quoted("say \"hi\""), r#""say ""hi""""#);
        assert_eq!(literal("it's"), "'it''s'");
    }
}
