//! One migrator at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::history::HISTORY_TABLE;
use crate::chance;
use crate::door::SqlConnection;
use crate::engine::Engine;
use crate::raw::{Fields, SqlText};
use crate::sql::Sql;

/// The first pause between two looks whether the other migrator is done.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest of these pauses.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What stands behind the name of a SQLite file for the file that is locked while it is migrated.
const LOCK_SUFFIX: &str = ".migrate-lock";

/// The lock of a SQLite file, freed when it is dropped, and by the system when the process ends.
///
/// It is a lock of the operating system on a file beside the database. A transaction would not
/// do: each version commits its own, and another migrator could come in between. A mark in the
/// database would not either: nobody takes it away after a kill.
#[derive(Debug)]
pub(super) struct FileLock(#[expect(dead_code, reason = "held for its lock")] File);

/// How long to wait for another migrator, and how it goes.
struct Waiting {
    deadline: Tick,
    wait: Duration,
    pause: Duration,
}

impl Waiting {
    fn new(wait: Duration) -> Self {
        Self { deadline: Tick::now().after(wait), wait, pause: PAUSE_MIN }
    }

    /// Pauses before the next look, or gives up.
    async fn again(&mut self, who: &str) -> Result<()> {
        if self.deadline.is_past() {
            let message = format!(
                "another migrator has been at work for longer than {} s: {who}",
                self.wait.as_secs_f64()
            );
            return Err(Error::new(Code::MigrationBusy, message));
        }
        let spread = self.pause.mul_f64(0.5 + chance::unit() / 2.0);
        sleep(spread.min(self.deadline.left())).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}

/// The lock of a SQLite file; none is needed for one in memory, which has one connection.
pub(super) async fn of_file(sql: &Sql, wait: Duration) -> Result<Option<FileLock>> {
    let file = match &sql.engine {
        Engine::Sqlite(store) => store.file(),
        #[cfg(feature = "postgres")]
        Engine::Postgres(_) => None,
    };
    let Some(path) = file else { return Ok(None) };
    // Two names of one file have one lock.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let path = PathBuf::from(format!("{}{LOCK_SUFFIX}", path.display()));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| unlocked(&path, e))?;
    let mut waiting = Waiting::new(wait);
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(unlocked(&path, error)),
            Err(TryLockError::WouldBlock) => {}
        }
        let who = std::fs::read_to_string(&path).unwrap_or_default();
        if !std::mem::replace(&mut told, true) {
            tracing::info!(store = "sqlite", who = who.trim(), "waits for another migrator");
        }
        waiting.again(who.trim()).await?;
    }
    // For those who wait; a disk that is full will show at the migration.
    _ = file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id()));
    Ok(Some(FileLock(file)))
}

/// A connection of the migrator's own. The one of a database in memory, or of this process, may
/// be another migrator's.
pub(super) async fn connection(sql: &Sql, wait: Duration) -> Result<SqlConnection> {
    let mut waiting = Waiting::new(wait);
    loop {
        match sql.connection().await {
            Err(error) if error.code() == Code::Locked => {
                waiting.again("it holds the connection of this process").await?;
            }
            Err(error) if error.code() == Code::Unsupported => {
                let message = "migrations need a session of the server of their own: go past \
                               PgBouncer, straight to the server";
                return Err(Error::new(Code::Unsupported, message).because(error));
            }
            taken => return taken,
        }
    }
}

/// What a schema's lock is called, as SQL. Locks of PostgreSQL count within a database.
pub(super) fn key() -> String {
    format!("hashtextextended('{HISTORY_TABLE} of ' || current_schema(), 0)")
}

/// Takes the lock of a schema of PostgreSQL, which ends with the connection.
///
/// It is asked for again and again, and between two questions nothing is open. A call that waits
/// inside the server would hold a snapshot, which an index that is built concurrently waits for,
/// by the very migrator that holds the lock: each would wait for the other.
pub(super) async fn of_schema(connection: &mut SqlConnection, wait: Duration) -> Result<()> {
    let text = built(format!("SELECT pg_try_advisory_lock({})", key()));
    let mut waiting = Waiting::new(wait);
    let mut told = false;
    while !connection.query_scalar::<bool>(text.clone(), ()).await? {
        let who = holder(connection).await?;
        if !std::mem::replace(&mut told, true) {
            tracing::info!(store = "postgres", who, "waits for another migrator");
        }
        waiting.again(&who).await?;
    }
    Ok(())
}

/// Who holds the lock, for people.
async fn holder(connection: &mut SqlConnection) -> Result<String> {
    let text = built(format!(
        "SELECT concat_ws(' ', 'process', a.pid, 'of', a.usename, 'from', \
         coalesce(host(a.client_addr), 'this machine'), nullif(a.application_name, '')) \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = \
         current_database()) \
         AND (l.classid::bigint << 32) | l.objid::bigint = {} LIMIT 1",
        key()
    ));
    let found = connection.query_at_most_one::<Fields<(String,)>>(text, ()).await?;
    Ok(found.map_or_else(|| "it is just done".to_owned(), |Fields((who,))| who))
}

fn built(text: String) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}

#[cold]
fn unlocked(path: &Path, error: std::io::Error) -> Error {
    let message = format!("the lock of migrations cannot be taken: {}", path.display());
    Error::new(Code::StorageFailed, message).because(error)
}
