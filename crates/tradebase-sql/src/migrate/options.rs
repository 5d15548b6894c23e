//! How migrations are run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tradebase_core::{Code, Error, Result};

/// How long a migrator waits for another one, unless told otherwise.
pub const MIGRATION_LOCK_WAIT: Duration = Duration::from_secs(600);
/// How long a statement of a migration waits for a lock, while all others wait behind it, before
/// it gives way and tries again.
pub const MIGRATION_STATEMENT_LOCK_WAIT: Duration = Duration::from_millis(500);

/// How far to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Up to the newest version of every set; down by one version.
    #[default]
    End,
    /// To this version of the set; `0` is before the first.
    Version(String),
    /// By this many versions.
    Steps(usize),
}

/// How migrations are run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MigrateOptions {
    /// Only this set; all of them without.
    pub set: Option<String>,
    /// How long to wait for another migrator.
    pub lock_wait: Duration,
    /// How long a statement waits for a lock before it gives way and is tried again.
    pub statement_lock_wait: Duration,
    /// How often a statement is tried that did not get its lock.
    pub attempts: u32,
    /// How long a statement may take; as long as it takes without.
    pub statement_wait: Option<Duration>,
    /// Whether a SQLite file is backed up before the first step that may lose data: one that drops
    /// a table or a column, deletes rows, writes over values, or says `-- loses:`.
    pub backup: bool,
    /// Where backups go; beside the file without.
    pub backup_folder: Option<PathBuf>,
    /// Who migrates, for the history; without, the user that PostgreSQL knows, or the number of
    /// the process.
    pub who: Option<String>,
    /// What is told before each statement.
    pub progress: Option<MigrationProgress>,
}

/// What is told how far a migration is: a count of statements, and how many there are in all.
#[derive(Clone)]
pub struct MigrationProgress(Arc<dyn Fn(usize, usize) + Send + Sync>);

impl MigrationProgress {
    /// Calls this with the number of the statement that begins, from 1, and of all there are. It
    /// must not wait.
    pub fn new(tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, statement: usize, of: usize) {
        (self.0)(statement, of);
    }
}

impl fmt::Debug for MigrationProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MigrationProgress")
    }
}

impl Default for MigrateOptions {
    fn default() -> Self {
        Self {
            set: None,
            lock_wait: MIGRATION_LOCK_WAIT,
            statement_lock_wait: MIGRATION_STATEMENT_LOCK_WAIT,
            attempts: 20,
            statement_wait: None,
            backup: true,
            backup_folder: None,
            who: None,
            progress: None,
        }
    }
}

impl MigrateOptions {
    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        if self.attempts == 0 || self.statement_lock_wait.is_zero() {
            let message = "a migration's statement needs at least one attempt and a time to wait";
            return Err(Error::new(Code::Config, message));
        }
        Ok(())
    }
}
