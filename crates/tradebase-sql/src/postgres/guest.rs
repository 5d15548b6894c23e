//! The second wall on PostgreSQL: a role that signs in itself and can read allowed tables, no
//! more, inside a transaction that reads only and is always rolled back.
//!
//! A connection is opened for one query and ended after it: whatever a query does to its session
//! is gone with it.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Column, Statement};
use tradebase_core::{Code, Error, Result, Rows};

use super::address;
use super::connection::{Connection, Standing};
use super::error::from_postgres;
use super::store::Store;
use super::value;
use crate::guest::{Ask, GuestRows, Rules, too_slow};
use crate::options::SqlOptions;

/// Names mean from here on what they mean to the role now, and no temporary table is one of them.
const BEGIN: &str = "
BEGIN READ ONLY;
SET LOCAL standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog',
    (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' ORDER BY place)
        FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS s (name, place)
        WHERE name NOT IN ('pg_catalog', 'pg_temp')),
    'pg_temp'), true)";
/// How long before our own end of a query the server is told to end it, as a part of the time.
const EARLIER: u32 = 20;
/// So long a value may always be, in bytes. Where the columns are few, it may be longer: all of a
/// row then have no more than an answer may.
const LONG_BYTES: usize = 64 * 1024;
/// Types whose values are never long.
const SHORT: [Type; 11] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::UUID,
    Type::TIMESTAMPTZ,
    Type::DATE,
    Type::NAME,
    Type::VOID,
];

impl Store {
    /// Runs a query of a guest, on a connection of its own. Dropped, the query is cancelled.
    pub(crate) async fn guest(&self, ask: &Ask) -> Result<GuestRows> {
        let options = self.guest_options(&ask.rules)?;
        let url = options.guest_url.as_ref().ok_or_else(nowhere)?.expose();
        let (scheme, rest) = url.split_once(':').ok_or_else(misplaced)?;
        if !matches!(scheme.split('+').next(), Some("postgres" | "postgresql")) {
            return Err(misplaced());
        }
        let address = address::parse(rest, &options)?;
        if address.pgbouncer {
            let message = "guests need a session, which PgBouncer does not give: let the address \
                           of guests lead to the server itself";
            return Err(Error::new(Code::Unsupported, message));
        }
        let mut connection = Connection::open(&address, &options).await?;
        // From here on, dropping it cancels what runs and cuts it if that does not end.
        connection.standing = Standing::Running;
        let found = timeout(ask.rules.options.wait, connection.guest(ask)).await;
        let found = found.map_err(|_| too_slow(&ask.rules))?;
        match &found {
            Ok(found) if !found.is_cut => connection.standing = Standing::Held,
            Err(error) if error.code() != Code::TimedOut => connection.standing = Standing::Held,
            // Rows may be on their way.
            _ => {}
        }
        found.map_err(|error| explained(error, &ask.rules))
    }

    /// The options of the store, with the time of guests.
    fn guest_options(&self, rules: &Rules) -> Result<SqlOptions> {
        let mut options = self.pool().options().clone();
        let wait = rules.options.wait;
        // The server's own end comes first, so that it is there where the network is slow.
        let wait = wait.saturating_sub(wait / EARLIER).max(Duration::from_millis(1));
        options.statement_wait = Some(wait);
        options.lock_wait = Some(wait);
        options.idle_in_transaction_wait = Some(wait);
        options.pgbouncer = false;
        Ok(options)
    }
}

impl Connection {
    async fn guest(&mut self, ask: &Ask) -> Result<GuestRows> {
        // The time-outs came with the sign-in; the role may have others of its own.
        self.run(None, BEGIN).await?;
        let found = match self.refuse_mighty(&ask.rules.names).await {
            Ok(()) => self.guest_rows(ask).await,
            Err(error) => Err(error),
        };
        if found.as_ref().is_ok_and(|found| found.is_cut) {
            // The rest is on its way: the connection is cut instead.
            return found;
        }
        self.run(None, "ROLLBACK").await?;
        found
    }

    /// The same query, which gives no value that is longer. See [`guard`].
    async fn guarded(&self, sql: &str, described: &Statement, long: usize) -> Result<Statement> {
        let text = guard(sql, described.columns(), long);
        match self.client.prepare(&text).await {
            Ok(statement) => Ok(statement),
            Err(error) => {
                let message = "a column of this query cannot be read here: cast it to text";
                Err(Error::new(Code::Unsupported, message).because(from_postgres(&error, None)))
            }
        }
    }

    async fn guest_rows(&self, ask: &Ask) -> Result<GuestRows> {
        let failed = |e| from_postgres(&e, None);
        // Prepared, a text is one statement: the server refuses several.
        let described = self.describe(&ask.text).await?;
        if described.columns().is_empty() || !described.params().is_empty() {
            return Err(Error::new(Code::AccessDenied, "guests can read only"));
        }
        let most = ask.rules.columns_max();
        if described.columns().len() > most {
            let message = format!("an answer has at most {most} columns");
            return Err(Error::new(Code::QueryFailed, message));
        }
        let options = &ask.rules.options;
        let long = (options.bytes_max / described.columns().len().max(1)).max(LONG_BYTES);
        let statement = self.guarded(&ask.text, &described, long).await?;
        let columns = described.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut found = GuestRows { rows: Rows::new(columns, Vec::new()), is_cut: false };
        let nothing: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let rows = self.client.query_raw(&statement, nothing).await.map_err(failed)?;
        let (mut rows, mut bytes) = (pin!(rows), 0_usize);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            bytes = bytes.saturating_add(row.raw_size_bytes());
            if found.rows.rows.len() >= options.rows_max || bytes > options.bytes_max {
                found.is_cut = true;
                break;
            }
            if row.try_get::<_, bool>(found.rows.columns.len()).map_err(failed)? {
                let message = format!("a value of this query has more than {long} bytes");
                return Err(Error::new(Code::QueryFailed, message));
            }
            found.rows.rows.push(value::read(&row, &found.rows.columns)?);
        }
        Ok(found)
    }
}

/// A statement that keeps longer values on the server. Its last column says whether a row has one.
fn guard(sql: &str, columns: &[Column], long: usize) -> String {
    let (mut names, mut chosen, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for (at, column) in columns.iter().enumerate() {
        let (name, ty) = (format!("c{at}"), column.type_());
        // Types that only the server knows come as their text.
        let text = if value::is_known(ty) { name.clone() } else { format!("{name}::text") };
        if SHORT.contains(ty) {
            chosen.push(text);
        } else {
            let counted = if *ty == Type::BYTEA { name.clone() } else { format!("{name}::text") };
            let is_long = format!("pg_catalog.octet_length({counted}) > {long}");
            chosen.push(format!("CASE WHEN {is_long} THEN NULL ELSE {text} END"));
            checks.push(format!("coalesce({is_long}, false)"));
        }
        names.push(name);
    }
    checks.push("false".to_owned());
    // OFFSET 0: each value is computed once, not at each place that names it.
    format!(
        "WITH given ({}) AS (\n{}\n) SELECT {}, {} FROM (SELECT * FROM given OFFSET 0) AS given",
        names.join(", "),
        sql.trim_end().trim_end_matches(';'),
        chosen.join(", "),
        checks.join(" OR "),
    )
}

/// An error of the server, as one that tells a guest what is allowed.
#[cold]
fn explained(error: Error, rules: &Rules) -> Error {
    match error.code() {
        Code::TimedOut => too_slow(rules),
        Code::AccessDenied => {
            let message = format!("guests may read these tables: {}", rules.allowed_tables());
            Error::new(Code::AccessDenied, message).because(error)
        }
        _ => error,
    }
}

#[cold]
fn nowhere() -> Error {
    let message = "guests need a role of their own on PostgreSQL: make one with guest_role, and \
                   set its address as guest_url or DATABASE_GUEST_URL";
    Error::new(Code::Config, message)
}

#[cold]
fn misplaced() -> Error {
    Error::new(Code::Config, "the address of guests must begin with postgres://")
}
