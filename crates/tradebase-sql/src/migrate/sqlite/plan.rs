//! The way from one shape to another.

use std::collections::BTreeSet;

use tradebase_core::{Code, Error, Result};

use super::add::additions;
use super::aside::Aside;
use super::carry::triggers_of_view;
use super::catalogue::order;
use super::convert::unsaid;
use super::meaning::readable;
use super::rebuild::{Rebuilt, rebuild};
use super::rename::{InTheWay, Moved, Sources};
use super::write;
use crate::migrate::plan::{Loss, Plan, PlannedFile};
use crate::migrate::shape::{ColumnShape, IndexShape, Shape, TableShape};
use crate::migrate::wanted::Renames;
use crate::naming::quoted;

/// The way from one shape to another: what the second does not have goes. The renames are those
/// that count. The statements are tried aside before they are given out.
pub(in crate::migrate) fn plan(from: &Shape, to: &Shape, renames: &Renames) -> Result<Plan> {
    let mut to = to.clone();
    to.tables.values_mut().for_each(order);
    let sources = Sources::of(from, &to, renames);
    let mut steps = Steps { names: names(from, &to), ..Steps::default() };
    let changed = from.views.iter().filter(|(name, text)| to.views.get(*name) != Some(text));
    let mut dropped = InTheWay::default();
    if sources.rename() {
        dropped = InTheWay::of(from, &to)?;
    }
    dropped.views.extend(changed.map(|(name, _)| name.as_str()));
    steps.clear(from, &to, &sources, &dropped)?;
    let (renaming, moved) = sources.statements(from, &to)?;
    steps.add("", renaming);
    let after = steps.so_far(from, &sources)?;
    for (name, table) in &to.tables {
        steps.table(name, after.tables.get(name), table, &to, &moved)?;
    }
    steps.triggers(&after, &to);
    let stays =
        |name: &String| from.views.contains_key(name) && !dropped.views.contains(name.as_str());
    let views = to.views.iter().filter(|(name, _)| !stays(name));
    steps.add("", views.map(|(name, text)| write::view(name, text)).collect());
    steps.prove(from, &to)?;
    let Steps { sql, losses, notes, .. } = steps;
    let file = PlannedFile { transactional: true, sql };
    let files = if file.sql.is_empty() { Vec::new() } else { vec![file] };
    Ok(Plan { files, losses, notes })
}

/// What has been planned so far.
#[derive(Debug, Default)]
struct Steps {
    sql: String,
    losses: Vec<Loss>,
    notes: Vec<String>,
    /// The tables whose triggers went with their former selves.
    rebuilt: Vec<String>,
    /// All names that are taken, before or behind, in small letters.
    names: BTreeSet<String>,
}

impl Steps {
    fn add(&mut self, comment: &str, statements: Vec<String>) {
        if statements.is_empty() {
            return;
        }
        if !self.sql.is_empty() {
            self.sql.push('\n');
        }
        self.sql.push_str(comment);
        for statement in statements {
            self.sql.push_str(&statement);
            self.sql.push('\n');
        }
    }

    /// Takes away what is not wanted, or not as it is.
    fn clear(
        &mut self,
        from: &Shape,
        to: &Shape,
        sources: &Sources,
        in_the_way: &InTheWay<'_>,
    ) -> Result<()> {
        let drops =
            in_the_way.views.iter().map(|name| format!("DROP VIEW IF EXISTS {};", quoted(name)));
        let mut drops: Vec<_> = drops.collect();
        for (name, table) in &from.tables {
            let Some(wanted) = sources.becomes(name).and_then(|new| to.tables.get(new)) else {
                continue;
            };
            for trigger in &table.triggers {
                let stumbles = sources.rename() && in_the_way.has(trigger)?;
                if stumbles || !wanted.triggers.contains(trigger) {
                    drops.push(format!("DROP TRIGGER {};", quoted(&trigger.name)));
                }
            }
            let gone = |index: &&IndexShape| {
                !index.name.is_empty() && !wanted.indexes.iter().any(|i| i.name == index.name)
            };
            for index in table.indexes.iter().filter(gone) {
                drops.push(format!("DROP INDEX {};", quoted(&index.name)));
            }
        }
        self.add("", drops);
        let triggers = |text: &String| !triggers_of_view(text).is_empty();
        for name in from.views.iter().filter(|(_, text)| triggers(text)).map(|(name, _)| name) {
            if !to.views.get(name).is_some_and(triggers) {
                let why = "the triggers on the view go with it".to_owned();
                self.losses.push(Loss { table: name.clone(), column: None, why });
            }
        }
        for name in from.tables.keys().filter(|name| sources.becomes(name).is_none()) {
            let why = "the table is dropped".to_owned();
            self.losses.push(Loss { table: name.clone(), column: None, why });
            let comment = format!("-- loses: {}\n", one_line(name));
            self.add(&comment, vec![format!("DROP TABLE {};", quoted(name))]);
        }
        Ok(())
    }

    /// What the statements so far make of the first shape, with what its columns meant.
    fn so_far(&self, from: &Shape, sources: &Sources) -> Result<Shape> {
        let aside = Aside::of(from)?;
        aside.run_all(&self.sql)?;
        let mut after = aside.shape()?;
        for (name, table) in &mut after.tables {
            let old = sources.old(name).and_then(|old| from.tables.get(old));
            for column in &mut table.columns {
                let was = sources.old_column(name, &column.name);
                let was = old.and_then(|old| old.column(was));
                column.meaning = was.and_then(|was| was.meaning.clone());
            }
        }
        Ok(after)
    }

    fn table(
        &mut self,
        name: &str,
        have: Option<&TableShape>,
        want: &TableShape,
        to: &Shape,
        moved: &Moved,
    ) -> Result<()> {
        let Some(have) = have else {
            let mut statements = vec![write::table(name, want)];
            statements.extend(write::indexes(name, want));
            self.add("", statements);
            self.rebuilt.push(name.to_owned());
            return Ok(());
        };
        all_said(name, have, want)?;
        let Some(additions) = additions(name, have, want) else {
            let names = |spare: &str| self.names.contains(&spare.to_ascii_lowercase());
            let Rebuilt { comment, mut statements, losses, notes } =
                rebuild(name, have, want, moved, names);
            if to.beside.counted.contains(name) {
                statements.push(format!("ANALYZE {};", quoted(name)));
            }
            self.losses.extend(losses);
            self.notes.extend(notes);
            self.add(&comment, statements);
            self.rebuilt.push(name.to_owned());
            return Ok(());
        };
        let mut statements = additions;
        for index in want.indexes.iter().filter(|i| !i.name.is_empty()) {
            let same = have.indexes.iter().find(|other| other.name == index.name);
            if same == Some(index) {
                continue;
            }
            if same.is_some() {
                statements.push(format!("DROP INDEX {};", quoted(&index.name)));
            }
            statements.push(write::index(name, index));
        }
        self.add("", statements);
        Ok(())
    }

    /// Creates the triggers that are not there.
    fn triggers(&mut self, after: &Shape, to: &Shape) {
        let mut statements = Vec::new();
        for (name, table) in &to.tables {
            let have = after.tables.get(name).filter(|_| !self.rebuilt.contains(name));
            let have = have.map(|have| have.triggers.as_slice()).unwrap_or_default();
            let missing = table.triggers.iter().filter(|trigger| !have.contains(trigger));
            statements.extend(missing.map(|trigger| write::ended(&trigger.text)));
        }
        self.add("", statements);
    }

    /// Tries aside whether the statements lead where they shall, and whether all views and
    /// triggers work there as they did before.
    fn prove(&self, from: &Shape, to: &Shape) -> Result<()> {
        let aside = Aside::of(from)?;
        let before = aside.faults()?;
        aside.run_all(&self.sql)?;
        let reached = aside.shape()?;
        if let Some(what) = difference(&reached, to, from) {
            let message = format!("the plan does not lead to what is wanted, see {what}");
            return Err(Error::new(Code::Internal, message));
        }
        let faults = aside.faults()?;
        match faults.into_iter().find(|(what, _)| !before.contains_key(what)) {
            None => Ok(()),
            Some((_, why)) => {
                let message = format!(
                    "a view or trigger would not work any more, change or drop it first: {why}"
                );
                Err(Error::new(Code::SchemaMismatch, message))
            }
        }
    }
}

/// The names of whatever has one in a database.
fn names(from: &Shape, to: &Shape) -> BTreeSet<String> {
    let of = |shape: &Shape| {
        let indexes = shape.tables.values().flat_map(|table| &table.indexes);
        let indexes = indexes.map(|index| index.name.to_ascii_lowercase());
        let names =
            shape.tables.keys().chain(shape.views.keys()).chain(shape.beside.modules.keys());
        names.map(|name| name.to_ascii_lowercase()).chain(indexes).collect::<Vec<_>>()
    };
    of(from).into_iter().chain(of(to)).collect()
}

/// Refuses to read a meaning into values that nobody said: it would change them.
fn all_said(name: &str, have: &TableShape, want: &TableShape) -> Result<()> {
    for is in &want.columns {
        let Some(was) = have.column(&is.name).filter(|was| unsaid(was, is)) else { continue };
        let said = |column: &ColumnShape| match &column.meaning {
            Some(meaning) => format!("are {meaning}"),
            None => format!("are {} and nobody said what they mean", column.type_text),
        };
        let message = format!(
            "the values of {name}.{} {} and shall be those that {}: make the view {} that says \
             what they mean, or write this step by hand",
            is.name,
            said(was),
            said(is),
            readable(name)
        );
        return Err(Error::new(Code::SchemaMismatch, message));
    }
    Ok(())
}

/// What two shapes differ in.
fn difference(have: &Shape, want: &Shape, from: &Shape) -> Option<String> {
    let names = have.tables.keys().chain(want.tables.keys());
    let differ = |name: &&String| match (have.tables.get(*name), want.tables.get(*name)) {
        (Some(have), Some(want)) => !same(have, want),
        _ => true,
    };
    if let Some(name) = names.into_iter().find(differ) {
        return Some(format!("the table {name}"));
    }
    // One that was out of order before was not made aside.
    let view = want.views.iter().find(|(name, text)| {
        have.views.get(*name) != Some(text) && from.views.get(*name) != Some(text)
    });
    view.map(|(name, _)| format!("the view {name}"))
}

fn same(have: &TableShape, want: &TableShape) -> bool {
    same_columns(&have.columns, &want.columns)
        && (&have.key, &have.storage) == (&want.key, &want.storage)
        && (&have.checks, &have.references) == (&want.checks, &want.references)
        && (&have.indexes, &have.triggers) == (&want.indexes, &want.triggers)
}

fn same_columns(have: &[ColumnShape], want: &[ColumnShape]) -> bool {
    let same = |have: &ColumnShape| {
        want.iter().any(|want| want.name == have.name && same_column(have, want))
    };
    have.len() == want.len() && have.iter().all(same)
}

/// Whether two columns are the same. What nobody said of one is no difference.
pub(super) fn same_column(have: &ColumnShape, want: &ColumnShape) -> bool {
    let meaning = match (&have.meaning, &want.meaning) {
        (Some(have), Some(want)) => have == want,
        _ => true,
    };
    let have = ColumnShape { meaning: want.meaning.clone(), ..have.clone() };
    meaning && have == *want
}

/// A name that stands in a comment.
pub(super) fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}
