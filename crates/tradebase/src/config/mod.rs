//! Where the settings of all rooms come from.
//!
//! A setting is said in code, in the environment, in a `.env` file, or in `tradebase.toml`; in
//! this order the first that says it wins, and every setting has a default. [`Config::from_env`]
//! reads all of these, [`Config::new`] none.
//!
//! ```
//! use tradebase::config::{Config, Sources, SqlTarget};
//!
//! let config = Sources::empty()
//!     .file_text("[sql]\npath = \"ledger.db\"\npool_size = 20")
//!     .dotenv_text("DATABASE_URL=postgres://me:hunter2@localhost/ledger")
//!     .vars([("POOL_SIZE", "5")])
//!     .read()?;
//! let settings = config.settle()?;
//! assert!(matches!(settings.sql.target, SqlTarget::Url(_)));
//! assert_eq!(settings.sql.pool_connections, 5);
//! assert!(config.warnings()[0].contains("sql.path (tradebase.toml)"));
//!
//! let listing = config.effective();
//! let url = listing.iter().find(|setting| setting.key == "sql.url").unwrap();
//! assert_eq!(url.value.as_deref(), Some("postgres://me:***@localhost/ledger"));
//! assert_eq!(url.source, ".env line 1");
//! # Ok::<(), tradebase::Error>(())
//! ```
//!
//! Every setting with its variables, values and default stands in the reference of the project,
//! and in the files that [`example_env`] and [`example_toml`] give.

mod address;
mod anchors;
mod closest;
mod dotenv;
mod effective;
mod example;
mod kind;
mod origin;
mod reference;
mod settings;
mod settle;
mod sources;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use tradebase_core::{Code, Error, Result};

pub(crate) use closest::closest;
pub use effective::Effective;
pub use example::{example_env, example_toml};
#[doc(hidden)]
pub use reference::reference;
pub use settings::{
    AnalyticsSettings, CacheSettings, CacheTarget, InfluxTarget, LogSettings, Place, Profile,
    RedisPlace, SeriesSettings, SeriesTarget, Settings, SqlParts, SqlSettings, SqlTarget,
    WhenLocked,
};
pub use sources::Sources;

use origin::{Given, Origin};

/// Settings, each with where it was said.
///
/// ```
/// use tradebase::Config;
///
/// let config = Config::new().data_folder("/srv/bot").set("sql.pool_size", "20")?;
/// let wrong = config.set("sql.pol_size", "20").unwrap_err();
/// assert!(wrong.to_string().contains("did you mean sql.pool_size"));
/// # Ok::<(), tradebase::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Config {
    /// Of each key that was said, all that was said, the winner first.
    given: BTreeMap<&'static str, Vec<Given>>,
    /// What was odd about the sources.
    notes: Vec<String>,
}

impl Config {
    /// Nothing but the defaults, and what code sets: reads no environment and no file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every embedded store in memory, for tests and examples: nothing is read, and nothing is left
    /// behind.
    pub fn in_memory() -> Self {
        Self::new().sql_path(kind::MEMORY).analytics_path(kind::MEMORY).series_path(kind::MEMORY)
    }

    /// The environment, the `.env` of the current folder, and its `tradebase.toml` or the file
    /// that `TRADEBASE_CONFIG` names. The files need not be there, one that is named must.
    pub fn from_env() -> Result<Self> {
        Sources::of_folder(Path::new(""), std::env::vars_os(), None)?.read()
    }

    /// The environment, the `.env` of the current folder, and that file, which must be there.
    pub fn from_env_and_file(path: impl AsRef<Path>) -> Result<Self> {
        Sources::of_folder(Path::new(""), std::env::vars_os(), Some(path.as_ref()))?.read()
    }

    /// That file alone, which must be there.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Sources::of_file(path.as_ref())?.read()
    }

    /// Sets whatever setting by its key: `sql.url`. An empty value takes back what code has set.
    pub fn set(mut self, key: &str, value: impl Into<String>) -> Result<Self> {
        let given = Given { setting: table::find(key)?, origin: Origin::Code, text: value.into() };
        if let Some(fault) = given.fault().filter(|_| !is_empty(&given.text)) {
            return Err(Error::new(Code::Config, fault));
        }
        self.put(given);
        Ok(self)
    }

    /// The folder of the embedded stores.
    pub fn data_folder(self, folder: impl AsRef<Path>) -> Self {
        self.with("data", folder.as_ref().to_string_lossy())
    }

    /// What the program is run for.
    pub fn profile(self, profile: Profile) -> Self {
        self.with("profile", profile.as_str())
    }

    /// Whether missing tables of registered records are created on embedded stores.
    pub fn create_tables(self, create: bool) -> Self {
        self.with("create_tables", if create { "true" } else { "false" })
    }

    /// The address of the relational store. It wins over a path.
    pub fn sql_url(self, url: impl Into<String>) -> Self {
        self.with("sql.url", url)
    }

    /// The file of SQLite, or `:memory:`.
    pub fn sql_path(self, path: impl AsRef<Path>) -> Self {
        self.with("sql.path", path.as_ref().to_string_lossy())
    }

    /// The address of Redis.
    pub fn cache_url(self, url: impl Into<String>) -> Self {
        self.with("cache.url", url)
    }

    /// The file of the analytics store, or `:memory:`.
    pub fn analytics_path(self, path: impl AsRef<Path>) -> Self {
        self.with("analytics.path", path.as_ref().to_string_lossy())
    }

    /// The file of the embedded series, or `:memory:`.
    pub fn series_path(self, path: impl AsRef<Path>) -> Self {
        self.with("series.path", path.as_ref().to_string_lossy())
    }

    /// The address of InfluxDB, and the database. It wins over a path.
    pub fn series_url(self, url: impl Into<String>, database: impl Into<String>) -> Self {
        self.with("series.url", url).with("series.database", database)
    }

    /// Sets a setting of the table; a wrong value is an error of [`settle`](Config::settle).
    fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        match table::find(key) {
            Ok(setting) => {
                self.put(Given { setting, origin: Origin::Code, text: value.into() });
            }
            Err(_) => debug_assert!(false, "not in the table: {key}"),
        }
        self
    }

    /// Whether anybody says it.
    pub fn is_set(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// What is odd: settings that lose to others, that are not used yet, or look mistyped.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.notes.clone();
        warnings.extend(anchors::conflicts(self));
        for setting in table::all() {
            let missing = setting.missing().zip(self.winner(setting.key));
            if let Some((missing, given)) = missing {
                warnings.push(format!("{given} is set and not used yet: {missing}"));
            }
        }
        if let Some(given) = self.winner("log.level") {
            let doubts = crate::log::Levels::doubts(&given.text);
            warnings.extend(doubts.into_iter().map(|doubt| format!("{given}: {doubt}")));
        }
        warnings
    }

    /// Every setting with its value and where that comes from. Secrets are shown as `***`.
    pub fn effective(&self) -> Vec<Effective> {
        effective::listing(self)
    }

    /// The settings in types, for those who open the stores.
    ///
    /// An error names a value that cannot be read, or what is missing. Under the profile
    /// `production` the relational store must be named.
    pub fn settle(&self) -> Result<Settings> {
        settle::settle(self)
    }

    /// What is logged and how, also where other settings are wrong.
    pub(crate) fn log(&self) -> Result<LogSettings> {
        settle::log(self)
    }

    /// What was said of a key and wins.
    fn winner(&self, key: &str) -> Option<&Given> {
        self.given.get(key)?.first()
    }

    /// Notes a value. Said again in the same place, it replaces what was said there.
    fn put(&mut self, given: Given) {
        let key = given.setting.key;
        let all = self.given.entry(key).or_default();
        all.retain(|other| other.rank() != given.rank());
        if !is_empty(&given.text) {
            all.push(given);
            all.sort_by_key(Given::rank);
        }
        if all.is_empty() {
            self.given.remove(key);
        }
    }
}

/// Who runs the process, as the system's own variables say.
pub(crate) fn user() -> Option<String> {
    let said = |name: &&str| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(said)
}

/// Whether the user wants no colours, by the variable that programs agree on.
#[doc(hidden)]
pub fn refuses_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|said| !said.is_empty())
}

/// What counts as not said: compose files set variables to nothing.
fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

/// What is set, without secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for given in self.given.values().flatten() {
            let value = effective::shown(given);
            shown.entry(&given.setting.key, &format_args!("{value} ({})", given.origin));
        }
        shown.finish()
    }
}
