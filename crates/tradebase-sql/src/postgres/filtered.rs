//! Changing and deleting the rows that pass a filter.

use tradebase_core::{Condition, Record, Result};

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
    pub(crate) async fn update_where<T: Record>(
        &self,
        call: &Call<'_>,
        change: &Change,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.update_where(T::TABLE, change, condition)?;
        self.change::<T>(call, renderer).await
    }

    /// Deletes the rows that pass, and gives their number.
    pub(crate) async fn delete_where<T: Record>(
        &self,
        call: &Call<'_>,
        condition: &Condition,
    ) -> Result<u64> {
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.delete_where(T::TABLE, condition)?;
        self.change::<T>(call, renderer).await
    }

    async fn change<T: Record>(&self, call: &Call<'_>, renderer: Renderer<Encoded>) -> Result<u64> {
        let Renderer { text, parameters, .. } = renderer;
        call.runs_own(&text);
        run!(self.lease(call).await?, c => c.change::<T>(&text, &parameters).await)
    }
}

impl Connection {
    async fn change<T: Record>(&mut self, text: &str, encoded: &Encoded) -> Result<u64> {
        self.know::<T>().await?;
        let statement = self.prepare(T::TABLE, text, &encoded.types, &[]).await?;
        let changed = self.client.execute_raw(&statement, encoded.scratch.params()).await;
        changed.map_err(|e| from_postgres(&e, Some(T::TABLE)))
    }
}
