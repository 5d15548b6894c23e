//! The connection of one call: one of the pool, or that of the transaction it is part of.

use std::sync::Arc;

use tradebase_core::Result;
use tradebase_core::clock::Tick;
use tradebase_core::watch::Operation;

use super::connection::Connection;
use super::held::{self, Turn};
use super::pool;
use super::session;
use crate::call::Call;
use crate::options::Durability;

/// A connection, while one call has it; see [`done`](Lease::done).
// The large one is the one that must be quick.
#[allow(clippy::large_enum_variant)]
pub(super) enum Lease {
    /// Of the pool: each statement is a transaction of its own.
    Own(pool::Lease),
    /// Of a transaction.
    Shared(Turn),
}

/// The statements that make several others one: all of them, or none.
pub(super) struct Group {
    pub(super) begin: &'static str,
    pub(super) end: &'static str,
    pub(super) undo: &'static str,
}

const OWN: Group = Group { begin: "BEGIN", end: "COMMIT", undo: "ROLLBACK" };

const WITHIN: Group = Group {
    begin: "SAVEPOINT together",
    end: "RELEASE SAVEPOINT together",
    undo: "ROLLBACK TO SAVEPOINT together; RELEASE SAVEPOINT together",
};

impl Lease {
    /// A connection for that call. It waits for one of the pool, or for its turn.
    pub(super) async fn take(pool: &Arc<pool::Pool>, call: &Call<'_>) -> Result<Self> {
        let begun = Tick::now();
        let lease = match (call.bound, call.postgres()) {
            (Some(bound), Some(held)) =>
            // Boxed, so that calls of their own do not carry it along.
            {
                Lease::Shared(Box::pin(held::take_turn(bound, held, call)).await?)
            }
            _ => {
                let mut lease = pool.lease().await?;
                if writes(call.operation) {
                    let relaxed = call.manner.durability == Some(Durability::Relaxed);
                    session::relax(lease.connection()?, relaxed);
                }
                Lease::Own(lease)
            }
        };
        call.waits(begun.elapsed());
        Ok(lease)
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        match self {
            Lease::Own(lease) => lease.connection(),
            Lease::Shared(turn) => turn.connection(),
        }
    }

    /// Says that what is run may alter tables.
    pub(super) fn alters(&mut self) {
        match self {
            Lease::Own(lease) => lease.alters(),
            Lease::Shared(turn) => turn.alters(),
        }
    }

    /// Says that what is run may change settings of the session: a transaction's connection is set
    /// back when it ends, one of the pool by the call itself.
    pub(super) fn resets(&mut self) {
        if let Lease::Shared(turn) = self {
            turn.resets();
        }
    }

    /// How several statements of this call become one.
    pub(super) fn group(&self) -> &'static Group {
        match self {
            Lease::Own(_) => &OWN,
            Lease::Shared(_) => &WITHIN,
        }
    }

    /// Whether it is that of a transaction.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Lease::Shared(_))
    }

    /// Whether the work must be done once more; see
    /// [`pool::Lease::prepares_anew`]. Not in a transaction, which a refused statement has broken.
    #[inline]
    pub(super) fn prepares_anew<R>(&mut self, outcome: &Result<R>) -> bool {
        match self {
            Lease::Own(lease) => lease.prepares_anew(outcome),
            Lease::Shared(_) => false,
        }
    }

    /// The call has ended, well or not, and nothing that it began is open. Dropped without, the
    /// connection is ended, and the transaction that it belongs to with it.
    pub(super) fn done<R>(self, outcome: Result<R>) -> Result<R> {
        match self {
            Lease::Own(lease) => lease.done(outcome),
            Lease::Shared(turn) => turn.done(outcome),
        }
    }
}

/// Whether the operation may write.
pub(super) fn writes(operation: Operation) -> bool {
    use Operation::{All, Count, Exists, Find, Get, GetMany, List, Ping, Stream, Transaction};
    !matches!(
        operation,
        All | Count | Exists | Find | Get | GetMany | List | Ping | Stream | Transaction
    )
}
