//! SQL of the user's own, on a connection of the pool.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::{RowStream, Statement};
use tradebase_core::{Code, Error, Result, Row, Rows, Value};

use super::connection::Connection;
use super::error::from_postgres;
use super::pool::Lease;
use super::source::RowSource;
use super::store::Store;
use super::value::{self, Given};
use crate::naming::quoted;

/// What DISCARD ALL does, but for the prepared statements: ours are kept.
const RESET: &str = "ROLLBACK; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; \
                     UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; \
                     DISCARD SEQUENCES";

/// A connection of the pool, for statements of the user's own. Dropped, it is ended.
pub(crate) struct Door {
    lease: Lease,
}

impl Store {
    /// A connection of the pool.
    pub(crate) async fn door(&self) -> Result<Door> {
        Ok(Door { lease: self.lease().await? })
    }

    /// Runs one statement on a connection of its own.
    pub(crate) async fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let mut door = self.door().await?;
        let ran = door.execute(sql, parameters).await;
        door.after(ran).await
    }

    /// Reads rows by one statement.
    pub(crate) async fn query<R: Row>(&self, sql: &str, parameters: &[Value]) -> Result<Vec<R>> {
        let mut door = self.door().await?;
        let found = door.query(sql, parameters).await;
        door.after(found).await
    }

    /// Reads values by one statement.
    pub(crate) async fn query_values(&self, sql: &str, parameters: &[Value]) -> Result<Rows> {
        let mut door = self.door().await?;
        let found = door.query_values(sql, parameters).await;
        door.after(found).await
    }
}

impl Door {
    /// Runs one statement and gives the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let connection = self.lease.connection()?;
        let statement = connection.describe(sql).await?;
        let given = Given::encode(&statement, parameters)?;
        let ran = connection.client.execute_raw(&statement, given.params()).await;
        ran.map_err(|e| from_postgres(&e, None))
    }

    /// Reads rows by one statement.
    pub(crate) async fn query<R: Row>(
        &mut self,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Vec<R>> {
        let connection = self.lease.connection()?;
        let statement = connection.describe(sql).await?;
        value::check::<R>(statement.columns())?;
        let mut rows = pin!(connection.rows(&statement, parameters).await?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(|e| from_postgres(&e, None))? {
            found.push(R::read(&mut RowSource::new(&row))?);
        }
        Ok(found)
    }

    /// Reads values by one statement.
    pub(crate) async fn query_values(&mut self, sql: &str, parameters: &[Value]) -> Result<Rows> {
        let connection = self.lease.connection()?;
        let described = connection.describe(sql).await?;
        let statement = connection.readable(sql, &described).await?;
        let columns = described.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut found = Rows::new(columns, Vec::new());
        let mut rows = pin!(connection.rows(&statement, parameters).await?);
        while let Some(row) = rows.try_next().await.map_err(|e| from_postgres(&e, None))? {
            found.rows.push(value::read(&row, &found.columns)?);
        }
        Ok(found)
    }

    /// Runs several statements.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        self.lease.connection()?.run(None, sql).await
    }

    /// Gives the connection back as it was; one that cannot be reset is ended.
    pub(crate) async fn release(mut self) -> Result<()> {
        self.lease.connection()?.run(None, RESET).await?;
        self.lease.done(Ok(()))
    }

    /// Gives the connection back after its only statement.
    async fn after<T>(self, outcome: Result<T>) -> Result<T> {
        // The statement has ended; a connection that cannot be reset is gone, and that is all.
        _ = self.release().await;
        outcome
    }
}

impl Connection {
    /// A statement as the server understands it. It is not kept: the user's own may change the
    /// tables that it reads.
    async fn describe(&self, sql: &str) -> Result<Statement> {
        self.client.prepare(sql).await.map_err(|e| from_postgres(&e, None))
    }

    /// The same statement, with columns of types that only the server knows as its text.
    async fn readable(&self, sql: &str, statement: &Statement) -> Result<Statement> {
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

    async fn rows(&self, statement: &Statement, parameters: &[Value]) -> Result<RowStream> {
        let given = Given::encode(statement, parameters)?;
        let rows = self.client.query_raw(statement, given.params()).await;
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
