//! The second wall on PostgreSQL: a role that signs in itself and can read allowed tables, no
//! more, inside a transaction that reads only and is always rolled back.
//!
//! A connection is opened for one query and ended after it: whatever a query does to its session
//! is gone with it.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::timeout;
use tradebase_core::{Code, Error, Result, Rows};

use super::address;
use super::connection::{Connection, Standing};
use super::error::from_postgres;
use super::store::Store;
use super::value;
use crate::guest::{Ask, GuestRows, Rules, too_slow};
use crate::options::SqlOptions;

/// How long before our own end of a query the server is told to end it, as a part of the time.
const EARLIER: u32 = 20;

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
        self.refuse_mighty(&ask.rules.names).await?;
        // The time-outs came with the sign-in; the role may have others of its own.
        self.run(None, "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on").await?;
        let found = self.guest_rows(ask).await;
        if found.as_ref().is_ok_and(|found| found.is_cut) {
            // The rest is on its way: the connection is cut instead.
            return found;
        }
        self.run(None, "ROLLBACK").await?;
        found
    }

    async fn guest_rows(&self, ask: &Ask) -> Result<GuestRows> {
        let failed = |e| from_postgres(&e, None);
        // Prepared, a text is one statement: the server refuses several.
        let described = self.describe(&ask.text).await?;
        if described.columns().is_empty() || !described.params().is_empty() {
            return Err(Error::new(Code::AccessDenied, "guests can read only"));
        }
        let statement = self.readable(&ask.text, &described).await?;
        let columns = described.columns().iter().map(|column| column.name().to_owned()).collect();
        let options = &ask.rules.options;
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
            found.rows.rows.push(value::read(&row, &found.rows.columns)?);
        }
        Ok(found)
    }
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
