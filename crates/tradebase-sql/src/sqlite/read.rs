//! Get, find, all.

use rusqlite::{Connection, Statement};
use tokio::runtime::Handle;
use tradebase_core::{Code, Error, Record, Result};

use super::error::from_sqlite;
use super::filter::Bindings;
use super::source::RowSource;
use super::statements;
use super::store::{Reader, Store, on_a_thread};
use super::write::bind_key;
use crate::call::Call;
use crate::filter::Renderer;
use crate::find::Search;

/// Finds of at most so many rows run on the caller's thread: a hop to another one costs as much
/// as reading fifty rows.
const INLINE_ROWS_MAX: u32 = 64;

impl Store {
    /// The row of a key, read on the caller's thread.
    pub(crate) async fn get<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<Option<T>> {
        let reader = self.reader(call).await?;
        get(reader.connection()?, key)
    }

    /// What a search finds.
    pub(crate) async fn find<T: Record>(&self, call: &Call<'_>, search: Search) -> Result<Vec<T>> {
        let select = &statements(T::TABLE).select;
        let mut text = Renderer::new(T::TABLE, select, Bindings::default());
        text.condition(&search.condition)?;
        text.order(&search.orders)?;
        if let Some(rows) = search.limit {
            text.limit(rows)?;
        }
        if let Some(rows) = search.offset {
            text.offset(rows)?;
        }
        let reader = self.reader(call).await?;
        match search.limit {
            Some(rows) if rows <= INLINE_ROWS_MAX => {
                read(reader.connection()?, &text.text, text.parameters)
            }
            _ => read_aside(self.runtime(), reader, text.text, text.parameters).await,
        }
    }

    /// Every row in key order.
    pub(crate) async fn all<T: Record>(&self, call: &Call<'_>) -> Result<Vec<T>> {
        let reader = self.reader(call).await?;
        let sql = statements(T::TABLE).all.clone();
        read_aside(self.runtime(), reader, sql, Bindings::default()).await
    }
}

async fn read_aside<T: Record>(
    runtime: Option<&Handle>,
    reader: Reader,
    sql: String,
    bindings: Bindings,
) -> Result<Vec<T>> {
    let job = on_a_thread(runtime, move || read(reader.connection()?, &sql, bindings));
    match job.await {
        Ok(read) => read,
        Err(error) => Err(Error::new(Code::Internal, "a read did not end").because(error)),
    }
}

fn get<T: Record>(connection: &Connection, key: &T::Key) -> Result<Option<T>> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let sql = &statements(T::TABLE).get;
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bind_key::<T>(key, &mut statement, &mut Vec::new())?;
    let mut rows = statement.raw_query();
    match rows.next().map_err(failed)? {
        Some(row) => T::read(&mut RowSource::new(row)).map(Some),
        None => Ok(None),
    }
}

fn read<T: Record>(connection: &Connection, sql: &str, bindings: Bindings) -> Result<Vec<T>> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bindings.bind(&mut statement)?;
    rows(&mut statement)
}

fn rows<T: Record>(statement: &mut Statement<'_>) -> Result<Vec<T>> {
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(|e| from_sqlite(&e, Some(T::TABLE)))? {
        found.push(T::read(&mut RowSource::new(row))?);
    }
    Ok(found)
}
