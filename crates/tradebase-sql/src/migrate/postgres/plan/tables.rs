//! Tables that come, go and get another name.

use super::super::super::shape::{PartShape, Storage, TableShape};
use super::columns;
use super::pair::{Pair, Ways};
use super::script::{Phase, Script};
use super::texts::{
    alter, check_line, column_line, index_statement, is_constraint, key_line, named, sequence,
    with_ending,
};
use crate::naming::quoted;

/// Drops a table.
pub(super) fn dropped(script: &mut Script, ways: &Ways<'_>, name: &str, table: &TableShape) {
    for reference in &table.references {
        // So the order in which tables go does not matter, nor what becomes of the parent's key.
        let parent = &reference.parent;
        if parent != name && ways.from.tables.contains_key(parent) {
            let constraint = quoted(named(reference.name.as_ref()));
            let drop = format!("{} DROP CONSTRAINT {constraint}", alter(name));
            script.add(Phase::DropReference, drop);
        }
    }
    let drop = format!("DROP TABLE {}", quoted(name));
    script.lose(Phase::DropTable, (name, None), "the table is dropped", &drop);
}

/// Creates a table with all but its references: those come last, because two tables may point to
/// each other.
pub(super) fn created(script: &mut Script, name: &str, table: &TableShape) {
    whole(script, name, table);
    rest(script, name, table);
    for trigger in &table.triggers {
        script.add(Phase::Trigger, trigger.text.clone());
    }
}

/// The table with its key, checks and parts.
pub(super) fn whole(script: &mut Script, name: &str, table: &TableShape) {
    for column in &table.columns {
        if let Some(sequence) = sequence(column.default.as_deref()) {
            script.add(Phase::Table, format!("CREATE SEQUENCE IF NOT EXISTS {sequence}"));
        }
    }
    let mut lines: Vec<_> = table.columns.iter().map(column_line).collect();
    lines.extend(table.key.as_ref().map(key_line));
    lines.extend(table.checks.iter().filter(|check| check.validated).map(check_line));
    let storage = match &table.storage {
        Storage::Parts { column } => format!(" PARTITION BY RANGE ({})", quoted(column)),
        Storage::Other(text) => format!(" {text}"),
        _ => String::new(),
    };
    let lines = lines.join(",\n  ");
    script.add(Phase::Table, format!("CREATE TABLE {} (\n  {lines}\n){storage}", quoted(name)));
    for part in parts(table) {
        let head = format!("CREATE TABLE {} PARTITION OF", quoted(&part.name));
        script.add(Phase::Table, format!("{head} {} {}", quoted(name), part.bounds));
    }
    for column in &table.columns {
        columns::owned(script, name, column);
    }
}

/// The parts that a new table has: the default one alone, if it has one. Which others there are
/// changes with time, and those of a time that is over may be kept as tables of their own, which
/// have the names still. For the same reason parts of a table that stays are left alone.
fn parts(table: &TableShape) -> impl Iterator<Item = &PartShape> {
    let is_default = |part: &PartShape| part.bounds == "DEFAULT";
    let by_time = matches!(table.storage, Storage::Parts { .. });
    let default_only = by_time && table.parts.iter().any(is_default);
    table.parts.iter().filter(move |part| !default_only || is_default(part))
}

/// What is made once the rows are there: indexes, and checks that rows need not keep to.
pub(super) fn rest(script: &mut Script, name: &str, table: &TableShape) {
    for check in table.checks.iter().filter(|check| !check.validated) {
        let add = format!("{} ADD {} NOT VALID", alter(name), check_line(check));
        script.add(Phase::Constraint, add);
    }
    for index in table.indexes.iter().filter(|index| index.valid) {
        script.makes(&index.name);
        if is_constraint(index) {
            let constraint = quoted(&index.name);
            let add = format!("{} ADD CONSTRAINT {constraint} {}", alter(name), index.text);
            script.add(Phase::Constraint, add);
        } else {
            script.add(Phase::Index, index_statement(index, &index.name, "", name));
        }
    }
}

/// Gives a table and its columns their new names.
pub(super) fn renamed(script: &mut Script, ways: &Ways<'_>, pair: &Pair<'_>) {
    if pair.old != pair.new {
        let mut old = pair.old.to_owned();
        if ways.renamed.contains_key(pair.new) {
            // Another table gives up the name on the same way.
            old = with_ending(pair.old, "__moving");
            let rename = format!("{} RENAME TO {}", alter(pair.old), quoted(&old));
            script.first(Phase::RenameTable, rename);
        }
        let phase = if old == pair.old { Phase::RenameTable } else { Phase::RenameMoved };
        script.add(phase, format!("{} RENAME TO {}", alter(&old), quoted(pair.new)));
    }
    let head = format!("{} RENAME COLUMN", alter(pair.new));
    let moves = |new: &str| pair.renamed.contains_key(new);
    for (old, _) in pair.renamed.iter().filter(|(_, new)| moves(new)) {
        let between = quoted(&with_ending(old, "__moving"));
        script.add(Phase::RenameColumn, format!("{head} {} TO {between}", quoted(old)));
    }
    for (old, new) in pair.renamed.iter().filter(|(_, new)| !moves(new)) {
        script.add(Phase::RenameColumn, format!("{head} {} TO {}", quoted(old), quoted(new)));
    }
    for (old, new) in pair.renamed.iter().filter(|(_, new)| moves(new)) {
        let between = quoted(&with_ending(old, "__moving"));
        script.add(Phase::RenameColumn, format!("{head} {between} TO {}", quoted(new)));
    }
}
