//! The handle over the four rooms.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tradebase_cache::{Cache, CacheStore};
use tradebase_core::{Error, Record, Result};
use tradebase_sql::{MigrationSet, PartOptions, PartReport, Sql};

use crate::config::Settings;
use crate::health::{self, Health, RoomHealth};
use crate::info::{self, Info, RoomInfo};
use crate::opening::Opening;
use crate::rooms::{AnyRoom, Connected};
use crate::runtime::Owned;
use crate::{Config, Records, assemble, metrics};

/// The stores of a program. Cheap to clone; clones are the same stores.
///
/// Rooms connect when they are first used. Connections live on a small runtime of its own, so a
/// handle can be used from any tokio runtime, also from several one after the other. A clone of a
/// room works as long as a handle is there: with the last one the runtime ends. Several handles
/// with different settings stand side by side.
///
/// ```
/// use tradebase::{Config, Tradebase};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tradebase::Result<()> {
/// let db = Tradebase::open(Config::in_memory()).await?;
/// assert!(db.health().await.is_healthy());
/// db.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tradebase(Arc<House>);

pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<String>,
    pub(crate) records: Records,
    pub(crate) migrations: Vec<MigrationSet>,
    pub(crate) sql: Sql,
    pub(crate) cache: CacheStore,
    #[cfg(feature = "duckdb")]
    pub(crate) analytics: tradebase_analytics::Analytics,
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    pub(crate) series: tradebase_series::Series,
    /// Whether it was closed; held while it is.
    pub(crate) closed: tokio::sync::Mutex<bool>,
    /// Last, so that it is dropped after what lives on it.
    pub(crate) runtime: Owned,
}

impl Tradebase {
    /// Opens the stores that the configuration names, and embedded ones for the rest.
    ///
    /// Settings are checked and the data folder is made; nothing is connected yet. The first use
    /// of a room connects it, [`connect_all`](Tradebase::connect_all) does so at once.
    pub async fn open(config: Config) -> Result<Tradebase> {
        Self::builder(config).open().await
    }

    /// Opens the stores with more than a configuration: with the program's records.
    pub fn builder(config: Config) -> Opening {
        Opening::new(config)
    }

    pub(crate) fn build(opening: Opening) -> Result<Tradebase> {
        assemble::house(opening).map(|house| Self(Arc::new(house)))
    }

    /// The relational room: SQLite or PostgreSQL.
    pub fn sql(&self) -> &Sql {
        &self.0.sql
    }

    /// The cache of a record, in process memory or in Redis.
    pub fn cache<T: Record>(&self) -> Cache<T> {
        self.0.cache.records()
    }

    /// The cache room itself.
    pub fn cache_store(&self) -> &CacheStore {
        &self.0.cache
    }

    /// The analytics room: DuckDB.
    #[cfg(feature = "duckdb")]
    pub fn analytics(&self) -> &tradebase_analytics::Analytics {
        &self.0.analytics
    }

    /// The room of time series: embedded, or InfluxDB.
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    pub fn series(&self) -> &tradebase_series::Series {
        &self.0.series
    }

    /// The registered records.
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// Connects all rooms at once, and says of each how it went. A room that fails does not keep
    /// the others from it, and tries again when it is next used.
    pub async fn connect_all(&self) -> Vec<Connected> {
        self.each(AnyRoom::try_to_connect, |room, closed| Connected::failed(&room, closed)).await
    }

    /// Asks every room whether it answers, connecting it if need be, and whether the parts of
    /// registered records are kept.
    pub async fn health(&self) -> Health {
        self.health_of(&self.0.records).await
    }

    /// The same, looking at these records instead of the registered ones.
    pub async fn health_of(&self, records: &Records) -> Health {
        let tables: Vec<_> = records.relational().collect();
        let ask = |room| health::ask(room, tables.clone());
        let rooms = self.each(ask, |room, closed| RoomHealth::away(&room, &closed)).await;
        Health::of(rooms)
    }

    /// Keeps the parts of the registered records that are cut by time: makes those that will be
    /// needed, and lets old ones go. See [`Sql::keep_parts`]. Call it once a day.
    pub async fn keep_parts(&self, options: &PartOptions) -> Result<PartReport> {
        let tables: Vec<_> = self.0.records.relational().collect();
        self.0.sql.keep_parts(&tables, options).await
    }

    /// Does the same in all rooms at once, on the runtime of the connections.
    async fn each<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: impl Fn(AnyRoom) -> F,
        closed: impl Fn(AnyRoom, Error) -> T,
    ) -> Vec<T> {
        let under_way: Vec<_> = self
            .rooms()
            .into_iter()
            .map(|room| (room.clone(), self.runtime().start(work(room))))
            .collect();
        let mut all = Vec::new();
        for (room, one) in under_way {
            all.push(one.await.unwrap_or_else(|error| closed(room, error)));
        }
        all
    }

    /// What is open, for people who look for a fault. Without secrets.
    pub fn info(&self) -> Info {
        Info {
            version: env!("CARGO_PKG_VERSION"),
            profile: self.0.settings.profile.to_string(),
            data_folder: self.0.settings.data_folder.display().to_string(),
            features: info::features(),
            rooms: self.rooms().iter().map(RoomInfo::of).collect(),
            records: self.0.records.tables().iter().map(|table| table.record).collect(),
            warnings: self.0.warnings.clone(),
        }
    }

    /// What was measured since the stores were opened, in the text form of Prometheus: operations
    /// by outcome, rows, and how long operations took, by room, engine and operation.
    pub fn metrics(&self) -> String {
        metrics::text(&self.rooms())
    }

    /// Closes the stores for all handles: first those that can be made again, the truth last.
    ///
    /// When it returns, the embedded files are closed: they can be moved, and another process may
    /// open them. It waits for calls under way in SQL and DuckDB; those in Redis and InfluxDB end
    /// as they would, as long as a handle is there. Every room is closed, also if one of them
    /// fails; the first error is given, and closing again tries again. Closing twice is fine.
    pub async fn close(&self) -> Result<()> {
        let mut closed = self.0.closed.lock().await;
        if *closed {
            return Ok(());
        }
        let mut rooms = self.rooms();
        rooms.reverse();
        let mut first: Option<Error> = None;
        for room in rooms {
            if let Err(error) = room.close().await {
                first.get_or_insert(error);
            }
        }
        // Only now, so that a close that was dropped or failed can be done again.
        *closed = first.is_none();
        first.map_or(Ok(()), Err)
    }

    pub(crate) fn house(&self) -> &House {
        &self.0
    }

    pub(crate) fn runtime(&self) -> &Owned {
        &self.0.runtime
    }

    /// The rooms, the truth first.
    fn rooms(&self) -> Vec<AnyRoom> {
        let house = &self.0;
        let rooms = [
            AnyRoom::Sql(house.sql.clone()),
            AnyRoom::Cache(house.cache.clone()),
            #[cfg(feature = "duckdb")]
            AnyRoom::Analytics(house.analytics.clone()),
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series(house.series.clone()),
        ];
        rooms.into_iter().filter(AnyRoom::is_there).collect()
    }
}

impl fmt::Debug for Tradebase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tradebase");
        for room in self.rooms() {
            shown.field(room.name(), &format_args!("{}", room.address()));
        }
        shown.finish_non_exhaustive()
    }
}
