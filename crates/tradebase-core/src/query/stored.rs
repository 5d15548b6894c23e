//! A value as its column takes it, for SQL of the user's own.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::value::Value;

/// A value as a column of a record takes it: a parameter for SQL of your own, made by
/// [`Col::value`](crate::Col::value).
///
/// It knows its column, so every store is given what it keeps in that column. One that the column
/// refuses is an error of the call that it is a parameter of.
#[derive(Debug)]
pub struct Stored {
    column: &'static Column,
    value: Result<Value>,
}

impl Stored {
    pub(super) fn new(column: &'static Column, value: Result<Value>) -> Self {
        Self { column, value }
    }

    /// The column it is meant for.
    pub fn column(&self) -> &'static Column {
        self.column
    }

    /// The value, or why the column refuses it.
    pub fn value(&self) -> Result<&Value> {
        self.value.as_ref().map_err(Error::again)
    }
}
