//! Columns that can be added to a table as it stands.

use super::plan::same_column;
use super::write;
use crate::migrate::shape::{CheckShape, ColumnShape, ReferenceShape, TableShape};
use crate::naming::quoted;

/// The statements that add what a table lacks; none at all if it lacks nothing but indexes. None
/// if it must be built anew, because what is wanted cannot be added or something must go.
pub(super) fn additions(name: &str, have: &TableShape, want: &TableShape) -> Option<Vec<String>> {
    let constraints = |table: &TableShape| -> Vec<String> {
        let unnamed = table.indexes.iter().filter(|index| index.name.is_empty());
        unnamed.map(|index| index.text.clone()).collect()
    };
    // Where a column stands among the others does not matter: statements name them.
    let (old, new): (Vec<_>, Vec<_>) =
        want.columns.iter().partition(|column| have.column(&column.name).is_some());
    let kept = |have: &ColumnShape| want.column(&have.name).is_some_and(|w| same_column(have, w));
    let same = old.len() == have.columns.len()
        && have.columns.iter().all(kept)
        && (&have.key, &have.storage) == (&want.key, &want.storage)
        && constraints(have) == constraints(want);
    let kept = have.checks.iter().all(|check| want.checks.contains(check))
        && have.references.iter().all(|reference| want.references.contains(reference));
    if !same || !kept || !new.iter().copied().all(addable) {
        return None;
    }
    let mut added: Vec<Added<'_>> = new.into_iter().map(Added::new).collect();
    for check in want.checks.iter().filter(|check| !have.checks.contains(check)) {
        let mentions = |added: &&mut Added<'_>| check.text.contains(&quoted(&added.column.name));
        added.iter_mut().rev().find(mentions)?.checks.push(check);
    }
    for reference in want.references.iter().filter(|r| !have.references.contains(r)) {
        let [only] = reference.columns.as_slice() else { return None };
        let of = |added: &&mut Added<'_>| added.column.name == *only;
        let added = added.iter_mut().find(of).filter(|added| added.column.default.is_none())?;
        added.references.push(reference);
    }
    Some(added.iter().map(|added| added.statement(name)).collect())
}

/// Whether the engine adds such a column.
fn addable(column: &ColumnShape) -> bool {
    let default = column.default.as_deref().unwrap_or("NULL");
    let constant = !default.starts_with('(') && !default.starts_with("CURRENT_");
    let more = column.more.as_deref().unwrap_or_default();
    constant && (column.nullable || default != "NULL") && !more.contains("GENERATED")
}

struct Added<'s> {
    column: &'s ColumnShape,
    checks: Vec<&'s CheckShape>,
    references: Vec<&'s ReferenceShape>,
}

impl<'s> Added<'s> {
    fn new(column: &'s ColumnShape) -> Self {
        Self { column, checks: Vec::new(), references: Vec::new() }
    }

    fn statement(&self, table: &str) -> String {
        let definition = write::definition(self.column);
        let mut text = format!("ALTER TABLE {} ADD COLUMN {definition}", quoted(table));
        for check in &self.checks {
            text.push_str(&format!(" {}CHECK ({})", write::named(&check.name), check.text));
        }
        for reference in &self.references {
            let name = write::named(&reference.name);
            text.push_str(&format!(" {name}{}", write::references(reference)));
        }
        text + ";"
    }
}
