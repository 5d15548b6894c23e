//! PostgreSQL's SQLSTATE codes as codes of tradebase.

use std::error::Error as StdError;
use std::{fmt, io};

use tokio_postgres::Config;
use tokio_postgres::error::{DbError, Severity};
use tradebase_core::{Code, Error, Roles, Table};

use super::address;
use super::sqlstate::code_of;
use super::texts::UNREADABLE;
use super::tls::{self, Failed};
use crate::error::{at_fault, broken, columns, still_pointed_to, unknown_column};

/// The error of a call; the table tells which columns a constraint is about.
#[cold]
pub(super) fn from_postgres(error: &tokio_postgres::Error, table: Option<&Table>) -> Error {
    match error.as_db_error() {
        Some(refused) => from_server(refused, table),
        // Whether the call took effect is not known.
        None if error.is_closed() || is_io(error) => {
            let said = Said { text: format!("postgres: {error}"), stale: false, ends: true };
            Error::new(Code::ConnectionLost, "the connection was lost").because(said)
        }
        None => {
            let said = Said { text: format!("postgres: {error}"), stale: false, ends: true };
            Error::new(Code::Internal, "postgres was used wrongly").because(said)
        }
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

/// What the server has said, or the way to it. It stands at the bottom of every error that came
/// from there, and of no other.
#[derive(Debug)]
struct Said {
    text: String,
    /// Whether a prepared statement was refused before it ran, and must be prepared anew.
    stale: bool,
    /// Whether the connection has ended, or is about to.
    ends: bool,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Said {}

impl Said {
    fn of(error: &Error) -> Option<&Said> {
        let mut below = error.source();
        while let Some(error) = below {
            if let Some(said) = error.downcast_ref() {
                return Some(said);
            }
            below = error.source();
        }
        None
    }
}

/// Whether it is the server's, or that of the way to it: then a transaction is of no use any more.
/// Values that were refused before they were sent leave it as it was.
#[cold]
pub(super) fn is_of_server(error: &Error) -> bool {
    Said::of(error).is_some()
}

/// Whether a statement was refused before it ran, because it was prepared for another table, or is
/// gone.
pub(super) fn is_stale(error: &Error) -> bool {
    Said::of(error).is_some_and(|said| said.stale)
}

/// Whether the connection is of no use any more: the server has ended it with this error, or it is
/// not known what it is at.
#[cold]
pub(super) fn ends(error: &Error) -> bool {
    error.code() == Code::ConnectionLost || Said::of(error).is_some_and(|said| said.ends)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|e| e.is::<io::Error>())
}

/// The server's detail is left out: it quotes whole rows.
fn from_server(error: &DbError, table: Option<&Table>) -> Error {
    let state = error.code().code();
    let (stale, severity) = (is_stale_plan(error), error.parsed_severity());
    let ends = matches!(severity, Some(Severity::Fatal | Severity::Panic));
    let said = Said { text: format!("postgres: {} ({state})", error.message()), stale, ends };
    match code_of(state) {
        _ if stale => {
            let message = "the statement was prepared before the table was altered";
            Error::new(Code::TransactionFailed, message).because(said)
        }
        Code::BrokenReference => broken_reference(error, table, said),
        code @ Code::NotUnique => at_fault(code, said, key_at_fault(error, table)),
        Code::SchemaMismatch => match table.and_then(|table| named_in(error.message(), table)) {
            Some(column) => refused(Code::SchemaMismatch, said).column(column),
            None => refused(Code::SchemaMismatch, said),
        },
        Code::Invalid if state == "22007" && error.message().contains(UNREADABLE) => {
            unreadable(table, said)
        }
        code @ Code::Invalid => match (error.constraint(), error.column()) {
            (Some(constraint), _) => at_fault(code, said, columns(table, constraint)),
            (None, Some(column)) if is_unknown(table, column) => unknown_column(column, said),
            (None, column) => at_fault(code, said, column.map(str::to_owned)),
        },
        code => match error.column() {
            Some(column) => refused(code, said).column(column),
            None => refused(code, said),
        },
    }
}

#[cold]
fn unreadable(table: Option<&Table>, said: Said) -> Error {
    let message = "the stored value cannot be read, so the row is not written";
    let error = Error::new(Code::Unreadable, message).because(said);
    match table.and_then(|table| table.playing(Roles::CREATED)) {
        Some((_, made)) => error.column(made.name.text),
        None => error,
    }
}

#[cold]
fn refused(code: Code, said: Said) -> Error {
    Error::new(code, "the server refused it").because(said)
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
fn broken_reference(error: &DbError, table: Option<&Table>, said: Said) -> Error {
    let key = error.detail().and_then(key_of_detail);
    // The server always names the table that points.
    if let (Some(table), Some(child)) = (table, error.table())
        && (!is_own(table, child, error.constraint())
            || is_own_key(table, key.as_deref(), error.constraint()))
    {
        return still_pointed_to(child, said);
    }
    let named = error.constraint().and_then(|constraint| columns(table, constraint));
    match named.or(key) {
        Some(column) => broken(table, column, said),
        None => refused(Code::BrokenReference, said),
    }
}

/// Whether the table that points is this one, or a part of it: the server names the part, and a
/// part has its references under the names of the whole.
fn is_own(table: &Table, child: &str, constraint: Option<&str>) -> bool {
    let by_name = || constraint.and_then(|constraint| columns(Some(table), constraint)).is_some();
    table.name == child || (table.partition.is_some() && by_name())
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
