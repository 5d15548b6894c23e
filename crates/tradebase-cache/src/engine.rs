//! What holds the entries: process memory, or Redis in a build that has it.

use tradebase_core::{Capabilities, Result};

use crate::capability;
use crate::memory::Memory;
#[cfg(feature = "redis")]
use crate::transport::{Request, Transport};
use crate::ttl::Ttl;

/// The engine of a store.
pub(crate) enum Engine {
    Memory(Memory),
    #[cfg(feature = "redis")]
    Redis(Transport),
}

/// A write that is done, or that Redis is still to be asked for.
pub(crate) enum Begun {
    Done,
    #[cfg(feature = "redis")]
    Redis(Request),
}

/// The call of whichever engine it is.
macro_rules! on {
    ($engine:expr, $memory:pat => $here:expr, $redis:pat => $there:expr $(,)?) => {
        match $engine {
            Engine::Memory($memory) => $here,
            #[cfg(feature = "redis")]
            Engine::Redis($redis) => $there,
        }
    };
}

impl Engine {
    pub(crate) fn capabilities(&self) -> &'static Capabilities {
        on!(self, _ => &capability::MEMORY, _ => &capability::REDIS)
    }

    /// What all keys of the store begin with.
    pub(crate) fn prefix(&self) -> &str {
        on!(self, _ => "", redis => redis.prefix())
    }

    pub(crate) fn address(&self) -> String {
        on!(self, _ => ":memory:".to_owned(), redis => redis.address())
    }

    pub(crate) fn is_connected(&self) -> bool {
        on!(self, _ => true, redis => redis.is_connected())
    }

    pub(crate) async fn connect(&self) -> Result<()> {
        on!(self, _ => Ok(()), redis => redis.connect().await)
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        on!(self, _ => Ok(()), redis => redis.ping().await)
    }

    pub(crate) fn close(&self) {
        on!(self, memory => memory.clear(), redis => redis.close());
    }

    /// Begins to write an entry that lives so many milliseconds, or for ever. Needs its bytes no
    /// longer when it returns.
    pub(crate) fn begin_set(
        &self,
        key: String,
        bytes: &[u8],
        life_ms: Option<u64>,
    ) -> Result<Begun> {
        on!(
            self,
            memory => memory.set(key, bytes, life_ms).map(|()| Begun::Done),
            _ => Ok(Begun::Redis(Request::set(&key, bytes, life_ms))),
        )
    }

    /// Ends a write of this engine.
    pub(crate) async fn set(&self, begun: Begun) -> Result<()> {
        match (self, begun) {
            #[cfg(feature = "redis")]
            (Engine::Redis(redis), Begun::Redis(request)) => redis.set(request).await,
            _ => Ok(()),
        }
    }

    /// What `read` makes of an entry, if there is one.
    pub(crate) async fn get<V>(
        &self,
        key: &str,
        read: impl FnOnce(&[u8]) -> Result<Option<V>>,
    ) -> Result<Option<V>> {
        on!(
            self,
            memory => memory.get(key).map_or(Ok(None), |entry| read(&entry)),
            redis => redis.get(key).await?.map_or(Ok(None), |entry| read(&entry)),
        )
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<bool> {
        on!(self, memory => Ok(memory.delete(key)), redis => redis.delete(key).await)
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool> {
        on!(self, memory => Ok(memory.ttl(key).is_some()), redis => redis.exists(key).await)
    }

    pub(crate) async fn expire(&self, key: &str, life_ms: Option<u64>) -> Result<bool> {
        on!(
            self,
            memory => Ok(memory.expire(key, life_ms)),
            redis => redis.expire(key, life_ms).await,
        )
    }

    pub(crate) async fn ttl(&self, key: &str) -> Result<Option<Ttl>> {
        on!(self, memory => Ok(memory.ttl(key)), redis => redis.ttl(key).await)
    }
}
