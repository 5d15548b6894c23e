//! Tables that are cut into parts by time: parts made ahead, and old ones let go.

mod period;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use std::time::Duration;

use serde::Serialize;
use tradebase_core::{Code, Error, Partition, Result, Table, Timestamp};

use crate::engine::Engine;
use crate::sql::Sql;

/// How many parts are made ahead of that of now, unless told otherwise.
pub const PARTS_AHEAD: u32 = 7;
/// The most parts that are made ahead.
pub const PARTS_AHEAD_MAX: u32 = 400;
/// How long to wait for another one that keeps the parts, unless told otherwise.
pub const PARTS_LOCK_WAIT: Duration = Duration::from_secs(60);

/// How the parts of tables are kept.
///
/// ```
/// use tradebase_sql::{Keep, PartOptions};
///
/// let options = PartOptions::default().ahead(3).keep(Keep::Parts(24)).drop_old();
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartOptions {
    /// How many parts to make ahead of that of now.
    pub ahead: u32,
    /// Which rows to keep; all of them without.
    pub keep: Option<Keep>,
    /// Whether what is not kept is dropped for good. Without, its part is only detached: a table
    /// by itself, of the same name.
    pub drop: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// How long to wait for another one that keeps the parts.
    pub lock_wait: Duration,
}

/// Which rows are kept. Always whole parts: those that reach into the time that is kept stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// The part of now, later ones, and so many before it.
    Parts(u32),
    /// The parts that hold something of the last so much time, and later ones.
    For(Duration),
}

impl Default for PartOptions {
    fn default() -> Self {
        Self {
            ahead: PARTS_AHEAD,
            keep: None,
            drop: false,
            dry_run: false,
            lock_wait: PARTS_LOCK_WAIT,
        }
    }
}

impl PartOptions {
    /// The same, with so many parts made ahead of that of now.
    #[must_use]
    pub fn ahead(self, parts: u32) -> Self {
        Self { ahead: parts, ..self }
    }

    /// The same, letting go what is older than that.
    #[must_use]
    pub fn keep(self, keep: Keep) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// The same, dropping for good what is let go.
    #[must_use]
    pub fn drop_old(self) -> Self {
        Self { drop: true, ..self }
    }

    /// The same, only saying what would be done.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }

    fn check(&self) -> Result<()> {
        let message = if self.ahead > PARTS_AHEAD_MAX {
            format!("at most {PARTS_AHEAD_MAX} parts are made ahead, not {}", self.ahead)
        } else if self.drop && self.keep.is_none() {
            "say what to keep where old parts are to be dropped".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(Code::Config, message))
    }
}

/// What was done to the parts of tables, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartReport {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Table by table.
    pub tables: Vec<TableParts>,
}

/// What was done to the parts of a table, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableParts {
    /// The table.
    pub table: String,
    /// The parts that were made.
    pub made: Vec<String>,
    /// How many rows went from the default part to those.
    pub moved: u64,
    /// The parts that were detached and are tables by themselves now.
    pub detached: Vec<String>,
    /// The parts that were dropped with their rows.
    pub dropped: Vec<String>,
    /// On SQLite, how many old rows were deleted.
    pub deleted: u64,
    /// How many rows are in the default part now.
    pub in_default: u64,
}

impl Sql {
    /// Keeps the parts of these tables: makes those that will be needed, and lets old ones go.
    /// Tables that are not cut into parts are passed over.
    ///
    /// On PostgreSQL
    /// - parts are made for now and ahead of it, by the clock of the store, in UTC. Each is made
    ///   aside and attached; readers and writers wait for that moment only, and it gives way to
    ///   them after 500 ms to try again.
    /// - rows that came to the default part, because theirs was missing, go to a part of their own.
    ///   That takes one transaction per part, for which readers and writers of the table wait.
    /// - old parts are detached, and dropped only with [`PartOptions::drop`].
    ///
    /// SQLite has no parts: old rows are deleted, some thousand to a commit, so that other writers
    /// get their turn. Nothing can be detached there: without [`PartOptions::drop`] a
    /// [`PartOptions::keep`] is an error of the code [`Code::Unsupported`].
    ///
    /// On PostgreSQL what fails for one part or table stops no other: the first error comes back
    /// when the rest is done, and says how many there are.
    ///
    /// Several callers at once take turns, and those who come later find little to do. An error, or
    /// a call that is dropped, leaves what was committed until then: every row in its place. So
    /// call it again; it goes on where it was.
    pub async fn keep_parts(
        &self,
        tables: &[&'static Table],
        options: &PartOptions,
    ) -> Result<PartReport> {
        options.check().map_err(|e| e.during("keep_parts"))?;
        if self.bound.is_some() {
            let message = "parts are kept outside of transactions: use the store's own handle";
            return Err(Error::new(Code::OutsideTransaction, message));
        }
        let mut report = PartReport { dry_run: options.dry_run, tables: Vec::new() };
        let (mut cut, now) = (Vec::new(), self.now());
        for table in tables {
            if let Some(partition) = table.partition {
                cut.push(Cut::new(table, partition, now, options)?);
            }
        }
        if cut.is_empty() {
            return Ok(report);
        }
        let kept = match &self.engine {
            Engine::Sqlite(_) => sqlite::keep(self, &cut, options).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => postgres::keep(self, &cut, options).await,
        };
        report.tables = kept.map_err(|e| e.during("keep_parts"))?;
        Ok(report)
    }

    /// Those of these tables that have rows in their default part: their own part was missing
    /// when they came. [`keep_parts`](Sql::keep_parts) gives them one. Costs one look per table.
    pub async fn default_parts_in_use(
        &self,
        tables: &[&'static Table],
    ) -> Result<Vec<&'static Table>> {
        match &self.engine {
            Engine::Sqlite(_) => {
                // There are no parts.
                _ = tables;
                Ok(Vec::new())
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => postgres::defaults_in_use(self, tables)
                .await
                .map_err(|e| e.during("default_parts_in_use")),
        }
    }
}

/// A table that is cut, and what to do about it.
struct Cut {
    table: &'static Table,
    partition: Partition,
    /// The column that holds the time, in quotes.
    column: String,
    now: Timestamp,
    /// From when on rows are kept.
    kept_from: Option<Timestamp>,
}

impl Cut {
    fn new(
        table: &'static Table,
        partition: Partition,
        now: Timestamp,
        options: &PartOptions,
    ) -> Result<Self> {
        let column = table.columns.get(partition.column).ok_or_else(|| {
            Error::new(Code::Internal, "the table is cut by a column that it does not have")
                .of(table)
        })?;
        let column = crate::naming::quoted(column.name.text);
        let kept_from = options.keep.and_then(|keep| period::kept_from(now, keep, partition.step));
        Ok(Self { table, partition, column, now, kept_from })
    }
}
