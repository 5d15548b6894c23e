//! The settings in types: what the rooms are opened with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tradebase_core::Secret;
use tradebase_sql::Durability;

use super::address;
use super::kind::MEMORY;
use crate::log::LogFormat;

/// The folder of migrations, unless told otherwise.
pub(super) const MIGRATIONS: &str = "migrations";

/// All settings, checked. See [`Config::settle`](super::Config::settle).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What the program is run for.
    pub profile: Profile,
    /// The folder of the embedded stores. It need not be there yet.
    pub data_folder: PathBuf,
    /// Threads of the runtime on which connections live.
    pub threads: usize,
    /// Whether missing tables of registered records are created on embedded stores.
    pub create_tables: bool,
    /// What is logged and how.
    pub log: LogSettings,
    /// The relational room.
    pub sql: SqlSettings,
    /// The cache.
    pub cache: CacheSettings,
    /// The analytics room.
    pub analytics: AnalyticsSettings,
    /// The time series.
    pub series: SeriesSettings,
}

/// What a program is run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Embedded stores are fine.
    #[default]
    Development,
    /// The relational store must be named.
    Production,
}

/// What is logged and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogSettings {
    /// `info`, or `info,sql=debug,cache=warn`.
    pub levels: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// Where an embedded store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory, until it is closed.
    Memory,
    /// In a file.
    File(PathBuf),
}

/// The settings of the relational room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlSettings {
    /// Where it is.
    pub target: SqlTarget,
    /// Whether anybody said where it is; else it is a file in the data folder.
    pub is_named: bool,
    /// Where guests sign in to PostgreSQL.
    pub guest_url: Option<Secret>,
    /// What cursors are sealed with.
    pub cursor_key: Option<Secret>,
    /// Connections to PostgreSQL that are kept.
    pub pool_connections: usize,
    /// Connections beyond these while they are all in use.
    pub pool_overflow: usize,
    /// How long a call waits for a free connection.
    pub pool_wait: Duration,
    /// The age at which a connection is replaced; none for never.
    pub pool_recycle: Option<Duration>,
    /// How long PostgreSQL works on one statement; none for what the server says.
    pub statement_wait: Option<Duration>,
    /// How long a statement waits for a lock on PostgreSQL; none for what the server says.
    pub lock_wait: Option<Duration>,
    /// How long a transaction on PostgreSQL may stand open with nothing to do; none for what the
    /// server says.
    pub idle_in_transaction_wait: Option<Duration>,
    /// How long a call takes before it counts as slow.
    pub slow_after: Duration,
    /// How long opening a connection to PostgreSQL may take.
    pub connect_wait: Duration,
    /// How long a write to SQLite waits for another writer.
    pub busy_wait: Duration,
    /// Connections that read a SQLite file at most.
    pub readers: usize,
    /// Pages of a SQLite file that each connection keeps in memory, in bytes.
    pub cache_bytes: usize,
    /// How much of a SQLite file is mapped, in bytes.
    pub mmap_bytes: usize,
    /// What survives when the power fails.
    pub durability: Durability,
    /// The folder of migrations. It need not be there.
    pub migrations: PathBuf,
}

/// Where the relational store is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlTarget {
    /// SQLite.
    Sqlite(Place),
    /// An address, which may hold a password and may be one of SQLite.
    Url(Secret),
    /// PostgreSQL, from its parts.
    Parts(SqlParts),
}

/// PostgreSQL, from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlParts {
    /// A host, or the folder of its socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub name: String,
    /// The user; the server's idea of us if there is none.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// How the connection is encrypted; none for what the relational room does by itself.
    pub sslmode: Option<String>,
    /// The certificates that the server's own is verified with.
    pub sslrootcert: Option<String>,
}

/// The settings of the cache.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CacheSettings {
    /// Where it is.
    pub target: CacheTarget,
    /// What all keys begin with; empty for nothing.
    pub prefix: String,
    /// Within what time a call to Redis ends.
    pub call_deadline: Duration,
    /// Within what time a connection to Redis is made.
    pub connect_deadline: Duration,
}

/// Where the cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheTarget {
    /// In the memory of the process.
    Memory,
    /// In Redis.
    Redis {
        /// Where that is.
        place: RedisPlace,
        /// The logical db; none where the address has one, or nobody says one.
        db: Option<u32>,
        /// The user, beside a host.
        user: Option<String>,
        /// The password, beside a host.
        password: Option<Secret>,
    },
}

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisPlace {
    /// At an address, which may hold a password.
    Url(Secret),
    /// At a host and port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// At a socket of this machine.
    Unix(PathBuf),
}

/// The settings of the analytics room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AnalyticsSettings {
    /// Where it is.
    pub place: Place,
    /// What to do when another process holds the file.
    pub when_locked: WhenLocked,
}

/// What to do when another process holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenLocked {
    /// Say so.
    Error,
    /// Go on in memory.
    Memory,
    /// Wait so long, then say so.
    Wait(Duration),
    /// Open it for reading only.
    ReadOnly,
}

/// The settings of the time series.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeriesSettings {
    /// Where they are.
    pub target: SeriesTarget,
    /// What to do when another process holds the file of the embedded series.
    pub when_locked: WhenLocked,
    /// How long an answer of InfluxDB may take.
    pub answer_deadline: Duration,
}

/// Where the time series are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeriesTarget {
    /// In a file of ours, or in memory.
    Embedded(Place),
    /// In InfluxDB.
    Influx(InfluxTarget),
}

/// A database of InfluxDB 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InfluxTarget {
    /// The address, without user and password.
    pub url: String,
    /// The database.
    pub database: String,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The retention policy; none for the database's own.
    pub retention_policy: Option<String>,
}

impl Profile {
    /// `development` or `production`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Profile::Development => "development",
            Profile::Production => "production",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Place {
    /// The file; none in memory.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Place::Memory => None,
            Place::File(path) => Some(path),
        }
    }
}

/// The path, or `:memory:`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Memory => f.write_str(MEMORY),
            Place::File(path) => path.display().fmt(f),
        }
    }
}

impl SqlSettings {
    /// Whether it is SQLite.
    pub fn is_embedded(&self) -> bool {
        match &self.target {
            SqlTarget::Sqlite(_) => true,
            SqlTarget::Url(url) => url.expose().starts_with("sqlite"),
            SqlTarget::Parts(_) => false,
        }
    }
}

impl SqlTarget {
    /// The address that the relational room takes, with a password if there is one.
    pub fn url(&self) -> Secret {
        match self {
            SqlTarget::Sqlite(place) => Secret::new(address::of_sqlite(&place.to_string())),
            SqlTarget::Url(url) => url.clone(),
            SqlTarget::Parts(parts) => parts.url(),
        }
    }
}

impl SqlParts {
    /// The address, with escapes where a part needs them.
    pub fn url(&self) -> Secret {
        let escaped = |text: &str| address::escaped(text, b"");
        let mut url = "postgres://".to_owned();
        if let Some(user) = &self.user {
            url.push_str(&escaped(user));
            if let Some(password) = &self.password {
                url.push(':');
                url.push_str(&escaped(password.expose()));
            }
            url.push('@');
        }
        // Colons are of IPv6.
        if self.host.contains(':') && !self.host.starts_with('/') {
            url.push_str(&format!("[{}]", self.host));
        } else {
            url.push_str(&escaped(&self.host));
        }
        url.push_str(&format!(":{}/{}", self.port, escaped(&self.name)));
        let ours = [("sslmode", &self.sslmode), ("sslrootcert", &self.sslrootcert)];
        let given = ours.into_iter().filter_map(|(name, said)| said.as_ref().map(|it| (name, it)));
        for (i, (name, said)) in given.enumerate() {
            let mark = if i == 0 { '?' } else { '&' };
            url.push_str(&format!("{mark}{name}={}", escaped(said)));
        }
        Secret::new(url)
    }
}

impl CacheSettings {
    /// Whether it is in the memory of the process.
    pub fn is_embedded(&self) -> bool {
        self.target == CacheTarget::Memory
    }
}

impl AnalyticsSettings {
    /// Always: there is no other engine.
    pub fn is_embedded(&self) -> bool {
        true
    }
}

impl SeriesSettings {
    /// Whether they are in a file of ours, or in memory.
    pub fn is_embedded(&self) -> bool {
        matches!(self.target, SeriesTarget::Embedded(_))
    }
}
