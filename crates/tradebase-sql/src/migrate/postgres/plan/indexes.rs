//! Indexes of a table that stays: built and dropped beside its readers and writers.
//!
//! Not those of a table of parts. The server builds no index beside the writers of such a table,
//! and to build it part by part a file would have to name the parts, which are others in each
//! database and on each day. So there the writers wait.

use std::collections::BTreeMap;

use super::super::super::shape::{IndexShape, Shape, TableShape};
use super::constraints::matched;
use super::pair::{Pair, Ways};
use super::script::{Asks, Guard, Phase, Script};
use super::texts::{
    alter, index_statement, is_constraint, mentions, plain_columns, same, with_ending,
};
use crate::naming::quoted;

/// Stands in front of the name of an index that is built beside the writers.
const BESIDE: &str = "CONCURRENTLY IF NOT EXISTS ";

/// Makes the indexes what they are to be.
pub(super) fn changed(script: &mut Script, ways: &Ways<'_>, pair: &Pair<'_>) {
    let kept = kept(pair);
    for new in pair.to.indexes.iter().filter(|index| index.valid) {
        match kept.get(new.name.as_str()) {
            Some(old) => renamed(script, pair, old, new),
            None => made(script, ways, pair, new),
        }
    }
    for old in &pair.from.indexes {
        let is_kept = kept.values().any(|kept| kept.name == old.name);
        // What gets another one of its name is dropped with the making of that.
        let is_replaced = pair
            .to
            .indexes
            .iter()
            .any(|new| new.valid && new.name == old.name && is_beside(ways, pair, old, new));
        if !is_kept && !is_replaced {
            dropped(script, ways, pair, old);
        }
    }
}

/// The indexes that stay, by their new names.
fn kept<'p>(pair: &Pair<'p>) -> BTreeMap<&'p str, &'p IndexShape> {
    let gone = pair.gone();
    let is_same = |old: &IndexShape, new: &IndexShape| {
        (old.valid && new.valid)
            && (old.unique, is_constraint(old)) == (new.unique, is_constraint(new))
            && same(&old.text, &new.text, &pair.renamed)
            && !mentions(&old.text, &gone)
    };
    matched(&pair.from.indexes, &pair.to.indexes, |index| &index.name, is_same)
}

/// Whether an index goes that references to these columns may stand on: the server takes any
/// unique one for it.
pub(super) fn loses_ground(pair: &Pair<'_>, columns: &[String]) -> bool {
    let kept = kept(pair);
    let gone = |old: &&IndexShape| !kept.values().any(|kept| kept.name == old.name);
    pair.from.indexes.iter().filter(gone).any(|old| is_ground(old, columns))
}

/// Whether a reference to these columns can stand on the index.
fn is_ground(index: &IndexShape, columns: &[String]) -> bool {
    let own = plain_columns(&index.text).filter(|own| index.unique && own.len() == columns.len());
    own.is_some_and(|own| columns.iter().all(|column| own.contains(column)))
}

/// Whether references stand on the index, or may: then it is made and dropped between them.
fn is_pointed_at(shape: &Shape, table: &str, index: &IndexShape) -> bool {
    let references = shape.tables.values().flat_map(|table| &table.references);
    let mut here = references.filter(|reference| reference.parent == table);
    here.any(|reference| is_ground(index, &reference.parent_columns))
}

/// Whether something of another table, or the key of this one, is to have that name. It must be
/// free before that is built: where the name is taken, nothing is built beside the writers.
fn is_taken(ways: &Ways<'_>, pair: &Pair<'_>, name: &str) -> bool {
    let key = |table: &TableShape| {
        table.key.as_ref().and_then(|key| key.name.as_deref()).is_some_and(|key| key == name)
    };
    ways.to.tables.contains_key(name)
        || ways.to.views.contains_key(name)
        || ways.to.tables.iter().any(|(of, table)| {
            let elsewhere = of != pair.new && table.indexes.iter().any(|index| index.name == name);
            elsewhere || key(table)
        })
}

fn renamed(script: &mut Script, pair: &Pair<'_>, old: &IndexShape, new: &IndexShape) {
    let head = match is_constraint(old) {
        true => format!("{} RENAME CONSTRAINT", alter(pair.new)),
        false => "ALTER INDEX".to_owned(),
    };
    script.rename(&head, &old.name, &new.name);
}

/// Whether an index is replaced beside the writers.
fn is_beside(ways: &Ways<'_>, pair: &Pair<'_>, old: &IndexShape, new: &IndexShape) -> bool {
    !pair.is_cut()
        && !is_pointed_at(ways.from, pair.old, old)
        && !is_pointed_at(ways.to, pair.new, old)
        && !is_needed(ways, pair, new)
        && !is_constraint(old)
        && !is_constraint(new)
        && !mentions(&old.text, &pair.touched())
}

/// Whether references are to stand on the index, and have no key to stand on.
fn is_needed(ways: &Ways<'_>, pair: &Pair<'_>, new: &IndexShape) -> bool {
    let key = pair.to.key.as_ref().is_some_and(|key| is_ground(new, &key.columns));
    !key && is_pointed_at(ways.to, pair.new, new)
}

fn made(script: &mut Script, ways: &Ways<'_>, pair: &Pair<'_>, new: &IndexShape) {
    let comment = "writers wait while the index is built";
    if is_constraint(new) {
        let constraint = quoted(&new.name);
        let add = format!("{} ADD CONSTRAINT {constraint} {}", alter(pair.new), new.text);
        script.explain(Phase::Constraint, comment, &add);
        return;
    }
    if pair.is_cut() || is_needed(ways, pair, new) {
        let create = index_statement(new, &new.name, "", pair.new);
        script.explain(Phase::Index, comment, &create);
        return;
    }
    let old = pair.from.indexes.iter().find(|old| old.name == new.name);
    let index = quoted(&new.name);
    match old.filter(|old| is_beside(ways, pair, old, new)) {
        // Of an interrupted building: it is not used.
        Some(old) if !old.valid => {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
            script.add(Phase::BuildIndex, drop);
            script.add(Phase::BuildIndex, index_statement(new, &new.name, BESIDE, pair.new));
        }
        // The old one serves until the new one does.
        Some(_) => {
            let aside = with_ending(&new.name, "__new");
            script.add(Phase::BuildIndex, index_statement(new, &aside, BESIDE, pair.new));
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
            script.add(Phase::BuildIndex, drop);
            let rename = format!("ALTER INDEX IF EXISTS {} RENAME TO {index}", quoted(&aside));
            script.add(Phase::BuildIndex, rename);
        }
        None => {
            script.add(Phase::BuildIndex, index_statement(new, &new.name, BESIDE, pair.new));
        }
    }
    let columns = plain_columns(&new.text).filter(|_| new.unique);
    if let Some(columns) = columns {
        let says = format!(
            "rows of {} are equal in {}, which is to be unique",
            pair.new,
            columns.join(", ")
        );
        let table = pair.new.to_owned();
        script.guard(Guard { table, asks: Asks::Unique(columns), says, code: "23505" });
    }
}

fn dropped(script: &mut Script, ways: &Ways<'_>, pair: &Pair<'_>, old: &IndexShape) {
    let index = quoted(&old.name);
    if is_constraint(old) {
        let drop = format!("{} DROP CONSTRAINT {index}", alter(pair.old));
        script.add(Phase::DropConstraint, drop);
        return;
    }
    // With a column that goes or changes, all others wait in any case.
    let at_once =
        pair.is_cut()
            || mentions(&old.text, &pair.touched())
            || script.is_made(&old.name)
            || is_taken(ways, pair, &old.name)
            || is_pointed_at(ways.from, pair.old, old)
            || is_pointed_at(ways.to, pair.new, old)
            || pair.to.indexes.iter().any(|new| {
                new.name == old.name && (is_constraint(new) || is_needed(ways, pair, new))
            });
    if at_once {
        script.add(Phase::DropIndex, format!("DROP INDEX {index}"));
    } else {
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
        script.add(Phase::BuildIndex, drop);
    }
}
