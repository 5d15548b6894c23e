//! A table that becomes one of parts, or one without: PostgreSQL has no statement for that, so it
//! is made anew and its rows move over, in one transaction.

use super::pair::Pair;
use super::script::{Phase, Script, loses};
use super::tables;
use super::texts::{alter, generated, is_constraint, with_ending};
use super::{columns, guards, texts};
use crate::naming::quoted;

/// Makes a table anew.
pub(super) fn rebuilt(script: &mut Script, pair: &Pair<'_>) {
    let aside = with_ending(pair.old, "__was");
    guards::of_what_is_made_anew(script, pair.old, false);
    if pair.from.key.is_some() {
        guards::of_a_key(script, pair.old);
    }
    released(script, pair);
    let rename = format!("{} RENAME TO {}", alter(pair.old), quoted(&aside));
    let comment = "its rows move over below; all others wait until that is done";
    script.explain(Phase::RenameTable, comment, &rename);
    tables::whole(script, pair.new, pair.to);
    filled(script, pair, &aside);
    tables::rest(script, pair.new, pair.to);
}

/// Takes the names of what is made anew from the old table.
fn released(script: &mut Script, pair: &Pair<'_>) {
    let alter = alter(pair.old);
    let key = pair.from.key.iter().filter_map(|key| key.name.as_ref());
    let unique = pair.from.indexes.iter().filter(|index| is_constraint(index));
    for name in key.chain(unique.map(|index| &index.name)) {
        let drop = format!("{alter} DROP CONSTRAINT {}", quoted(name));
        script.add(Phase::DropConstraint, drop);
    }
    for index in pair.from.indexes.iter().filter(|index| !is_constraint(index)) {
        script.add(Phase::DropIndex, format!("DROP INDEX {}", quoted(&index.name)));
    }
    for part in pair.from.parts.iter().filter(|p| pair.to.parts.iter().any(|t| t.name == p.name)) {
        let rename = format!("{} RENAME TO", texts::alter(&part.name));
        let aside = quoted(&with_ending(&part.name, "__was"));
        script.add(Phase::DropIndex, format!("{rename} {aside}"));
    }
}

fn filled(script: &mut Script, pair: &Pair<'_>, aside: &str) {
    let (mut into, mut values) = (Vec::new(), Vec::new());
    let moved = pair.columns.iter().filter(|w| !w.is_added() && generated(w.to).is_none());
    for way in moved {
        if let Some(value) = way.of_old_row() {
            into.push(quoted(&way.to.name));
            values.push(value);
        }
    }
    if !into.is_empty() {
        let always = pair.columns.iter().any(|way| texts::is_always(way.to));
        let overriding = if always { " OVERRIDING SYSTEM VALUE" } else { "" };
        let insert = format!(
            "INSERT INTO {} ({}){overriding}\n  SELECT {} FROM {}",
            quoted(pair.new),
            into.join(", "),
            values.join(", "),
            quoted(aside),
        );
        script.add(Phase::Fill, insert);
    }
    for way in &pair.columns {
        if way.to.assigned || texts::sequence(way.to.default.as_deref()).is_some() {
            let from = way.from.filter(|_| !way.is_remade());
            let before = from.and_then(|from| columns::asked(script, pair.old, from));
            script.add(Phase::Fill, columns::counted(pair.new, way.to, before));
        }
    }
    let mut comments = String::new();
    let remade = pair.columns.iter().filter_map(|w| Some((w.to.name.as_str(), w.loss()?)));
    let dropped = pair.dropped.iter().map(|c| (c.name.as_str(), "the column is dropped"));
    for (column, why) in dropped.chain(remade) {
        script.lost(pair.new, Some(column), why);
        comments.push_str(&format!("-- {}\n", loses(pair.new, Some(column))));
    }
    script.add(Phase::Fill, format!("{comments}DROP TABLE {}", quoted(aside)));
}
