//! SQLite's result codes as codes of tradebase.

use std::path::Path;

use rusqlite::ffi;
use tradebase_core::{Code, Error, Table};

use crate::error::{columns, of_constraint};

/// The error of a call; the table tells which columns a constraint is about.
#[cold]
pub(crate) fn from_sqlite(error: &rusqlite::Error, table: Option<&Table>) -> Error {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(code, message) => {
            failure(code.extended_code, message.as_deref().unwrap_or_default(), table)
        }
        E::SqlInputError { error, msg, .. } => failure(error.extended_code, msg, table),
        E::InvalidPath(_) | E::NulError(_) => {
            Error::new(Code::Config, format!("the path cannot be used: {error}"))
        }
        E::MultipleStatement => {
            Error::new(Code::Syntax, "there are several statements: give them to batch")
        }
        E::ToSqlConversionFailure(_) => {
            Error::new(Code::Internal, format!("a value could not be bound: {error}"))
        }
        _ => Error::new(Code::Internal, format!("sqlite was used wrongly: {error}")),
    }
}

/// A file that cannot be opened, with what to do about it.
#[cold]
pub(super) fn unopened(path: &Path, error: Error) -> Error {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let why = match error.code() {
        _ if path.is_dir() => "it is a folder, name a file in it",
        _ if folder.is_some_and(|folder| !folder.is_dir()) => {
            "its folder is not there, create it first"
        }
        Code::StorageFailed => {
            "it is damaged or no SQLite database, name another file or restore it from a backup"
        }
        Code::ConnectionFailed | Code::AccessDenied => {
            "this process must be allowed to read and write the file and its folder"
        }
        Code::Locked => "another program holds it, end that one or wait longer",
        Code::Unsupported => "it needs a folder on a local disk",
        _ => "see what SQLite says",
    };
    let message = format!("the file cannot be opened, {why}: {}", path.display());
    // A file is no server that may come back by itself.
    let code = match error.code() {
        Code::ConnectionFailed => Code::StorageFailed,
        code => code,
    };
    Error::new(code, message).because(error)
}

fn failure(extended: i32, message: &str, table: Option<&Table>) -> Error {
    let code = code_of(extended, message);
    let at_fault = match code {
        Code::NotUnique | Code::Invalid => columns_in(message, table),
        _ => None,
    };
    of_constraint(code, format!("sqlite: {message} ({extended})"), at_fault)
}

/// The table: an extended result code, and where that says too little the message.
fn code_of(extended: i32, message: &str) -> Code {
    match extended {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_ROWID => return Code::NotUnique,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return Code::BrokenReference,
        // ON DELETE RESTRICT is a trigger inside.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message.contains("FOREIGN KEY") => {
            return Code::BrokenReference;
        }
        ffi::SQLITE_CONSTRAINT_CHECK
        | ffi::SQLITE_CONSTRAINT_NOTNULL
        | ffi::SQLITE_CONSTRAINT_DATATYPE => return Code::Invalid,
        _ => {}
    }
    match extended & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Code::Locked,
        ffi::SQLITE_FULL | ffi::SQLITE_TOOBIG => Code::StorageFull,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_IOERR => Code::StorageFailed,
        ffi::SQLITE_CANTOPEN => Code::ConnectionFailed,
        ffi::SQLITE_PERM | ffi::SQLITE_AUTH | ffi::SQLITE_READONLY => Code::AccessDenied,
        ffi::SQLITE_INTERRUPT => Code::TimedOut,
        ffi::SQLITE_ABORT => Code::TransactionFailed,
        ffi::SQLITE_SCHEMA => Code::SchemaMismatch,
        ffi::SQLITE_MISMATCH => Code::Invalid,
        ffi::SQLITE_RANGE | ffi::SQLITE_MISUSE | ffi::SQLITE_INTERNAL => Code::Internal,
        ffi::SQLITE_ERROR => code_of_message(message),
        _ => Code::QueryFailed,
    }
}

fn code_of_message(message: &str) -> Code {
    const OTHER_SCHEMA: [&str; 5] = [
        "no such table",
        "no such column",
        "has no column named",
        "foreign key mismatch",
        "no such view",
    ];
    if OTHER_SCHEMA.iter().any(|text| message.contains(text)) {
        Code::SchemaMismatch
    } else if message.contains("syntax error") || message.contains("incomplete input") {
        Code::Syntax
    } else {
        Code::QueryFailed
    }
}

/// The columns that a constraint's message names.
fn columns_in(message: &str, table: Option<&Table>) -> Option<String> {
    if let Some(constraint) = message.strip_prefix("CHECK constraint failed: ") {
        return columns(table, constraint);
    }
    // "UNIQUE constraint failed: fills.bot_id, fills.symbol", "NOT NULL constraint failed: a.b",
    // "cannot store TEXT value in INTEGER column fills.id"
    let names = message
        .split_once(" constraint failed: ")
        .or_else(|| message.split_once(" column "))
        .map(|(_, names)| names)?;
    let names: Vec<_> = names
        .split(", ")
        .map(|name| name.split_once('.').map_or(name, |(_, column)| column))
        .collect();
    Some(names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_columns_at_fault_are_named() {
        for (message, want) in [
            ("UNIQUE constraint failed: fills.a, fills.b", "a, b"),
            ("NOT NULL constraint failed: fills.price", "price"),
            ("cannot store TEXT value in INTEGER column fills.id", "id"),
        ] {
            assert_eq!(columns_in(message, None).as_deref(), Some(want), "{message}");
        }
    }
}
