//! The same stores without async, for programs and threads that have no runtime.
//!
//! Each call here waits for the async one of the same name on the caller's thread. Inside an async
//! runtime that would hold a thread others need: there it is an error of the code
//! [`BlockingInAsync`](tradebase_core::Code::BlockingInAsync), never a deadlock. That holds for
//! `spawn_blocking` too, which cannot be told apart: use the async form, or `std::thread`.
//!
//! ```
//! use tradebase::{Config, Record, blocking};
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(table = "bots")]
//! struct Bot {
//!     #[record(key)]
//!     id: i64,
//!     name: String,
//! }
//!
//! # fn main() -> tradebase::Result<()> {
//! # let config = Config::in_memory();
//! let db = blocking::Tradebase::open(config)?;
//! db.sql().create_table::<Bot>()?;
//! db.sql().insert(&Bot { id: 1, name: "mean reversion".into() })?;
//! let bot = db.sql().get::<Bot>(&1)?;
//! // Whatever has no form of its own here:
//! let bots = db.wait(db.sql().room().find::<Bot>().filter(Bot::NAME.eq("momentum")).all())?;
//! assert!(bot.is_some() && bots.is_empty());
//! db.close()
//! # }
//! ```

mod migrations;
mod sql;

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::task::unconstrained;

#[cfg(feature = "duckdb")]
use tradebase_core::{Handed, Row, Value};
use tradebase_core::{Record, Result};
use tradebase_sql::{PartOptions, PartReport};

use crate::{Config, Connected, Health, Info, Opening};

/// The stores, without async. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tradebase(crate::Tradebase);

/// A room, without async.
#[derive(Clone)]
pub struct Blocking<R> {
    db: crate::Tradebase,
    room: R,
}

impl Tradebase {
    /// Opens the stores, as [`crate::Tradebase::open`] does.
    pub fn open(config: Config) -> Result<Self> {
        crate::Tradebase::builder(config).open_now().map(Self)
    }

    /// Opens the stores with more than a configuration, as [`Opening::open`] does.
    pub fn open_with(opening: Opening) -> Result<Self> {
        opening.open_now().map(Self)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn of(db: crate::Tradebase) -> Self {
        Self(db)
    }

    /// The same stores with async calls.
    pub fn asynchronous(&self) -> &crate::Tradebase {
        &self.0
    }

    /// Waits for any call on the stores.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.runtime().wait(work)?
    }

    /// The relational room.
    pub fn sql(&self) -> Blocking<crate::sql::Sql> {
        // The thread waits anyhow, so it may wait for the disk too.
        self.room(self.0.sql().in_place())
    }

    /// The cache of a record.
    pub fn cache<T: Record>(&self) -> Blocking<crate::cache::Cache<T>> {
        self.room(self.0.cache::<T>())
    }

    /// The analytics room.
    #[cfg(feature = "duckdb")]
    pub fn analytics(&self) -> Blocking<crate::analytics::Analytics> {
        self.room(self.0.analytics().clone())
    }

    /// The room of time series.
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    pub fn series(&self) -> Blocking<crate::series::Series> {
        self.room(self.0.series().clone())
    }

    fn room<R>(&self, room: R) -> Blocking<R> {
        Blocking { db: self.0.clone(), room }
    }

    /// Connects all rooms, and says of each how it went.
    pub fn connect_all(&self) -> Result<Vec<Connected>> {
        self.0.runtime().wait(self.0.connect_all())
    }

    /// Asks every room whether it answers.
    pub fn health(&self) -> Result<Health> {
        self.0.runtime().wait(self.0.health())
    }

    /// Keeps the parts of the registered records that are cut by time.
    pub fn keep_parts(&self, options: &PartOptions) -> Result<PartReport> {
        self.0.runtime().wait(self.0.keep_parts(options))?
    }

    /// What is open, without secrets.
    pub fn info(&self) -> Info {
        self.0.info()
    }

    /// What was measured, in the text form of Prometheus.
    pub fn metrics(&self) -> String {
        self.0.metrics()
    }

    /// Closes the stores, for all handles.
    pub fn close(&self) -> Result<()> {
        self.wait(self.0.close())
    }
}

impl<R> Blocking<R> {
    /// The room with async calls, to be waited for by [`Tradebase::wait`].
    pub fn room(&self) -> &R {
        &self.room
    }

    /// Waits for any call of the room, also inside a transaction: for those that are put together
    /// first, as finds are, and for all that have no form of their own here.
    ///
    /// ```
    /// # use tradebase::{Config, Record, Result, blocking};
    /// # #[derive(Record)]
    /// # #[record(table = "accounts")]
    /// # struct Account { #[record(key)] id: i64, cents: i64 }
    /// # fn main() -> Result<()> {
    /// # let db = blocking::Tradebase::open(Config::in_memory())?;
    /// # db.sql().create_table::<Account>()?;
    /// # db.sql().insert(&Account { id: 1, cents: 300 })?;
    /// let sql = db.sql();
    /// let rich = sql.ask(|sql| sql.find::<Account>().filter(Account::CENTS.gt(200)).all())?;
    /// assert_eq!(rich.len(), 1);
    /// # db.close()
    /// # }
    /// ```
    pub fn ask<'a, T, F>(&'a self, call: impl FnOnce(&'a R) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.wait(call(&self.room))
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.block_on(work)?
    }

    /// Waits on the caller's thread. In the closure of a transaction this thread waits inside the
    /// runtime already, for that closure.
    fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        if CLOSURES.get() > 0 { Ok(park_on(work)) } else { self.db.runtime().wait(work) }
    }
}

thread_local! {
    /// How many closures of transactions this thread is in.
    static CLOSURES: Cell<u32> = const { Cell::new(0) };
}

/// This thread is in the closure of a transaction, until it is dropped.
struct InClosure;

impl InClosure {
    fn enter() -> Self {
        CLOSURES.set(CLOSURES.get() + 1);
        Self
    }
}

impl Drop for InClosure {
    fn drop(&mut self) {
        CLOSURES.set(CLOSURES.get() - 1);
    }
}

/// Waits for work while this thread is inside the runtime, whose other threads carry it on.
fn park_on<T>(work: impl Future<Output = T>) -> T {
    // Without a budget: the one of the call around this never comes back while it is held here.
    let mut work = pin!(unconstrained(work));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<R: fmt::Debug> fmt::Debug for Blocking<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.room).finish()
    }
}

impl<T: Record> Blocking<crate::cache::Cache<T>> {
    /// See [`Cache::set`](crate::cache::Cache::set).
    pub fn set(&self, row: &T) -> Result<()> {
        self.wait(self.room.set(row))
    }

    /// See [`Cache::get`](crate::cache::Cache::get).
    pub fn get(&self, key: &T::Key) -> Result<Option<T>> {
        self.wait(self.room.get(key))
    }

    /// See [`Cache::delete`](crate::cache::Cache::delete).
    pub fn delete(&self, key: &T::Key) -> Result<bool> {
        self.wait(self.room.delete(key))
    }

    /// See [`Cache::exists`](crate::cache::Cache::exists).
    pub fn exists(&self, key: &T::Key) -> Result<bool> {
        self.wait(self.room.exists(key))
    }

    /// See [`Cache::expire`](crate::cache::Cache::expire).
    pub fn expire(&self, key: &T::Key, ttl: crate::cache::Ttl) -> Result<bool> {
        self.wait(self.room.expire(key, ttl))
    }
}

#[cfg(feature = "duckdb")]
impl Blocking<crate::analytics::Analytics> {
    /// See [`Analytics::create_table`](crate::analytics::Analytics::create_table).
    pub fn create_table<T: Record>(&self) -> Result<()> {
        self.wait(self.room.create_table::<T>())
    }

    /// See [`Analytics::append`](crate::analytics::Analytics::append).
    pub fn append<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        self.wait(self.room.append(rows))
    }

    /// See [`Analytics::query`](crate::analytics::Analytics::query).
    pub fn query<R: Row>(&self, sql: &str, values: &[Value]) -> Result<Vec<R>> {
        self.wait(self.room.query(sql, values))
    }

    /// See [`Analytics::all`](crate::analytics::Analytics::all).
    pub fn all<T: Record>(&self) -> Result<Vec<T>> {
        self.wait(self.room.all())
    }
}

#[cfg(any(feature = "duckdb", feature = "influx"))]
impl Blocking<crate::series::Series> {
    /// See [`Series::create`](crate::series::Series::create).
    pub fn create<T: Record>(&self) -> Result<()> {
        self.wait(self.room.create::<T>())
    }

    /// See [`Series::write`](crate::series::Series::write).
    pub fn write<T: Record>(&self, rows: &[T]) -> Result<crate::series::Written> {
        self.wait(self.room.write(rows))
    }

    /// See [`Series::read`](crate::series::Series::read).
    pub fn read<T: Record>(
        &self,
        range: impl std::ops::RangeBounds<tradebase_core::TimestampNs>,
    ) -> Result<Vec<T>> {
        self.wait(self.room.read(range))
    }
}
