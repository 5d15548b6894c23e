//! SQLite's result codes as codes of tradebase: the tables, which the reference shows.

use rusqlite::ffi;
use tradebase_core::Code;

/// A result code, its code, and what it means.
pub type Meaning = (i32, Code, &'static str);

/// Every primary result code, and the extended ones that differ from theirs.
pub const RESULT_CODES: &[Meaning] = &[
    (ffi::SQLITE_ERROR, Code::QueryFailed, "error; see the messages below"),
    (ffi::SQLITE_ERROR_SNAPSHOT, Code::TransactionFailed, "the snapshot is gone"),
    (ffi::SQLITE_INTERNAL, Code::Internal, "internal error"),
    (ffi::SQLITE_PERM, Code::AccessDenied, "permission denied"),
    (ffi::SQLITE_ABORT, Code::TransactionFailed, "aborted, or rolled back meanwhile"),
    (ffi::SQLITE_BUSY, Code::Locked, "another connection holds the database"),
    (ffi::SQLITE_LOCKED, Code::Locked, "the same connection holds the table"),
    (ffi::SQLITE_NOMEM, Code::QueryFailed, "out of memory"),
    (ffi::SQLITE_READONLY, Code::AccessDenied, "the database can only be read"),
    (ffi::SQLITE_INTERRUPT, Code::TimedOut, "interrupted"),
    (ffi::SQLITE_IOERR, Code::StorageFailed, "input and output failed"),
    (ffi::SQLITE_CORRUPT, Code::StorageFailed, "the file is damaged"),
    (ffi::SQLITE_NOTFOUND, Code::Internal, "an operation that SQLite does not know"),
    (ffi::SQLITE_FULL, Code::StorageFull, "disk full"),
    (ffi::SQLITE_CANTOPEN, Code::ConnectionFailed, "the file cannot be opened"),
    (ffi::SQLITE_PROTOCOL, Code::Locked, "too many connections wanted a lock at once"),
    (ffi::SQLITE_EMPTY, Code::QueryFailed, "not used by SQLite"),
    (ffi::SQLITE_SCHEMA, Code::SchemaMismatch, "the schema has changed"),
    (ffi::SQLITE_TOOBIG, Code::StorageFull, "a text or BLOB is too big"),
    (ffi::SQLITE_CONSTRAINT, Code::QueryFailed, "a constraint"),
    (ffi::SQLITE_CONSTRAINT_CHECK, Code::Invalid, "a check"),
    (ffi::SQLITE_CONSTRAINT_DATATYPE, Code::Invalid, "a value of another type"),
    (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, Code::BrokenReference, "a foreign key"),
    (ffi::SQLITE_CONSTRAINT_NOTNULL, Code::Invalid, "not null"),
    (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Code::NotUnique, "the primary key"),
    (ffi::SQLITE_CONSTRAINT_ROWID, Code::NotUnique, "the row's number"),
    (ffi::SQLITE_CONSTRAINT_UNIQUE, Code::NotUnique, "a unique index"),
    (ffi::SQLITE_MISMATCH, Code::Invalid, "a value of another type"),
    (ffi::SQLITE_MISUSE, Code::Internal, "SQLite was used wrongly"),
    (ffi::SQLITE_NOLFS, Code::StorageFull, "the file system takes no file so large"),
    (ffi::SQLITE_AUTH, Code::AccessDenied, "not authorized"),
    (ffi::SQLITE_FORMAT, Code::StorageFailed, "a database of another format"),
    (ffi::SQLITE_RANGE, Code::Internal, "no such parameter"),
    (ffi::SQLITE_NOTADB, Code::StorageFailed, "the file is no database"),
    (ffi::SQLITE_NOTICE, Code::Internal, "a notice, as an error"),
    (ffi::SQLITE_WARNING, Code::Internal, "a warning, as an error"),
    (ffi::SQLITE_ROW, Code::Internal, "a row, as an error"),
    (ffi::SQLITE_DONE, Code::Internal, "the end, as an error"),
];

/// What the messages of `SQLITE_ERROR` tell more.
pub const MESSAGES: &[(&str, Code)] = &[
    ("no such table", Code::SchemaMismatch),
    ("no such column", Code::SchemaMismatch),
    ("has no column named", Code::SchemaMismatch),
    ("foreign key mismatch", Code::SchemaMismatch),
    ("no such view", Code::SchemaMismatch),
    ("syntax error", Code::Syntax),
    ("incomplete input", Code::Syntax),
    (super::sum::FOREIGN, Code::Unreadable),
    (super::sum::TOO_LARGE, Code::Invalid),
];

/// The code of an extended result code, of its primary one, or where that says too little of the
/// message.
pub(super) fn code_of(extended: i32, message: &str) -> Code {
    // ON DELETE RESTRICT is a trigger inside; tables have it that were made elsewhere or before.
    if extended == ffi::SQLITE_CONSTRAINT_TRIGGER && message.contains("FOREIGN KEY") {
        return Code::BrokenReference;
    }
    if extended == ffi::SQLITE_ERROR {
        let told = MESSAGES.iter().find(|(part, _)| message.contains(part));
        return told.map_or(Code::QueryFailed, |(_, code)| *code);
    }
    let find = |wanted: i32| RESULT_CODES.iter().find(|(code, ..)| *code == wanted);
    let found = find(extended).or_else(|| find(extended & 0xff));
    found.map_or(Code::QueryFailed, |(_, code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_primary_result_code_has_its_code() {
        for primary in (1..=28).chain([100, 101]) {
            assert!(RESULT_CODES.iter().any(|(code, ..)| *code == primary), "{primary}");
        }
    }

    #[test]
    fn every_result_code_of_sqlite_has_its_code() {
        for (extended, message, want) in [
            (1555, "UNIQUE constraint failed: fills.id", Code::NotUnique),
            (2067, "UNIQUE constraint failed: fills.a, fills.b", Code::NotUnique),
            (2579, "UNIQUE constraint failed: fills.rowid", Code::NotUnique),
            (787, "FOREIGN KEY constraint failed", Code::BrokenReference),
            (1811, "FOREIGN KEY constraint failed", Code::BrokenReference),
            (1811, "a trigger says no", Code::QueryFailed),
            (275, "CHECK constraint failed: fills__price__check", Code::Invalid),
            (1299, "NOT NULL constraint failed: fills.price", Code::Invalid),
            (3091, "cannot store TEXT value in INTEGER column fills.id", Code::Invalid),
            (20, "datatype mismatch", Code::Invalid),
            (5, "database is locked", Code::Locked),
            (261, "database is locked", Code::Locked),
            (517, "database is locked", Code::Locked),
            (6, "database table is locked", Code::Locked),
            (13, "database or disk is full", Code::StorageFull),
            (18, "string or blob too big", Code::StorageFull),
            (11, "database disk image is malformed", Code::StorageFailed),
            (26, "file is not a database", Code::StorageFailed),
            (10, "disk I/O error", Code::StorageFailed),
            (522, "disk I/O error", Code::StorageFailed),
            (14, "unable to open database file", Code::ConnectionFailed),
            (8, "attempt to write a readonly database", Code::AccessDenied),
            (3, "access permission denied", Code::AccessDenied),
            (23, "authorization denied", Code::AccessDenied),
            (9, "interrupted", Code::TimedOut),
            (4, "query aborted", Code::TransactionFailed),
            (17, "database schema has changed", Code::SchemaMismatch),
            (1, "no such table: fills", Code::SchemaMismatch),
            (1, "no such column: price", Code::SchemaMismatch),
            (1, "table fills has no column named price", Code::SchemaMismatch),
            (1, "near \"SELEC\": syntax error", Code::Syntax),
            (1, "integer overflow", Code::QueryFailed),
            (21, "bad parameter or other API misuse", Code::Internal),
            (25, "column index out of range", Code::Internal),
            (7, "out of memory", Code::QueryFailed),
        ] {
            assert_eq!(code_of(extended, message), want, "{extended} {message}");
        }
    }
}
