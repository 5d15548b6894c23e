//! PostgreSQL's SQLSTATE codes as codes of tradebase.

use std::error::Error as StdError;
use std::{fmt, io};

use tokio_postgres::Config;
use tokio_postgres::error::DbError;
use tradebase_core::{Code, Error, Table};

use super::address;
use super::sqlstate::code_of;
use super::tls::{self, Failed};
use crate::error::{at_fault, broken, columns, still_pointed_to, unknown_column};

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
    let message = format!("postgres: {} ({state})", error.message());
    match code_of(state) {
        _ if is_stale_plan(error) => Error::new(Code::TransactionFailed, message).because(Stale),
        Code::BrokenReference => broken_reference(error, table, message),
        code @ Code::NotUnique => at_fault(code, message, key_at_fault(error, table)),
        Code::SchemaMismatch => match table.and_then(|table| named_in(error.message(), table)) {
            Some(column) => Error::new(Code::SchemaMismatch, message).column(column),
            None => Error::new(Code::SchemaMismatch, message),
        },
        code @ Code::Invalid => match (error.constraint(), error.column()) {
            (Some(constraint), _) => at_fault(code, message, columns(table, constraint)),
            (None, Some(column)) if is_unknown(table, column) => unknown_column(column, message),
            (None, column) => at_fault(code, message, column.map(str::to_owned)),
        },
        code => match error.column() {
            Some(column) => Error::new(code, message).column(column),
            None => Error::new(code, message),
        },
    }
}

/// Why a prepared statement was refused before it ran: it must be prepared anew.
#[derive(Debug)]
struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the statement was prepared before the table was altered")
    }
}

impl StdError for Stale {}

/// Whether a statement was refused because it was prepared for another table, or is gone.
pub(super) fn is_stale(error: &Error) -> bool {
    error.source().is_some_and(<dyn StdError>::is::<Stale>)
}

/// The routine's name and not the message, which is in the language of the server.
fn is_stale_plan(error: &DbError) -> bool {
    error.code().code() == "26000" || error.routine() == Some("RevalidateCachedQuery")
}

/// The columns of a unique index.
fn key_at_fault(error: &DbError, table: Option<&Table>) -> Option<String> {
    let named = error.constraint().and_then(|constraint| columns(table, constraint));
    named.or_else(|| error.detail().and_then(key_of_detail))
}

/// Says which column points to what is not there, or who still points to the row.
fn broken_reference(error: &DbError, table: Option<&Table>, message: String) -> Error {
    let key = error.detail().and_then(key_of_detail);
    // The server always names the table that points.
    if let (Some(table), Some(child)) = (table, error.table())
        && (table.name != child || is_own_key(table, key.as_deref(), error.constraint()))
    {
        return still_pointed_to(child, message);
    }
    let named = error.constraint().and_then(|constraint| columns(table, constraint));
    match named.or(key) {
        Some(column) => broken(table, column, message),
        None => Error::new(Code::BrokenReference, message),
    }
}

/// Whether a table that points to itself was to lose a row, and not to get one.
fn is_own_key(table: &Table, key: Option<&str>, constraint: Option<&str>) -> bool {
    let child = constraint.and_then(|constraint| columns(Some(table), constraint));
    child.is_some() && key.is_some() && child.as_deref() != key
}

/// A table's column that a message names, in whatever language.
fn named_in(message: &str, table: &Table) -> Option<&'static str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let names = |name: &str| {
        message.match_indices(name).any(|(at, _)| {
            let before = message.get(..at).and_then(|m| m.chars().next_back());
            let behind = message.get(at + name.len()..).and_then(|m| m.chars().next());
            !before.is_some_and(is_part) && !behind.is_some_and(is_part)
        })
    };
    let mut named = table.columns.iter().map(|c| c.name.text).filter(|name| names(name));
    match (named.next(), named.next()) {
        (Some(only), None) if only != table.name => Some(only),
        _ => None,
    }
}

fn is_unknown(table: Option<&Table>, column: &str) -> bool {
    table.is_some_and(|table| table.position(column).is_none())
}

/// The columns in "Key (bot_id, symbol)=(…) already exists.", without their values.
fn key_of_detail(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once('(')?;
    let (names, _) = rest.split_once(")=")?;
    Some(names.replace('"', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_gives_its_columns_and_not_its_values() {
        let detail = "Key (bot_id, \"Symbol\")=(7, secret) already exists.";
        assert_eq!(key_of_detail(detail).as_deref(), Some("bot_id, Symbol"));
        assert_eq!(key_of_detail("something else"), None);
    }
}
