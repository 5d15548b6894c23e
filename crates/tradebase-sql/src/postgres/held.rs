//! A transaction's connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;
use tradebase_core::{Code, Error, Result};

use super::connection::Connection;
use super::door::RESET;
use super::error::is_of_server;
use super::lease::writes;
use super::outcome::{self, ASK_ERA, ASK_NUMBER, Witness};
use super::pool::{Lease, Pool};
use super::session::{Sent, push};
use super::store::Store;
use crate::call::Call;
use crate::error::given_up;
use crate::options::Durability;
use crate::transaction::{self, Bound, Tx};
use crate::tx_options::{Isolation, TxOptions};

/// How long the end of a transaction waits for a statement that somebody else, a task of the
/// closure's own, still runs in it.
const TURN_WAIT: Duration = Duration::from_secs(30);
/// How long a ROLLBACK may take until its connection is ended instead.
const ROLLBACK_WAIT: Duration = Duration::from_secs(5);

/// How long a COMMIT may take, replicas that confirm it included, until its answer counts as lost.
const COMMIT_WAIT: Duration = Duration::from_secs(60);

/// Commits, and fails if the transaction had failed: a COMMIT alone would roll back and not say
/// so.
const COMMIT: &str = "SELECT; COMMIT";

/// A transaction's connection. Calls of several tasks take turns.
pub(crate) struct Held {
    seat: Arc<Mutex<Seat>>,
    /// Nobody may use it any more. Who has his turn just now ends it.
    ended: AtomicBool,
    pool: Arc<Pool>,
    runtime: Option<Handle>,
    read_only: bool,
}

struct Seat {
    /// None after the end, and after a call that was dropped in the middle.
    lease: Option<Lease>,
    stage: Stage,
}

/// How far a transaction has come.
#[derive(Default)]
struct Stage {
    /// How it begins: it goes out with the first statement, and ahead of it. None when it has.
    begin: Option<String>,
    /// Whether it commits without waiting for the disk.
    relaxed: bool,
    /// Whether the server was asked to give it a number.
    numbered: bool,
    number: Option<String>,
    /// Whether statements of the user's own may have changed settings of the session.
    resets: bool,
    /// Answers on their way, in their order.
    sent: Vec<(Ask, Sent)>,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Era,
    Begin,
    Number,
}

impl Store {
    /// Takes a connection for a transaction. Nothing is sent yet.
    pub(crate) async fn begin_transaction(
        &self,
        call: &Call<'_>,
        options: &TxOptions,
    ) -> Result<Held> {
        let lease = self.own_lease(call).await?;
        let relaxed = call.manner.durability == Some(Durability::Relaxed);
        let stage = Stage { begin: Some(begin(options, relaxed)), relaxed, ..Stage::default() };
        let seat = Seat { lease: Some(lease), stage };
        Ok(Held {
            seat: Arc::new(Mutex::new(seat)),
            ended: AtomicBool::new(false),
            pool: self.pool().clone(),
            runtime: self.runtime().cloned(),
            read_only: options.read_only,
        })
    }
}

/// The statements that begin it. What the session was told for an earlier call does not count.
fn begin(options: &TxOptions, relaxed: bool) -> String {
    let isolation = match options.isolation {
        Isolation::ReadCommitted => "READ COMMITTED",
        Isolation::RepeatableRead => "REPEATABLE READ",
        Isolation::Serializable => "SERIALIZABLE",
    };
    let access = if options.read_only { " READ ONLY" } else { "" };
    let wait = if relaxed { "off" } else { "DEFAULT" };
    format!("BEGIN ISOLATION LEVEL {isolation}{access}; SET LOCAL synchronous_commit TO {wait}")
}

impl Held {
    /// Commits. A lost answer is resolved, or an `OutcomeUnknown`.
    pub(crate) async fn commit(&self, _: &Call<'_>) -> Result<()> {
        let mut seat = timeout(TURN_WAIT, self.seat.lock()).await.map_err(|_| busy())?;
        // Dropped in the middle, the connection is ended.
        let mut lease = seat.lease.take().ok_or_else(given_up)?;
        let stage = &mut seat.stage;
        if stage.begin.is_some() {
            return lease.done(Ok(()));
        }
        let connection = lease.connection()?;
        connection.session.relaxed &= !stage.resets;
        let told = timeout(COMMIT_WAIT, stage.collect(connection)).await;
        if let Err(error) = told.unwrap_or_else(|_| Err(silent())) {
            // Nothing is committed: the COMMIT has not been sent.
            let lost = error.code() == Code::ConnectionLost;
            return Err(if lost { outcome::aborted(error) } else { error });
        }
        let resets = stage.resets;
        let ending = async {
            if resets {
                // Sent together: it costs no round trip.
                join(connection.run(None, COMMIT), connection.run(None, RESET)).await
            } else {
                (connection.run(None, COMMIT).await, Ok(()))
            }
        };
        let ended = timeout(COMMIT_WAIT, ending).await;
        let (committed, reset) = ended.unwrap_or_else(|_| (Err(silent()), Ok(())));
        match committed {
            // One that could not be set back is gone, and that is all.
            Ok(()) if reset.is_err() => Ok(()),
            Ok(()) => lease.done(Ok(())),
            Err(error) if error.code() == Code::ConnectionLost => {
                let witness = stage.witness(connection);
                drop(lease);
                match witness {
                    // It has only read, so it can be repeated.
                    _ if !stage.numbered => Err(outcome::aborted(error)),
                    None => Err(outcome::unknown(error)),
                    Some(witness) => outcome::resolve(&self.pool, &witness, error).await,
                }
            }
            Err(error) => {
                // It has been rolled back already, unless the COMMIT was not reached.
                let rolled_back = timeout(ROLLBACK_WAIT, connection.run(None, "ROLLBACK")).await;
                if matches!(rolled_back, Ok(Ok(()))) { lease.done(Err(error)) } else { Err(error) }
            }
        }
    }

    /// Rolls back; what cannot be rolled back is ended.
    pub(crate) async fn rollback(&self) {
        let Ok(mut seat) = timeout(TURN_WAIT, self.seat.lock()).await else { return };
        if let Some(lease) = seat.lease.take() {
            roll_back(lease, seat.stage.undo()).await;
        }
    }

    /// Begins a transaction inside.
    pub(crate) async fn savepoint(&self, level: u32) -> Result<()> {
        let mut seat = self.seat.lock().await;
        seat.start(self.read_only, false).await?;
        // It fails only if the transaction has: then so does what follows.
        push(&seat.connection()?.client, &format!("SAVEPOINT level_{level}"));
        Ok(())
    }

    /// Ends a transaction inside well.
    pub(crate) async fn release(&self, level: u32) -> Result<()> {
        let mut seat = self.seat.lock().await;
        push(&seat.connection()?.client, &format!("RELEASE SAVEPOINT level_{level}"));
        Ok(())
    }

    /// Undoes a transaction inside.
    pub(crate) async fn roll_back_to(&self, level: u32) -> Result<()> {
        let mut seat = self.seat.lock().await;
        // Dropped in the middle, the connection is ended.
        let mut lease = seat.lease.take().ok_or_else(given_up)?;
        let sql = format!("ROLLBACK TO SAVEPOINT level_{level}; RELEASE SAVEPOINT level_{level}");
        lease.connection()?.run(None, &sql).await?;
        seat.lease = Some(lease);
        Ok(())
    }

    /// Ends it at once, whoever still holds a handle. Called in drops, so the ROLLBACK is sent by
    /// a task, which gives the connection back when it has been answered.
    pub(crate) fn abandon(&self) {
        self.ended.store(true, Ordering::SeqCst);
        // Locked, somebody has his turn: he comes here when it ends.
        let Ok(mut seat) = self.seat.try_lock() else { return };
        let Some(lease) = seat.lease.take() else { return };
        let undo = seat.stage.undo();
        drop(seat);
        match self.runtime.clone().or_else(|| Handle::try_current().ok()) {
            Some(runtime) => drop(runtime.spawn(roll_back(lease, undo))),
            // Without a runtime the connection is ended, which undoes as well.
            None => drop(lease),
        }
    }
}

async fn roll_back(mut lease: Lease, undo: Option<&'static str>) {
    if let Some(undo) = undo {
        let Ok(connection) = lease.connection() else { return };
        connection.session.relaxed &= undo != RESET;
        let rolled_back = timeout(ROLLBACK_WAIT, connection.run(None, undo)).await;
        if !matches!(rolled_back, Ok(Ok(()))) {
            tracing::warn!(
                store = "postgres",
                "a transaction could not be rolled back: its connection was ended"
            );
            return;
        }
    }
    _ = lease.done(Ok(()));
}

impl Seat {
    fn connection(&mut self) -> Result<&mut Connection> {
        self.lease.as_mut().ok_or_else(given_up)?.connection()
    }

    /// Sends what must go ahead of a statement. Nothing is waited for but the BEGIN of a first write,
    /// and what should have been answered by now: dropped there, all is as it was. A transaction
    /// that could not begin has no connection any more.
    async fn start(&mut self, read_only: bool, writes: bool) -> Result<()> {
        let connection = self.lease.as_mut().ok_or_else(given_up)?.connection()?;
        let started = self.stage.start(connection, read_only, writes).await;
        if started.is_err() {
            self.lease = None;
        }
        started
    }
}

impl Stage {
    async fn start(
        &mut self,
        connection: &mut Connection,
        read_only: bool,
        writes: bool,
    ) -> Result<()> {
        self.collect(connection).await?;
        let number = writes && !read_only && !self.numbered;
        self.numbered |= number;
        let begins = self.begin.is_some();
        if let Some(mut begin) = self.begin.take() {
            if !read_only && connection.session.era.is_none() {
                // Not in the transaction: a user who may not ask this must not break it.
                self.sent.push((Ask::Era, Sent::new(&connection.client, ASK_ERA).await?));
            }
            if number {
                begin.push_str("; ");
                begin.push_str(ASK_NUMBER);
            }
            let ask = if number { Ask::Number } else { Ask::Begin };
            self.sent.push((ask, Sent::new(&connection.client, &begin).await?));
        } else if number {
            self.sent.push((Ask::Number, Sent::new(&connection.client, ASK_NUMBER).await?));
        }
        if begins && writes {
            // Behind a BEGIN that fails a write would be a transaction of its own, and stand.
            self.collect(connection).await?;
        }
        Ok(())
    }

    /// What undoes it, if it has begun.
    fn undo(&self) -> Option<&'static str> {
        let undo = if self.resets { RESET } else { "ROLLBACK" };
        self.begin.is_none().then_some(undo)
    }

    /// What tells it from others, if the server has said so.
    fn witness(&mut self, connection: &mut Connection) -> Option<Witness> {
        let (number, era) = self.number.take().zip(connection.session.era.take())?;
        Some(Witness { number, era })
    }

    /// Takes the answers that are on their way.
    async fn collect(&mut self, connection: &mut Connection) -> Result<()> {
        while let Some((ask, sent)) = self.sent.first_mut() {
            let (ask, answer) = (*ask, sent.answer().await);
            self.sent.remove(0);
            match (ask, answer) {
                (Ask::Era, Ok(era)) => connection.session.era = era.map(Into::into),
                (Ask::Era, Err(error)) => {
                    tracing::debug!(store = "postgres", %error, "lost commits stay unknown");
                }
                (Ask::Number, Ok(number)) => self.number = number,
                (Ask::Begin, Ok(_)) => {}
                (Ask::Begin | Ask::Number, Err(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A call's turn on a transaction's connection. Dropped before [`done`](Turn::done), nobody knows
/// what the connection is at: it is ended, and the transaction with it.
pub(super) struct Turn {
    tx: Arc<Tx>,
    seat: Option<OwnedMutexGuard<Seat>>,
    alters: bool,
    done: bool,
}

/// Waits for the call's turn, and sends what must go ahead of its statement.
pub(super) async fn take_turn(bound: &Bound, held: &Held, call: &Call<'_>) -> Result<Turn> {
    let mut seat = held.seat.clone().lock_owned().await;
    // It may have ended meanwhile.
    bound.check()?;
    let tx = bound.tx.clone();
    let writes = writes(call.operation);
    if let Err(error) = seat.start(held.read_only, writes).await {
        tx.fails(&error);
        return Err(error);
    }
    if writes && seat.stage.relaxed && call.manner.durability == Some(Durability::Full) {
        push(&seat.connection()?.client, "SET LOCAL synchronous_commit TO DEFAULT");
        seat.stage.relaxed = false;
    }
    Ok(Turn { tx, seat: Some(seat), alters: false, done: false })
}

impl Turn {
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        self.seat.as_mut().ok_or_else(given_up)?.connection()
    }

    pub(super) fn alters(&mut self) {
        self.alters = true;
        if let Some(lease) = self.seat.as_mut().and_then(|seat| seat.lease.as_mut()) {
            lease.alters();
        }
    }

    pub(super) fn resets(&mut self) {
        if let Some(seat) = &mut self.seat {
            seat.stage.resets = true;
        }
    }

    pub(super) fn done<R>(mut self, outcome: Result<R>) -> Result<R> {
        self.done = true;
        let alters = self.alters;
        if let Err(error) = &outcome
            && is_of_server(error)
        {
            self.tx.fails(error);
        }
        let stale =
            |error: &Error| matches!(error.code(), Code::SchemaMismatch | Code::TransactionFailed);
        if (alters || outcome.as_ref().is_err_and(stale))
            && let Ok(connection) = self.connection()
        {
            connection.forget();
        }
        outcome
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let (false, Some(seat)) = (self.done, &mut self.seat) {
            seat.lease = None;
            self.tx.fails(&cancelled());
        }
        // The turn ends before it is looked whether somebody wanted to end it all meanwhile.
        self.seat = None;
        if let transaction::Held::Postgres(held) = &self.tx.held
            && held.ended.load(Ordering::SeqCst)
        {
            held.abandon();
        }
    }
}

#[cold]
fn busy() -> Error {
    let message = format!(
        "a statement of another task still ran in the transaction after {TURN_WAIT:?}, so it is \
         rolled back"
    );
    Error::new(Code::TimedOut, message)
}

#[cold]
fn cancelled() -> Error {
    Error::new(Code::QueryFailed, "a call of the transaction was cancelled")
}

#[cold]
fn silent() -> Error {
    let message = format!("the server did not answer the COMMIT within {COMMIT_WAIT:?}");
    Error::new(Code::ConnectionLost, message)
}
