//! Reading many rows, a bounded number at a time.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tradebase_core::{Code, Error, Result, Table};

use super::client::Statement;
use super::connection::Connection;
use super::error::{from_postgres, is_of_server};
use super::parameters::Encoded;
use super::pool::Lease;
use super::source::RowSource;
use super::store::Store;
use crate::call::Call;
use crate::render::Renderer;
use crate::select::{Decode, Select};
use crate::stream::{CHUNKS_WAITING, STREAM_CHUNK_ROWS, Sent};

/// A statement, and how its rows are read.
struct Reading<D> {
    table: &'static Table,
    text: String,
    parameters: Encoded,
    decode: D,
}

impl Store {
    /// What a statement reads, in chunks of `STREAM_CHUNK_ROWS`, `CHUNKS_WAITING` of them waiting.
    ///
    /// A task owns the connection. It reads no further than there is room for, and the server
    /// sends no further than it is read. When nobody wants the rows any more, the connection is
    /// ended, which ends the statement.
    pub(crate) async fn stream<D: Decode>(
        &self,
        call: &Call<'_>,
        select: &Select,
        decode: D,
    ) -> Result<Receiver<Result<Sent<D::Out>>>> {
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.select(select)?;
        let Renderer { text, parameters, .. } = renderer;
        call.runs_own(&text);
        let reading = Reading { table: select.table, text, parameters, decode };
        let runtime = match self.runtime() {
            Some(runtime) => runtime.clone(),
            None => Handle::try_current().map_err(|e| no_runtime().because(e))?,
        };
        let mut lease = self.own_lease(call).await?;
        if let Err(error) = lease.connection()?.statement_of(&reading).await {
            return lease.done(Err(error));
        }
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
        runtime.spawn(read(lease, reading, sender));
        Ok(receiver)
    }
}

#[cold]
fn no_runtime() -> Error {
    Error::new(Code::Config, "a stream needs a tokio runtime")
}

async fn read<D: Decode>(mut lease: Lease, of: Reading<D>, rows: Sender<Result<Sent<D::Out>>>) {
    let reading = async {
        loop {
            let read = lease.connection()?.send_all(&of, &rows).await;
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
        Ok(Taken::All(rest)) => lease.done(Ok(rest)),
        Err(error) if is_of_server(&error) => lease.done(Err(error)),
        // In the middle of the rows: the connection is ended.
        Ok(Taken::Some) => return,
        Err(error) => Err(error),
    };
    // Whoever has gone away does not hear it.
    _ = rows.send(outcome.map(Sent::Last)).await;
}

/// How far rows were taken.
enum Taken<T> {
    /// All but the last ones.
    All(Vec<T>),
    Some,
}

impl Connection {
    async fn statement_of<D: Decode>(&mut self, reading: &Reading<D>) -> Result<Statement> {
        let Reading { table, text, parameters, decode } = reading;
        let columns = std::iter::once_with(|| decode.columns()).flatten();
        self.prepare(table, text, &parameters.types, columns).await
    }

    /// Sends all rows but the last ones. Says how far they were taken.
    async fn send_all<D: Decode>(
        &mut self,
        reading: &Reading<D>,
        out: &Sender<Result<Sent<D::Out>>>,
    ) -> Result<Taken<D::Out>> {
        let failed = |e| from_postgres(&e, Some(reading.table));
        let statement = self.statement_of(reading).await?;
        let parameters = reading.parameters.scratch.params();
        let rows = self.client.query_raw(&statement, parameters).await;
        let mut rows = pin!(rows.map_err(failed)?);
        let most = usize::try_from(STREAM_CHUNK_ROWS).unwrap_or(usize::MAX);
        let mut chunk = Vec::with_capacity(most);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            chunk.push(reading.decode.decode(&mut RowSource::new(&row))?);
            if chunk.len() >= most {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(most));
                if out.send(Ok(Sent::Some(full))).await.is_err() {
                    return Ok(Taken::Some);
                }
            }
        }
        Ok(Taken::All(chunk))
    }
}
