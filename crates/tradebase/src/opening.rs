//! Opening the stores, with more than a configuration.

use tradebase_core::clock::Clock;
use tradebase_core::watch::Watch;
use tradebase_core::{Error, Result};
use tradebase_sql::MigrationSet;

use crate::house::Tradebase;
use crate::{Config, Records};

/// The stores before they are opened; see [`Tradebase::builder`].
#[derive(Debug)]
#[must_use = "nothing is opened until `open` is awaited"]
pub struct Opening {
    pub(crate) config: Config,
    pub(crate) records: Records,
    pub(crate) migrations: Vec<MigrationSet>,
    pub(crate) clock: Clock,
    pub(crate) watches: Watches,
    /// For tests: missing tables are created on servers too.
    pub(crate) creates_on_servers: bool,
}

/// Who watches each room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches {
    pub(crate) sql: Watch,
    pub(crate) cache: Watch,
    #[cfg(feature = "duckdb")]
    pub(crate) analytics: Watch,
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    pub(crate) series: Watch,
}

impl Opening {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            records: Records::default(),
            migrations: Vec::new(),
            clock: Clock::system(),
            watches: Watches::default(),
            creates_on_servers: false,
        }
    }

    /// The program's records. On embedded stores their missing tables are created when the room
    /// connects, unless the setting `create_tables` says otherwise, as it does by default under
    /// the profile `production`. Nothing is created on a server, and a table that is there is left
    /// as it is.
    pub fn records(mut self, records: Records) -> Self {
        self.records = records;
        self
    }

    /// The migrations by which the tables of the relational room come about. Then no table is
    /// created by the way: [`Tradebase::setup`] applies what is missing.
    pub fn migrations(mut self, sets: impl IntoIterator<Item = MigrationSet>) -> Self {
        self.migrations.extend(sets);
        self
    }

    /// The clock of what the layer fills in and of times to live. For tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Faults that operations meet, as a test orders them.
    #[cfg(feature = "testing")]
    pub fn faults(mut self, faults: &crate::testing::StoreFaults) -> Self {
        self.watches = Watches {
            sql: Watch::with_faults(faults.sql.clone()),
            cache: Watch::with_faults(faults.cache.clone()),
            #[cfg(feature = "duckdb")]
            analytics: Watch::with_faults(faults.analytics.clone()),
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            series: Watch::with_faults(faults.series.clone()),
        };
        self
    }

    /// Opens the stores. See [`Tradebase::open`].
    pub async fn open(self) -> Result<Tradebase> {
        self.open_now()
    }

    /// Opens the stores for a whole program. See [`tradebase::run`](crate::run()).
    pub fn run<T, E: From<Error>>(
        self,
        work: impl AsyncFnOnce(Tradebase) -> Result<T, E>,
    ) -> Result<T, E> {
        crate::run::over(self, work)
    }

    /// Nothing of it waits: rooms connect when they are first used.
    pub(crate) fn open_now(self) -> Result<Tradebase> {
        Tradebase::build(self).map_err(|e| e.during("open"))
    }
}
