//! Putting the rooms together, as the settings say.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tradebase_cache::{CacheStore, MemoryOptions};
use tradebase_core::{Code, Error, Result};
use tradebase_sql::{Sql, SqlOptions};

#[cfg(feature = "duckdb")]
use crate::config::WhenLocked;
use crate::config::{
    CacheTarget, Effective, Place, SeriesTarget, Settings, SqlSettings, SqlTarget,
};
use crate::house::House;
use crate::opening::Opening;
use crate::runtime::Owned;

/// What the rooms are made of.
struct Parts<'a> {
    settings: &'a Settings,
    opening: &'a Opening,
    runtime: &'a Owned,
}

/// The rooms, none of them connected. Everything that can be wrong with the settings is found
/// before anything is made.
pub(crate) fn house(opening: Opening) -> Result<House> {
    let settings = opening.config.settle()?;
    let warnings = opening.config.warnings();
    let runtime = Owned::new(settings.threads)?;
    let parts = Parts { settings: &settings, opening: &opening, runtime: &runtime };
    let sql = parts.sql()?;
    let cache = parts.cache()?;
    #[cfg(feature = "duckdb")]
    let analytics = parts.analytics()?;
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    let series = parts.series()?;
    make_data_folder(&settings)?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    tell_of_embedded(&settings.sql);
    Ok(House {
        warnings,
        records: opening.records,
        migrations: opening.migrations,
        sql,
        cache,
        #[cfg(feature = "duckdb")]
        analytics,
        #[cfg(any(feature = "duckdb", feature = "influx"))]
        series,
        closed: tokio::sync::Mutex::new(false),
        runtime,
        settings,
    })
}

impl Parts<'_> {
    fn sql(&self) -> Result<Sql> {
        let Self { settings, opening, runtime } = self;
        let sql = &settings.sql;
        let mut options = SqlOptions::new(sql.target.url().expose())
            .pool_connections(sql.pool_connections)
            .pool_overflow(sql.pool_overflow)
            .pool_wait(sql.pool_wait)
            .pool_recycle(sql.pool_recycle)
            .slow_after(sql.slow_after)
            .connect_wait(sql.connect_wait)
            .busy_wait(sql.busy_wait)
            .readers(sql.readers)
            .cache_bytes(sql.cache_bytes)
            .mmap_bytes(sql.mmap_bytes)
            .durability(sql.durability)
            .runtime(runtime.handle().clone())
            .watch(opening.watches.sql.clone())
            .clock(opening.clock.clone());
        #[cfg(feature = "guest")]
        if let Some(url) = &sql.guest_url {
            options = options.guest_url(url.clone());
        }
        if let Some(key) = &sql.cursor_key {
            options = options.cursor_key(key.clone());
        }
        if let Some(wait) = sql.statement_wait {
            options = options.statement_wait(wait);
        }
        if let Some(wait) = sql.idle_in_transaction_wait {
            options = options.idle_in_transaction_wait(wait);
        }
        if let Some(wait) = sql.lock_wait.filter(|_| !sql.is_embedded()) {
            options = options.lock_wait(wait);
        }
        let creates = settings.create_tables && opening.migrations.is_empty();
        if creates && (sql.is_embedded() || opening.creates_on_servers) {
            options = options.create_tables(opening.records.relational());
        }
        Sql::later(options).map_err(|e| said_by(e, opening, &["sql.url", "sql.path", "sql.host"]))
    }

    fn cache(&self) -> Result<CacheStore> {
        match &self.settings.cache.target {
            CacheTarget::Memory => {
                let options = MemoryOptions::default()
                    .with_clock(self.opening.clock.clone())
                    .with_watch(self.opening.watches.cache.clone());
                Ok(CacheStore::memory_with(options))
            }
            #[cfg(feature = "redis")]
            CacheTarget::Redis { place, db, user, password } => {
                self.redis(place, *db, user.as_deref(), password.as_ref())
            }
            #[cfg(not(feature = "redis"))]
            CacheTarget::Redis { .. } => Err(built_without("Redis", "redis")),
        }
    }

    #[cfg(feature = "redis")]
    fn redis(
        &self,
        place: &crate::config::RedisPlace,
        db: Option<u32>,
        user: Option<&str>,
        password: Option<&tradebase_core::Secret>,
    ) -> Result<CacheStore> {
        use tradebase_cache::RedisOptions;

        use crate::config::RedisPlace;

        let Self { settings, opening, runtime } = self;
        let mut options = match place {
            RedisPlace::Url(url) => RedisOptions::new(url.expose()),
            RedisPlace::Tcp { host, port } => RedisOptions::tcp(host, *port),
            RedisPlace::Unix(path) => RedisOptions::unix(path),
        }
        .with_call_deadline(settings.cache.call_deadline)
        .with_connect_deadline(settings.cache.connect_deadline)
        .with_prefix(&settings.cache.prefix)
        .with_runtime(runtime.handle().clone())
        .with_watch(opening.watches.cache.clone());
        if let Some(db) = db {
            options = options.with_db(db);
        }
        if let Some(user) = user {
            options = options.with_username(user);
        }
        if let Some(password) = password {
            options = options.with_password(password.clone());
        }
        CacheStore::redis_later(options)
            .map_err(|e| said_by(e, opening, &["cache.url", "cache.host"]))
    }

    #[cfg(feature = "duckdb")]
    fn analytics(&self) -> Result<tradebase_analytics::Analytics> {
        use tradebase_analytics::{Analytics, AnalyticsOptions};

        let Self { settings, opening, runtime } = self;
        let analytics = &settings.analytics;
        let mut options = AnalyticsOptions::new(analytics.place.to_string())
            .when_locked(when_locked(analytics.when_locked))
            .runtime(runtime.handle().clone())
            .watch(opening.watches.analytics.clone())
            .clock(opening.clock.clone());
        if settings.create_tables {
            options = options.create_tables(opening.records.relational());
        }
        Analytics::later(options).map_err(|e| said_by(e, opening, &["analytics.path"]))
    }

    #[cfg(any(feature = "duckdb", feature = "influx"))]
    fn series(&self) -> Result<tradebase_series::Series> {
        match &self.settings.series.target {
            #[cfg(feature = "duckdb")]
            SeriesTarget::Embedded(place) => self.embedded_series(place),
            #[cfg(not(feature = "duckdb"))]
            SeriesTarget::Embedded(_) => Ok(tradebase_series::Series::absent(
                "set INFLUXDB_URL and INFLUXDB_DATABASE, or switch on the feature duckdb for the \
                 embedded one",
                self.opening.watches.series.clone(),
            )),
            #[cfg(feature = "influx")]
            SeriesTarget::Influx(target) => self.influx(target),
            #[cfg(not(feature = "influx"))]
            SeriesTarget::Influx(_) => Err(built_without("InfluxDB", "influx")),
        }
    }

    #[cfg(feature = "duckdb")]
    fn embedded_series(&self, place: &Place) -> Result<tradebase_series::Series> {
        use tradebase_series::{EmbeddedOptions, Series};

        let Self { settings, opening, runtime } = self;
        let mut options = EmbeddedOptions::new(place.to_string())
            .when_locked(when_locked(settings.series.when_locked))
            .runtime(runtime.handle().clone())
            .watch(opening.watches.series.clone());
        if settings.create_tables {
            options = options.create_tables(opening.records.series());
        }
        Series::embedded_later(options).map_err(|e| said_by(e, opening, &["series.path"]))
    }

    #[cfg(feature = "influx")]
    fn influx(&self, target: &crate::config::InfluxTarget) -> Result<tradebase_series::Series> {
        use tradebase_series::{InfluxOptions, Series};

        let Self { settings, opening, runtime } = self;
        let mut options = InfluxOptions::new(&target.url, &target.database);
        options.user.clone_from(&target.user);
        options.password.clone_from(&target.password);
        options.retention_policy.clone_from(&target.retention_policy);
        options.answer_deadline = settings.series.answer_deadline;
        options.runtime = Some(runtime.handle().clone());
        options.watch = opening.watches.series.clone();
        Series::influx_later(options).map_err(|e| said_by(e, opening, &["series.url"]))
    }
}

#[cfg(feature = "duckdb")]
fn when_locked(policy: WhenLocked) -> tradebase_analytics::WhenLocked {
    match policy {
        WhenLocked::Error => tradebase_analytics::WhenLocked::Error,
        WhenLocked::Memory => tradebase_analytics::WhenLocked::Memory,
        WhenLocked::Wait(time) => tradebase_analytics::WhenLocked::Wait(time),
        WhenLocked::ReadOnly => tradebase_analytics::WhenLocked::ReadOnly,
    }
}

/// Names the setting that a refused address stands in.
fn said_by(error: Error, opening: &Opening, keys: &[&str]) -> Error {
    let effective = opening.config.effective();
    let wins =
        |one: &&Effective| keys.contains(&one.key) && one.value.is_some() && one.loses_to.is_none();
    match effective.iter().find(wins) {
        Some(one) => {
            Error::new(error.code(), format!("{} ({})", one.key, one.source)).because(error)
        }
        None => error,
    }
}

/// Makes the data folder, if a store is to be in it. The folder it is to be in must be there: a
/// mistyped path must not become a tree.
fn make_data_folder(settings: &Settings) -> Result<()> {
    let folder = &settings.data_folder;
    if !files(settings).iter().any(|file| file.starts_with(folder)) {
        return Ok(());
    }
    match fs::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) => {
            let why = match e.kind() {
                ErrorKind::NotFound => "the folder that it is to be in is not there",
                ErrorKind::AlreadyExists => "there is something else of this name",
                ErrorKind::PermissionDenied => "this user may not make it",
                _ => "it cannot be made",
            };
            let message = format!(
                "the data folder: {why}; make it, or set TRADEBASE_DATA to another: {}",
                folder.display()
            );
            Err(Error::new(Code::StorageFailed, message).because(e))
        }
    }
}

/// The files of the embedded stores that this program was built with.
fn files(settings: &Settings) -> Vec<&Path> {
    let mut places = Vec::new();
    if let SqlTarget::Sqlite(place) = &settings.sql.target {
        places.push(place);
    }
    if cfg!(feature = "duckdb") {
        places.push(&settings.analytics.place);
        if let SeriesTarget::Embedded(place) = &settings.series.target {
            places.push(place);
        }
    }
    places.into_iter().filter_map(Place::file).collect()
}

/// A mistyped variable looks just like none, so nobody must overlook where the ledger goes.
fn tell_of_embedded(sql: &SqlSettings) {
    if !sql.is_named && sql.is_embedded() {
        let address = sql.target.url();
        let file = address.expose();
        tracing::warn!(
            "no relational store is configured: the ledger is an embedded file, {file}; set \
             DATABASE_URL or DATABASE_PATH"
        );
    }
}

#[cfg(any(not(feature = "redis"), not(feature = "influx")))]
#[allow(dead_code, reason = "each feature that is off calls it")]
fn built_without(engine: &str, feature: &str) -> Error {
    let message =
        format!("the settings name {engine}, which needs the feature {feature}: switch it on");
    Error::new(Code::Unsupported, message)
}
