//! The store: process memory or Redis.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tradebase_core::{Capabilities, Record, Result};

use crate::cache::Cache;
use crate::capability;
use crate::codec::MessagePack;
use crate::memory::{Memory, MemoryOptions};
use crate::transport::{RedisOptions, Transport};

/// So many prefixes are warned of; the rest is left to debug lines.
const WARNED_MAX: usize = 1024;

/// A store of entries that expire: process memory or Redis, with the same verbs.
///
/// Clones share the entries and the connection. See the [front page](crate) for an example.
#[derive(Clone)]
pub struct CacheStore(Arc<Inner>);

struct Inner {
    engine: Engine,
    /// The prefixes whose unreadable entries were warned of.
    warned: Mutex<HashSet<String>>,
}

pub(crate) enum Engine {
    Memory(Memory),
    Redis(Transport),
}

impl CacheStore {
    /// A store in process memory, with the bounds of [`MemoryOptions::default`].
    pub fn memory() -> CacheStore {
        Self::memory_with(MemoryOptions::default())
    }

    /// A store in process memory.
    pub fn memory_with(options: MemoryOptions) -> CacheStore {
        Self::of(Engine::Memory(Memory::new(&options)))
    }

    /// A store in Redis, at a URL as [`RedisOptions::new`] reads it.
    ///
    /// Nothing is sent yet: the connection is made by the first call that needs it.
    pub async fn redis(url: &str) -> Result<CacheStore> {
        Self::redis_with(RedisOptions::new(url)).await
    }

    /// A store in Redis. Nothing is sent yet, as with [`CacheStore::redis`].
    pub async fn redis_with(options: RedisOptions) -> Result<CacheStore> {
        Ok(Self::of(Engine::Redis(Transport::new(options)?)))
    }

    fn of(engine: Engine) -> CacheStore {
        Self(Arc::new(Inner { engine, warned: Mutex::default() }))
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        match self.0.engine {
            Engine::Memory(_) => &capability::MEMORY,
            Engine::Redis(_) => &capability::REDIS,
        }
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

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// What all keys of the store begin with.
    pub(crate) fn prefix(&self) -> &str {
        match &self.0.engine {
            Engine::Memory(_) => "",
            Engine::Redis(transport) => transport.prefix(),
        }
    }

    /// Whether this is the first time a prefix gives reason to warn.
    pub(crate) fn warns_first(&self, prefix: &str) -> bool {
        let mut warned = self.0.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < WARNED_MAX && !warned.contains(prefix) && warned.insert(prefix.to_owned())
    }
}

impl fmt::Debug for CacheStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheStore").field("engine", &self.capabilities().engine).finish()
    }
}
