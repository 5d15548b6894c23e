//! Reading many rows, a bounded number at a time.

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tradebase_core::{Record, Result};

use super::error::from_sqlite;
use super::readers::Reader;
use super::source::RowSource;
use super::statements;
use super::store::{Store, on_a_thread};
use crate::call::Call;
use crate::stream::{CHUNKS_WAITING, STREAM_CHUNK_ROWS};

impl Store {
    /// All rows in the order of the key. A thread reads them; it ends, and gives its connection
    /// back, when nobody takes them any more.
    pub(crate) async fn stream<T: Record>(
        &self,
        call: &Call<'_>,
    ) -> Result<Receiver<Result<Vec<T>>>> {
        call.runs(&statements(T::TABLE).all);
        let reader = self.reader(call).await?;
        let (sender, receiver) = channel(CHUNKS_WAITING);
        on_a_thread(self.runtime(), move || {
            if let Err(error) = send(&reader, &sender) {
                // Given back first: who gets the error may want a connection.
                drop(reader);
                _ = sender.blocking_send(Err(error));
            }
        });
        Ok(receiver)
    }
}

fn send<T: Record>(reader: &Reader, sender: &Sender<Result<Vec<T>>>) -> Result<()> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let mut statement =
        reader.connection()?.prepare_cached(&statements(T::TABLE).all).map_err(failed)?;
    let mut rows = statement.raw_query();
    let most = usize::try_from(STREAM_CHUNK_ROWS).unwrap_or(usize::MAX);
    let mut chunk = Vec::with_capacity(most);
    while let Some(row) = rows.next().map_err(failed)? {
        chunk.push(T::read(&mut RowSource::new(row))?);
        if chunk.len() == most {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(most));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    if !chunk.is_empty() {
        _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
}
