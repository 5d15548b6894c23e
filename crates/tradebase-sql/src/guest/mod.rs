//! Queries of strangers: one plain query over allowed tables, by allowed functions, within limits.
//!
//! Two walls, each of which holds alone. The first is ours: the text is parsed, every part of it
//! looked at, and only what is known to be harmless goes on, rendered anew, so that an engine
//! never sees a text that was read in another way here. The second is the engine's: a connection
//! of its own that cannot write and sees nothing but the tables.

mod bytes;
mod capped;
mod expression;
mod functions;
mod names;
mod noted;
mod options;
mod parser;
mod role;
mod scope;
mod tokens;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Result, Rows, Table};

pub(crate) use options::COLUMNS_MAX;
pub use options::{
    GUEST_BYTES_MAX, GUEST_ROWS_MAX, GUEST_SQL_BYTES_MAX, GUEST_VALUE_BYTES_MAX, GUEST_WAIT,
    GUESTS_AT_ONCE, GuestOptions,
};
pub(crate) use parser::Dialect;

use crate::engine::Engine;
use crate::error::exhausted;
use crate::sql::Sql;

/// A door for queries of people that nobody has to trust.
///
/// ```
/// # use tradebase_core::{Record, Value};
/// # use tradebase_sql::{GuestOptions, Sql, SqlOptions};
/// # #[derive(Record)]
/// # #[record(table = "fills")]
/// # struct Fill {
/// #     #[record(key)]
/// #     id: i64,
/// #     symbol: String,
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tradebase_testkit::TempFolder::new()?;
/// # let url = format!("sqlite://{}", folder.file("ledger.db").display());
/// let sql = Sql::open_with(SqlOptions::new(url).create_tables([Fill::TABLE])).await?;
/// let guest = sql.guest(GuestOptions::new().rows_max(100))?;
/// sql.insert(&Fill { id: 1, symbol: "BTC/USDT".into() }).await?;
/// let found = guest.query("SELECT count(*) FROM fills WHERE symbol LIKE 'BTC%'").await?;
/// assert_eq!(found.rows.rows, [[Value::Int(1)]]);
/// assert!(guest.query("DELETE FROM fills").await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Guest {
    sql: Sql,
    rules: Arc<Rules>,
}

/// What a guest's query has found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GuestRows {
    /// The columns and rows, no more than the limits allow.
    pub rows: Rows,
    /// Whether there are more rows, which were left out.
    pub is_cut: bool,
}

/// One of the few places of guests.
type Place = OwnedSemaphorePermit;

/// What guests may do.
pub(crate) struct Rules {
    pub(crate) options: GuestOptions,
    /// The records behind the tables.
    pub(crate) tables: Vec<&'static Table>,
    /// The names of tables and views that may be read.
    pub(crate) names: Vec<String>,
    /// The names of functions that may be called, in small letters.
    pub(crate) functions: Vec<&'static str>,
}

/// A query that may be run.
pub(crate) struct Ask {
    pub(crate) text: String,
    /// What the log may say of it.
    noted: String,
    /// Whether a column of the answer is one of a table, as the engine says: in a union it is so
    /// for the rows of the first query alone.
    pub(crate) has_origins: bool,
    pub(crate) rules: Arc<Rules>,
}

impl Sql {
    /// A door for queries of strangers.
    ///
    /// - On SQLite the store must be a file: what is in memory has one connection, which strangers
    ///   are not let onto. A column of a table comes as the value that it is, also a decimal;
    ///   what is computed of it comes in the units that are stored. The view `<table>_readable`
    ///   has everything as text.
    /// - On PostgreSQL guests sign in by a role of their own, which can do nothing else: see
    ///   `guest_role` and [`SqlOptions::guest_url`](crate::SqlOptions::guest_url). What the role
    ///   may do is looked at each time.
    pub fn guest(&self, options: GuestOptions) -> Result<Guest> {
        if self.bound.is_some() {
            let message = "guests have a connection of their own: ask the store, not a transaction";
            return Err(Error::new(Code::OutsideTransaction, message));
        }
        let dialect = self.dialect();
        let tables = match &options.tables {
            Some(tables) => tables.clone(),
            None => self.tables().to_vec(),
        };
        let mut names: Vec<_> = tables.iter().map(|table| table.name.to_owned()).collect();
        if dialect == Dialect::Sqlite {
            names.extend(tables.iter().map(|table| crate::sqlite::readable(table)));
        }
        let mut functions = functions::of(dialect);
        functions.extend(options.functions.iter().copied());
        let rules = Arc::new(Rules { options, tables, names, functions });
        Ok(Guest { sql: self.clone(), rules })
    }

    fn dialect(&self) -> Dialect {
        match &self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl Guest {
    /// Runs one query and gives its rows.
    ///
    /// What is no single plain query is an error of the code [`Code::Injection`], what names
    /// another table or function one of [`Code::AccessDenied`], and what takes too long one of
    /// [`Code::TimedOut`]. Rows beyond the limits are left out, and the answer says so. Dropped,
    /// the call ends the query.
    pub async fn query(&self, text: &str) -> Result<GuestRows> {
        let call = self.sql.call(Operation::Query, None);
        let asked = async {
            // First of all, so that no more are examined at a time than are let in.
            let permit = self.enter().await?;
            let (ask, permit) = self.examine(text, permit).await?;
            call.runs_own(&ask.noted);
            match &self.sql.engine {
                Engine::Sqlite(store) => store.guest(ask, permit).await,
                #[cfg(feature = "postgres")]
                Engine::Postgres(store) => {
                    let found = store.guest(&ask).await;
                    drop(permit);
                    found
                }
            }
        };
        self.sql.run(&call, |found| found.rows.rows.len(), pin!(asked)).await
    }

    /// A place is kept while it is examined.
    async fn examine(&self, text: &str, place: Place) -> Result<(Ask, Place)> {
        if text.len() > GUEST_SQL_BYTES_MAX {
            let message = format!(
                "a query has at most {GUEST_SQL_BYTES_MAX} bytes, this one has {}",
                text.len()
            );
            return Err(Error::new(Code::Injection, message));
        }
        let rules = self.rules.clone();
        let text = text.to_owned();
        if self.rules.options.unparsed {
            let noted = noted::UNPARSED.to_owned();
            return Ok((Ask { text, noted, has_origins: false, rules }, place));
        }
        let examined = parser::examine(text, self.sql.dialect(), rules.clone(), place);
        let (parser::Harmless { text, noted, has_origins }, place) = examined.await?;
        Ok((Ask { text, noted, has_origins, rules }, place))
    }

    /// Waits for one of the few places.
    async fn enter(&self) -> Result<Place> {
        let places = self.sql.guests().clone();
        let wait = self.sql.pool_wait();
        let entered = timeout(wait, places.acquire_owned()).await;
        let full = || exhausted(wait, GUESTS_AT_ONCE);
        entered.map_err(|_| full())?.map_err(|_| crate::error::closed())
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("sql", &self.sql)
            .field("tables", &self.rules.names)
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// Columns of an answer at most.
    pub(crate) fn columns_max(&self) -> usize {
        let columns = self.tables.iter().map(|table| table.columns.len());
        columns.max().unwrap_or_default().max(COLUMNS_MAX)
    }

    /// The tables, for messages.
    pub(crate) fn allowed_tables(&self) -> String {
        match self.names.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        }
    }
}

/// A query took longer than it may.
#[cold]
pub(crate) fn too_slow(rules: &Rules) -> Error {
    let wait = rules.options.wait;
    Error::new(Code::TimedOut, format!("the query was ended, guests have {wait:?} for one"))
}
