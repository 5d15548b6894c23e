//! One error for all stores: opaque, with the questions a caller acts on.

mod code;
mod violation;

use std::error::Error as StdError;
use std::fmt;

pub use code::Code;
pub use violation::{Violation, Violations};

use crate::column::Column;
use crate::table::Table;

/// What every call of tradebase answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// One word wide, so that a `Result` of each column costs nothing. Ask it what to do:
/// [`is_retryable`](Error::is_retryable), [`is_conflict`](Error::is_conflict),
/// [`is_not_found`](Error::is_not_found), [`is_unavailable`](Error::is_unavailable).
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    operation: Option<&'static str>,
    record: Option<&'static str>,
    column: Option<String>,
    violations: Vec<Violation>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The families of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store is not there, or went away.
    Connection,
    /// Values were refused before anything was written.
    Validation,
    /// The value or row conflicts with what is stored.
    Conflict,
    /// There is no such record.
    NotFound,
    /// The statement was refused.
    Query,
    /// The transaction failed.
    Transaction,
    /// Not allowed.
    Security,
    /// Too slow, or too much at once.
    Performance,
    /// The configuration is not valid.
    Config,
    /// The store cannot do it.
    Capability,
    /// Stored bytes do not fit the record.
    Data,
    /// The disk is full or failed.
    Storage,
    /// The program was asked to stop.
    Interrupted,
    /// A defect of this library.
    Internal,
}

/// How the message of a stored value begins that does not fit its column.
const UNREADABLE: &str = "the stored value cannot be read: ";

impl Error {
    /// An error of that code.
    #[cold]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            operation: None,
            record: None,
            column: None,
            violations: Vec::new(),
            source: None,
        }))
    }

    /// Values that were refused, each with its field.
    #[cold]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut error = Self::new(Code::Invalid, "the values are not valid");
        if let [only] = violations.as_slice() {
            error.0.column = Some(only.column.clone());
        }
        error.0.violations = violations;
        error
    }

    /// One value that was refused.
    #[cold]
    pub fn refused(column: &Column, rule: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(column.name.text, rule, message)])
    }

    /// Stored bytes that do not fit their column.
    #[cold]
    #[inline(never)]
    pub fn unreadable(column: &Column, why: fmt::Arguments<'_>) -> Self {
        Self::new(Code::Unreadable, format!("{UNREADABLE}{why}")).column(column.name.text)
    }

    /// The same of a value that was given and not stored: then it is one that was refused.
    #[cold]
    pub(crate) fn refusing(self, column: &Column) -> Self {
        if self.0.code != Code::Unreadable {
            return self;
        }
        let why = self.0.message.strip_prefix(UNREADABLE).unwrap_or(&self.0.message);
        Self::refused(column, "kind", format!("cannot be read: {why}"))
    }

    /// The same error, saying what was being done.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// The same error, naming the record.
    #[must_use]
    pub fn of(mut self, table: &Table) -> Self {
        self.0.record.get_or_insert(table.record);
        self
    }

    /// The same error, naming the column.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// The same error, with the error below it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, with each violation placed at a row of a batch.
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        for violation in &mut self.0.violations {
            violation.row.get_or_insert(row);
        }
        self
    }

    /// The same error once more, for a caller that waited behind the one that met it. The error
    /// below it becomes a part of its message.
    #[must_use]
    pub fn again(&self) -> Self {
        let Inner { code, message, operation, record, column, violations, source } = &*self.0;
        let message = match source {
            Some(source) => format!("{message}: {source}"),
            None => message.clone(),
        };
        Self(Box::new(Inner {
            code: *code,
            message,
            operation: *operation,
            record: *record,
            column: column.clone(),
            violations: violations.clone(),
            source: None,
        }))
    }

    /// The family it belongs to.
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind()
    }

    /// Its stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What was being done: `insert`, `get` …
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The record it is about.
    pub fn record(&self) -> Option<&'static str> {
        self.0.record
    }

    /// The column it is about, where it is one.
    pub fn column_name(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// Every value that was refused, for an error of the kind [`ErrorKind::Validation`].
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }

    /// Whether the row conflicts with what is stored.
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict
    }

    /// Whether there is no such record.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the store could not be reached, or did not answer in time.
    pub fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Connection
            || matches!(self.0.code, Code::PoolExhausted | Code::TimedOut | Code::OutcomeUnknown)
    }

    /// What is wrong, without code, place and cause: to say it again in words of another place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// A sentence for an end user, without anything of the inside.
    pub fn user_message(&self) -> &'static str {
        self.0.code.user_message()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, message, operation, record, column, violations, source } = &*self.0;
        write!(f, "[{code}] ")?;
        match (operation, record) {
            (Some(operation), Some(record)) => write!(f, "{operation} {record}: ")?,
            (Some(word), None) | (None, Some(word)) => write!(f, "{word}: ")?,
            (None, None) => {}
        }
        f.write_str(message)?;
        if violations.is_empty() {
            if let Some(column) = column {
                write!(f, ", column {column}")?;
            }
        } else {
            for (i, violation) in violations.iter().enumerate() {
                write!(f, "{}{violation}", if i == 0 { ": " } else { "; " })?;
            }
        }
        if let Some(source) = source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_said_again_says_the_same() {
        let error = Error::new(Code::ConnectionFailed, "no answer")
            .during("connect")
            .because(Error::new(Code::TimedOut, "late"));
        assert_eq!(error.again().to_string(), error.to_string());
        assert_eq!(error.again().code(), error.code());
        let error = Error::invalid(vec![Violation::new("price", "min", "is too small")]).at_row(7);
        assert_eq!(error.again().to_string(), error.to_string());
    }

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn codes_are_distinct_and_in_families() {
        let mut seen: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), Code::ALL.len());
        assert!(seen.iter().all(|c| c.starts_with("DB_")));
    }

    #[test]
    fn every_refused_field_is_named() {
        let error = Error::invalid(vec![
            Violation::new("symbol", "length", "must have 1 to 32 characters"),
            Violation::new("price", "range", "must be at least 0, is -1"),
        ])
        .during("insert");
        assert_eq!(
            error.to_string(),
            "[DB_VAL_001] insert: the values are not valid: symbol must have 1 to 32 characters \
             (length); price must be at least 0, is -1 (range)"
        );
    }
}
