//! What is run for a version, on a connection and in a script alike.

use std::ops::Range;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tradebase_core::{Code, Error, Result};

use super::file::{Direction, MigrationFile};
use super::history::{self, Hand, Outcome};
use super::options::MigrateOptions;
use super::orphans;
use super::resume::Before;
use super::route::Stop;
use super::set::Migration;
use super::split::Statement;
use super::words::Words;
use crate::literal::hex;
use crate::raw::Dialect;

/// What leads to a version, or back from it.
#[derive(Debug)]
pub(super) struct Step<'r> {
    pub(super) set: &'r str,
    pub(super) version: &'r Migration,
    pub(super) direction: Direction,
    /// The file that is run.
    pub(super) file: &'r MigrationFile,
    /// The checksum of the file that leads up: what the history keeps.
    pub(super) checksum: String,
    pub(super) statements: Vec<Statement>,
    /// How many statements are done already, and how many have begun.
    pub(super) done: usize,
    pub(super) begun: usize,
    /// The marks of those that have begun, see [`Step::marks`].
    pub(super) marked: String,
    /// Whether it goes on with what was interrupted.
    pub(super) resumed: bool,
    engine: Dialect,
}

/// Statements that are run together, and what is noted with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Whether they are a transaction.
    pub(super) transaction: bool,
    /// Which of the step's.
    pub(super) statements: Range<usize>,
    pub(super) note: Note,
}

/// What the history is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Nothing,
    /// That the version has begun.
    Began,
    /// How many statements are done, and have begun.
    Progress(usize, usize),
    /// That the statement at that place has not begun after all.
    Withdrawn(usize),
    /// That the version is done.
    Ended,
}

/// How statements begin that would end the transaction of a migration.
const ENDING: [&str; 9] = [
    "ABORT",
    "BEGIN",
    "COMMIT",
    "END",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
    "PREPARE TRANSACTION",
];

impl<'r> Step<'r> {
    /// What leads to a version or back, checked as far as can be before anything is run.
    pub(super) fn new(stop: Stop<'r>, engine: Dialect, direction: Direction) -> Result<Self> {
        let up = stop.version.up(engine)?;
        let file = match direction {
            Direction::Up => up,
            Direction::Down => stop.version.down(engine)?,
        };
        if file.signed.is_none() {
            let message = format!(
                "{} is not signed, as it is while it is being written; if it is done, sign it: \
                 tradebase migrate verify --sign",
                file.name
            );
            return Err(Error::new(Code::MigrationFile, message));
        }
        let step = Self {
            set: &stop.set.name,
            version: stop.version,
            direction,
            file,
            checksum: up.checksum.clone(),
            statements: file.statements(engine)?,
            done: 0,
            begun: 0,
            marked: String::new(),
            resumed: false,
            engine,
        };
        step.statements.iter().try_for_each(|statement| step.check(statement))?;
        Ok(step)
    }

    fn check(&self, statement: &Statement) -> Result<()> {
        let words = self.words(statement);
        let refused = |what: &str| {
            let message = format!("{}, line {}: {what}", self.file.name, statement.line);
            Err(Error::new(Code::MigrationFile, message))
        };
        if ENDING.iter().any(|ending| words.begin(ending)) {
            return refused("a migration's transaction is begun and ended for it: take this out");
        }
        if self.file.transactional && words.must_stand_alone() {
            return refused(
                "this cannot be part of a transaction: put it into a version of its own that says \
                 `transactional: no`",
            );
        }
        if words.index_without_name() {
            return refused(
                "an index that is built concurrently needs a name, so that it is found when its \
                 build was interrupted",
            );
        }
        Ok(())
    }

    pub(super) fn words<'s>(&self, statement: &'s Statement) -> Words<'s> {
        Words::of(self.engine, &statement.text)
    }

    /// `set/version`.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.set, self.version.id)
    }

    /// What is still to be run, in order.
    pub(super) fn units(&self) -> Vec<Unit> {
        let all = self.statements.len();
        let noting = |note| Unit { transaction: true, statements: 0..0, note };
        if self.file.transactional {
            return vec![Unit { transaction: true, statements: 0..all, note: Note::Ended }];
        }
        let mut units = Vec::new();
        if !self.resumed {
            units.push(noting(Note::Began));
        }
        for (at, statement) in self.statements.iter().enumerate().skip(self.done) {
            let statements = at..at + 1;
            if self.words(statement).stands_alone() {
                units.push(noting(Note::Progress(at, at + 1)));
                units.push(Unit { transaction: false, statements, note: Note::Nothing });
                units.push(noting(Note::Progress(at + 1, at + 1)));
            } else {
                let note = Note::Progress(at + 1, at + 1);
                units.push(Unit { transaction: true, statements, note });
            }
        }
        units.push(noting(Note::Ended));
        units
    }

    /// Whether the history is not where a unit begins, as SQL: what is asked at its begin, and what
    /// before its note. A body may have set where names are looked for meanwhile.
    pub(super) fn doubt(&self, note: Note) -> [Option<String>; 2] {
        match note {
            Note::Nothing => [None, None],
            Note::Began => [Some(history::is_wrong(self)), None],
            Note::Ended if self.file.transactional => [Some(history::is_wrong(self)), None],
            Note::Ended => [None, Some(history::is_elsewhere(self, self.statements.len()))],
            Note::Withdrawn(at) => [None, Some(history::is_elsewhere(self, at))],
            Note::Progress(done, begun) => {
                let before = if begun > done { done } else { done.saturating_sub(1) };
                [None, Some(history::is_elsewhere(self, before))]
            }
        }
    }

    /// What tells the first statements from others: a mark for each.
    pub(super) fn marks(&self, count: usize) -> String {
        let marks: Vec<_> = self.statements.iter().take(count).map(mark).collect();
        marks.join(" ")
    }

    /// Whether the statements that were done stand in the file as they stood, by their marks.
    pub(super) fn goes_on(&self, done: usize, marks: &str) -> bool {
        let noted = marks.split(' ').filter(|mark| !mark.is_empty());
        self.statements.len() >= done
            && self.statements.iter().take(done).map(mark).eq(noted.take(done))
    }

    /// What was there of a statement before it is run.
    pub(super) fn before(&self, at: usize) -> Before {
        if !self.resumed || self.begun <= at {
            return Before::Fresh;
        }
        let now = self.statements.get(at).map(mark);
        match now.as_deref() == self.marked.split(' ').nth(at) {
            true => Before::Begun,
            false => Before::BegunOtherwise,
        }
    }

    /// The settings of the session among the statements that are done, for who goes on behind
    /// them.
    pub(super) fn settings(&self) -> impl Iterator<Item = &Statement> {
        let done = self.statements.iter().take(self.done);
        done.filter(|statement| self.words(statement).sets())
    }

    /// What the history is told of a unit.
    pub(super) fn note(&self, note: Note, hand: &Hand) -> Option<String> {
        let all = self.statements.len();
        let (half, whole) = match self.direction {
            Direction::Up => (Outcome::Begun, Outcome::Applied),
            Direction::Down => (Outcome::Reverting, Outcome::Reverted),
        };
        match note {
            Note::Nothing => None,
            Note::Began => Some(history::note(self, half, [0, 0], hand)),
            Note::Progress(done, begun) => Some(history::progress(self, [done, begun])),
            Note::Withdrawn(at) => Some(history::progress(self, [at, at])),
            Note::Ended => Some(history::note(self, whole, [all, all], hand)),
        }
    }

    /// Whether it may lose data: what a plan has marked, and what always does.
    pub(super) fn may_lose(&self) -> bool {
        self.file.body.contains("-- loses:")
            || self.statements.iter().any(|s| self.words(s).may_lose())
    }
}

/// Letters of the mark of a statement: nobody meets it by chance.
const MARK_LETTERS: usize = 16;

fn mark(statement: &Statement) -> String {
    let mut mark = hex(&Sha256::digest(&statement.text)).to_ascii_lowercase();
    mark.truncate(MARK_LETTERS);
    mark
}

/// The settings that a version begins with, whatever the one before it has set.
pub(super) fn opening(engine: Dialect, options: &MigrateOptions) -> Vec<String> {
    match engine {
        Dialect::Sqlite => {
            let off = |name: &&str| format!("PRAGMA {name} = OFF");
            [KEYS].iter().chain(&OFF).map(off).collect()
        }
        Dialect::Postgres => {
            let statement = options.statement_wait.unwrap_or_default();
            vec![
                "SET SESSION AUTHORIZATION DEFAULT".to_owned(),
                "RESET ROLE".to_owned(),
                "RESET ALL".to_owned(),
                format!("SET lock_timeout = {}", milliseconds(options.statement_lock_wait)),
                format!("SET statement_timeout = {}", milliseconds(statement)),
            ]
        }
    }
}

/// Off, or else a table that is made anew takes the rows along that point to it. Only outside a
/// transaction is it heard.
const KEYS: &str = "foreign_keys";

/// What else is off at first on SQLite, and changes what statements do.
const OFF: [&str; 6] = [
    "legacy_alter_table",
    "ignore_check_constraints",
    "recursive_triggers",
    "writable_schema",
    "query_only",
    "reverse_unordered_selects",
];

/// What is run before and after a statement that is no transaction's.
pub(super) fn around(words: &Words<'_>, options: &MigrateOptions) -> Option<[String; 2]> {
    // It takes weak locks, and waits for all who began before it: it is in nobody's way.
    words.is_beside().then(|| {
        let wait = milliseconds(options.statement_lock_wait);
        ["SET lock_timeout = 0".to_owned(), format!("SET lock_timeout = {wait}")]
    })
}

/// Begins a transaction of a migration. `checked` if it has statements of a file: then it notes
/// which rows point to nothing before them.
pub(super) fn begin(engine: Dialect, options: &MigrateOptions, checked: bool) -> Vec<String> {
    match engine {
        Dialect::Sqlite => {
            let mut texts = vec![format!("PRAGMA {KEYS} = OFF"), "BEGIN IMMEDIATE".to_owned()];
            if checked {
                texts.extend(orphans::noted());
            }
            texts
        }
        Dialect::Postgres => {
            let wait = milliseconds(options.statement_lock_wait);
            vec!["BEGIN".to_owned(), format!("SET LOCAL lock_timeout = {wait}")]
        }
    }
}

/// Fails if a transaction with statements has made rows that point to nothing.
pub(super) fn before_commit(engine: Dialect) -> Vec<String> {
    match engine {
        Dialect::Sqlite => orphans::checked(),
        Dialect::Postgres => Vec::new(),
    }
}

/// What leads to the history again, whatever a body has set; what it has set holds behind the
/// transaction all the same.
pub(super) fn before_note(engine: Dialect) -> Vec<String> {
    match engine {
        Dialect::Sqlite => Vec::new(),
        Dialect::Postgres => ["role", "search_path"]
            .map(|setting| format!("SET LOCAL {setting} TO DEFAULT"))
            .to_vec(),
    }
}

/// Whole milliseconds; a shorter time is one, for 0 means without end.
fn milliseconds(wait: Duration) -> u128 {
    if wait.is_zero() { 0 } else { wait.as_millis().max(1) }
}
