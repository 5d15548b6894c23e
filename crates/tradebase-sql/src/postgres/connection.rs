//! One connection with its prepared statements.

use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Statement};
use tradebase_core::{Code, Column, Error, Record, Result, Table};

use super::error::{from_connecting, from_postgres, unconnected};
use super::scratch::Scratch;
use super::session::Session;
use super::texts::texts;
use super::types::{check_columns, check_parameters};
use crate::options::SqlOptions;

/// How long a connection may take to say good-bye.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) scratch: Scratch,
    pub(super) session: Session,
    statements: HashMap<Box<str>, Kept>,
    statements_max: usize,
    uses: u64,
    /// How often tables may have been altered when its statements were last given up.
    alterations: u64,
    task: JoinHandle<()>,
}

struct Kept {
    statement: Statement,
    last_use: u64,
}

impl Connection {
    /// Connects. What the server sends is read by a task of the runtime of the options, or of
    /// the caller's.
    pub(super) async fn open(config: &Config, options: &SqlOptions) -> Result<Self> {
        let wait = options.connect_wait;
        let connected = timeout(wait, connect_on(options.runtime.as_ref(), config)).await;
        let late = |_| {
            let message = format!("postgres did not answer within {wait:?}");
            Err(Error::new(Code::ConnectionFailed, message))
        };
        let connected = connected.unwrap_or_else(late);
        let (client, task) = connected.map_err(|e| unconnected(config, e))?;
        let (scratch, statements) = (Scratch::new(), HashMap::new());
        let (statements_max, session) = (options.statements_max, Session::default());
        Ok(Self {
            client,
            scratch,
            session,
            statements,
            statements_max,
            uses: 0,
            alterations: 0,
            task,
        })
    }

    /// Whether it can still be used.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Takes leave of the server.
    pub(super) async fn close(self) {
        let Self { client, statements, task, .. } = self;
        drop(statements);
        drop(client);
        // A server that does not answer is left behind.
        _ = timeout(CLOSE_WAIT, task).await;
    }

    /// Compares the table with the record, once per connection: values that are too fine for a
    /// column would be rounded by the server, and it would not say so.
    pub(super) async fn know<T: Record>(&mut self) -> Result<()> {
        self.get_statement::<T>().await.map(drop)
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
        columns: &'static [Column],
    ) -> Result<Statement> {
        self.uses += 1;
        if let Some(kept) = self.statements.get_mut(sql) {
            kept.last_use = self.uses;
            return Ok(kept.statement.clone());
        }
        let prepared = self.client.prepare(sql).await;
        let statement = prepared.map_err(|e| from_postgres(&e, Some(table)))?;
        check_parameters(parameters, statement.params())?;
        if !columns.is_empty() {
            check_columns(columns, statement.columns())?;
        }
        self.keep(sql, statement.clone());
        Ok(statement)
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

type Connected = (Client, JoinHandle<()>);

async fn connect_on(runtime: Option<&Handle>, config: &Config) -> Result<Connected> {
    let Some(runtime) = runtime else { return connect(config.clone()).await };
    // A set ends its task when this call is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn_on(connect(config.clone()), runtime);
    match tasks.join_next().await {
        Some(Ok(connected)) => connected,
        Some(Err(error)) => Err(runtime_ended().because(error)),
        None => Err(runtime_ended()),
    }
}

/// Connects, and leaves a task behind that reads what the server sends.
async fn connect(config: Config) -> Result<Connected> {
    let (client, wire) = config.connect(NoTls).await.map_err(|e| from_connecting(&e))?;
    let task = tokio::spawn(async move {
        if let Err(error) = wire.await {
            tracing::debug!(store = "postgres", code = ?error.code(), "a connection ended");
        }
    });
    Ok((client, task))
}

#[cold]
fn runtime_ended() -> Error {
    let message = "the runtime that connections belong to has ended: give one that lives as long \
                   as the store";
    Error::new(Code::ConnectionFailed, message)
}
