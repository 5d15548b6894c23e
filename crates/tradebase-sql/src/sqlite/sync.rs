//! Having the engine sync its log outside of a commit.

use std::ffi::c_int;
use std::ptr::null_mut;

use rusqlite::{Connection, Error, Result, ffi};

/// Waits until the log is on the disk, as the engine itself does with each commit that is to last.
///
/// By its own file, not by a second one on the same path: with the first sync of a new log the
/// engine syncs the folder as well, without which the power failing may leave no log at all.
pub(super) fn sync_log(connection: &Connection) -> Result<()> {
    let mut log: *mut ffi::sqlite3_file = null_mut();
    // SAFETY: the connection is open and borrowed for the whole call; the engine writes one
    // pointer to where it is told.
    let found = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_JOURNAL_POINTER,
            (&raw mut log).cast(),
        )
    };
    done(found)?;
    // SAFETY: null, or the engine's file of the log, which is there as long as the connection.
    // Of a file that is not open the methods are null.
    let methods = unsafe { log.as_ref().and_then(|file| file.pMethods.as_ref()) };
    match methods.and_then(|methods| methods.xSync) {
        // SAFETY: the file is open, and nobody else uses it: it belongs to this connection.
        Some(sync) => done(unsafe { sync(log, ffi::SQLITE_SYNC_NORMAL) }),
        None => done(ffi::SQLITE_IOERR_FSYNC),
    }
}

fn done(code: c_int) -> Result<()> {
    match code {
        ffi::SQLITE_OK => Ok(()),
        _ => Err(Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}
