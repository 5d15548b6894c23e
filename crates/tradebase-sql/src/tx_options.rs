//! How a transaction is carried out.

use std::time::Duration;

/// How long a transaction may take with all its repetitions, unless told otherwise.
pub const TRANSACTION_WAIT: Duration = Duration::from_secs(30);
/// How often a transaction is begun, unless told otherwise.
pub const TRANSACTION_ATTEMPTS: u32 = 100;

/// What a transaction may see of others. SQLite is always serializable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began: PostgreSQL's own default.
    #[default]
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after another.
    Serializable,
}

/// How a transaction is carried out.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TxOptions {
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    pub(crate) wait: Duration,
    pub(crate) attempts: u32,
}

impl Default for TxOptions {
    fn default() -> Self {
        Self {
            isolation: Isolation::default(),
            read_only: false,
            wait: TRANSACTION_WAIT,
            attempts: TRANSACTION_ATTEMPTS,
        }
    }
}

impl TxOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it may see of others.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// It only reads: a write is an error. On a SQLite file it keeps no writer waiting.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// How long it may take with all its repetitions; see [`TRANSACTION_WAIT`].
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How often it is begun at most, at least once; see [`TRANSACTION_ATTEMPTS`].
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}
