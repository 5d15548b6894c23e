//! Changing and deleting the rows that pass a filter.

use tradebase_core::{Condition, Result, Table};

use super::connection::Connection;
use super::error::from_postgres;
use super::parameters::Encoded;
use super::place::run;
use super::store::Store;
use crate::call::Call;
use crate::patch::Change;
use crate::render::Renderer;

impl Store {
    /// Changes some columns of the rows that pass, and gives their number.
    pub(crate) async fn update_where(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        change: &Change,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.update_where(table, change, condition)?;
        self.change(call, table, renderer).await
    }

    /// Deletes the rows that pass, and gives their number.
    pub(crate) async fn delete_where(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.delete_where(table, condition)?;
        self.change(call, table, renderer).await
    }

    async fn change(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        renderer: Renderer<Encoded>,
    ) -> Result<u64> {
        let Renderer { text, parameters, .. } = renderer;
        call.runs_own(&text);
        run!(self.lease(call).await?, c => c.change(table, &text, &parameters).await)
    }
}

impl Connection {
    async fn change(
        &mut self,
        table: &'static Table,
        text: &str,
        encoded: &Encoded,
    ) -> Result<u64> {
        self.know_table(table).await?;
        let statement = self.prepare(table, text, &encoded.types, &[]).await?;
        let changed = self.client.execute_raw(&statement, encoded.scratch.params()).await;
        changed.map_err(|e| from_postgres(&e, Some(table)))
    }
}
