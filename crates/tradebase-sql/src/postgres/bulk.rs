//! Inserting many rows, and what all bulk operations have in common.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tradebase_core::{Code, Error, Result, Table};

use super::array::{ArraySink, Arrays};
use super::connection::Connection;
use super::copy::{CopySink, copy_end, copy_header};
use super::error::from_postgres;
use super::lease::{Group, Lease};
use super::place::run;
use super::scratch::Scratch;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::entry::Entry;
use crate::error::placed;
use crate::schema;

/// Rows from which a batch goes through COPY, which costs a round trip more than UNNEST and half
/// as much per row. On the loopback it wins at any number (10 rows: 240 µs against 420), over a
/// network the round trip outweighs that for some ten rows.
const COPY_ROWS_MIN: usize = 20;
/// Rows, or keys, that go as the parameters of one statement, at most.
pub(super) const STATEMENT_ROWS_MAX: usize = 10_000;
/// Bytes that go as the parameters of one statement, at most; a row that is larger goes alone.
pub(super) const STATEMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of a COPY that are sent at once.
const COPY_CHUNK_BYTES: usize = 64 << 10;

impl Store {
    /// Inserts rows, all or none; gives their keys if the server assigned them.
    pub(crate) async fn insert_many<E: Entry>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        rows: &[&E],
    ) -> Result<Vec<i64>> {
        let texts = texts(table);
        let lease = self.lease(call).await?;
        if schema::assigned(table).is_some() {
            call.runs(texts.unnest_assigned.as_ref().unwrap_or(&texts.fixed.insert_new));
            return run_group!(lease, (c, group) => c.insert_assigned(table, rows, group).await);
        }
        if let [row] = rows {
            call.runs(&texts.fixed.insert);
            return run!(lease, c => c.insert(*row).await.map(|_| Vec::new()));
        }
        if let Some(arrays) = self.few(table, rows)? {
            call.runs(&texts.unnest);
            return run!(lease, c => c.unnest(table, &arrays).await.map(|()| Vec::new()));
        }
        call.runs(&texts.copy_in);
        if lease.is_shared() || self.pool().address().pgbouncer {
            // A value that is refused in the middle of a COPY breaks it off, and with it the
            // transaction. Behind PgBouncer a COPY needs one.
            return run_group!(lease, (c, group) => {
                c.copy_within(table, rows, group).await.map(|()| Vec::new())
            });
        }
        run!(lease, c => c.copy(table, rows).await.map(|()| Vec::new()))
    }

    /// The rows as arrays, if they are too few for a COPY. Behind PgBouncer as many as one
    /// statement takes are few: it needs no transaction of several statements.
    fn few<E: Entry>(&self, table: &'static Table, rows: &[&E]) -> Result<Option<Scratch>> {
        let most =
            if self.pool().address().pgbouncer { STATEMENT_ROWS_MAX } else { COPY_ROWS_MIN - 1 };
        if rows.len() > most {
            return Ok(None);
        }
        let write = |_, row: &E, sink: &mut ArraySink<'_>| row.write(sink);
        let (arrays, count) = fill(0, rows, table.columns.len(), write)?;
        if count < rows.len() {
            return Ok(None);
        }
        let mut scratch = Scratch::new();
        arrays.finish(table.columns, &mut scratch)?;
        Ok(Some(scratch))
    }
}

/// Does the work of one call whose statements are a group, and gives the connection back. As
/// [`run`](super::place::run), for groups.
macro_rules! run_group {
    ($lease:expr, ($connection:ident, $group:ident) => $work:expr) => {{
        let mut lease = $lease;
        let $group = lease.group();
        loop {
            let $connection = lease.connection()?;
            let outcome = $work;
            if !$crate::postgres::bulk::repeats(&mut lease, &outcome).await {
                break $crate::postgres::bulk::finish(lease, outcome).await;
            }
        }
    }};
}
pub(super) use run_group;

/// Whether a group must be done once more, see [`Lease::prepares_anew`]; then it is undone.
pub(super) async fn repeats<R>(lease: &mut Lease, outcome: &Result<R>) -> bool {
    if !lease.prepares_anew(outcome) {
        return false;
    }
    let undo = lease.group().undo;
    match lease.connection() {
        Ok(connection) => connection.run(None, undo).await.is_ok(),
        Err(_) => false,
    }
}

/// Ends a call that ran statements as a group: undoes them if it failed.
pub(super) async fn finish<R>(mut lease: Lease, outcome: Result<R>) -> Result<R> {
    let undo = lease.group().undo;
    if outcome.is_err() && lease.connection()?.run(None, undo).await.is_err() {
        // Dropped like this, the connection is ended, which undoes as well.
        return outcome;
    }
    lease.done(outcome)
}

/// The first rows, as many as fit one statement, as arrays that `put` adds to, and their number.
/// The place of the first one in the batch is `from`.
pub(super) fn fill<E: Entry>(
    from: usize,
    rows: &[&E],
    columns: usize,
    mut put: impl FnMut(usize, &E, &mut ArraySink<'_>) -> Result<()>,
) -> Result<(Arrays, usize)> {
    let mut arrays = Arrays::new(columns);
    let mut count = 0;
    for row in rows.iter().take(STATEMENT_ROWS_MAX) {
        let mut sink = ArraySink::new(&mut arrays);
        put(count, row, &mut sink).map_err(|e| placed(from + count, e))?;
        count += 1;
        if arrays.size() >= STATEMENT_BYTES_MAX {
            break;
        }
    }
    Ok((arrays, count))
}

/// The error of a COPY, with its row if the server says which.
#[cold]
fn from_copy(error: &tokio_postgres::Error, table: &'static Table, from: usize) -> Error {
    let line = error.as_db_error().and_then(|refused| line_of(refused.where_()?));
    let error = from_postgres(error, Some(table));
    match line {
        Some(at) => placed(from + at, error),
        None => error,
    }
}

/// The row in `COPY trades, line 3`, from 0. The table may have any name.
fn line_of(context: &str) -> Option<usize> {
    let first = context.lines().next()?.strip_prefix("COPY ")?;
    let (_, line) = first.rsplit_once(", line ")?;
    let digits = line.split(|char: char| !char.is_ascii_digit()).next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

impl Connection {
    /// One statement for a small batch.
    pub(super) async fn unnest(&mut self, table: &'static Table, arrays: &Scratch) -> Result<()> {
        let texts = texts(table);
        self.know_table(table).await?;
        let statement = self.prepare(table, &texts.unnest, &texts.arrays, &[]).await?;
        let inserted = self.client.execute_raw(&statement, arrays.params()).await;
        inserted.map(drop).map_err(|e| from_postgres(&e, Some(table)))
    }

    /// As [`copy`](Connection::copy), as a group of its own.
    async fn copy_within<E: Entry>(
        &mut self,
        table: &'static Table,
        rows: &[&E],
        group: &Group,
    ) -> Result<()> {
        self.run(Some(table), group.begin).await?;
        self.copy(table, rows).await?;
        self.run(Some(table), group.end).await
    }

    /// A stream of rows. A COPY is one statement: it ends with all rows or with none, also when
    /// this call is cancelled in the middle.
    async fn copy<E: Entry>(&mut self, table: &'static Table, rows: &[&E]) -> Result<()> {
        self.know_table(table).await?;
        self.copy_by(table, &texts(table).copy_in, 0, rows, |_, row, chunk| {
            row.write(&mut CopySink::new(chunk, table.columns))
        })
        .await
    }

    /// Copies rows as `put` writes them, which gets the place of each. That of the first one in
    /// the batch is `from`.
    pub(super) async fn copy_by<E: Entry>(
        &mut self,
        table: &'static Table,
        sql: &str,
        from: usize,
        rows: &[&E],
        put: impl Fn(usize, &E, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| from_copy(&e, table, from);
        let statement = self.prepare(table, sql, &[], &[]).await?;
        let mut sink = pin!(self.client.copy_in::<_, Bytes>(&statement).await.map_err(failed)?);
        let mut chunk = Vec::with_capacity(COPY_CHUNK_BYTES);
        copy_header(&mut chunk);
        for (at, row) in rows.iter().enumerate() {
            put(from + at, row, &mut chunk).map_err(|e| placed(from + at, e))?;
            if chunk.len() >= COPY_CHUNK_BYTES {
                let next = Vec::with_capacity(COPY_CHUNK_BYTES);
                let full = std::mem::replace(&mut chunk, next);
                sink.send(full.into()).await.map_err(failed)?;
            }
        }
        copy_end(&mut chunk);
        sink.send(chunk.into()).await.map_err(failed)?;
        let count = sink.finish().await.map_err(failed)?;
        if usize::try_from(count) == Ok(rows.len()) {
            return Ok(());
        }
        let message = format!("{} rows were sent, the server took {count}", rows.len());
        Err(Error::new(Code::Internal, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_copy_is_a_row() {
        assert_eq!(line_of("COPY trades, line 3"), Some(2));
        assert_eq!(line_of("COPY odd, line 9, line 12, column price\nmore"), Some(11));
        assert_eq!(line_of("SQL statement \"COPY x, line 1\""), None);
        assert_eq!(line_of("COPY trades"), None);
    }
}
