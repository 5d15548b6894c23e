//! How far a statement came that was no transaction's.

use tradebase_core::{Code, Error, Result};

use super::statement::{self, Command};
use super::words::{Concurrent, Words};
use crate::door::SqlConnection;
use crate::naming::literal;
use crate::raw::{Dialect, Fields, SqlText};

/// What was there of a statement before this attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing of ours.
    Fresh,
    /// It had begun: what is there of it is ours, for it was not there before.
    Begun,
    /// One that stood in its place had begun, which the file does not have any more.
    BegunOtherwise,
}

/// What a statement finds that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing of it, or what may be done twice.
    Missing,
    /// Somebody else's of the same name: the engine refuses the statement.
    Refused,
    /// All of it.
    Done,
    /// A part that is of no use, and what takes that away.
    Broken { first: String },
    /// A part, and what goes on with it.
    Half { instead: String },
}

/// Looks at what a statement is about to make.
pub(super) async fn examine(
    connection: &mut SqlConnection,
    words: &Words<'_>,
    before: Before,
) -> Result<Found> {
    let begun = before == Before::Begun;
    match words.concurrent() {
        Some(Concurrent::Build { index, table, if_missing }) => {
            let Some(index) = named(connection, (index, table)).await? else {
                return Ok(Found::Missing);
            };
            let refuses = !if_missing && (before == Before::Fresh || !index.is_of_table);
            if refuses {
                return Ok(Found::Refused);
            }
            if !index.is_of_table || index.is_valid && !begun && !index.is_as_asked(words) {
                return Err(taken(&index.definition));
            }
            Ok(match index.is_valid && before != Before::BegunOtherwise {
                true => Found::Done,
                false => Found::Broken { first: format!("DROP INDEX CONCURRENTLY {}", index.name) },
            })
        }
        Some(Concurrent::Drop { index }) if begun => {
            Ok(if is_there(connection, index).await? { Found::Missing } else { Found::Done })
        }
        Some(Concurrent::Detach { table, part }) if begun => {
            Ok(match pending(connection, table, part).await? {
                None => Found::Done,
                Some(false) => Found::Missing,
                Some(true) => {
                    let instead = format!("ALTER TABLE {table} DETACH PARTITION {part} FINALIZE");
                    Found::Half { instead }
                }
            })
        }
        None if begun && words.calls() => Err(called()),
        _ => Ok(Found::Missing),
    }
}

/// Whether a statement that failed has left nothing of its own, as far as that is known.
pub(super) async fn has_left_nothing(
    connection: &mut SqlConnection,
    words: &Words<'_>,
    error: &Error,
) -> bool {
    // There is another of that name, or there is none to be dropped.
    let refused = error.code() == Code::SchemaMismatch;
    match words.concurrent() {
        Some(Concurrent::Build { index, table, .. }) => {
            refused || matches!(named(connection, (index, table)).await, Ok(None))
        }
        Some(Concurrent::Drop { .. }) => refused,
        Some(Concurrent::Detach { table, part }) => {
            matches!(pending(connection, table, part).await, Ok(None | Some(false)))
        }
        None => false,
    }
}

/// Refuses to believe the engine: told to build what is not there, it passes over any relation of
/// that name, whatever it is.
pub(super) async fn prove(connection: &mut SqlConnection, words: &Words<'_>) -> Result<()> {
    let Some(Concurrent::Build { index, table, .. }) = words.concurrent() else { return Ok(()) };
    match named(connection, (index, table)).await? {
        Some(index) if index.is_of_table && index.is_valid => Ok(()),
        Some(other) => Err(taken(&other.definition)),
        None => Err(Error::new(Code::SchemaMismatch, format!("no index was built: {index}"))),
    }
}

/// What has the name of an index, in the schema of its table.
#[derive(Debug)]
struct Named {
    is_of_table: bool,
    is_valid: bool,
    is_unique: bool,
    is_partial: bool,
    /// Its columns up to the first that is an expression.
    columns: Vec<String>,
    /// With its schema.
    name: String,
    definition: String,
}

impl Named {
    /// Whether it is what a statement builds, as far as the statement is understood.
    fn is_as_asked(&self, words: &Words<'_>) -> bool {
        match statement::read(Dialect::Postgres, words.text()) {
            Ok(Command::CreateIndex(asked)) => {
                asked.unique == self.is_unique
                    && asked.columns == self.columns
                    && words.has("WHERE") == self.is_partial
            }
            _ => true,
        }
    }
}

async fn named(
    connection: &mut SqlConnection,
    (index, table): (&str, &str),
) -> Result<Option<Named>> {
    type Columns = Fields<(bool, bool, bool, bool, Option<String>, String, String)>;
    let (index, table) = (literal(index), literal(table));
    let text = built(format!(
        "SELECT coalesce(i.indrelid = to_regclass({table}), false), coalesce(i.indisvalid, false), \
         coalesce(i.indisunique, false), i.indpred IS NOT NULL, (SELECT \
         string_agg(coalesce(a.attname, ''), E'\\n' ORDER BY k.at) FROM unnest(i.indkey) WITH \
         ORDINALITY k (of, at) LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND \
         a.attnum = k.of WHERE k.at <= i.indnkeyatts), quote_ident(n.nspname) || '.' || \
         quote_ident(c.relname), coalesce(pg_get_indexdef(i.indexrelid), n.nspname || '.' || \
         c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE \
         c.relnamespace = (SELECT t.relnamespace FROM pg_catalog.pg_class t WHERE t.oid = \
         to_regclass({table})) AND c.relname = ((parse_ident({index}))[1])::name"
    ));
    let found = connection.query_at_most_one::<Columns>(text, ()).await?;
    Ok(found.map(|Fields((of_table, valid, unique, partial, columns, name, definition))| {
        let columns = columns.unwrap_or_default();
        let plain = columns.split('\n').take_while(|column| !column.is_empty());
        Named {
            is_of_table: of_table,
            is_valid: valid,
            is_unique: unique,
            is_partial: partial,
            columns: plain.map(str::to_owned).collect(),
            name,
            definition,
        }
    }))
}

#[cold]
fn taken(definition: &str) -> Error {
    let message = format!(
        "another index or table has this name already: drop or rename it, or take another name; \
         it is {definition}"
    );
    Error::new(Code::SchemaMismatch, message)
}

#[cold]
fn called() -> Error {
    let message = "this procedure was called before and did not end: nobody but you can know how \
                   far it came, for it may commit by itself; look, and then write what is left \
                   to be done in its place, or a comment into it if it may run again, and sign \
                   the file";
    Error::new(Code::MigrationFailed, message)
}

async fn is_there(connection: &mut SqlConnection, name: &str) -> Result<bool> {
    let text = built(format!("SELECT to_regclass({}) IS NOT NULL", literal(name)));
    connection.query_scalar(text, ()).await
}

/// Whether a part's detaching has begun; none if it is no part any more.
async fn pending(connection: &mut SqlConnection, table: &str, part: &str) -> Result<Option<bool>> {
    let text = built(format!(
        "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhrelid = to_regclass({}) AND \
         inhparent = to_regclass({})",
        literal(part),
        literal(table)
    ));
    let found = connection.query_at_most_one::<Fields<(bool,)>>(text, ()).await?;
    Ok(found.map(|Fields((pending,))| pending))
}

fn built(text: String) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}
