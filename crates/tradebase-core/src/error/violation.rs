//! One value that was refused: where it stands, what it broke, what to do.

use std::fmt;

use super::{Error, Result};

/// A value that broke a rule of its column, or a limit of its stores.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The column.
    pub column: String,
    /// The row of the batch, from 0, where a batch was written.
    pub row: Option<usize>,
    /// The rule: `length`, `range`, `email`, `nul` …
    pub rule: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Violation {
    /// A value of that column that broke that rule.
    pub fn new(column: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { column: column.into(), row: None, rule, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row}: ")?;
        }
        write!(f, "{} {} ({})", self.column, self.message, self.rule)
    }
}

/// Gathers violations, so that one error can name them all.
#[derive(Clone, Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one.
    pub fn push(&mut self, violation: Violation) {
        self.0.push(violation);
    }

    /// Notes those of an error; an error of another kind is given back.
    pub fn absorb(&mut self, error: Error) -> Result<()> {
        if error.violations().is_empty() {
            return Err(error);
        }
        self.0.extend(error.0.violations);
        Ok(())
    }

    /// Forgets those of a column.
    pub fn forget(&mut self, column: &str) {
        self.0.retain(|violation| violation.column != column);
    }

    /// Whether one is of that column.
    pub fn names(&self, column: &str) -> bool {
        self.0.iter().any(|violation| violation.column == column)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An error with all of them, or nothing if there are none.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::invalid(self.0)) }
    }
}
