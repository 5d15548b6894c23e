//! The script that psql or sqlite3 runs to the same end.

use std::fmt::Write;

use super::file::Direction;
use super::history::{self, Hand};
use super::lock;
use super::options::MigrateOptions;
use super::recipe::{self, Step, Unit};
use crate::raw::{Dialect, TokenKind, Tokens};

/// How long the shell of SQLite waits for other writers, in milliseconds: what a store does.
const SCRIPT_BUSY_MS: u32 = 5000;

/// Writes the steps as a script: what a migrator runs, history included. It ends at the first
/// error, and what was not committed by then is rolled back.
pub(super) fn script(engine: Dialect, steps: &[Step<'_>], options: &MigrateOptions) -> String {
    let (name, shell) = match engine {
        Dialect::Sqlite => ("SQLite", "sqlite3"),
        Dialect::Postgres => ("PostgreSQL", "psql"),
    };
    let mut out = format!("-- tradebase: script of migrations for {name}, to be run by {shell}\n");
    if steps.is_empty() {
        out.push_str("-- nothing is to be done\n");
        return out;
    }
    out.push_str(&head(engine));
    statement(&mut out, &history::definition(engine));
    let hand = Hand::of_script(engine, options.who.as_deref());
    for step in steps {
        let way = match step.direction {
            Direction::Up => "up to",
            Direction::Down => "down from",
        };
        _ = writeln!(out, "\n-- {way} {}: {}", step.place(), step.version.title);
        for need in &step.version.needs {
            _ = writeln!(out, "-- needs {need}");
        }
        recipe::opening(engine, options).iter().for_each(|text| statement(&mut out, text));
        for unit in step.units() {
            self::unit(&mut out, engine, step, &unit, options, &hand);
        }
    }
    if engine == Dialect::Sqlite {
        out.push_str("\nPRAGMA foreign_keys = ON;\n");
    }
    out
}

/// What makes the shell end at the first error, and keeps other migrators out.
fn head(engine: Dialect) -> String {
    match engine {
        Dialect::Sqlite => format!(".bail on\n.timeout {SCRIPT_BUSY_MS}\n"),
        Dialect::Postgres => format!(
            "\\set ON_ERROR_STOP on\n\\set AUTOCOMMIT on\nDO $tradebase$ BEGIN IF NOT \
             pg_try_advisory_lock({}) THEN RAISE EXCEPTION 'another migrator is at work'; END IF; \
             END $tradebase$;\n",
            lock::key()
        ),
    }
}

/// Ends the script where the database is not at the version that it is meant for. Inside the
/// transaction that notes the version: two that run this at once must not both go on.
fn check(engine: Dialect, wrong: &str) -> String {
    match engine {
        Dialect::Sqlite => format!(
            "CREATE TEMP TABLE \"tradebase_state\" (\"wrong\" INTEGER CONSTRAINT \"the database \
             is not at the version that this script is for\" CHECK (NOT \"wrong\"));\nINSERT INTO \
             temp.\"tradebase_state\" SELECT {wrong};\nDROP TABLE temp.\"tradebase_state\""
        ),
        Dialect::Postgres => format!(
            "DO $tradebase$ BEGIN IF {wrong} THEN RAISE EXCEPTION 'the database is not at the \
             version that this script is for'; END IF; END $tradebase$"
        ),
    }
}

fn unit(
    out: &mut String,
    engine: Dialect,
    step: &Step<'_>,
    unit: &Unit,
    options: &MigrateOptions,
    hand: &Hand,
) {
    let statements = step.statements.get(unit.statements.clone()).unwrap_or_default();
    if !unit.transaction {
        for alone in statements {
            match recipe::around(&step.words(alone), options) {
                Some([before, after]) => {
                    statement(out, &before);
                    of_file(out, engine, &alone.text);
                    statement(out, &after);
                }
                None => of_file(out, engine, &alone.text),
            }
        }
        return;
    }
    let checked = !statements.is_empty();
    let begin = recipe::begin(engine, options, checked);
    begin.iter().for_each(|text| statement(out, text));
    if let [Some(wrong), _] = step.doubt(unit.note) {
        statement(out, &check(engine, &wrong));
    }
    statements.iter().for_each(|s| of_file(out, engine, &s.text));
    if checked {
        recipe::before_commit(engine).iter().for_each(|text| statement(out, text));
    }
    if let Some(note) = step.note(unit.note, hand) {
        recipe::before_note(engine).iter().for_each(|text| statement(out, text));
        statement(out, &note);
    }
    statement(out, "COMMIT");
}

/// A statement of a file, of which psql puts no variable of its own in: it would where one is
/// called as what stands behind a colon, as in a slice of an array.
fn of_file(out: &mut String, engine: Dialect, text: &str) {
    if engine == Dialect::Sqlite {
        return statement(out, text);
    }
    let mut escaped = String::with_capacity(text.len());
    // The text was cut out of a file by the same rules: it has no open ends.
    for token in Tokens::new(engine, text).flatten() {
        match token.kind {
            TokenKind::Blank | TokenKind::Value | TokenKind::Word => escaped.push_str(token.text),
            _ => escaped.push_str(&token.text.replace(':', "\\:")),
        }
    }
    statement(out, &escaped);
}

/// A statement with its semicolon, on a line of its own: a comment at its end ends there.
fn statement(out: &mut String, text: &str) {
    out.push_str(text);
    let last = text.lines().next_back().unwrap_or_default();
    out.push_str(if last.contains("--") { "\n;\n" } else { ";\n" });
}
