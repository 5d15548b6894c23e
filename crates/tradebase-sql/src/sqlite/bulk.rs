//! Many rows at once: one statement, prepared once, in one transaction.
//!
//! On the caller's thread in short turns, between which other tasks get theirs: the rows need not
//! be copied for another thread.

use std::collections::HashSet;

use rusqlite::Statement;
use tokio::task::yield_now;
use tradebase_core::{Code, Key, Record, Result, Table, Timestamp};

use super::blame;
use super::change::columns_text;
use super::error::from_sqlite;
use super::image::Image;
use super::read::exists;
use super::sink::{BindSink, ValueSink};
use super::statements;
use super::store::Store;
use super::unit::{Changing, Unit, noted};
use super::upsert::{self, Landing};
use super::write::{created_in, key_image, key_in, no_key, only_row, versionless};
use super::writing::Writing;
use crate::call::Call;
use crate::conflict::{Landed, Plan};
use crate::entry::Entry;
use crate::error::{missing, other_version, placed, twice, unassigned};
use crate::naming::words;
use crate::schema;

/// Rows that are written before other tasks of the thread get their turn: measured, 0.25 ms for
/// rows of 100 bytes.
const ROWS_PER_TURN: usize = 256;

impl Store {
    /// Inserts rows, all or none; gives their keys if the database assigned them.
    pub(crate) async fn insert_many<E: Entry>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        rows: &[&E],
    ) -> Result<Vec<i64>> {
        call.runs(&statements(table).insert);
        let mut keys = Vec::new();
        let work = |writing: &mut Writing, turn: &[&E], from: usize| {
            writing.insert(table, turn, from, &mut keys)
        };
        self.in_turns(call, rows, work).await?;
        Ok(keys)
    }

    /// Writes all columns of rows that are there, all or none; gives when each was made, if the
    /// record says so.
    pub(crate) async fn update_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        versions: &[Option<i64>],
    ) -> Result<Vec<Option<Timestamp>>> {
        call.runs(&statements(T::TABLE).update);
        differ(rows)?;
        let mut created = Vec::new();
        let work = |writing: &mut Writing, turn: &[&T], from: usize| {
            let versions = versions.iter().skip(from);
            writing.update(turn, versions, from, &mut created)
        };
        self.in_turns(call, rows, work).await?;
        Ok(created)
    }

    /// Writes these columns of rows that are there, all or none.
    pub(crate) async fn update_columns<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        versions: &[Option<i64>],
        columns: &[usize],
    ) -> Result<()> {
        let text = columns_text(T::TABLE, columns);
        call.runs_own(&text);
        differ(rows)?;
        let work = |writing: &mut Writing, turn: &[&T], from: usize| {
            let versions = versions.iter().skip(from);
            writing.update_columns(turn, versions, from, columns, &text)
        };
        self.in_turns(call, rows, work).await
    }

    /// Inserts rows, or does with those that are there what the plan says, all or none.
    pub(crate) async fn upsert_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        plan: &Plan,
    ) -> Result<Vec<Landed>> {
        let landing = upsert::landing(T::TABLE, plan);
        landing.insert.note(call);
        let on = if plan.on.is_empty() { T::TABLE.key } else { plan.on.as_slice() };
        let mut seen = Seen::default();
        for (at, row) in rows.iter().enumerate() {
            match sameness(*row, on)? {
                Some(same) => seen.add(&same),
                None => seen.add_other(at),
            }
        }
        if let Some(at) = seen.twice() {
            return Err(twice(Code::NotUnique, at, words(T::TABLE, on)));
        }
        let mut landed = Vec::new();
        let work = |writing: &mut Writing, turn: &[&T], from: usize| {
            writing.upsert(turn, &landing, from, &mut landed)
        };
        self.in_turns(call, rows, work).await?;
        Ok(landed)
    }

    /// Deletes the rows of these keys, all or none, and counts those that were there.
    pub(crate) async fn delete_many<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        keys: &[K],
    ) -> Result<u64> {
        call.runs(&statements(table).delete);
        let mut count = 0;
        self.in_turns(call, keys, |writing, turn, _| {
            count += writing.delete(table, turn)?;
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Hands the rows over in turns, within one transaction.
    async fn in_turns<R>(
        &self,
        call: &Call<'_>,
        rows: &[R],
        mut work: impl FnMut(&mut Writing, &[R], usize) -> Result<()>,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut unit = Unit::begin(self, call).await?;
        let changing = Changing::begin(call);
        let done = async {
            let mut from = 0;
            for turn in rows.chunks(ROWS_PER_TURN) {
                work(unit.writing()?, turn, from)?;
                from += turn.len();
                if turn.len() == ROWS_PER_TURN {
                    yield_now().await;
                }
            }
            unit.commit(self, call).await
        };
        let done = done.await;
        changing.end();
        noted(call, done)
    }
}

impl Writing {
    /// Inserts rows by one prepared statement, the first of them being row `from`, and notes the keys the database assigned.
    fn insert<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
        from: usize,
        keys: &mut Vec<i64>,
    ) -> Result<()> {
        let failed = |e| from_sqlite(&e, Some(table));
        let sql = &statements(table).insert;
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let assigns = schema::assigned(table).is_some();
        for (at, row) in rows.iter().enumerate() {
            let blamed = |e| placed(from + at, blame::of_row(&self.connection, *row, e));
            row.write(&mut BindSink::new(&mut statement, &mut self.scratch))?;
            if assigns {
                let key =
                    only_row(&mut statement, table, |row, table| key_in(row, 0, table), || {});
                keys.push(key.map_err(blamed)?.flatten().ok_or_else(no_key)?);
            } else {
                statement.raw_execute().map_err(failed).map_err(blamed)?;
            }
        }
        Ok(())
    }

    fn update<'v, T: Record>(
        &mut self,
        rows: &[&T],
        versions: impl Iterator<Item = &'v Option<i64>>,
        from: usize,
        created: &mut Vec<Option<Timestamp>>,
    ) -> Result<()> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let texts = statements(T::TABLE);
        let mut statement = self.connection.prepare_cached(&texts.update).map_err(failed)?;
        for (at, (row, version)) in rows.iter().zip(versions).enumerate() {
            let at = from + at;
            let mut sink = BindSink::new(&mut statement, &mut self.scratch);
            row.write(&mut sink)?;
            if texts.update_by_version {
                sink.integer(version.ok_or_else(versionless)?)?;
            }
            let made = if texts.update_returns_created {
                only_row(&mut statement, T::TABLE, |row, table| created_in(row, 0, table), || {})
            } else {
                let count = statement.raw_execute().map_err(failed);
                count.map(|count| (count > 0).then_some(None))
            };
            match made.map_err(|e| placed(at, blame::of_row(&self.connection, *row, e)))? {
                Some(made) => created.push(made),
                None if texts.update_by_version && exists::<T>(&self.connection, &row.key())? => {
                    return Err(placed(at, other_version(*version)));
                }
                None => return Err(placed(at, missing())),
            }
        }
        Ok(())
    }

    fn update_columns<'v, T: Record>(
        &mut self,
        rows: &[&T],
        versions: impl Iterator<Item = &'v Option<i64>>,
        from: usize,
        columns: &[usize],
        text: &str,
    ) -> Result<()> {
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let versioned = statements(T::TABLE).update_by_version;
        let mut statement = self.connection.prepare_cached(text).map_err(failed)?;
        for (at, (row, version)) in rows.iter().zip(versions).enumerate() {
            let at = from + at;
            let mut sink = BindSink::new(&mut statement, &mut self.scratch);
            for &at in columns.iter().chain(T::TABLE.key) {
                row.put(at, &mut sink)?;
            }
            if versioned {
                sink.integer(version.ok_or_else(versionless)?)?;
            }
            let count = statement.raw_execute().map_err(failed);
            let blamed = |e| placed(at, blame::of_row(&self.connection, *row, e));
            if count.map_err(blamed)? > 0 {
                continue;
            }
            let there = versioned && exists::<T>(&self.connection, &row.key())?;
            return Err(placed(at, if there { other_version(*version) } else { missing() }));
        }
        Ok(())
    }

    fn upsert<T: Record>(
        &mut self,
        rows: &[&T],
        texts: &Landing,
        from: usize,
        landed: &mut Vec<Landed>,
    ) -> Result<()> {
        use crate::conflict::Upserted::{Inserted, Updated};
        let failed = |e| from_sqlite(&e, Some(T::TABLE));
        let prepare = |text: &str| self.connection.prepare_cached(text).map_err(failed);
        let mut insert = prepare(texts.insert.as_str())?;
        let mut update = texts.update.as_ref().map(|text| prepare(text.as_str())).transpose()?;
        for (at, row) in rows.iter().enumerate() {
            let run = |statement: &mut Statement<'_>, scratch: &mut Vec<u8>, how| {
                let mut sink = ValueSink::image(scratch);
                row.write(&mut sink)?;
                sink.into_image().bind(statement)?;
                only_row(statement, T::TABLE, |row, table| upsert::landed(row, table, how), || {})
            };
            let placed = |e| placed(from + at, blame::of_row(&self.connection, *row, e));
            let inserted = run(&mut insert, &mut self.scratch, Inserted).map_err(placed)?;
            landed.push(match (inserted, &mut update) {
                (Some(landed), _) => landed,
                (None, None) => upsert::kept(),
                (None, Some(update)) => {
                    let updated = run(update, &mut self.scratch, Updated).map_err(placed)?;
                    updated.ok_or_else(|| placed(missing()))?
                }
            });
        }
        Ok(())
    }

    fn delete<K: Key>(&mut self, table: &'static Table, keys: &[K]) -> Result<u64> {
        let failed = |e| from_sqlite(&e, Some(table));
        let sql = &statements(table).delete;
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut count = 0;
        for key in keys {
            bind_key(table, key, &mut statement, &mut self.scratch)?;
            if statement.raw_execute().map_err(failed)? > 0 {
                count += 1;
            }
        }
        Ok(count)
    }
}

/// Binds the key's columns as the first parameters.
pub(super) fn bind_key<K: Key>(
    table: &'static Table,
    key: &K,
    statement: &mut Statement<'_>,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let mut sink = BindSink::new(statement, scratch);
    key.put_key(table.key_columns(), &mut sink)?;
    if sink.skipped() { Err(unassigned(table)) } else { Ok(()) }
}

/// The keys of a batch, to find two that are the same.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Whether each is behind the one before it, so that no two are the same.
    rises: Option<bool>,
}

impl Seen {
    fn add(&mut self, key: &Image) {
        let last = self.ends.len().checked_sub(1).and_then(|last| self.key(last));
        let rises = last.is_none_or(|last| last < key.bytes());
        self.rises = Some(self.rises.unwrap_or(true) && rises);
        self.bytes.extend_from_slice(key.bytes());
        self.ends.push(self.bytes.len());
    }

    /// A row that is like no other.
    fn add_other(&mut self, at: usize) {
        let mut number = Image::new();
        number.integer(i64::try_from(at).unwrap_or(i64::MAX));
        // No key is of such a form: it would be null.
        self.bytes.push(u8::MAX);
        self.bytes.extend_from_slice(number.bytes());
        self.ends.push(self.bytes.len());
        self.rises = Some(false);
    }

    fn key(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).unwrap_or(&0);
        self.bytes.get(*start..*self.ends.get(at)?)
    }

    /// The place of the first key that was there before.
    fn twice(&self) -> Option<usize> {
        if self.rises != Some(false) {
            return None;
        }
        let mut seen = HashSet::with_capacity(self.ends.len());
        (0..self.ends.len()).find(|&at| self.key(at).is_some_and(|key| !seen.insert(key)))
    }
}

/// In what a row is the same as another; none if it is like no other.
fn sameness<T: Record>(row: &T, on: &[usize]) -> Result<Option<Image>> {
    let mut scratch = Vec::new();
    let mut sink = ValueSink::image(&mut scratch);
    for &at in on {
        row.put(at, &mut sink)?;
    }
    let skipped = sink.skipped();
    let image = sink.into_image();
    Ok((!skipped && !image.has_null()).then_some(image))
}

/// Refuses rows that have the same key.
fn differ<T: Record>(rows: &[&T]) -> Result<()> {
    let mut seen = Seen::default();
    for (at, row) in rows.iter().enumerate() {
        seen.add(&key_image(T::TABLE, &row.key()).map_err(|e| placed(at, e))?);
    }
    match seen.twice() {
        Some(at) => Err(twice(Code::Invalid, at, words(T::TABLE, T::TABLE.key))),
        None => Ok(()),
    }
}
