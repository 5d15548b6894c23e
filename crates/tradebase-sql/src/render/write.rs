//! Statements that change the rows that pass a filter.

use std::fmt::Write;

use tradebase_core::{Condition, Result, Roles, Table};

use super::{Parameters, Renderer};
use crate::naming::quoted;
use crate::patch::Change;

impl<P: Parameters> Renderer<P> {
    /// What changes some columns of the rows that pass. A version is counted up.
    pub(crate) fn update_where(
        &mut self,
        table: &'static Table,
        change: &Change,
        condition: &Condition,
    ) -> Result<()> {
        _ = write!(self.text, "UPDATE {} SET ", quoted(table.name));
        for (i, (at, value)) in change.values.iter().enumerate() {
            let Some(column) = table.columns.get(*at) else { continue };
            let number = self.value(column, value)?;
            let comma = if i == 0 { "" } else { ", " };
            _ = write!(self.text, "{comma}{} = {}{number}", quoted(column.name.text), P::MARK);
        }
        if let Some((_, column)) = table.playing(Roles::VERSION) {
            let name = quoted(column.name.text);
            _ = write!(self.text, ", {name} = {name} + 1");
        }
        self.condition(table, condition)
    }

    /// What deletes the rows that pass.
    pub(crate) fn delete_where(
        &mut self,
        table: &'static Table,
        condition: &Condition,
    ) -> Result<()> {
        _ = write!(self.text, "DELETE FROM {}", quoted(table.name));
        self.condition(table, condition)
    }
}
