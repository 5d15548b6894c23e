//! What is sent ahead of a statement without waiting for its answer, and what a connection
//! remembers of its session.

use std::pin::pin;

use futures_util::{FutureExt, TryStreamExt};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryStream};
use tradebase_core::{Code, Error, Result};

use super::connection::Connection;
use super::error::from_postgres;

/// What a connection remembers of its session.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Whether it has been told not to wait for the disk.
    pub(super) relaxed: bool,
    /// The life of the server that it belongs to; none if that is not known.
    pub(super) era: Option<Box<str>>,
}

/// Makes the session wait for the disk as the call wants, if it does not yet. The statement goes
/// out ahead of the next one, and costs no round trip.
pub(super) fn relax(connection: &mut Connection, relaxed: bool) {
    // Behind PgBouncer the setting would stay with another one's connection: there each waits.
    if connection.session.relaxed == relaxed || connection.is_pooled() {
        return;
    }
    let sql =
        if relaxed { "SET synchronous_commit TO off" } else { "SET synchronous_commit TO DEFAULT" };
    // It cannot fail but with its connection, so nobody waits for the answer.
    push(&connection.client, sql);
    connection.session.relaxed = relaxed;
}

/// Sends statements without waiting for the answer, which nobody will read: if they fail, so does
/// what follows.
pub(super) fn push(client: &Client, sql: &str) {
    // The driver has sent them when it is first polled. An error says that the connection has
    // ended: what follows will say so too.
    _ = client.simple_query_raw(sql).now_or_never();
}

/// An answer that is on its way. The driver holds back later answers until the earlier ones have
/// been read, so a task reads it.
pub(super) struct Sent(JoinHandle<Result<Option<String>>>);

impl Sent {
    /// Sends statements.
    pub(super) async fn new(client: &Client, sql: &str) -> Result<Self> {
        let answer = client.simple_query_raw(sql).await.map_err(|e| from_postgres(&e, None))?;
        Ok(Self(tokio::spawn(read(answer))))
    }

    /// The answer: the first value of the last row. Dropped in the middle, it can be asked for
    /// again.
    pub(super) async fn answer(&mut self) -> Result<Option<String>> {
        (&mut self.0).await.unwrap_or_else(|error| {
            let message = "the runtime ended before postgres answered";
            Err(Error::new(Code::ConnectionLost, message).because(error))
        })
    }
}

async fn read(answer: SimpleQueryStream) -> Result<Option<String>> {
    let mut answer = pin!(answer);
    let mut value = None;
    while let Some(message) = answer.try_next().await.map_err(|e| from_postgres(&e, None))? {
        if let SimpleQueryMessage::Row(row) = message {
            value = row.try_get(0).ok().flatten().map(str::to_owned);
        }
    }
    Ok(value)
}
