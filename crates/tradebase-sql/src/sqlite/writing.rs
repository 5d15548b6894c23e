//! The connection that writes, and how writes are carried out on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tradebase_core::{Code, Error, Result};

use super::error::from_sqlite;
use super::sync::sync_log;
use super::{address::Place, open};
use crate::options::{Durability, SqlOptions};

/// What is kept of a buffer for JSON between two writes, in bytes.
const SCRATCH_BYTES_KEPT: usize = 1 << 20;
/// Pages of the log from which on they are moved into the file: what SQLite does by itself.
const LOG_PAGES: u32 = 1000;
/// Pages of the log from which on readers are waited for, so that it can begin anew: 64 MiB.
const LOG_PAGES_MAX: u32 = 16_384;
/// How long they are waited for: other writers wait as well.
const READERS_WAIT: Duration = Duration::from_millis(100);
/// In-place writes between two looks at whether another process writes: measured, a look takes
/// 2 µs, and such a write 15 µs.
const LOOK_EVERY: u32 = 64;

/// The connection that writes.
pub(super) struct Writing {
    pub(super) connection: Connection,
    /// For JSON.
    pub(super) scratch: Vec<u8>,
    /// What `synchronous` is set to; none if that does not matter.
    durability: Option<Durability>,
    /// Pages in the log after the last commit of this connection.
    log: Arc<AtomicU32>,
    /// With so many pages it is time for a checkpoint.
    log_due: u32,
    /// What others have committed, as SQLite counts it; none before the first look.
    others: Option<i64>,
    looks: u32,
}

impl Writing {
    /// Opens it.
    pub(super) fn open(place: &Place, options: &SqlOptions) -> Result<Self> {
        let mut connection = open::writer(place, options)?;
        let (log, hook) = (Arc::new(AtomicU32::new(0)), place != &Place::Memory);
        if hook {
            let pages = log.clone();
            // In place of SQLite's own checkpoints, which would hold the thread of whoever
            // commits.
            let note = move |_: &mut rusqlite::hooks::Wal, count| {
                pages.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            };
            connection.wal_hook(Some(note)).map_err(|e| from_sqlite(&e, None))?;
        }
        let durability = hook.then_some(options.durability);
        let (scratch, log_due) = (Vec::new(), LOG_PAGES);
        Ok(Self { connection, scratch, durability, log, log_due, others: None, looks: 0 })
    }

    /// Makes the next commits so durable.
    pub(super) fn make(&mut self, durability: Durability) -> Result<()> {
        if self.durability.is_some_and(|have| have != durability) {
            open::synchronous(&self.connection, durability)?;
            self.durability = Some(durability);
        }
        Ok(())
    }

    /// Makes it as it was, after statements of the user's own.
    pub(super) fn reset(&mut self, durability: Durability) -> Result<()> {
        open::reset(&self.connection, durability)?;
        self.durability = self.durability.map(|_| durability);
        Ok(())
    }

    /// Runs statements without parameters or rows.
    pub(super) fn execute(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|e| from_sqlite(&e, None))
    }

    /// Runs a fixed statement, which is kept prepared.
    pub(super) fn step(&self, sql: &'static str) -> Result<()> {
        let failed = |e| from_sqlite(&e, None);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.raw_execute().map(drop).map_err(failed)
    }

    /// Rolls back what is open; a full disk and the like may have done so already.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::warn!(store = "sqlite", %error, "a transaction could not be rolled back");
        }
    }

    /// After a turn: nothing of it is left.
    pub(super) fn tidy(&mut self) {
        self.roll_back();
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            self.scratch = Vec::new();
        }
    }

    /// Whether the log should be moved into the file.
    pub(super) fn log_is_long(&self) -> bool {
        self.log.load(Ordering::Relaxed) >= self.log_due
    }

    /// Moves the log into the file, as far as nobody is in the way. Takes a while.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let failed = |e| from_sqlite(&e, None);
        let run = |mode| self.connection.wal_checkpoint_v2(Some("main"), mode).map_err(failed);
        // Whatever comes of it, it is not tried again with the next commit.
        self.log_due = self.log.load(Ordering::Relaxed).saturating_add(LOG_PAGES);
        let (mut pages, mut moved) = match run(CheckpointMode::PASSIVE) {
            // Another process is at it.
            Err(error) if error.code() == Code::Locked => return Ok(()),
            ran => ran?,
        };
        if moved < pages && u32::try_from(pages).unwrap_or(0) >= LOG_PAGES_MAX {
            self.connection.busy_timeout(READERS_WAIT).map_err(failed)?;
            let forced = run(CheckpointMode::TRUNCATE);
            self.connection.busy_timeout(Duration::ZERO).map_err(failed)?;
            match forced {
                Ok(now) => (pages, moved) = now,
                Err(error) if error.code() == Code::Locked => {
                    tracing::warn!(store = "sqlite", pages, "a long read keeps the log growing");
                }
                Err(error) => return Err(error),
            }
        }
        // What cannot be moved is left until as much has come again.
        let left = if moved < pages { u32::try_from(pages).unwrap_or(0) } else { 0 };
        self.log_due = left.saturating_add(LOG_PAGES);
        self.log.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until what has been committed is on the disk.
    pub(super) fn sync_log(&self) -> Result<()> {
        if self.durability.is_none() {
            return Ok(());
        }
        sync_log(&self.connection).map_err(|error| {
            let message = "it is committed, but may be lost when the power fails";
            Error::new(Code::OutcomeUnknown, message).because(from_sqlite(&error, None))
        })
    }

    /// Whether another process has written since the last look.
    pub(super) fn sees_others(&mut self) -> Result<bool> {
        if self.durability.is_none() {
            return Ok(false);
        }
        let failed = |e| from_sqlite(&e, None);
        let mut statement =
            self.connection.prepare_cached("PRAGMA data_version").map_err(failed)?;
        let now: i64 = statement.query_row([], |row| row.get(0)).map_err(failed)?;
        drop(statement);
        Ok(self.others.replace(now).is_some_and(|before| before != now))
    }

    /// As [`sees_others`](Writing::sees_others), now and then.
    pub(super) fn sees_others_at_times(&mut self) -> Result<bool> {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOK_EVERY) { self.sees_others() } else { Ok(false) }
    }

    /// Closes it, for good.
    pub(super) fn end(self) -> Result<()> {
        // Statistics for the planner; a store that cannot keep them closes all the same.
        _ = self.connection.execute_batch("PRAGMA optimize");
        shut(self.connection)
    }
}

/// Closes a connection.
pub(super) fn shut(connection: Connection) -> Result<()> {
    connection.close().map_err(|(_, e)| from_sqlite(&e, None))
}

/// Says in the log that a connection could not be closed where there is no call to say it to.
pub(super) fn note_unclosed(closed: Result<()>) {
    if let Err(error) = closed {
        let code = error.code().as_str();
        tracing::warn!(store = "sqlite", code, "a connection could not be closed");
    }
}

#[cfg(test)]
mod tests {
    use tradebase_testkit::TempFolder;

    use super::*;
    use crate::sqlite::fixture::{insert, number, opened};

    #[test]
    fn a_log_that_another_process_moves_is_left_to_it() {
        let folder = TempFolder::new().unwrap();
        let mut writing = opened(&folder);
        let connect = || Connection::open(folder.file("notes.db")).unwrap();
        // It waits for a reader, and keeps others from moving the log meanwhile.
        let (reader, mover) = (connect(), connect());
        reader.execute_batch("BEGIN; SELECT count(*) FROM notes").unwrap();
        writing.alone(&insert(1, 5_000_000)).unwrap();
        let moves = std::thread::spawn(move || {
            mover.busy_timeout(Duration::from_secs(2)).unwrap();
            mover.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        });
        std::thread::sleep(Duration::from_millis(200));
        assert!(writing.log_is_long());
        writing.checkpoint().unwrap();
        assert!(!writing.log_is_long(), "it is not asked for again with every commit");
        reader.execute_batch("COMMIT").unwrap();
        moves.join().unwrap();
    }

    #[test]
    fn commits_are_as_durable_as_asked_and_a_long_log_is_moved() {
        let folder = TempFolder::new().unwrap();
        let mut writing = opened(&folder);
        for (durability, want) in
            [(Durability::Relaxed, 1), (Durability::Relaxed, 1), (Durability::Full, 2)]
        {
            writing.make(durability).unwrap();
            assert_eq!(number(&writing, "PRAGMA synchronous"), want);
        }
        assert!(!writing.log_is_long());
        writing.alone(&insert(1, 5_000_000)).unwrap();
        assert!(writing.log_is_long());
        writing.checkpoint().unwrap();
        assert!(!writing.log_is_long());
        // The log begins anew: it grows no longer than before.
        let log = folder.file("notes.db-wal");
        let before = std::fs::metadata(&log).unwrap().len();
        writing.alone(&insert(2, 4_000_000)).unwrap();
        assert_eq!(std::fs::metadata(&log).unwrap().len(), before);
    }
}
