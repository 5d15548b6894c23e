//! A row of a table known at run time, made whole and checked, on its way into an engine.

use tradebase_core::{
    Code, Column, Error, Key, Kind, Result, Roles, Sink, Table, Timestamp, Value, Violation,
    Violations, id, rule,
};

use super::names::unknown_column;
use super::row::DynamicRow;
use crate::entry::Entry;

/// A value per column; none for the key that the database assigns.
#[derive(Clone, Debug)]
pub(super) struct Full {
    table: &'static Table,
    cells: Vec<Option<Value>>,
}

impl Full {
    /// The row as it is inserted: with defaults and what the layer fills, and checked by the same
    /// rules as a record.
    pub(super) fn to_insert(
        table: &'static Table,
        row: &DynamicRow,
        now: Timestamp,
    ) -> Result<Self> {
        let mut found = Violations::new();
        for (name, _) in row.iter() {
            if table.position(name).is_none() {
                found.push(unknown_column(table, name));
            }
        }
        let mut cells = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            let is_key = table.key.contains(&at);
            let cell = match filled(column, now).or_else(|| row.get(column.name.text).cloned()) {
                Some(value) => Some(value),
                None if column.is(Roles::ASSIGNED) => None,
                None => preset(column, is_key, &mut found),
            };
            cells.push(cell);
        }
        check(table, &cells, found)?;
        for (column, cell) in table.columns.iter().zip(&mut cells) {
            if let Some(value) = cell {
                *value = value.in_column(column)?;
            }
        }
        Ok(Self { table, cells })
    }

    /// Takes the key that the database assigned.
    pub(super) fn assign(&mut self, key: i64) {
        let value = Value::Int(key);
        if let Some((at, column)) = self.table.playing(Roles::ASSIGNED)
            && let Some(cell) = self.cells.get_mut(at)
        {
            *cell = Some(value.in_column(column).unwrap_or(value));
        }
    }

    /// Makes it the row that an upsert found or left in the store.
    pub(super) fn land(&mut self, stored: Box<[Value]>) {
        self.cells = stored.into_iter().map(Some).collect();
    }

    /// The row as it is stored.
    pub(super) fn into_row(self) -> DynamicRow {
        let cells = self.cells.into_iter().map(|cell| cell.unwrap_or(Value::Null));
        DynamicRow::of(self.table.columns.iter().zip(cells))
    }
}

/// What the layer fills, whatever the caller says.
fn filled(column: &Column, now: Timestamp) -> Option<Value> {
    if column.is(Roles::CREATED) || column.is(Roles::UPDATED) {
        return Some(Value::Timestamp(now));
    }
    column.is(Roles::VERSION).then_some(Value::Int(1))
}

/// The value of a column that is missing.
fn preset(column: &'static Column, is_key: bool, found: &mut Violations) -> Option<Value> {
    if let Some(preset) = column.default {
        return Some(preset.into());
    }
    // An id that points to another row is not new.
    if is_key && column.kind == Kind::Uuid && column.parent.is_none() {
        return Some(Value::Uuid(id::new()));
    }
    if !column.nullable {
        let message = "must have a value, is missing";
        found.push(Violation::new(column.name.text, "required", message));
    }
    Some(Value::Null)
}

/// Checks a row as its own type does, if that is known and the values can be such a record. Else
/// it checks each value alone, so that the error names all that are at fault.
fn check(table: &'static Table, cells: &[Option<Value>], mut found: Violations) -> Result<()> {
    let missing = found.clone();
    let mut unread = None;
    if let (true, Some(check)) = (missing.is_empty(), table.check) {
        // A key that is not assigned yet is not checked; its type has no value for it.
        let values = cells.iter().map(|cell| cell.clone().unwrap_or(Value::Int(0)));
        match check(&values.collect::<Vec<_>>()) {
            Ok(mut broken) => {
                let open = table.columns.iter().zip(cells).filter(|(_, cell)| cell.is_none());
                open.for_each(|(column, _)| broken.forget(column.name.text));
                return broken.into_result();
            }
            Err(error) => unread = Some(error),
        }
    }
    for (column, cell) in table.columns.iter().zip(cells) {
        let Some(value) = cell else { continue };
        if missing.names(column.name.text) {
            continue;
        }
        if let Err(error) = rule::check_value(column, value) {
            found.absorb(error.column(column.name.text))?;
        }
    }
    found.into_result()?;
    unread.map_or(Ok(()), Err)
}

impl Entry for Full {
    fn reads_back(&self) -> bool {
        true
    }

    fn table(&self) -> &'static Table {
        self.table
    }

    fn write<S: Sink>(&self, sink: &mut S) -> Result<()> {
        (0..self.cells.len()).try_for_each(|at| self.put(at, sink))
    }

    fn put<S: Sink>(&self, at: usize, sink: &mut S) -> Result<()> {
        match (self.table.columns.get(at), self.cells.get(at)) {
            (Some(column), Some(Some(value))) => value.put(column, sink),
            (Some(column), Some(None)) => sink.skip(column),
            _ => Err(Error::new(Code::Internal, format!("there is no column {at}"))),
        }
    }
}

/// The key of a row as values, one per column of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Keyed(Vec<Value>);

impl Keyed {
    /// A key, checked as its columns check it.
    pub(super) fn of(table: &'static Table, key: &[Value]) -> Result<Self> {
        if key.len() != table.key.len() {
            let (want, has) = (table.key.len(), key.len());
            let message = format!("a key of {} has {want} values, this has {has}", table.name);
            return Err(Error::new(Code::Invalid, message));
        }
        let mut found = Violations::new();
        let mut values = Vec::with_capacity(key.len());
        for (column, value) in table.key_columns().zip(key) {
            match value.in_column(column) {
                Ok(value) => values.push(value),
                Err(error) => found.absorb(error)?,
            }
        }
        found.into_result()?;
        Ok(Self(values))
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.0
    }
}

impl Key for Keyed {
    /// It differs from table to table.
    const WIDTH: usize = 0;

    fn put_key<S: Sink>(
        &self,
        columns: impl ExactSizeIterator<Item = &'static Column>,
        sink: &mut S,
    ) -> Result<()> {
        columns.zip(&self.0).try_for_each(|(column, value)| value.put(column, sink))
    }
}
