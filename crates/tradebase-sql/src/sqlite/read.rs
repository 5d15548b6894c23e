//! Get, find, all.

use rusqlite::{Connection, Statement};
use tradebase_core::{Code, Error, Record, Result, Table};

use super::bulk::bind_key;
use super::error::from_sqlite;
use super::parameters::Bindings;
use super::readers::Reader;
use super::source::RowSource;
use super::store::{Store, on_a_thread};
use super::unit::noted;
use super::{fixed, statements};
use crate::call::Call;
use crate::render::Renderer;
use crate::select::{Decode, Select, Typed};

/// Finds of at most so many rows run on the caller's thread, which spares the way to another one.
/// What they have to walk over to find these rows does not count.
const INLINE_ROWS_MAX: u32 = 64;
/// The same of gets of several keys.
const INLINE_KEYS_MAX: usize = 64;

impl Store {
    /// The row of a key, read on the caller's thread.
    pub(crate) async fn get<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<Option<T>> {
        call.runs(&statements(T::TABLE).get);
        let reader = self.reader(call).await?;
        noted(call, get(reader.connection()?, key))
    }

    /// The rows of these keys, as they are at one moment.
    pub(crate) async fn get_many<T: Record + Clone>(
        &self,
        call: &Call<'_>,
        keys: &[T::Key],
    ) -> Result<Vec<Option<T>>> {
        call.runs(&statements(T::TABLE).get);
        let reader = self.reader(call).await?;
        if keys.len() <= INLINE_KEYS_MAX {
            return noted(call, get_each(reader.connection()?, keys));
        }
        let keys = keys.to_vec();
        self.aside(call, reader, move |connection| get_each(connection, &keys)).await
    }

    /// Whether there is a row of a key.
    pub(crate) async fn exists<T: Record>(&self, call: &Call<'_>, key: &T::Key) -> Result<bool> {
        call.runs(&statements(T::TABLE).exists);
        let reader = self.reader(call).await?;
        noted(call, exists::<T>(reader.connection()?, key))
    }

    /// How many rows there are.
    pub(crate) async fn count<T: Record>(&self, call: &Call<'_>) -> Result<u64> {
        let sql = &fixed(T::TABLE).count;
        call.runs(sql);
        let reader = self.reader(call).await?;
        let count = |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.get::<_, i64>(0))
        };
        let count = move |connection: &Connection| {
            count(connection).map_err(|e| from_sqlite(&e, Some(T::TABLE)))
        };
        let count = self.aside(call, reader, count).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What a statement reads.
    pub(crate) async fn select<D: Decode>(
        &self,
        call: &Call<'_>,
        select: &Select,
        decode: D,
    ) -> Result<Vec<D::Out>> {
        let table = select.table;
        let mut renderer = Renderer::new("", Bindings::default());
        renderer.select(select)?;
        let Renderer { text, parameters, .. } = renderer;
        call.runs_own(&text);
        let reader = self.reader(call).await?;
        self.look(&reader, select)?;
        match select.limit {
            Some(rows) if rows <= INLINE_ROWS_MAX => {
                noted(call, read(reader.connection()?, table, &text, &parameters, &decode))
            }
            _ => {
                self.aside(call, reader, move |c| read(c, table, &text, &parameters, &decode)).await
            }
        }
    }

    /// Looks at the tables of a statement before they are first used.
    pub(super) fn look(&self, reader: &Reader, select: &Select) -> Result<()> {
        let tables = [Some(select.table), select.joined.map(|joined| joined.table)];
        let connection = reader.connection()?;
        let mut tables = tables.into_iter().flatten();
        tables.try_for_each(|table| self.lane.known.look(connection, table))
    }

    /// Every row in key order.
    pub(crate) async fn all<T: Record>(&self, call: &Call<'_>) -> Result<Vec<T>> {
        let sql = &statements(T::TABLE).all;
        call.runs(sql);
        let reader = self.reader(call).await?;
        self.aside(call, reader, move |connection| all(connection, sql)).await
    }

    /// Reads on a thread that may wait: the caller's, if it may.
    async fn aside<R: Send + 'static>(
        &self,
        call: &Call<'_>,
        reader: Reader,
        read: impl FnOnce(&Connection) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        if call.manner.in_place {
            return noted(call, reader.connection().and_then(read));
        }
        let job = on_a_thread(self.runtime(), move || reader.connection().and_then(read));
        match job.await {
            Ok(read) => noted(call, read),
            Err(error) => Err(Error::new(Code::Internal, "a read did not end").because(error)),
        }
    }
}

fn get<T: Record>(connection: &Connection, key: &T::Key) -> Result<Option<T>> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let sql = &statements(T::TABLE).get;
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bind_key(T::TABLE, key, &mut statement, &mut Vec::new())?;
    let mut rows = statement.raw_query();
    match rows.next().map_err(failed)? {
        Some(row) => T::read(&mut RowSource::new(row)).map(Some),
        None => Ok(None),
    }
}

/// The rows of keys, in one read transaction; inside a transaction, in that.
fn get_each<T: Record>(connection: &Connection, keys: &[T::Key]) -> Result<Vec<Option<T>>> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let own = connection.is_autocommit() && keys.len() > 1;
    if own {
        connection.execute_batch("BEGIN").map_err(failed)?;
    }
    let rows = keys.iter().map(|key| get(connection, key)).collect();
    if own {
        // Who gives the connection back ends it, if this does not.
        _ = connection.execute_batch("COMMIT");
    }
    rows
}

pub(super) fn exists<T: Record>(connection: &Connection, key: &T::Key) -> Result<bool> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let sql = &statements(T::TABLE).exists;
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bind_key(T::TABLE, key, &mut statement, &mut Vec::new())?;
    let mut rows = statement.raw_query();
    Ok(rows.next().map_err(failed)?.is_some())
}

/// Counts first: it costs little beside the reading, and the list never moves while it grows.
fn all<T: Record>(connection: &Connection, sql: &str) -> Result<Vec<T>> {
    let failed = |e| from_sqlite(&e, Some(T::TABLE));
    let count = connection.prepare_cached(&fixed(T::TABLE).count).map_err(failed)?;
    let count = { count }.query_row([], |row| row.get::<_, i64>(0)).map_err(failed)?;
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut found = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(1 << 20));
    rows(&mut statement, T::TABLE, &Typed::<T>::default(), &mut found)?;
    Ok(found)
}

fn read<D: Decode>(
    connection: &Connection,
    table: &'static Table,
    sql: &str,
    bindings: &Bindings,
    decode: &D,
) -> Result<Vec<D::Out>> {
    let failed = |e| from_sqlite(&e, Some(table));
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    bindings.bind(&mut statement)?;
    let mut found = Vec::new();
    rows(&mut statement, table, decode, &mut found)?;
    Ok(found)
}

fn rows<D: Decode>(
    statement: &mut Statement<'_>,
    table: &'static Table,
    decode: &D,
    found: &mut Vec<D::Out>,
) -> Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|e| from_sqlite(&e, Some(table)))? {
        found.push(decode.decode(&mut RowSource::new(row))?);
    }
    Ok(())
}
