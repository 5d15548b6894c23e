//! The store: process memory or Redis.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Capabilities, Code, Error, Record, Result, Table};

use crate::cache::Cache;
use crate::codec::MessagePack;
use crate::engine::Engine;
use crate::memory::{Memory, MemoryOptions};
#[cfg(feature = "redis")]
use crate::transport::{
    RedisCommand, RedisOptions, RedisPipeline, RedisValue, Transport, without_redis,
};

/// So many prefixes are warned of; the rest is left to debug lines.
const WARNED_MAX: usize = 1024;

/// A store of entries that expire: process memory or Redis, with the same verbs.
///
/// Clones share the entries and the connection. See the [front page](crate) for an example.
#[derive(Clone)]
pub struct CacheStore(Arc<Inner>);

struct Inner {
    engine: Engine,
    watch: Watch,
    closed: AtomicBool,
    /// The prefixes whose unreadable entries were warned of.
    warned: Mutex<HashSet<String>>,
}

impl CacheStore {
    /// A store in process memory, with the bounds of [`MemoryOptions::default`].
    pub fn memory() -> CacheStore {
        Self::memory_with(MemoryOptions::default())
    }

    /// A store in process memory.
    pub fn memory_with(options: MemoryOptions) -> CacheStore {
        Self::of(Engine::Memory(Memory::new(&options)), options.watch())
    }

    fn of(engine: Engine, watch: Watch) -> CacheStore {
        let (closed, warned) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { engine, watch, closed, warned }))
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        self.0.engine.capabilities()
    }

    /// Where it is, for people: `:memory:`, `localhost:6379/0`. Never a secret.
    pub fn address(&self) -> String {
        self.0.engine.address()
    }

    /// What every operation of the store passes through.
    pub fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// Whether there is a connection at present. Process memory always has one, until it is
    /// closed.
    pub fn is_connected(&self) -> bool {
        !self.is_closed() && self.0.engine.is_connected()
    }

    /// Connects, if there is no connection yet. When this returns, the store has answered.
    pub async fn connect(&self) -> Result<()> {
        self.run(Operation::Connect, None, |()| 0, self.0.engine.connect()).await
    }

    /// Asks whether the store answers, over a connection that is made if there is none.
    pub async fn ping(&self) -> Result<()> {
        self.run(Operation::Ping, None, |()| 0, self.0.engine.ping()).await
    }

    /// The cache of a record: its entries are keyed by its table's name and its key, are written
    /// in MessagePack, and live five minutes.
    pub fn records<T: Record>(&self) -> Cache<T, MessagePack> {
        Cache::new(self.clone(), T::TABLE.name)
    }

    /// Lets this handle go. The connection ends with the last handle of the store, entries in
    /// memory too; entries in Redis stay. When this returns nothing is pending: every call is
    /// answered by the time it returns.
    pub async fn close(self) -> Result<()> {
        drop(self);
        Ok(())
    }

    /// Closes the store for all its handles: from now on every call on any of them is an error of
    /// the code [`Code::Closed`]. Closing it again changes nothing.
    ///
    /// Calls under way still end as they would, and the connection ends with the last of them.
    /// Entries in memory are gone, entries in Redis stay.
    pub async fn close_all(&self) -> Result<()> {
        let closed = async {
            self.0.closed.store(true, Ordering::Release);
            self.0.engine.close();
            Ok(())
        };
        self.note(Operation::Close, None, |()| 0, closed).await
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// What all keys of the store begin with.
    pub(crate) fn prefix(&self) -> &str {
        self.0.engine.prefix()
    }

    /// Whether this is the first time a prefix gives reason to warn.
    pub(crate) fn warns_first(&self, prefix: &str) -> bool {
        let mut warned = self.0.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < WARNED_MAX && !warned.contains(prefix) && warned.insert(prefix.to_owned())
    }

    /// Carries an operation out, unless the store is closed.
    pub(crate) async fn run<V>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: fn(&V) -> usize,
        work: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        let unless_closed = async {
            if self.is_closed() {
                return Err(closed());
            }
            work.await
        };
        self.note(operation, table, count, unless_closed).await
    }

    /// Carries an operation out under the watch, and completes its error or tells of it, without
    /// keys or values.
    async fn note<V>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: fn(&V) -> usize,
        work: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        let done = self.0.watch.run(operation, count, work).await;
        let (store, record) = (self.capabilities().engine, table.map(|table| table.record));
        let operation = operation.as_str();
        match done {
            Ok(value) => {
                tracing::debug!(operation, store, record, count = count(&value));
                Ok(value)
            }
            Err(error) => {
                tracing::debug!(operation, store, record, code = %error.code(), "failed");
                let error = error.during(operation);
                Err(match table {
                    Some(table) => error.of(table),
                    None => error,
                })
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

#[cfg(feature = "redis")]
impl CacheStore {
    /// A store in Redis, at a URL as [`RedisOptions::new`] reads it.
    ///
    /// Nothing is sent yet: the connection is made by the first call that needs it.
    pub async fn redis(url: &str) -> Result<CacheStore> {
        Self::redis_later(RedisOptions::new(url))
    }

    /// A store in Redis. Nothing is sent yet, as with [`CacheStore::redis`].
    pub async fn redis_with(options: RedisOptions) -> Result<CacheStore> {
        Self::redis_later(options)
    }

    /// A store in Redis, without waiting for it: the address and the options are checked, and the
    /// connection is made by [`CacheStore::connect`], or by the first call that needs it.
    pub fn redis_later(options: RedisOptions) -> Result<CacheStore> {
        let watch = options.watch();
        Ok(Self::of(Engine::Redis(Transport::new(options)?), watch))
    }

    /// Sends a command to Redis as it is, and gives the reply.
    ///
    /// Keys stand as they are given: the prefix of the store is not put before them
    /// ([`Cache::key_text`] tells the whole key of an entry). Nothing of the arguments is logged
    /// or told in an error. It ends within the deadline of a call; one that is dropped, or whose
    /// connection breaks, may have taken effect. Process memory has no commands:
    /// [`Code::Unsupported`].
    ///
    /// ```no_run
    /// use tradebase_cache::{CacheStore, RedisCommand};
    ///
    /// # async fn example() -> tradebase_cache::Result<()> {
    /// let store = CacheStore::redis("redis://127.0.0.1/0").await?;
    /// let add = RedisCommand::new("HINCRBY").arg("fills:BTC").arg("count").arg(1_i64);
    /// let count = store.command(add).await?.as_int()?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn command(&self, command: RedisCommand) -> Result<RedisValue> {
        let sent = async {
            match self.engine() {
                Engine::Memory(_) => Err(without_redis()),
                Engine::Redis(redis) => redis.command(command).await,
            }
        };
        self.run(Operation::Door, None, |_| 1, sent).await
    }

    /// Sends several commands at once, as [`CacheStore::command`] sends one, and gives the reply
    /// of each, in order.
    ///
    /// A command that Redis refuses is the error of that command, and the others are carried out:
    /// also in an atomic pipeline, since Redis takes nothing back. Only a command that it does not
    /// even accept, such as one that it does not know, makes an atomic pipeline fail as a whole,
    /// and then nothing of it was done.
    ///
    /// ```no_run
    /// use tradebase_cache::{CacheStore, RedisCommand, RedisPipeline, RedisValue};
    ///
    /// # async fn example(store: CacheStore) -> tradebase_cache::Result<()> {
    /// let both = RedisPipeline::new()
    ///     .command(RedisCommand::new("LPUSH").arg("last").arg("67000.5"))
    ///     .command(RedisCommand::new("LTRIM").arg("last").arg(0_i64).arg(99_i64))
    ///     .atomic();
    /// let replies = store.pipeline(both).await?;
    /// let values: Vec<RedisValue> = replies.into_iter().collect::<Result<_, _>>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pipeline(&self, pipeline: RedisPipeline) -> Result<Vec<Result<RedisValue>>> {
        let sent = async {
            match self.engine() {
                Engine::Memory(_) => Err(without_redis()),
                Engine::Redis(redis) => redis.pipeline(pipeline).await,
            }
        };
        self.run(Operation::Door, None, Vec::len, sent).await
    }
}

#[cold]
pub(crate) fn closed() -> Error {
    Error::new(Code::Closed, "the store is closed, open it again to use it")
}

impl fmt::Debug for CacheStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheStore").field("engine", &self.capabilities().engine).finish()
    }
}
