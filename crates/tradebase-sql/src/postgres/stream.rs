//! Reading all rows, a bounded number at a time.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tradebase_core::{Code, Error, Record, Result};

use super::client::Statement;
use super::connection::Connection;
use super::error::{from_postgres, is_of_server};
use super::pool::Lease;
use super::source::RowSource;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::stream::{CHUNKS_WAITING, STREAM_CHUNK_ROWS};

impl Store {
    /// All rows in key order, in chunks of `STREAM_CHUNK_ROWS`, `CHUNKS_WAITING` of them waiting.
    ///
    /// A task owns the connection. It reads no further than there is room for, and the server
    /// sends no further than it is read. When nobody wants the rows any more, the connection is
    /// ended, which ends the statement.
    pub(crate) async fn stream<T: Record>(
        &self,
        call: &Call<'_>,
    ) -> Result<Receiver<Result<Vec<T>>>> {
        call.runs(&texts(T::TABLE).fixed.all);
        let runtime = match self.runtime() {
            Some(runtime) => runtime.clone(),
            None => Handle::try_current().map_err(|e| no_runtime().because(e))?,
        };
        let mut lease = self.own_lease(call).await?;
        if let Err(error) = lease.connection()?.all_statement::<T>().await {
            return lease.done(Err(error));
        }
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
        runtime.spawn(read(lease, sender));
        Ok(receiver)
    }
}

#[cold]
fn no_runtime() -> Error {
    Error::new(Code::Config, "a stream needs a tokio runtime")
}

async fn read<T: Record>(mut lease: Lease, rows: Sender<Result<Vec<T>>>) {
    let reading = async {
        loop {
            let read = lease.connection()?.send_all(&rows).await;
            // Refused before it ran, so no row was sent.
            if !lease.prepares_anew(&read) {
                return read;
            }
        }
    };
    let read = tokio::select! {
        read = reading => read,
        () = rows.closed() => return,
    };
    let outcome = match read {
        Ok(Taken::All) => lease.done(Ok(())),
        Err(error) if is_of_server(&error) => lease.done(Err(error)),
        // In the middle of the rows: the connection is ended.
        Ok(Taken::Some) => return,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        // Whoever has gone away does not hear it.
        _ = rows.send(Err(error)).await;
    }
}

/// How far rows were taken.
enum Taken {
    All,
    Some,
}

impl Connection {
    async fn all_statement<T: Record>(&mut self) -> Result<Statement> {
        self.prepare(T::TABLE, &texts(T::TABLE).fixed.all, &[], T::TABLE.columns).await
    }

    /// Sends all rows. Says how far they were taken.
    async fn send_all<T: Record>(&mut self, out: &Sender<Result<Vec<T>>>) -> Result<Taken> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        let statement = self.all_statement::<T>().await?;
        self.scratch.clear();
        let rows = self.client.query_raw(&statement, self.scratch.params()).await;
        let mut rows = pin!(rows.map_err(failed)?);
        let most = usize::try_from(STREAM_CHUNK_ROWS).unwrap_or(usize::MAX);
        let mut chunk = Vec::with_capacity(most);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            chunk.push(T::read(&mut RowSource::new(&row))?);
            if chunk.len() >= most {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(most));
                if out.send(Ok(full)).await.is_err() {
                    return Ok(Taken::Some);
                }
            }
        }
        if !chunk.is_empty() {
            // The statement has ended, whether they are taken or not.
            _ = out.send(Ok(chunk)).await;
        }
        Ok(Taken::All)
    }
}
