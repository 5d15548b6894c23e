//! A connection of one's own, for statements that belong together.

use tradebase_core::watch::Operation;
use tradebase_core::{Result, Row, Rows, Value};
use tradebase_duckdb::duckdb::Connection;
use tradebase_duckdb::{self as floor, Held, Interrupt};

use crate::query::changed;
use crate::{Analytics, error, values};

/// A connection that nobody else uses: for transactions, settings and temporary tables.
///
/// ```
/// use tradebase_analytics::Analytics;
/// use tradebase_core::Value;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tradebase_core::Error> {
/// let analytics = Analytics::open(":memory:").await?;
/// let mut connection = analytics.connection().await?;
/// connection.batch("CREATE TABLE notes (id INTEGER, note VARCHAR); BEGIN").await?;
/// let note = [Value::Int(1), Value::Text("first".into())];
/// assert_eq!(connection.execute("INSERT INTO notes VALUES (?, ?)", &note).await?, 1);
/// connection.batch("COMMIT").await?;
/// let found = connection.query_values("SELECT note FROM notes", &[]).await?;
/// assert_eq!(found.rows, [[Value::Text("first".into())]]);
/// # Ok(())
/// # }
/// ```
///
/// Dropped, what it left open is rolled back, and the settings of its session and its temporary
/// tables are gone. What belongs to the whole engine stays, for all its handles, until it closes:
/// an `ATTACH`, and settings that no session has of its own, such as `threads` and `memory_limit`.
/// As long as the connection is there, [`close`](Analytics::close) waits for it.
#[derive(Debug)]
pub struct AnalyticsConnection {
    analytics: Analytics,
    /// None while a statement has it.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    // Dropped before the engine may close.
    connection: Connection,
    _held: Held,
}

impl Analytics {
    /// A connection of one's own; see [`AnalyticsConnection`].
    pub async fn connection(&self) -> Result<AnalyticsConnection> {
        let work = async {
            let held = self.database().hold().await?;
            let open = self.database().run(move || {
                let connection = held.engine().connection()?;
                Ok(Open { connection, _held: held })
            });
            Ok(AnalyticsConnection { analytics: self.clone(), open: Some(open?.end().await?) })
        };
        self.watched(Operation::Door, None, |_| 0, work).await
    }
}

impl AnalyticsConnection {
    /// Carries one statement out, and says how many rows it changed.
    ///
    /// Parameters are `?`, `$1` or `$name` in order of appearance. A call that is dropped, here
    /// and below, stops its statement and gives the connection up.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.ask(sql, params, changed, floor::execute).await
    }

    /// Asks one statement and reads its rows, column by column by position.
    pub async fn query<R: Row>(&mut self, sql: &str, params: &[Value]) -> Result<Vec<R>> {
        self.ask(sql, params, Vec::len, floor::query_rows).await
    }

    /// Asks one statement and gives its rows as values of whatever types they are.
    pub async fn query_values(&mut self, sql: &str, params: &[Value]) -> Result<Rows> {
        self.ask(sql, params, |found: &Rows| found.rows.len(), values::query).await
    }

    /// Carries any number of statements out, without parameters. Outside a transaction those
    /// before one that fails have taken effect.
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        let run = |connection: &Connection, sql: &str, _: &[Value]| {
            connection.execute_batch(sql).map_err(floor::driver_error)
        };
        self.ask(sql, &[], |()| 0, run).await
    }

    /// Gives the connection back, on a thread that may block. What it left open is rolled back.
    pub async fn release(mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let work = async {
            let closed = self.analytics.database().run(move || {
                drop(open);
                Ok(())
            });
            closed?.end().await
        };
        self.analytics.watched(Operation::Door, None, |()| 0, work).await
    }

    async fn ask<U: Send + 'static>(
        &mut self,
        sql: &str,
        params: &[Value],
        count: impl Fn(&U) -> usize,
        ask: impl FnOnce(&Connection, &str, &[Value]) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        let (sql, params) = (sql.to_owned(), params.to_owned());
        let Self { analytics, open: place } = self;
        let work = async {
            let open = place.take().ok_or_else(error::given_up)?;
            let interrupt = Interrupt::default();
            let _stop = interrupt.on_drop();
            let asked = analytics.database().run(move || {
                let done = interrupt.run(&open.connection, |c| ask(c, &sql, &params));
                Ok((open, done))
            });
            let (open, done) = asked?.end().await?;
            *place = Some(open);
            done
        };
        analytics.watched(Operation::Query, None, count, work).await
    }
}
