//! A transaction, and the connection it holds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::error::from_sqlite;
use super::readers::Reader;
use super::store::Store;
use super::writer::Writer;
use super::writing::Writing;
use crate::call::Call;
use crate::options::Durability;
use crate::transaction::TxOptions;

/// How long the end of a transaction waits for a statement that somebody else, a task of the
/// closure's own, still runs in it.
const TURN_WAIT: Duration = Duration::from_secs(30);

/// A transaction that is open until it is committed, rolled back or abandoned.
pub(crate) struct Held {
    slot: Arc<Slot>,
    runtime: Option<Handle>,
}

struct Slot {
    /// None once the transaction has ended.
    lease: Arc<Mutex<Option<Lease>>>,
    /// Set by `abandon`: whoever uses the connection then lets it go.
    over: AtomicBool,
    /// Whether a call of it was to be as durable as can be, which the commit then is.
    full: AtomicBool,
    /// Stops what is under way on it; none once the connection has gone back.
    interrupt: StdMutex<Option<InterruptHandle>>,
}

/// The connection. Dropped, it rolls back and goes back.
enum Lease {
    Writer(Writer),
    /// One that only reads.
    Reader(Reader),
    /// One that only reads, where there is no other connection.
    Barred(Barred),
}

/// The connection that writes, kept from writing.
struct Barred(Writer);

impl Store {
    /// Begins a transaction.
    pub(crate) async fn begin_transaction(
        &self,
        call: &Call<'_>,
        options: &TxOptions,
    ) -> Result<Held> {
        let lease = if !options.read_only {
            let mut writer = self.writer(call).await?;
            writer.begin().await?;
            Lease::Writer(writer)
        } else if self.lane.is_memory() {
            let mut barred = Barred(self.writer(call).await?);
            barred.0.begin().await?;
            barred.0.parts()?.execute("PRAGMA query_only = ON")?;
            Lease::Barred(barred)
        } else {
            let reader = self.reader(call).await?;
            let begun = reader.connection()?.execute_batch("BEGIN");
            begun.map_err(|e| from_sqlite(&e, None))?;
            Lease::Reader(reader)
        };
        let interrupt = StdMutex::new(Some(lease.connection()?.get_interrupt_handle()));
        let lease = Arc::new(Mutex::new(Some(lease)));
        let slot = Arc::new(Slot {
            lease,
            over: AtomicBool::new(false),
            full: AtomicBool::new(false),
            interrupt,
        });
        Ok(Held { slot, runtime: self.runtime().cloned() })
    }
}

impl Held {
    /// The connection, when no other call of the transaction uses it.
    pub(super) async fn take(&self, call: &Call<'_>) -> Result<Use> {
        if call.manner.durability == Some(Durability::Full) {
            self.slot.full.store(true, Ordering::Relaxed);
        }
        if let Ok(guard) = self.slot.lease.clone().try_lock_owned() {
            return self.used(guard);
        }
        let begun = Tick::now();
        let held = self.used(self.slot.lease.clone().lock_owned().await);
        call.waits(begun.elapsed());
        // The call before it may have failed the transaction, or a transaction inside it begun.
        if let Some(bound) = call.bound {
            bound.check()?;
        }
        held
    }

    /// As [`take`](Held::take), to end the transaction or a part of it.
    async fn end_use(&self) -> Result<Use> {
        let guard = timeout(TURN_WAIT, self.slot.lease.clone().lock_owned()).await;
        self.used(guard.map_err(|_| busy())?)
    }

    fn used(&self, guard: OwnedMutexGuard<Option<Lease>>) -> Result<Use> {
        let held = Use { guard: Some(guard), slot: self.slot.clone() };
        held.lease()?;
        Ok(held)
    }

    /// Commits. If that fails, it is rolled back.
    pub(crate) async fn commit(&self, call: &Call<'_>) -> Result<()> {
        let mut held = self.end_use().await?;
        let lease = held.let_go().ok_or_else(ended)?;
        drop(held);
        lease.alive()?;
        match lease {
            Lease::Reader(reader) => commit_read(reader.connection()?),
            Lease::Barred(_) => Ok(()),
            Lease::Writer(writer) => {
                let lane = writer.lane();
                let relaxed = lane.durability(call) == Durability::Relaxed;
                let raised = relaxed && self.slot.full.load(Ordering::Relaxed);
                let in_place = lane.commits_in_place(call) || (relaxed && !raised);
                writer.commit(in_place, raised, self.runtime.as_ref()).await
            }
        }
    }

    /// Rolls back.
    pub(crate) async fn rollback(&self) {
        if let Ok(mut held) = self.end_use().await {
            drop(held.let_go());
        }
    }

    pub(crate) async fn savepoint(&self, level: u32) -> Result<()> {
        self.point(format!("SAVEPOINT level_{level}")).await
    }

    pub(crate) async fn release(&self, level: u32) -> Result<()> {
        self.point(format!("RELEASE level_{level}")).await
    }

    pub(crate) async fn roll_back_to(&self, level: u32) -> Result<()> {
        self.point(format!("ROLLBACK TO level_{level}; RELEASE level_{level}")).await
    }

    async fn point(&self, sql: String) -> Result<()> {
        let held = self.end_use().await?;
        held.lease()?.alive()?;
        held.connection()?.execute_batch(&sql).map_err(|e| from_sqlite(&e, None))
    }

    /// Ends it at once, whoever still holds a handle.
    pub(crate) fn abandon(&self) {
        self.slot.over.store(true, Ordering::SeqCst);
        if !self.slot.sweep() {
            // Its user lets it go; what takes long there is cut short.
            let interrupt = self.slot.interrupt();
            if let Some(interrupt) = interrupt.as_ref() {
                interrupt.interrupt();
            }
        }
    }
}

impl Slot {
    /// Lets the connection go if the transaction is over; false if somebody is using it.
    fn sweep(&self) -> bool {
        if !self.over.load(Ordering::SeqCst) {
            return true;
        }
        let Ok(mut lease) = self.lease.try_lock() else { return false };
        let lease = self.let_go(&mut lease);
        drop(lease);
        true
    }

    /// Nobody interrupts the connection any more.
    fn let_go(&self, lease: &mut Option<Lease>) -> Option<Lease> {
        self.interrupt().take();
        lease.take()
    }

    /// A panic elsewhere cannot leave it half-changed.
    fn interrupt(&self) -> std::sync::MutexGuard<'_, Option<InterruptHandle>> {
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection of a transaction, while one call uses it.
pub(super) struct Use {
    guard: Option<OwnedMutexGuard<Option<Lease>>>,
    slot: Arc<Slot>,
}

impl Use {
    fn lease(&self) -> Result<&Lease> {
        self.guard.as_ref().and_then(|guard| guard.as_ref()).ok_or_else(ended)
    }

    /// The connection.
    pub(super) fn connection(&self) -> Result<&Connection> {
        self.lease()?.connection()
    }

    /// The connection, to write.
    pub(super) fn writing(&mut self) -> Result<&mut Writing> {
        match self.guard.as_mut().and_then(|guard| guard.as_mut()) {
            Some(Lease::Writer(writer)) => {
                let writing = writer.parts()?;
                if writing.connection.is_autocommit() { Err(lost()) } else { Ok(writing) }
            }
            Some(Lease::Reader(_) | Lease::Barred(_)) => Err(reads_only()),
            None => Err(ended()),
        }
    }

    /// Refuses a transaction that the engine has rolled back, or that a statement has ended.
    pub(super) fn check_alive(&self) -> Result<()> {
        self.lease()?.alive()
    }

    fn let_go(&mut self) -> Option<Lease> {
        let guard = self.guard.as_mut()?;
        self.slot.let_go(guard)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.guard = None;
        // Abandoned in the meantime, it is let go by whoever comes last.
        self.slot.sweep();
    }
}

impl Lease {
    fn connection(&self) -> Result<&Connection> {
        match self {
            Lease::Writer(writer) => Ok(&writer.get()?.connection),
            Lease::Barred(barred) => Ok(&barred.0.get()?.connection),
            Lease::Reader(reader) => reader.connection(),
        }
    }

    fn alive(&self) -> Result<()> {
        if self.connection()?.is_autocommit() { Err(lost()) } else { Ok(()) }
    }
}

impl Drop for Barred {
    fn drop(&mut self) {
        if let Ok(writing) = self.0.parts() {
            writing.roll_back();
            if let Err(error) = writing.execute("PRAGMA query_only = OFF") {
                tracing::warn!(store = "sqlite", %error, "a connection could not be reset");
            }
        }
    }
}

fn commit_read(connection: &Connection) -> Result<()> {
    connection.execute_batch("COMMIT").map_err(|e| from_sqlite(&e, None))
}

#[cold]
fn ended() -> Error {
    Error::new(Code::OutsideTransaction, "the transaction of this handle has ended")
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
fn lost() -> Error {
    let message = "the transaction has ended before its time: a statement has rolled it back";
    Error::new(Code::QueryFailed, message)
}

#[cold]
fn reads_only() -> Error {
    Error::new(Code::AccessDenied, "the transaction only reads")
}
