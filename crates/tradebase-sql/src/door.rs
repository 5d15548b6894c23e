//! SQL of the user's own, on a connection that nobody else uses.

use std::fmt;
use std::pin::pin;

#[cfg(doc)]
use tradebase_core::Value;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Field, Result, Row, Rows};

use crate::call::Call;
use crate::engine::{Engine, either};
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::raw::{All, AtMostOne, Fields, Gather, One, Parameters, Ready, SqlText, ready};
use crate::sql::{Sql, count};
use crate::sqlite;

/// A connection that is the caller's own until it is released or dropped.
///
/// All verbs but [`batch`](SqlConnection::batch) take one statement: a second one is refused with
/// [`Code::Injection`] before anything is sent. Its text is a literal, see [`SqlText`].
///
/// Placeholders have one of these forms on both engines, one form per statement: `?`, one after
/// another; `$1` (or `?1`), which may come more than once; `:name`. Strings, quoted names,
/// comments, casts and slices are left alone, and on PostgreSQL:
///
/// - among `?`, its operators of that sign are written doubled: `data ?? 'key'`, `data ??| $$…$$`
///   (`@?` need not be); among placeholders of the other forms they stand as they are
/// - a colon that touches what is in front of it is no placeholder: `a[low:high]`
///
/// Too few values, too many and unknown names are errors of the code [`Code::Invalid`]. Text for a
/// parameter of another type is read by PostgreSQL as it reads literals. On SQLite, a decimal is
/// stored in units of its column, which a statement does not tell, so say the column:
/// `Fill::PRICE.value(price)` is the right parameter on both engines.
///
/// [`release`](SqlConnection::release) gives it back. Dropped without, what it left open is rolled
/// back all the same, and nobody gets it in the state it was left in.
///
/// - On SQLite it is the connection that writes: other writers wait for it as long as
///   [`busy_wait`](crate::SqlOptions::busy_wait) says, those who read a file do not. A database in
///   memory has no other connection, so its readers wait too.
/// - On PostgreSQL it is one of the pool.
///
/// ```
/// # use tradebase_core::Value;
/// # use tradebase_sql::Sql;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sql = Sql::open("sqlite::memory:").await?;
/// let mut connection = sql.connection().await?;
/// connection.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); BEGIN").await?;
/// let sql = "INSERT INTO notes (text) VALUES (:text)";
/// assert_eq!(connection.execute(sql, [("text", "bought".into())]).await?, 1);
/// connection.batch("COMMIT").await?;
/// let found = connection.query_values("SELECT id, text FROM notes", ()).await?;
/// assert_eq!(found.columns, ["id", "text"]);
/// assert_eq!(found.rows, [[Value::Int(1), Value::Text("bought".into())]]);
/// connection.release().await?;
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a connection is held until it is released or dropped"]
pub struct SqlConnection {
    sql: Sql,
    door: Door,
}

/// The engine's connection.
enum Door {
    Sqlite(sqlite::Door),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::Door>),
}

impl Sql {
    /// Takes a connection for statements of the caller's own.
    pub async fn connection(&self) -> Result<SqlConnection> {
        let call = self.call(Operation::Door, None);
        let taken = async {
            if self.bound.is_some() {
                let message = "a transaction has its connection already: use its own handle";
                return Err(Error::new(Code::OutsideTransaction, message));
            }
            self.door(&call).await
        };
        let door = self.run(&call, |_| 0, pin!(taken)).await?;
        Ok(SqlConnection { sql: self.clone(), door })
    }

    async fn door(&self, call: &Call<'_>) -> Result<Door> {
        Ok(match &self.engine {
            Engine::Sqlite(store) => Door::Sqlite(store.door(call).await?),
            #[cfg(feature = "postgres")]
            Engine::Postgres(store) => Door::Postgres(Box::new(store.door(call).await?)),
        })
    }

    /// Runs one statement; see [`SqlConnection::execute`].
    ///
    /// On PostgreSQL a table that it alters is compared anew with its record before the record is
    /// read or written again. A table that a function alters, called by SELECT or another
    /// statement for rows, is not: call that one through a [`SqlConnection`].
    pub async fn execute<'p>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<u64> {
        let (sql, parameters) = (sql.into(), parameters.into());
        let call = self.call(Operation::Query, None);
        call.runs_users(&sql);
        let ran = async {
            let Ready { text, values } = ready(self.engine.dialect(), sql.as_str(), &parameters)?;
            either!(Engine, &self.engine, store => store.execute(&call, &text, &values).await)
        };
        self.run(&call, count, pin!(ran)).await
    }

    /// Reads rows by one statement; see [`SqlConnection::query`].
    ///
    /// What the statement writes is committed when all its rows have been read, and undone if one
    /// cannot be: an error is no write. Not so what PostgreSQL does in a CALL, whose procedure may
    /// commit by itself.
    ///
    /// On SQLite, a statement that begins with SELECT, VALUES, WITH or EXPLAIN and writes nothing
    /// runs on a connection that reads, and keeps no writer waiting.
    pub async fn query<'p, R: Row>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Vec<R>> {
        self.gather::<R, All<R>>(sql.into(), parameters.into(), Vec::len).await
    }

    /// Reads the one row that a statement gives: [`Code::NotFound`] if it gives none,
    /// [`Code::NotOne`] if it gives several. Otherwise as [`query`](Sql::query).
    pub async fn query_one<'p, R: Row>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<R> {
        self.gather::<R, One<R>>(sql.into(), parameters.into(), |_| 1).await
    }

    /// Reads the one row that a statement gives, if it gives one: [`Code::NotOne`] if it
    /// gives several. Otherwise as [`query`](Sql::query).
    pub async fn query_at_most_one<'p, R: Row>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Option<R>> {
        self.gather::<R, AtMostOne<R>>(sql.into(), parameters.into(), one_or_none).await
    }

    /// Reads the one value that a statement gives: a row, and only one, of one column. See
    /// [`Fields`] for decimals.
    pub async fn query_scalar<'p, F: Field>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<F> {
        let Fields((value,)) = self.query_one::<Fields<(F,)>>(sql, parameters).await?;
        Ok(value)
    }

    /// Reads values by one statement; see [`SqlConnection::query_values`], and
    /// [`query`](Sql::query) for SQLite.
    pub async fn query_values<'p>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Rows> {
        let (sql, parameters) = (sql.into(), parameters.into());
        let call = self.call(Operation::Query, None);
        call.runs_users(&sql);
        let found = async {
            let Ready { text, values } = ready(self.engine.dialect(), sql.as_str(), &parameters)?;
            either!(Engine, &self.engine, store => store.query_values(&call, &text, &values).await)
        };
        self.run(&call, |found| found.rows.len(), pin!(found)).await
    }

    async fn gather<R: Row, G: Gather<R>>(
        &self,
        sql: SqlText,
        parameters: Parameters<'_>,
        count: fn(&G::Out) -> usize,
    ) -> Result<G::Out> {
        let call = self.call(Operation::Query, None);
        call.runs_users(&sql);
        let found = async {
            let Ready { text, values } = ready(self.engine.dialect(), sql.as_str(), &parameters)?;
            either!(Engine, &self.engine, store => {
                store.query::<R, G>(&call, &text, &values).await
            })
        };
        self.run(&call, count, pin!(found)).await
    }
}

impl SqlConnection {
    /// Runs one statement and gives the number of rows that it changed.
    ///
    /// Cancelled, it may still take effect if no transaction is open, as may a COMMIT. The
    /// connection is given up with the call, here and in all other verbs: an open transaction is
    /// rolled back, and later calls are errors of the code [`Code::ConnectionLost`].
    pub async fn execute<'p>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<u64> {
        let (sql, parameters) = (sql.into(), parameters.into());
        let dialect = self.sql.engine.dialect();
        let call = self.sql.call(Operation::Query, None);
        call.runs_users(&sql);
        let ran = async {
            let Ready { text, values } = ready(dialect, sql.as_str(), &parameters)?;
            either!(Door, &mut self.door, door => door.execute(&text, &values).await)
        };
        self.sql.watched(&call, count, pin!(ran)).await
    }

    /// Reads rows by one statement, by the position of their columns.
    ///
    /// [`Code::SchemaMismatch`] if the statement gives another number of columns. On SQLite the
    /// sum of a decimal of up to 18 digits is exact and reads as a decimal of the same scale;
    /// wider ones cannot be added up there.
    ///
    /// A statement that writes has written also if a row that it gives back cannot be read, which
    /// is an error: inside a transaction it can be rolled back, without one it stands.
    pub async fn query<'p, R: Row>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Vec<R>> {
        self.gather::<R, All<R>>(sql.into(), parameters.into(), Vec::len).await
    }

    /// Reads the one row that a statement gives; see [`Sql::query_one`] and
    /// [`query`](SqlConnection::query).
    pub async fn query_one<'p, R: Row>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<R> {
        self.gather::<R, One<R>>(sql.into(), parameters.into(), |_| 1).await
    }

    /// Reads the one row that a statement gives, if it gives one; see [`Sql::query_at_most_one`]
    /// and [`query`](SqlConnection::query).
    pub async fn query_at_most_one<'p, R: Row>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Option<R>> {
        self.gather::<R, AtMostOne<R>>(sql.into(), parameters.into(), one_or_none).await
    }

    /// Reads the one value that a statement gives; see [`Sql::query_scalar`] and
    /// [`query`](SqlConnection::query).
    pub async fn query_scalar<'p, F: Field>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<F> {
        let Fields((value,)) = self.query_one::<Fields<(F,)>>(sql, parameters).await?;
        Ok(value)
    }

    /// Reads values of any type by one statement. What it writes stands also if a value cannot be
    /// read, as with [`query`](SqlConnection::query).
    ///
    /// - PostgreSQL: a NUMERIC comes as [`Value::Decimal`] with the digits it has, or as text if
    ///   no [`Decimal`](tradebase_core::Decimal) holds it; types without a kind of their own
    ///   (intervals, arrays, timestamps without a zone) come as the server casts them to text.
    /// - SQLite knows five types, so values come as they are stored: a decimal of up to 18 digits
    ///   as [`Value::Int`] in units of its scale, a wider one as [`Value::Bytes`], a moment as
    ///   [`Value::Int`]. The view `<table>_readable` has them as text, to look at; what is added
    ///   up over it is added as floats, so add up over the table.
    pub async fn query_values<'p>(
        &mut self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Rows> {
        let (sql, parameters) = (sql.into(), parameters.into());
        let dialect = self.sql.engine.dialect();
        let call = self.sql.call(Operation::Query, None);
        call.runs_users(&sql);
        let found = async {
            let Ready { text, values } = ready(dialect, sql.as_str(), &parameters)?;
            either!(Door, &mut self.door, door => door.query_values(&text, &values).await)
        };
        self.sql.watched(&call, |found| found.rows.len(), pin!(found)).await
    }

    async fn gather<R: Row, G: Gather<R>>(
        &mut self,
        sql: SqlText,
        parameters: Parameters<'_>,
        count: fn(&G::Out) -> usize,
    ) -> Result<G::Out> {
        let dialect = self.sql.engine.dialect();
        let call = self.sql.call(Operation::Query, None);
        call.runs_users(&sql);
        let found = async {
            let Ready { text, values } = ready(dialect, sql.as_str(), &parameters)?;
            either!(Door, &mut self.door, door => door.query::<R, G>(&text, &values).await)
        };
        self.sql.watched(&call, count, pin!(found)).await
    }

    /// Runs several statements, without parameters and without rows.
    pub async fn batch(&mut self, sql: impl Into<SqlText>) -> Result<()> {
        let sql = sql.into();
        let call = self.sql.call(Operation::Query, None);
        call.runs_users(&sql);
        let ran = async { either!(Door, &mut self.door, door => door.batch(sql.as_str()).await) };
        self.sql.watched(&call, |()| 0, pin!(ran)).await
    }

    /// Keeps something until nothing runs on the connection any more: a call that was dropped may
    /// leave a statement that ends by itself. On PostgreSQL it ends with the server's session,
    /// which has its own locks, so nothing is kept.
    pub(crate) fn keep(&mut self, kept: impl Send + 'static) {
        match &mut self.door {
            Door::Sqlite(door) => door.keep(Box::new(kept)),
            #[cfg(feature = "postgres")]
            Door::Postgres(_) => drop(kept),
        }
    }

    /// Gives the connection back. What is still open is rolled back, settings, temporary tables
    /// and locks of the session are undone. What cannot be undone ends with the connection, and
    /// another one takes its place: prepared statements of the caller's own on PostgreSQL, a
    /// PRAGMA on a SQLite file. A database in memory has no other connection: there the settings
    /// that matter to records are set back, and others stay.
    pub async fn release(self) -> Result<()> {
        either!(Door, self.door, door => door.release().await).map_err(|e| e.during("release"))
    }
}

impl fmt::Debug for SqlConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlConnection").field("sql", &self.sql).finish_non_exhaustive()
    }
}

/// How many rows that is.
fn one_or_none<R>(found: &Option<R>) -> usize {
    usize::from(found.is_some())
}

/// A statement gives another number of columns than are read.
#[cold]
pub(crate) fn other_width(want: usize, have: usize) -> Error {
    let message = format!("the statement must give {want} columns, it gives {have}");
    Error::new(Code::SchemaMismatch, message)
}

/// A statement takes another number of parameters than are given.
#[cold]
pub(crate) fn other_count(takes: usize, given: usize) -> Error {
    let message = format!("the statement takes {takes} parameters, {given} are given");
    Error::new(Code::Invalid, message)
}
