//! Every setting there is. Reading, checking, the effective listing, the examples and the
//! reference page are made from this table.

use std::fmt;
use std::time::Duration;

use tradebase_core::{Code, Error, Result};

use super::closest::closest;
use super::kind::Kind;

/// What the names that only tradebase has begin with.
pub(super) const OWN: &str = "TRADEBASE_";
/// Names the configuration file.
pub(super) const FILE_VARIABLE: &str = "TRADEBASE_CONFIG";
/// For the tests of the checkout; no settings.
const RESERVED: [&str; 4] =
    ["TRADEBASE_BENCH_", "TRADEBASE_PROVE_", "TRADEBASE_TEST_", "TRADEBASE_WRITE_REFERENCE"];

/// The rooms, in the order of the listings.
pub(super) const ROOMS: [&str; 5] = ["general", "sql", "cache", "analytics", "series"];

/// The words of some settings.
pub(super) const PROFILES: &[&str] = &["development", "production"];
pub(super) const FORMATS: &[&str] = &["auto", "pretty", "json"];
pub(super) const DURABILITIES: &[&str] = &["full", "relaxed"];
const SSLMODES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];
pub(super) const WHEN_LOCKED: &[&str] = &["error", "memory", "wait", "read_only"];

const SQL_SCHEMES: &[&str] = &["sqlite:", "sqlite3:", "postgres://", "postgresql://"];
const GUEST_SCHEMES: &[&str] = &["postgres://", "postgresql://"];
const CACHE_SCHEMES: &[&str] = &[
    "redis://",
    "rediss://",
    "valkey://",
    "valkeys://",
    "redis+unix://",
    "valkey+unix://",
    "unix:",
];
const SERIES_SCHEMES: &[&str] = &["http://", "https://"];

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// The room it belongs to, or `general`.
    pub(super) room: &'static str,
    /// Its name in the file and in code: `sql.url`.
    pub(super) key: &'static str,
    /// Its variables; the first that is set wins.
    pub(super) names: &'static [&'static str],
    pub(super) kind: Kind,
    pub(super) default: Preset,
    /// What the example files say where there is no default.
    pub(super) example: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) meaning: &'static str,
    pub(super) used: Used,
}

/// What a setting is where nobody says it.
#[derive(Debug)]
pub(super) enum Preset {
    None,
    Text(&'static str),
    Count(usize),
    Wait(Duration),
    /// It depends on others, as these words say.
    Told(&'static str),
}

/// Whether the room goes by it yet.
#[derive(Debug)]
pub(super) enum Used {
    Yes,
    /// What is missing.
    NotYet(&'static str),
}

impl Setting {
    const fn new(
        room: &'static str,
        key: &'static str,
        names: &'static [&'static str],
        kind: Kind,
    ) -> Self {
        let (default, example, meaning) = (Preset::None, "", "");
        let unit = match kind {
            Kind::Seconds { .. } => Some("s"),
            _ => None,
        };
        Self { room, key, names, kind, default, example, unit, meaning, used: Used::Yes }
    }

    const fn default(mut self, default: Preset) -> Self {
        self.default = default;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    const fn not_yet(mut self, missing: &'static str) -> Self {
        self.used = Used::NotYet(missing);
        self
    }

    const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// What is missing before the room uses it.
    pub(super) fn missing(&self) -> Option<&'static str> {
        match self.used {
            Used::Yes => None,
            Used::NotYet(missing) => Some(missing),
        }
    }

    /// The variable that the documents show: that of the seeds, where there is one.
    pub(super) fn shown_name(&self) -> &'static str {
        let seeds = self.names.iter().find(|name| !name.starts_with(OWN));
        seeds.or(self.names.first()).copied().unwrap_or(self.key)
    }
}

impl Preset {
    /// The value as one would write it; none where it is only told, or there is none.
    pub(super) fn value(&self) -> Option<String> {
        match self {
            Preset::None | Preset::Told(_) => None,
            Preset::Text(text) => Some((*text).to_owned()),
            Preset::Count(count) => Some(count.to_string()),
            Preset::Wait(wait) => Some(wait.as_secs_f64().to_string()),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Preset::None => f.write_str("none"),
            Preset::Told(words) => f.write_str(words),
            said => f.write_str(&said.value().unwrap_or_default()),
        }
    }
}

/// The setting of that key, or an error with the closest one.
pub(super) fn find(key: &str) -> Result<&'static Setting> {
    all().find(|setting| setting.key == key).ok_or_else(|| {
        let hint = hint(closest_key(key));
        Error::new(Code::Config, format!("there is no such setting{hint}: {key}"))
    })
}

/// All settings, room by room.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [GENERAL, SQL, CACHE, ANALYTICS, SERIES].into_iter().flatten()
}

/// The setting of that variable, and the variable.
pub(super) fn variable(name: &str) -> Option<(&'static Setting, &'static str)> {
    all().find_map(|setting| {
        let known = setting.names.iter().find(|known| **known == name)?;
        Some((setting, *known))
    })
}

/// Whether a variable of ours is none of the settings, by intent.
pub(super) fn is_reserved(name: &str) -> bool {
    name == FILE_VARIABLE || RESERVED.iter().any(|reserved| name.starts_with(reserved))
}

/// The key that was perhaps meant: a near one, or one of the same last word.
pub(super) fn closest_key(typed: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let same = || all().map(|setting| setting.key).find(|key| last(key) == last(typed));
    closest(typed, all().map(|setting| setting.key)).or_else(same)
}

/// The variable that was perhaps meant. `TRADEBASE_SQL_URL`, after the key, is understood too.
pub(super) fn closest_name(typed: &str) -> Option<&'static str> {
    let by_key = || {
        let rest = typed.strip_prefix(OWN)?.to_ascii_lowercase();
        let setting = all().find(|setting| setting.key.replace('.', "_") == rest)?;
        setting.names.first().copied()
    };
    let names = all().flat_map(|setting| setting.names).copied().chain([FILE_VARIABLE]);
    by_key().or_else(|| closest(typed, names))
}

/// `, did you mean X`.
pub(super) fn hint(meant: Option<&str>) -> String {
    meant.map(|meant| format!(", did you mean {meant}")).unwrap_or_default()
}

/// Variables of the seeds, with ours before them.
macro_rules! names {
    ($($seed:literal),+) => { &[$(concat!("TRADEBASE_", $seed)),+, $($seed),+] };
}

/// A variable that only tradebase has.
macro_rules! own {
    ($name:literal) => {
        &[concat!("TRADEBASE_", $name)]
    };
}

const GENERAL: &[Setting] = &[
    Setting::new("general", "profile", own!("PROFILE"), Kind::Words(PROFILES))
        .default(Preset::Text("development"))
        .means("production refuses to start without a named relational store"),
    Setting::new("general", "data", own!("DATA"), Kind::Folder)
        .default(Preset::Text("tradebase-data"))
        .means("the folder of the embedded stores"),
    Setting::new("general", "threads", own!("THREADS"), Kind::Count { least: 1, most: 256 })
        .default(Preset::Count(2))
        .unit("threads")
        .means("threads of the small runtime on which connections live"),
    Setting::new("general", "create_tables", own!("CREATE_TABLES"), Kind::Flag)
        .default(Preset::Told("true, false under production"))
        .example("true")
        .means("whether missing tables of registered records are created on embedded stores"),
    Setting::new("general", "log.level", own!("LOG_LEVEL"), Kind::Levels)
        .default(Preset::Text("info"))
        .means("what is logged: a level, and others for rooms: info,sql=debug,cache=warn"),
    Setting::new("general", "log.format", own!("LOG_FORMAT"), Kind::Words(FORMATS))
        .default(Preset::Text("auto"))
        .means("pretty for people, json for machines, auto: pretty on a terminal"),
];

const SQL: &[Setting] = &[
    Setting::new("sql", "sql.url", names!("DATABASE_URL"), Kind::Url(SQL_SCHEMES))
        .example("postgres://user:password@localhost:5432/ledger")
        .means("the address of the relational store, PostgreSQL or SQLite"),
    Setting::new("sql", "sql.path", names!("DATABASE_PATH"), Kind::Path)
        .default(Preset::Told("ledger.db in the data folder"))
        .example("data/ledger.db")
        .means("the file of SQLite, or :memory:"),
    Setting::new("sql", "sql.host", names!("DATABASE_HOST"), Kind::Host)
        .example("localhost")
        .means("the host of PostgreSQL, or the folder of its socket"),
    Setting::new("sql", "sql.port", names!("DATABASE_PORT"), Kind::PORT)
        .default(Preset::Count(5432))
        .means("the port of PostgreSQL, beside sql.host"),
    Setting::new("sql", "sql.name", names!("DATABASE_NAME"), Kind::Text)
        .example("ledger")
        .means("the database of PostgreSQL, beside sql.host"),
    Setting::new("sql", "sql.user", names!("DATABASE_USER"), Kind::Text)
        .example("user")
        .means("the user of PostgreSQL, beside sql.host"),
    Setting::new("sql", "sql.password", names!("DATABASE_PASSWORD"), Kind::Secret)
        .example("password")
        .means("the password of PostgreSQL, beside sql.host"),
    Setting::new("sql", "sql.sslmode", own!("SQL_SSLMODE"), Kind::Words(SSLMODES))
        .default(Preset::Told("verify-full, disable on this machine"))
        .example("verify-full")
        .means("how the connection to PostgreSQL is encrypted, beside sql.host"),
    Setting::new("sql", "sql.sslrootcert", own!("SQL_SSLROOTCERT"), Kind::Path)
        .example("/etc/ssl/ledger-ca.pem")
        .means("the certificates that PostgreSQL's own is verified with, beside sql.host"),
    Setting::new("sql", "sql.guest_url", names!("DATABASE_GUEST_URL"), Kind::Url(GUEST_SCHEMES))
        .example("postgres://tradebase_guest:password@localhost:5432/ledger")
        .means("where guests sign in to PostgreSQL, by a role that can only read"),
    Setting::new("sql", "sql.cursor_key", names!("DATABASE_CURSOR_KEY"), Kind::Secret)
        .example("32 random bytes as text")
        .means(
            "what cursors of pages are sealed with, at least 16 bytes; unset, anybody can make one",
        ),
    Setting::new(
        "sql",
        "sql.pool_size",
        names!("POOL_SIZE"),
        Kind::Count { least: 1, most: 10_000 },
    )
    .default(Preset::Count(tradebase_sql::POOL_CONNECTIONS))
    .unit("connections")
    .means("connections to PostgreSQL that are kept"),
    Setting::new(
        "sql",
        "sql.pool_overflow",
        names!("MAX_OVERFLOW"),
        Kind::Count { least: 0, most: 10_000 },
    )
    .default(Preset::Count(tradebase_sql::POOL_OVERFLOW))
    .unit("connections")
    .means("connections beyond the pool while it is busy"),
    Setting::new("sql", "sql.pool_wait", names!("POOL_TIMEOUT"), Kind::WAIT)
        .default(Preset::Wait(tradebase_sql::POOL_WAIT))
        .means("how long a call waits for a free connection"),
    Setting::new("sql", "sql.pool_recycle", names!("POOL_RECYCLE"), Kind::AGE)
        .default(Preset::Wait(tradebase_sql::POOL_RECYCLE))
        .means("the age at which a connection is replaced, 0 for never"),
    Setting::new("sql", "sql.connect_wait", own!("SQL_CONNECT_WAIT"), Kind::DEADLINE)
        .default(Preset::Wait(tradebase_sql::CONNECT_WAIT))
        .means("how long opening a connection to PostgreSQL may take"),
    Setting::new("sql", "sql.statement_wait", own!("SQL_STATEMENT_WAIT"), Kind::DEADLINE)
        .default(Preset::Told("the server decides"))
        .example("30")
        .means("how long PostgreSQL works on one statement"),
    Setting::new("sql", "sql.lock_wait", own!("SQL_LOCK_WAIT"), Kind::DEADLINE)
        .default(Preset::Told("the server decides"))
        .example("5")
        .means("how long a statement waits for a lock on PostgreSQL"),
    Setting::new("sql", "sql.idle_in_transaction_wait", own!("SQL_IDLE_WAIT"), Kind::DEADLINE)
        .default(Preset::Told("the server decides"))
        .example("60")
        .means("how long a transaction on PostgreSQL may stand open with nothing to do"),
    Setting::new("sql", "sql.slow_after", own!("SQL_SLOW_AFTER"), Kind::WAIT)
        .default(Preset::Wait(tradebase_sql::SLOW_AFTER))
        .means("a call that takes longer is kept and logged as slow"),
    Setting::new("sql", "sql.busy_wait", own!("SQL_BUSY_WAIT"), Kind::WAIT)
        .default(Preset::Wait(tradebase_sql::BUSY_WAIT))
        .means("how long a write to SQLite waits for another writer"),
    Setting::new("sql", "sql.readers", own!("SQL_READERS"), Kind::Count { least: 1, most: 1_000 })
        .default(Preset::Count(tradebase_sql::READERS))
        .unit("connections")
        .means("connections that read a SQLite file at most"),
    Setting::new("sql", "sql.cache_bytes", own!("SQL_CACHE_BYTES"), Kind::BYTES)
        .default(Preset::Count(tradebase_sql::CACHE_BYTES))
        .unit("bytes")
        .means("pages of a SQLite file that each connection keeps in memory"),
    Setting::new("sql", "sql.mmap_bytes", own!("SQL_MMAP_BYTES"), Kind::BYTES)
        .default(Preset::Count(tradebase_sql::MMAP_BYTES))
        .unit("bytes")
        .means("how much of a SQLite file is mapped: an error of the disk becomes a signal then"),
    Setting::new("sql", "sql.durability", own!("SQL_DURABILITY"), Kind::Words(DURABILITIES))
        .default(Preset::Text("full"))
        .means("full keeps every answered write when the power fails, relaxed may lose the last"),
    Setting::new("sql", "sql.migrations", names!("DATABASE_MIGRATIONS"), Kind::Folder)
        .default(Preset::Text(super::settings::MIGRATIONS))
        .means("the folder of the migrations that the command runs, a folder in it for each set"),
];

const CACHE: &[Setting] = &[
    Setting::new("cache", "cache.url", names!("REDIS_URL", "KV_URL"), Kind::Url(CACHE_SCHEMES))
        .example("redis://localhost:6379/0")
        .means("the address of Redis; without it or a host the cache is in process memory"),
    Setting::new("cache", "cache.host", names!("REDIS_HOST"), Kind::Host)
        .example("localhost")
        .means("the host of Redis, or the path of its socket"),
    Setting::new("cache", "cache.port", names!("REDIS_PORT"), Kind::PORT)
        .default(Preset::Count(6379))
        .means("the port of Redis, beside cache.host"),
    Setting::new("cache", "cache.db", names!("REDIS_DB"), Kind::Count { least: 0, most: 15 })
        .default(Preset::Count(0))
        .means("the logical db of Redis; one in a URL wins over it, unless it is set in code"),
    Setting::new("cache", "cache.user", names!("REDIS_USERNAME"), Kind::Text)
        .example("user")
        .means("the user of Redis, beside cache.host"),
    Setting::new("cache", "cache.password", names!("REDIS_PASSWORD"), Kind::Secret)
        .example("password")
        .means("the password of Redis, beside cache.host"),
    Setting::new("cache", "cache.prefix", own!("CACHE_PREFIX"), Kind::Text)
        .example("live")
        .means("what all keys in Redis begin with"),
    Setting::new("cache", "cache.call_deadline", names!("REDIS_SOCKET_TIMEOUT"), Kind::DEADLINE)
        .default(Preset::Wait(Duration::from_secs(1)))
        .means("within what time a call to Redis ends"),
    Setting::new(
        "cache",
        "cache.connect_deadline",
        names!("REDIS_SOCKET_CONNECT_TIMEOUT"),
        Kind::DEADLINE,
    )
    .default(Preset::Wait(Duration::from_secs(1)))
    .means("within what time a connection to Redis is made"),
    Setting::new(
        "cache",
        "cache.max_connections",
        names!("REDIS_MAX_CONNECTIONS"),
        Kind::ANY_COUNT,
    )
    .example("50")
    .unit("connections")
    .means("connections to Redis at most")
    .not_yet("all calls share one connection"),
    Setting::new("cache", "cache.rest_url", names!("KV_REST_API_URL"), Kind::Url(SERIES_SCHEMES))
        .example("https://name.example")
        .means("the address of a Redis behind REST")
        .not_yet("the cache speaks the protocol of Redis only, set KV_URL"),
    Setting::new("cache", "cache.rest_token", names!("KV_REST_API_TOKEN"), Kind::Secret)
        .example("token")
        .means("the token of a Redis behind REST")
        .not_yet("the cache speaks the protocol of Redis only, set KV_URL"),
    Setting::new("cache", "cache.user_prefix", names!("USER_CACHE_KEY_PREFIX"), Kind::Text)
        .default(Preset::Text("user"))
        .means("what the keys of cached users begin with")
        .not_yet("there is no ready-made cache of users"),
    Setting::new("cache", "cache.user_ttl", names!("USER_CACHE_TTL_SECONDS"), Kind::AGE)
        .default(Preset::Wait(Duration::from_secs(300)))
        .means("how long cached users live")
        .not_yet("there is no ready-made cache of users"),
];

const ANALYTICS: &[Setting] = &[
    Setting::new("analytics", "analytics.path", names!("ANALYTICS_DB_PATH"), Kind::Path)
        .default(Preset::Told("analytics.duckdb in the data folder"))
        .example("data/analytics.duckdb")
        .means("the file of the analytics store, or :memory:"),
    Setting::new(
        "analytics",
        "analytics.when_locked",
        own!("ANALYTICS_WHEN_LOCKED"),
        Kind::Words(WHEN_LOCKED),
    )
    .default(Preset::Text("error"))
    .means("what to do when another process holds the file"),
    Setting::new("analytics", "analytics.lock_wait", own!("ANALYTICS_LOCK_WAIT"), Kind::WAIT)
        .default(Preset::Wait(Duration::from_secs(10)))
        .means("how long to wait for the file, where analytics.when_locked is wait"),
    Setting::new(
        "analytics",
        "analytics.result_ttl",
        names!("CACHE_TTL_HOURS"),
        Kind::Count { least: 1, most: 876_000 },
    )
    .default(Preset::Count(24))
    .unit("h")
    .means("the age up to which cached results are read")
    .not_yet("there is no result cache"),
    Setting::new("analytics", "analytics.backtest_path", names!("BACKTEST_DB_PATH"), Kind::Path)
        .example("data/backtests.duckdb")
        .means("the file of backtest results")
        .not_yet("there is no store of backtests"),
];

const SERIES: &[Setting] = &[
    Setting::new("series", "series.url", names!("INFLUXDB_URL"), Kind::Url(SERIES_SCHEMES))
        .example("http://localhost:8086")
        .means("the address of InfluxDB; without it the series are embedded"),
    Setting::new("series", "series.database", names!("INFLUXDB_DATABASE"), Kind::Text)
        .example("trading")
        .means("the database of InfluxDB, beside series.url"),
    Setting::new("series", "series.user", names!("INFLUXDB_USER", "INFLUXDB_USERNAME"), Kind::Text)
        .example("user")
        .means("the user of InfluxDB, beside series.url"),
    Setting::new("series", "series.password", names!("INFLUXDB_PASSWORD"), Kind::Secret)
        .example("password")
        .means("the password of InfluxDB, beside series.url"),
    Setting::new("series", "series.retention_policy", own!("SERIES_RETENTION_POLICY"), Kind::Text)
        .example("autogen")
        .means("the retention policy; the database's own without it"),
    Setting::new(
        "series",
        "series.answer_deadline",
        own!("SERIES_ANSWER_DEADLINE"),
        Kind::DEADLINE,
    )
    .default(Preset::Wait(Duration::from_secs(30)))
    .means("how long an answer of InfluxDB may take"),
    Setting::new("series", "series.path", own!("SERIES_PATH"), Kind::Path)
        .default(Preset::Told("series.duckdb in the data folder"))
        .example("data/series.duckdb")
        .means("the file of the embedded series, or :memory:"),
    Setting::new(
        "series",
        "series.when_locked",
        own!("SERIES_WHEN_LOCKED"),
        Kind::Words(WHEN_LOCKED),
    )
    .default(Preset::Text("error"))
    .means("what to do when another process holds the file"),
    Setting::new("series", "series.lock_wait", own!("SERIES_LOCK_WAIT"), Kind::WAIT)
        .default(Preset::Wait(Duration::from_secs(10)))
        .means("how long to wait for the file, where series.when_locked is wait"),
    Setting::new("series", "series.token", names!("INFLUXDB_TOKEN"), Kind::Secret)
        .example("token")
        .means("the token of InfluxDB 2")
        .not_yet("the series room speaks to InfluxDB 1 only"),
    Setting::new("series", "series.org", names!("INFLUXDB_ORG"), Kind::Text)
        .example("desk")
        .means("the organisation of InfluxDB 2")
        .not_yet("the series room speaks to InfluxDB 1 only"),
    Setting::new("series", "series.bucket", names!("INFLUXDB_BUCKET"), Kind::Text)
        .example("trading")
        .means("the bucket of InfluxDB 2")
        .not_yet("the series room speaks to InfluxDB 1 only"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_variables_are_there_once_and_say_what_they_mean() {
        let mut seen: Vec<&str> = Vec::new();
        for setting in all() {
            for name in setting.names.iter().chain([&setting.key]) {
                assert!(!seen.contains(name), "twice: {name}");
                seen.push(name);
            }
            assert!(ROOMS.contains(&setting.room), "{}", setting.key);
            assert!(!setting.meaning.is_empty(), "{}", setting.key);
            assert!(setting.names[0].starts_with(OWN), "{}", setting.key);
        }
    }

    #[test]
    fn defaults_and_examples_are_values_of_their_settings() {
        for setting in all() {
            let default = setting.default.value();
            let example = default.clone().unwrap_or_else(|| setting.example.to_owned());
            assert!(!example.is_empty(), "{}", setting.key);
            assert_eq!(setting.kind.check(&example), Ok(()), "{}", setting.key);
        }
    }

    #[test]
    fn defaults_are_those_of_the_rooms() {
        let wait = |key| match find(key).unwrap().default {
            Preset::Wait(wait) => wait,
            _ => panic!("{key} has no wait"),
        };
        assert_eq!(tradebase_sql::DURABILITY, tradebase_sql::Durability::Full);
        assert_eq!(find("sql.durability").unwrap().default.to_string(), "full");
        #[cfg(feature = "redis")]
        {
            use tradebase_cache::RedisOptions;
            assert_eq!(wait("cache.call_deadline"), RedisOptions::CALL_DEADLINE);
            assert_eq!(wait("cache.connect_deadline"), RedisOptions::CONNECT_DEADLINE);
        }
        #[cfg(feature = "influx")]
        assert_eq!(wait("series.answer_deadline"), tradebase_series::ANSWER_DEADLINE);
        assert_eq!(wait("sql.pool_wait"), tradebase_sql::POOL_WAIT);
        assert_eq!(wait("sql.pool_recycle"), Duration::from_secs(3600));
    }

    #[test]
    fn what_was_perhaps_meant_is_found() {
        assert_eq!(closest_key("sql.pol_size"), Some("sql.pool_size"));
        assert_eq!(closest_key("sql.profile"), Some("profile"));
        assert_eq!(closest_key("pool_size"), Some("sql.pool_size"));
        assert_eq!(closest_name("DATABSE_URL"), Some("DATABASE_URL"));
        assert_eq!(closest_name("TRADEBASE_SQL_URL"), Some("TRADEBASE_DATABASE_URL"));
        assert_eq!(closest_name("PATH"), None);
        assert_eq!(closest_name("DB_URL"), None);
    }
}
