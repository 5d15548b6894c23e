//! A temporary table on the way to another one, for statements that take many rows.
//!
//! Rows come to a table by COPY alone, which cannot tell what to do with those that are there
//! already. So they are copied into a temporary table first, and one statement takes them from
//! there. The table is made once per connection, and each transaction that ends leaves it empty.
//! The server cannot age past a temporary table of a connection that lives on; connections end
//! by their age long before that matters.

use std::fmt::Write;

use tradebase_core::{Column, Got, Kind, Result, Sink, Source, Table};

use super::connection::Connection;
use super::copy::CopySink;
use super::many::{NUMBER, miscounted};
use super::source::RowSource;
use super::types::type_of;
use crate::entry::Entry;
use crate::naming::{fnv, literal, quoted};

static ANSWER: Column = Column::new("answer", Kind::Bool, false);

/// A temporary table for rows of which these columns are sent.
#[derive(Debug)]
pub(super) struct Staging {
    /// Whether the connection has the table, and whether its user may make one.
    look: String,
    create: String,
    empty: String,
    copy_in: String,
    /// Its rows, in the order in which they were sent.
    pub(super) source: String,
}

impl Staging {
    /// The table is named by its columns, so that two records that are stored under one name, and
    /// two versions of one, never meet in it.
    pub(super) fn new(table: &Table, sent: &[usize]) -> Self {
        let (mut columns, mut names) = (String::new(), String::new());
        for (i, column) in sent.iter().filter_map(|&at| table.columns.get(at)).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            _ = write!(names, "{comma}c{i}");
            _ = write!(columns, ", c{i} {}", type_of(column.kind).name());
        }
        let name = quoted(&format!("tradebase_{:016x}", fnv(columns.as_bytes())));
        let name = format!("pg_temp.{name}");
        Self {
            look: format!(
                "SELECT pg_catalog.to_regclass({}) IS NOT NULL, \
                 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')",
                literal(&name)
            ),
            create: format!(
                "CREATE TEMPORARY TABLE {name} (place int8{columns}) ON COMMIT DELETE ROWS"
            ),
            empty: format!("TRUNCATE {name}"),
            copy_in: format!("COPY {name} (place, {names}) FROM STDIN (FORMAT BINARY)"),
            // A scan alone may give them in another order: room that a long row has left is
            // filled by a later one.
            source: format!("SELECT {names} FROM {name} ORDER BY place"),
        }
    }
}

/// Writes these columns of a row, which are all but one at least.
pub(super) fn put<E: Entry>(row: &E, sent: &[usize], sink: &mut impl Sink) -> Result<()> {
    if sent.len() == row.table().columns.len() {
        return row.write(sink);
    }
    sent.iter().try_for_each(|&at| row.put(at, sink))
}

impl Connection {
    /// Makes the table ready inside a transaction, and empty, unless it is `fresh`: not used in
    /// that transaction yet. Gives false if there is none and the user may not make one.
    ///
    /// It is looked for each time: a ROLLBACK takes it away, and so does a DISCARD of the
    /// caller's own.
    pub(super) async fn stage(
        &mut self,
        table: &'static Table,
        staging: &Staging,
        fresh: bool,
    ) -> Result<bool> {
        let statement = self.prepare(table, &staging.look, &[], &[]).await?;
        self.scratch.clear();
        let read = |mut row: RowSource<'_>| Ok((row.bool(0, &ANSWER)?, row.bool(1, &ANSWER)?));
        match self.first(table, &statement, read).await? {
            Some((Got::Value(true), _)) if fresh => {}
            Some((Got::Value(true), _)) => self.run(Some(table), &staging.empty).await?,
            Some((_, Got::Value(true))) => self.run(Some(table), &staging.create).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Copies rows into the table. The place of the first one in the batch is `from`.
    pub(super) async fn copy_to_stage<E: Entry>(
        &mut self,
        table: &'static Table,
        staging: &Staging,
        rows: &[&E],
        sent: &[usize],
        from: usize,
    ) -> Result<()> {
        self.copy_by(table, &staging.copy_in, from, rows, |at, row, chunk| {
            let place = i64::try_from(at).map_err(|_| miscounted())?;
            let mut sink = CopySink::wide(chunk, sent.len() + 1);
            sink.i64(&NUMBER, place)?;
            put(row, sent, &mut sink)
        })
        .await
    }
}
