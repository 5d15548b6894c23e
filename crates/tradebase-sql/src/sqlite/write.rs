//! Insert, update, delete.

use rusqlite::Statement;
use tokio::task::yield_now;
use tradebase_core::{Code, Error, Got, Key, Record, Result, Source, Table, Timestamp};

use super::blame;
use super::error::from_sqlite;
use super::sink::BindSink;
use super::source::RowSource;
use super::statements;
use super::store::{Store, Writing, patiently};
use crate::call::Call;
use crate::error::unassigned;
use crate::schema;
use crate::sql::Updated;

/// Rows of a batch that are written before other tasks of the thread get their turn: about a
/// millisecond.
const ROWS_PER_TURN: usize = 256;

impl Store {
    /// Inserts a row; gives the key if the database assigned it.
    pub(crate) async fn insert<T: Record>(&self, call: &Call<'_>, row: &T) -> Result<Option<i64>> {
        let mut writer = self.writer(call).await?;
        patiently(self.busy_wait(), || {
            let writing = writer.parts()?;
            let mut keys = Vec::new();
            writing.insert(&[row], &mut keys)?;
            Ok(keys.pop())
        })
        .await
    }

    /// Inserts rows, all or none; gives their keys if the database assigned them.
    pub(crate) async fn insert_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
    ) -> Result<Vec<i64>> {
        let mut writer = self.begin(call).await?;
        let mut keys = Vec::new();
        for turn in rows.chunks(ROWS_PER_TURN) {
            writer.parts()?.insert(turn, &mut keys)?;
            if turn.len() == ROWS_PER_TURN {
                yield_now().await;
            }
        }
        writer.run("COMMIT")?;
        Ok(keys)
    }

    /// Writes all columns of a row that is there.
    pub(crate) async fn update<T: Record>(
        &self,
        call: &Call<'_>,
        row: &T,
        version: Option<i64>,
    ) -> Result<Updated> {
        let mut writer = self.writer(call).await?;
        patiently(self.busy_wait(), || writer.parts()?.update(row, version)).await
    }

    /// Deletes the row of a key.
    pub(crate) async fn delete<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<bool> {
        let mut writer = self.writer(call).await?;
        patiently(self.busy_wait(), || writer.parts()?.delete::<T>(key)).await
    }
}

impl Writing {
    /// Inserts rows by one prepared statement, and notes the keys the database assigned.
    fn insert<T: Record>(&mut self, rows: &[&T], keys: &mut Vec<i64>) -> Result<()> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let sql = &statements(T::TABLE).insert;
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let assigns = schema::assigned(T::TABLE).is_some();
        for row in rows {
            row.write(&mut BindSink::new(&mut statement, &mut self.scratch))?;
            if assigns {
                let key = assigned_key(&mut statement, T::TABLE);
                keys.push(key.map_err(|e| blame::of_row(&self.connection, *row, e))?);
            } else {
                let inserted = statement.raw_execute().map_err(failed);
                inserted.map_err(|e| blame::of_row(&self.connection, *row, e))?;
            }
        }
        Ok(())
    }

    fn update<T: Record>(&mut self, row: &T, version: Option<i64>) -> Result<Updated> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let texts = statements(T::TABLE);
        let mut statement = self.connection.prepare_cached(&texts.update).map_err(failed)?;
        let mut sink = BindSink::new(&mut statement, &mut self.scratch);
        row.write(&mut sink)?;
        if sink.skipped() {
            return Err(unassigned(T::TABLE));
        }
        if texts.update_by_version {
            sink.integer(version.ok_or_else(versionless)?)?;
        }
        let updated = if texts.update_returns_created {
            made_at(&mut statement, T::TABLE)
        } else {
            let count = statement.raw_execute().map_err(failed);
            count.map(|count| (count > 0).then_some(Updated::Yes { created: None }))
        };
        let updated = updated.map_err(|e| blame::of_row(&self.connection, row, e))?;
        drop(statement);
        match updated {
            Some(updated) => Ok(updated),
            None if texts.update_by_version && self.exists::<T>(&row.key())? => {
                Ok(Updated::OtherVersion)
            }
            None => Ok(Updated::Missing),
        }
    }

    fn delete<T: Record>(&mut self, key: &T::Key) -> Result<bool> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let sql = &statements(T::TABLE).delete;
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        bind_key::<T>(key, &mut statement, &mut self.scratch)?;
        let deleted = statement.raw_execute().map_err(failed);
        Ok(deleted.map_err(|e| blame::of_key::<T>(&self.connection, key, e))? > 0)
    }

    fn exists<T: Record>(&mut self, key: &T::Key) -> Result<bool> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let sql = &statements(T::TABLE).exists;
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        bind_key::<T>(key, &mut statement, &mut self.scratch)?;
        let mut rows = statement.raw_query();
        Ok(rows.next().map_err(failed)?.is_some())
    }
}

/// Binds the key's columns as the first parameters.
pub(super) fn bind_key<T: Record>(
    key: &T::Key,
    statement: &mut Statement<'_>,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let mut sink = BindSink::new(statement, scratch);
    key.put_key(T::TABLE.key_columns(), &mut sink)?;
    if sink.skipped() { Err(unassigned(T::TABLE)) } else { Ok(()) }
}

/// Runs an insert that gives the key back.
fn assigned_key(statement: &mut Statement<'_>, table: &'static Table) -> Result<i64> {
    let failed = |e| from_sqlite(&e, Some(table));
    let mut rows = statement.raw_query();
    let key = match (rows.next().map_err(failed)?, schema::assigned(table)) {
        (Some(row), Some((_, column))) => RowSource::new(row).i64(0, column)?,
        _ => Got::Absent,
    };
    // The statement commits at its end, not with its first row.
    while rows.next().map_err(failed)?.is_some() {}
    match key {
        Got::Value(key) => Ok(key),
        Got::Null | Got::Absent => Err(Error::new(Code::Internal, "no key was assigned")),
    }
}

/// Runs an update that gives back when the row was made; none if no row was updated.
fn made_at(statement: &mut Statement<'_>, table: &'static Table) -> Result<Option<Updated>> {
    let failed = |e| from_sqlite(&e, Some(table));
    let mut rows = statement.raw_query();
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let created: Got<Timestamp> = match table.playing(tradebase_core::Roles::CREATED) {
        Some((_, column)) => RowSource::new(row).timestamp(0, column)?,
        None => Got::Absent,
    };
    while rows.next().map_err(failed)?.is_some() {}
    let created = match created {
        Got::Value(created) => Some(created),
        Got::Null | Got::Absent => None,
    };
    Ok(Some(Updated::Yes { created }))
}

#[cold]
fn versionless() -> Error {
    Error::new(Code::Internal, "a record with a version column tells no version")
}
