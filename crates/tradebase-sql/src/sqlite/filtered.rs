//! Changing and deleting the rows that pass a filter.

use rusqlite::Connection;
use tradebase_core::{Condition, Result, Table};

use super::error::from_sqlite;
use super::parameters::Bindings;
use super::store::Store;
use super::verbs::mixed_up;
use super::write::{Done, Write};
use crate::call::Call;
use crate::naming::quoted;
use crate::patch::Change;
use crate::render::Renderer;

/// A statement over the rows that pass a filter, with its parameters.
#[derive(Debug)]
pub(super) struct Filtered {
    pub(super) text: String,
    pub(super) bindings: Bindings,
}

impl Store {
    /// Changes some columns of the rows that pass, and gives their number.
    pub(crate) async fn update_where(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        change: &Change,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Bindings::default());
        renderer.update_where(table, change, condition)?;
        let write = Write::update_where(table, change, Filtered::of(renderer))?;
        self.change(call, write).await
    }

    /// Deletes the rows that pass, and gives their number.
    pub(crate) async fn delete_where(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Bindings::default());
        renderer.delete_where(table, condition)?;
        self.change(call, Write::delete_where(table, Filtered::of(renderer))).await
    }

    async fn change(&self, call: &Call<'_>, write: Write) -> Result<u64> {
        match self.one(call, write).await? {
            Done::Changed(rows) => Ok(rows),
            _ => Err(mixed_up()),
        }
    }
}

impl Filtered {
    fn of(renderer: Renderer<Bindings>) -> Self {
        let Renderer { text, parameters, .. } = renderer;
        Self { text, bindings: parameters }
    }

    /// Carries it out, and gives the number of rows.
    pub(super) fn run(&self, connection: &Connection, table: &'static Table) -> Result<u64> {
        let failed = |e| from_sqlite(&e, Some(table));
        let mut statement = connection.prepare_cached(&self.text).map_err(failed)?;
        self.bindings.bind(&mut statement)?;
        let changed = statement.raw_execute().map_err(failed)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    /// The table, other than this one, whose rows point to one that a delete was to take away.
    pub(super) fn pointing(
        &self,
        connection: &Connection,
        table: &Table,
        children: Vec<(String, String)>,
    ) -> Result<Option<String>> {
        let [key] = table.key else { return Ok(None) };
        let of = quoted(table.name);
        let Some(passing) = self.text.strip_prefix(&format!("DELETE FROM {of}")) else {
            return Ok(None);
        };
        let key = quoted(table.columns[*key].name.text);
        let and = if passing.is_empty() { "WHERE" } else { "AND" };
        for (child, column) in children {
            let text = format!(
                "SELECT 1 FROM {of}{passing} {and} EXISTS (SELECT 1 FROM {} AS pointing \
                 WHERE pointing.{} = {of}.{key}) LIMIT 1",
                quoted(&child),
                quoted(&column)
            );
            let failed = |e| from_sqlite(&e, None);
            let mut statement = connection.prepare(&text).map_err(failed)?;
            self.bindings.bind(&mut statement)?;
            if statement.raw_query().next().map_err(failed)?.is_some() {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }
}
