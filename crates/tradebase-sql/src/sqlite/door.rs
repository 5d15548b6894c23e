//! SQL of the user's own: on the connection that writes, and for what only reads on another.
//! It may be long, so it runs on a thread that may wait.

use rusqlite::types::Value as SqliteValue;
use rusqlite::{Connection, InterruptHandle, Statement};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tradebase_core::{Code, Error, Result, Row, Rows};

use super::error::from_sqlite;
use super::held;
use super::statement::{bind, bound, changes, compile, fits, prepare, rows, values};
use super::store::{Store, on_a_thread};
use super::unit::{Changing, noted};
use super::writer::Writer;
use super::writing::{note_unclosed, shut};
use crate::call::Call;
use crate::error::given_up;
use crate::raw::{Argument, Gather, begins_with, mentions};

/// How statements begin that may only read, and change nothing of the connection: the engine
/// counts BEGIN, ATTACH and many a PRAGMA among those that read.
const READS: [&str; 4] = ["SELECT", "VALUES", "WITH", "EXPLAIN"];

/// What changes settings of a connection.
const SETTING: &str = "PRAGMA";

/// What changes tables and views.
const ALTERING: [&str; 3] = ["ALTER", "CREATE", "DROP"];

/// What would end a transaction of ours, or change more than it.
const NOT_INSIDE: [&str; 10] = [
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "ATTACH",
    "DETACH",
    "VACUUM",
    SETTING,
];

/// What is done with a statement whose parameters are bound. The inner error is no failure of the
/// statement: its rows are not as many as are asked for.
type Work<T> = fn(&Connection, &mut Statement<'_>) -> Result<Result<T>>;

/// The connection that writes, for statements of the user's own.
pub(crate) struct Door {
    /// None after a call that was cancelled.
    held: Option<Held>,
    runtime: Option<Handle>,
}

/// The connection with its lock. Dropped, it is made as it was.
struct Held {
    writer: Writer,
    /// Whether its settings may be others than before.
    spent: bool,
    /// Whether tables may be others than before.
    altered: bool,
    settled: bool,
    /// What is freed when the connection has gone back.
    kept: Option<Box<dyn Send>>,
}

impl Store {
    /// The connection that writes, when it is free.
    pub(crate) async fn door(&self, call: &Call<'_>) -> Result<Door> {
        let writer = self.writer(call).await?;
        let held = Held { writer, spent: false, altered: false, settled: false, kept: None };
        // On a thread that may wait, the engine may wait for other processes by itself.
        let busy = held.connection()?.busy_timeout(self.options().busy_wait);
        busy.map_err(|e| from_sqlite(&e, None))?;
        Ok(Door { held: Some(held), runtime: self.runtime().cloned() })
    }

    /// Runs one statement on the connection that writes.
    pub(crate) async fn execute(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<u64> {
        let bound = bound(given)?;
        match call.sqlite() {
            Some(held) => self.inside(call, held, sql, bound, None, changes).await,
            None => self.door(call).await?.alone(sql, bound, changes).await,
        }
    }

    /// Reads rows by one statement. What it has written stands only if they can be read.
    pub(crate) async fn query<R: Row, G: Gather<R>>(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<G::Out> {
        self.read(call, sql, bound(given)?, Some(R::WIDTH), rows::<R, G>).await
    }

    /// Reads values by one statement. What it has written stands only if they can be read.
    pub(crate) async fn query_values(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<Rows> {
        self.read(call, sql, bound(given)?, None, values).await
    }

    /// Reads beside the writer where that can be, else in its place.
    async fn read<T>(
        &self,
        call: &Call<'_>,
        sql: &str,
        bound: Vec<SqliteValue>,
        width: Option<usize>,
        work: Work<T>,
    ) -> Result<T>
    where
        T: Send + 'static,
    {
        if let Some(held) = call.sqlite() {
            return self.inside(call, held, sql, bound, width, work).await;
        }
        if begins_with(sql, &READS) {
            let reader = self.reader(call).await?;
            let interrupt = reader.connection()?.get_interrupt_handle();
            let (text, values) = (sql.to_owned(), bound.clone());
            let job = move || {
                let found = reader.connection().and_then(|connection| {
                    let mut statement = prepare(connection, &text, values)?;
                    if statement.readonly() {
                        work(connection, &mut statement).map(Some)
                    } else {
                        Ok(None)
                    }
                });
                // Not given back before the caller knows: until then it may be interrupted.
                (reader, found)
            };
            let (reader, found) = interruptibly(self.runtime(), interrupt, job).await?;
            drop(reader);
            if let Some(found) = found? {
                return found;
            }
        }
        self.door(call).await?.alone(sql, bound, work).await
    }

    /// Runs one statement inside a transaction.
    async fn inside<T: Send + 'static>(
        &self,
        call: &Call<'_>,
        held: &held::Held,
        sql: &str,
        bound: Vec<SqliteValue>,
        width: Option<usize>,
        work: Work<T>,
    ) -> Result<T> {
        if begins_with(sql, &NOT_INSIDE) {
            return Err(not_inside());
        }
        let held = held.take(call).await?;
        held.check_alive()?;
        let interrupt = held.connection()?.get_interrupt_handle();
        let text = sql.to_owned();
        let job = move || {
            let run = |connection| {
                let mut statement = compile(connection, &text)?;
                // What is refused here has not run: the transaction is as it was.
                match fits(&statement, width).and_then(|()| bind(&mut statement, bound)) {
                    Ok(()) => work(connection, &mut statement),
                    Err(error) => Ok(Err(error)),
                }
            };
            let done = held.connection().and_then(run);
            let done = done.and_then(|done| held.check_alive().map(|()| done));
            (held, done)
        };
        let changing = Changing::begin(call);
        let ended = interruptibly(self.runtime(), interrupt, job).await;
        changing.end();
        let (held, done) = ended?;
        drop(held);
        if mentions(sql, &ALTERING) {
            self.lane.known.forget();
        }
        noted(call, done)?
    }
}

impl Door {
    /// Runs one statement and gives the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &str, given: &[Argument<'_>]) -> Result<u64> {
        self.statement(sql, bound(given)?, changes).await
    }

    /// Reads rows by one statement.
    pub(crate) async fn query<R: Row, G: Gather<R>>(
        &mut self,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<G::Out> {
        self.statement(sql, bound(given)?, rows::<R, G>).await
    }

    /// Reads values by one statement.
    pub(crate) async fn query_values(&mut self, sql: &str, given: &[Argument<'_>]) -> Result<Rows> {
        self.statement(sql, bound(given)?, values).await
    }

    /// Runs several statements.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        let text = sql.to_owned();
        self.run(sql, move |connection| {
            connection.execute_batch(&text).map_err(|e| from_sqlite(&e, None))
        })
        .await
    }

    /// Keeps something as long as the connection is held, by this door or by a statement that runs
    /// on after its call was dropped.
    pub(crate) fn keep(&mut self, kept: Box<dyn Send>) {
        if let Some(held) = &mut self.held {
            held.kept = Some(kept);
        }
    }

    /// Gives the connection back as it was.
    pub(crate) async fn release(mut self) -> Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let reset = on_a_thread(self.runtime.as_ref(), move || held.reset());
        reset.await.map_err(unended)?
    }

    /// The only statement before the connection goes back. If it writes and gives rows, it is
    /// committed when they have been read.
    async fn alone<T>(mut self, sql: &str, bound: Vec<SqliteValue>, work: Work<T>) -> Result<T>
    where
        T: Send + 'static,
    {
        let text = sql.to_owned();
        let done = self.run(sql, move |connection| {
            let run = |sql| connection.execute_batch(sql).map_err(|e| from_sqlite(&e, None));
            let mut statement = prepare(connection, &text, bound)?;
            // Settings refuse to be changed inside a transaction.
            let transacts = statement.column_count() > 0
                && !statement.readonly()
                && !begins_with(&text, &[SETTING]);
            if !transacts {
                return work(connection, &mut statement)?;
            }
            run("BEGIN IMMEDIATE")?;
            let done = work(connection, &mut statement)??;
            run("COMMIT").map(|()| done)
        });
        let done = done.await;
        // The statement has ended; a connection that cannot be reset says so in the log.
        _ = self.release().await;
        done
    }

    async fn statement<T>(&mut self, sql: &str, bound: Vec<SqliteValue>, work: Work<T>) -> Result<T>
    where
        T: Send + 'static,
    {
        let text = sql.to_owned();
        self.run(sql, move |connection| {
            let mut statement = prepare(connection, &text, bound)?;
            work(connection, &mut statement)?
        })
        .await
    }

    async fn run<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
    {
        let mut held = self.held.take().ok_or_else(given_up)?;
        held.spent |= mentions(sql, &[SETTING]);
        held.altered |= mentions(sql, &ALTERING);
        let interrupt = held.connection()?.get_interrupt_handle();
        let job = move || {
            let done = held.connection().and_then(work);
            (held, done)
        };
        let (held, done) = interruptibly(self.runtime.as_ref(), interrupt, job).await?;
        self.held = Some(held);
        done
    }
}

impl Held {
    fn connection(&self) -> Result<&Connection> {
        self.writer.get().map(|writing| &writing.connection)
    }

    fn reset(mut self) -> Result<()> {
        self.settle()
    }

    /// Makes the connection as it was. Of a file, one that cannot be is closed, and the next call
    /// opens another.
    fn settle(&mut self) -> Result<()> {
        self.settled = true;
        if self.altered {
            self.writer.lane().known.forget();
        }
        let Some(mut writing) = self.writer.spend() else { return Ok(()) };
        let lane = self.writer.lane();
        if lane.is_shut() {
            return writing.end();
        }
        if !lane.is_memory() && self.spent {
            return shut(writing.connection);
        }
        let reset = writing.reset(lane.options.durability);
        if let Err(error) = &reset {
            let code = error.code().as_str();
            tracing::warn!(store = "sqlite", code, "a connection could not be reset");
            if !lane.is_memory() {
                return shut(writing.connection);
            }
        }
        self.writer.restore(writing);
        reset
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.settled {
            note_unclosed(self.settle());
        }
    }
}

/// Runs a job that holds a connection. A caller who goes away ends its statement.
async fn interruptibly<T: Send + 'static>(
    runtime: Option<&Handle>,
    interrupt: InterruptHandle,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let mut job = on_a_thread(runtime, job);
    // Dropped before the job, which keeps its connection as long: no other statement is hit.
    let mut stop = Stop { abort: job.abort_handle(), interrupt, needed: true };
    let ended = (&mut job).await;
    stop.needed = false;
    ended.map_err(unended)
}

struct Stop {
    abort: AbortHandle,
    interrupt: InterruptHandle,
    needed: bool,
}

impl Drop for Stop {
    fn drop(&mut self) {
        if self.needed {
            // If it has not begun, it will not.
            self.abort.abort();
            self.interrupt.interrupt();
        }
    }
}

#[cold]
fn not_inside() -> Error {
    let message = "the statement would end the transaction, or change more than it: use it on a \
                   connection of your own";
    Error::new(Code::Unsupported, message)
}

#[cold]
fn unended(error: tokio::task::JoinError) -> Error {
    Error::new(Code::Internal, "a statement did not end").because(error)
}
