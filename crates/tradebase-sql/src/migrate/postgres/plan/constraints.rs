//! Checks and references.

use std::collections::BTreeMap;

use super::super::super::shape::{CheckShape, ReferenceShape};
use super::pair::{Pair, Ways};
use super::script::{Asks, Guard, Phase, Script};
use super::texts::{Renamed, alter, check_line, list, mentions, named, reference_line, same};
use super::{indexes, keys};
use crate::naming::quoted;

/// Makes the checks of a table that stays what they are to be.
pub(super) fn checks(script: &mut Script, pair: &Pair<'_>) {
    let touched = pair.touched();
    let is_same = |old: &CheckShape, new: &CheckShape| {
        same(&old.text, &new.text, &pair.renamed)
            && old.validated <= new.validated
            && !mentions(&old.text, &touched)
    };
    let matched = matched(&pair.from.checks, &pair.to.checks, |c| named(c.name.as_ref()), is_same);
    for old in &pair.from.checks {
        if !matched.values().any(|kept| kept.name == old.name) {
            let name = quoted(named(old.name.as_ref()));
            let drop = format!("{} DROP CONSTRAINT {name}", alter(pair.old));
            script.add(Phase::DropConstraint, drop);
        }
    }
    for new in &pair.to.checks {
        let name = named(new.name.as_ref());
        let waits = match matched.get(name) {
            Some(old) => {
                rename(script, pair.new, named(old.name.as_ref()), name);
                new.validated && !old.validated
            }
            None => {
                let add = format!("{} ADD {} NOT VALID", alter(pair.new), check_line(new));
                script.add(Phase::Constraint, add);
                new.validated
            }
        };
        if waits {
            validated(script, pair.new, name);
            script.guard(Guard {
                table: pair.new.to_owned(),
                asks: Asks::None(format!("NOT ({})", new.text)),
                says: format!("rows of {} break the check that is to be: {name}", pair.new),
                code: "23514",
            });
        }
    }
}

/// Which of those that were becomes which that is to be, by the name of that: the one of its name
/// if that is the same, else one of another name that is the same.
pub(super) fn matched<'n, T>(
    old: &'n [T],
    new: &'n [T],
    name: impl Fn(&'n T) -> &'n str,
    is_same: impl Fn(&T, &T) -> bool,
) -> BTreeMap<&'n str, &'n T> {
    let mut found: BTreeMap<&str, &T> = BTreeMap::new();
    for to in new {
        if let Some(from) = old.iter().find(|from| name(from) == name(to) && is_same(from, to)) {
            found.insert(name(to), from);
        }
    }
    for to in new {
        // A name that is taken must be free before another one can have it.
        if old.iter().any(|from| name(from) == name(to)) {
            continue;
        }
        let free = old.iter().find(|from| {
            !new.iter().any(|other| name(other) == name(from))
                && !found.values().any(|taken| name(taken) == name(from))
                && is_same(from, to)
        });
        if let Some(from) = free {
            found.insert(name(to), from);
        }
    }
    found
}

fn rename(script: &mut Script, table: &str, old: &str, new: &str) {
    script.rename(&format!("{} RENAME CONSTRAINT", alter(table)), old, new);
}

fn validated(script: &mut Script, table: &str, constraint: &str) {
    let validate = format!("{} VALIDATE CONSTRAINT {}", alter(table), quoted(constraint));
    script.add(Phase::Validate, validate);
}

/// Makes all references what they are to be.
pub(super) fn references(script: &mut Script, ways: &Ways<'_>) {
    for (name, table) in &ways.created {
        for reference in &table.references {
            // The table is empty, so there is nothing to look at.
            added(script, ways, name, reference, reference.validated);
        }
    }
    for pair in &ways.pairs {
        of_pair(script, ways, pair);
    }
}

fn of_pair(script: &mut Script, ways: &Ways<'_>, pair: &Pair<'_>) {
    let is_same = |old: &ReferenceShape, new: &ReferenceShape| stays(ways, pair, old, new);
    let matched = matched(
        &pair.from.references,
        &pair.to.references,
        |reference| named(reference.name.as_ref()),
        is_same,
    );
    for old in &pair.from.references {
        if !matched.values().any(|kept| kept.name == old.name) {
            let constraint = quoted(named(old.name.as_ref()));
            let drop = format!("{} DROP CONSTRAINT {constraint}", alter(pair.old));
            script.add(Phase::DropReference, drop);
        }
    }
    for new in &pair.to.references {
        let name = named(new.name.as_ref());
        let waits = match matched.get(name) {
            Some(old) => {
                rename(script, pair.new, named(old.name.as_ref()), name);
                new.validated && !old.validated
            }
            // The server knows no reference of a table of parts that is yet to be validated.
            None => {
                let at_once = pair.is_cut();
                added(script, ways, pair.new, new, at_once);
                new.validated && !at_once
            }
        };
        if waits {
            validated(script, pair.new, name);
            script.guard(orphans(pair.new, new));
        }
    }
}

fn added(
    script: &mut Script,
    ways: &Ways<'_>,
    table: &str,
    reference: &ReferenceShape,
    at_once: bool,
) {
    let until = if at_once { "" } else { " NOT VALID" };
    let line = reference_line(reference, ways.to);
    script.add(Phase::Reference, format!("{} ADD {line}{until}", alter(table)));
}

/// Whether a reference that was there is what is to be, and nothing under it changes.
fn stays(ways: &Ways<'_>, pair: &Pair<'_>, old: &ReferenceShape, new: &ReferenceShape) -> bool {
    let none = Renamed::new();
    let parent = ways.of_old(&old.parent);
    let parent_renamed = parent.map_or(&none, |parent| &parent.renamed);
    let new_names = |columns: &[String], renamed: &Renamed<'_>| -> Vec<String> {
        let name = |old: &String| renamed.get(old.as_str()).copied().unwrap_or(old).to_owned();
        columns.iter().map(name).collect()
    };
    let new_parent = ways.renamed.get(old.parent.as_str()).copied().unwrap_or(&old.parent);
    let is_touched = |pair: &Pair<'_>, columns: &[String]| {
        let touched = pair.touched();
        pair.rebuilt() || columns.iter().any(|column| touched.contains(&column.as_str()))
    };
    new_parent == new.parent
        && old.actions == new.actions
        && old.validated <= new.validated
        && new_names(&old.columns, &pair.renamed) == new.columns
        && new_names(&old.parent_columns, parent_renamed) == new.parent_columns
        && !is_touched(pair, &old.columns)
        && !parent.is_some_and(|parent| {
            is_touched(parent, &old.parent_columns)
                || !keys::is_kept(parent)
                || indexes::loses_ground(parent, &old.parent_columns)
        })
}

fn orphans(table: &str, reference: &ReferenceShape) -> Guard {
    let columns = reference.columns.iter().map(|column| format!("of.{}", quoted(column)));
    let columns: Vec<_> = columns.collect();
    let parents = reference.parent_columns.iter().map(|c| format!("parent.{}", quoted(c)));
    let same = columns.iter().zip(parents).map(|(a, b)| format!("{a} = {b}"));
    let set = columns.iter().map(|column| format!("{column} IS NOT NULL"));
    let name = named(reference.name.as_ref());
    Guard {
        table: table.to_owned(),
        asks: Asks::Orphans {
            of: set.collect::<Vec<_>>().join(" AND "),
            parent: reference.parent.clone(),
            same: same.collect::<Vec<_>>().join(" AND "),
        },
        says: format!(
            "rows of {table} point to rows of {} that are not there, by {} (the reference {name})",
            reference.parent,
            list(&reference.columns)
        ),
        code: "23503",
    }
}
