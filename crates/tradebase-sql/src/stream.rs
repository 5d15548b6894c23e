//! Reading many rows, a bounded number at a time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::mpsc::Receiver;
use tradebase_core::watch::Operation;
use tradebase_core::{Comparison, Condition, Record, Result, Value};

use crate::engine::{Engine, either};
use crate::select::Select;
use crate::sql::Sql;

/// Rows that are read ahead of those who take them: this many in each of two chunks.
pub const STREAM_CHUNK_ROWS: u32 = 1_000;

/// Chunks that wait between an engine and who takes the rows.
pub(crate) const CHUNKS_WAITING: usize = 1;

/// The rows of a table, one after another; see [`Sql::stream`].
#[must_use = "a stream reads nothing until it is asked for rows"]
pub struct RowStream<T> {
    chunk: VecDeque<T>,
    chunks: Chunks<T>,
}

enum Chunks<T> {
    /// From a connection of its own.
    Open(Receiver<Result<Vec<T>>>),
    /// Inside a transaction, whose connection others use between two chunks.
    Pages {
        next: Page<T>,
    },
    Ended,
}

type Page<T> = Pin<Box<dyn Future<Output = Result<(Vec<T>, Sql)>> + Send>>;

impl Sql {
    /// Reads all rows in the order of the key, without holding more than three chunks of
    /// [`STREAM_CHUNK_ROWS`] in memory: the one that rows are taken from, and two behind it.
    ///
    /// All rows are as they were at one moment, however long the reading takes; inside a
    /// transaction, as the transaction sees them when it comes to them. It holds a connection
    /// until its end or until it is dropped, and on SQLite keeps the log from being cut back: so
    /// read it swiftly.
    ///
    /// It is also a `Stream` of the crate `futures`.
    pub async fn stream<T: Record>(&self) -> Result<RowStream<T>> {
        let call = self.call(Operation::Stream, Some(T::TABLE));
        let opened = async {
            Ok(if self.bound.is_some() {
                Chunks::Pages { next: page(self.clone(), None) }
            } else {
                either!(Engine, &self.engine, store => Chunks::Open(store.stream(&call).await?))
            })
        };
        let chunks = self.run(&call, |_| 0, pin!(opened)).await?;
        Ok(RowStream { chunk: VecDeque::new(), chunks })
    }
}

impl<T: Record> RowStream<T> {
    /// The next row; none at the end. After an error there are no more.
    pub async fn next(&mut self) -> Result<Option<T>> {
        std::future::poll_fn(|context| self.poll_row(context)).await.transpose()
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(row) = self.chunk.pop_front() {
                return Poll::Ready(Some(Ok(row)));
            }
            let (rows, then) = match &mut self.chunks {
                Chunks::Ended => return Poll::Ready(None),
                Chunks::Open(receiver) => match ready!(receiver.poll_recv(context)) {
                    Some(rows) => (rows, None),
                    None => (Ok(Vec::new()), Some(Chunks::Ended)),
                },
                Chunks::Pages { next } => match ready!(next.as_mut().poll(context)) {
                    Ok((rows, sql)) => {
                        let then = match rows.last() {
                            None => Chunks::Ended,
                            Some(last) => Chunks::Pages { next: page(sql, Some(after(last))) },
                        };
                        (Ok(rows), Some(then))
                    }
                    Err(error) => (Err(error), None),
                },
            };
            match rows {
                Ok(rows) => self.chunk = rows.into(),
                Err(error) => {
                    self.chunks = Chunks::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            if let Some(then) = then {
                self.chunks = then;
            }
        }
    }
}

impl<T: Record + Unpin> Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll_row(context)
    }
}

/// Reads a page behind a key.
fn page<T: Record>(sql: Sql, behind: Option<Result<Condition>>) -> Page<T> {
    Box::pin(async move {
        let condition = behind.transpose()?.unwrap_or(Condition::Always);
        let select = Select::of(T::TABLE).that(condition).by_key().limit(STREAM_CHUNK_ROWS);
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let rows = sql.read(&call, &select).await?;
        drop(call);
        Ok((rows, sql))
    })
}

/// What rows behind that one have in their key: more in its first column, or as much there and
/// more in the next, and so on.
fn after<T: Record>(row: &T) -> Result<Condition> {
    let values = Value::row(row)?;
    let compare = |at: usize, how| {
        let value = values.get(at).cloned().unwrap_or(Value::Null);
        Condition::Compare { at, how, value }
    };
    let key = T::TABLE.key;
    let any = (0..key.len()).map(|n| {
        let equal = key.iter().take(n).map(|&at| compare(at, Comparison::Equal));
        let more = key.get(n).map(|&at| compare(at, Comparison::Greater));
        Condition::All(equal.chain(more).collect())
    });
    Ok(Condition::Any(any.collect()))
}
