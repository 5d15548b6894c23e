//! Single inserts: alone on a connection, or with all others that wait as one statement.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Record, Result, Table};

use super::array::Arrays;
use super::connection::Connection;
use super::copy::CellSink;
use super::error::from_postgres;
use super::gets::{cells_of, key_cells};
use super::lane::{Ended, Job, Work};
use super::lanes::Access;
use super::lease::Lease;
use super::place::run;
use super::scratch::{CellParams, Scratch};
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::schema;

/// Rows of a part that failed from which on it is cut in two; fewer are inserted one by one.
const ALONE_MAX: usize = 4;
/// How long a statement of many callers may take before they go on alone: one of them may wait for
/// another transaction.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes that the cells of a usual row take.
const ROW_BYTES: usize = 256;

impl Store {
    /// Inserts a row; gives the key if the server assigned it.
    pub(crate) async fn insert<T: Record>(&self, call: &Call<'_>, row: &T) -> Result<Option<i64>> {
        let texts = texts(T::TABLE);
        let alone = call.bound.is_some() || !texts.key_is_bytes;
        if alone || schema::assigned(T::TABLE).is_some() {
            return self.insert_alone(call, row).await;
        }
        let lane = self.lanes.inserts(T::TABLE, call.manner);
        if let Some(_place) = lane.enter() {
            return self.insert_alone(call, row).await;
        }
        call.runs(&texts.unnest);
        match lane.wait(call, Row::of(row)?).await? {
            Ended::Done(()) => Ok(None),
            Ended::Alone => self.insert_alone(call, row).await,
            Ended::Lost => Err(lost()),
        }
    }

    async fn insert_alone<T: Record>(&self, call: &Call<'_>, row: &T) -> Result<Option<i64>> {
        call.runs(&texts(T::TABLE).fixed.insert);
        run!(self.lease(call).await?, c => c.insert(row).await)
    }
}

#[cold]
fn lost() -> Error {
    let message = "the runtime that was inserting the row has ended";
    Error::new(Code::ConnectionLost, message)
}

/// An encoded row.
pub(super) struct Row {
    key: Vec<u8>,
    cells: Vec<u8>,
}

impl Row {
    fn of<T: Record>(row: &T) -> Result<Self> {
        let mut cells = Vec::with_capacity(ROW_BYTES);
        row.write(&mut CellSink::cells(&mut cells))?;
        Ok(Self { key: key_cells::<T>(&row.key())?, cells })
    }
}

/// Inserts rows.
pub(super) struct Inserts {
    access: Access,
    /// Whether the last batch met rows that were there already.
    meets_rows: AtomicBool,
}

type Jobs = Vec<Job<Inserts>>;

impl Work for Inserts {
    const PLACES: usize = 2;

    type Want = Row;
    type Got = ();

    async fn carry_out(&self, mut jobs: Jobs) {
        // Equal keys are never in one statement: the second must fail as if it came later.
        while !jobs.is_empty() {
            let later = equal_keys(&mut jobs);
            self.insert(jobs).await;
            jobs = later;
        }
    }
}

/// Takes those out whose key an earlier one has.
fn equal_keys(jobs: &mut Jobs) -> Jobs {
    let mut seen = HashSet::with_capacity(jobs.len());
    let repeats: Vec<bool> = jobs.iter().map(|job| !seen.insert(&*job.want.key)).collect();
    if seen.len() == jobs.len() {
        return Vec::new();
    }
    let (mut first, mut later) = (Vec::with_capacity(jobs.len()), Vec::new());
    for (job, repeats) in std::mem::take(jobs).into_iter().zip(repeats) {
        if repeats { later.push(job) } else { first.push(job) }
    }
    *jobs = first;
    later
}

impl Inserts {
    pub(super) fn new(access: Access) -> Self {
        Self { access, meets_rows: AtomicBool::new(false) }
    }

    async fn insert(&self, jobs: Jobs) {
        let mut sent = Tick::now();
        let mut lease = match self.access.lease().await {
            Ok(lease) => lease,
            Err(error) => return tell(jobs, sent, &Err(error)),
        };
        sent = Tick::now();
        let trouble = self.insert_on(&mut lease, jobs, sent).await;
        // The connection learns from an error that is about it.
        _ = lease.done(trouble);
    }

    /// Inserts all of them, and answers each. An error is one that is about all.
    async fn insert_on(&self, lease: &mut Lease, jobs: Jobs, sent: Tick) -> Result<()> {
        let table = self.access.table;
        let connection = match lease.connection() {
            Ok(connection) => connection,
            Err(error) => return told(jobs, sent, error),
        };
        if jobs.len() > 1 && !self.meets_rows.load(Ordering::Relaxed) {
            let token = connection.client.cancel_token();
            match patiently(&token, connection.insert_together(table, &jobs)).await {
                (Err(error), true) if error.code() == Code::TimedOut => {
                    jobs.into_iter().for_each(Job::alone);
                    return Ok(());
                }
                (Ok(()), _) => {
                    tell(jobs, sent, &Ok(()));
                    return Ok(());
                }
                (Err(error), _) if is_of_all(error.code()) => return told(jobs, sent, error),
                (Err(error), _) => connection.heed(error.code()),
            }
        }
        let mut met = 0;
        let outcome = self.sort_out(connection, jobs, sent, &mut met).await;
        self.meets_rows.store(met > 0, Ordering::Relaxed);
        outcome
    }

    /// Finds each one's own outcome: leaves out rows that are there, and cuts what fails for
    /// another reason in two, and again, until those at fault stand alone.
    async fn sort_out(
        &self,
        connection: &mut Connection,
        jobs: Jobs,
        sent: Tick,
        met: &mut usize,
    ) -> Result<()> {
        let table = self.access.table;
        let mut open = vec![jobs];
        while let Some(mut part) = open.pop() {
            if part.len() <= ALONE_MAX {
                connection.insert_one_by_one(table, part, sent).await?;
                continue;
            }
            let token = connection.client.cancel_token();
            match patiently(&token, connection.insert_new(table, &part)).await {
                (Err(error), true) if error.code() == Code::TimedOut => {
                    part.into_iter().for_each(Job::alone);
                }
                (Ok(keys), _) => {
                    let (new, there): (Jobs, Jobs) =
                        part.into_iter().partition(|job| keys.contains(&job.want.key));
                    *met += there.len();
                    tell(new, sent, &Ok(()));
                    connection.insert_one_by_one(table, there, sent).await?;
                }
                (Err(error), _) if is_of_all(error.code()) => {
                    open.push(part);
                    return told(open.into_iter().flatten().collect(), sent, error);
                }
                (Err(error), _) => {
                    connection.heed(error.code());
                    let half = part.split_off(part.len() / 2);
                    open.extend([half, part]);
                }
            }
        }
        Ok(())
    }
}

/// Whether an error has nothing to do with the rows: all calls would meet it.
fn is_of_all(code: Code) -> bool {
    matches!(
        code,
        Code::ConnectionLost
            | Code::ConnectionFailed
            | Code::Closed
            | Code::PoolExhausted
            | Code::AuthenticationRefused
            | Code::AccessDenied
            | Code::SchemaMismatch
            | Code::StorageFull
            | Code::StorageFailed
    )
}

/// Waits for statements of one connection. One that takes too long is cancelled, which the server
/// answers, so that it is known how it ended. Says whether one was.
///
/// A row may have to wait until another transaction ends: for its key, or for the row that it
/// points to. In a statement of its own it keeps nobody else waiting.
async fn patiently<R>(token: &CancelToken, work: impl Future<Output = R>) -> (R, bool) {
    let mut work = pin!(work);
    let mut cancelled = false;
    loop {
        if let Ok(done) = timeout(PATIENCE, &mut work).await {
            return (done, cancelled);
        }
        cancelled = true;
        // One that is not accepted is asked for again.
        if !matches!(timeout(PATIENCE, token.cancel_query(NoTls)).await, Ok(Ok(()))) {
            tracing::debug!(store = "postgres", "a request to cancel was not accepted");
        }
    }
}

fn tell(jobs: Jobs, sent: Tick, outcome: &Result<()>) {
    for job in jobs {
        job.done(sent, outcome.as_ref().copied().map_err(Error::again));
    }
}

fn told(jobs: Jobs, sent: Tick, error: Error) -> Result<()> {
    let outcome = Err(error);
    tell(jobs, sent, &outcome);
    outcome
}

impl Connection {
    /// All rows, or none.
    async fn insert_together(&mut self, table: &'static Table, jobs: &Jobs) -> Result<()> {
        let scratch = self.arrays_of(table, jobs).await?;
        let texts = texts(table);
        let statement = self.prepare(table, &texts.unnest, &texts.arrays, &[]).await?;
        let inserted = self.client.execute_raw(&statement, scratch.params()).await;
        inserted.map(drop).map_err(|e| from_postgres(&e, Some(table)))
    }

    /// All rows that are not there yet; gives their keys.
    async fn insert_new(&mut self, table: &'static Table, jobs: &Jobs) -> Result<HashSet<Vec<u8>>> {
        let failed = |e| from_postgres(&e, Some(table));
        let scratch = self.arrays_of(table, jobs).await?;
        let texts = texts(table);
        let statement = self.prepare(table, &texts.unnest_new, &texts.arrays, &[]).await?;
        let inserted = self.client.query_raw(&statement, scratch.params()).await;
        let mut inserted = pin!(inserted.map_err(failed)?);
        let mut keys = HashSet::with_capacity(jobs.len());
        while let Some(row) = inserted.try_next().await.map_err(failed)? {
            let mut key = Vec::new();
            cells_of(&row, 0..table.key.len(), &mut key);
            keys.insert(key);
        }
        Ok(keys)
    }

    async fn arrays_of(&mut self, table: &'static Table, jobs: &Jobs) -> Result<Scratch> {
        self.know_table(table).await?;
        let mut arrays = Arrays::new(table.columns.len());
        for job in jobs {
            arrays.add_cells(&job.want.cells)?;
        }
        let mut scratch = Scratch::new();
        arrays.finish(table.columns, &mut scratch)?;
        Ok(scratch)
    }

    /// Each row as a statement of its own, all of them sent at once, and each caller told. An
    /// error is one that is about all.
    async fn insert_one_by_one(
        &mut self,
        table: &'static Table,
        jobs: Jobs,
        sent: Tick,
    ) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let texts = texts(table);
        let statement = match self.know_table(table).await {
            Ok(()) => self.prepare(table, &texts.fixed.insert, &texts.every, &[]).await,
            Err(error) => Err(error),
        };
        let statement = match statement {
            Ok(statement) => statement,
            Err(error) => return told(jobs, sent, error),
        };
        let count = table.columns.len();
        let inserted = join_all(jobs.iter().map(|job| {
            self.client.execute_raw(&statement, CellParams::new(&job.want.cells, count))
        }));
        let (inserted, cancelled) = patiently(&self.client.cancel_token(), inserted).await;
        let mut outcome = Ok(());
        for (job, inserted) in jobs.into_iter().zip(inserted) {
            let inserted = inserted.map(drop).map_err(|e| from_postgres(&e, Some(table)));
            match &inserted {
                Err(error) if cancelled && error.code() == Code::TimedOut => {
                    job.alone();
                    continue;
                }
                Err(error) if is_of_all(error.code()) => outcome = Err(error.again()),
                _ => {}
            }
            job.done(sent, inserted);
        }
        outcome
    }

    /// Compares the table with the record, as [`know`](Connection::know).
    async fn know_table(&mut self, table: &'static Table) -> Result<()> {
        let texts = texts(table);
        self.prepare(table, &texts.fixed.get, &texts.key, table.columns).await.map(drop)
    }

    /// Prepares anew if tables may have been changed under prepared statements.
    fn heed(&mut self, code: Code) {
        if code == Code::TransactionFailed {
            self.forget();
        }
    }
}
