//! Writing one row.

use std::pin::pin;

use futures_util::TryStreamExt;
use tradebase_core::{Code, Error, Got, Key, Record, Result, Roles, Sink, Source, Table};

use super::client::Statement;
use super::connection::Connection;
use super::error::from_postgres;
use super::many::there;
use super::place::run;
use super::scratch::{BindSink, Scratch};
use super::source::RowSource;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::entry::Entry;
use crate::error::unassigned;
use crate::schema;
use crate::sql::Updated;

impl Store {
    /// Writes all columns of a row that is there.
    pub(crate) async fn update<T: Record>(
        &self,
        call: &Call<'_>,
        row: &T,
        version: Option<i64>,
    ) -> Result<Updated> {
        call.runs(&texts(T::TABLE).updating);
        run!(self.lease(call).await?, c => c.update(row, version).await)
    }

    /// Deletes the row of a key.
    pub(crate) async fn delete<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        key: &K,
    ) -> Result<bool> {
        call.runs(&texts(table).fixed.delete);
        run!(self.lease(call).await?, c => c.delete(table, key).await)
    }
}

impl Connection {
    pub(super) async fn insert<E: Entry>(&mut self, row: &E) -> Result<Option<i64>> {
        let table = row.table();
        let texts = texts(table);
        self.know_table(table).await?;
        self.scratch.clear();
        row.write(&mut BindSink::new(&mut self.scratch))?;
        let (sql, types) = if self.scratch.skipped() {
            (&texts.fixed.insert_new, &texts.new)
        } else {
            self.advance(row).await?;
            (&texts.fixed.insert, &texts.every)
        };
        let statement = self.prepare(table, sql, types, &[]).await?;
        if texts.advance.is_none() {
            self.execute(table, &statement).await?;
            return Ok(None);
        }
        let Some((_, column)) = schema::assigned(table) else { return Ok(None) };
        let key = self.first(table, &statement, |mut row| row.i64(0, column)).await?;
        match key {
            Some(Got::Value(key)) => Ok(Some(key)),
            _ => Err(Error::new(Code::Internal, "no key was assigned")),
        }
    }

    /// Moves the sequence up to a key that the caller brought, before the row is there: a gap
    /// does no harm.
    pub(super) async fn advance<E: Entry>(&mut self, row: &E) -> Result<()> {
        let table = row.table();
        let (Some(sql), Some((at, _))) = (&texts(table).advance, schema::assigned(table)) else {
            return Ok(());
        };
        let types = [tokio_postgres::types::Type::INT8];
        let statement = self.prepare(table, sql, &types, &[]).await?;
        let mut key = Scratch::new();
        row.put(at, &mut BindSink::new(&mut key))?;
        let moved = self.client.execute_raw(&statement, key.params()).await;
        moved.map(drop).map_err(|e| from_postgres(&e, Some(table)))
    }

    async fn update<T: Record>(&mut self, row: &T, version: Option<i64>) -> Result<Updated> {
        let texts = texts(T::TABLE);
        self.know::<T>().await?;
        self.scratch.clear();
        let mut sink = BindSink::new(&mut self.scratch);
        row.write(&mut sink)?;
        if let Some((_, column)) = T::TABLE.playing(Roles::VERSION) {
            sink.i64(column, version.ok_or_else(versionless)?)?;
        }
        if self.scratch.skipped() {
            return Err(unassigned(T::TABLE));
        }
        let statement = self.prepare(T::TABLE, &texts.updating, &texts.update, &[]).await?;
        let updated = match T::TABLE.playing(Roles::CREATED) {
            Some((_, column)) => {
                let made = |mut row: RowSource<'_>| row.timestamp(0, column);
                let made = self.first(T::TABLE, &statement, made).await?;
                made.map(|made| Updated::Yes { created: there(made) })
            }
            None => {
                let count = self.execute(T::TABLE, &statement).await?;
                (count > 0).then_some(Updated::Yes { created: None })
            }
        };
        match updated {
            Some(updated) => Ok(updated),
            None if texts.fixed.update_by_version && self.exists(T::TABLE, &row.key()).await? => {
                Ok(Updated::OtherVersion)
            }
            None => Ok(Updated::Missing),
        }
    }

    async fn delete<K: Key>(&mut self, table: &'static Table, key: &K) -> Result<bool> {
        let texts = texts(table);
        self.bind_key(table, key)?;
        let statement = self.prepare(table, &texts.fixed.delete, &texts.key, &[]).await?;
        Ok(self.execute(table, &statement).await? > 0)
    }

    pub(super) async fn exists<K: Key>(&mut self, table: &'static Table, key: &K) -> Result<bool> {
        let texts = texts(table);
        self.bind_key(table, key)?;
        let statement = self.prepare(table, &texts.fixed.exists, &texts.key, &[]).await?;
        Ok(self.first(table, &statement, |_| Ok(())).await?.is_some())
    }

    /// Makes the key's columns the parameters.
    pub(super) fn bind_key<K: Key>(&mut self, table: &'static Table, key: &K) -> Result<()> {
        self.scratch.clear();
        key.put_key(table.key_columns(), &mut BindSink::new(&mut self.scratch))?;
        if self.scratch.skipped() { Err(unassigned(table)) } else { Ok(()) }
    }

    /// Runs a statement with the parameters in the scratch and gives the number of rows.
    pub(super) async fn execute(
        &mut self,
        table: &'static Table,
        statement: &Statement,
    ) -> Result<u64> {
        let ran = self.client.execute_raw(statement, self.scratch.params()).await;
        ran.map_err(|e| from_postgres(&e, Some(table)))
    }

    /// Runs a statement with the parameters in the scratch and reads its only row.
    pub(super) async fn first<R>(
        &mut self,
        table: &'static Table,
        statement: &Statement,
        read: impl FnOnce(RowSource<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        let failed = |e| from_postgres(&e, Some(table));
        let rows = self.client.query_raw(statement, self.scratch.params()).await;
        let mut rows = pin!(rows.map_err(failed)?);
        let Some(row) = rows.try_next().await.map_err(failed)? else { return Ok(None) };
        // To the end: an error at commit comes behind the row.
        while rows.try_next().await.map_err(failed)?.is_some() {}
        read(RowSource::new(&row)).map(Some)
    }
}

#[cold]
fn versionless() -> Error {
    Error::new(Code::Internal, "a record with a version column tells no version")
}
