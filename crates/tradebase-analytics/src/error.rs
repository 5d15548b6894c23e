//! The errors of this room that are not DuckDB's own; those are mapped by the floor below.

use tokio::task::JoinError;
use tradebase_core::{Code, Error};

/// A call from outside an async runtime.
#[cold]
pub(crate) fn no_runtime() -> Error {
    Error::new(Code::Config, "the call needs a tokio runtime, and there is none on this thread")
}

/// Work that did not come to its end on its thread.
#[cold]
pub(crate) fn unfinished(error: JoinError) -> Error {
    let code = if error.is_panic() { Code::Internal } else { Code::ConnectionLost };
    Error::new(code, "the work on the database did not end").because(error)
}

/// An append whose caller has gone away.
#[cold]
pub(crate) fn abandoned() -> Error {
    Error::new(Code::TransactionFailed, "the append was given up before all rows were handed over")
}

/// A column that has no form in JSON.
#[cold]
pub(crate) fn no_json(column: &str, found: impl std::fmt::Display) -> Error {
    let message = format!("the column has no form in JSON, cast it to VARCHAR; it is {found}");
    Error::new(Code::Unsupported, message).column(column)
}
