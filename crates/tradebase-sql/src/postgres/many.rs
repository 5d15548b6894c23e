//! Many keys in one statement: read, deleted. And how many rows there are.

use std::pin::pin;

use futures_util::TryStreamExt;
use tradebase_core::{Code, Column, Error, Got, Key, Kind, Record, Result, Source, Table};

use super::array::{ArraySink, Arrays};
use super::bulk::{STATEMENT_ROWS_MAX, run_group};
use super::connection::Connection;
use super::error::from_postgres;
use super::place::run;
use super::source::RowSource;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::error::placed;

/// The place of a key among those that were sent, and other numbers that the server counts.
pub(super) static NUMBER: Column = Column::new("number", Kind::I64, false);

impl Store {
    /// The rows of these keys, each at the place of its key.
    pub(crate) async fn get_many<T: Record + Clone>(
        &self,
        call: &Call<'_>,
        keys: &[T::Key],
    ) -> Result<Vec<Option<T>>> {
        call.runs(&texts(T::TABLE).get_many);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        run!(self.lease(call).await?, c => c.get_all_of::<T>(keys).await)
    }

    /// Whether there is a row of that key.
    pub(crate) async fn exists<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<bool> {
        call.runs(&texts(T::TABLE).fixed.exists);
        run!(self.lease(call).await?, c => c.exists(T::TABLE, key).await)
    }

    /// How many rows there are.
    pub(crate) async fn count<T: Record>(&self, call: &Call<'_>) -> Result<u64> {
        call.runs(&texts(T::TABLE).count);
        run!(self.lease(call).await?, c => c.count::<T>().await)
    }

    /// Deletes the rows of these keys, all or none, and says how many there were.
    pub(crate) async fn delete_many<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        keys: &[K],
    ) -> Result<u64> {
        call.runs(&texts(table).delete_any);
        if keys.is_empty() {
            return Ok(0);
        }
        if keys.len() <= STATEMENT_ROWS_MAX {
            return run!(self.lease(call).await?, c => c.delete_any(table, keys).await);
        }
        run_group!(self.lease(call).await?, (c, group) => {
            let deleted = async {
                c.run(Some(table), group.begin).await?;
                let mut count = 0;
                for keys in keys.chunks(STATEMENT_ROWS_MAX) {
                    count += c.delete_any(table, keys).await?;
                }
                c.run(Some(table), group.end).await?;
                Ok(count)
            };
            deleted.await
        })
    }
}

impl Connection {
    async fn get_all_of<T: Record + Clone>(&mut self, keys: &[T::Key]) -> Result<Vec<Option<T>>> {
        let mut found = vec![None; keys.len()];
        let chunks = keys.chunks(STATEMENT_ROWS_MAX).zip(found.chunks_mut(STATEMENT_ROWS_MAX));
        for (keys, found) in chunks {
            self.get_many::<T>(keys, found).await?;
        }
        Ok(found)
    }

    async fn get_many<T: Record + Clone>(
        &mut self,
        keys: &[T::Key],
        found: &mut [Option<T>],
    ) -> Result<()> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        let texts = texts(T::TABLE);
        // The statement gives one column more than the record has, so its own are compared here.
        self.know::<T>().await?;
        self.bind_keys(T::TABLE, keys)?;
        let statement = self.prepare(T::TABLE, &texts.get_many, &texts.key_arrays, &[]).await?;
        let rows = self.client.query_raw(&statement, self.scratch.params()).await;
        let mut rows = pin!(rows.map_err(failed)?);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let mut source = RowSource::new(&row);
            let place = numbered(source.i64(T::TABLE.columns.len(), &NUMBER)?)?;
            let place = found.get_mut(place).ok_or_else(miscounted)?;
            *place = Some(T::read(&mut source)?);
        }
        Ok(())
    }

    async fn count<T: Record>(&mut self) -> Result<u64> {
        let sql = &texts(T::TABLE).count;
        self.scratch.clear();
        let statement = self.prepare(T::TABLE, sql, &[], &[]).await?;
        let count = self.first(T::TABLE, &statement, |mut row| row.i64(0, &NUMBER)).await?;
        match count {
            Some(Got::Value(count)) => u64::try_from(count).map_err(|_| miscounted()),
            _ => Err(miscounted()),
        }
    }

    async fn delete_any<K: Key>(&mut self, table: &'static Table, keys: &[K]) -> Result<u64> {
        let texts = texts(table);
        self.bind_keys(table, keys)?;
        let statement = self.prepare(table, &texts.delete_any, &texts.key_arrays, &[]).await?;
        self.execute(table, &statement).await
    }

    /// Makes the keys the parameters, as one array per column.
    fn bind_keys<K: Key>(&mut self, table: &'static Table, keys: &[K]) -> Result<()> {
        let mut arrays = Arrays::new(table.key.len());
        for (at, key) in keys.iter().enumerate() {
            let put = key.put_key(table.key_columns(), &mut ArraySink::new(&mut arrays));
            put.map_err(|e| placed(at, e))?;
        }
        self.scratch.clear();
        arrays.finish(table.key_columns(), &mut self.scratch)
    }
}

/// A place that the server counts from 1.
pub(super) fn numbered(place: Got<i64>) -> Result<usize> {
    match place {
        Got::Value(number) => {
            let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            place.ok_or_else(miscounted)
        }
        Got::Null | Got::Absent => Err(miscounted()),
    }
}

#[cold]
pub(super) fn miscounted() -> Error {
    Error::new(Code::Internal, "the server counted what was not sent")
}

/// A value that may be missing.
pub(super) fn there<V>(got: Got<V>) -> Option<V> {
    match got {
        Got::Value(value) => Some(value),
        Got::Null | Got::Absent => None,
    }
}
