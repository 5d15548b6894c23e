//! PostgreSQL's SQLSTATE codes as codes of tradebase.

use std::error::Error as _;
use std::io;

use tokio_postgres::Config;
use tokio_postgres::error::DbError;
use tradebase_core::{Code, Error, Table};

use super::address;
use super::tls::{self, Failed};
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

/// A server that cannot be connected to, with what to do about it. The password is not shown.
#[cold]
pub(super) fn unconnected(config: &Config, error: &tokio_postgres::Error) -> Error {
    let (place, user) = (address::shown(config), config.get_user().unwrap_or("unnamed"));
    let (code, message) = match (tls::failed(error), from_connecting(error)) {
        (Some(failed), _) => of_tls(failed),
        (None, code @ Code::AuthenticationRefused) => {
            let message = format!(
                "the sign-in was refused, check the user and the password: {user} at {place}"
            );
            return Error::new(code, message).because(below(error));
        }
        (None, code @ Code::Config) => (code, "the database is not there, create it first"),
        (None, code) => (code, UNREACHED),
    };
    Error::new(code, format!("{message}: {place}")).because(below(error))
}

/// What is to be looked at when a server does not answer.
const UNREACHED: &str = "cannot connect, check that the server runs and can be reached";

/// A server that cannot be connected to, for a reason of our own.
#[cold]
pub(super) fn unreached(config: &Config, error: Error) -> Error {
    let message = format!("{UNREACHED}: {}", address::shown(config));
    Error::new(error.code(), message).because(error)
}

fn of_tls(failed: Failed) -> (Code, &'static str) {
    match failed {
        Failed::Unoffered => (
            Code::Unsupported,
            "the server does not encrypt, switch that on there, or do without by sslmode=disable",
        ),
        Failed::Unverified => (
            Code::AuthenticationRefused,
            "the server's certificate is not accepted, check the host's name and sslrootcert",
        ),
        Failed::Broken => {
            (Code::ConnectionFailed, "the connection cannot be encrypted, see the server's log")
        }
    }
}

/// The code of an error of connecting.
fn from_connecting(error: &tokio_postgres::Error) -> Code {
    match error.as_db_error() {
        Some(refused) => code_of(refused.code().code()),
        None if error.source().is_some_and(|e| e.to_string().contains("password missing")) => {
            Code::AuthenticationRefused
        }
        None => Code::ConnectionFailed,
    }
}

/// What the driver says of it.
fn below(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refused) => from_server(refused, None),
        None => {
            let why = error.source().map(|e| format!(": {e}")).unwrap_or_default();
            Error::new(from_connecting(error), format!("postgres: {error}{why}"))
        }
    }
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
