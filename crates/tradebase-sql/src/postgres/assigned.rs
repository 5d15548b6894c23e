//! Many rows whose keys the server assigns, where the caller brings none.

use std::pin::pin;

use futures_util::TryStreamExt;
use tradebase_core::{Code, Error, Got, Result, Source, Table};

use super::bulk::{STATEMENT_ROWS_MAX, fill};
use super::connection::Connection;
use super::error::from_postgres;
use super::lease::Group;
use super::many::NUMBER;
use super::scratch::{BindSink, Scratch};
use super::source::RowSource;
use super::texts::texts;
use crate::entry::Entry;
use crate::error::placed;
use crate::schema;

/// Rows at the start of a batch that go together: all of them bring a key, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kin {
    /// Their number, at most what one statement takes.
    pub(super) count: usize,
    /// Which of them brings the greatest key; none if the server assigns them.
    pub(super) greatest: Option<usize>,
}

/// The first rows that go together; `from` is the place of the first one in the batch.
pub(super) fn kin<E: Entry>(rows: &[&E], assigned: usize, from: usize) -> Result<Kin> {
    let mut scratch = Scratch::new();
    let (mut count, mut greatest) = (0, None);
    for row in rows.iter().take(STATEMENT_ROWS_MAX) {
        scratch.clear();
        let put = row.put(assigned, &mut BindSink::new(&mut scratch));
        put.map_err(|e| placed(from + count, e))?;
        let (bytes, _) = scratch.parts();
        let key = <[u8; 8]>::try_from(bytes).ok().map(i64::from_be_bytes);
        match (key, greatest) {
            (None, Some(_)) => break,
            (Some(_), None) if count > 0 => break,
            (Some(key), Some((_, most))) if key <= most => {}
            (Some(key), _) => greatest = Some((count, key)),
            (None, None) => {}
        }
        count += 1;
    }
    Ok(Kin { count, greatest: greatest.map(|(at, _)| at) })
}

impl Connection {
    /// Inserts rows as a group, and gives their keys.
    pub(super) async fn insert_assigned<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
        group: &Group,
    ) -> Result<Vec<i64>> {
        self.run(Some(table), group.begin).await?;
        if let Some(keys) = self.insert_kin(table, rows).await? {
            self.run(Some(table), group.end).await?;
            return Ok(keys);
        }
        // No statement of many rows says which key is whose: one by one.
        self.run(Some(table), group.undo).await?;
        self.run(Some(table), group.begin).await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            keys.extend(self.insert(*row).await?);
        }
        self.run(Some(table), group.end).await?;
        Ok(keys)
    }

    /// None if it is not known which key is whose.
    async fn insert_kin<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
    ) -> Result<Option<Vec<i64>>> {
        let Some((assigned, _)) = schema::assigned(table) else { return Ok(None) };
        let mut keys = Vec::with_capacity(rows.len());
        while let Some(rest @ [first, ..]) = rows.get(keys.len()..) {
            let Kin { count, greatest } = kin(rest, assigned, keys.len())?;
            let rest = rest.get(..count).unwrap_or_default();
            match greatest.and_then(|at| rest.get(at)) {
                Some(greatest) => {
                    self.advance(*greatest).await?;
                    self.insert_keyed(table, rest, assigned, &mut keys).await?;
                }
                None if count == 1 => keys.extend(self.insert(*first).await?),
                None if self.insert_unkeyed(table, rest, assigned, &mut keys).await? => {}
                None => return Ok(None),
            }
        }
        Ok(Some(keys))
    }

    /// Inserts the first of these rows, as many as fit one statement. False if the server did not
    /// assign greater and greater keys, as sequences do: then they do not tell the order of the
    /// rows.
    async fn insert_unkeyed<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
        assigned: usize,
        keys: &mut Vec<i64>,
    ) -> Result<bool> {
        let failed = |e| from_postgres(&e, Some(table));
        let texts = texts(table);
        let Some(sql) = &texts.unnest_assigned else { return Ok(false) };
        self.know_table(table).await?;
        let sent = || (0..table.columns.len()).filter(|at| *at != assigned);
        let (arrays, count) = fill(keys.len(), rows, sent().count(), |_, row, sink| {
            sent().try_for_each(|at| row.put(at, sink))
        })?;
        self.scratch.clear();
        arrays.finish(sent().map(|at| &table.columns[at]), &mut self.scratch)?;
        let statement = self.prepare(table, sql, &texts.new_arrays, &[]).await?;
        let from = keys.len();
        let answers = self.client.query_raw(&statement, self.scratch.params()).await;
        let mut answers = pin!(answers.map_err(failed)?);
        while let Some(row) = answers.try_next().await.map_err(failed)? {
            match RowSource::new(&row).i64(0, &NUMBER)? {
                Got::Value(key) => keys.push(key),
                Got::Null | Got::Absent => return Err(unassigned()),
            }
        }
        let keys = keys.get(from..).unwrap_or_default();
        Ok(keys.len() == count && keys.is_sorted_by(|a, b| a < b))
    }

    /// Inserts the first of these rows, which bring their keys.
    async fn insert_keyed<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
        assigned: usize,
        keys: &mut Vec<i64>,
    ) -> Result<()> {
        let columns = table.columns.len();
        let (arrays, count) = fill(keys.len(), rows, columns, |_, row, sink| row.write(sink))?;
        let mut scratch = Scratch::new();
        arrays.finish(table.columns, &mut scratch)?;
        self.unnest(table, &scratch).await?;
        for row in rows.iter().take(count) {
            scratch.clear();
            row.put(assigned, &mut BindSink::new(&mut scratch))?;
            let key = <[u8; 8]>::try_from(scratch.parts().0).map_err(|_| unassigned())?;
            keys.push(i64::from_be_bytes(key));
        }
        Ok(())
    }
}

#[cold]
fn unassigned() -> Error {
    Error::new(Code::Internal, "no key was assigned")
}
