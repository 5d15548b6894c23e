//! Single inserts: alone on a connection, or with all others that wait as one statement.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result, Table};

use super::array::Arrays;
use super::bulk::STATEMENT_BYTES_MAX;
use super::connection::Connection;
use super::copy::CellSink;
use super::error::{from_postgres, is_stale};
use super::gets::{KEY_BYTES, cells_of};
use super::lane::{Ended, Job, Work};
use super::lanes::Access;
use super::lease::Lease;
use super::place::run;
use super::scratch::Scratch;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::entry::Entry;
use crate::schema;

/// Rows of a part that failed from which on it is cut in two; fewer are inserted one by one.
const ALONE_MAX: usize = 4;
/// Bytes that the cells of a usual row take.
const ROW_BYTES: usize = 256;

impl Store {
    /// Inserts a row; gives the key if the server assigned it.
    pub(crate) async fn insert<E: Entry>(&self, call: &Call<'_>, row: &E) -> Result<Option<i64>> {
        let table = row.table();
        let texts = texts(table);
        let alone = call.bound.is_some() || !texts.key_is_bytes;
        if alone || schema::assigned(table).is_some() {
            return self.insert_alone(call, row).await;
        }
        let lane = self.lanes.inserts(table, call.manner);
        if let Some(_place) = lane.enter() {
            return self.insert_alone(call, row).await;
        }
        call.runs(&texts.unnest_patient);
        match lane.wait(call, Row::of(row)?).await? {
            Ended::Done(()) => Ok(None),
            Ended::Alone => self.insert_alone(call, row).await,
            Ended::Lost => Err(lost()),
        }
    }

    async fn insert_alone<E: Entry>(&self, call: &Call<'_>, row: &E) -> Result<Option<i64>> {
        call.runs(&texts(row.table()).fixed.insert);
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
    fn of<E: Entry>(row: &E) -> Result<Self> {
        let mut cells = Vec::with_capacity(ROW_BYTES);
        row.write(&mut CellSink::cells(&mut cells))?;
        let mut key = Vec::with_capacity(KEY_BYTES);
        for &at in row.table().key {
            row.put(at, &mut CellSink::cells(&mut key))?;
        }
        Ok(Self { key, cells })
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
        while !jobs.is_empty() {
            let later = take_later(&mut jobs);
            self.insert(jobs).await;
            jobs = later;
        }
    }
}

/// Takes those out that are not of the first statement: equal keys are never in one, as the second
/// must fail as if it came later, and a statement has only so many bytes.
fn take_later(jobs: &mut Jobs) -> Jobs {
    let mut seen = HashSet::with_capacity(jobs.len());
    let mut bytes = 0_usize;
    let is_later = |job: &Job<Inserts>| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(job.want.cells.len());
        // Once it is full it stays so: a key never overtakes its equal.
        (bytes > STATEMENT_BYTES_MAX && !is_first) || !seen.insert(job.want.key.clone())
    };
    let later: Vec<bool> = jobs.iter().map(is_later).collect();
    if !later.contains(&true) {
        return Vec::new();
    }
    let (mut first, mut rest) = (Vec::with_capacity(jobs.len()), Vec::new());
    for (job, is_later) in std::mem::take(jobs).into_iter().zip(later) {
        if is_later { rest.push(job) } else { first.push(job) }
    }
    *jobs = first;
    rest
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

    /// Inserts all of them, and answers each. An error is what the connection is to learn from.
    async fn insert_on(&self, lease: &mut Lease, jobs: Jobs, sent: Tick) -> Result<()> {
        let table = self.access.table;
        let connection = match lease.connection() {
            Ok(connection) => connection,
            Err(error) => return told(jobs, sent, error),
        };
        if jobs.len() > 1 && !self.meets_rows.load(Ordering::Relaxed) {
            match connection.insert_together(table, &jobs).await {
                Ok(()) => {
                    tell(jobs, sent, &Ok(()));
                    return Ok(());
                }
                Err(error) => match blame(&error) {
                    Blame::All => return told(jobs, sent, error),
                    Blame::Nobody => return alone(jobs, error),
                    Blame::Each => return connection.insert_one_by_one(table, jobs, sent).await,
                    Blame::Some => {}
                },
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
        let mut trouble = Ok(());
        while trouble.is_ok()
            && let Some(mut part) = open.pop()
        {
            if part.len() <= ALONE_MAX {
                trouble = connection.insert_one_by_one(table, part, sent).await;
                continue;
            }
            match connection.insert_new(table, &part).await {
                Ok(New { keys, strange }) => {
                    let (new, there): (Jobs, Jobs) =
                        part.into_iter().partition(|job| keys.contains(&job.want.key));
                    *met += there.len();
                    tell(new, sent, &Ok(()));
                    if strange {
                        tell(there, sent, &Err(changed()));
                    } else {
                        trouble = connection.insert_one_by_one(table, there, sent).await;
                    }
                }
                Err(error) => match blame(&error) {
                    Blame::All => trouble = told(part, sent, error),
                    Blame::Nobody => trouble = alone(part, error),
                    Blame::Each => {
                        trouble = connection.insert_one_by_one(table, part, sent).await;
                    }
                    Blame::Some => {
                        let half = part.split_off(part.len() / 2);
                        open.extend([half, part]);
                    }
                },
            }
        }
        // Nothing of these has taken effect, and the connection may be of no use any more.
        open.into_iter().flatten().for_each(Job::alone);
        trouble
    }
}

/// Who is at fault when a statement of many callers fails. The server has undone it, unless all
/// of them are to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The store: all calls meet it, and perhaps nobody knows how the statement ended.
    All,
    /// One row or the store.
    Each,
    /// One of the rows, or a few.
    Some,
    /// It was given up for a reason that a call alone may not meet.
    Nobody,
}

fn blame(error: &Error) -> Blame {
    match error.code() {
        _ if is_stale(error) => Blame::Nobody,
        // In a statement of its own a row that waits keeps nobody else waiting.
        Code::Locked | Code::TimedOut => Blame::Nobody,
        Code::ConnectionLost
        | Code::ConnectionFailed
        | Code::Closed
        | Code::PoolExhausted
        | Code::AuthenticationRefused
        | Code::SchemaMismatch
        | Code::Internal => Blame::All,
        // The disk is full, or one value is too large for an index; nobody may write, or a policy
        // keeps one row out.
        Code::AccessDenied | Code::StorageFull | Code::StorageFailed => Blame::Each,
        _ => Blame::Some,
    }
}

/// All go on alone. The error is for the connection.
fn alone(jobs: Jobs, error: Error) -> Result<()> {
    jobs.into_iter().for_each(Job::alone);
    Err(error)
}

/// A trigger has changed keys, so the server does not tell whose rows it has inserted.
#[cold]
fn changed() -> Error {
    let message = "the table changes the keys of what is inserted, so it is not known whether the \
                   row was there already";
    Error::new(Code::OutcomeUnknown, message)
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
        let statement = self.prepare(table, &texts.unnest_patient, &texts.arrays, &[]).await?;
        let inserted = self.client.execute_raw(&statement, scratch.params()).await;
        inserted.map(drop).map_err(|e| from_postgres(&e, Some(table)))
    }

    /// All rows that are not there yet.
    async fn insert_new(&mut self, table: &'static Table, jobs: &Jobs) -> Result<New> {
        let failed = |e| from_postgres(&e, Some(table));
        let scratch = self.arrays_of(table, jobs).await?;
        let texts = texts(table);
        let statement = self.prepare(table, &texts.unnest_new, &texts.arrays, &[]).await?;
        let inserted = self.client.query_raw(&statement, scratch.params()).await;
        let mut inserted = pin!(inserted.map_err(failed)?);
        let mut keys = HashSet::with_capacity(jobs.len());
        while let Some(row) = inserted.try_next().await.map_err(failed)? {
            let mut key = Vec::new();
            cells_of(&row, table.key_columns().enumerate(), &mut key);
            keys.insert(key);
        }
        let known = jobs.iter().filter(|job| keys.contains(&job.want.key)).count();
        Ok(New { strange: known < keys.len(), keys })
    }

    async fn arrays_of(&mut self, table: &'static Table, jobs: &[Job<Inserts>]) -> Result<Scratch> {
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
        let prepared = async {
            let mut rows = Vec::with_capacity(jobs.len());
            for job in jobs.chunks(1) {
                rows.push(self.arrays_of(table, job).await?);
            }
            let texts = texts(table);
            let statement = self.prepare(table, &texts.unnest_patient, &texts.arrays, &[]).await?;
            Ok((statement, rows))
        };
        let (statement, rows) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => return told(jobs, sent, error),
        };
        let inserted = rows.iter().map(|row| self.client.execute_raw(&statement, row.params()));
        let inserted = join_all(inserted).await;
        let mut outcome = Ok(());
        for (job, inserted) in jobs.into_iter().zip(inserted) {
            let inserted = inserted.map(drop).map_err(|e| from_postgres(&e, Some(table)));
            let Err(error) = &inserted else {
                job.done(sent, inserted);
                continue;
            };
            match blame(error) {
                Blame::Nobody => {
                    job.alone();
                    outcome = inserted;
                }
                Blame::All => {
                    outcome = Err(error.again());
                    job.done(sent, inserted);
                }
                Blame::Each | Blame::Some => job.done(sent, inserted),
            }
        }
        outcome
    }
}

/// What was inserted.
struct New {
    keys: HashSet<Vec<u8>>,
    /// Whether there are keys among them that nobody wanted.
    strange: bool,
}
