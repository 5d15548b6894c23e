//! A connection of the pool, while one call has it.

use std::sync::Arc;

use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::connection::{Connection, Standing};
use super::error::{ends, is_stale};
use super::pool::{End, Pool};
use crate::error::closed;

/// A place in the pool with its connection, while one call has it.
///
/// The connection goes back to the pool only after [`done`](Lease::done): a call that was
/// cancelled leaves it in a state that nobody knows, so then its statement is cancelled and it is
/// ended, and the server undoes what was begun. The place goes back in any case.
pub(super) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Box<Connection>>,
    alters: bool,
    anew: bool,
}

/// Does the work of one call that is no part of a transaction, and gives the connection back. See
/// [`Lease::prepares_anew`]. (Not a function: with a closure the future is not `Send` enough.)
macro_rules! run {
    ($lease:expr, $connection:ident => $work:expr) => {{
        let mut lease = $lease;
        loop {
            let $connection = lease.connection()?;
            let outcome = $work;
            if !lease.prepares_anew(&outcome) {
                break lease.done(outcome);
            }
        }
    }};
}
pub(super) use run;

impl Lease {
    /// A place that the pool has counted.
    #[inline]
    pub(super) fn new(pool: Arc<Pool>, connection: Option<Box<Connection>>) -> Self {
        Self { pool, connection, alters: false, anew: false }
    }

    /// The connection.
    #[inline]
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        let connection = self.connection.as_deref_mut().ok_or_else(closed)?;
        connection.standing = Standing::Running;
        Ok(connection)
    }

    /// Says that what is run may alter tables.
    pub(super) fn alters(&mut self) {
        self.alters = true;
    }

    /// Takes the connection along: it is put back when a call has ended, and a call that is
    /// cancelled ends it. None after such a call.
    pub(super) fn take(&mut self) -> Option<Box<Connection>> {
        let mut connection = self.connection.take()?;
        connection.standing = Standing::Running;
        Some(connection)
    }

    /// Puts the connection back after a call.
    pub(super) fn put(&mut self, mut connection: Box<Connection>) {
        connection.standing = Standing::Held;
        self.connection = Some(connection);
        if self.alters {
            self.pool.altered();
        }
    }

    /// Whether the work must be done once more: a table was altered under a prepared statement,
    /// which the server has refused before it ran. All of them are prepared anew then, once.
    #[inline]
    pub(super) fn prepares_anew<R>(&mut self, outcome: &Result<R>) -> bool {
        match outcome {
            Ok(_) => false,
            Err(error) => is_stale(error) && !self.anew && self.forget(),
        }
    }

    #[cold]
    fn forget(&mut self) -> bool {
        self.anew = true;
        if let Some(connection) = &mut self.connection {
            connection.forget();
        }
        true
    }

    /// The call has ended, well or not, and no transaction is open.
    #[inline]
    pub(super) fn done<R>(mut self, outcome: Result<R>) -> Result<R> {
        if let Some(connection) = &mut self.connection {
            connection.standing = Standing::Clean;
        }
        if let Err(error) = &outcome {
            self.learn(error);
        }
        outcome
    }

    #[cold]
    fn learn(&mut self, error: &Error) {
        if error.code() == Code::ConnectionLost {
            self.pool.suspect();
        }
        let Some(connection) = &mut self.connection else { return };
        if ends(error) {
            // It may look open for a moment yet.
            connection.standing = Standing::Ended;
        } else if matches!(error.code(), Code::SchemaMismatch | Code::TransactionFailed) {
            // Somebody may have changed a table under its prepared statements.
            connection.forget();
        }
    }

    /// Whether it has its connection, or must open one.
    #[inline]
    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// A connection that was opened for this place.
    pub(super) fn connect(&mut self, connection: Connection) {
        self.connection = Some(Box::new(connection));
    }

    /// See [`Connection::keep_up`].
    #[inline]
    pub(super) fn keep_up(&mut self, alterations: u64) {
        if let Some(connection) = &mut self.connection {
            connection.keep_up(alterations);
        }
    }

    /// Without a connection that is dead or too old by now.
    pub(super) fn fresh(mut self, now: Tick) -> Self {
        if let Some(old) = self.connection.take_if(|c| !c.is_open() || c.is_old(now)) {
            self.pool.ended(if old.is_open() { End::Recycled } else { End::Broken });
        }
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.alters {
            self.pool.altered();
        }
        let Some(mut connection) = self.connection.take() else {
            return self.pool.give_back(None);
        };
        match connection.standing {
            Standing::Clean if connection.is_open() => self.pool.give_back(Some(connection)),
            Standing::Running if connection.is_open() => {
                self.pool.ended(End::Cancelled);
                // The place is free when the statement is: the server never has more connections
                // than the pool has places.
                connection.place = Some(Lease::new(self.pool.clone(), None));
            }
            _ => {
                self.pool.ended(End::Broken);
                drop(connection);
                self.pool.give_back(None);
            }
        }
    }
}
