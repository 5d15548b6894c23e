//! The table that knows what has been applied.

use serde::Serialize;
use tradebase_core::{Code, Error, Result, Timestamp};

use super::file::Direction;
use super::recipe::Step;
use super::set::number;
use crate::door::SqlConnection;
use crate::naming::literal;
use crate::raw::{Dialect, Fields, SqlText};
use crate::sql::Sql;

/// The table that knows what has been applied.
pub const HISTORY_TABLE: &str = "tradebase_migrations";

/// What became of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is applied.
    Applied,
    /// It was there already when the history began.
    Adopted,
    /// It has begun and not ended: `up` goes on with it.
    Begun,
    /// It is being taken back, and that has not ended: `down` goes on with it.
    Reverting,
    /// It was taken back.
    Reverted,
}

impl Outcome {
    /// Whether the database is at the version or beyond.
    pub fn is_there(self) -> bool {
        matches!(self, Outcome::Applied | Outcome::Adopted)
    }

    /// Whether it is neither there nor gone.
    pub fn is_half(self) -> bool {
        matches!(self, Outcome::Begun | Outcome::Reverting)
    }

    /// The word for it in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Adopted => "adopted",
            Outcome::Begun => "begun",
            Outcome::Reverting => "reverting",
            Outcome::Reverted => "reverted",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        let all = [
            Outcome::Applied,
            Outcome::Adopted,
            Outcome::Begun,
            Outcome::Reverting,
            Outcome::Reverted,
        ];
        all.into_iter().find(|outcome| outcome.word() == word).ok_or_else(|| {
            let message = format!("the history of migrations has an unknown outcome: {word}");
            Error::new(Code::Unreadable, message)
        })
    }
}

/// What the history says of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// The set.
    pub set: String,
    /// The version.
    pub version: String,
    /// What it does, in words.
    pub title: String,
    /// The checksum of the file that was applied; while it is being taken back, of the file that
    /// leads back.
    pub checksum: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many statements of a migration that is not one transaction are done.
    pub statements_done: u32,
    /// How many of them had begun: one more than are done if one was interrupted that could not
    /// be a transaction.
    pub statements_begun: u32,
    /// What tells the statements that had begun from others, while it is neither there nor gone.
    #[serde(skip)]
    pub(super) marks: String,
    /// Who did it.
    pub who: String,
    /// When it ended, or began if it has not ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The definition of the table. What a person reads in it needs no tool: moments and words.
pub(super) fn definition(engine: Dialect) -> String {
    let (number, at, end) = match engine {
        Dialect::Sqlite => ("INTEGER", "TEXT", " STRICT"),
        Dialect::Postgres => ("BIGINT", "TIMESTAMPTZ", ""),
    };
    format!(
        "CREATE TABLE IF NOT EXISTS \"{HISTORY_TABLE}\" (\n  \
         \"set_name\" TEXT NOT NULL,\n  \
         \"version\" TEXT NOT NULL,\n  \
         \"title\" TEXT NOT NULL,\n  \
         \"checksum\" TEXT NOT NULL,\n  \
         \"outcome\" TEXT NOT NULL,\n  \
         \"statements_done\" {number} NOT NULL,\n  \
         \"statements_begun\" {number} NOT NULL,\n  \
         \"statements_marks\" TEXT NOT NULL,\n  \
         \"who\" TEXT NOT NULL,\n  \
         \"at\" {at} NOT NULL,\n  \
         \"took_ms\" {number} NOT NULL,\n  \
         \"number\" {number} NOT NULL,\n  \
         PRIMARY KEY (\"set_name\", \"version\")\n){end}"
    )
}

/// Whose hand writes the history, when, and how long it took, as SQL.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) who: String,
    pub(super) at: String,
    pub(super) took_ms: String,
}

impl Hand {
    /// That of this process.
    pub(super) fn ours(sql: &Sql, who: Option<&str>, took_ms: u64) -> Self {
        let who = match (who, sql.engine.dialect()) {
            (Some(who), _) => literal(who),
            (None, Dialect::Postgres) => "current_user".to_owned(),
            (None, Dialect::Sqlite) => literal(&format!("process {}", std::process::id())),
        };
        Self { who, at: literal(&sql.now().to_string()), took_ms: took_ms.to_string() }
    }

    /// That of whoever runs a script, by the engine's clock.
    pub(super) fn of_script(engine: Dialect, who: Option<&str>) -> Self {
        let (by, at, took_ms) = match engine {
            Dialect::Sqlite => {
                ("'sqlite3 script'", "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')", "0")
            }
            Dialect::Postgres => (
                "current_user",
                "clock_timestamp()",
                "(extract(epoch FROM clock_timestamp() - now()) * 1000)::bigint",
            ),
        };
        let who = who.map_or_else(|| by.to_owned(), literal);
        Self { who, at: at.to_owned(), took_ms: took_ms.to_owned() }
    }
}

/// Notes what has become of a version.
pub(super) fn note(step: &Step<'_>, outcome: Outcome, counts: [usize; 2], hand: &Hand) -> String {
    let [done, begun] = counts;
    // The file that leads back counts only as long as it is at work.
    let checksum = if outcome == Outcome::Reverting { &step.file.checksum } else { &step.checksum };
    let marks = literal(&if outcome.is_half() { step.marks(begun) } else { String::new() });
    let (set, version) = (literal(step.set), literal(&step.version.id));
    let (title, outcome) = (literal(&step.version.title), literal(outcome.word()));
    let (checksum, Hand { who, at, took_ms }) = (literal(checksum), hand);
    let kept = ["title", "checksum", "outcome", "statements_done", "statements_begun"];
    let kept = kept.into_iter().chain(["statements_marks", "who", "at", "took_ms", "number"]);
    let kept: Vec<_> = kept.map(|name| format!("\"{name}\" = excluded.\"{name}\"")).collect();
    format!(
        "INSERT INTO \"{HISTORY_TABLE}\" VALUES ({set}, {version}, {title}, {checksum}, {outcome}, \
         {done}, {begun}, {marks}, {who}, {at}, {took_ms}, (SELECT coalesce(max(\"number\"), 0) + \
         1 FROM \"{HISTORY_TABLE}\")) ON CONFLICT (\"set_name\", \"version\") DO UPDATE SET {}",
        kept.join(", ")
    )
}

/// Notes how far a version is that is not one transaction, by the file as it is now.
pub(super) fn progress(step: &Step<'_>, [done, begun]: [usize; 2]) -> String {
    format!(
        "UPDATE \"{HISTORY_TABLE}\" SET \"checksum\" = {}, \"statements_done\" = {done}, \
         \"statements_begun\" = {begun}, \"statements_marks\" = {} WHERE \"set_name\" = {} AND \
         \"version\" = {}",
        literal(&step.file.checksum),
        literal(&step.marks(begun)),
        literal(step.set),
        literal(&step.version.id)
    )
}

/// Whether the history is not where a step begins, as SQL: up, its version is there already, or
/// one that it needs is not; down, it is not there, or a later one of its set is.
pub(super) fn is_wrong(step: &Step<'_>) -> String {
    let own = last(step.set, &step.version.id, "\"outcome\"");
    let there = |outcome: &str| format!("coalesce({outcome}, '') IN ('applied', 'adopted')");
    if step.direction == Direction::Down {
        return format!("NOT {} OR {}", there(&own), later(step));
    }
    let parent = step.version.parent().map(|id| (step.set, id));
    let needs = step.version.needs.iter().filter_map(|need| need.split_once('/'));
    let mut wrong = format!("coalesce({own}, 'reverted') <> 'reverted'");
    for (set, id) in parent.into_iter().chain(needs) {
        wrong.push_str(&format!(" OR NOT {}", there(&last(set, id, "\"outcome\""))));
    }
    wrong
}

/// Whether the history is not where a step stands that is not one transaction and has so many
/// statements done, as SQL.
pub(super) fn is_elsewhere(step: &Step<'_>, done: usize) -> String {
    let half = match step.direction {
        Direction::Up => Outcome::Begun,
        Direction::Down => Outcome::Reverting,
    };
    let stands = "\"outcome\" || ' ' || \"statements_done\"";
    let stands = last(step.set, &step.version.id, stands);
    format!("coalesce({stands}, '') <> '{} {done}'", half.word())
}

/// What the history says of a version last, as SQL; NULL if nothing. An id may have been written
/// with other zeros before.
fn last(set: &str, id: &str, what: &str) -> String {
    format!(
        "(SELECT {what} FROM \"{HISTORY_TABLE}\" WHERE \"set_name\" = {} AND ltrim(\"version\", \
         '0') = {} ORDER BY \"number\" DESC LIMIT 1)",
        literal(set),
        literal(id.trim_start_matches('0'))
    )
}

/// Whether a later version of a set is there, as SQL.
fn later(step: &Step<'_>) -> String {
    format!(
        "EXISTS (SELECT 1 FROM \"{HISTORY_TABLE}\" AS one WHERE one.\"set_name\" = {} AND \
         one.\"outcome\" <> 'reverted' AND CAST(one.\"version\" AS BIGINT) > {} AND NOT EXISTS \
         (SELECT 1 FROM \"{HISTORY_TABLE}\" AS two WHERE two.\"set_name\" = one.\"set_name\" AND \
         ltrim(two.\"version\", '0') = ltrim(one.\"version\", '0') AND two.\"number\" > \
         one.\"number\"))",
        literal(step.set),
        number(&step.version.id)
    )
}

type Columns =
    Fields<(String, String, String, String, String, i64, i64, String, String, String, i64)>;

/// What the history says, in the order in which it came about; nothing if there is none.
pub(super) async fn read(connection: &mut SqlConnection, engine: Dialect) -> Result<Vec<Entry>> {
    let schemas = connection.query::<Fields<(Option<String>,)>>(schemas(engine), ()).await?;
    if !is_there(schemas)? {
        return Ok(Vec::new());
    }
    connection.query::<Columns>(select(engine), ()).await?.into_iter().map(entry).collect()
}

/// The same, for who has no connection of his own.
pub(super) async fn look(sql: &Sql) -> Result<Vec<Entry>> {
    let engine = sql.engine.dialect();
    let schemas = sql.query::<Fields<(Option<String>,)>>(schemas(engine), ()).await?;
    if !is_there(schemas)? {
        return Ok(Vec::new());
    }
    sql.query::<Columns>(select(engine), ()).await?.into_iter().map(entry).collect()
}

/// The other schema in which the name of the history is found, if it is; no row without one.
fn schemas(engine: Dialect) -> SqlText {
    SqlText::trusted_text_built_at_run_time(match engine {
        Dialect::Sqlite => format!(
            "SELECT NULL FROM sqlite_schema WHERE type = 'table' AND name = '{HISTORY_TABLE}'"
        ),
        Dialect::Postgres => format!(
            "SELECT nullif(n.nspname, current_schema())::text FROM pg_catalog.pg_class c JOIN \
             pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = \
             to_regclass('{HISTORY_TABLE}')"
        ),
    })
}

/// Whether there is a history where one would be made.
fn is_there(schemas: Vec<Fields<(Option<String>,)>>) -> Result<bool> {
    match schemas.into_iter().next() {
        None => Ok(false),
        Some(Fields((None,))) => Ok(true),
        Some(Fields((Some(other),))) => {
            let message = format!(
                "there is a history of migrations in another schema of the search_path than the \
                 one that tables are made in; name the schema that is meant first: \
                 {other}.{HISTORY_TABLE}"
            );
            Err(Error::new(Code::MigrationFork, message))
        }
    }
}

fn select(engine: Dialect) -> SqlText {
    let at = match engine {
        Dialect::Sqlite => "\"at\"",
        Dialect::Postgres => {
            "to_char(\"at\" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        }
    };
    SqlText::trusted_text_built_at_run_time(format!(
        "SELECT \"set_name\", \"version\", \"title\", \"checksum\", \"outcome\", \
         \"statements_done\", \"statements_begun\", \"statements_marks\", \"who\", {at}, \
         \"took_ms\" FROM \"{HISTORY_TABLE}\" ORDER BY \"number\""
    ))
}

fn entry(Fields(row): Columns) -> Result<Entry> {
    let (set, version, title, checksum, outcome, done, begun, marks, who, at, took_ms) = row;
    let count = |count: i64| u32::try_from(count).map_err(|e| unreadable("count", e));
    Ok(Entry {
        set,
        version,
        title,
        checksum,
        outcome: Outcome::parse(&outcome)?,
        statements_done: count(done)?,
        statements_begun: count(begun)?,
        marks,
        who,
        at: at.parse().map_err(|e| unreadable("moment", e))?,
        took_ms: u64::try_from(took_ms).map_err(|e| unreadable("duration", e))?,
    })
}

#[cold]
fn unreadable(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("the history of migrations has an unreadable {what}");
    Error::new(Code::Unreadable, message).because(error)
}

/// What the history says of a version last.
pub(super) fn of<'e>(entries: &'e [Entry], set: &str, version: &str) -> Option<&'e Entry> {
    entries.iter().rfind(|entry| entry.set == set && number(&entry.version) == number(version))
}
