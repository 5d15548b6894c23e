//! What a table consists of, before either engine's dialect.

use tradebase_core::{Code, Column, Error, Kind, Parent, Result, Roles, Table};

/// An index, whether it comes from a role or from the struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) columns: Vec<usize>,
    pub(crate) unique: bool,
}

/// All indexes of a table but the key's, each once.
pub(crate) fn indexes(table: &Table) -> Vec<Indexed> {
    let mut found: Vec<Indexed> = Vec::new();
    let mut add = |columns: Vec<usize>, unique: bool| {
        if columns == table.key {
            return;
        }
        match found.iter_mut().find(|have| have.columns == columns) {
            Some(have) => have.unique |= unique,
            None => found.push(Indexed { columns, unique }),
        }
    };
    for (at, column) in table.columns.iter().enumerate() {
        if column.is(Roles::UNIQUE) {
            add(vec![at], true);
        } else if column.is(Roles::INDEX) {
            add(vec![at], false);
        }
    }
    for index in table.indexes {
        add(index.columns.to_vec(), index.unique);
    }
    found
}

/// A table's references: the column's position, the reference, the parent and its key column.
pub(crate) fn parents(
    table: &Table,
) -> Result<Vec<(usize, Parent, &'static Table, &'static Column)>> {
    let mut found = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let Some(reference) = column.parent else { continue };
        let parent = reference.table();
        let mut key = parent.key_columns();
        match (key.next(), key.next()) {
            (Some(key), None) if is_alike(column.kind, key.kind) => {
                found.push((at, reference, parent, key));
            }
            (Some(key), None) => {
                let message =
                    format!("is {}, but the key that it points to is {}", column.kind, key.kind);
                return Err(Error::new(Code::Unsupported, message)
                    .of(table)
                    .column(column.name.text));
            }
            _ => {
                let message = format!(
                    "has a key of several columns, which cannot be pointed to \
                                       with belongs_to: {}",
                    parent.record
                );
                return Err(Error::new(Code::Unsupported, message)
                    .of(table)
                    .column(column.name.text));
            }
        }
    }
    Ok(found)
}

/// Whether equal values of two columns are stored alike: a decimal is its units on SQLite, and
/// 1.50 of one scale is no 1.5 of another there.
fn is_alike(a: Kind, b: Kind) -> bool {
    let both = |is: fn(Kind) -> bool| is(a) && is(b);
    a == b || both(Kind::is_integer) || both(Kind::is_text)
}

/// The tables, each after all those it points to; two that point to each other stand in any
/// order.
pub(crate) fn with_parents(tables: &[&'static Table]) -> Result<Vec<&'static Table>> {
    fn visit(
        table: &'static Table,
        seen: &mut Vec<&'static str>,
        out: &mut Vec<&'static Table>,
    ) -> Result<()> {
        if seen.contains(&table.name) {
            return Ok(());
        }
        seen.push(table.name);
        for (_, _, parent, _) in parents(table)? {
            visit(parent, seen, out)?;
        }
        out.push(table);
        Ok(())
    }
    let (mut seen, mut out) = (Vec::new(), Vec::new());
    for table in tables {
        visit(table, &mut seen, &mut out)?;
    }
    Ok(out)
}

/// The column whose key the database assigns, with its position.
pub(crate) fn assigned(table: &Table) -> Option<(usize, &'static Column)> {
    table.playing(Roles::ASSIGNED)
}
