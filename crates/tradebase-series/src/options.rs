//! How to reach an InfluxDB, and the bounds of what is asked of it.

use std::fmt;
use std::time::Duration;

use tokio::runtime::Handle;
use tradebase_core::Secret;
use tradebase_core::watch::Watch;

/// How long making a connection may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer may take: to one request of a write, and to each piece of a read.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// The most lines of one request: what InfluxDB 1.x advises.
pub const BATCH_LINES_MAX: usize = 5_000;
/// The most bytes of one request. The server's own bound is 25,000,000 unless it is set lower.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// The most rows that the server sends in one piece of an answer.
pub const READ_ROWS_MAX: usize = 10_000;
/// The most bytes of one piece of an answer: a larger one is an error, not a full memory.
pub const READ_BYTES_MAX: usize = 64 << 20;

/// How to open a series on InfluxDB 1.x.
///
/// ```
/// use std::time::Duration;
/// use tradebase_series::InfluxOptions;
///
/// let mut options = InfluxOptions::new("http://localhost:8086", "trading");
/// options.answer_deadline = Duration::from_secs(5);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct InfluxOptions {
    /// The address, `http://host:port`, without user and password.
    pub url: String,
    /// The database.
    pub database: String,
    /// The user, where the server asks for one.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// The retention policy; none for the default one of the database.
    pub retention_policy: Option<String>,
    /// See [`CONNECT_DEADLINE`].
    pub connect_deadline: Duration,
    /// See [`ANSWER_DEADLINE`].
    pub answer_deadline: Duration,
    /// See [`BATCH_LINES_MAX`].
    pub batch_lines_max: usize,
    /// See [`BATCH_BYTES_MAX`].
    pub batch_bytes_max: usize,
    /// See [`READ_ROWS_MAX`].
    pub read_rows_max: usize,
    /// See [`READ_BYTES_MAX`].
    pub read_bytes_max: usize,
    /// The runtime on which connections live, instead of that of the call that first needs one.
    pub runtime: Option<Handle>,
    /// What measures the operations, and fails them where a test orders it.
    pub watch: Watch,
}

impl InfluxOptions {
    /// A database at an address, with nothing else said.
    pub fn new(url: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            database: database.into(),
            user: None,
            password: None,
            retention_policy: None,
            connect_deadline: CONNECT_DEADLINE,
            answer_deadline: ANSWER_DEADLINE,
            batch_lines_max: BATCH_LINES_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            read_rows_max: READ_ROWS_MAX,
            read_bytes_max: READ_BYTES_MAX,
            runtime: None,
            watch: Watch::default(),
        }
    }

    /// The same, signing in as that user.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.user = Some(user.into());
        self.password = Some(password);
        self
    }
}

/// Without the address, in which somebody may have put a password.
impl fmt::Debug for InfluxOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxOptions")
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("retention_policy", &self.retention_policy)
            .finish_non_exhaustive()
    }
}
