//! The plain clients of the stores, to look at what is really in them.
//!
//! They show what another program would see, past everything tradebase does. Each is a process
//! per call, sees nothing of the user's own settings, and ends within [`CLIENT_DEADLINE`].

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::KitError;
use crate::command::output;
use crate::programs::{command, find, find_postgres};

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
