//! Statements that are sent at once, before the first is answered.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::TryStreamExt;
use tokio_postgres::{Row, SimpleQueryMessage};
use tradebase_core::Result;

use super::client::{Client, Statement};
use super::error::from_postgres;
use super::scratch::Scratch;
use super::together::Write;

/// What the driver answers.
pub(super) type Answered<T> = std::result::Result<T, tokio_postgres::Error>;

/// The statement of a write, and the one that moves the sequence ahead of it.
pub(super) struct Prepared {
    pub(super) write: Statement,
    pub(super) advance: Option<Statement>,
}

/// What stands around the writes.
pub(super) struct Ends<'a> {
    /// A question that is no part of the transaction.
    pub(super) ahead: Option<&'a str>,
    /// It may ask for a value too.
    pub(super) begin: &'a str,
    pub(super) end: &'a str,
}

/// What has come back.
pub(super) struct Flush {
    /// Whether anything was sent at all.
    pub(super) sent: bool,
    /// None also if the server refused to say.
    pub(super) ahead: Option<String>,
    pub(super) begun: Result<Option<String>>,
    /// Of each write, its row.
    pub(super) answers: Vec<Answered<Option<Row>>>,
    pub(super) ended: Result<()>,
}

impl Flush {
    /// Sends all, and then reads the answers in their order: the driver holds back later ones
    /// until the earlier ones have been read.
    pub(super) async fn new(
        client: &Client,
        ends: &Ends<'_>,
        writes: &[Write],
        statements: &[Prepared],
    ) -> Self {
        let ahead = match ends.ahead {
            Some(sql) => Some(Answer::send(value(client, sql)).await),
            None => None,
        };
        let begun = Answer::send(value(client, ends.begin)).await;
        // What cannot be sent is refused at once.
        let sent = matches!(begun, Answer::Coming(_));
        let mut coming = Vec::with_capacity(writes.len());
        for (write, prepared) in writes.iter().zip(statements) {
            let advanced = match (&prepared.advance, &write.key) {
                (Some(statement), Some(key)) => {
                    Some(Answer::send(row(client, statement, key)).await)
                }
                _ => None,
            };
            let wrote = Answer::send(row(client, &prepared.write, &write.values)).await;
            coming.push((advanced, wrote));
        }
        let ended = Answer::send(value(client, ends.end)).await;

        let ahead = match ahead {
            Some(ahead) => ahead.take().await.unwrap_or_default(),
            None => None,
        };
        let begun = begun.take().await.map_err(|e| from_postgres(&e, None));
        let mut answers = Vec::with_capacity(coming.len());
        for (advanced, wrote) in coming {
            let advanced = match advanced {
                Some(advanced) => advanced.take().await.map(drop),
                None => Ok(()),
            };
            let wrote = wrote.take().await;
            answers.push(advanced.and(wrote));
        }
        let ended = ended.take().await.map(drop).map_err(|e| from_postgres(&e, None));
        Self { sent, ahead, begun, answers, ended }
    }
}

/// An answer of the server, which may be here.
enum Answer<'a, T> {
    Coming(Pin<Box<dyn Future<Output = Answered<T>> + Send + 'a>>),
    Here(Answered<T>),
}

impl<'a, T> Answer<'a, T> {
    /// Polls once, by which the driver sends.
    async fn send(reading: impl Future<Output = Answered<T>> + Send + 'a) -> Self {
        let mut reading = Box::pin(reading);
        let first = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
        match first {
            Poll::Ready(answered) => Answer::Here(answered),
            Poll::Pending => Answer::Coming(reading),
        }
    }

    async fn take(self) -> Answered<T> {
        match self {
            Answer::Coming(reading) => reading.await,
            Answer::Here(answered) => answered,
        }
    }
}

/// Runs a statement and reads its only row.
async fn row(client: &Client, statement: &Statement, values: &Scratch) -> Answered<Option<Row>> {
    let mut rows = pin!(client.query_raw(statement, values.params()).await?);
    let Some(first) = rows.try_next().await? else { return Ok(None) };
    // To the end: an error comes behind the row.
    while rows.try_next().await?.is_some() {}
    Ok(Some(first))
}

/// Runs statements and reads the first value of the last row.
async fn value(client: &Client, sql: &str) -> Answered<Option<String>> {
    let mut answer = pin!(client.simple_query_raw(sql).await?);
    let mut value = None;
    while let Some(message) = answer.try_next().await? {
        if let SimpleQueryMessage::Row(row) = message {
            value = row.try_get(0)?.map(str::to_owned);
        }
    }
    Ok(value)
}
