//! The typed cache: records under their keys.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Record, Result, rule};

use crate::codec::{Codec, MessagePack, with_buffer};
use crate::engine::Begun;
use crate::envelope::{self, Foreign};
use crate::key;
use crate::store::CacheStore;
use crate::ttl::Ttl;

/// The entries of one record, under its keys.
///
/// Cheap to make and to clone; clones share the store. A cached record is a copy and may be lost:
/// entries expire, are evicted, and are missed when their bytes are not ours to read.
///
/// A call on Redis that is dropped before it ends may still take effect.
pub struct Cache<T, C = MessagePack> {
    store: CacheStore,
    prefix: Cow<'static, str>,
    ttl: Ttl,
    codec: C,
    raw: bool,
    strict: bool,
    record: PhantomData<fn() -> T>,
}

impl<T, C: Clone> Clone for Cache<T, C> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            prefix: self.prefix.clone(),
            codec: self.codec.clone(),
            record: PhantomData,
            ..*self
        }
    }
}

impl<T, C: fmt::Debug> fmt::Debug for Cache<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.store)
            .field("prefix", &self.prefix)
            .field("ttl", &self.ttl)
            .field("codec", &self.codec)
            .field("raw", &self.raw)
            .field("strict", &self.strict)
            .finish()
    }
}

impl<T: Record> Cache<T, MessagePack> {
    pub(crate) fn new(store: CacheStore, prefix: &'static str) -> Self {
        Self {
            store,
            prefix: Cow::Borrowed(prefix),
            ttl: Ttl::DEFAULT,
            codec: MessagePack,
            raw: false,
            strict: false,
            record: PhantomData,
        }
    }
}

impl<T: Record, C: Codec<T>> Cache<T, C> {
    /// The same cache, with its entries in another form: [`Json`](crate::Json) or
    /// [`MessagePack`].
    #[must_use]
    pub fn with_codec<D: Codec<T>>(self, codec: D) -> Cache<T, D> {
        let Self { store, prefix, ttl, raw, strict, record, .. } = self;
        Cache { store, prefix, ttl, codec, raw, strict, record }
    }

    /// The same cache, with keys that begin with this instead of the table's name. A `:` at its
    /// end is tolerated; an empty one leaves the key alone.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = Cow::Owned(prefix.to_owned());
        self
    }

    /// The same cache, with entries that live so long; [`Ttl::DEFAULT`] without.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// The same cache, with entries without an envelope, for other readers and writers.
    #[must_use]
    pub fn raw(mut self) -> Self {
        self.raw = true;
        self
    }

    /// The same cache, in which an entry that cannot be read is an error instead of a miss.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Writes a record under its key, for the cache's time to live. When this returns, it is what
    /// others read.
    pub async fn set(&self, row: &T) -> Result<()> {
        self.set_for(row, self.ttl).await
    }

    /// Writes a record under its key, for that time to live.
    pub async fn set_for(&self, row: &T, ttl: Ttl) -> Result<()> {
        let written = async {
            let begun = self.begin(row, ttl)?;
            self.store.engine().set(begun).await
        };
        self.run(Operation::Set, |()| 1, written).await
    }

    /// The record under that key, if there is one.
    pub async fn get(&self, key: &T::Key) -> Result<Option<T>> {
        let found = async {
            let key = self.key_text(key)?;
            match self.store.engine().get(&key, |entry| self.read(entry)).await {
                // Another kind of value stands under the key.
                Err(error) if error.code() == Code::Unreadable => self.missed(error, None),
                found => found,
            }
        };
        self.run(Operation::Get, |found| usize::from(found.is_some()), found).await
    }

    /// Deletes the entry under that key; false if there was none.
    pub async fn delete(&self, key: &T::Key) -> Result<bool> {
        let deleted = async {
            let key = self.key_text(key)?;
            self.store.engine().delete(&key).await
        };
        self.run(Operation::Delete, |deleted| usize::from(*deleted), deleted).await
    }

    /// Whether there is an entry under that key, readable or not.
    pub async fn exists(&self, key: &T::Key) -> Result<bool> {
        let there = async {
            let key = self.key_text(key)?;
            self.store.engine().exists(&key).await
        };
        self.run(Operation::Exists, |there| usize::from(*there), there).await
    }

    /// Gives the entry under that key another time to live, from now on; false if there is none.
    pub async fn expire(&self, key: &T::Key, ttl: Ttl) -> Result<bool> {
        let changed = async {
            let (key, life_ms) = (self.key_text(key)?, ttl.checked()?);
            self.store.engine().expire(&key, life_ms).await
        };
        self.run(Operation::Expire, |changed| usize::from(*changed), changed).await
    }

    /// How long the entry under that key still lives; none if there is no entry.
    pub async fn ttl(&self, key: &T::Key) -> Result<Option<Ttl>> {
        let left = async {
            let key = self.key_text(key)?;
            self.store.engine().ttl(&key).await
        };
        self.run(Operation::Expire, |left| usize::from(left.is_some()), left).await
    }

    /// The whole key, as it stands in the store.
    pub fn key_text(&self, key: &T::Key) -> Result<String> {
        key::of_key::<T>([self.store.prefix(), &self.prefix], key)
    }

    /// Everything of a write that needs the record, so that nothing of it is kept while waiting.
    fn begin(&self, row: &T, ttl: Ttl) -> Result<Begun> {
        let life_ms = ttl.checked()?;
        rule::check(row)?;
        let key = key::of_row([self.store.prefix(), &self.prefix], row)?;
        with_buffer(|entry| {
            if let Some(codec) = C::ENVELOPE.filter(|_| !self.raw) {
                envelope::write(entry, codec);
            }
            self.codec.encode(row, entry).map_err(|error| rule::explain(row, error))?;
            self.store.engine().begin_set(key, entry, life_ms)
        })
    }

    fn read(&self, entry: &[u8]) -> Result<Option<T>> {
        let bytes = match C::ENVELOPE.filter(|_| !self.raw) {
            Some(codec) => match envelope::open(entry, codec) {
                Ok(bytes) => bytes,
                Err(foreign) => return self.missed(unknown(foreign), Some(foreign)),
            },
            None => entry,
        };
        match self.codec.decode(bytes) {
            Ok(row) => Ok(Some(row)),
            Err(error) => self.missed(error, None),
        }
    }

    /// An entry that cannot be read: a miss, or the error if the cache is strict.
    ///
    /// One line per prefix tells of it, without anything of the value: what an error says of
    /// values stays with the strict.
    #[cold]
    fn missed(&self, error: Error, foreign: Option<Foreign>) -> Result<Option<T>> {
        if self.strict {
            return Err(error);
        }
        let why = match foreign {
            Some(foreign) => foreign.to_string(),
            None => "its bytes do not fit the record".to_owned(),
        };
        let (record, prefix) = (T::TABLE.record, &self.prefix);
        let (code, column) = (error.code(), error.column_name());
        if self.store.warns_first(prefix) {
            tracing::warn!(record, %prefix, %code, column, "an entry is not read: {why}");
        } else {
            tracing::debug!(record, %prefix, %code, column, "an entry is not read: {why}");
        }
        Ok(None)
    }

    async fn run<V>(
        &self,
        operation: Operation,
        count: fn(&V) -> usize,
        work: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        self.store.run(operation, Some(T::TABLE), count, work).await
    }
}

#[cold]
fn unknown(foreign: Foreign) -> Error {
    Error::new(Code::Unreadable, format!("the entry is not one of this cache: {foreign}"))
}
