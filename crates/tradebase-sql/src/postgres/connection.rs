//! One connection with its prepared statements.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Column, Error, Record, Result, Table};

use super::address::Address;
use super::cancel;
use super::client::{Client, Statement};
use super::error::{from_postgres, unconnected, unreached};
use super::place::Lease;
use super::scratch::Scratch;
use super::session::Session;
use super::texts::texts;
use super::types::{check_columns, check_parameters};
use crate::naming::quoted;
use crate::options::SqlOptions;

/// How long a connection may take to say good-bye.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// The part of its age by which a connection may be ended earlier, as a divisor: connections
/// that were opened together do not end together.
const JITTER: u32 = 8;

/// The columns of a table: name, type and modifier.
const CATALOGUE: &str = "SELECT attname::text, atttypid, atttypmod FROM pg_attribute \
                         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";

/// A connection. Dropped in the middle of a statement, the statement is cancelled.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) scratch: Scratch,
    pub(super) standing: Standing,
    /// Given back when a cancelled statement has ended.
    pub(super) place: Option<Lease>,
    pub(super) session: Session,
    statements: HashMap<Box<str>, Kept>,
    /// Behind PgBouncer: the tables that have been compared, as nothing is prepared there.
    compared: Option<HashSet<&'static str>>,
    statements_max: usize,
    uses: u64,
    /// How often tables may have been altered when its statements were last given up.
    alterations: u64,
    /// When it is too old; none if it never is.
    old: Option<Tick>,
    /// Reads what the server sends.
    task: Option<JoinHandle<()>>,
    /// The runtime of the task.
    home: Handle,
    /// What encrypts it, if it is encrypted: a request to cancel it must be too.
    tls: Option<MakeRustlsConnect>,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No statement, no transaction: anybody can use it.
    Clean,
    /// No statement, but perhaps a transaction or settings of whoever holds it.
    Held,
    /// Perhaps in the middle of a statement.
    Running,
    /// The server has ended it, or is about to.
    Ended,
}

struct Kept {
    statement: Statement,
    last_use: u64,
}

impl Connection {
    /// Connects. What the server sends is read by a task of the runtime of the options, or of
    /// the caller's.
    pub(super) async fn open(address: &Address, options: &SqlOptions) -> Result<Self> {
        let home = match &options.runtime {
            Some(runtime) => runtime.clone(),
            None => Handle::try_current().map_err(|e| runtime_missing().because(e))?,
        };
        let wait = options.connect_wait;
        let (config, tls) = (&address.config, address.tls.connector()?);
        let connecting = connect_on(options.runtime.as_ref(), config, tls.clone());
        let late = |_| {
            let message = format!("postgres did not answer within {wait:?}");
            Err(unreached(config, Error::new(Code::ConnectionFailed, message)))
        };
        let (client, task) = timeout(wait, connecting).await.unwrap_or_else(late)?;
        Ok(Self {
            client,
            scratch: Scratch::new(),
            standing: Standing::Clean,
            place: None,
            session: Session::default(),
            statements: HashMap::new(),
            compared: address.pgbouncer.then(HashSet::new),
            statements_max: options.statements_max,
            uses: 0,
            alterations: 0,
            old: options.pool_recycle.map(|age| Tick::now().after(age - jitter(age))),
            task: Some(task),
            home,
            tls,
        })
    }

    /// Whether it can still be used.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Whether it has lived long enough. Servers and what stands before them gather garbage for
    /// each connection.
    #[inline]
    pub(super) fn is_old(&self, now: Tick) -> bool {
        self.old.is_some_and(|old| now >= old)
    }

    /// Takes leave of the server with all of them at once.
    pub(super) async fn close_all(connections: impl IntoIterator<Item = Box<Self>>) {
        let tasks: Vec<_> = connections.into_iter().filter_map(|mut c| c.task.take()).collect();
        // The clients are gone by now. A server that does not answer is left behind.
        let ended = async {
            for task in tasks {
                _ = task.await;
            }
        };
        _ = timeout(CLOSE_WAIT, ended).await;
    }

    /// Compares the table with the record, once per connection: values that are too fine for a
    /// column would be rounded by the server, and it would not say so.
    pub(super) async fn know_table(&mut self, table: &'static Table) -> Result<()> {
        let texts = texts(table);
        self.prepare(table, &texts.fixed.get, &texts.key, table.columns).await.map(drop)
    }

    /// As [`know_table`](Connection::know_table).
    pub(super) async fn know<T: Record>(&mut self) -> Result<()> {
        self.know_table(T::TABLE).await
    }

    /// The statement that gets a row by its key.
    pub(super) async fn get_statement<T: Record>(&mut self) -> Result<Statement> {
        let texts = texts(T::TABLE);
        self.prepare(T::TABLE, &texts.fixed.get, &texts.key, T::TABLE.columns).await
    }

    /// A prepared statement that takes these types and gives these columns.
    pub(super) async fn prepare(
        &mut self,
        table: &'static Table,
        sql: &str,
        parameters: &[Type],
        columns: impl IntoIterator<Item = &'static Column>,
    ) -> Result<Statement> {
        self.uses += 1;
        if let Some(kept) = self.statements.get_mut(sql) {
            kept.last_use = self.uses;
            return Ok(kept.statement.clone());
        }
        if self.is_pooled() {
            let statement = Statement::Typed(sql.into(), parameters.into());
            self.compare(table).await?;
            self.keep(sql, statement.clone());
            return Ok(statement);
        }
        let prepared = self.client.prepare(sql).await;
        let statement = prepared.map_err(|e| from_postgres(&e, Some(table)))?;
        // Columns first: they say which one is wrong.
        let columns: Vec<_> = columns.into_iter().collect();
        if !columns.is_empty() {
            let found = statement.columns().iter().map(|c| (c.type_(), c.type_modifier()));
            check_columns(columns.iter().copied(), found)?;
        }
        check_parameters(parameters, statement.params())?;
        let statement = Statement::Named(statement);
        self.keep(sql, statement.clone());
        Ok(statement)
    }

    /// Whether PgBouncer stands before the server: then no statement is prepared, and only a
    /// transaction stays on one connection of the server.
    pub(super) fn is_pooled(&self) -> bool {
        self.compared.is_some()
    }

    /// Compares a table with its record by the catalogue, once.
    async fn compare(&mut self, table: &'static Table) -> Result<()> {
        if self.compared.as_ref().is_none_or(|compared| compared.contains(table.name)) {
            return Ok(());
        }
        let failed = |e| from_postgres(&e, Some(table));
        let name = quoted(table.name);
        let rows = self.client.query_typed(CATALOGUE, &[(&name, Type::TEXT)]).await;
        let mut found = HashMap::new();
        for row in rows.map_err(failed)? {
            let read = || {
                let oid: u32 = row.try_get(1)?;
                let kind = Type::from_oid(oid).unwrap_or(Type::UNKNOWN);
                Ok((row.try_get::<_, String>(0)?, (kind, row.try_get::<_, i32>(2)?)))
            };
            found.extend([read().map_err(failed)?]);
        }
        for column in table.columns {
            let Some((kind, modifier)) = found.get(column.name.text) else {
                let message = format!("the table has no such column: {}", table.name);
                return Err(Error::new(Code::SchemaMismatch, message).column(column.name.text));
            };
            check_columns(std::iter::once(column), [(kind, *modifier)].into_iter())?;
        }
        if let Some(compared) = &mut self.compared {
            compared.insert(table.name);
        }
        Ok(())
    }

    fn keep(&mut self, sql: &str, statement: Statement) {
        if self.statements.len() >= self.statements_max {
            let oldest = self.statements.iter().min_by_key(|(_, kept)| kept.last_use);
            if let Some(sql) = oldest.map(|(sql, _)| sql.clone()) {
                // Dropping it closes it on the server too.
                self.statements.remove(&sql);
            }
        }
        let kept = Kept { statement, last_use: self.uses };
        self.statements.insert(sql.into(), kept);
    }

    /// Forgets all prepared statements: the tables have changed.
    pub(super) fn forget(&mut self) {
        self.statements.clear();
        if let Some(compared) = &mut self.compared {
            compared.clear();
        }
    }

    /// Forgets them if tables may have been altered since, so that they are compared anew.
    #[inline]
    pub(super) fn keep_up(&mut self, alterations: u64) {
        if self.alterations != alterations {
            self.forget();
            self.alterations = alterations;
        }
    }

    /// Runs statements without parameters or rows, all of them or none.
    pub(super) async fn run(&self, table: Option<&Table>, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|e| from_postgres(&e, table))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.standing == Standing::Running
            && self.is_open()
            && let Some(task) = self.task.take()
        {
            let (token, place, tls) =
                (self.client.cancel_token(), self.place.take(), self.tls.take());
            // If the runtime has ended, so has the connection.
            self.home.spawn(async move {
                cancel::end(token, tls, task).await;
                drop(place);
            });
        }
    }
}

/// Up to one part of the age, spread evenly over the connections of this process.
fn jitter(age: Duration) -> Duration {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    // Steps of the golden ratio fill an interval without gaps or heaps.
    const STEP: u32 = 0x9e37_79b9;
    let turn = OPENED.fetch_add(1, Ordering::Relaxed).wrapping_mul(STEP) >> 16;
    (age / JITTER / (1 << 16)).saturating_mul(turn)
}

type Connected = (Client, JoinHandle<()>);

async fn connect_on(
    runtime: Option<&Handle>,
    config: &Config,
    tls: Option<MakeRustlsConnect>,
) -> Result<Connected> {
    let Some(runtime) = runtime else { return connect(config.clone(), tls).await };
    // A set ends its task when this call is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn_on(connect(config.clone(), tls), runtime);
    match tasks.join_next().await {
        Some(Ok(connected)) => connected,
        Some(Err(error)) => Err(unreached(config, runtime_ended().because(error))),
        None => Err(unreached(config, runtime_ended())),
    }
}

/// Connects, and leaves a task behind that reads what the server sends.
async fn connect(config: Config, tls: Option<MakeRustlsConnect>) -> Result<Connected> {
    let failed = |e| unconnected(&config, &e);
    match tls {
        None => config.connect(NoTls).await.map(listen).map_err(failed),
        Some(tls) => config.connect(tls).await.map(listen).map_err(failed),
    }
}

fn listen<S, T>(
    (client, wire): (tokio_postgres::Client, tokio_postgres::Connection<S, T>),
) -> Connected
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let task = tokio::spawn(async move {
        if let Err(error) = wire.await {
            tracing::debug!(store = "postgres", code = ?error.code(), "a connection ended");
        }
    });
    (Client::new(client), task)
}

#[cold]
fn runtime_ended() -> Error {
    let message = "the runtime that connections belong to has ended: give one that lives as long \
                   as the store";
    Error::new(Code::ConnectionFailed, message)
}

#[cold]
fn runtime_missing() -> Error {
    let message = "connections to PostgreSQL need a tokio runtime: call from one, or give one";
    Error::new(Code::Unsupported, message)
}
