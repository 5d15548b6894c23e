//! Building a table anew, with its rows: what SQLite has in place of most of ALTER TABLE.
//!
//! It relies on foreign keys being switched off, and checked before the commit: dropping a table
//! that others point to would otherwise delete in them.

use super::convert::{Kept, kept};
use super::pieces::ROW_NAMES;
use super::plan::one_line;
use super::rename::{Moved, spare};
use super::write;
use crate::migrate::plan::Loss;
use crate::migrate::shape::{ColumnShape, KeyShape, Storage, TableShape};
use crate::naming::{literal, quoted};

/// A table built anew.
#[derive(Debug, Default)]
pub(super) struct Rebuilt {
    pub(super) comment: String,
    pub(super) statements: Vec<String>,
    pub(super) losses: Vec<Loss>,
    pub(super) notes: Vec<String>,
}

/// The statements that build a table anew under its name.
pub(super) fn rebuild(
    name: &str,
    have: &TableShape,
    want: &TableShape,
    moved: &Moved,
    taken: impl Fn(&str) -> bool,
) -> Rebuilt {
    let mut rebuilt = Rebuilt::default();
    let aside = spare(&format!("{name}__new"), taken);
    rebuilt.statements.push(write::table(&aside, want));
    rebuilt.copy(name, &aside, have, want);
    rebuilt.gone(name, have, want, moved);
    if want.columns.iter().any(|column| column.assigned) {
        rebuilt.sequence(name, &aside);
    } else if let Some(column) = have.columns.iter().find(|column| column.assigned) {
        rebuilt.says(format!(
            "{}.{}: which keys were given is forgotten, the last ones may be given again",
            one_line(name),
            one_line(&column.name)
        ));
    }
    let (old, new) = (quoted(name), quoted(&aside));
    rebuilt.statements.push(format!("DROP TABLE {old};"));
    // Or views, triggers and references of others would be made to mention the table aside.
    rebuilt.statements.push("PRAGMA legacy_alter_table = ON;".to_owned());
    rebuilt.statements.push(format!("ALTER TABLE {new} RENAME TO {old};"));
    rebuilt.statements.push("PRAGMA legacy_alter_table = OFF;".to_owned());
    rebuilt.statements.extend(write::indexes(name, want));
    rebuilt
}

impl Rebuilt {
    fn loses(&mut self, table: &str, column: &str, why: &str) {
        self.comment.push_str(&format!("-- loses: {}.{}\n", one_line(table), one_line(column)));
        let (table, column) = (table.to_owned(), Some(column.to_owned()));
        self.losses.push(Loss { table, column, why: why.to_owned() });
    }

    /// Programs that know what was must not run beside this: they would take one for the other.
    fn changes(&mut self, table: &str, was: &ColumnShape, is: &ColumnShape) {
        let place = format!("{}.{}", one_line(table), one_line(&is.name));
        let [was, is] = [was, is].map(said);
        self.comment.push_str(&format!("-- changes what stands in {place}: {was} becomes {is}\n"));
    }

    fn says(&mut self, note: String) {
        self.comment.push_str(&format!("-- {note}\n"));
        self.notes.push(note);
    }

    /// Copies the rows, in the order of their key.
    fn copy(&mut self, name: &str, aside: &str, have: &TableShape, want: &TableShape) {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for column in want.columns.iter().filter(|column| !generated(column)) {
            let value = match have.column(&column.name) {
                None => self.anew(name, column, want),
                Some(was) => {
                    let place = format!("{}.{}", quoted(name), quoted(&column.name));
                    match kept(was, column, &place, &want.storage) {
                        Kept::As(value) => {
                            if value != place {
                                self.changes(name, was, column);
                            }
                            Some(value)
                        }
                        Kept::Lost => {
                            let [was, is] = [was, column].map(said);
                            let why = format!("{was} does not become {is}");
                            self.loses(name, &column.name, &why);
                            self.anew(name, column, want)
                        }
                    }
                }
            };
            if let Some(value) = value {
                columns.push(quoted(&column.name));
                values.push(value);
            }
        }
        if columns.is_empty() {
            let Some(first) = want.columns.iter().find(|column| !generated(column)) else { return };
            columns.push(quoted(&first.name));
            values.push(first.default.clone().unwrap_or_else(|| "NULL".to_owned()));
        }
        let row = row_name(have, want);
        if let Some(row) = row {
            // Other tables may know the rows by it.
            columns.push(quoted(row));
            values.push(format!("{}.{}", quoted(name), quoted(row)));
        }
        let there = |key: &&KeyShape| key.columns.iter().all(|name| have.column(name).is_some());
        let order = match want.key.as_ref().filter(there).or(have.key.as_ref()) {
            _ if row.is_some() => String::new(),
            Some(key) => {
                let names = key.columns.iter();
                let names = names.map(|column| format!("{}.{}", quoted(name), quoted(column)));
                format!(" ORDER BY {}", names.collect::<Vec<_>>().join(", "))
            }
            None => String::new(),
        };
        // A clause of the table would pass over rows, or drop others for them.
        self.statements.push(format!(
            "INSERT OR ABORT INTO {} ({})\nSELECT {}\nFROM {}{order};",
            quoted(aside),
            columns.join(", "),
            values.join(",\n  "),
            quoted(name),
        ));
    }

    /// The value of a column that the rows do not have; none if it is the default.
    fn anew(&mut self, name: &str, column: &ColumnShape, want: &TableShape) -> Option<String> {
        let key = want.key.as_ref().is_some_and(|key| key.columns == [column.name.clone()]);
        if column.nullable || column.assigned {
            return None;
        }
        if column.default.is_some() {
            // An integer key left out would be given by the engine, which passes its default over.
            return column.default.clone().filter(|_| key);
        }
        let (table, column_name) = (one_line(name), one_line(&column.name));
        let note = format!(
            "{table}.{column_name} is new, must not be null and has no default: fails if \
             {table} has rows"
        );
        self.says(note);
        // An integer key left out would be given by the engine.
        (key && column.type_text == "INTEGER").then(|| "'there is no value'".to_owned())
    }

    fn gone(&mut self, name: &str, have: &TableShape, want: &TableShape, moved: &Moved) {
        for column in have.columns.iter().filter(|column| !generated(column)) {
            if want.column(&column.name).is_none() {
                let place = (name.to_owned(), column.name.clone());
                let former = moved.get(&place).unwrap_or(&column.name);
                self.loses(name, former, "the column is dropped");
            }
        }
    }

    /// A key that was given is not given again, though its row is gone.
    fn sequence(&mut self, name: &str, aside: &str) {
        let (old, new) = (literal(name), literal(aside));
        self.statements.push(format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT {new}, 0 \
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {new});"
        ));
        self.statements.push(format!(
            "UPDATE sqlite_sequence SET seq = max(seq, \
             coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = {old} COLLATE NOCASE), 0)) \
             WHERE name = {new};"
        ));
    }
}

/// A name for the number of a row that no column of the two tables has; none if a table has no
/// such numbers, or they are its key.
fn row_name(have: &TableShape, want: &TableShape) -> Option<&'static str> {
    let is_key = want.key.as_ref().is_some_and(|key| match key.columns.as_slice() {
        [only] => want.column(only).is_some_and(|column| column.type_text == "INTEGER"),
        _ => false,
    });
    // A key that stands as it was written may be the number of the row too.
    let written = want
        .indexes
        .iter()
        .any(|index| index.name.is_empty() && index.text.contains("PRIMARY KEY"));
    if is_key || written || clustered(&have.storage) || clustered(&want.storage) {
        return None;
    }
    let columns = || have.columns.iter().chain(&want.columns);
    let free = |row: &&&str| columns().all(|column| !column.name.eq_ignore_ascii_case(row));
    ROW_NAMES.iter().find(free).copied()
}

/// Whether the rows stand in the tree of their key.
fn clustered(storage: &Storage) -> bool {
    match storage {
        Storage::Clustered => true,
        Storage::Other(words) => words.contains("WITHOUT ROWID"),
        Storage::Plain | Storage::Strict | Storage::Parts { .. } => false,
    }
}

fn generated(column: &ColumnShape) -> bool {
    column.more.as_deref().is_some_and(|more| more.contains("GENERATED ALWAYS AS"))
}

/// What a column is, for people.
fn said(column: &ColumnShape) -> &str {
    column.meaning.as_deref().unwrap_or(&column.type_text)
}

/// Whether values of a wrong type are refused.
pub(super) fn strict(storage: &Storage) -> bool {
    match storage {
        Storage::Strict | Storage::Clustered => true,
        Storage::Other(words) => words.contains("STRICT"),
        Storage::Plain | Storage::Parts { .. } => false,
    }
}
