//! Migrations: how a database becomes what the records of a program say, step by step, and back.
//!
//! - [`MigrationSet`]: files that a person reads and reviews, in a folder or inside the program
//! - [`Migrator`]: what has been applied, up, down, the script to run elsewhere
//! - [`Shape`]: what a database consists of, as its own catalogue tells it; a plan leads from one
//!   to another

mod compare;
mod difference;
mod file;
mod history;
mod lint;
mod lock;
mod migrator;
mod options;
mod orphans;
mod parts;
mod passing;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod publish;
mod recipe;
mod report;
mod resume;
mod route;
mod runner;
mod script;
mod set;
mod shape;
mod split;
mod spread;
mod sqlite;
mod statement;
mod strangers;
mod wanted;
mod way;
mod words;
mod writer;

pub use difference::Difference;
pub use file::{Direction, MigrationFile};
pub use history::{Entry, HISTORY_TABLE, Outcome};
pub use lint::{Finding, LINT_RULES, LintRule};
pub use migrator::Migrator;
pub use options::{
    MIGRATION_LOCK_WAIT, MIGRATION_STATEMENT_LOCK_WAIT, MigrateOptions, MigrationProgress, Target,
};
pub use parts::{
    Keep, PARTS_AHEAD, PARTS_AHEAD_MAX, PARTS_LOCK_WAIT, PartOptions, PartReport, TableParts,
};
pub use plan::{Draft, Loss, Plan, PlannedFile};
pub use report::{
    Applied, Failure, MigrationReport, MigrationStatus, MigrationStopped, SetStatus, VersionStatus,
};
pub use set::{Migration, MigrationSet};
pub use shape::{
    CheckShape, ColumnShape, IndexShape, KeyShape, PartShape, ReferenceShape, Shape, Storage,
    TableShape, TriggerShape,
};
pub(crate) use sqlite::{Says, says};
pub use wanted::{Renames, Wanted};

pub use crate::raw::Dialect as MigrationEngine;
