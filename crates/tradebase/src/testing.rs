//! Aids for the tests of programs that use tradebase: the real stores in memory or in a folder
//! that vanishes, a clock that a test moves, and faults that come on order.
//!
//! Behind the feature `testing`:
//!
//! ```toml
//! [dev-dependencies]
//! tradebase = { version = "0.1", features = ["testing"] }
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use tradebase::testing::TestStores;
//! use tradebase::watch::{Fault, Operation};
//! use tradebase::{Code, Record, records};
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
//! let stores = TestStores::in_memory(records![Bot])?;
//! let db = stores.blocking();
//! let bot = Bot { id: 1, name: "momentum".into() };
//!
//! // The row is written, and its answer is lost: what does the program do?
//! stores.faults().sql.order(Fault::after(Operation::Insert, Code::ConnectionLost));
//! assert_eq!(db.sql().insert(&bot).unwrap_err().code(), Code::ConnectionLost);
//! assert_eq!(db.sql().get::<Bot>(&1)?, Some(bot.clone()));
//!
//! // Five minutes later the cached copy is gone.
//! db.cache::<Bot>().set(&bot)?;
//! stores.clock().advance(Duration::from_secs(301));
//! assert_eq!(db.cache::<Bot>().get(&1)?, None);
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use tempfile::TempDir;
use tradebase_core::clock::Clock;
use tradebase_core::watch::Faults;
use tradebase_core::{Code, Error, Result, Timestamp};

use crate::{Config, Records, Tradebase, blocking};

/// When the clock of test stores begins: 2026-01-05, 09:30 UTC, a Monday.
pub const START: Timestamp = Timestamp::from_micros(1_767_605_400_000_000);

/// The faults of each room. Clones share them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StoreFaults {
    /// Of the relational room.
    pub sql: Faults,
    /// Of the cache.
    pub cache: Faults,
    /// Of the analytics room.
    pub analytics: Faults,
    /// Of the time series.
    pub series: Faults,
}

/// Stores for one test. Dropped, they are gone with their files.
#[derive(Debug)]
pub struct TestStores {
    db: blocking::Tradebase,
    clock: Clock,
    faults: StoreFaults,
    /// Dropped after the stores that lie in it.
    folder: Option<TempDir>,
}

impl TestStores {
    /// Every store in memory, with the tables of these records.
    pub fn in_memory(records: Records) -> Result<Self> {
        Self::open(Config::in_memory(), records, None)
    }

    /// Every store in a file of a new folder, with the tables of these records.
    pub fn in_folder(records: Records) -> Result<Self> {
        let folder = TempDir::with_prefix("tradebase-").map_err(|e| {
            Error::new(Code::StorageFailed, "no folder for a test can be made").because(e)
        })?;
        let config = Config::new().data_folder(folder.path());
        Self::open(config, records, Some(folder))
    }

    /// Other stores, such as a server's, with the tables of these records, made there too.
    pub fn with(config: Config, records: Records) -> Result<Self> {
        Self::open(config, records, None)
    }

    fn open(config: Config, records: Records, folder: Option<TempDir>) -> Result<Self> {
        let (clock, faults) = (Clock::manual(START), StoreFaults::default());
        let mut opening = Tradebase::builder(config).records(records).clock(clock.clone());
        opening.creates_on_servers = true;
        let db = opening.faults(&faults).open_now()?;
        Ok(Self { db: blocking::Tradebase::of(db), clock, faults, folder })
    }

    /// The stores, for async tests.
    pub fn db(&self) -> &Tradebase {
        self.db.asynchronous()
    }

    /// The stores without async.
    pub fn blocking(&self) -> &blocking::Tradebase {
        &self.db
    }

    /// The clock that created and updated columns and times to live go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where faults are ordered.
    pub fn faults(&self) -> &StoreFaults {
        &self.faults
    }

    /// The folder of the files; none for stores in memory.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}
