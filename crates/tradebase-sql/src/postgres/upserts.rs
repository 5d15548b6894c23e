//! Inserting rows, or doing with the stored ones what the caller says.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tradebase_core::{Code, Column, Error, Got, Kind, Record, Result, Roles, Source, Table};

use super::bulk::{fill, run_group};
use super::connection::Connection;
use super::error::from_postgres;
use super::gets::cells_of;
use super::many::there;
use super::place::run;
use super::scratch::{BindSink, Scratch};
use super::source::RowSource;
use super::store::Store;
use super::texts::{given, texts};
use super::upsert;
use crate::call::Call;
use crate::conflict::{Landed, Plan, Upserted};
use crate::entry::Entry;
use crate::error::{placed, twice};
use crate::naming::{list, words};
use crate::schema;

/// What tells how an upsert ended.
static INSERTED: Column = Column::new("inserted", Kind::Bool, false);

impl Store {
    /// Inserts a row, or does with the stored one what the plan says.
    pub(crate) async fn upsert<E: Entry>(
        &self,
        call: &Call<'_>,
        row: &E,
        plan: &Plan,
    ) -> Result<Landed> {
        run!(self.lease(call).await?, c => c.upsert(call, row, plan).await)
    }

    /// The same with many rows, all or none.
    pub(crate) async fn upsert_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        plan: &Plan,
    ) -> Result<Vec<Landed>> {
        let on = if plan.on.is_empty() { T::TABLE.key } else { plan.on.as_slice() };
        let alike = alike(rows, on)?;
        let sql = many_text(T::TABLE, plan, on);
        if schema::assigned(T::TABLE).is_none() {
            call.runs_own(&sql);
        }
        let mut landed = Vec::with_capacity(rows.len());
        run_group!(self.lease(call).await?, (c, group) => {
            landed.clear();
            let upserted = async {
                c.run(Some(T::TABLE), group.begin).await?;
                if schema::assigned(T::TABLE).is_some() {
                    // No bulk path says which assigned key is whose.
                    for (at, row) in rows.iter().enumerate() {
                        let one = c.upsert(call, *row, plan).await;
                        landed.push(one.map_err(|e| placed(at, e))?);
                    }
                } else {
                    let (mut rows, mut alike) = (rows, alike.as_slice());
                    while !rows.is_empty() {
                        let count = c.upsert_many(&sql, on, rows, alike, &mut landed).await?;
                        rows = rows.get(count..).unwrap_or_default();
                        alike = alike.get(count..).unwrap_or_default();
                    }
                }
                c.run(Some(T::TABLE), group.end).await
            };
            upserted.await
        })?;
        Ok(landed)
    }
}

/// In what each row is the same as another: the cells of these columns; none for a row that is
/// like no other. Two that are the same are refused.
fn alike<T: Record>(rows: &[&T], on: &[usize]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut scratch = Scratch::new();
    let mut alike = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        scratch.clear();
        for &column in on {
            row.put(column, &mut BindSink::new(&mut scratch)).map_err(|e| placed(at, e))?;
        }
        alike.push(if scratch.skipped() { None } else { Some(scratch.cells()) });
    }
    let has_null = |cells: &[u8]| super::array::has_null(cells);
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, cells) in alike.iter().enumerate() {
        // Rows without a value are never the same.
        if let Some(cells) = cells
            && !has_null(cells)
            && !seen.insert(cells)
        {
            return Err(twice(Code::NotUnique, at, words(T::TABLE, on)));
        }
    }
    Ok(alike)
}

/// The statement gives the columns that tell rows apart as well.
fn many_text(table: &Table, plan: &Plan, on: &[usize]) -> String {
    let columns = list(table, 0..table.columns.len());
    let source = format!("SELECT {columns} FROM {}", given(table, &columns));
    let text = upsert::text(table, plan, None, &source);
    let on: Vec<_> = on.iter().map(|&at| list(table, [at])).collect();
    format!("{text}, stored.{}", on.join(", stored."))
}

impl Connection {
    async fn upsert<E: Entry>(&mut self, call: &Call<'_>, row: &E, plan: &Plan) -> Result<Landed> {
        let table = row.table();
        let texts = texts(table);
        self.know_table(table).await?;
        self.scratch.clear();
        row.write(&mut BindSink::new(&mut self.scratch))?;
        let (left_out, types) = if self.scratch.skipped() {
            (schema::assigned(table).map(|(at, _)| at), &texts.new)
        } else {
            self.advance(row).await?;
            (None, &texts.every)
        };
        let marks: Vec<_> = (1..=types.len()).map(|i| format!("${i}")).collect();
        let sql = upsert::text(table, plan, left_out, &format!("VALUES ({})", marks.join(", ")));
        call.runs_own(&sql);
        let statement = self.prepare(table, &sql, types, &[]).await?;
        let landed = self.first(table, &statement, |mut row| landed(table, &mut row)).await?;
        Ok(landed.unwrap_or(KEPT))
    }

    /// Upserts the first rows, as many as fit one statement, and gives their number.
    async fn upsert_many<T: Record>(
        &mut self,
        sql: &str,
        on: &[usize],
        rows: &[&T],
        alike: &[Option<Vec<u8>>],
        all: &mut Vec<Landed>,
    ) -> Result<usize> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        let texts = texts(T::TABLE);
        self.know::<T>().await?;
        let (arrays, count) = fill(rows, T::TABLE.columns.len(), |_, row, sink| row.write(sink))?;
        self.scratch.clear();
        arrays.finish(T::TABLE.columns, &mut self.scratch)?;
        let statement = self.prepare(T::TABLE, sql, &texts.arrays, &[]).await?;
        let answers = self.client.query_raw(&statement, self.scratch.params()).await;
        let answers: Vec<Row> = answers.map_err(failed)?.try_collect().await.map_err(failed)?;
        let columns = answers.first().map_or(0, Row::len);
        let behind = columns.saturating_sub(on.len())..columns;
        let (mut cells, complete) = (Vec::new(), answers.len() == count);
        let mut answers = answers.iter().peekable();
        for alike in alike.iter().take(count) {
            // The server answers in the order of the rows, and passes over those it keeps.
            let answer = answers.next_if(|row| {
                cells_of(row, behind.clone(), &mut cells);
                complete || alike.as_ref() == Some(&cells)
            });
            all.push(match answer {
                Some(row) => landed(T::TABLE, &mut RowSource::new(row))?,
                None => KEPT,
            });
        }
        match answers.next() {
            None => Ok(count),
            Some(_) => Err(Error::new(Code::Internal, "the server answered in another order")),
        }
    }
}

const KEPT: Landed = Landed { how: Upserted::Kept, created: None, version: None, key: None };

/// What the server says of a row that it wrote.
fn landed(table: &Table, row: &mut RowSource<'_>) -> Result<Landed> {
    let how = match row.bool(0, &INSERTED)? {
        Got::Value(true) => Upserted::Inserted,
        _ => Upserted::Updated,
    };
    let mut landed = Landed { how, ..KEPT };
    let mut at = 1;
    if let Some((_, column)) = table.playing(Roles::CREATED) {
        landed.created = there(row.timestamp(at, column)?);
        at += 1;
    }
    if let Some((_, column)) = table.playing(Roles::VERSION) {
        landed.version = there(row.i64(at, column)?);
        at += 1;
    }
    if let Some((_, column)) = schema::assigned(table) {
        landed.key = there(row.i64(at, column)?);
    }
    Ok(landed)
}
