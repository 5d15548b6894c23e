//! What came of migrating.

use std::fmt;

use serde::Serialize;
use tradebase_core::{Error, Timestamp};

use super::file::Direction;
use super::history::Outcome;

/// What came of going up or down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationReport {
    /// What was done, in order.
    pub applied: Vec<Applied>,
    /// What stopped it.
    pub failed: Option<Box<Failure>>,
    /// What was still to be done, as `set/id`.
    pub remaining: Vec<String>,
    /// The file that the database was backed up to.
    pub backup: Option<String>,
}

/// A version that was applied or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Applied {
    /// The set.
    pub set: String,
    /// The version.
    pub version: String,
    /// What it does, in words.
    pub title: String,
    /// Which way.
    pub direction: Direction,
    /// How many statements were run.
    pub statements: usize,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A statement that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The set.
    pub set: String,
    /// The version.
    pub version: String,
    /// The file.
    pub file: String,
    /// The line of the file on which the statement begins.
    pub line: usize,
    /// Which statement of the file it is, from 1.
    pub position: usize,
    /// The statement.
    pub statement: String,
    /// The code of the error.
    pub code: &'static str,
    /// What the engine said.
    pub error: String,
    /// What state the database is in, for people.
    pub state: String,
}

/// Going up or down was stopped.
#[derive(Debug)]
#[non_exhaustive]
pub struct MigrationStopped {
    /// How far it came.
    pub report: MigrationReport,
    /// Why.
    pub error: Error,
}

impl fmt::Display for MigrationStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for MigrationStopped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<MigrationStopped> for Error {
    fn from(stopped: MigrationStopped) -> Error {
        stopped.error
    }
}

impl From<Error> for MigrationStopped {
    fn from(error: Error) -> Self {
        Self { report: MigrationReport::default(), error }
    }
}

/// How far a database is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Set by set.
    pub sets: Vec<SetStatus>,
}

/// How far a database is with a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetStatus {
    /// The set.
    pub set: String,
    /// The version that the database is at; none before the first.
    pub current: Option<String>,
    /// Every version that the set or the history knows.
    pub versions: Vec<VersionStatus>,
}

/// A version of a set in a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VersionStatus {
    /// The version.
    pub version: String,
    /// What it does, in words.
    pub title: String,
    /// What the history says of it; none if nothing.
    pub outcome: Option<Outcome>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Whether the file is missing, or is not the one that was applied.
    pub changed: bool,
}
