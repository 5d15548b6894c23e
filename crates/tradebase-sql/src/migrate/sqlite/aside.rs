//! A database in memory, to see what statements make of a shape.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use tradebase_core::{Code, Error, Result};

use super::catalogue;
use super::write;
use crate::migrate::shape::{Beside, Shape};
use crate::migrate::split::{Statement, split};
use crate::migrate::words::Words;
use crate::naming::quoted;
use crate::raw::Dialect;
use crate::sqlite::from_sqlite;

/// How statements begin that reach for other files.
const REACHING: [&str; 2] = ["ATTACH", "DETACH"];
/// The table that is altered to have a look at all others.
const LOOK: &str = "\"tradebase look at all\"";

/// A database in memory, without rows.
pub(super) struct Aside {
    connection: Connection,
    /// Tables of modules, in whose place plain ones stand.
    beside: Beside,
    /// The views that found nothing to read.
    pub(super) left_out: BTreeSet<String>,
}

impl Aside {
    /// An empty one. Tables may point to what is not there yet, as where migrations run.
    pub(super) fn empty() -> Result<Self> {
        let aside = Self::lenient()?;
        aside.read_as_stores_do()?;
        Ok(aside)
    }

    /// One that reads older definitions, and no other file.
    fn lenient() -> Result<Self> {
        let failed = |e| from_sqlite(&e, None);
        let connection = Connection::open_in_memory().map_err(failed)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(failed)?;
        let (beside, left_out) = (Beside::default(), BTreeSet::new());
        let aside = Self { connection, beside, left_out };
        aside.run("PRAGMA foreign_keys = OFF")?;
        Ok(aside)
    }

    /// What is in double quotes is a name and nothing else from here on, as where migrations run:
    /// or a column that is gone would be read as a text.
    fn read_as_stores_do(&self) -> Result<()> {
        for quotes in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
            self.connection.set_db_config(quotes, false).map_err(|e| from_sqlite(&e, None))?;
        }
        Ok(())
    }

    /// One of that shape. A view that finds nothing to read is left out: renaming would stumble
    /// over it.
    pub(super) fn of(shape: &Shape) -> Result<Self> {
        let mut aside = Self::lenient()?;
        aside.stand_ins(shape)?;
        for (name, table) in &shape.tables {
            let made = aside.run(&write::table(name, table)).and_then(|()| {
                write::indexes(name, table).iter().try_for_each(|index| aside.run(index))
            });
            made.map_err(|e| {
                let message = format!(
                    "the way cannot be tried, for the table {name} cannot be made in an empty \
                     database: {}",
                    e.message()
                );
                Error::new(e.code(), message)
            })?;
        }
        for (name, view) in &shape.views {
            aside.run(&write::view(name, view))?;
        }
        for (name, _) in shape.views.iter().rev() {
            if !aside.reads(name) {
                aside.run(&write::drop_view(name))?;
                aside.left_out.insert(name.clone());
            }
        }
        for trigger in shape.tables.values().flat_map(|table| &table.triggers) {
            aside.run(&trigger.text)?;
        }
        aside.read_as_stores_do()?;
        Ok(aside)
    }

    /// Makes tables for triggers and views to find in the place of those that modules keep.
    fn stand_ins(&mut self, shape: &Shape) -> Result<()> {
        self.beside = shape.beside.clone();
        for (name, columns) in &shape.beside.modules {
            self.run(&format!("CREATE TABLE {} ({})", quoted(name), write::list(columns)))?;
        }
        Ok(())
    }

    /// Whether a view finds what it reads.
    fn reads(&self, view: &str) -> bool {
        let sql = format!("SELECT * FROM {}", quoted(view));
        self.connection.prepare(&sql).is_ok()
    }

    /// Runs one or more statements.
    pub(super) fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|e| from_sqlite(&e, None))
    }

    /// Runs statements one by one; an error tells which one it is.
    pub(super) fn run_all(&self, sql: &str) -> Result<()> {
        for statement in split(Dialect::Sqlite, sql, 1)? {
            self.run(&statement.text).map_err(|e| at(&e, &statement))?;
        }
        Ok(())
    }

    /// Runs a statement of a version.
    pub(super) fn replay(&self, statement: &Statement) -> Result<()> {
        let words = Words::of(Dialect::Sqlite, &statement.text);
        if REACHING.iter().any(|word| words.begin(word)) {
            let message = "what a version with another file makes cannot be told: versions are \
                           run in memory for that, where no file is reached";
            return Err(at(&Error::new(Code::Unsupported, message), statement));
        }
        self.run(&statement.text).map_err(|e| at(&e, statement))
    }

    pub(super) fn shape(&self) -> Result<Shape> {
        let mut shape = catalogue::read_aside(&self.connection)?;
        shape.tables.retain(|name, _| !self.beside.modules.contains_key(name));
        shape.beside = self.beside.clone();
        Ok(shape)
    }

    /// What is wrong with the views and triggers, by what it is wrong with: renaming looks at all
    /// of them.
    pub(super) fn faults(&self) -> Result<BTreeMap<String, String>> {
        let left_out = self.left_out.iter().map(|name| (format!("view {name}"), String::new()));
        let mut faults: BTreeMap<_, _> = left_out.collect();
        self.run(&format!("SAVEPOINT look; CREATE TABLE {LOOK} (a)"))?;
        // The first one is told: it goes, to see the next. Each turn takes one away.
        while let Err(error) = self.run(&format!("ALTER TABLE {LOOK} RENAME COLUMN a TO b")) {
            let Some((kind, name)) = self.named_in(error.message())? else {
                faults.insert(String::new(), error.message().to_owned());
                break;
            };
            faults.insert(format!("{kind} {name}"), error.message().to_owned());
            self.run(&format!("DROP {kind} {}", quoted(&name)))?;
        }
        self.run("ROLLBACK TO look; RELEASE look")?;
        Ok(faults)
    }

    /// The view or trigger that a message is about.
    fn named_in(&self, message: &str) -> Result<Option<(String, String)>> {
        let sql = "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'trigger') \
                   AND instr(?1, 'error in ' || type || ' ' || name) > 0 \
                   ORDER BY length(name) DESC LIMIT 1";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([message])?;
            rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
        };
        read().map_err(|e: rusqlite::Error| from_sqlite(&e, None))
    }
}

#[cold]
fn at(error: &Error, statement: &Statement) -> Error {
    let first = statement.text.lines().next().unwrap_or_default();
    let message = format!("{} (line {}: {first})", error.message(), statement.line);
    Error::new(error.code(), message)
}
