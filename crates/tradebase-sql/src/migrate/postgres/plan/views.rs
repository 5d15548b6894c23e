//! Views and triggers.

use super::super::super::shape::Shape;
use super::guards;
use super::pair::{Pair, Ways};
use super::script::{Phase, Script};
use super::texts::mentions;
use crate::naming::quoted;

/// Makes the triggers of a table that stays what they are to be.
pub(super) fn triggers(script: &mut Script, pair: &Pair<'_>) {
    // With other names the server keeps the texts right by itself.
    let has_new_names = pair.old != pair.new || !pair.renamed.is_empty();
    let anew = pair.rebuilt() || !pair.touched().is_empty();
    for old in &pair.from.triggers {
        let new = pair.to.triggers.iter().find(|new| new.name == old.name);
        let stays = new.is_some_and(|new| has_new_names || new.text == old.text) && !anew;
        if !stays && !pair.rebuilt() {
            let (name, table) = (quoted(&old.name), quoted(pair.old));
            script.add(Phase::DropTrigger, format!("DROP TRIGGER {name} ON {table}"));
        }
    }
    for new in &pair.to.triggers {
        let old = pair.from.triggers.iter().find(|old| old.name == new.name);
        let stays = old.is_some_and(|old| has_new_names || new.text == old.text) && !anew;
        if !stays {
            script.add(Phase::Trigger, new.text.clone());
        }
    }
}

/// Makes the views what they are to be. A view forbids to change a column that it shows, so those
/// of tables whose columns change are made anew.
pub(super) fn changed(script: &mut Script, ways: &Ways<'_>) {
    let changed: Vec<&str> = ways
        .pairs
        .iter()
        .filter(|pair| pair.rebuilt() || !pair.touched().is_empty())
        .flat_map(|pair| [pair.old, pair.new])
        .collect();
    let mut anew: Vec<&str> = Vec::new();
    for (name, text) in &ways.from.views {
        let stays = ways.to.views.get(name) == Some(text) && !mentions(text, &changed);
        if !stays {
            anew.push(name);
        }
    }
    // With a view go those that show it.
    loop {
        let shows = |text: &str| mentions(text, &anew);
        let views = ways.from.views.iter();
        let more = views.filter(|(name, text)| !anew.contains(&name.as_str()) && shows(text));
        let more: Vec<_> = more.map(|(name, _)| name.as_str()).collect();
        if more.is_empty() {
            break;
        }
        anew.extend(more);
    }
    for name in anew.iter().filter(|name| ways.to.views.contains_key(**name)) {
        guards::of_what_is_made_anew(script, name, true);
    }
    if !anew.is_empty() {
        let names: Vec<_> = anew.iter().map(|name| quoted(name)).collect();
        script.add(Phase::DropView, format!("DROP VIEW {}", names.join(", ")));
    }
    for name in in_order(ways.to) {
        let is_there = ways.from.views.contains_key(name) && !anew.contains(&name);
        if let Some(text) = ways.to.views.get(name).filter(|_| !is_there) {
            script.add(Phase::View, format!("CREATE VIEW {} AS\n{text}", quoted(name)));
        }
    }
}

/// The views, each behind those that it shows.
fn in_order(shape: &Shape) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let mut rest: Vec<_> = shape.views.iter().map(|(name, text)| (name.as_str(), text)).collect();
    while !rest.is_empty() {
        let waiting: Vec<&str> = rest.iter().map(|(name, _)| *name).collect();
        let ready = |(name, text): &(&str, &String)| {
            let others: Vec<_> = waiting.iter().filter(|n| *n != name).copied().collect();
            !mentions(text, &others)
        };
        // Names that only look like those of views could go round in a circle.
        let at = rest.iter().position(ready).unwrap_or_default();
        order.push(rest.remove(at).0);
    }
    order
}
