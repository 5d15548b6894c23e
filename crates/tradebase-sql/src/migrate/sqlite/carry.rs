//! What stays though no record has it, when something it mentions bears another name.

use tradebase_core::{Code, Error, Result};

use super::aside::Aside;
use super::catalogue::{BEHIND_A_VIEW, order};
use super::rename::{InTheWay, Sources};
use crate::migrate::shape::{Shape, TableShape, TriggerShape};
use crate::migrate::wanted::Renames;

/// The shape to reach, in which triggers, views and what else was taken over from the first shape
/// mention things by their new names. The engine itself writes these texts: it is asked to rename,
/// aside. What is wanted has its new names already, though it may read like something that was
/// there: a column may get the name that another one had.
pub(in crate::migrate) fn carried(
    from: &Shape,
    to: &Shape,
    wanted: &Shape,
    renames: &Renames,
) -> Result<Shape> {
    let mut to = to.clone();
    to.beside = from.beside.clone();
    let sources = Sources::of(from, &to, renames);
    let (statements, _) = sources.statements(from, &to)?;
    if !statements.is_empty() {
        let aside = Aside::of(&without_the_gone(from, &to, &sources)?)?;
        statements.iter().try_for_each(|statement| aside.run(statement))?;
        let after = aside.shape()?;
        for (name, table) in &mut to.tables {
            let old = sources.old(name).and_then(|old| from.tables.get(old));
            let (Some(old), Some(new)) = (old, after.tables.get(name)) else { continue };
            let empty = TableShape::default();
            let wanted = wanted.tables.get(name).unwrap_or(&empty);
            take(&mut table.checks, &wanted.checks, &old.checks, &new.checks);
            take(&mut table.references, &wanted.references, &old.references, &new.references);
            take(&mut table.indexes, &wanted.indexes, &old.indexes, &new.indexes);
            let renamed = sources.old(name) != Some(name);
            take_triggers(&mut table.triggers, &old.triggers, &new.triggers, renamed)?;
        }
        for (name, text) in to.views.iter_mut().filter(|(n, _)| !wanted.views.contains_key(*n)) {
            if let Some(new) = after.views.get(name).filter(|_| from.views.get(name) == Some(text))
            {
                text.clone_from(new);
            }
        }
    }
    for (name, text) in &mut to.views {
        // Triggers are part of no record, so those in place of writing to a view stay too.
        let behind = from.views.get(name).map_or("", |have| triggers_of_view(have));
        if triggers_of_view(text).is_empty() {
            text.push_str(behind);
        }
    }
    to.tables.values_mut().for_each(order);
    Ok(to)
}

/// The triggers that stand behind the text of a view.
pub(super) fn triggers_of_view(text: &str) -> &str {
    text.find(BEHIND_A_VIEW).and_then(|at| text.get(at..)).unwrap_or_default()
}

/// What has a name that something else gets would be in its way, as would what is dropped before
/// anything is renamed.
fn without_the_gone(from: &Shape, to: &Shape, sources: &Sources) -> Result<Shape> {
    let in_the_way = InTheWay::of(from, to)?;
    let mut kept = from.clone();
    kept.tables.retain(|name, _| sources.becomes(name).is_some());
    kept.views.retain(|name, _| !in_the_way.views.contains(name.as_str()));
    for table in kept.tables.values_mut() {
        let mut triggers = Vec::new();
        for trigger in std::mem::take(&mut table.triggers) {
            if !in_the_way.has(&trigger)? {
                triggers.push(trigger);
            }
        }
        table.triggers = triggers;
    }
    Ok(kept)
}

/// Puts what triggers became in the place of what they were. One that reads a readable view is not
/// among them: the engine does not follow it.
fn take_triggers(
    to: &mut [TriggerShape],
    was: &[TriggerShape],
    is: &[TriggerShape],
    renamed: bool,
) -> Result<()> {
    for trigger in to.iter_mut().filter(|trigger| was.contains(trigger)) {
        match is.iter().find(|one| one.name == trigger.name) {
            Some(new) => trigger.clone_from(new),
            None if renamed => {
                let message = format!(
                    "a table gets another name while its trigger reads a view that changes or \
                     what is not there: drop the trigger first, and make it again behind: {}",
                    trigger.name
                );
                return Err(Error::new(Code::SchemaMismatch, message));
            }
            None => {}
        }
    }
    Ok(())
}

/// Puts what things became in the place of what they were, but for those that are wanted.
fn take<T: PartialEq + Clone>(to: &mut [T], wanted: &[T], was: &[T], is: &[T]) {
    let gone: Vec<_> = was.iter().filter(|one| !is.contains(one)).collect();
    let come: Vec<_> = is.iter().filter(|one| !was.contains(one)).collect();
    if gone.len() != come.len() {
        return;
    }
    for one in to.iter_mut().filter(|one| !wanted.contains(one)) {
        if let Some((_, new)) = gone.iter().zip(&come).find(|(old, _)| **old == one) {
            *one = (*new).clone();
        }
    }
}
