//! Reading many rows, a bounded number at a time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::mpsc::Receiver;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Record, Result, Table, Value};

use crate::engine::{Engine, either};
use crate::mark::Marked;
use crate::select::{Decode, Select, Typed};
use crate::sql::Sql;

/// Rows that are read ahead of those who take them: this many in each of two chunks.
pub const STREAM_CHUNK_ROWS: u32 = 1_000;

/// Chunks that wait between an engine and who takes the rows.
pub(crate) const CHUNKS_WAITING: usize = 1;

/// Rows, one after another; see [`Sql::stream`] and [`Find::stream`](crate::Find::stream).
#[must_use = "a stream reads nothing until it is asked for rows"]
pub struct RowStream<T> {
    chunk: VecDeque<T>,
    chunks: Chunks<T>,
}

enum Chunks<T> {
    /// From a connection of its own.
    Open {
        sent: Receiver<Result<Sent<T>>>,
        table: &'static Table,
    },
    /// Inside a transaction, whose connection others use between two chunks.
    Pages {
        next: Page<T>,
    },
    Ended,
}

/// What an engine sends to who takes the rows.
#[derive(Debug)]
pub(crate) enum Sent<T> {
    /// Some rows; more comes.
    Some(Vec<T>),
    /// The rest. An engine that sends no more without it has not come to the end.
    Last(Vec<T>),
}

/// Some rows, and then the rest.
type Page<T> = Pin<Box<dyn Future<Output = Result<(Vec<T>, Option<Rest<T>>)>> + Send>>;

/// Makes the next page.
struct Rest<T>(Box<dyn FnOnce() -> Page<T> + Send>);

impl Sql {
    /// Reads all rows in the order of the key, without holding more than three chunks of
    /// [`STREAM_CHUNK_ROWS`] in memory: the one that rows are taken from, and two behind it.
    ///
    /// All rows are as they were at one moment, however long the reading takes; inside a
    /// transaction, as the transaction sees them when it comes to them. It holds a connection
    /// until its end or until it is dropped, and on SQLite keeps the log from being cut back: so
    /// read it swiftly. Only a stream that gives none at its end has given all rows: one that is
    /// broken off ends with an error.
    ///
    /// It is also a `Stream` of the crate `futures`.
    pub async fn stream<T: Record>(&self) -> Result<RowStream<T>> {
        let select = Select::of(T::TABLE).by_key();
        self.stream_of(T::TABLE, Ok((select, Typed::<T>::default()))).await
    }

    /// What a statement reads, one after another.
    pub(crate) async fn stream_of<D: Decode>(
        &self,
        table: &'static Table,
        parts: Result<(Select, D)>,
    ) -> Result<RowStream<D::Out>> {
        let call = self.call(Operation::Stream, Some(table));
        let opened = async {
            let (select, decode) = parts?;
            Ok(if self.bound.is_some() {
                Chunks::Pages { next: first_page(self.clone(), select, Arc::new(decode))? }
            } else {
                either!(Engine, &self.engine, store => {
                    let sent = store.stream(&call, &select, decode).await?;
                    Chunks::Open { sent, table }
                })
            })
        };
        let chunks = self.run(&call, |_| 0, pin!(opened)).await?;
        Ok(RowStream { chunk: VecDeque::new(), chunks })
    }
}

impl<T: Send + 'static> RowStream<T> {
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
                Chunks::Open { sent, table } => match ready!(sent.poll_recv(context)) {
                    Some(Ok(Sent::Some(rows))) => (Ok(rows), None),
                    Some(Ok(Sent::Last(rows))) => (Ok(rows), Some(Chunks::Ended)),
                    Some(Err(error)) => (Err(error), None),
                    None => (Err(cut_short(table)), None),
                },
                Chunks::Pages { next } => match ready!(next.as_mut().poll(context)) {
                    Ok((rows, rest)) => {
                        let then =
                            rest.map_or(Chunks::Ended, |rest| Chunks::Pages { next: rest.0() });
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

impl<T: Send + Unpin + 'static> Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll_row(context)
    }
}

/// What read the rows has panicked, or its runtime has ended.
#[cold]
fn cut_short(table: &'static Table) -> Error {
    let message = "the reading of the rows was broken off before its end: rows are missing";
    let error = Error::new(Code::ConnectionLost, message);
    error.during(Operation::Stream.as_str()).of(table)
}

/// The first rows of what is read by pages: in the order of the key, if there is no other.
fn first_page<D: Decode>(sql: Sql, select: Select, decode: Arc<D>) -> Result<Page<D::Out>> {
    if select.distinct {
        let message = "distinct rows cannot be streamed in a transaction: read them all";
        return Err(Error::new(Code::Unsupported, message));
    }
    let select = if select.orders.is_empty() { select.by_key() } else { select };
    let left = select.limit;
    Ok(page(sql, select, decode, left))
}

/// Reads a page, of which the last row tells where the next one begins.
fn page<D: Decode>(
    sql: Sql,
    mut select: Select,
    decode: Arc<D>,
    left: Option<u32>,
) -> Page<D::Out> {
    Box::pin(async move {
        let size = left.map_or(STREAM_CHUNK_ROWS, |left| left.min(STREAM_CHUNK_ROWS));
        let mut marking = Select { limit: Some(size), ..select.clone() };
        let marked = Marked::new(&mut marking, decode.clone(), size)?;
        let mark = marked.mark();
        let call = sql.call(Operation::Find, Some(select.table));
        let found = async {
            either!(Engine, &sql.engine, store => store.select(&call, &marking, marked).await)
        };
        let rows = sql.run(&call, Vec::len, pin!(found)).await?;
        drop(call);
        let left = left.map(|left| left.saturating_sub(size));
        let rest = match mark.get() {
            Some(mark) if left != Some(0) => {
                select.behind = Vec::<Value>::clone(mark);
                select.offset = None;
                Some(Rest(Box::new(move || page(sql, select, decode, left))))
            }
            _ => None,
        };
        Ok((rows, rest))
    })
}
