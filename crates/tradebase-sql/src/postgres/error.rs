//! PostgreSQL's SQLSTATE codes as codes of tradebase.

use std::error::Error as _;
use std::io;

use tokio_postgres::Config;
use tokio_postgres::error::DbError;
use tradebase_core::{Code, Error, Table};

use super::address;
use crate::error::{columns, of_constraint};

/// The error of a call; the table tells which columns a constraint is about.
#[cold]
pub(super) fn from_postgres(error: &tokio_postgres::Error, table: Option<&Table>) -> Error {
    match error.as_db_error() {
        Some(refused) => from_server(refused, table),
        // Whether the call took effect is not known.
        None if error.is_closed() || is_io(error) => {
            Error::new(Code::ConnectionLost, format!("postgres: {error}"))
        }
        None => Error::new(Code::Internal, format!("postgres was used wrongly: {error}")),
    }
}

/// The error of connecting.
#[cold]
pub(super) fn from_connecting(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refused) => from_server(refused, None),
        None if error.source().is_some_and(|e| e.to_string().contains("password missing")) => {
            Error::new(Code::AuthenticationRefused, "postgres asks for a password")
        }
        None => {
            let why = error.source().map(|e| format!(": {e}")).unwrap_or_default();
            Error::new(Code::ConnectionFailed, format!("postgres: {error}{why}"))
        }
    }
}

/// A server that cannot be connected to, with what to do about it. The password is not shown.
#[cold]
pub(super) fn unconnected(config: &Config, error: Error) -> Error {
    let (place, user) = (address::shown(config), config.get_user().unwrap_or("unnamed"));
    let message = match error.code() {
        Code::AuthenticationRefused => {
            format!("the sign-in was refused, check the user and the password: {user} at {place}")
        }
        Code::Config => format!("the database is not there, create it first: {place}"),
        _ => format!("cannot connect, check that the server runs and can be reached: {place}"),
    };
    Error::new(error.code(), message).because(error)
}

/// Whether it is the server's, or that of the way to it: then a transaction is of no use any more.
/// Values that were refused before they were sent leave it as it was.
#[cold]
pub(super) fn is_of_server(error: &Error) -> bool {
    error.to_string().contains("postgres: ")
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|e| e.is::<io::Error>())
}

/// The server's detail is left out: it quotes whole rows.
fn from_server(error: &DbError, table: Option<&Table>) -> Error {
    let state = error.code().code();
    let code = match code_of(state) {
        // The statement is prepared anew next time.
        Code::Unsupported if error.message().contains("cached plan") => Code::TransactionFailed,
        code => code,
    };
    let at_fault = match (error.constraint(), error.column()) {
        (Some(constraint), _) => columns(table, constraint)
            .or_else(|| error.detail().and_then(key_of_detail).filter(|_| code == Code::NotUnique)),
        (None, Some(column)) => Some(column.to_owned()),
        (None, None) => None,
    };
    of_constraint(code, format!("postgres: {} ({state})", error.message()), at_fault)
}

/// The columns in "Key (bot_id, symbol)=(…) already exists.", without their values.
fn key_of_detail(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once('(')?;
    let (names, _) = rest.split_once(")=")?;
    Some(names.replace('"', ""))
}

/// The table: an SQLSTATE, or its class.
fn code_of(state: &str) -> Code {
    match state {
        "23505" | "23P01" => return Code::NotUnique,
        "23503" | "23001" | "2BP01" => return Code::BrokenReference,
        "23502" | "23514" => return Code::Invalid,
        "42501" => return Code::AccessDenied,
        "42601" => return Code::Syntax,
        "42P01" | "42703" | "42804" | "42P07" | "42P10" | "3F000" => return Code::SchemaMismatch,
        "3D000" => return Code::Config,
        "25006" => return Code::AccessDenied,
        "53100" | "54000" => return Code::StorageFull,
        "53300" | "57P03" => return Code::ConnectionFailed,
        "55P03" | "55006" => return Code::Locked,
        "57014" | "25P03" | "57P05" => return Code::TimedOut,
        "57P01" | "57P02" | "57P04" => return Code::ConnectionLost,
        "58030" => return Code::StorageFailed,
        "0A000" => return Code::Unsupported,
        // A prepared statement is gone; it is prepared anew next time.
        "26000" => return Code::TransactionFailed,
        _ => {}
    }
    match state.get(..2).unwrap_or_default() {
        "08" => Code::ConnectionLost,
        "22" => Code::Invalid,
        "23" => Code::Invalid,
        "28" => Code::AuthenticationRefused,
        "25" | "40" => Code::TransactionFailed,
        "54" => Code::StorageFull,
        "XX" => Code::StorageFailed,
        _ => Code::QueryFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sqlstate_has_its_code() {
        for (state, want) in [
            ("23505", Code::NotUnique),
            ("23P01", Code::NotUnique),
            ("23503", Code::BrokenReference),
            ("23001", Code::BrokenReference),
            ("2BP01", Code::BrokenReference),
            ("23502", Code::Invalid),
            ("23514", Code::Invalid),
            ("22001", Code::Invalid),
            ("22003", Code::Invalid),
            ("22P02", Code::Invalid),
            ("42P01", Code::SchemaMismatch),
            ("42703", Code::SchemaMismatch),
            ("42804", Code::SchemaMismatch),
            ("42P07", Code::SchemaMismatch),
            ("42601", Code::Syntax),
            ("42501", Code::AccessDenied),
            ("25006", Code::AccessDenied),
            ("42883", Code::QueryFailed),
            ("40001", Code::TransactionFailed),
            ("40P01", Code::TransactionFailed),
            ("26000", Code::TransactionFailed),
            ("25P02", Code::TransactionFailed),
            ("55P03", Code::Locked),
            ("57014", Code::TimedOut),
            ("57P01", Code::ConnectionLost),
            ("57P03", Code::ConnectionFailed),
            ("53300", Code::ConnectionFailed),
            ("08006", Code::ConnectionLost),
            ("28P01", Code::AuthenticationRefused),
            ("28000", Code::AuthenticationRefused),
            ("3D000", Code::Config),
            ("53100", Code::StorageFull),
            ("54000", Code::StorageFull),
            ("54011", Code::StorageFull),
            ("58030", Code::StorageFailed),
            ("XX001", Code::StorageFailed),
            ("0A000", Code::Unsupported),
            ("53200", Code::QueryFailed),
            ("", Code::QueryFailed),
        ] {
            assert_eq!(code_of(state), want, "{state}");
        }
    }

    #[test]
    fn a_detail_gives_its_columns_and_not_its_values() {
        let detail = "Key (bot_id, \"Symbol\")=(7, secret) already exists.";
        assert_eq!(key_of_detail(detail).as_deref(), Some("bot_id, Symbol"));
        assert_eq!(key_of_detail("something else"), None);
    }
}
