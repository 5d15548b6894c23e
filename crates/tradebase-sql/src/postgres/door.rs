//! SQL of the user's own, on a connection of the pool.

use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::join;
use tokio_postgres::{RowStream, Statement};
use tradebase_core::{Code, Error, Result, Row, Rows};

use super::connection::Connection;
use super::error::from_postgres;
use super::lease::Lease;
use super::pool;
use super::source::RowSource;
use super::store::Store;
use super::value::{self, Given};
use crate::call::Call;
use crate::error::given_up;
use crate::naming::quoted;
use crate::raw::{Argument, Gather, begins_with, mentions};

/// What DISCARD ALL does, but for the prepared statements: ours are kept.
pub(super) const RESET: &str = "ROLLBACK; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; \
                     UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; \
                     DISCARD SEQUENCES";

/// How statements begin that alter no table by themselves.
const PLAIN: [&str; 9] =
    ["SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "SHOW"];

/// What makes and drops prepared statements, perhaps the driver's own. The driver cannot be told,
/// so such a connection is not used again.
const PREPARING: [&str; 3] = ["PREPARE", "DEALLOCATE", "DISCARD"];

/// How statements begin that begin or end transactions, or take away what the driver and the
/// transactions of this crate stand on.
const ENDING: [&str; 11] = [
    "ABORT",
    "BEGIN",
    "COMMIT",
    "DEALLOCATE",
    "DISCARD",
    "END",
    "PREPARE",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
];

/// Whose transaction a statement runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// The caller's, or none.
    Callers,
    /// One of its own, which is committed when all values have been read.
    Own,
}

/// A connection of the pool, for statements of the user's own. Dropped, it is ended.
pub(crate) struct Door {
    /// Without its connection after a call that was cancelled.
    lease: pool::Lease,
    spent: bool,
}

impl Store {
    /// A connection of the pool.
    pub(crate) async fn door(&self, call: &Call<'_>) -> Result<Door> {
        self.sessions()?;
        Ok(Door { lease: self.own_lease(call).await?, spent: false })
    }

    /// Runs one statement on a connection of its own.
    pub(crate) async fn execute(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<u64> {
        let mut lease = self.lease_for(call, sql).await?;
        let ran = lease.connection()?.run_with(sql, given).await;
        if lease.is_shared() {
            return lease.done(ran);
        }
        let reset = lease.connection()?.reset().await;
        after(lease, sql, reset, ran)
    }

    /// Reads rows by one statement. What it has written stands only if they can be read.
    pub(crate) async fn query<R: Row, G: Gather<R>>(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<G::Out> {
        let mut lease = self.lease_for(call, sql).await?;
        let within = within(&lease, sql);
        let found = lease.connection()?.query::<R, G>(sql, given, within).await;
        commit(lease, sql, found).await
    }

    /// Reads values by one statement. What it has written stands only if they can be read.
    pub(crate) async fn query_values(
        &self,
        call: &Call<'_>,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<Rows> {
        let mut lease = self.lease_for(call, sql).await?;
        let within = within(&lease, sql);
        let found = lease.connection()?.query_values(sql, given, within).await;
        commit(lease, sql, found).await
    }

    async fn lease_for(&self, call: &Call<'_>, sql: &str) -> Result<Lease> {
        self.sessions()?;
        if call.postgres().is_some() && begins_with(opening(sql), &ENDING) {
            return Err(ending(sql));
        }
        let mut lease = self.lease(call).await?;
        if !begins_with(sql, &PLAIN) {
            lease.alters();
        }
        // What it sets is not for those who get the connection next.
        lease.resets();
        Ok(lease)
    }
}

/// Ends the transaction of a statement of its own, and gives the connection back.
async fn commit<T>(mut lease: Lease, sql: &str, found: Result<T>) -> Result<T> {
    if lease.is_shared() {
        return lease.done(found);
    }
    let connection = lease.connection()?;
    connection.session.relaxed = false;
    let (committed, reset) = match &found {
        // Sent together: the transaction costs no round trip.
        Ok(_) => join(connection.run(None, "COMMIT"), connection.run(None, RESET)).await,
        Err(_) => (Ok(()), connection.run(None, RESET).await),
    };
    after(lease, sql, reset, found.and_then(|found| committed.map(|()| found)))
}

/// Gives a connection back that has been reset. One that could not be is gone, and that is all:
/// its statement has ended.
fn after<T>(lease: Lease, sql: &str, reset: Result<()>, outcome: Result<T>) -> Result<T> {
    if reset.is_err() || mentions(sql, &PREPARING) { outcome } else { lease.done(outcome) }
}

/// A procedure may commit by itself, which it cannot in a transaction of another.
fn within(lease: &Lease, sql: &str) -> Within {
    if lease.is_shared() || begins_with(sql, &["CALL"]) { Within::Callers } else { Within::Own }
}

/// A statement without what the server passes over in front of it: comments stand in each other
/// there, and empty statements do not count.
fn opening(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.trim_start_matches(|c| c != '\n' && c != '\r');
        } else if rest.starts_with("/*") {
            rest = behind_comment(rest);
        } else {
            return rest;
        }
    }
}

fn behind_comment(sql: &str) -> &str {
    let (mut rest, mut depth) = (sql, 0_usize);
    loop {
        if let Some(inside) = rest.strip_prefix("/*") {
            (rest, depth) = (inside, depth + 1);
        } else if let Some(behind) = rest.strip_prefix("*/") {
            (rest, depth) = (behind, depth.saturating_sub(1));
            if depth == 0 {
                return rest;
            }
        } else {
            let mut chars = rest.chars();
            if chars.next().is_none() {
                return rest;
            }
            rest = chars.as_str();
        }
    }
}

impl Door {
    /// Runs one statement and gives the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &str, given: &[Argument<'_>]) -> Result<u64> {
        let mut connection = self.take(sql)?;
        let ran = connection.run_with(sql, given).await;
        self.lease.put(connection);
        ran
    }

    /// Reads rows by one statement.
    pub(crate) async fn query<R: Row, G: Gather<R>>(
        &mut self,
        sql: &str,
        given: &[Argument<'_>],
    ) -> Result<G::Out> {
        let mut connection = self.take(sql)?;
        let found = connection.query::<R, G>(sql, given, Within::Callers).await;
        self.lease.put(connection);
        found
    }

    /// Reads values by one statement.
    pub(crate) async fn query_values(&mut self, sql: &str, given: &[Argument<'_>]) -> Result<Rows> {
        let mut connection = self.take(sql)?;
        let found = connection.query_values(sql, given, Within::Callers).await;
        self.lease.put(connection);
        found
    }

    /// Runs several statements.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        let connection = self.take(sql)?;
        let ran = connection.run(None, sql).await;
        self.lease.put(connection);
        ran
    }

    /// Gives the connection back as it was; one that cannot be reset is ended.
    pub(crate) async fn release(mut self) -> Result<()> {
        let Some(mut connection) = self.lease.take() else { return Ok(()) };
        connection.reset().await?;
        self.lease.put(connection);
        if self.spent { Ok(()) } else { self.lease.done(Ok(())) }
    }

    /// The connection, for one call. The driver has sent a statement when its call is first
    /// polled, so nobody knows how one that is cancelled ends: it takes the connection along.
    fn take(&mut self, sql: &str) -> Result<Box<Connection>> {
        self.spent |= mentions(sql, &PREPARING);
        self.lease.alters();
        self.lease.take().ok_or_else(given_up)
    }
}

impl Connection {
    /// Ends what is open, and sets the session back to what it was at first.
    pub(super) async fn reset(&mut self) -> Result<()> {
        self.session.relaxed = false;
        self.run(None, RESET).await
    }

    async fn run_with(&mut self, sql: &str, given: &[Argument<'_>]) -> Result<u64> {
        let statement = self.describe(sql).await?;
        let given = Given::encode(&statement, given)?;
        let ran = self.client.execute_raw(&statement, given.params()).await;
        ran.map_err(|e| from_postgres(&e, None))
    }

    async fn query<R: Row, G: Gather<R>>(
        &mut self,
        sql: &str,
        given: &[Argument<'_>],
        within: Within,
    ) -> Result<G::Out> {
        let statement = self.describe(sql).await?;
        value::check::<R>(statement.columns())?;
        let mut rows = pin!(self.rows(&statement, given, within).await?);
        let mut found = G::default();
        while let Some(row) = rows.try_next().await.map_err(|e| from_postgres(&e, None))? {
            found.take(R::read(&mut RowSource::new(&row))?)?;
        }
        found.end()
    }

    async fn query_values(
        &mut self,
        sql: &str,
        given: &[Argument<'_>],
        within: Within,
    ) -> Result<Rows> {
        let described = self.describe(sql).await?;
        let statement = self.readable(sql, &described).await?;
        let columns = described.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut found = Rows::new(columns, Vec::new());
        let mut rows = pin!(self.rows(&statement, given, within).await?);
        while let Some(row) = rows.try_next().await.map_err(|e| from_postgres(&e, None))? {
            found.rows.push(value::read(&row, &found.columns)?);
        }
        Ok(found)
    }

    /// A statement as the server understands it. It is not kept: the user's own may change the
    /// tables that it reads.
    pub(super) async fn describe(&self, sql: &str) -> Result<Statement> {
        self.client.prepare(sql).await.map_err(|e| from_postgres(&e, None))
    }

    /// The same statement, with columns of types that only the server knows as its text.
    pub(super) async fn readable(&self, sql: &str, statement: &Statement) -> Result<Statement> {
        let known = |column: &tokio_postgres::Column| value::is_known(column.type_());
        let Some(strange) = statement.columns().iter().find(|column| !known(column)) else {
            return Ok(statement.clone());
        };
        let columns = statement.columns().iter().enumerate();
        let columns: Vec<_> = columns.map(|(i, column)| (format!("c{i}"), known(column))).collect();
        let names: Vec<_> = columns.iter().map(|(name, _)| quoted(name)).collect();
        let chosen: Vec<_> = columns
            .iter()
            .map(|(name, known)| quoted(name) + if *known { "" } else { "::text" })
            .collect();
        let inner = sql.trim_end().trim_end_matches(';');
        let text = format!(
            "WITH given ({}) AS (\n{inner}\n) SELECT {} FROM given",
            names.join(", "),
            chosen.join(", "),
        );
        match self.client.prepare(&text).await {
            Ok(statement) => Ok(statement),
            Err(error) => Err(unreadable_type(strange).because(from_postgres(&error, None))),
        }
    }

    async fn rows(
        &self,
        statement: &Statement,
        given: &[Argument<'_>],
        within: Within,
    ) -> Result<RowStream> {
        let given = Given::encode(statement, given)?;
        let rows = self.client.query_raw(statement, given.params());
        // What gives no rows has nothing that could not be read, and may refuse a transaction.
        let rows = if within == Within::Callers || statement.columns().is_empty() {
            rows.await
        } else {
            // Sent together: the transaction costs no round trip.
            let (begun, rows) = join(self.client.batch_execute("BEGIN"), rows).await;
            begun.map_err(|e| from_postgres(&e, None))?;
            rows
        };
        rows.map_err(|e| from_postgres(&e, None))
    }
}

#[cold]
fn unreadable_type(column: &tokio_postgres::Column) -> Error {
    let message = format!(
        "a value of this type cannot be read here: cast it to text in the statement, {}",
        column.type_().name()
    );
    Error::new(Code::Unsupported, message).column(column.name())
}

#[cold]
fn ending(sql: &str) -> Error {
    let word: String = opening(sql).chars().take_while(char::is_ascii_alphabetic).collect();
    let message = format!("a transaction is begun and ended by its closure, not by {word}");
    Error::new(Code::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_end_a_transaction_are_seen_behind_whatever_the_server_passes_over() {
        for sql in [
            "COMMIT",
            " ;; commit",
            "--x\rRollback",
            "/* a /* b */ c */\n-- d\n/**/ Abort",
            "/*/**/*/end;",
            "\u{b}START TRANSACTION",
        ] {
            assert!(begins_with(opening(sql), &ENDING), "{sql}");
        }
        for sql in ["SELECT 'COMMIT'", "/* COMMIT */ SELECT 1", "(SELECT 1)", "", "/* COMMIT"] {
            assert!(!begins_with(opening(sql), &ENDING), "{sql}");
        }
    }
}
