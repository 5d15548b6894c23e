//! What an engine is told of one call, and what it tells back for the measures.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tradebase_core::watch::Operation;
use tradebase_core::{Error, Table};

use crate::options::Durability;
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::raw::SqlText;
use crate::sqlite;
use crate::transaction::{Bound, Held};

/// One call of a verb.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    pub(crate) table: Option<&'static Table>,
    pub(crate) manner: Manner,
    /// The transaction that it is part of.
    pub(crate) bound: Option<&'a Bound>,
    /// Nanoseconds that it waited for a connection or its turn to write.
    waited: AtomicU64,
    text: OnceLock<Cow<'static, str>>,
}

/// How the calls of a handle are carried out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// None for what the store was opened with.
    pub(crate) durability: Option<Durability>,
    /// Whether what waits for the disk or takes long runs on the caller's thread.
    pub(crate) in_place: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        operation: Operation,
        table: Option<&'static Table>,
        manner: Manner,
        bound: Option<&'a Bound>,
    ) -> Self {
        let (waited, text) = (AtomicU64::new(0), OnceLock::new());
        Self { operation, table, manner, bound, waited, text }
    }

    /// The transaction on SQLite that it is part of.
    pub(crate) fn sqlite(&self) -> Option<&'a sqlite::Held> {
        match &self.bound?.tx.held {
            Held::Sqlite(held) => Some(held),
            #[cfg(feature = "postgres")]
            Held::Postgres(_) => None,
        }
    }

    /// The transaction on PostgreSQL that it is part of.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(&self) -> Option<&'a postgres::Held> {
        match &self.bound?.tx.held {
            Held::Sqlite(_) => None,
            Held::Postgres(held) => Some(held),
        }
    }

    /// Notes that a statement of the call was refused: its transaction, if it is part of one, can
    /// only be rolled back.
    pub(crate) fn fails(&self, error: &Error) {
        if let Some(bound) = self.bound {
            bound.tx.fails(error);
        }
    }

    /// Notes how long it waited for a connection or its turn.
    pub(crate) fn waits(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How long it waited.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// Notes a statement that is rendered once per record. The first one of a call is kept.
    #[inline]
    pub(crate) fn runs(&self, sql: &'static str) {
        _ = self.text.set(Cow::Borrowed(sql));
    }

    /// Notes a statement that is rendered for this call.
    pub(crate) fn runs_own(&self, sql: &str) {
        _ = self.text.set(Cow::Owned(sql.to_owned()));
    }

    /// Notes a statement of the user's own.
    pub(crate) fn runs_users(&self, sql: &SqlText) {
        _ = self.text.set(sql.to_cow());
    }

    /// The statement that was noted.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.get().map(AsRef::as_ref)
    }
}
