//! The statements of an upsert, and how it ended.

use std::fmt::Write;
use std::sync::Arc;

use tradebase_core::{Result, Roles, Source, Table};

use super::source::RowSource;
use super::write::{Text, created_in, key_in, value};
use crate::conflict::{Action, Landed, Plan, Upserted};
use crate::entry;
use crate::naming::{list, quoted};
use crate::schema;

/// The statements of an upsert. Parameters carry the number of their column. Both give when the
/// row was made, its version and its key, as far as there are such columns; else they give a one.
#[derive(Clone, Debug)]
pub(super) struct Landing {
    /// Inserts a row unless it is there.
    pub(super) insert: Text,
    /// Changes the one that is there; none if it stays as it is.
    pub(super) update: Option<Text>,
}

impl Landing {
    /// Statements that give all columns as well, behind the others.
    pub(super) fn whole(self, table: &Table) -> Self {
        let columns = list(table, 0..table.columns.len());
        let whole = |text: Text| own(format!("{}, {columns}", text.as_str()));
        Self { insert: whole(self.insert), update: self.update.map(whole) }
    }
}

/// The statements of a plan.
pub(super) fn landing(table: &'static Table, plan: &Plan) -> Landing {
    let name = |at: usize| quoted(table.columns[at].name.text);
    let of = quoted(table.name);
    let every = 0..table.columns.len();
    let marks: Vec<_> = every.clone().map(|at| format!("?{}", at + 1)).collect();
    let on = if plan.on.is_empty() { table.key } else { plan.on.as_slice() };
    let (columns, same) = (list(table, every), list(table, on.iter().copied()));
    let returning = returning(table);
    let insert = format!(
        "INSERT INTO {of} ({columns}) VALUES ({}) ON CONFLICT ({same}) DO NOTHING \
         RETURNING {returning}",
        marks.join(", ")
    );
    let terms = match &plan.action {
        Action::Keep => return Landing { insert: own(insert), update: None },
        Action::Replace => {
            let set = (0..table.columns.len()).filter(|at| !table.key.contains(at));
            terms(table, set)
        }
        Action::Set(columns) => {
            let updated = table.playing(Roles::UPDATED).map(|(at, _)| at);
            let version = table.playing(Roles::VERSION).map(|(at, _)| at);
            terms(table, columns.iter().copied().chain(updated).chain(version))
        }
    };
    let mut update = format!("UPDATE {of} SET {terms} WHERE ");
    for (i, &at) in on.iter().enumerate() {
        let and = if i == 0 { "" } else { " AND " };
        _ = write!(update, "{and}{} = ?{}", name(at), at + 1);
    }
    _ = write!(update, " RETURNING {returning}");
    Landing { insert: own(insert), update: Some(own(update)) }
}

fn own(text: String) -> Text {
    Text::Own(Arc::from(text))
}

/// `"a" = ?1, "version" = "version" + 1`, without when the row was made.
fn terms(table: &Table, columns: impl Iterator<Item = usize>) -> String {
    let mut terms = Vec::new();
    for at in columns {
        let column = &table.columns[at];
        let name = quoted(column.name.text);
        if column.is(Roles::VERSION) {
            terms.push(format!("{name} = {name} + 1"));
        } else if !column.is(Roles::CREATED) {
            terms.push(format!("{name} = ?{}", at + 1));
        }
    }
    if let ([], Some(&at)) = (terms.as_slice(), table.key.first()) {
        // A record that is nothing but its key.
        terms.push(format!("{0} = {0}", quoted(table.columns[at].name.text)));
    }
    terms.join(", ")
}

fn returning(table: &Table) -> String {
    let columns = filled(table);
    if columns.is_empty() { "1".to_owned() } else { list(table, columns) }
}

/// The columns that the layer or the database fills, as far as a statement gives them.
fn filled(table: &Table) -> Vec<usize> {
    let created = table.playing(Roles::CREATED).map(|(at, _)| at);
    let version = table.playing(Roles::VERSION).map(|(at, _)| at);
    let key = schema::assigned(table).map(|(at, _)| at);
    created.into_iter().chain(version).chain(key).collect()
}

/// What the row that an upsert gave back says.
pub(super) fn landed(
    row: &RowSource<'_, '_>,
    table: &'static Table,
    how: Upserted,
) -> Result<Landed> {
    let created = created_in(row, 0, table)?;
    let mut at = usize::from(table.playing(Roles::CREATED).is_some());
    let version = match table.playing(Roles::VERSION) {
        Some((_, column)) => {
            at += 1;
            row.clone().i64(at - 1, column).map(value)?
        }
        None => None,
    };
    Ok(Landed { how, created, version, key: key_in(row, at, table)?, stored: None })
}

/// The same with all columns, of a statement that gives them.
pub(super) fn with_row(
    landed: Landed,
    row: &RowSource<'_, '_>,
    table: &'static Table,
) -> Result<Landed> {
    let from = filled(table).len().max(1);
    let stored = Some(entry::cells(table, from, &mut row.clone())?);
    Ok(Landed { stored, ..landed })
}

/// The row that was there stays.
pub(super) fn kept() -> Landed {
    Landed { how: Upserted::Kept, created: None, version: None, key: None, stored: None }
}
