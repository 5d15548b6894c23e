//! The fixed statements of a record, rendered once per type. Both engines share their text but
//! for the mark of a parameter.
//!
//! Parameters carry the number of their column, so that a row is bound by writing it once in its
//! own order, whatever order the statement uses.

use std::fmt::Write;

use tradebase_core::{Roles, Table};

use crate::naming::{list, quoted};
use crate::schema;

/// The statements every engine needs.
#[derive(Debug)]
pub(crate) struct Statements {
    /// All columns.
    pub(crate) insert: String,
    /// All columns but the assigned key, if there is one.
    pub(crate) insert_new: String,
    pub(crate) get: String,
    pub(crate) update: String,
    /// Whether `update` takes the version that is expected as one more parameter.
    pub(crate) update_by_version: bool,
    /// Whether `update` gives back when the row was made.
    pub(crate) update_returns_created: bool,
    pub(crate) delete: String,
    pub(crate) exists: String,
    /// Every row in key order.
    pub(crate) all: String,
    /// Every column, from the table, without an end: for finds.
    pub(crate) select: String,
}

impl Statements {
    /// The statements of a table, with parameters marked as the engine wants them.
    pub(crate) fn render(table: &'static Table, mark: char) -> Self {
        let name = quoted(table.name);
        let every = list(table, 0..table.columns.len());
        let key = list(table, table.key.iter().copied());
        let select = format!("SELECT {every} FROM {name}");
        let by_key = by_key(table, mark, |i, _| i + 1);
        let assigned = schema::assigned(table).map(|(at, _)| at);
        let version = table.playing(Roles::VERSION);
        let created = table.playing(Roles::CREATED);
        Self {
            insert: insert(table, mark, None),
            insert_new: insert(table, mark, assigned),
            get: format!("{select} WHERE {by_key}"),
            update: update(table, mark),
            update_by_version: version.is_some(),
            update_returns_created: created.is_some(),
            delete: format!("DELETE FROM {name} WHERE {by_key}"),
            exists: format!("SELECT 1 FROM {name} WHERE {by_key}"),
            all: format!("{select} ORDER BY {key}"),
            select,
        }
    }
}

/// `"a" = ?1 AND "b" = ?2`, numbered by `number` of place in the key and place in the row.
pub(crate) fn by_key(table: &Table, mark: char, number: impl Fn(usize, usize) -> usize) -> String {
    let terms: Vec<_> = table
        .key
        .iter()
        .enumerate()
        .map(|(i, &at)| {
            format!("{} = {mark}{}", quoted(table.columns[at].name.text), number(i, at))
        })
        .collect();
    terms.join(" AND ")
}

fn insert(table: &Table, mark: char, left_out: Option<usize>) -> String {
    let columns = || (0..table.columns.len()).filter(|at| Some(*at) != left_out);
    let marks: Vec<_> = (1..=columns().count()).map(|i| format!("{mark}{i}")).collect();
    let name = quoted(table.name);
    let mut text = if marks.is_empty() {
        format!("INSERT INTO {name} DEFAULT VALUES")
    } else {
        format!("INSERT INTO {name} ({}) VALUES ({})", list(table, columns()), marks.join(", "))
    };
    if let Some((_, key)) = schema::assigned(table) {
        _ = write!(text, " RETURNING {}", quoted(key.name.text));
    }
    text
}

fn update(table: &Table, mark: char) -> String {
    let mut terms = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if table.key.contains(&at) {
            continue;
        }
        let (name, number) = (quoted(column.name.text), at + 1);
        terms.push(if column.is(Roles::CREATED) {
            // When a row was made never changes; the parameter must stand somewhere all the same.
            format!("{name} = COALESCE({name}, {mark}{number})")
        } else {
            format!("{name} = {mark}{number}")
        });
    }
    if let ([], Some(&at)) = (terms.as_slice(), table.key.first()) {
        // A record that is nothing but its key: the update only asks whether it is there.
        terms.push(format!("{0} = {0}", quoted(table.columns[at].name.text)));
    }
    let by_key = by_key(table, mark, |_, at| at + 1);
    let mut text = format!("UPDATE {} SET {} WHERE {by_key}", quoted(table.name), terms.join(", "));
    if let Some((_, version)) = table.playing(Roles::VERSION) {
        let number = table.columns.len() + 1;
        _ = write!(text, " AND {} = {mark}{number}", quoted(version.name.text));
    }
    if let Some((_, created)) = table.playing(Roles::CREATED) {
        _ = write!(text, " RETURNING {}", quoted(created.name.text));
    }
    text
}
