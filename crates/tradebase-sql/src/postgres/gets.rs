//! Point reads: alone on a connection, or with all others that wait as one `= ANY`.

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Column, Got, Key, Kind, Record, Result, Table};

use super::array::Arrays;
use super::connection::Connection;
use super::copy::CellSink;
use super::error::from_postgres;
use super::frame::{push_null, push_numeric, push_raw};
use super::lane::{Ended, Job, Work};
use super::lanes::Access;
use super::numeric;
use super::place::run;
use super::scratch::Scratch;
use super::source::{Cells, RowCells, RowSource};
use super::store::Store;
use super::texts::texts;
use crate::call::Call;

/// Bytes that the cells of a usual key take.
pub(super) const KEY_BYTES: usize = 32;

impl Store {
    /// The row of a key.
    pub(crate) async fn get<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<Option<T>> {
        let texts = texts(T::TABLE);
        if call.bound.is_some() || !texts.key_is_bytes {
            return self.get_alone(call, key).await;
        }
        let lane = self.lanes.gets(T::TABLE);
        if let Some(_place) = lane.enter() {
            return self.get_alone(call, key).await;
        }
        call.runs(&texts.get_any);
        match lane.wait(call, key_cells::<T>(key)?).await? {
            Ended::Done(None) => Ok(None),
            Ended::Done(Some(row)) => T::read(&mut RowSource::new(&row)).map(Some),
            Ended::Alone | Ended::Lost => self.get_alone(call, key).await,
        }
    }

    async fn get_alone<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<Option<T>> {
        call.runs(&texts(T::TABLE).fixed.get);
        run!(self.lease(call).await?, c => c.get(key).await)
    }
}

impl Connection {
    async fn get<T: Record>(&mut self, key: &T::Key) -> Result<Option<T>> {
        self.bind_key(T::TABLE, key)?;
        let statement = self.get_statement::<T>().await?;
        self.first(T::TABLE, &statement, |mut row| T::read(&mut row)).await
    }

    /// The rows of these keys, which differ, in any order.
    async fn get_any<'a>(
        &mut self,
        table: &'static Table,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Row>> {
        let failed = |e| from_postgres(&e, Some(table));
        let texts = texts(table);
        let mut arrays = Arrays::new(table.key.len());
        let mut count = 0;
        for key in keys {
            arrays.add_cells(key)?;
            count += 1;
        }
        let mut scratch = Scratch::new();
        arrays.finish(table.key_columns(), &mut scratch)?;
        let columns = table.columns;
        let statement = self.prepare(table, &texts.get_any, &texts.key_arrays, columns).await?;
        let found = self.client.query_raw(&statement, scratch.params()).await;
        let mut found = pin!(found.map_err(failed)?);
        let mut rows = Vec::with_capacity(count);
        while let Some(row) = found.try_next().await.map_err(failed)? {
            rows.push(row);
        }
        Ok(rows)
    }
}

/// A key as cells, as they stand in arrays.
pub(super) fn key_cells<T: Record>(key: &T::Key) -> Result<Vec<u8>> {
    let mut cells = Vec::with_capacity(KEY_BYTES);
    key.put_key(T::TABLE.key_columns(), &mut CellSink::cells(&mut cells))?;
    Ok(cells)
}

/// The values of a row at some places, as cells that are like our own where they are equal.
pub(super) fn cells_of(
    row: &Row,
    columns: impl Iterator<Item = (usize, &'static Column)>,
    out: &mut Vec<u8>,
) {
    out.clear();
    let mut cells = RowCells::new(row);
    for (at, column) in columns {
        match cells.cell(at) {
            Got::Value(bytes) => match numeric_cell(column, bytes) {
                Some((bytes, len)) => push_numeric(out, &bytes, len),
                None => push_raw(out, bytes),
            },
            Got::Null | Got::Absent => push_null(out),
        }
    }
}

/// A NUMERIC as we send it. The server tells a scale with it, that of its own column: in a table
/// that somebody made wider than the record, equal numbers have other bytes.
fn numeric_cell(column: &Column, bytes: &[u8]) -> Option<([u8; numeric::BYTES_MAX], usize)> {
    let Kind::Decimal { scale, .. } = column.kind else { return None };
    let mut out = [0; numeric::BYTES_MAX];
    // What the record cannot hold is no row of ours, and stays as it is.
    let units = numeric::decode(bytes, scale).ok()?;
    let len = numeric::encode(units, scale, &mut out)?;
    Some((out, len))
}

/// Reads the rows of keys.
pub(super) struct Gets {
    access: Access,
}

impl Gets {
    pub(super) fn new(access: Access) -> Self {
        Self { access }
    }

    async fn rows(&self, jobs: &[Job<Self>], sent: &mut Tick) -> Result<Vec<Row>> {
        let lease = self.access.lease().await?;
        *sent = Tick::now();
        let same = || jobs.chunk_by(|a, b| a.want == b.want).filter_map(|jobs| jobs.first());
        run!(lease, c => {
            c.get_any(self.access.table, same().map(|job| job.want.as_slice())).await
        })
    }
}

impl Work for Gets {
    /// With two, the server reads for one while the other's callers are answered.
    const PLACES: usize = 2;

    /// The key, as cells.
    type Want = Vec<u8>;
    /// The row; each caller reads it itself, so that a value that cannot be read is that caller's
    /// error alone.
    type Got = Option<Arc<Row>>;

    async fn carry_out(&self, mut jobs: Vec<Job<Self>>) {
        // So that the callers of a row are found by halving.
        jobs.sort_unstable_by(|a, b| a.want.cmp(&b.want));
        let mut sent = Tick::now();
        let rows = match self.rows(&jobs, &mut sent).await {
            Ok(rows) => rows,
            // A table was changed under its statement, which is prepared anew next time.
            Err(error) if error.code() == Code::TransactionFailed => {
                return jobs.into_iter().for_each(Job::alone);
            }
            Err(error) => {
                return jobs.into_iter().for_each(|job| job.done(sent, Err(error.again())));
            }
        };
        let mut answers: Vec<Option<Arc<Row>>> = vec![None; jobs.len()];
        let (mut key, mut strange) = (Vec::with_capacity(KEY_BYTES), false);
        for row in rows {
            let table = self.access.table;
            cells_of(&row, table.key.iter().copied().zip(table.key_columns()), &mut key);
            let first = jobs.partition_point(|job| job.want < key);
            let row = Arc::new(row);
            let mut is_wanted = false;
            for (job, answer) in jobs.iter().zip(&mut answers).skip(first) {
                if job.want != key {
                    break;
                }
                (*answer, is_wanted) = (Some(row.clone()), true);
            }
            strange |= !is_wanted;
        }
        for (job, answer) in jobs.into_iter().zip(answers) {
            if answer.is_none() && strange {
                // A table of somebody else's, which calls keys equal whose bytes differ.
                job.alone();
            } else {
                job.done(sent, Ok(answer));
            }
        }
    }
}
