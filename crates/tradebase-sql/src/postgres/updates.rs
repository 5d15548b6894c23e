//! Updating many rows in one statement, and some columns of one row.

use std::collections::HashSet;
use std::fmt::Write;
use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::types::Type;
use tradebase_core::{
    Code, Error, Got, Key, Kind, Record, Result, Roles, Sink, Source, Table, Timestamp, Value,
};

use super::array::{ArraySink, Arrays};
use super::bulk::{STATEMENT_ROWS_MAX, fill, finish, repeats};
use super::connection::Connection;
use super::error::from_postgres;
use super::gets::key_cells;
use super::lease::Group;
use super::many::{NUMBER, miscounted, numbered};
use super::parameters::Encoded;
use super::place::run;
use super::scratch::BindSink;
use super::source::RowSource;
use super::store::Store;
use super::texts::{texts, update_columns};
use super::types::{array_of, type_of};
use crate::call::Call;
use crate::error::{missing, other_version, placed, twice};
use crate::naming::{quoted, words};
use crate::patch::Change;
use crate::render::Parameters;
use crate::sql::Updated;

impl Store {
    /// Writes all columns of rows that are there, all or none; gives when each was made, if the
    /// record says so. An error names the row of the batch.
    pub(crate) async fn update_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        versions: &[Option<i64>],
    ) -> Result<Vec<Option<Timestamp>>> {
        let texts = texts(T::TABLE);
        call.runs(&texts.update_many);
        self.update_rows(call, rows, versions, None).await
    }

    /// Writes these columns of rows that are there, all or none. An error names the row of the
    /// batch.
    pub(crate) async fn update_columns<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        versions: &[Option<i64>],
        columns: &[usize],
    ) -> Result<()> {
        let part = Part::new(T::TABLE, columns);
        call.runs_own(&part.text);
        self.update_rows(call, rows, versions, Some(&part)).await.map(drop)
    }

    async fn update_rows<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        versions: &[Option<i64>],
        part: Option<&Part>,
    ) -> Result<Vec<Option<Timestamp>>> {
        differ(rows)?;
        let mut lease = self.lease(call).await?;
        let group = lease.group();
        let mut created = vec![None; rows.len()];
        let updated = loop {
            let connection = lease.connection()?;
            let updated = connection.update_all(group, rows, versions, part, &mut created).await;
            if !repeats(&mut lease, &updated).await {
                break updated;
            }
        };
        let Ok(Some(done)) = updated else {
            return finish(lease, updated.map(|_| created)).await;
        };
        // Some rows were not found, in the statement that began with this one.
        let connection = lease.connection()?;
        connection.run(Some(T::TABLE), group.undo).await?;
        let (rows, versions) =
            (rows.get(done..).unwrap_or_default(), versions.get(done..).unwrap_or_default());
        let lost = connection.find_lost(rows, versions).await;
        lease.done(Err(lost.map_or_else(|e| e, |(at, error)| placed(done + at, error))))
    }

    /// Writes some columns of a row.
    pub(crate) async fn patch<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        key: &K,
        change: &Change,
    ) -> Result<Updated> {
        let (text, encoded) = patch_text(table, key, change)?;
        call.runs_own(&text);
        let patch = (text.as_str(), &encoded);
        run!(self.lease(call).await?, c => c.patch(table, key, change, patch).await)
    }
}

/// An update of some columns.
struct Part {
    /// The columns that are sent: those that are written, and the key.
    sent: Vec<usize>,
    text: String,
    types: Vec<Type>,
}

impl Part {
    fn new(table: &'static Table, columns: &[usize]) -> Self {
        let sent: Vec<_> = columns.iter().chain(table.key).copied().collect();
        let version = table.playing(Roles::VERSION).map(|(_, column)| column);
        let kinds = sent.iter().map(|&at| &table.columns[at]).chain(version);
        let types = kinds.map(|column| array_of(column.kind)).collect();
        Self { text: update_columns(table, columns, &sent), sent, types }
    }
}

/// Refuses rows that have the same key.
fn differ<T: Record>(rows: &[&T]) -> Result<()> {
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let key = key_cells::<T>(&row.key()).map_err(|e| placed(at, e))?;
        if !seen.insert(key) {
            return Err(twice(Code::Invalid, at, words(T::TABLE, T::TABLE.key)));
        }
    }
    Ok(())
}

impl Connection {
    /// Updates all rows as a group, which is left open if some were not found: then it gives the
    /// first row of the statement that did not find them.
    async fn update_all<T: Record>(
        &mut self,
        group: &Group,
        rows: &[&T],
        versions: &[Option<i64>],
        part: Option<&Part>,
        created: &mut [Option<Timestamp>],
    ) -> Result<Option<usize>> {
        self.run(Some(T::TABLE), group.begin).await?;
        let mut done = 0;
        while let (Some(rows @ [_, ..]), Some(versions), Some(created)) =
            (rows.get(done..), versions.get(done..), created.get_mut(done..))
        {
            let updated = self.update_many(done, rows, versions, part, created).await?;
            let Some(count) = updated else {
                return Ok(Some(done));
            };
            done += count;
        }
        self.run(Some(T::TABLE), group.end).await?;
        Ok(None)
    }

    /// Updates the first rows, as many as fit one statement, and gives their number. None if one
    /// of them is not there, or has another version. The place of the first one in the batch is
    /// `from`.
    async fn update_many<T: Record>(
        &mut self,
        from: usize,
        rows: &[&T],
        versions: &[Option<i64>],
        part: Option<&Part>,
        created: &mut [Option<Timestamp>],
    ) -> Result<Option<usize>> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        let texts = texts(T::TABLE);
        self.know::<T>().await?;
        let version = T::TABLE.playing(Roles::VERSION).map(|(_, column)| column);
        let sent = |part: Option<&Part>| part.map_or(T::TABLE.columns.len(), |p| p.sent.len());
        let columns = sent(part) + usize::from(version.is_some());
        let (arrays, sent) = fill(from, rows, columns, |at, row, sink| {
            match part {
                None => row.write(sink)?,
                Some(part) => part.sent.iter().try_for_each(|&at| row.put(at, sink))?,
            }
            match version {
                Some(column) => sink.i64(column, expected(versions, at)?),
                None => Ok(()),
            }
        })?;
        self.scratch.clear();
        let (text, types) = match part {
            None => {
                arrays.finish(T::TABLE.columns.iter().chain(version), &mut self.scratch)?;
                (&texts.update_many, &texts.update_arrays)
            }
            Some(part) => {
                let columns = part.sent.iter().map(|&at| &T::TABLE.columns[at]);
                arrays.finish(columns.chain(version), &mut self.scratch)?;
                (&part.text, &part.types)
            }
        };
        let statement = self.prepare(T::TABLE, text, types, &[]).await?;
        let made = T::TABLE.playing(Roles::CREATED).filter(|_| part.is_none());
        let Some((_, made)) = made else {
            let count = self.execute(T::TABLE, &statement).await?;
            return Ok((usize::try_from(count) == Ok(sent)).then_some(sent));
        };
        let updated = self.client.query_raw(&statement, self.scratch.params()).await;
        let mut updated = pin!(updated.map_err(failed)?);
        let mut count = 0;
        while let Some(row) = updated.try_next().await.map_err(failed)? {
            let mut source = RowSource::new(&row);
            let place = created.get_mut(numbered(source.i64(0, &NUMBER)?)?);
            if let Got::Value(at) = source.timestamp(1, made)? {
                *place.ok_or_else(miscounted)? = Some(at);
            }
            count += 1;
        }
        Ok((count == sent).then_some(sent))
    }

    /// The first of these rows that is not there, or that has another version.
    async fn find_lost<T: Record>(
        &mut self,
        rows: &[&T],
        versions: &[Option<i64>],
    ) -> Result<(usize, Error)> {
        let texts = texts(T::TABLE);
        let version = T::TABLE.playing(Roles::VERSION).map(|(_, column)| column);
        let mut arrays = Arrays::new(T::TABLE.key.len() + usize::from(version.is_some()));
        for (at, row) in rows.iter().enumerate().take(STATEMENT_ROWS_MAX) {
            let mut sink = ArraySink::new(&mut arrays);
            for &at in T::TABLE.key {
                row.put(at, &mut sink)?;
            }
            if let Some(column) = version {
                sink.i64(column, expected(versions, at)?)?;
            }
        }
        self.scratch.clear();
        arrays.finish(T::TABLE.key_columns().chain(version), &mut self.scratch)?;
        let statement = self.prepare(T::TABLE, &texts.find_lost, &texts.lost_arrays, &[]).await?;
        let read = |mut row: RowSource<'_>| Ok((row.i64(0, &NUMBER)?, row.bool(1, &IS_THERE)?));
        match self.first(T::TABLE, &statement, read).await? {
            Some((at, is_there)) => {
                let at = numbered(at)?;
                Ok((
                    at,
                    match is_there {
                        Got::Value(true) => other_version(versions.get(at).copied().flatten()),
                        _ => missing(),
                    },
                ))
            }
            None => Err(moved()),
        }
    }

    async fn patch<K: Key>(
        &mut self,
        table: &'static Table,
        key: &K,
        change: &Change,
        (text, encoded): (&str, &Encoded),
    ) -> Result<Updated> {
        self.know_table(table).await?;
        let statement = self.prepare(table, text, &encoded.types, &[]).await?;
        let patched = self.client.execute_raw(&statement, encoded.scratch.params()).await;
        if patched.map_err(|e| from_postgres(&e, Some(table)))? > 0 {
            return Ok(Updated::Yes { created: None });
        }
        if change.version.is_some() && self.exists(table, key).await? {
            return Ok(Updated::OtherVersion);
        }
        Ok(Updated::Missing)
    }
}

/// Whether a row is there.
static IS_THERE: tradebase_core::Column =
    tradebase_core::Column::new("is_there", Kind::Bool, false);

fn expected(versions: &[Option<i64>], at: usize) -> Result<i64> {
    let message = "a record with a version column tells no version";
    versions.get(at).copied().flatten().ok_or_else(|| Error::new(Code::Internal, message))
}

/// Rows that an update did not find were there when they were looked for.
#[cold]
fn moved() -> Error {
    let message = "another call changed the rows meanwhile, nothing is updated: try again";
    Error::new(Code::TransactionFailed, message)
}

/// `UPDATE … SET a = $1, version = version + 1 WHERE id = $2 AND version = $3`, with its
/// parameters. Patches of the same columns have the same text.
fn patch_text<K: Key>(
    table: &'static Table,
    key: &K,
    change: &Change,
) -> Result<(String, Encoded)> {
    let (mut text, mut encoded) = (String::new(), Encoded::default());
    _ = write!(text, "UPDATE {} SET ", quoted(table.name));
    for (i, (at, value)) in change.values.iter().enumerate() {
        let Some(column) = table.columns.get(*at) else { continue };
        encoded.one(column, value)?;
        let comma = if i == 0 { "" } else { ", " };
        _ = write!(text, "{comma}{} = ${}", quoted(column.name.text), encoded.types.len());
    }
    let version = table.playing(Roles::VERSION).map(|(_, column)| column);
    if let Some(column) = version {
        let name = quoted(column.name.text);
        _ = write!(text, ", {name} = {name} + 1");
    }
    text.push_str(" WHERE ");
    put_key(table, key, &mut text, &mut encoded)?;
    if let (Some(column), Some(version)) = (version, change.version) {
        encoded.one(column, &Value::Int(version))?;
        _ = write!(text, " AND {} = ${}", quoted(column.name.text), encoded.types.len());
    }
    Ok((text, encoded))
}

fn put_key<K: Key>(
    table: &'static Table,
    key: &K,
    text: &mut String,
    encoded: &mut Encoded,
) -> Result<()> {
    key.put_key(table.key_columns(), &mut BindSink::new(&mut encoded.scratch))?;
    if encoded.scratch.skipped() {
        return Err(crate::error::unassigned(table));
    }
    for (i, column) in table.key_columns().enumerate() {
        encoded.types.push(type_of(column.kind));
        let and = if i == 0 { "" } else { " AND " };
        _ = write!(text, "{and}{} = ${}", quoted(column.name.text), encoded.types.len());
    }
    Ok(())
}
