//! Names that differ from those that are wanted by case alone. To SQLite they are the same.

use std::collections::BTreeMap;

use super::pieces::Pieces;
use crate::migrate::shape::{Shape, TableShape};
use crate::migrate::wanted::Renames;
use crate::naming::quoted;

/// New spellings by old ones.
type Spelled = BTreeMap<String, String>;

/// A shape with the names of tables, columns, indexes and views spelled as they are wanted.
pub(in crate::migrate) fn respelled(now: &Shape, wanted: &Shape, renames: &Renames) -> Shape {
    let known: Vec<&String> = wanted.tables.keys().chain(renames.tables.values()).collect();
    let tables = spelled(now.tables.keys(), &known);
    let columns: BTreeMap<&String, Spelled> = now
        .tables
        .iter()
        .map(|(name, table)| (name, columns(name, table, wanted, renames, &tables)))
        .collect();
    let mut shape = Shape { beside: now.beside.clone(), ..Shape::default() };
    shape.beside.counted = now.beside.counted.iter().map(|name| spell(name, &tables)).collect();
    for (name, table) in &now.tables {
        let mut table = table.clone();
        if let Some(columns) = columns.get(name) {
            respell(&mut table, columns);
        }
        for reference in &mut table.references {
            if let Some(columns) = columns.get(&reference.parent) {
                reference.parent_columns.iter_mut().for_each(|column| put(column, columns));
            }
            put(&mut reference.parent, &tables);
        }
        let mut name = name.clone();
        put(&mut name, &tables);
        if let Some(wanted) = wanted.tables.get(&name) {
            let known: Vec<_> = wanted.indexes.iter().map(|index| &index.name).collect();
            let names = spelled(table.indexes.iter().map(|index| &index.name), &known);
            table.indexes.iter_mut().for_each(|index| put(&mut index.name, &names));
        }
        super::catalogue::order(&mut table);
        shape.tables.insert(name, table);
    }
    let known: Vec<_> = wanted.views.keys().collect();
    let views = spelled(now.views.keys(), &known);
    for (name, text) in &now.views {
        let mut name = name.clone();
        put(&mut name, &views);
        shape.views.insert(name, text.clone());
    }
    shape
}

/// A name as it is to be spelled.
fn spell(name: &str, names: &Spelled) -> String {
    names.get(name).map_or(name, String::as_str).to_owned()
}

/// The columns of a table that are to be spelled in another way.
fn columns(
    name: &str,
    table: &TableShape,
    wanted: &Shape,
    renames: &Renames,
    tables: &Spelled,
) -> Spelled {
    let name = tables.get(name).map_or(name, String::as_str);
    let new = renames.tables.iter().find(|(_, old)| *old == name).map(|(new, _)| new.as_str());
    let of = |table: &str| Some(table) == new || table == name;
    let wanted = wanted
        .tables
        .iter()
        .filter(|(table, _)| of(table))
        .flat_map(|(_, table)| table.columns.iter().map(|column| &column.name));
    let was = renames.columns.iter().filter(|((table, _), _)| of(table)).map(|(_, was)| was);
    let known: Vec<_> = wanted.chain(was).collect();
    spelled(table.columns.iter().map(|column| &column.name), &known)
}

/// Those of some names that are known by another spelling alone.
fn spelled<'n>(have: impl Iterator<Item = &'n String>, known: &[&String]) -> Spelled {
    have.filter(|name| !known.contains(name))
        .filter_map(|name| {
            let as_known = known.iter().find(|one| one.eq_ignore_ascii_case(name))?;
            Some((name.clone(), (*as_known).clone()))
        })
        .collect()
}

fn put(name: &mut String, spelled: &Spelled) {
    if let Some(new) = spelled.get(name) {
        name.clone_from(new);
    }
}

fn respell(table: &mut TableShape, columns: &Spelled) {
    if columns.is_empty() {
        return;
    }
    let text = |text: &mut String| *text = replaced(text, columns);
    for column in &mut table.columns {
        put(&mut column.name, columns);
        column.default.iter_mut().for_each(text);
        column.more.iter_mut().for_each(text);
    }
    table.key.iter_mut().flat_map(|key| &mut key.columns).for_each(|name| put(name, columns));
    table.checks.iter_mut().for_each(|check| text(&mut check.text));
    table.indexes.iter_mut().for_each(|index| text(&mut index.text));
    let references = table.references.iter_mut();
    references.flat_map(|reference| &mut reference.columns).for_each(|name| put(name, columns));
}

/// A text in which columns, which are in quotes there, are spelled in another way.
fn replaced(text: &str, columns: &Spelled) -> String {
    let Ok(mut pieces) = Pieces::of(text) else { return text.to_owned() };
    let (mut new, mut done) = (String::new(), 0);
    while let Some(piece) = pieces.next() {
        let name = piece.name().filter(|_| piece.text.starts_with('"'));
        if let Some(name) = name.and_then(|name| columns.get(&name)) {
            new.push_str(text.get(done..piece.at).unwrap_or_default());
            new.push_str(&quoted(name));
            done = piece.at + piece.text.len();
        }
    }
    new + text.get(done..).unwrap_or_default()
}
