//! The plain clients of the stores, to look at what is really in them.
//!
//! They show what another program would see, past everything tradebase does. Each is a process
//! per call, sees nothing of the user's own settings, and ends within [`CLIENT_DEADLINE`].

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::KitError;
use crate::command::{output, output_or};
use crate::programs::{command, find, find_postgres, find_squawk};

/// How long one call of a client may take.
pub const CLIENT_DEADLINE: Duration = Duration::from_secs(30);

/// Runs SQL with `psql` and gives the rows, unaligned, without headings: a line per row, `|`
/// between fields, nothing for a null.
///
/// # Errors
/// When `psql` is missing, fails at the first wrong statement, or takes too long.
pub fn psql(url: &str, sql: &str) -> Result<String, KitError> {
    psql_separated(url, sql, "|")
}

/// As [`psql`], with another separator between fields.
///
/// # Errors
/// As [`psql`].
pub fn psql_separated(url: &str, sql: &str, separator: &str) -> Result<String, KitError> {
    let mut psql = command(&find_postgres("psql")?);
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"]);
    psql.args(["--set=ON_ERROR_STOP=1", "--field-separator", separator, "--dbname", url]);
    psql.args(["--file", "-"]).env("PGCLIENTENCODING", "UTF8");
    output("psql", psql, sql, CLIENT_DEADLINE)
}

/// What `pg_dump` writes of a database but its rows, without the lines in which two dumps of the
/// same differ: a key of each run.
///
/// # Errors
/// When `pg_dump` is missing, fails, or takes too long.
pub fn pg_dump_schema(url: &str) -> Result<String, KitError> {
    let mut pg_dump = command(&find_postgres("pg_dump")?);
    pg_dump.args(["--schema-only", "--no-password", "--dbname", url]);
    let dump = output("pg_dump", pg_dump, "", CLIENT_DEADLINE)?;
    let keyed = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    Ok(dump.lines().filter(|line| !keyed(line)).collect::<Vec<_>>().join("\n"))
}

/// Runs SQL with `sqlite3` on a file and gives the rows: a line per row, `|` between fields,
/// nothing for a null.
///
/// # Errors
/// When `sqlite3` is missing, fails at the first wrong statement, or takes too long.
pub fn sqlite3(path: impl AsRef<Path>, sql: &str) -> Result<String, KitError> {
    let mut sqlite3 = command(&find("sqlite3")?);
    // An empty file instead of the user's own settings.
    sqlite3.args(["-batch", "-bail", "-list", "-noheader", "-init", "/dev/null"]);
    sqlite3.arg(path.as_ref());
    output("sqlite3", sqlite3, sql, CLIENT_DEADLINE)
}

/// Runs one Redis command with `redis-cli` and gives the answer: a line per element, nothing for
/// a nil.
///
/// # Errors
/// When `redis-cli` of Redis 7 or later is missing, the server answers with an error, or it takes
/// too long.
pub fn redis_cli<A: AsRef<OsStr>>(
    port: u16,
    args: impl IntoIterator<Item = A>,
) -> Result<String, KitError> {
    let mut redis_cli = command(&find("redis-cli")?);
    // Without -e an error is printed like any text and the program succeeds.
    redis_cli.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-e"]).args(args);
    output("redis-cli", redis_cli, "", CLIENT_DEADLINE)
}

/// Runs InfluxQL with `influx` and gives the rows as CSV with a heading, times in nanoseconds.
///
/// # Errors
/// When `influx` is missing, the server answers with an error, or it takes too long.
pub fn influx(port: u16, database: &str, query: &str) -> Result<String, KitError> {
    let mut influx = command(&find("influx")?);
    influx.args(["-host", "127.0.0.1", "-port", &port.to_string(), "-database", database]);
    influx.args(["-format", "csv", "-precision", "ns", "-execute", query]);
    output("influx", influx, "", CLIENT_DEADLINE)
}

/// What `squawk` finds in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the rule.
    pub rule: String,
    /// The line of the SQL, without its end.
    pub line: String,
    /// What it says.
    pub message: String,
}

/// Looks over SQL for PostgreSQL with `squawk`. `whole` says that the SQL runs as one transaction.
///
/// # Errors
/// When `squawk` is missing, fails, says what cannot be read, or takes too long.
pub fn squawk(sql: &str, whole: bool) -> Result<Vec<Finding>, KitError> {
    let mut squawk = command(&find_squawk()?);
    squawk.args(["--reporter", "gcc", "--pg-version", SQUAWK_POSTGRES]);
    if whole {
        squawk.arg("--assume-in-transaction");
    }
    let found = |status: &ExitStatus| matches!(status.code(), Some(0 | 1));
    let said = output_or("squawk", squawk, sql, CLIENT_DEADLINE, found)?;
    said.lines().filter(|line| !line.is_empty()).map(|line| finding(sql, line)).collect()
}

/// The PostgreSQL that squawk is told of.
const SQUAWK_POSTGRES: &str = "15.0";

/// Reads `stdin:LINE:COLUMN: warning: RULE MESSAGE`; lines are counted from 0.
fn finding(sql: &str, said: &str) -> Result<Finding, KitError> {
    let read = || {
        let (line, rest) = said.strip_prefix("stdin:")?.split_once(':')?;
        let (_, rest) = rest.split_once(": ")?;
        let (_, rest) = rest.split_once(": ")?;
        let (rule, message) = rest.split_once(' ')?;
        let line = sql.lines().nth(line.parse().ok()?)?.to_owned();
        Some(Finding { rule: rule.to_owned(), line, message: message.to_owned() })
    };
    read().ok_or_else(|| KitError::failed(format!("squawk said something else: {said}")))
}
