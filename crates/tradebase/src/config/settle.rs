//! Turns what was said into settings in types.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tradebase_core::{Code, Error, Result, Secret};
use tradebase_sql::{CURSOR_KEY_BYTES_MIN, Durability};

use super::anchors::{self, Anchors};
use super::kind::{Kind, MEMORY, flag, word};
use super::settings::{
    AnalyticsSettings, CacheSettings, CacheTarget, InfluxTarget, LogSettings, Place, Profile,
    RedisPlace, SeriesSettings, SeriesTarget, Settings, SqlParts, SqlSettings, SqlTarget,
    WhenLocked,
};
use super::table::{self, Preset, Setting};
use super::{Config, Origin, address};
use crate::log::LogFormat;

/// The files in the data folder.
pub(super) const LEDGER: &str = "ledger.db";
pub(super) const ANALYTICS: &str = "analytics.duckdb";
pub(super) const SERIES: &str = "series.duckdb";

pub(super) fn settle(config: &Config) -> Result<Settings> {
    let read = Read { config };
    // Typed builder calls put values in unchecked.
    if let Some(fault) = config
        .given
        .values()
        .flatten()
        .find_map(|given| (given.origin == Origin::Code).then(|| given.fault()).flatten())
    {
        return Err(Error::new(Code::Config, fault));
    }
    let profile = profile(config);
    let data_folder = PathBuf::from(read.text("data")?.unwrap_or_default());
    let create = config.winner("create_tables").and_then(|given| flag(&given.text));
    Ok(Settings {
        profile,
        threads: read.count("threads")?,
        create_tables: create.unwrap_or(profile != Profile::Production),
        log: log(config)?,
        sql: sql(&read, profile, &data_folder)?,
        cache: cache(&read)?,
        analytics: AnalyticsSettings {
            place: read.place("analytics.path", &data_folder.join(ANALYTICS))?,
            when_locked: read.when_locked("analytics.when_locked", "analytics.lock_wait")?,
        },
        series: series(&read, &data_folder)?,
        data_folder,
    })
}

/// What is logged and how.
pub(super) fn log(config: &Config) -> Result<LogSettings> {
    let read = Read { config };
    let format = match read.word("log.format")? {
        "pretty" => LogFormat::Pretty,
        "json" => LogFormat::Json,
        _ => LogFormat::Auto,
    };
    Ok(LogSettings { levels: read.text("log.level")?.unwrap_or_default(), format })
}

/// The profile, which the listing needs too.
pub(super) fn profile(config: &Config) -> Profile {
    let said = config.winner("profile").map_or("", |given| given.text.trim());
    if said.eq_ignore_ascii_case(Profile::Production.as_str()) {
        Profile::Production
    } else {
        Profile::Development
    }
}

fn sql(read: &Read<'_>, profile: Profile, data_folder: &Path) -> Result<SqlSettings> {
    let winner = read.anchor(&anchors::SQL);
    let default = data_folder.join(LEDGER);
    let target = match winner {
        None if profile == Profile::Production => return Err(unnamed(&default)),
        Some("sql.url") => SqlTarget::Url(read.needed_secret("sql.url")?),
        Some("sql.host") => SqlTarget::Parts(SqlParts {
            host: read.needed("sql.host", "sql.host")?,
            port: read.port("sql.port")?,
            name: read.needed("sql.name", "sql.host")?,
            user: read.user("sql.user", "sql.password")?,
            password: read.secret("sql.password"),
            sslmode: read.given("sql.sslmode").map(|mode| mode.trim().to_ascii_lowercase()),
            sslrootcert: read.given("sql.sslrootcert"),
        }),
        _ => SqlTarget::Sqlite(read.place("sql.path", &default)?),
    };
    let durability = match read.word("sql.durability")? {
        "relaxed" => Durability::Relaxed,
        _ => Durability::Full,
    };
    Ok(SqlSettings {
        target,
        is_named: winner.is_some(),
        guest_url: read.secret("sql.guest_url"),
        cursor_key: cursor_key(read)?,
        pool_connections: read.count("sql.pool_size")?,
        pool_overflow: read.count("sql.pool_overflow")?,
        pool_wait: read.wait("sql.pool_wait")?,
        pool_recycle: Some(read.wait("sql.pool_recycle")?).filter(|age| !age.is_zero()),
        statement_wait: read.some_wait("sql.statement_wait")?,
        lock_wait: read.some_wait("sql.lock_wait")?,
        idle_in_transaction_wait: read.some_wait("sql.idle_in_transaction_wait")?,
        slow_after: read.wait("sql.slow_after")?,
        connect_wait: read.wait("sql.connect_wait")?,
        busy_wait: read.wait("sql.busy_wait")?,
        readers: read.count("sql.readers")?,
        cache_bytes: read.count("sql.cache_bytes")?,
        mmap_bytes: read.count("sql.mmap_bytes")?,
        durability,
        migrations: PathBuf::from(read.text("sql.migrations")?.unwrap_or_default()),
    })
}

/// A key that can be guessed would let anybody make cursors.
fn cursor_key(read: &Read<'_>) -> Result<Option<Secret>> {
    let key = read.secret("sql.cursor_key");
    match &key {
        Some(key) if key.expose().len() < CURSOR_KEY_BYTES_MIN => {
            let message = format!(
                "sql.cursor_key must have at least {CURSOR_KEY_BYTES_MIN} bytes, better 32 random \
                 ones as text, set {}",
                table::find("sql.cursor_key")?.shown_name()
            );
            Err(Error::new(Code::Config, message))
        }
        _ => Ok(key),
    }
}

/// One mistyped variable must not write a ledger into a container's disk.
#[cold]
fn unnamed(default: &Path) -> Error {
    let message = format!(
        "under the profile production the relational store must be named: set DATABASE_URL, \
         DATABASE_HOST with DATABASE_NAME, or DATABASE_PATH, else the ledger would go to a file \
         in this folder: {}",
        default.display()
    );
    Error::new(Code::Config, message)
}

fn cache(read: &Read<'_>) -> Result<CacheSettings> {
    let db = || read.count("cache.db").map(|db| u32::try_from(db).ok());
    let target = match read.anchor(&anchors::CACHE) {
        Some("cache.url") => {
            let url = read.needed_secret("cache.url")?;
            let given = read.config.winner("cache.db");
            let in_code = given.is_some_and(|given| given.origin == Origin::Code);
            let in_url = anchors::db_of_url(url.expose()).is_some();
            let db = if given.is_some() && (in_code || !in_url) { db()? } else { None };
            CacheTarget::Redis { place: RedisPlace::Url(url), db, user: None, password: None }
        }
        Some(_) => {
            let host = read.needed("cache.host", "cache.host")?;
            let place = if host.starts_with('/') {
                RedisPlace::Unix(host.into())
            } else {
                RedisPlace::Tcp { host, port: read.port("cache.port")? }
            };
            let (user, password) = (read.given("cache.user"), read.secret("cache.password"));
            CacheTarget::Redis { place, db: db()?, user, password }
        }
        None => CacheTarget::Memory,
    };
    Ok(CacheSettings {
        target,
        prefix: read.given("cache.prefix").unwrap_or_default(),
        call_deadline: read.wait("cache.call_deadline")?,
        connect_deadline: read.wait("cache.connect_deadline")?,
    })
}

fn series(read: &Read<'_>, data_folder: &Path) -> Result<SeriesSettings> {
    let target = match read.anchor(&anchors::SERIES) {
        Some("series.url") => SeriesTarget::Influx(influx(read)?),
        _ => SeriesTarget::Embedded(read.place("series.path", &data_folder.join(SERIES))?),
    };
    Ok(SeriesSettings {
        target,
        when_locked: read.when_locked("series.when_locked", "series.lock_wait")?,
        answer_deadline: read.wait("series.answer_deadline")?,
    })
}

fn influx(read: &Read<'_>) -> Result<InfluxTarget> {
    let url = read.needed_secret("series.url")?;
    let url = url.expose().trim();
    if url.contains(['?', '#']) {
        let message = "the address of InfluxDB takes no parameters, set series.user and \
                       series.password: series.url";
        return Err(Error::new(Code::Config, message));
    }
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    if path.is_some_and(|(_, path)| path.contains('@')) {
        let message = "the address of InfluxDB has an @ behind its first /: a / in a password is \
                       written %2F, or set series.password: series.url";
        return Err(Error::new(Code::Config, message));
    }
    let parts = address::parts(url);
    // What the address says of the user holds unless it is said beside it.
    let (user, password) = match read.user("series.user", "series.password")? {
        Some(user) => (Some(user), read.secret("series.password")),
        None => (parts.user, parts.password.map(Secret::new)),
    };
    Ok(InfluxTarget {
        url: address::without_sign_in(url),
        database: read.needed("series.database", "series.url")?,
        user,
        password,
        retention_policy: read.given("series.retention_policy"),
    })
}

/// Reads values in types; those that were checked before cannot fail.
struct Read<'a> {
    config: &'a Config,
}

impl Read<'_> {
    /// The key that says where the store is.
    fn anchor(&self, anchors: &Anchors) -> Option<&'static str> {
        anchors.winner(self.config).map(|given| given.setting.key)
    }

    /// What was said.
    fn given(&self, key: &str) -> Option<String> {
        self.config.winner(key).map(|given| match given.setting.kind {
            Kind::Host => given.text.trim().to_owned(),
            _ => given.text.clone(),
        })
    }

    fn secret(&self, key: &str) -> Option<Secret> {
        self.given(key).map(Secret::new)
    }

    fn needed_secret(&self, key: &'static str) -> Result<Secret> {
        self.needed(key, key).map(|text| Secret::new(text.trim()))
    }

    /// What must be said beside another.
    fn needed(&self, key: &'static str, beside: &'static str) -> Result<String> {
        self.given(key).map_or_else(|| Err(missing(key, beside)), Ok)
    }

    /// A password needs a user.
    fn user(&self, user: &'static str, password: &'static str) -> Result<Option<String>> {
        match self.given(user) {
            None if self.given(password).is_some() => Err(missing(user, password)),
            said => Ok(said),
        }
    }

    /// What was said, or the default.
    fn text(&self, key: &str) -> Result<Option<String>> {
        let setting = table::find(key)?;
        Ok(self.given(key).or_else(|| setting.default.value()))
    }

    fn count(&self, key: &'static str) -> Result<usize> {
        let setting = table::find(key)?;
        match (self.given(key), &setting.default) {
            (Some(text), _) => {
                let count = setting.kind.count(&text).and_then(|count| usize::try_from(count).ok());
                count.ok_or_else(|| unread(setting))
            }
            (None, Preset::Count(count)) => Ok(*count),
            (None, _) => Err(unread(setting)),
        }
    }

    fn port(&self, key: &'static str) -> Result<u16> {
        let port = self.count(key)?;
        u16::try_from(port).map_err(|e| Error::new(Code::Config, key).because(e))
    }

    fn wait(&self, key: &'static str) -> Result<Duration> {
        let setting = table::find(key)?;
        match (self.given(key), &setting.default) {
            (Some(text), _) => setting.kind.wait(&text).ok_or_else(|| unread(setting)),
            (None, Preset::Wait(wait)) => Ok(*wait),
            (None, _) => Err(unread(setting)),
        }
    }

    /// A wait that has no default of ours.
    fn some_wait(&self, key: &'static str) -> Result<Option<Duration>> {
        let setting = table::find(key)?;
        let read = |text: String| setting.kind.wait(&text).ok_or_else(|| unread(setting));
        self.given(key).map(read).transpose()
    }

    fn word(&self, key: &'static str) -> Result<&'static str> {
        let setting = table::find(key)?;
        let said = self.text(key)?.unwrap_or_default();
        match setting.kind {
            Kind::Words(words) => word(words, &said),
            _ => None,
        }
        .ok_or_else(|| unread(setting))
    }

    fn place(&self, key: &'static str, default: &Path) -> Result<Place> {
        let path = match self.given(key) {
            None => return Ok(Place::File(default.to_owned())),
            Some(path) if path.trim() == MEMORY => return Ok(Place::Memory),
            Some(path) => path,
        };
        if path.ends_with('/') {
            return Err(Error::new(Code::Config, format!("{key} names a folder, no file: {path}")));
        }
        Ok(Place::File(path.into()))
    }

    fn when_locked(&self, key: &'static str, wait: &'static str) -> Result<WhenLocked> {
        let wait = self.wait(wait)?;
        Ok(match self.word(key)? {
            "memory" => WhenLocked::Memory,
            "wait" => WhenLocked::Wait(wait),
            "read_only" => WhenLocked::ReadOnly,
            _ => WhenLocked::Error,
        })
    }
}

#[cold]
fn missing(key: &'static str, beside: &'static str) -> Error {
    let name = table::find(key).map_or(key, Setting::shown_name);
    Error::new(Code::Config, format!("{beside} needs {key} beside it, set {name}"))
}

#[cold]
fn unread(setting: &Setting) -> Error {
    let message = format!("{} must be {}", setting.key, setting.kind.expected());
    Error::new(Code::Config, message)
}
