//! SQLite's result codes as codes of tradebase.

use std::path::Path;

use rusqlite::ffi;
use tradebase_core::{Code, Error, Table};

use super::result_code::code_of;
use crate::error::{at_fault, columns, unknown_column};

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
    let said = format!("sqlite: {message} ({extended})");
    match code {
        Code::NotUnique | Code::Invalid => {
            let columns = columns_in(message, table);
            match columns.as_deref().filter(|_| extended == ffi::SQLITE_CONSTRAINT_NOTNULL) {
                Some(column) if table.is_some_and(|t| t.position(column).is_none()) => {
                    unknown_column(column, said)
                }
                _ => at_fault(code, said, columns),
            }
        }
        _ => Error::new(code, said),
    }
}

/// The columns that a constraint's message names.
fn columns_in(message: &str, table: Option<&Table>) -> Option<String> {
    if let Some(constraint) = message.strip_prefix("CHECK constraint failed: ") {
        return columns(table, constraint);
    }
    // An index over expressions, or over a part of the rows.
    if let Some((_, index)) = message.split_once(" constraint failed: index '") {
        return columns(table, index.trim_end_matches('\''));
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
