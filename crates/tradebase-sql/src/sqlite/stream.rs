//! Reading many rows, a bounded number at a time.

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tradebase_core::{Result, Table};

use super::error::from_sqlite;
use super::parameters::Bindings;
use super::readers::Reader;
use super::source::RowSource;
use super::store::{Store, on_a_thread};
use crate::call::Call;
use crate::render::Renderer;
use crate::select::{Decode, Select};
use crate::stream::{CHUNKS_WAITING, STREAM_CHUNK_ROWS, Sent};

/// A statement, and how its rows are read.
struct Reading<D> {
    table: &'static Table,
    text: String,
    bindings: Bindings,
    decode: D,
}

impl Store {
    /// What a statement reads. A thread reads it; it ends, and gives its connection back, when
    /// nobody takes the rows any more.
    pub(crate) async fn stream<D: Decode>(
        &self,
        call: &Call<'_>,
        select: &Select,
        decode: D,
    ) -> Result<Receiver<Result<Sent<D::Out>>>> {
        let mut renderer = Renderer::new("", Bindings::default());
        renderer.select(select)?;
        let Renderer { text, parameters: bindings, .. } = renderer;
        call.runs_own(&text);
        let reading = Reading { table: select.table, text, bindings, decode };
        let reader = self.reader(call).await?;
        self.look(&reader, select)?;
        let (sender, receiver) = channel(CHUNKS_WAITING);
        on_a_thread(self.runtime(), move || {
            let rest = reading.send(&reader, &sender);
            // Given back first: who gets the end may want a connection.
            drop(reader);
            _ = sender.blocking_send(rest.map(Sent::Last));
        });
        Ok(receiver)
    }
}

impl<D: Decode> Reading<D> {
    /// Sends rows, and gives the last ones.
    fn send(&self, reader: &Reader, sender: &Sender<Result<Sent<D::Out>>>) -> Result<Vec<D::Out>> {
        let failed = |e| from_sqlite(&e, Some(self.table));
        let mut statement = reader.connection()?.prepare_cached(&self.text).map_err(failed)?;
        self.bindings.bind(&mut statement)?;
        let mut rows = statement.raw_query();
        let most = usize::try_from(STREAM_CHUNK_ROWS).unwrap_or(usize::MAX);
        let mut chunk = Vec::with_capacity(most);
        while let Some(row) = rows.next().map_err(failed)? {
            chunk.push(self.decode.decode(&mut RowSource::new(row))?);
            if chunk.len() == most {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(most));
                if sender.blocking_send(Ok(Sent::Some(full))).is_err() {
                    // Nobody takes them any more.
                    break;
                }
            }
        }
        Ok(chunk)
    }
}
