//! The driver's client, which also runs statements that are not prepared.
//!
//! Behind PgBouncer each transaction may come to another connection of the server, on which a
//! prepared statement is unknown, or is another one's. There a statement goes along with its
//! parameters each time, without a name, in one message.

use std::borrow::Borrow;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;

use bytes::Buf;
use futures_util::TryStreamExt;
use tokio_postgres::types::{BorrowToSql, Type};
use tokio_postgres::{CopyInSink, CopyOutStream, Error, RowStream};

/// A client of the driver.
pub(super) struct Client(tokio_postgres::Client);

/// A statement that can be run.
#[derive(Clone)]
pub(super) enum Statement {
    /// Prepared on the server.
    Named(tokio_postgres::Statement),
    /// Not prepared: its text, and the types of its parameters.
    Typed(Arc<str>, Arc<[Type]>),
}

/// What of a statement is sent.
pub(super) enum Form<'a> {
    Named(&'a tokio_postgres::Statement),
    Typed(&'a str, &'a [Type]),
}

/// A statement of ours, or of the driver.
pub(super) trait Run {
    /// How it is sent.
    fn form(&self) -> Form<'_>;
}

impl Run for Statement {
    #[inline]
    fn form(&self) -> Form<'_> {
        match self {
            Statement::Named(statement) => Form::Named(statement),
            Statement::Typed(sql, types) => Form::Typed(sql, types),
        }
    }
}

impl Run for tokio_postgres::Statement {
    #[inline]
    fn form(&self) -> Form<'_> {
        Form::Named(self)
    }
}

impl Client {
    /// A client that is connected.
    pub(super) fn new(client: tokio_postgres::Client) -> Self {
        Self(client)
    }

    /// Runs a statement and gives its rows.
    #[inline]
    pub(super) async fn query_raw<P, I>(
        &self,
        statement: &impl Run,
        parameters: I,
    ) -> Result<RowStream, Error>
    where
        P: BorrowToSql,
        I: IntoIterator<Item = P>,
        I::IntoIter: ExactSizeIterator,
    {
        match statement.form() {
            Form::Named(statement) => self.0.query_raw(statement, parameters).await,
            Form::Typed(sql, types) => self.typed(sql, types, parameters).await,
        }
    }

    /// Runs a statement and gives the number of rows it changed.
    #[inline]
    pub(super) async fn execute_raw<P, I>(
        &self,
        statement: &impl Run,
        parameters: I,
    ) -> Result<u64, Error>
    where
        P: BorrowToSql,
        I: IntoIterator<Item = P>,
        I::IntoIter: ExactSizeIterator,
    {
        match statement.form() {
            Form::Named(statement) => self.0.execute_raw(statement, parameters).await,
            Form::Typed(sql, types) => {
                let mut rows = pin!(self.typed(sql, types, parameters).await?);
                while rows.try_next().await?.is_some() {}
                Ok(rows.rows_affected().unwrap_or_default())
            }
        }
    }

    async fn typed<P, I>(
        &self,
        sql: &str,
        types: &[Type],
        parameters: I,
    ) -> Result<RowStream, Error>
    where
        P: BorrowToSql,
        I: IntoIterator<Item = P>,
    {
        let typed = parameters.into_iter().zip(types.iter().cloned());
        self.0.query_typed_raw(sql, typed).await
    }

    /// Runs a COPY to the server. One that is not prepared takes two messages, which come to the
    /// same connection of the server inside a transaction alone.
    pub(super) async fn copy_in<T, U>(&self, statement: &T) -> Result<CopyInSink<U>, Error>
    where
        T: Borrow<Statement>,
        U: Buf + 'static + Send,
    {
        match statement.borrow() {
            Statement::Named(statement) => self.0.copy_in(statement).await,
            Statement::Typed(sql, _) => self.0.copy_in(&**sql).await,
        }
    }

    /// Runs a COPY from the server; see [`copy_in`](Client::copy_in).
    pub(super) async fn copy_out(&self, statement: &Statement) -> Result<CopyOutStream, Error> {
        match statement {
            Statement::Named(statement) => self.0.copy_out(statement).await,
            Statement::Typed(sql, _) => self.0.copy_out(&**sql).await,
        }
    }
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    #[inline]
    fn deref(&self) -> &tokio_postgres::Client {
        &self.0
    }
}
