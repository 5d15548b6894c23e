//! Opening connections.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tradebase_core::{Code, Error, Result};

use super::address::Place;
use super::error::from_sqlite;
use super::like::load_like;
use super::parameters::load_lists;
use super::sum::load_sums;
use crate::naming::quoted;
use crate::options::{Durability, SqlOptions};

/// Before it, a race between a writer and a checkpoint could corrupt a file.
const VERSION_MIN: i32 = 3_051_003;
/// Pages of a database at most, as SQLite opens it.
const PAGES_MAX: u32 = u32::MAX - 1;
/// What a write-ahead log is cut back to when it has been moved into the file.
const JOURNAL_BYTES_KEPT: u32 = 64 * 1024 * 1024;

/// A file that may be made by opening it. Dropped before it is kept, the file is removed again if
/// it was not there and has stayed empty: then nobody else has written to it either.
pub(super) struct Fresh(Option<PathBuf>);

impl Fresh {
    /// What is to be opened.
    pub(super) fn at(place: &Place) -> Self {
        match place {
            Place::File(path) if !path.exists() => Self(Some(path.clone())),
            _ => Self(None),
        }
    }

    /// It has been opened.
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0)
        {
            // A file that cannot be removed does no harm: SQLite takes it as an empty database.
            _ = fs::remove_file(path);
        }
    }
}

/// The connection that writes.
pub(super) fn writer(place: &Place, options: &SqlOptions) -> Result<Connection> {
    let connection = match place {
        Place::Memory => Connection::open_in_memory().map_err(|e| from_sqlite(&e, None))?,
        Place::File(path) => {
            refuse_old(rusqlite::version_number())?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            open(path, flags)?
        }
    };
    // No waiting inside the engine, which would block the caller's thread: see `lane`.
    prepare(&connection, Duration::ZERO, options)?;
    settle(&connection, options.durability)?;
    pragma(&connection, "journal_size_limit", &JOURNAL_BYTES_KEPT.to_string())?;
    if matches!(place, Place::File(_)) {
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(|e| from_sqlite(&e, None))?;
        if mode != "wal" {
            let message = format!("the file's folder cannot keep a write-ahead log: {mode}");
            return Err(Error::new(Code::Unsupported, message));
        }
    }
    Ok(connection)
}

/// What must hold for a connection that writes whenever one of our own writes comes to it.
fn settle(connection: &Connection, durability: Durability) -> Result<()> {
    synchronous(connection, durability)?;
    pragma(connection, "foreign_keys", "ON")
}

/// Makes the next commits so durable.
pub(super) fn synchronous(connection: &Connection, durability: Durability) -> Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    pragma(connection, "synchronous", synchronous)
}

/// Makes the connection that writes as it was, after statements of the user's own have been on
/// it: no transaction, no temporary table in front of ours, no other file, no other settings.
pub(super) fn reset(connection: &Connection, durability: Durability) -> Result<()> {
    let failed = |e| from_sqlite(&e, None);
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(failed)?;
    }
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    for name in [
        "query_only",
        "ignore_check_constraints",
        "recursive_triggers",
        "writable_schema",
        "legacy_alter_table",
    ] {
        pragma(connection, name, "OFF")?;
    }
    settle(connection, durability)?;
    pragma(connection, "max_page_count", &PAGES_MAX.to_string())?;
    if connection.path().is_none_or(str::is_empty) {
        // A database in memory that keeps no journal cannot roll back.
        pragma(connection, "journal_mode", "MEMORY")?;
    }
    // Moving the place of temporary tables drops them.
    pragma(connection, "temp_store", "FILE")?;
    pragma(connection, "temp_store", "MEMORY")?;
    for name in attached(connection).map_err(failed)? {
        connection.execute_batch(&format!("DETACH {}", quoted(&name))).map_err(failed)?;
    }
    Ok(())
}

fn attached(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')";
    connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// A connection that reads a file which a writer has opened.
pub(super) fn reader(path: &Path, options: &SqlOptions) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    // Readers of a write-ahead log wait for nobody, but for one who recovers or closes the file.
    prepare(&connection, options.busy_wait, options)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    Connection::open_with_flags(path, flags).map_err(|e| from_sqlite(&e, None))
}

fn prepare(connection: &Connection, busy: Duration, options: &SqlOptions) -> Result<()> {
    connection.busy_timeout(busy).map_err(|e| from_sqlite(&e, None))?;
    connection.set_prepared_statement_cache_capacity(options.statements_max);
    load_lists(connection).map_err(|e| from_sqlite(&e, None))?;
    load_sums(connection).map_err(|e| from_sqlite(&e, None))?;
    load_like(connection).map_err(|e| from_sqlite(&e, None))?;
    for quotes in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
        // Else a column that is missing is read as a text: its own name, in double quotes.
        connection.set_db_config(quotes, false).map_err(|e| from_sqlite(&e, None))?;
    }
    // Negative: in KiB, not in pages.
    pragma(connection, "cache_size", &format!("-{}", (options.cache_bytes / 1024).max(1)))?;
    pragma(connection, "mmap_size", &options.mmap_bytes.to_string())?;
    pragma(connection, "temp_store", "MEMORY")
}

fn pragma(connection: &Connection, name: &str, value: &str) -> Result<()> {
    connection.execute_batch(&format!("PRAGMA {name} = {value}")).map_err(|e| from_sqlite(&e, None))
}

/// This crate bundles its SQLite; a build against a system library may find an older one.
fn refuse_old(version: i32) -> Result<()> {
    if version >= VERSION_MIN {
        return Ok(());
    }
    let message = format!(
        "the SQLite library is older than 3.51.3, which can corrupt files in WAL mode: {}.{}.{}",
        version / 1_000_000,
        version / 1000 % 1000,
        version % 1000,
    );
    Err(Error::new(Code::Unsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_opened_as_durable_as_asked() {
        let folder = tradebase_testkit::TempFolder::new().unwrap();
        for (durability, want) in [(Durability::Full, 2), (Durability::Relaxed, 1)] {
            let place = Place::File(folder.file(&format!("{want}.db")));
            let options = SqlOptions::new("").durability(durability);
            let connection = writer(&place, &options).unwrap();
            let read = |name: &str| {
                connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            };
            assert_eq!(read("synchronous"), Ok(want));
            assert_eq!(read("foreign_keys"), Ok(1));
            assert_eq!(read("busy_timeout"), Ok(0));
            assert_eq!((read("cache_size"), read("mmap_size")), (Ok(-10_240), Ok(0)));
            let Place::File(path) = &place else { panic!("it is a file") };
            let reading = reader(path, &options).unwrap();
            assert!(reading.execute_batch("CREATE TABLE a (b)").is_err());
        }
    }

    #[test]
    fn a_new_file_that_stayed_empty_is_removed_and_no_other() {
        let folder = tradebase_testkit::TempFolder::new().unwrap();
        let place = |name: &str| Place::File(folder.file(name));
        for (name, there_before, bytes, kept, want) in [
            ("new.db", false, 0, false, false),
            ("written.db", false, 1, false, true),
            ("old.db", true, 0, false, true),
            ("opened.db", false, 0, true, true),
        ] {
            let path = folder.file(name);
            if there_before {
                fs::write(&path, "").unwrap();
            }
            let fresh = Fresh::at(&place(name));
            fs::write(&path, vec![1; bytes]).unwrap();
            if kept {
                fresh.keep();
            } else {
                drop(fresh);
            }
            assert_eq!(path.exists(), want, "{name}");
        }
    }

    #[test]
    fn a_library_that_can_corrupt_files_is_refused() {
        assert!(refuse_old(rusqlite::version_number()).is_ok());
        let error = refuse_old(3_040_001).unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        assert!(error.to_string().ends_with("3.40.1"), "{error}");
    }
}
