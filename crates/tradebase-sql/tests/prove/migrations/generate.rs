//! Random sets of records, and others made from them by random changes.

use serde_json::json;
use tradebase_core::schema::{ColumnSchema, IndexSchema, TableSchema};

use super::repair::repaired;
use crate::common::Dice;

/// Tables of a set at most.
const TABLES_MAX: u64 = 5;
/// Columns of a table besides its key at most.
const COLUMNS_MAX: u64 = 7;
/// Changes that lead from one set to the next at most.
const CHANGES_MAX: u64 = 7;

/// Words of SQL are among the names: they must be quoted everywhere.
const TABLES: [&str; 14] = [
    "bots",
    "trades",
    "fills",
    "order",
    "quotes",
    "venues",
    "notes",
    "fees",
    "group",
    "links",
    "table",
    "values_of",
    "days",
    "check",
];
const COLUMNS: [&str; 24] = [
    "id", "name", "symbol", "at", "price", "quantity", "side", "status", "note", "order", "group",
    "select", "index", "default", "day", "data", "fee", "open", "small", "large", "other", "ratio",
    "made", "was",
];
const KINDS: [&str; 13] = [
    "bool",
    "i16",
    "i32",
    "i64",
    "f64",
    "decimal",
    "text",
    "bytes",
    "uuid",
    "timestamp",
    "timestamp_ns",
    "date",
    "json",
];
/// Kinds that a key may have.
pub const KEY_KINDS: [&str; 9] =
    ["i64", "i16", "i32", "text", "uuid", "date", "timestamp", "timestamp_ns", "decimal"];
const LABELS: [&str; 5] = ["buy", "sell", "it's", "Hold", "ä"];

/// A random set.
pub fn records(dice: &mut Dice) -> Vec<TableSchema> {
    let mut set = Vec::new();
    for _ in 0..=dice.below(TABLES_MAX) {
        let name = fresh(dice, &TABLES, |name| has_table(&set, name));
        set.push(table(dice, &name));
    }
    for _ in 0..dice.below(4) {
        reference(dice, &mut set);
    }
    repaired(set)
}

/// Another set, made from that one by random changes. The hints on it tell what was renamed.
pub fn changed(dice: &mut Dice, from: &[TableSchema]) -> Vec<TableSchema> {
    let mut set = from.to_vec();
    for table in &mut set {
        table.was = None;
        table.columns.iter_mut().for_each(|column| column.was = None);
    }
    for _ in 0..=dice.below(CHANGES_MAX) {
        change(dice, from, &mut set);
    }
    repaired(set)
}

fn change(dice: &mut Dice, from: &[TableSchema], set: &mut Vec<TableSchema>) {
    let at = place(dice, set.len());
    match dice.below(24) {
        0..=2 => add_column(dice, from, &mut set[at]),
        3 | 4 => drop_column(dice, &mut set[at]),
        5 | 6 => rename_column(dice, from, &mut set[at]),
        7 => rename_table(dice, from, set, at),
        8..=10 => near_kind(dice, &mut set[at]),
        11 => any_kind(dice, &mut set[at]),
        12 => nullability(dice, &mut set[at]),
        13 => column_default(dice, &mut set[at]),
        14 => limits(dice, &mut set[at]),
        15 | 16 => add_index(dice, &mut set[at]),
        17 => drop_index(dice, &mut set[at]),
        18 => {
            let name = fresh(dice, &TABLES, |name| has_table(from, name) || has_table(set, name));
            set.push(table(dice, &name));
        }
        19 if set.len() > 1 => _ = set.remove(at),
        20 => reference(dice, set),
        21 => change_reference(dice, &mut set[at]),
        22 => key(dice, &mut set[at]),
        _ => rare(dice, from, &mut set[at]),
    }
}

/// What seldom happens: names that are taken over, hints that say nothing any more, columns in
/// another order, keys that the database assigns from now on.
fn rare(dice: &mut Dice, from: &[TableSchema], table: &mut TableSchema) {
    match dice.below(4) {
        0 => {
            let before: Vec<_> = table.columns.iter().map(|c| c.name.clone()).collect();
            rename_column(dice, from, table);
            let gone = before.into_iter().find(|name| column_of(table, name).is_none());
            if let Some(name) = gone {
                let mut taken = column(dice, &name);
                taken.nullable = true;
                table.columns.push(taken);
            }
        }
        1 => {
            let at = place(dice, table.columns.len());
            table.columns[at].was.get_or_insert_with(|| "long_gone".to_owned());
        }
        2 => {
            let at = place(dice, table.columns.len());
            let moved = table.columns.remove(at);
            table.columns.insert(0, moved);
        }
        _ => {
            for column in table.columns.iter_mut().filter(|c| c.roles.contains(&"key".to_owned())) {
                match column.roles.iter().position(|role| role == "assigned") {
                    Some(at) => _ = column.roles.remove(at),
                    None => column.roles.push("assigned".to_owned()),
                }
            }
        }
    }
}

fn table(dice: &mut Dice, name: &str) -> TableSchema {
    let schema = json!({ "record": "Random", "table": name, "columns": [], "key": [] });
    let mut table: TableSchema = serde_json::from_value(schema).unwrap();
    let keys = if dice.below(4) == 0 { 2 + dice.below(2) } else { 1 };
    for at in 0..keys {
        let name = if at == 0 { "id".to_owned() } else { fresh_column(dice, &[], &table) };
        let mut key = column(dice, &name);
        let kind = if dice.below(2) == 0 { "i64" } else { dice.one(&KEY_KINDS) };
        set_kind(dice, &mut key, kind);
        (key.nullable, key.default) = (false, None);
        if keys == 1 && dice.below(3) == 0 {
            key.roles.push("assigned".to_owned());
        }
        table.key.push(name);
        table.columns.push(key);
    }
    for _ in 0..dice.below(COLUMNS_MAX + 1) {
        let name = fresh_column(dice, &[], &table);
        let column = column(dice, &name);
        let at = place(dice, table.columns.len() + 1);
        table.columns.insert(at, column);
    }
    for _ in 0..dice.below(3) {
        add_index(dice, &mut table);
    }
    table
}

fn column(dice: &mut Dice, name: &str) -> ColumnSchema {
    let nullable = dice.below(2) == 0;
    let schema = json!({ "name": name, "kind": "bool", "nullable": nullable });
    let mut column = serde_json::from_value(schema).unwrap();
    let kind = dice.one(&KINDS);
    set_kind(dice, &mut column, kind);
    column
}

fn set_kind(dice: &mut Dice, column: &mut ColumnSchema, kind: &str) {
    column.kind = kind.to_owned();
    (column.precision, column.scale, column.max, column.default) = (None, None, None, None);
    (column.labels, column.closed) = (Vec::new(), false);
    match kind {
        "decimal" => {
            let precision = *dice.one(&[1, 5, 9, 18, 18, 19, 28, 28]);
            column.precision = Some(precision);
            column.scale = Some(u8::try_from(dice.below(u64::from(precision) + 1)).unwrap());
        }
        "text" if dice.below(4) == 0 => {
            let count = 2 + place(dice, LABELS.len() - 1);
            column.labels = LABELS[..count].iter().map(|&label| label.to_owned()).collect();
            column.closed = dice.below(2) == 0;
        }
        "text" => column.max = dice.maybe(|d| *d.one(&[4, 8, 40])),
        _ => {}
    }
    if dice.below(3) == 0 {
        set_default(dice, column);
    }
}

fn set_default(dice: &mut Dice, column: &mut ColumnSchema) {
    column.default = Some(match column.kind.as_str() {
        "bool" => json!(dice.below(2) == 0),
        "i16" | "i32" | "i64" => json!(dice.below(9).cast_signed() - 4),
        "f64" => json!(0.5),
        "decimal" if column.precision == column.scale => json!("0"),
        "decimal" => json!(dice.below(9)),
        "text" => match column.labels.first() {
            Some(label) => json!(label),
            None => json!(*dice.one(&["", "it's", "ä", "7"])),
        },
        "uuid" => json!("0193a5e6-0000-7000-8000-00000000000a"),
        "timestamp" | "timestamp_ns" => json!("2026-11-20T09:30:00Z"),
        "date" => json!("1969-12-31"),
        "json" => json!("{\"a\":1}"),
        _ => return,
    });
}

fn add_column(dice: &mut Dice, from: &[TableSchema], table: &mut TableSchema) {
    let name = fresh_column(dice, from, table);
    let mut column = column(dice, &name);
    if column.default.is_none() && dice.below(8) != 0 {
        // Else no row that is there could have it.
        column.nullable = true;
    }
    let at = place(dice, table.columns.len() + 1);
    table.columns.insert(at, column);
}

fn drop_column(dice: &mut Dice, table: &mut TableSchema) {
    let at = place(dice, table.columns.len());
    if !table.key.contains(&table.columns[at].name) {
        table.columns.remove(at);
    }
}

fn rename_column(dice: &mut Dice, from: &[TableSchema], table: &mut TableSchema) {
    let new = fresh_column(dice, from, table);
    let at = place(dice, table.columns.len());
    let column = &mut table.columns[at];
    let old = std::mem::replace(&mut column.name, new.clone());
    // The name in the set before, if it is renamed twice.
    column.was.get_or_insert_with(|| old.clone());
    let lists = table.indexes.iter_mut().map(|index| &mut index.columns).chain([&mut table.key]);
    for name in lists.flatten().filter(|name| **name == old) {
        name.clone_from(&new);
    }
}

fn rename_table(dice: &mut Dice, from: &[TableSchema], set: &mut [TableSchema], at: usize) {
    let new = fresh(dice, &TABLES, |name| has_table(from, name) || has_table(set, name));
    let old = std::mem::replace(&mut set[at].table, new.clone());
    set[at].was.get_or_insert_with(|| old.clone());
    for column in set.iter_mut().flat_map(|table| &mut table.columns) {
        if column.parent.as_ref() == Some(&old) {
            column.parent = Some(new.clone());
        }
    }
}

/// To a kind that values are kept in, mostly.
fn near_kind(dice: &mut Dice, table: &mut TableSchema) {
    let at = place(dice, table.columns.len());
    let key = table.key.contains(&table.columns[at].name);
    let column = &mut table.columns[at];
    let to: &[&str] = match column.kind.as_str() {
        "bool" => &["i16", "i64", "text"],
        "i16" | "i32" | "i64" => &["i16", "i32", "i64", "i64", "decimal", "text", "bool"],
        "decimal" => &["decimal", "decimal", "i64", "text"],
        "timestamp" => &["timestamp_ns", "date", "text"],
        "timestamp_ns" => &["timestamp", "text"],
        "date" => &["timestamp", "text"],
        "text" => &["text", "i64", "i32", "uuid", "json"],
        _ => &["text"],
    };
    let kind = *dice.one(to);
    if key && !KEY_KINDS.contains(&kind) {
        return;
    }
    set_kind(dice, column, kind);
    if kind == "text" && dice.below(4) != 0 {
        (column.max, column.labels, column.closed, column.default) =
            (None, Vec::new(), false, None);
    }
    if kind == "decimal" && dice.below(2) == 0 {
        (column.precision, column.scale, column.default) = (Some(28), Some(6), None);
    }
}

fn any_kind(dice: &mut Dice, table: &mut TableSchema) {
    let at = place(dice, table.columns.len());
    let key = table.key.contains(&table.columns[at].name);
    let kind = *if key { dice.one(&KEY_KINDS) } else { dice.one(&KINDS) };
    let column = &mut table.columns[at];
    // PostgreSQL keeps both as whole numbers of one type, and reads one as the other.
    let number = |kind: &str| matches!(kind, "bool" | "i16" | "i32" | "i64" | "f64" | "decimal");
    let moment = |kind: &str| kind == "timestamp_ns";
    if number(&column.kind) && moment(kind) || moment(&column.kind) && number(kind) {
        return;
    }
    set_kind(dice, column, kind);
}

fn nullability(dice: &mut Dice, table: &mut TableSchema) {
    let at = place(dice, table.columns.len());
    table.columns[at].nullable ^= true;
}

fn column_default(dice: &mut Dice, table: &mut TableSchema) {
    let at = place(dice, table.columns.len());
    let column = &mut table.columns[at];
    if column.default.take().is_none() || dice.below(2) == 0 {
        set_default(dice, column);
    }
}

/// Another limit of a text, or other words of an enum.
fn limits(dice: &mut Dice, table: &mut TableSchema) {
    for column in table.columns.iter_mut().filter(|column| column.kind == "text") {
        if column.labels.is_empty() {
            column.max = dice.maybe(|d| *d.one(&[4, 8, 20, 40]));
        } else {
            let count = 1 + place(dice, LABELS.len());
            column.labels = LABELS[..count].iter().map(|&label| label.to_owned()).collect();
            column.closed = dice.below(2) == 0;
        }
        column.default = None;
    }
}

fn add_index(dice: &mut Dice, table: &mut TableSchema) {
    let unique = dice.below(3) == 0;
    let at = place(dice, table.columns.len());
    if dice.below(2) == 0 {
        let role = if unique { "unique" } else { "index" };
        table.columns[at].roles.push(role.to_owned());
        return;
    }
    let mut columns: Vec<String> = Vec::new();
    for _ in 0..=dice.below(3) {
        let name = &dice.one(&table.columns).name;
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let index = json!({ "columns": columns, "unique": unique });
    table.indexes.push(serde_json::from_value::<IndexSchema>(index).unwrap());
}

fn drop_index(dice: &mut Dice, table: &mut TableSchema) {
    if !table.indexes.is_empty() && dice.below(2) == 0 {
        table.indexes.pop();
        return;
    }
    let indexed = |role: &String| role == "index" || role == "unique";
    if let Some(column) = table.columns.iter_mut().find(|c| c.roles.iter().any(indexed)) {
        column.roles.retain(|role| !indexed(role));
    }
}

/// A new column that points to a table, perhaps its own.
fn reference(dice: &mut Dice, set: &mut [TableSchema]) {
    let (child, parent) = (place(dice, set.len()), place(dice, set.len()));
    let [key] = set[parent].key.as_slice() else { return };
    let mut column = column_of(&set[parent], key).unwrap().clone();
    column.parent = Some(set[parent].table.clone());
    column.on_delete = Some((*dice.one(&["restrict", "cascade", "set_null"])).to_owned());
    column.nullable = dice.below(3) != 0;
    (column.was, column.default) = (None, None);
    column.roles = if dice.below(2) == 0 { vec!["index".to_owned()] } else { Vec::new() };
    column.name = fresh_column(dice, &[], &set[child]);
    let at = place(dice, set[child].columns.len() + 1);
    set[child].columns.insert(at, column);
}

fn change_reference(dice: &mut Dice, table: &mut TableSchema) {
    for column in table.columns.iter_mut().filter(|column| column.parent.is_some()) {
        if dice.below(3) == 0 {
            (column.parent, column.on_delete) = (None, None);
        } else {
            let word = dice.one(&["restrict", "cascade", "set_null"]);
            column.on_delete = Some((*word).to_owned());
        }
    }
}

/// Another key: its columns in another order, one more, or one less.
fn key(dice: &mut Dice, table: &mut TableSchema) {
    match dice.below(3) {
        0 => table.key.reverse(),
        1 if table.key.len() > 1 => _ = table.key.pop(),
        _ => {
            let column = dice.one(&table.columns);
            let good = KEY_KINDS.contains(&column.kind.as_str());
            if good && !table.key.contains(&column.name) {
                let name = column.name.clone();
                table.key.push(name);
            }
        }
    }
}

pub fn column_of<'t>(table: &'t TableSchema, name: &str) -> Option<&'t ColumnSchema> {
    table.columns.iter().find(|column| column.name == name)
}

fn has_table(set: &[TableSchema], name: &str) -> bool {
    set.iter().any(|table| table.table == name)
}

/// A name of a column that neither the table has nor the one it was made from.
fn fresh_column(dice: &mut Dice, from: &[TableSchema], table: &TableSchema) -> String {
    let before = from.iter().find(|t| Some(&t.table) == table.was.as_ref().or(Some(&table.table)));
    let taken = |name: &str| {
        column_of(table, name).is_some() || before.is_some_and(|t| column_of(t, name).is_some())
    };
    fresh(dice, &COLUMNS, taken)
}

fn fresh(dice: &mut Dice, words: &[&str], taken: impl Fn(&str) -> bool) -> String {
    let word = *dice.one(words);
    let numbered = (2..).map(|n| format!("{word}_{n}"));
    std::iter::once(word.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap()
}

fn place(dice: &mut Dice, len: usize) -> usize {
    usize::try_from(dice.below(len as u64)).unwrap()
}
