//! Appending records: checked and encoded here, stored on a thread that may block.

use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tradebase_core::clock::Clock;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Handed, Record, Result, Roles, Stamp, rule};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, BatchBuilder};

use crate::query::changed;
use crate::{Analytics, error};

/// The rows of one Arrow batch: four of DuckDB's vectors.
pub const BATCH_ROWS: usize = 8_192;

/// The most batches that wait to be stored while further ones are made.
pub const BATCHES_WAITING_MAX: usize = 4;

/// The version of a row that is new.
const FIRST_VERSION: i64 = 1;

impl Analytics {
    /// Appends records and says how many there were: `append(&fills)`, and `append(&mut fills)`
    /// where the layer fills columns.
    ///
    /// Every row is checked before the first one is stored, and all are stored in one
    /// transaction: all or none. When it answers, they are committed to the file. A call that is
    /// dropped before all rows were handed over stores none; one dropped while the commit runs
    /// stores all.
    pub async fn append<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        let rows: Vec<I::Item> = rows.into_iter().collect();
        let table = <I::Item as Handed>::Record::TABLE;
        self.watched(Operation::Append, Some(table), changed, self.append_all(rows)).await
    }

    async fn append_all<H: Handed>(&self, rows: Vec<H>) -> Result<u64> {
        let table = H::Record::TABLE;
        let rows = Stamped::new(rows, self.clock());
        for (i, row) in rows.rows.iter().enumerate() {
            rule::check(row.record()).map_err(|e| e.at_row(i))?;
            if i % BATCH_ROWS == BATCH_ROWS - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.database().hold().await?.engine().check_writable()?;
        let (sender, receiver) = channel(BATCHES_WAITING_MAX);
        let append = self.database().start(move |engine| {
            engine.with(|connection| floor::append(connection, table, Incoming { receiver }))
        });
        let job = append.await?;
        let keys = self.hand_over(&rows.rows, sender).await;
        let count = match job.end().await {
            // It looked at the table before any row, and says best what is wrong with it.
            Err(e) if e.code() == Code::SchemaMismatch => return Err(e),
            count => count,
        };
        // Where the rows could not be made, the store only saw that no more of them came.
        let keys = keys?;
        let count = count?;
        rows.keep(keys);
        Ok(count)
    }

    /// Makes batches and hands them over; gives the keys that were assigned, each with its row.
    async fn hand_over<H: Handed>(
        &self,
        rows: &[H],
        sender: Sender<Handover>,
    ) -> Result<Vec<(usize, i64)>> {
        let mut builder = BatchBuilder::<H::Record>::with_capacity(rows.len().min(BATCH_ROWS));
        let mut assigned = Vec::new();
        let mut first = 0;
        for (i, row) in rows.iter().enumerate() {
            builder.append(row.record()).map_err(|e| e.at_row(i))?;
            if !builder.is_full() && i + 1 < rows.len() {
                continue;
            }
            self.assign(&mut builder, first, &mut assigned).await?;
            first = i + 1;
            if sender.send(Handover::Batch(builder.finish()?)).await.is_err() {
                // The store has given up, and says why.
                return Ok(Vec::new());
            }
        }
        // Without this word the rows are taken back.
        let _ = sender.send(Handover::Done).await;
        Ok(assigned)
    }

    /// Takes keys from the table's sequence for the rows of a batch that have none.
    async fn assign<T: Record>(
        &self,
        builder: &mut BatchBuilder<T>,
        first: usize,
        assigned: &mut Vec<(usize, i64)>,
    ) -> Result<()> {
        let count = builder.skipped().len();
        let Some((at, column)) = T::TABLE.playing(Roles::ASSIGNED).filter(|_| count > 0) else {
            return Ok(());
        };
        let sequence = floor::sequence(T::TABLE, column);
        let reserve =
            move |connection: &Connection| floor::reserve_keys(connection, &sequence, count);
        let keys = self.database().with(reserve).await?;
        assigned.extend(builder.skipped().iter().map(|row| first + row).zip(keys.iter().copied()));
        builder.assign(at, &keys)
    }
}

/// What the making side hands to the storing side.
enum Handover {
    Batch(RecordBatch),
    Done,
}

/// The batches as they come; an error if the maker goes away before the last.
struct Incoming {
    receiver: Receiver<Handover>,
}

impl Iterator for Incoming {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.receiver.blocking_recv() {
            Some(Handover::Batch(batch)) => Some(Ok(batch)),
            Some(Handover::Done) => None,
            None => Some(Err(error::abandoned())),
        }
    }
}

/// Rows with what the layer filled in, which is taken back unless they were stored.
struct Stamped<H: Handed> {
    rows: Vec<H>,
    before: Vec<Stamp>,
}

impl<H: Handed> Stamped<H> {
    fn new(mut rows: Vec<H>, clock: &Clock) -> Self {
        if !H::Record::TABLE.is_filled_by_layer() {
            return Self { rows, before: Vec::new() };
        }
        let now = Some(clock.now());
        let stamp = Stamp { created: now, updated: now, version: Some(FIRST_VERSION) };
        let before = rows.iter_mut().map(|row| row.stamp(stamp)).collect();
        Self { rows, before }
    }

    /// The rows are stored; they take the keys that they were stored with.
    fn keep(mut self, keys: Vec<(usize, i64)>) {
        self.before.clear();
        for (row, key) in keys {
            if let Some(row) = self.rows.get_mut(row) {
                row.assign(key);
            }
        }
    }
}

impl<H: Handed> Drop for Stamped<H> {
    fn drop(&mut self) {
        for (row, before) in self.rows.iter_mut().zip(&self.before) {
            row.stamp(*before);
        }
    }
}
