//! The key of a table that stays.

use super::guards;
use super::pair::Pair;
use super::script::{Phase, Script};
use super::texts::{alter, key_line, named};
use crate::naming::quoted;

/// Makes the key what it is to be.
pub(super) fn changed(script: &mut Script, pair: &Pair<'_>) {
    let (old, new) = (pair.from.key.as_ref(), pair.to.key.as_ref());
    if is_kept(pair) {
        if let (Some(old), Some(new)) = (old, new) {
            let head = format!("{} RENAME CONSTRAINT", alter(pair.new));
            script.rename(&head, named(old.name.as_ref()), named(new.name.as_ref()));
        }
        return;
    }
    if let Some(old) = old {
        let name = quoted(named(old.name.as_ref()));
        script.add(Phase::DropKey, format!("{} DROP CONSTRAINT {name}", alter(pair.old)));
    }
    if old.is_some() && new.is_some() {
        guards::of_a_key(script, pair.old);
    }
    if let Some(new) = new {
        let comment = "writers wait while the index of the key is built";
        let add = format!("{} ADD {}", alter(pair.new), key_line(new));
        script.explain(Phase::Key, comment, &add);
    }
}

/// Whether the key stays: what points to it may stay then, too.
pub(super) fn is_kept(pair: &Pair<'_>) -> bool {
    match (&pair.from.key, &pair.to.key) {
        (None, None) => true,
        (Some(old), Some(new)) => {
            let gone = pair.gone();
            let name =
                |old: &String| pair.renamed.get(old.as_str()).copied().unwrap_or(old).to_owned();
            !old.columns.iter().any(|column| gone.contains(&column.as_str()))
                && old.columns.iter().map(name).eq(new.columns.iter().cloned())
        }
        _ => false,
    }
}
