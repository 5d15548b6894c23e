//! Find, all.

use std::pin::pin;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tradebase_core::{Code, Error, Record, Result, Table};

use super::connection::Connection;
use super::copy::{Tuple, read_header, read_tuple};
use super::error::from_postgres;
use super::parameters::Encoded;
use super::place::run;
use super::source::RowSource;
use super::store::Store;
use super::texts::texts;
use crate::call::Call;
use crate::render::Renderer;
use crate::select::{Decode, Select, Typed};

impl Store {
    /// What a statement reads.
    pub(crate) async fn select<D: Decode>(
        &self,
        call: &Call<'_>,
        select: &Select,
        decode: D,
    ) -> Result<Vec<D::Out>> {
        let table = select.table;
        let mut renderer = Renderer::new("", Encoded::default());
        renderer.select(select)?;
        let Renderer { text, parameters, .. } = renderer;
        call.runs_own(&text);
        run!(self.lease(call).await?, c => c.select(table, &text, &parameters, &decode).await)
    }

    /// Every row in key order, by COPY.
    pub(crate) async fn all<T: Record>(&self, call: &Call<'_>) -> Result<Vec<T>> {
        call.runs(&texts(T::TABLE).copy_out);
        run!(self.lease(call).await?, c => c.all().await)
    }
}

impl Connection {
    async fn select<D: Decode>(
        &mut self,
        table: &'static Table,
        sql: &str,
        parameters: &Encoded,
        decode: &D,
    ) -> Result<Vec<D::Out>> {
        let failed = |e| from_postgres(&e, Some(table));
        let columns = std::iter::once_with(|| decode.columns()).flatten();
        let statement = self.prepare(table, sql, &parameters.types, columns).await?;
        let rows = self.client.query_raw(&statement, parameters.scratch.params()).await;
        let mut rows = pin!(rows.map_err(failed)?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            found.push(decode.decode(&mut RowSource::new(&row))?);
        }
        Ok(found)
    }

    async fn all<T: Record>(&mut self) -> Result<Vec<T>> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        if self.is_pooled() {
            let (sql, none) = (&texts(T::TABLE).fixed.all, Encoded::default());
            return self.select(T::TABLE, sql, &none, &Typed::<T>::default()).await;
        }
        // COPY tells no types; the table is compared by the statement that gets a row.
        self.know::<T>().await?;
        let sql = &texts(T::TABLE).copy_out;
        let statement = self.prepare(T::TABLE, sql, &[], &[]).await?;
        let mut chunks = pin!(self.client.copy_out(&statement).await.map_err(failed)?);
        let mut reading = Reading::default();
        let mut found = Vec::new();
        while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
            reading.take(&chunk, &mut found)?;
        }
        reading.end()?;
        Ok(found)
    }
}

/// The bytes of a COPY, as they come. The server sends a tuple per message, but does not promise
/// it: what is cut waits for the rest.
#[derive(Debug, Default)]
struct Reading {
    rest: Vec<u8>,
    begun: bool,
    ended: bool,
}

impl Reading {
    fn take<T: Record>(&mut self, chunk: &Bytes, found: &mut Vec<T>) -> Result<()> {
        if self.rest.is_empty() {
            let used = self.read(chunk, found)?;
            self.rest.extend_from_slice(chunk.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(chunk);
        let used = self.read(&bytes, found)?;
        bytes.drain(..used);
        self.rest = bytes;
        Ok(())
    }

    /// Reads all whole tuples and gives the number of bytes they took.
    fn read<T: Record>(&mut self, bytes: &[u8], found: &mut Vec<T>) -> Result<usize> {
        let mut used = 0;
        if !self.begun {
            let Some(header) = read_header(bytes)? else { return Ok(0) };
            (used, self.begun) = (header, true);
        }
        let mut rest = bytes.get(used..).unwrap_or_default();
        while !self.ended {
            match read_tuple(rest) {
                Tuple::Of(mut source) => {
                    let row = T::read(&mut source);
                    let Some(behind) = source.rest() else { break };
                    found.push(row?);
                    rest = behind;
                }
                Tuple::End => {
                    self.ended = true;
                    rest = &[];
                }
                Tuple::Cut => break,
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// A COPY without its end has lost rows.
    fn end(self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        Err(Error::new(Code::ConnectionLost, "the server's COPY ended in the middle"))
    }
}
