//! Making random schemas such that a record could say them.

use tradebase_core::schema::{ColumnSchema, TableSchema};

use super::generate::{KEY_KINDS, column_of};

/// References that follow each other at most: kinds go from key to key.
const HOPS: usize = 8;

/// The set, with what no record could say taken out.
pub fn repaired(mut set: Vec<TableSchema>) -> Vec<TableSchema> {
    for table in &mut set {
        keys(table);
        indexes(table);
    }
    for _ in 0..HOPS {
        references(&mut set);
    }
    drop_unlike(&mut set);
    for column in set.iter_mut().flat_map(|table| &mut table.columns) {
        if column.on_delete.as_deref() == Some("set_null") && !column.nullable {
            column.on_delete = Some("restrict".to_owned());
        }
        if column.parent.is_none() {
            column.on_delete = None;
        }
    }
    set
}

fn keys(table: &mut TableSchema) {
    let TableSchema { columns, key, .. } = table;
    key.retain(|name| columns.iter().any(|column| column.name == *name));
    if key.is_empty() {
        key.push(columns[0].name.clone());
    }
    let mut hinted = Vec::new();
    for column in columns.iter_mut() {
        let is_key = key.contains(&column.name);
        column.roles.retain(|role| role != "key");
        if is_key {
            column.nullable = false;
            column.roles.push("key".to_owned());
            if !KEY_KINDS.contains(&column.kind.as_str()) {
                plain(column, "i64");
            }
        }
        let alone = is_key && key.len() == 1 && column.kind == "i64" && column.parent.is_none();
        if !alone {
            column.roles.retain(|role| role != "assigned");
        }
        if column.roles.contains(&"assigned".to_owned()) {
            column.default = None;
        }
        column.roles.sort();
        column.roles.dedup();
        if column.was.as_ref() == Some(&column.name) || hinted.contains(&column.was) {
            column.was = None;
        }
        hinted.extend(column.was.is_some().then(|| column.was.clone()));
    }
}

fn plain(column: &mut ColumnSchema, kind: &str) {
    column.kind = kind.to_owned();
    (column.precision, column.scale, column.max, column.default) = (None, None, None, None);
    (column.labels, column.closed) = (Vec::new(), false);
}

fn indexes(table: &mut TableSchema) {
    let TableSchema { columns, indexes, .. } = table;
    let there = |name: &String| columns.iter().any(|column| column.name == *name);
    indexes.retain(|index| index.columns.iter().all(there));
    let mut seen: Vec<Vec<String>> = Vec::new();
    indexes.retain(|index| {
        let new = !seen.contains(&index.columns);
        seen.push(index.columns.clone());
        new
    });
}

/// Each reference is to a key of one column, and of its kind. One to a table that is filled later
/// may be null.
fn references(set: &mut [TableSchema]) {
    let before = set.to_vec();
    for (at, table) in set.iter_mut().enumerate() {
        for column in &mut table.columns {
            let Some(name) = &column.parent else { continue };
            let parent = before.iter().position(|table| table.table == *name);
            let key = parent.and_then(|parent| match before[parent].key.as_slice() {
                [key] => Some((parent, column_of(&before[parent], key)?)),
                _ => None,
            });
            let is_key = table.key.contains(&column.name);
            match key {
                Some((parent, key)) if parent < at || !is_key => {
                    if !alike(column, key) {
                        plain(column, &key.kind);
                        (column.precision, column.scale) = (key.precision, key.scale);
                    }
                    column.default = None;
                    column.nullable |= parent >= at;
                }
                _ => column.parent = None,
            }
        }
    }
}

fn drop_unlike(set: &mut [TableSchema]) {
    let before = set.to_vec();
    for column in set.iter_mut().flat_map(|table| &mut table.columns) {
        let parent = before.iter().find(|table| Some(&table.table) == column.parent.as_ref());
        let key = parent.and_then(|parent| column_of(parent, &parent.key[0]));
        if key.is_none_or(|key| !alike(column, key)) {
            column.parent = None;
        }
    }
}

fn alike(a: &ColumnSchema, b: &ColumnSchema) -> bool {
    (&a.kind, a.precision, a.scale) == (&b.kind, b.precision, b.scale)
}
