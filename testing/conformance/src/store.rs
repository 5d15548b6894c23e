//! Every engine under one handle, so that a promise is written once.

use std::fmt;
use std::str::FromStr;

use tradebase_analytics::Analytics;
use tradebase_cache::{Cache, CacheStore, RedisOptions};
use tradebase_core::{Capabilities, Handed, Record, Result};
use tradebase_series::{InfluxOptions, Series};
use tradebase_sql::Sql;
use tradebase_testkit::{Influx, Postgres, Redis, TempFolder};

/// A record of the suite.
pub trait Sample: Record<Key: PartialEq + fmt::Debug> + Clone + PartialEq + fmt::Debug {}

impl<T: Record<Key: PartialEq + fmt::Debug> + Clone + PartialEq + fmt::Debug> Sample for T {}

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, a file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// Process memory.
    Memory,
    /// Redis.
    Redis,
    /// DuckDB, a file.
    Duckdb,
    /// The embedded series engine, a file.
    Embedded,
    /// InfluxDB.
    Influx,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 7] = [
        Engine::Sqlite,
        Engine::Postgres,
        Engine::Memory,
        Engine::Redis,
        Engine::Duckdb,
        Engine::Embedded,
        Engine::Influx,
    ];
}

/// Where a store is, as text that another process can be handed.
#[derive(Clone, Debug)]
pub enum Address {
    /// The URL of a SQLite file or a PostgreSQL database.
    Sql(String),
    /// Nowhere else than here.
    Memory,
    /// A Redis URL and a prefix of keys.
    Redis(String, String),
    /// A DuckDB file.
    Duckdb(String),
    /// A DuckDB file of the series room.
    Embedded(String),
    /// The URL of an InfluxDB server and a database there.
    Influx(String, String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sql(url) => write!(f, "sql|{url}"),
            Address::Memory => f.write_str("memory"),
            Address::Redis(url, prefix) => write!(f, "redis|{url}|{prefix}"),
            Address::Duckdb(path) => write!(f, "duckdb|{path}"),
            Address::Embedded(path) => write!(f, "embedded|{path}"),
            Address::Influx(url, database) => write!(f, "influx|{url}|{database}"),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts: Vec<&str> = text.split('|').collect();
        match *parts.as_slice() {
            ["sql", url] => Ok(Address::Sql(url.into())),
            ["memory"] => Ok(Address::Memory),
            ["redis", url, prefix] => Ok(Address::Redis(url.into(), prefix.into())),
            ["duckdb", path] => Ok(Address::Duckdb(path.into())),
            ["embedded", path] => Ok(Address::Embedded(path.into())),
            ["influx", url, database] => Ok(Address::Influx(url.into(), database.into())),
            _ => Err(format!("not an address: {text}")),
        }
    }
}

/// What has to stay alive while a store is used.
#[derive(Debug)]
enum Keep {
    Nothing,
    Folder { _folder: TempFolder },
    Database { _database: tradebase_testkit::Database },
}

/// A fresh, empty store of one engine.
pub struct Home {
    address: Address,
    _keep: Keep,
}

impl Home {
    /// Makes one; a missing server panics with what to do.
    pub fn new(engine: Engine) -> Self {
        let file = |name: &str| {
            let folder = TempFolder::new().expect("a temporary folder");
            (folder.file(name).to_string_lossy().into_owned(), Keep::Folder { _folder: folder })
        };
        let (address, keep) = match engine {
            Engine::Sqlite => {
                let (path, keep) = file("store.db");
                (Address::Sql(format!("sqlite://{path}")), keep)
            }
            Engine::Postgres => {
                let database = Postgres::shared().database();
                (Address::Sql(database.url().to_string()), Keep::Database { _database: database })
            }
            Engine::Memory => (Address::Memory, Keep::Nothing),
            Engine::Redis => {
                let redis = Redis::shared();
                (Address::Redis(redis.url().to_string(), redis.prefix()), Keep::Nothing)
            }
            Engine::Duckdb => {
                let (path, keep) = file("store.duckdb");
                (Address::Duckdb(path), keep)
            }
            Engine::Embedded => {
                let (path, keep) = file("series.duckdb");
                (Address::Embedded(path), keep)
            }
            Engine::Influx => {
                let influx = Influx::shared();
                (Address::Influx(influx.url().to_string(), influx.database()), Keep::Nothing)
            }
        };
        Self { address, _keep: keep }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Opens it.
    pub async fn open(&self) -> Result<Store> {
        Store::open(&self.address).await
    }
}

/// A store, whatever engine it is of.
#[derive(Clone)]
pub enum Store {
    /// The relational room.
    Sql(Sql),
    /// The cache room, with the prefix of its keys.
    Cache(CacheStore, String),
    /// The analytics room.
    Analytics(Analytics),
    /// The series room.
    Series(Series),
}

impl Store {
    /// Opens what is at an address.
    pub async fn open(address: &Address) -> Result<Self> {
        Ok(match address {
            Address::Sql(url) => Store::Sql(Sql::open(url).await?),
            Address::Memory => Store::Cache(CacheStore::memory(), String::new()),
            Address::Redis(url, prefix) => {
                let store = CacheStore::redis_with(RedisOptions::new(url)).await?;
                Store::Cache(store, prefix.clone())
            }
            Address::Duckdb(path) => Store::Analytics(Analytics::open(path).await?),
            Address::Embedded(path) => Store::Series(Series::embedded(path).await?),
            Address::Influx(url, database) => {
                Store::Series(Series::influx(InfluxOptions::new(url, database)).await?)
            }
        })
    }

    /// What the engine declares.
    pub fn capabilities(&self) -> &'static Capabilities {
        match self {
            Store::Sql(sql) => sql.capabilities(),
            Store::Cache(cache, _) => cache.capabilities(),
            Store::Analytics(analytics) => analytics.capabilities(),
            Store::Series(series) => series.capabilities(),
        }
    }

    /// The typed cache of a record.
    pub fn cache<T: Record>(store: &CacheStore, prefix: &str) -> Cache<T> {
        store.records::<T>().with_prefix(&format!("{prefix}{}", T::TABLE.name))
    }

    /// Makes what a record needs.
    pub async fn prepare<T: Record>(&self) -> Result<()> {
        match self {
            Store::Sql(sql) => sql.create_table::<T>().await,
            Store::Cache(..) => Ok(()),
            Store::Analytics(analytics) => analytics.create_table::<T>().await,
            Store::Series(series) => series.create::<T>().await,
        }
    }

    /// Writes rows, in one call where the engine has one.
    pub async fn write<T>(&self, rows: &[T]) -> Result<()>
    where
        T: Record,
        for<'a> &'a T: Handed<Record = T>,
    {
        match self {
            Store::Sql(sql) => sql.insert_many(rows).await.map(|_| ()),
            Store::Cache(store, prefix) => {
                let cache = Self::cache::<T>(store, prefix);
                for row in rows {
                    cache.set(row).await?;
                }
                Ok(())
            }
            Store::Analytics(analytics) => analytics.append(rows).await.map(|_| ()),
            Store::Series(series) => series.write(rows).await.map(|_| ()),
        }
    }

    /// Reads all rows back; the keys are for engines that find by key only.
    pub async fn read<T: Record>(&self, keys: &[T::Key]) -> Result<Vec<T>> {
        match self {
            Store::Sql(sql) => sql.all().await,
            Store::Cache(store, prefix) => {
                let cache = Self::cache::<T>(store, prefix);
                let mut rows = Vec::new();
                for key in keys {
                    rows.extend(cache.get(key).await?);
                }
                Ok(rows)
            }
            Store::Analytics(analytics) => analytics.all().await,
            Store::Series(series) => series.read(..).await,
        }
    }

    /// Closes it, so that another process may open it.
    pub async fn close(self) -> Result<()> {
        match self {
            Store::Sql(sql) => sql.close().await,
            Store::Cache(cache, _) => cache.close().await,
            Store::Analytics(analytics) => analytics.close().await,
            Store::Series(series) => series.close().await,
        }
    }
}

/// Checks that two sets of rows are equal, whatever their order, and names the first difference.
pub fn assert_same<T: Sample>(wanted: &[T], found: Vec<T>, what: &str) {
    use std::collections::HashMap;
    let name = |row: &T| format!("{:?}", row.key());
    assert_eq!(found.len(), wanted.len(), "{what}: number of rows");
    let mut by_key: HashMap<String, T> = found.into_iter().map(|row| (name(&row), row)).collect();
    for row in wanted {
        let key = name(row);
        let got = by_key.remove(&key).unwrap_or_else(|| panic!("{what}: {key} is missing"));
        assert_eq!(&got, row, "{what}: {key}");
    }
    assert!(by_key.is_empty(), "{what}: rows that nobody wrote: {:?}", by_key.keys());
}
