//! What a table's columns mean here, looked at before a record is first used.
//!
//! A decimal is units without their scale: only the readable view beside the table says what it
//! is. A program of another scale would read other numbers, and nothing else would tell it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tradebase_core::{Code, Column, Error, Result, Table};

use super::error::from_sqlite;
use super::{fixed, view};
use crate::migrate::{Says, says};

/// The numbers of stores, none of which is given twice.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The tables of a store that are known to mean what their records say.
pub(super) struct Known {
    /// That of the store, and another one once its tables may have changed: a table remembers the
    /// last one for which it was looked at, so that nobody waits for the list.
    number: AtomicU64,
    tables: Mutex<Vec<&'static Table>>,
}

/// What the catalogue says of a table.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) has_table: bool,
    /// The statement that made its readable view, if it has one.
    pub(super) view: Option<String>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { number: AtomicU64::new(next()), tables: Mutex::default() }
    }

    /// Whether the table was looked at.
    pub(super) fn has(&self, table: &'static Table) -> bool {
        let (seen, number) = (&fixed(table).known, self.number.load(Ordering::Acquire));
        if seen.load(Ordering::Relaxed) == number {
            return true;
        }
        let has = self.lock().iter().any(|known| std::ptr::eq(*known, table));
        if has {
            seen.store(number, Ordering::Relaxed);
        }
        has
    }

    /// Looks at a table, unless it was: [`Code::SchemaMismatch`] if a column of it means something
    /// else here than in the record.
    pub(super) fn look(&self, connection: &Connection, table: &'static Table) -> Result<()> {
        if self.has(table) {
            return Ok(());
        }
        let number = self.number.load(Ordering::Acquire);
        let standing = Standing::of(connection, table)?;
        if let Some(view) = &standing.view {
            _ = agree(table, view)?;
        }
        let mut known = self.lock();
        // What is missing is for the statement to say. What has changed meanwhile is looked at
        // again.
        if standing.has_table && self.number.load(Ordering::Acquire) == number {
            known.push(table);
        }
        Ok(())
    }

    /// Tables may have changed.
    pub(super) fn forget(&self) {
        let mut known = self.lock();
        self.number.store(next(), Ordering::Release);
        known.clear();
    }

    /// A panic elsewhere cannot leave the list half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<&'static Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Standing {
    pub(super) fn of(connection: &Connection, table: &'static Table) -> Result<Self> {
        let read = || -> rusqlite::Result<Self> {
            let sql = "SELECT type, sql FROM main.sqlite_schema \
                       WHERE (type = 'table' AND name = ?1 COLLATE NOCASE) \
                       OR (type = 'view' AND name = ?2 COLLATE NOCASE)";
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([table.name, &view::name(table)])?;
            let mut standing = Self::default();
            while let Some(row) = rows.next()? {
                match row.get_ref(0)?.as_str()? {
                    "view" => standing.view = row.get(1)?,
                    _ => standing.has_table = true,
                }
            }
            Ok(standing)
        };
        read().map_err(|e| from_sqlite(&e, Some(table)))
    }
}

/// Refuses a view that says of a column of ours what the record does not. Gives whether it may be
/// made anew to show them all.
pub(super) fn agree(table: &'static Table, view: &str) -> Result<bool> {
    match says(table, view) {
        Says::Enough | Says::Others => Ok(false),
        Says::Less => Ok(true),
        Says::Otherwise(column, says) => Err(mismatch(table, column, &says)),
    }
}

#[cold]
fn mismatch(table: &'static Table, column: &'static Column, says: &str) -> Error {
    let message = format!(
        "the database holds something else in this column than the record says, compare them with \
         `tradebase migrate diff`: {says} there, {} in the record",
        column.kind
    );
    Error::new(Code::SchemaMismatch, message).of(table).column(column.name.text)
}
