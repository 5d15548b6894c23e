//! Entries in process memory, bounded, quick under many threads.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tradebase_core::clock::{Clock, Tick};
use tradebase_core::watch::Watch;
use tradebase_core::{Code, Error, Result};

use crate::Ttl;

/// What an entry takes beside its key and bytes, about.
const ENTRY_OVERHEAD_BYTES: usize = 160;
/// More locks than this win nothing.
const SHARDS_MAX: usize = 32;
/// A shard has room for several of the largest entries, so that each of them is admitted.
const LARGEST_PER_SHARD: usize = 4;

/// The bounds of a cache in process memory, and the clock it goes by.
///
/// ```
/// use tradebase_cache::{CacheStore, MemoryOptions};
///
/// let store = CacheStore::memory_with(MemoryOptions::default().with_bytes_max(8 << 20));
/// ```
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    entries_max: usize,
    bytes_max: usize,
    entry_bytes_max: usize,
    clock: Clock,
    watch: Watch,
}

impl MemoryOptions {
    /// The most entries, unless told otherwise.
    pub const ENTRIES_MAX: usize = 100_000;
    /// The most bytes of all entries together, unless told otherwise: 64 MiB.
    pub const BYTES_MAX: usize = 64 << 20;
    /// The most bytes of one entry, unless told otherwise: 1 MiB.
    pub const ENTRY_BYTES_MAX: usize = 1 << 20;
    /// A smaller number of entries is taken for this.
    pub const ENTRIES_LEAST: usize = 16;
    /// A smaller number of bytes is taken for this: 16 KiB.
    pub const BYTES_LEAST: usize = 16 << 10;

    /// About how many entries it holds at most; the ones used least give way.
    #[must_use]
    pub fn with_entries_max(mut self, entries: usize) -> Self {
        self.entries_max = entries;
        self
    }

    /// About how many bytes it holds at most, keys and our own share included.
    #[must_use]
    pub fn with_bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// How many bytes one entry may have with its key; a larger one is refused. At most a quarter
    /// of what the whole may have.
    #[must_use]
    pub fn with_entry_bytes_max(mut self, bytes: usize) -> Self {
        self.entry_bytes_max = bytes;
        self
    }

    /// The clock that times to live go by; the machine's without.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What every operation passes through; a watch of its own without.
    #[must_use]
    pub fn with_watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            entries_max: Self::ENTRIES_MAX,
            bytes_max: Self::BYTES_MAX,
            entry_bytes_max: Self::ENTRY_BYTES_MAX,
            clock: Clock::system(),
            watch: Watch::default(),
        }
    }
}

/// The entries. They are kept as bytes, as Redis keeps them: a record need not be `Clone`, and
/// both engines give and refuse the same.
pub(crate) struct Memory {
    entries: Cache<String, Entry, Weight>,
    entry_bytes_max: usize,
    clock: Clock,
}

#[derive(Clone)]
struct Entry {
    bytes: Arc<[u8]>,
    /// Since when it lives so long; for ever without.
    since: Tick,
    life: Option<Duration>,
}

impl Entry {
    /// What is left of its life then; nothing once it is over.
    fn left(&self, now: Tick) -> Option<Ttl> {
        match self.life {
            None => Some(Ttl::Never),
            Some(life) => life
                .checked_sub(now.since(self.since))
                .filter(|left| !left.is_zero())
                .map(Ttl::After),
        }
    }

    fn is_over(&self, now: Tick) -> bool {
        self.left(now).is_none()
    }
}

/// Bytes, and at least an equal share of all bytes: so both bounds hold at once.
#[derive(Clone)]
struct Weight {
    least: usize,
}

impl Weighter<String, Entry> for Weight {
    fn weight(&self, key: &String, entry: &Entry) -> u64 {
        let bytes = size(key, &entry.bytes).max(self.least);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

fn size(key: &str, bytes: &[u8]) -> usize {
    key.len() + bytes.len() + ENTRY_OVERHEAD_BYTES
}

impl Memory {
    pub(crate) fn new(options: &MemoryOptions) -> Self {
        let bytes_max = options.bytes_max.max(MemoryOptions::BYTES_LEAST);
        let entries_max = options.entries_max.max(MemoryOptions::ENTRIES_LEAST);
        // No more than there is room for, since tables are laid out for so many.
        let entries_max = entries_max.min(bytes_max / ENTRY_OVERHEAD_BYTES);
        let entry_bytes_max = options.entry_bytes_max.min(bytes_max / LARGEST_PER_SHARD);
        let shards = bytes_max / entry_bytes_max.saturating_mul(LARGEST_PER_SHARD).max(1);
        let weight = Weight { least: bytes_max / entries_max };
        let built = OptionsBuilder::new()
            .shards(1 << shards.clamp(1, SHARDS_MAX).ilog2())
            .estimated_items_capacity(entries_max)
            .weight_capacity(u64::try_from(bytes_max).unwrap_or(u64::MAX))
            .build();
        let entries = match built {
            Ok(built) => Cache::with_options(
                built,
                weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            // Only a missing capacity is refused, and both are given.
            Err(_) => Cache::with_weighter(entries_max, u64::MAX, weight),
        };
        Self { entries, entry_bytes_max, clock: options.clock.clone() }
    }

    /// Writes an entry that lives so many milliseconds, or for ever.
    pub(crate) fn set(&self, key: String, bytes: &[u8], life_ms: Option<u64>) -> Result<()> {
        let life = life_ms.map(Duration::from_millis);
        let size = size(&key, bytes);
        if size > self.entry_bytes_max {
            // What stood there is not what the caller wants to be read.
            self.entries.remove(key.as_str());
            return Err(too_large(size, self.entry_bytes_max));
        }
        self.entries.insert(key, Entry { bytes: bytes.into(), since: self.clock.tick(), life });
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        let entry = self.entries.get(key)?;
        let now = self.clock.tick();
        if entry.is_over(now) {
            self.entries.remove_if(key, |entry| entry.is_over(now));
            return None;
        }
        Some(entry.bytes)
    }

    pub(crate) fn delete(&self, key: &str) -> bool {
        let now = self.clock.tick();
        self.entries.remove(key).is_some_and(|(_, entry)| !entry.is_over(now))
    }

    pub(crate) fn ttl(&self, key: &str) -> Option<Ttl> {
        self.entries.peek(key)?.left(self.clock.tick())
    }

    pub(crate) fn expire(&self, key: &str, life_ms: Option<u64>) -> bool {
        let (life, now) = (life_ms.map(Duration::from_millis), self.clock.tick());
        let changed = self.entries.entry(key, Some(Duration::ZERO), |_, entry| {
            if entry.is_over(now) {
                return EntryAction::Remove;
            }
            entry.since = now;
            entry.life = life;
            EntryAction::Retain(())
        });
        matches!(changed, EntryResult::Retained(()))
    }

    /// Lets all entries go.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }
}

#[cold]
fn too_large(size: usize, max: usize) -> Error {
    Error::new(Code::StorageFull, format!("an entry may have at most {max} bytes, has {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(options: MemoryOptions, count: usize, bytes: usize) -> Memory {
        let memory = Memory::new(&options);
        for i in 0..count {
            memory.set(format!("key:{i}"), &vec![0; bytes], None).unwrap();
        }
        memory
    }

    #[test]
    fn memory_holds_no_more_than_its_bounds() {
        let few = MemoryOptions::default().with_entries_max(100);
        assert!((50..=100).contains(&filled(few, 1000, 10).entries.len()));
        let small = MemoryOptions::default().with_bytes_max(1 << 20);
        let memory = filled(small, 1000, 10_000);
        assert!((50..=105).contains(&memory.entries.len()), "{}", memory.entries.len());
        assert!(memory.entries.weight() <= 1 << 20);
    }

    #[test]
    fn memory_keeps_every_entry_while_there_is_room() {
        for entries in [1, 16, 17, 1000] {
            let options = MemoryOptions::default().with_entries_max(entries);
            assert_eq!(filled(options, entries.min(8), 100).entries.len(), entries.min(8));
        }
        let tiny = MemoryOptions::default().with_bytes_max(0);
        assert_eq!(filled(tiny, 4, 1).entries.len(), 4);
    }

    #[test]
    fn memory_refuses_an_entry_that_is_too_large_and_forgets_the_one_before_it() {
        let memory = Memory::new(&MemoryOptions::default().with_entry_bytes_max(1000));
        memory.set("key".into(), b"small", None).unwrap();
        let error = memory.set("key".into(), &[0; 1000], None).unwrap_err();
        assert_eq!(error.code(), Code::StorageFull);
        assert_eq!(memory.get("key"), None);
    }
}
