//! What a power failure may leave of SQLite's files.
//!
//! A process that is killed loses nothing that it has written: the page cache survives it. When
//! the power fails, whatever was not synced may be gone, in any part. This crate puts a layer
//! between SQLite and its own way to files. It passes everything through and keeps a log of what
//! was written and synced in a folder; from the log it makes, for any moment, the files that a
//! power failure at that moment may leave.
//!
//! ```
//! use rusqlite::Connection;
//! use tradebase_powerloss::Recorder;
//!
//! let folder = tradebase_testkit::TempFolder::new()?;
//! let recorder = Recorder::of(folder.path())?;
//! let ledger = Connection::open(folder.file("ledger.db"))?;
//! ledger.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE fills (id INTEGER) STRICT")?;
//! ledger.execute("INSERT INTO fills VALUES (1)", [])?;
//! let answered = recorder.position();
//!
//! let after = tradebase_testkit::TempFolder::new()?;
//! recorder.disk_after(answered, 7).write_to(after.path())?;
//! let found = Connection::open(after.file("ledger.db"))?;
//! assert_eq!(found.query_row("SELECT id FROM fills", [], |row| row.get(0)), Ok(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is taken to be true of the disk:
//!
//! - What a file held when it was synced, it holds. Of later writes any subset is there, and of
//!   each any of its sectors, or its beginning up to any byte. A write leaves the bytes around it
//!   alone, which is what SQLite takes to be true as well.
//! - A file is in its folder, or no longer, once the folder was synced; until then it may be
//!   either way, whatever was synced of the file itself.
//! - The shared memory of a write-ahead log (`-shm`) is gone.
//!
//! Linux only, as the tests of this project are.

mod disk;
mod log;
mod vfs;

pub use disk::{Disk, SECTOR_BYTES};
pub use log::Recorder;
