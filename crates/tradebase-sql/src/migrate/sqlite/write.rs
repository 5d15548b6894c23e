//! The statements that make what a shape holds.

use super::pieces::Pieces;
use crate::migrate::shape::{ColumnShape, IndexShape, ReferenceShape, Storage, TableShape};
use crate::naming::quoted;

/// The statement that creates a table, without its indexes.
pub(super) fn table(name: &str, table: &TableShape) -> String {
    let inline = key_of_its_column(table);
    let mut lines: Vec<_> =
        table.columns.iter().map(|c| column(c, inline == Some(c.name.as_str()), table)).collect();
    if let Some(key) = table.key.as_ref().filter(|_| inline.is_none()) {
        lines.push(format!("{}PRIMARY KEY ({})", named(&key.name), list(&key.columns)));
    }
    lines.extend(constraints(table).map(|index| index.text.clone()));
    for check in &table.checks {
        lines.push(format!("{}CHECK ({})", named(&check.name), check.text));
    }
    for reference in &table.references {
        let head = format!("FOREIGN KEY ({})", list(&reference.columns));
        lines.push(format!("{}{head} {}", named(&reference.name), references(reference)));
    }
    let end = match &table.storage {
        Storage::Strict => " STRICT",
        Storage::Clustered => " STRICT, WITHOUT ROWID",
        Storage::Other(words) => &format!(" {words}"),
        Storage::Plain | Storage::Parts { .. } => "",
    };
    format!("CREATE TABLE {} (\n  {}\n){end};", quoted(name), lines.join(",\n  "))
}

/// The column in whose line the key stands: an integer without a name, or one that the database
/// gives.
fn key_of_its_column(table: &TableShape) -> Option<&str> {
    let key = table.key.as_ref()?;
    let [only] = key.columns.as_slice() else { return None };
    let column = table.column(only)?;
    let alone = column.type_text == "INTEGER" && key.name.is_none();
    (alone || column.assigned).then_some(only.as_str())
}

/// The constraints that make indexes without a name of their own.
fn constraints(table: &TableShape) -> impl Iterator<Item = &IndexShape> {
    table.indexes.iter().filter(|index| index.name.is_empty())
}

fn column(column: &ColumnShape, is_key: bool, table: &TableShape) -> String {
    let mut line = definition(column);
    if is_key {
        let name = table.key.as_ref().and_then(|key| key.name.clone());
        let assigned = if column.assigned { " AUTOINCREMENT" } else { "" };
        let key = format!(" {}PRIMARY KEY{assigned}", named(&name));
        let head = quoted(&column.name).len() + 1 + column.type_text.len();
        line.insert_str(head.min(line.len()), &key);
    }
    line
}

/// What a column's line says of it, but for the key and the constraints.
pub(super) fn definition(column: &ColumnShape) -> String {
    let mut line = quoted(&column.name);
    let not_null = if column.nullable { "" } else { "NOT NULL" };
    let default = column.default.as_ref().map(|text| format!("DEFAULT {text}"));
    let parts = [&column.type_text, not_null, default.as_deref().unwrap_or_default()];
    for part in parts.into_iter().chain(column.more.as_deref()).filter(|part| !part.is_empty()) {
        line.push(' ');
        line.push_str(part);
    }
    line
}

/// What stands in front of a constraint that has a name.
pub(super) fn named(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("CONSTRAINT {} ", quoted(name))).unwrap_or_default()
}

pub(super) fn references(reference: &ReferenceShape) -> String {
    let mut text = format!("REFERENCES {}", quoted(&reference.parent));
    if !reference.parent_columns.is_empty() {
        text.push_str(&format!(" ({})", list(&reference.parent_columns)));
    }
    if !reference.actions.is_empty() {
        text.push_str(&format!(" {}", reference.actions));
    }
    text
}

pub(super) fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

/// The statements that create the indexes that have a name.
pub(super) fn indexes(table: &str, shape: &TableShape) -> Vec<String> {
    shape.indexes.iter().filter(|i| !i.name.is_empty()).map(|i| index(table, i)).collect()
}

pub(super) fn index(table: &str, index: &IndexShape) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let (name, table) = (quoted(&index.name), quoted(table));
    format!("CREATE {unique}INDEX {name} ON {table} {};", index.text)
}

/// The statement that creates a view, with the triggers that stand behind it.
pub(super) fn view(name: &str, text: &str) -> String {
    let listed = text.starts_with('(');
    let between = if listed { " " } else { " AS " };
    ended(&format!("CREATE VIEW {}{between}{text}", quoted(name)))
}

pub(super) fn drop_view(name: &str) -> String {
    format!("DROP VIEW {};", quoted(name))
}

/// With the semicolon behind it, which must not stand in a comment.
pub(super) fn ended(text: &str) -> String {
    let alone = Pieces::of(text).is_ok_and(|pieces| text.ends_with(pieces.last()));
    format!("{text}{};", if alone { "" } else { "\n" })
}
