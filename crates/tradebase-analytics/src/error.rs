//! The errors of this room that are not DuckDB's own; those are mapped by the floor below.

use std::fmt::Display;

use tradebase_core::{Code, Error};

/// An append whose caller has gone away.
#[cold]
pub(crate) fn abandoned() -> Error {
    Error::new(Code::TransactionFailed, "the append was given up before all rows were handed over")
}

/// A connection whose last call was dropped.
#[cold]
pub(crate) fn given_up() -> Error {
    let message = "the connection was given up with a call that was dropped, take another one";
    Error::new(Code::ConnectionLost, message)
}

/// A column that has no form in JSON.
#[cold]
pub(crate) fn no_json(column: &str, found: impl Display) -> Error {
    let message = format!("the column has no form in JSON, cast it to VARCHAR; it is {found}");
    Error::new(Code::Unsupported, message).column(column)
}

/// A value of a type that cannot be shown.
#[cold]
pub(crate) fn no_value(found: impl Display) -> Error {
    let message = format!("the column has no form here, cast it to VARCHAR; it is {found}");
    Error::new(Code::Unsupported, message)
}
