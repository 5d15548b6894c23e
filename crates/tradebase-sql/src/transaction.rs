//! Several operations that take effect together, or not at all.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task_local;
use tokio::time::{sleep, timeout};
use tradebase_core::clock::Tick;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Result};

use crate::call::Call;
use crate::engine::{Engine, either};
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::sql::Sql;
use crate::sqlite;
pub(crate) use crate::tx_options::TxOptions;

/// Transactions that may stand in each other. Each takes some 30 kB of the stack in a debug build,
/// of the 2 MB that a thread has.
pub const SAVEPOINTS_MAX: u32 = 16;
/// A level that no handle has.
const NOBODY: u32 = u32::MAX;
/// The longest pause before the second attempt; each further one may be twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(2);
/// The longest of these pauses.
const PAUSE_MAX: Duration = Duration::from_millis(200);

task_local! {
    /// The stores that have a transaction open in this task.
    static OPEN: Vec<usize>;
}

/// An engine's transaction: a connection that nobody else uses.
pub(crate) enum Held {
    Sqlite(sqlite::Held),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Held),
}

/// A transaction, shared by the handles on it.
pub(crate) struct Tx {
    pub(crate) held: Held,
    state: Mutex<State>,
    /// How many transactions stand in it, and are open.
    level: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// Why it can only be rolled back.
    failure: Option<Error>,
}

/// What binds a handle to a transaction.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) tx: Arc<Tx>,
    level: u32,
}

impl Tx {
    fn new(held: Held) -> Self {
        Self { held, state: Mutex::default(), level: AtomicU32::new(0) }
    }

    /// Notes that the engine refused a statement: like PostgreSQL's, a transaction can only be
    /// rolled back then, on every engine.
    pub(crate) fn fails(&self, error: &Error) {
        self.state().failure.get_or_insert_with(|| error.again());
    }

    /// A panic elsewhere cannot leave it half-changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it can only be rolled back.
    fn failure(&self) -> Option<Error> {
        self.state().failure.as_ref().map(Error::again)
    }

    /// Nobody may use it any more, who waits for his turn neither.
    fn close(&self) {
        self.state().ended = true;
    }

    /// Nobody may use it any more. What is open is rolled back.
    fn end(&self) {
        self.close();
        either!(Held, &self.held, held => held.abandon());
    }
}

impl Bound {
    /// Refuses a handle that is not the one of the innermost open transaction, or whose
    /// transaction has ended or failed. A call that has waited for its turn asks once more.
    pub(crate) fn check(&self) -> Result<()> {
        let state = self.tx.state();
        if state.ended {
            let message = "the transaction of this handle has ended: use it inside its closure";
            return Err(Error::new(Code::OutsideTransaction, message));
        }
        if self.level != self.tx.level.load(Ordering::Acquire) {
            return Err(outside());
        }
        match &state.failure {
            None => Ok(()),
            Some(failure) => Err(broken(failure)),
        }
    }
}

impl Sql {
    /// Carries out several operations that take effect together, or not at all.
    ///
    /// The closure gets a handle with all verbs of this one, bound to the transaction. It commits
    /// when the closure returns a value, and is rolled back when it returns an error, panics, is
    /// cancelled, or takes longer than [`TRANSACTION_WAIT`](crate::TRANSACTION_WAIT). A closure
    /// that fails because of others (a serialization failure, a deadlock, a database that is busy)
    /// is called again, after a pause by chance: so it should do nothing outside the store that
    /// must not happen twice.
    ///
    /// - A statement that the engine refuses leaves the transaction fit for nothing but rolling
    ///   back, on both engines. To go on after one, put it into a transaction inside: it has a
    ///   savepoint of its own.
    /// - Inside the closure only the innermost handle may be used. Another handle on the same
    ///   store would wait for the transaction that waits for it: that is an error of the code
    ///   [`Code::OutsideTransaction`].
    /// - If the connection is lost while it commits, the server is asked how it ended. If nobody
    ///   can tell, it is an error of the code [`Code::OutcomeUnknown`]: never a guess.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "accounts")]
    /// # struct Account { #[record(key)] id: i64, cents: i64 }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Account>().await?;
    /// # sql.insert_many(&[Account { id: 1, cents: 500 }, Account { id: 2, cents: 0 }]).await?;
    /// let moved = sql
    ///     .transaction(|tx| async move {
    ///         let Some(from) = tx.get::<Account>(&1).await? else { return Ok(false) };
    ///         let Some(to) = tx.get::<Account>(&2).await? else { return Ok(false) };
    ///         tx.update(&Account { cents: from.cents - 200, ..from }).await?;
    ///         tx.update(&Account { cents: to.cents + 200, ..to }).await?;
    ///         Ok::<_, tradebase_core::Error>(true)
    ///     })
    ///     .await?;
    /// assert!(moved);
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn transaction<R, E, F, W>(&self, work: F) -> Result<R, E>
    where
        F: Fn(Sql) -> W,
        W: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.transaction_with(TxOptions::default(), work).await
    }

    /// As [`transaction`](Sql::transaction), with options. Inside another transaction they are
    /// those of the outer one, and these are passed over.
    pub async fn transaction_with<R, E, F, W>(&self, options: TxOptions, work: F) -> Result<R, E>
    where
        F: Fn(Sql) -> W,
        W: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let call = self.call(Operation::Transaction, None);
        let outcome = async {
            match &self.bound {
                Some(bound) => self.nested(bound, &work).await,
                None => self.repeated(&call, options, &work).await,
            }
        };
        // An error of the user's own is an outcome, not a failure of the store.
        // Boxed, as the closure's calls are: they would add up in each of these functions, and in
        // each transaction around this one.
        self.run(&call, |_: &Result<R, E>| 0, Box::pin(outcome).as_mut()).await.map_err(E::from)?
    }

    async fn repeated<R, E, F, W>(
        &self,
        call: &Call<'_>,
        options: TxOptions,
        work: &F,
    ) -> Result<Result<R, E>>
    where
        F: Fn(Sql) -> W,
        W: Future<Output = Result<R, E>>,
    {
        let deadline = Tick::now().after(options.wait);
        let mut attempt = 1;
        loop {
            let failure = match self.once(call, options, deadline, work).await {
                Ok(Ended::Done(outcome)) => return Ok(outcome),
                Ok(Ended::Failed(_, failure)) if may_repeat(&failure) => failure,
                Ok(Ended::Failed(None, failure)) => return Err(failure),
                Ok(Ended::Failed(Some(own), _)) => return Ok(Err(own)),
                Err(error) if may_repeat(&error) => error,
                Err(error) => return Err(error),
            };
            if attempt >= options.attempts || deadline.is_past() {
                return Err(exhausted(attempt, failure));
            }
            sleep(pause(attempt).min(deadline.left())).await;
            attempt += 1;
        }
    }

    /// One attempt. An error of this function is one of beginning or committing.
    async fn once<R, E, F, W>(
        &self,
        call: &Call<'_>,
        options: TxOptions,
        deadline: Tick,
        work: &F,
    ) -> Result<Ended<R, E>>
    where
        F: Fn(Sql) -> W,
        W: Future<Output = Result<R, E>>,
    {
        let late = |_| late(options.wait);
        let held = timeout(deadline.left(), begin(&self.engine, call, &options));
        let held = held.await.map_err(late)??;
        let tx = Arc::new(Tx::new(held));
        // Dropped in the middle, it rolls back.
        let ends = Ends(&tx);
        let inside = self.bound_to(Bound { tx: tx.clone(), level: 0 });
        let outcome = OPEN.scope(open_with(self.id()), Box::pin(work(inside)));
        // Not the commit: one that is cut off has ended nobody knows how.
        let outcome = timeout(deadline.left(), outcome).await.map_err(late)?;
        tx.close();
        let ended = match (outcome, tx.failure()) {
            (Ok(done), None) => {
                either!(Held, &tx.held, held => held.commit(call).await)
                    // A task of the closure's own may have failed it at the last moment.
                    .map_err(|error| tx.failure().unwrap_or(error))?;
                Ended::Done(Ok(done))
            }
            (outcome, failure) => {
                either!(Held, &tx.held, held => held.rollback().await);
                match failure {
                    None => Ended::Done(outcome),
                    Some(failure) => Ended::Failed(outcome.err(), failure),
                }
            }
        };
        drop(ends);
        Ok(ended)
    }

    async fn nested<R, E, F, W>(&self, bound: &Bound, work: &F) -> Result<Result<R, E>>
    where
        F: Fn(Sql) -> W,
        W: Future<Output = Result<R, E>>,
    {
        let (tx, level) = (&bound.tx, bound.level + 1);
        if level > SAVEPOINTS_MAX {
            let message = format!("at most {SAVEPOINTS_MAX} transactions stand in each other");
            return Err(Error::new(Code::Unsupported, message));
        }
        let inner = Inner::enter(bound, level)?;
        let begun = either!(Held, &tx.held, held => held.savepoint(level).await);
        begun.map_err(|error| inner.broke(error))?;
        let outcome = Box::pin(work(self.bound_to(Bound { tx: tx.clone(), level }))).await;
        inner.close();
        match (outcome, tx.failure()) {
            (Ok(done), None) => {
                let released = either!(Held, &tx.held, held => held.release(level).await);
                released.map_err(|error| inner.broke(error))?;
                inner.leave();
                Ok(Ok(done))
            }
            // What failed because of others must begin anew as a whole.
            (outcome, Some(failure)) if may_repeat(&failure) => {
                inner.leave();
                outcome.map_or_else(|own| Ok(Err(own)), |_| Err(broken(&failure)))
            }
            (outcome, failure) => {
                let undone = either!(Held, &tx.held, held => held.roll_back_to(level).await);
                undone.map_err(|error| inner.broke(error))?;
                tx.state().failure = None;
                inner.leave();
                match (outcome, failure) {
                    (Ok(_), Some(failure)) => Err(broken(&failure)),
                    (outcome, _) => Ok(outcome),
                }
            }
        }
    }

    /// Refuses a handle that would run outside a transaction that is open in this task, or
    /// outside the innermost one.
    #[inline]
    pub(crate) fn check_inside(&self) -> Result<()> {
        match &self.bound {
            Some(bound) => bound.check(),
            None => match OPEN.try_with(|open| open.contains(&self.id())) {
                Ok(true) => Err(outside()),
                Ok(false) | Err(_) => Ok(()),
            },
        }
    }
}

/// How an attempt ended.
enum Ended<R, E> {
    Done(Result<R, E>),
    /// The engine refused a statement; with the closure's own error, if it returned one.
    Failed(Option<E>, Error),
}

async fn begin(engine: &Engine, call: &Call<'_>, options: &TxOptions) -> Result<Held> {
    Ok(match engine {
        Engine::Sqlite(store) => Held::Sqlite(store.begin_transaction(call, options).await?),
        #[cfg(feature = "postgres")]
        Engine::Postgres(store) => Held::Postgres(store.begin_transaction(call, options).await?),
    })
}

/// Ends a transaction when its attempt is over, however.
struct Ends<'a>(&'a Tx);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A transaction inside another. Dropped in the middle, it takes the outer one with it: nothing
/// can be sent to the engine from here.
struct Inner<'a> {
    bound: &'a Bound,
    ended: bool,
}

impl<'a> Inner<'a> {
    /// From now on only handles of that level may be used, and there is only one such transaction.
    fn enter(bound: &'a Bound, level: u32) -> Result<Self> {
        let (outer, order) = (bound.level, Ordering::AcqRel);
        let entered = bound.tx.level.compare_exchange(outer, level, order, Ordering::Acquire);
        entered.map_err(|_| outside())?;
        Ok(Self { bound, ended: false })
    }

    /// No handle may be used while it ends: what is written then would be in it or not by chance.
    fn close(&self) {
        self.bound.tx.level.store(NOBODY, Ordering::Release);
    }

    /// The engine could not do it, so nobody knows what is open.
    fn broke(&self, error: Error) -> Error {
        self.bound.tx.fails(&error);
        error
    }

    /// It has ended; the outer handle may be used again.
    fn leave(mut self) {
        self.ended = true;
    }
}

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let message = "a transaction inside it was cancelled";
            self.bound.tx.fails(&Error::new(Code::QueryFailed, message));
        }
        self.bound.tx.level.store(self.bound.level, Ordering::Release);
    }
}

fn open_with(id: usize) -> Vec<usize> {
    let mut open = OPEN.try_with(Clone::clone).unwrap_or_default();
    open.push(id);
    open
}

/// Whether the same work may succeed when it is done again: others were in the way.
fn may_repeat(error: &Error) -> bool {
    matches!(error.code(), Code::TransactionFailed | Code::Locked)
}

/// A pause by chance, so that those who collided do not meet again: anything up to a bound that
/// doubles with each attempt.
fn pause(attempt: u32) -> Duration {
    let bound = PAUSE_MIN.saturating_mul(1_u32 << attempt.min(16)).min(PAUSE_MAX);
    bound.mul_f64(crate::chance::unit())
}

#[cold]
fn outside() -> Error {
    let message = "a transaction is open here: use the handle that its closure is given";
    Error::new(Code::OutsideTransaction, message)
}

#[cold]
fn broken(failure: &Error) -> Error {
    let message = "an earlier statement of the transaction failed, so it can only be rolled back";
    Error::new(failure.code(), message).because(failure.again())
}

#[cold]
fn late(wait: Duration) -> Error {
    let message = format!("the transaction did not end within {wait:?}, and was rolled back");
    Error::new(Code::TimedOut, message)
}

#[cold]
fn exhausted(attempts: u32, failure: Error) -> Error {
    let message = format!("the transaction failed {attempts} times because of others");
    Error::new(failure.code(), message).because(failure)
}
