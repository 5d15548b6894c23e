//! The relational store, whichever engine it is.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tradebase_core::clock::Clock;
use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Capabilities, Record, Result, Secret, Table, Timestamp};

use crate::call::{Call, Manner};
use crate::engine::{Engine, either};
use crate::gate::Gate;
use crate::options::{Durability, SqlOptions};
use crate::slow::{SlowCall, SlowCalls};
use crate::transaction::Bound;
use crate::{budget, naming, schema, trace};

/// A relational store of records: SQLite or PostgreSQL. Cheap to clone.
///
/// It connects once, by the first call that needs it. If that fails, the call says so and all that
/// waited for it do too, and the next one tries again.
///
/// A handle stands for the store as a whole, or for a transaction on it: the one that the closure
/// of [`transaction`](Sql::transaction) is given. Both have the same verbs, so code that takes
/// `&Sql` works in either.
#[derive(Clone)]
pub struct Sql {
    pub(crate) engine: Engine,
    shared: Arc<Shared>,
    manner: Manner,
    /// The transaction that this handle is part of.
    pub(crate) bound: Option<Bound>,
}

/// What all handles on a store have in common.
struct Shared {
    gate: Gate,
    watch: Watch,
    clock: Clock,
    slow: SlowCalls,
    /// Those of the options, with the ones they point to.
    tables: Vec<&'static Table>,
    cursor_key: Option<Secret>,
    #[cfg(feature = "guest")]
    guests: Places,
}

/// What guests share: their places, and what the store tells them.
#[cfg(feature = "guest")]
struct Places {
    free: Arc<tokio::sync::Semaphore>,
    pool_wait: std::time::Duration,
}

impl Sql {
    /// Opens a store with the default options.
    ///
    /// - `sqlite:ledger.db`, `sqlite:///srv/ledger.db`: a file, made if it is not there
    /// - `sqlite::memory:`: a database that ends with this value
    /// - `postgres://user:password@localhost/ledger`, also `postgresql://` and, for a unix
    ///   socket, `?host=/var/run/postgresql`; with the feature `postgres`
    ///
    /// A driver's name after the scheme (`postgresql+asyncpg://`) is passed over.
    pub async fn open(url: &str) -> Result<Sql> {
        Self::open_with(SqlOptions::new(url)).await
    }

    /// Opens a store.
    pub async fn open_with(options: SqlOptions) -> Result<Sql> {
        let sql = Self::later(options)?;
        sql.connect_during("open").await?;
        Ok(sql)
    }

    /// A store that connects when it is first used. The address and the options are checked now.
    pub fn later(options: SqlOptions) -> Result<Sql> {
        let engine = options.check().and_then(|()| Engine::later(&options));
        let engine = engine.map_err(|e| e.during("open"))?;
        #[cfg(feature = "guest")]
        let guests = Places {
            free: Arc::new(tokio::sync::Semaphore::new(crate::GUESTS_AT_ONCE)),
            pool_wait: options.pool_wait,
        };
        let SqlOptions { watch, clock, slow_after, tables, cursor_key, .. } = options;
        let shared = Shared {
            gate: Gate::default(),
            watch,
            clock,
            slow: SlowCalls::new(slow_after),
            tables: schema::with_parents(&tables).map_err(|e| e.during("open"))?,
            cursor_key,
            #[cfg(feature = "guest")]
            guests,
        };
        let (shared, manner) = (Arc::new(shared), Manner::default());
        Ok(Sql { engine, shared, manner, bound: None })
    }

    /// The same store, with writes of that durability through this handle. PostgreSQL's `Relaxed`
    /// is its `synchronous_commit = off`; its `Full` is what the server is set up to.
    pub fn with_durability(&self, durability: Durability) -> Sql {
        let manner = Manner { durability: Some(durability), ..self.manner };
        Sql { manner, ..self.clone() }
    }

    /// The same store, for callers whose thread may wait: on SQLite a write that waits for the
    /// disk and a read of many rows run on it, which spares the way to another thread and back.
    pub fn in_place(&self) -> Sql {
        Sql { manner: Manner { in_place: true, ..self.manner }, ..self.clone() }
    }

    /// Connects now, unless that has happened, and creates the tables of the options.
    pub async fn connect(&self) -> Result<()> {
        self.connect_during(Operation::Connect.as_str()).await
    }

    async fn connect_during(&self, verb: &'static str) -> Result<()> {
        let connected = self.connected().await;
        trace::ends(self.capabilities().engine, Operation::Connect, None, &connected, |()| 0);
        connected.map_err(|e| e.during(verb))
    }

    /// Whether the store has been connected, and not closed since.
    pub fn is_connected(&self) -> bool {
        self.shared.gate.is_open()
    }

    /// Asks the store for an answer, connecting if needed.
    pub async fn ping(&self) -> Result<()> {
        let call = self.call(Operation::Ping, None);
        let pong = async { either!(Engine, &self.engine, store => store.ping(&call).await) };
        self.run(&call, |()| 0, pin!(pong)).await
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        self.engine.capabilities()
    }

    /// Where the store is, for people: `ledger.db`, `:memory:`, `localhost:5432/ledger`. Never a
    /// secret.
    pub fn address(&self) -> String {
        either!(Engine, &self.engine, store => store.address())
    }

    /// What watches the operations of this store.
    pub fn watch(&self) -> &Watch {
        &self.shared.watch
    }

    /// The last [`SLOW_KEPT`](crate::SLOW_KEPT) calls that took longer than
    /// [`SqlOptions::slow_after`] says, the newest last.
    pub fn slow_calls(&self) -> Vec<SlowCall> {
        self.shared.slow.list()
    }

    /// Creates the record's table if it is not there, and those of the records it points to.
    ///
    /// On SQLite also a view `<table>_readable`, which shows every value as text that a person
    /// and other programs can read. When it returns, the table is there with all its indexes,
    /// or nothing has changed.
    pub async fn create_table<T: Record>(&self) -> Result<()> {
        let call = self.call(Operation::Create, Some(T::TABLE));
        let created = async {
            naming::check(T::TABLE)?;
            either!(Engine, &self.engine, store => store.create_tables(&call, &[T::TABLE]).await)
        };
        self.run(&call, |()| 0, pin!(created)).await
    }

    /// Drops the record's table with all its rows, if it is there.
    pub async fn drop_table<T: Record>(&self) -> Result<()> {
        let call = self.call(Operation::Drop, Some(T::TABLE));
        let dropped = async {
            either!(Engine, &self.engine, store => store.drop_table(&call, T::TABLE).await)
        };
        self.run(&call, |()| 0, pin!(dropped)).await
    }

    /// Closes the store for this value and all its clones. When it returns, calls that were
    /// under way have ended, and a SQLite file is really closed: it can be moved or deleted. Later
    /// calls are errors of the code [`Code::Closed`](tradebase_core::Code::Closed). Closing twice
    /// is fine.
    pub async fn close(self) -> Result<()> {
        let call = self.call(Operation::Close, None);
        let closed = async {
            self.check_inside()?;
            if self.bound.is_some() {
                return Err(in_transaction());
            }
            self.shared.gate.shut().await;
            #[cfg(feature = "guest")]
            self.shared.guests.end().await?;
            either!(Engine, &self.engine, store => store.close().await)?;
            tracing::info!(store = self.capabilities().engine, address = self.address(), "closed");
            Ok(())
        };
        self.watched(&call, |()| 0, pin!(closed)).await
    }

    /// A call of a verb on this handle.
    #[inline]
    pub(crate) fn call(&self, operation: Operation, table: Option<&'static Table>) -> Call<'_> {
        Call::new(operation, table, self.manner, self.bound.as_ref())
    }

    /// Connects if needed, and carries a call out. Pinned, it is not copied on its way down.
    pub(crate) async fn run<T>(
        &self,
        call: &Call<'_>,
        count: fn(&T) -> usize,
        work: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        let work = pin!(async {
            self.check_inside()?;
            self.connected().await?;
            work.await
        });
        self.watched(call, count, work).await
    }

    /// Carries a call out, and notes how it went.
    pub(crate) async fn watched<T>(
        &self,
        call: &Call<'_>,
        count: fn(&T) -> usize,
        work: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        let Shared { watch, slow, clock, .. } = &*self.shared;
        let (outcome, took) = watch.timed(call.operation, count, work).await;
        let rows = outcome.as_ref().ok().map(count);
        slow.note(call, took, rows, clock);
        budget::note(call, took, rows);
        trace::ends(self.capabilities().engine, call.operation, call.table, &outcome, count);
        outcome.map_err(|error| {
            let error = error.during(call.operation.as_str());
            match call.table {
                Some(table) => error.of(table),
                None => error,
            }
        })
    }

    /// A handle on a transaction.
    pub(crate) fn bound_to(&self, bound: Bound) -> Sql {
        Sql { bound: Some(bound), ..self.clone() }
    }

    /// The places of guests, a permit each.
    #[cfg(feature = "guest")]
    pub(crate) fn guests(&self) -> &Arc<tokio::sync::Semaphore> {
        &self.shared.guests.free
    }

    /// How long a call waits for a connection or a place.
    #[cfg(feature = "guest")]
    pub(crate) fn pool_wait(&self) -> std::time::Duration {
        self.shared.guests.pool_wait
    }

    /// What tells this store from others.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// The tables that the store was opened with, and those they point to.
    pub(crate) fn tables(&self) -> &[&'static Table] {
        &self.shared.tables
    }

    /// The clock of the store.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What cursors are sealed with.
    pub(crate) fn cursor_key(&self) -> Option<&Secret> {
        self.shared.cursor_key.as_ref()
    }

    /// The time by the clock of the store.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// One look once the store is connected; what connects stands aside, so that no call carries
    /// it along.
    #[inline]
    async fn connected(&self) -> Result<()> {
        if self.shared.gate.is_open() { Ok(()) } else { Box::pin(self.connect_once()).await }
    }

    async fn connect_once(&self) -> Result<()> {
        let connect = async {
            either!(Engine, &self.engine, store => store.connect().await)?;
            let (store, address) = (self.capabilities().engine, self.address());
            tracing::info!(store, address, "connected");
            Ok(())
        };
        self.shared.gate.open(self.shared.watch.run(Operation::Connect, |()| 0, connect)).await
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql")
            .field("engine", &self.capabilities().engine)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "guest")]
impl Places {
    /// Waits until no guest is there any more, and lets none in.
    async fn end(&self) -> Result<()> {
        let all = u32::try_from(crate::GUESTS_AT_ONCE).unwrap_or(u32::MAX);
        let left = tokio::time::timeout(self.pool_wait, self.free.acquire_many(all)).await;
        self.free.close();
        let wait = self.pool_wait;
        left.map(drop).map_err(|_| crate::error::exhausted(wait, crate::GUESTS_AT_ONCE))
    }
}

/// What an update met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updated {
    /// The row is written; it was made at that moment, if it says so.
    Yes { created: Option<Timestamp> },
    /// There is no row of this key.
    Missing,
    /// The row has another version.
    OtherVersion,
}

#[cold]
fn in_transaction() -> tradebase_core::Error {
    let message = "the store cannot be closed inside a transaction";
    tradebase_core::Error::new(tradebase_core::Code::OutsideTransaction, message)
}

/// A number of rows, as measures count them.
pub(crate) fn count(rows: &u64) -> usize {
    usize::try_from(*rows).unwrap_or(usize::MAX)
}
