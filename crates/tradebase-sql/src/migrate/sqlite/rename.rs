//! What bears another name, and the statements that give it.

use std::collections::{BTreeMap, BTreeSet};

use tradebase_core::{Code, Error, Result};

use super::aside::Aside;
use super::pieces::Pieces;
use crate::migrate::shape::{Shape, TriggerShape};
use crate::migrate::wanted::Renames;
use crate::naming::quoted;

/// Which table of the first shape becomes which of the second.
#[derive(Debug)]
pub(super) struct Sources {
    /// The old name by the new one, for those that stay.
    tables: BTreeMap<String, String>,
    renames: Renames,
}

impl Sources {
    pub(super) fn of(from: &Shape, to: &Shape, renames: &Renames) -> Self {
        let there = |old: &&String| from.tables.contains_key(*old);
        let mut tables = BTreeMap::new();
        for new in to.tables.keys() {
            if let Some(old) = renames.tables.get(new).filter(there) {
                tables.insert(new.clone(), old.clone());
            }
        }
        for new in to.tables.keys().filter(|new| from.tables.contains_key(*new)) {
            if !tables.contains_key(new) && !tables.values().any(|old| old == new) {
                tables.insert(new.clone(), new.clone());
            }
        }
        Self { tables, renames: renames.clone() }
    }

    /// Whether anything gets another name.
    pub(super) fn rename(&self) -> bool {
        self.tables.iter().any(|(new, old)| new != old) || !self.renames.columns.is_empty()
    }

    /// The name that a table had.
    pub(super) fn old(&self, new: &str) -> Option<&str> {
        self.tables.get(new).map(String::as_str)
    }

    /// The name that a table gets.
    pub(super) fn becomes(&self, old: &str) -> Option<&str> {
        self.tables.iter().find(|(_, have)| *have == old).map(|(new, _)| new.as_str())
    }

    /// The name that a column had.
    pub(super) fn old_column<'a>(&'a self, table: &str, new: &'a str) -> &'a str {
        let place = (table.to_owned(), new.to_owned());
        self.renames.columns.get(&place).map_or(new, String::as_str)
    }

    /// The statements that rename, and where columns went that stood in the way: the new place by
    /// table, with their former name.
    pub(super) fn statements(&self, from: &Shape, to: &Shape) -> Result<(Vec<String>, Moved)> {
        let mut statements = self.of_tables()?;
        let mut moved = Moved::new();
        for (new, old) in &self.tables {
            let (Some(table), Some(wanted)) = (from.tables.get(old), to.tables.get(new)) else {
                continue;
            };
            let mut have: Vec<_> = table.columns.iter().map(|c| c.name.clone()).collect();
            let named = |name: &String| wanted.column(name).is_some();
            let mut todo: Vec<(String, String)> = Vec::new();
            for ((_, column), was) in self.renames.columns.iter().filter(|((t, _), _)| t == new) {
                if named(column) && have.contains(was) && column != was {
                    todo.push((was.clone(), column.clone()));
                }
            }
            let alter = |was: &str, name: &str| {
                let (table, was, name) = (quoted(new), quoted(was), quoted(name));
                format!("ALTER TABLE {table} RENAME COLUMN {was} TO {name};")
            };
            while !todo.is_empty() {
                let free = todo.iter().position(|(_, name)| !have.contains(name));
                if let Some(at) = free {
                    let (was, name) = todo.remove(at);
                    statements.push(alter(&was, &name));
                    have.iter_mut().filter(|c| **c == was).for_each(|c| c.clone_from(&name));
                } else if let Some((_, name)) = todo.first().cloned() {
                    let taken = |spare: &str| {
                        let wanted = wanted.columns.iter().map(|column| &column.name);
                        have.iter().chain(wanted).any(|name| name.eq_ignore_ascii_case(spare))
                    };
                    let spare = spare(&format!("{name}__gone"), taken);
                    statements.push(alter(&name, &spare));
                    have.iter_mut().filter(|c| **c == name).for_each(|c| c.clone_from(&spare));
                    match todo.iter_mut().find(|(was, _)| *was == name) {
                        Some((was, _)) => *was = spare,
                        None => drop(moved.insert((new.clone(), spare), name)),
                    }
                }
            }
        }
        Ok((statements, moved))
    }

    fn of_tables(&self) -> Result<Vec<String>> {
        let mut todo: Vec<_> = self.tables.iter().filter(|(new, old)| new != old).collect();
        let mut statements = Vec::new();
        while !todo.is_empty() {
            let taken = |name: &String| todo.iter().any(|(_, old)| *old == name);
            let Some(at) = todo.iter().position(|(new, _)| !taken(new)) else {
                let message = "tables cannot take each other's names in one step";
                return Err(Error::new(Code::Unsupported, message));
            };
            let (new, old) = todo.remove(at);
            statements.push(format!("ALTER TABLE {} RENAME TO {};", quoted(old), quoted(new)));
        }
        Ok(statements)
    }
}

/// What is taken away for as long as something gets another name.
#[derive(Debug, Default)]
pub(super) struct InTheWay<'s> {
    pub(super) views: BTreeSet<&'s str>,
    /// Triggers that find something missing as it is.
    triggers: BTreeSet<String>,
}

impl<'s> InTheWay<'s> {
    /// The views that go, become others, are out of order, or read such a view, and the triggers
    /// that are out of order: the engine renames nothing as long as a view or trigger finds
    /// something missing. The query of a wide decimal is one that it does not follow either.
    pub(super) fn of(from: &'s Shape, to: &Shape) -> Result<Self> {
        let aside = Aside::of(from)?;
        let left_out = |name: &&String| aside.left_out.contains(*name);
        let views = views_in_the_way(from, to, from.views.keys().filter(left_out))?;
        let faults = aside.faults()?.into_keys();
        let triggers = faults.filter_map(|what| what.strip_prefix("trigger ").map(str::to_owned));
        Ok(Self { views, triggers: triggers.collect() })
    }

    /// Whether the engine would stumble over a trigger.
    pub(super) fn has(&self, trigger: &TriggerShape) -> Result<bool> {
        Ok(self.triggers.contains(&trigger.name) || mentions(&trigger.text, &self.views)?)
    }
}

fn views_in_the_way<'s>(
    from: &'s Shape,
    to: &Shape,
    missing: impl Iterator<Item = &'s String>,
) -> Result<BTreeSet<&'s str>> {
    let changed = from.views.iter().filter(|(name, text)| to.views.get(*name) != Some(*text));
    let mut found: BTreeSet<&str> = changed.map(|(name, _)| name.as_str()).collect();
    found.extend(missing.map(String::as_str));
    loop {
        let before = found.len();
        for (name, text) in &from.views {
            if mentions(text, &found)? {
                found.insert(name);
            }
        }
        if found.len() == before {
            return Ok(found);
        }
    }
}

/// Whether a statement mentions one of these names.
fn mentions(text: &str, names: &BTreeSet<&str>) -> Result<bool> {
    let mut pieces = Pieces::of(text)?;
    while let Some(piece) = pieces.next() {
        let name = piece.name().unwrap_or_default();
        if names.iter().any(|one| one.eq_ignore_ascii_case(&name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Former names by the table and column where they are now.
pub(super) type Moved = BTreeMap<(String, String), String>;

/// A name like this one that is not taken.
pub(super) fn spare(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = name.to_owned();
    while taken(&name) {
        name.push('_');
    }
    name
}
