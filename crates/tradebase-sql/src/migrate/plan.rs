//! The way from one shape to another.

use serde::Serialize;

/// What leads from one shape to another, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The files to be: what may be one transaction, and what may not, apart.
    pub files: Vec<PlannedFile>,
    /// What cannot be kept.
    pub losses: Vec<Loss>,
    /// What is left alone, for people: tables that no record knows.
    pub notes: Vec<String>,
}

/// A file of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedFile {
    /// Whether it takes effect as a whole.
    pub transactional: bool,
    /// Its SQL, statements with their semicolons and comments.
    pub sql: String,
}

/// Something that a plan cannot keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Loss {
    /// The table.
    pub table: String,
    /// The column; none if it is the table as a whole.
    pub column: Option<String>,
    /// Why.
    pub why: String,
}

/// A way there and back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Draft {
    /// There.
    pub up: Plan,
    /// Back.
    pub down: Plan,
}
