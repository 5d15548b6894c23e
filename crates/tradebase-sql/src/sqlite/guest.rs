//! The second wall on SQLite: a connection that can do nothing but read allowed tables.
//!
//! It is opened for one query and closed after it, so that nothing of one stranger stays for the
//! next.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, Statement, ffi};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Column, Error, Got, Kind, Result, Rows, Source, Value};

use super::address::Place;
use super::error::{from_sqlite, unopened};
use super::source::RowSource;
use super::statement::read_cell;
use super::store::{Store, on_a_thread};
use crate::guest::{Ask, GUEST_VALUE_BYTES_MAX, GuestRows, Rules, too_slow};

/// Steps of SQLite's machine between two looks at the time, some tens of microseconds.
const STEPS: i32 = 1_000;
/// How long SQLite may take to end a query beyond its time, before its thread is left behind.
const GRACE: Duration = Duration::from_secs(1);
/// How long a query waits while a process recovers the file.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// What the connection keeps of the file in memory, in KiB.
const CACHE_KIB: u32 = 8 * 1024;

/// What a query may use. The text of the views that it reads counts too.
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// What is switched off, and what on.
const SWITCHES: [(DbConfig, bool); 8] = [
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
];

/// When a query ends, done or not.
struct End {
    at: Tick,
    /// Nobody waits for it any more.
    gone: AtomicBool,
}

/// Ends the query when the call is dropped.
struct Caller(Arc<End>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// Runs a query of a guest, on a thread and a connection of its own.
    pub(crate) async fn guest(&self, ask: Ask, permit: OwnedSemaphorePermit) -> Result<GuestRows> {
        let Place::File(path) = &self.lane.place else { return Err(in_memory()) };
        let (path, rules, wait) = (path.clone(), ask.rules.clone(), ask.rules.options.wait);
        let end = Arc::new(End { at: Tick::now().after(wait), gone: AtomicBool::new(false) });
        let caller = Caller(end.clone());
        let reading = on_a_thread(self.runtime(), move || {
            let found = read(&path, &ask, &end);
            drop(permit);
            found
        });
        let found = timeout(wait.saturating_add(GRACE), reading).await;
        drop(caller);
        match found {
            Err(_) => Err(too_slow(&rules)),
            Ok(Err(error)) => {
                Err(Error::new(Code::Internal, "the query's thread has ended").because(error))
            }
            Ok(Ok(found)) => found,
        }
    }
}

fn read(path: &Path, ask: &Ask, end: &Arc<End>) -> Result<GuestRows> {
    let connection = open(path, &ask.rules, end)?;
    let failed = |e: rusqlite::Error| told(&e, &ask.rules);
    let mut statement = connection.prepare(&ask.text).map_err(failed)?;
    // What changes something, and what gives nothing, is no query, whatever its text is.
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(Error::new(Code::AccessDenied, "guests can read only"));
    }
    let kinds = if ask.has_origins { origins(&statement, &ask.rules) } else { Vec::new() };
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let options = &ask.rules.options;
    let mut found = GuestRows { rows: Rows::new(columns, Vec::new()), is_cut: false };
    let (mut rows, mut bytes) = (statement.raw_query(), 0_usize);
    while let Some(row) = rows.next().map_err(failed)? {
        bytes = bytes.saturating_add(weight(row, found.rows.columns.len()));
        if found.rows.rows.len() >= options.rows_max || bytes > options.bytes_max {
            found.is_cut = true;
            break;
        }
        let cells = found.rows.columns.iter().enumerate();
        let kind = |at: usize| kinds.get(at).copied().flatten();
        let cells = cells.map(|(at, name)| cell(row, at, kind(at)).map_err(|e| e.column(name)));
        let cells = cells.collect::<Result<_>>()?;
        found.rows.rows.push(cells);
    }
    Ok(found)
}

fn open(path: &Path, rules: &Arc<Rules>, end: &Arc<End>) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |e: rusqlite::Error| from_sqlite(&e, None);
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|e| unopened(path, failed(e)))?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    for (switch, on) in SWITCHES {
        connection.set_db_config(switch, on).map_err(failed)?;
    }
    let pragmas = format!(
        "PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -{CACHE_KIB}; \
         PRAGMA cell_size_check = ON"
    );
    connection.execute_batch(&pragmas).map_err(failed)?;
    for (limit, most) in LIMITS {
        connection.set_limit(limit, most).map_err(failed)?;
    }
    let end = end.clone();
    let is_over = move || end.gone.load(Ordering::Relaxed) || end.at.is_past();
    connection.progress_handler(STEPS, Some(is_over)).map_err(failed)?;
    let (rules, real) = (rules.clone(), real_names(&connection).map_err(failed)?);
    // After the texts of all tables and views have been read, which may be longer and wider.
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, GUEST_VALUE_BYTES_MAX),
        (Limit::SQLITE_LIMIT_COLUMN, rules.columns_max()),
    ] {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        connection.set_limit(limit, most).map_err(failed)?;
    }
    connection
        .authorizer(Some(move |asked: AuthContext<'_>| judge(&rules, &real, asked)))
        .map_err(failed)?;
    Ok(connection)
}

/// The names of all tables, views and kinds of virtual tables, in small letters.
fn real_names(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    let names = "SELECT lower(name) FROM sqlite_schema \
                 UNION SELECT lower(name) FROM pragma_module_list";
    let mut statement = connection.prepare(names)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// What a statement may do. A column of a sub-select is none of a table, and is not asked for.
fn judge(rules: &Rules, real: &HashSet<String>, asked: AuthContext<'_>) -> Authorization {
    let allows = |name: &str| rules.names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let allowed = match asked.action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, column_name } => match asked.database_name {
            Some(database) => database == "main" && allows(table_name),
            // Of what no column is used: a table that is named without its schema, or a query of
            // WITH.
            None => allows(table_name) || (column_name.is_empty() && !is_real(real, table_name)),
        },
        AuthAction::Function { function_name } => {
            rules.functions.iter().any(|n| n.eq_ignore_ascii_case(function_name))
        }
        // The views of wide decimals count up to six, and nothing here tells them from others.
        // What goes on without end is ended by its time.
        AuthAction::Recursive => true,
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

fn is_real(real: &HashSet<String>, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Those of SQLite's own come into being when they are named.
    name.starts_with("sqlite_") || name.starts_with("pragma_") || real.contains(&name)
}

/// The columns of tables that the columns of the answer are.
fn origins(statement: &Statement<'_>, rules: &Rules) -> Vec<Option<&'static Column>> {
    let of_table = |table: &str, column: &str| {
        let table = rules.tables.iter().find(|t| t.name.eq_ignore_ascii_case(table))?;
        table.columns.iter().find(|c| c.name.text.eq_ignore_ascii_case(column))
    };
    let columns = statement.columns_with_metadata();
    columns.into_iter().map(|c| of_table(c.table_name()?, c.origin_name()?)).collect()
}

/// The bytes of a row's values.
fn weight(row: &Row<'_>, columns: usize) -> usize {
    let bytes = |at| match row.get_ref(at) {
        Ok(ValueRef::Text(text) | ValueRef::Blob(text)) => text.len(),
        _ => size_of::<i64>(),
    };
    (0..columns).map(bytes).fold(0, usize::saturating_add)
}

fn cell(row: &Row<'_>, at: usize, column: Option<&'static Column>) -> Result<Value> {
    if let Some(column) = column
        && let Ok(Some(value)) = typed(&mut RowSource::new(row), at, column)
    {
        return Ok(value);
    }
    let value = row.get_ref(at).map_err(|e| from_sqlite(&e, None))?;
    read_cell(value).ok_or_else(|| Error::new(Code::Unreadable, "the stored text is not UTF-8"))
}

/// The value of a column, none for what reads as it stands.
fn typed(
    source: &mut RowSource<'_, '_>,
    at: usize,
    column: &'static Column,
) -> Result<Option<Value>> {
    let got = match column.kind {
        Kind::Bool => source.bool(at, column)?.map(Value::Bool),
        Kind::Decimal { scale, .. } => {
            source.decimal(at, column)?.map(|units| Value::Decimal(units, scale))
        }
        Kind::Uuid => source.uuid(at, column)?.map(Value::Uuid),
        Kind::Timestamp => source.timestamp(at, column)?.map(Value::Timestamp),
        Kind::TimestampNs => source.timestamp_ns(at, column)?.map(Value::TimestampNs),
        Kind::Date => source.date(at, column)?.map(Value::Date),
        Kind::Json => source.text(at, column)?.map(|text| Value::Json(text.to_owned())),
        _ => return Ok(None),
    };
    Ok(match got {
        Got::Value(value) => Some(value),
        Got::Null | Got::Absent => None,
    })
}

/// An error of the engine, as one that tells a guest what is allowed.
#[cold]
fn told(error: &rusqlite::Error, rules: &Rules) -> Error {
    let said = from_sqlite(error, None);
    match error.sqlite_error().map(|e| e.extended_code & 0xff) {
        Some(ffi::SQLITE_INTERRUPT) => too_slow(rules),
        Some(ffi::SQLITE_AUTH) => {
            let message = format!(
                "guests may read these tables, by functions that compute only: {}",
                rules.allowed_tables()
            );
            Error::new(Code::AccessDenied, message).because(said)
        }
        Some(ffi::SQLITE_TOOBIG) => {
            let message = format!("a value or row has more than {GUEST_VALUE_BYTES_MAX} bytes");
            Error::new(Code::QueryFailed, message).because(said)
        }
        _ => said,
    }
}

#[cold]
fn in_memory() -> Error {
    let message = "a database in memory has one connection, which strangers are not let onto: \
                   use a file";
    Error::new(Code::Unsupported, message)
}
