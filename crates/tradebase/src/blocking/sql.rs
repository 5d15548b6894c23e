//! The relational room without async.

use tradebase_core::{Error, Handed, Record, Result, Row};

use super::{Blocking, InClosure};
use crate::sql::{
    Batch, Columns, Conflict, Parameters, Patch, RowStream, Sql, SqlText, TxOptions, Upserted,
    Upserts,
};

impl Blocking<Sql> {
    /// See [`Sql::create_table`](crate::sql::Sql::create_table).
    pub fn create_table<T: Record>(&self) -> Result<()> {
        self.wait(self.room.create_table::<T>())
    }

    /// See [`Sql::drop_table`](crate::sql::Sql::drop_table).
    pub fn drop_table<T: Record>(&self) -> Result<()> {
        self.wait(self.room.drop_table::<T>())
    }

    /// See [`Sql::insert`](crate::sql::Sql::insert).
    pub fn insert<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        self.wait(self.room.insert(row))
    }

    /// See [`Sql::insert_many`](crate::sql::Sql::insert_many).
    pub fn insert_many<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        self.wait(self.room.insert_many(rows))
    }

    /// See [`Sql::get`](crate::sql::Sql::get).
    pub fn get<T: Record>(&self, key: &T::Key) -> Result<Option<T>> {
        self.wait(self.room.get(key))
    }

    /// See [`Sql::update`](crate::sql::Sql::update).
    pub fn update<H: Handed>(&self, row: H) -> Result<()> {
        self.wait(self.room.update(row))
    }

    /// See [`Sql::delete`](crate::sql::Sql::delete).
    pub fn delete<T: Record>(&self, key: &T::Key) -> Result<bool> {
        self.wait(self.room.delete::<T>(key))
    }

    /// See [`Sql::all`](crate::sql::Sql::all).
    pub fn all<T: Record>(&self) -> Result<Vec<T>> {
        self.wait(self.room.all())
    }

    /// See [`Sql::query`](crate::sql::Sql::query).
    pub fn query<'p, R: Row>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<Vec<R>> {
        self.wait(self.room.query(sql, parameters))
    }

    /// See [`Sql::execute`](crate::sql::Sql::execute).
    pub fn execute<'p>(
        &self,
        sql: impl Into<SqlText>,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<u64> {
        self.wait(self.room.execute(sql, parameters))
    }

    /// See [`Sql::upsert`](crate::sql::Sql::upsert).
    pub fn upsert<H: Handed>(&self, row: H, conflict: &Conflict<H::Record>) -> Result<Upserted> {
        self.wait(self.room.upsert(row, conflict))
    }

    /// See [`Sql::upsert_many`](crate::sql::Sql::upsert_many).
    pub fn upsert_many<I>(
        &self,
        rows: I,
        conflict: &Conflict<<I::Item as Handed>::Record>,
    ) -> Result<Upserts>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        self.wait(self.room.upsert_many(rows, conflict))
    }

    /// See [`Sql::get_many`](crate::sql::Sql::get_many).
    pub fn get_many<T: Record + Clone>(&self, keys: &[T::Key]) -> Result<Vec<Option<T>>> {
        self.wait(self.room.get_many(keys))
    }

    /// See [`Sql::exists`](crate::sql::Sql::exists).
    pub fn exists<T: Record>(&self, key: &T::Key) -> Result<bool> {
        self.wait(self.room.exists::<T>(key))
    }

    /// See [`Sql::count`](crate::sql::Sql::count).
    pub fn count<T: Record>(&self) -> Result<u64> {
        self.wait(self.room.count::<T>())
    }

    /// See [`Sql::list`](crate::sql::Sql::list).
    pub fn list<T: Record>(&self, limit: u32, offset: u64) -> Result<Vec<T>> {
        self.wait(self.room.list(limit, offset))
    }

    /// See [`Sql::update_many`](crate::sql::Sql::update_many).
    pub fn update_many<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        self.wait(self.room.update_many(rows))
    }

    /// See [`Sql::update_columns`](crate::sql::Sql::update_columns).
    pub fn update_columns<I>(
        &self,
        rows: I,
        columns: impl Columns<<I::Item as Handed>::Record>,
    ) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        self.wait(self.room.update_columns(rows, columns))
    }

    /// A change of some columns, to be given to [`run_patch`](Self::run_patch); see
    /// [`Sql::patch`](crate::sql::Sql::patch).
    pub fn patch<'a, T: Record>(&'a self, key: &'a T::Key) -> Patch<'a, T> {
        self.room.patch(key)
    }

    /// See [`Patch::run`].
    pub fn run_patch<T: Record>(&self, patch: Patch<'_, T>) -> Result<bool> {
        self.wait(patch.run())
    }

    /// See [`Sql::delete_many`](crate::sql::Sql::delete_many).
    pub fn delete_many<T: Record>(&self, keys: &[T::Key]) -> Result<u64> {
        self.wait(self.room.delete_many::<T>(keys))
    }

    /// Writes that are put together, to be given to [`run_batch`](Self::run_batch); see
    /// [`Sql::batch`](crate::sql::Sql::batch).
    pub fn batch(&self) -> Batch<'_> {
        self.room.batch()
    }

    /// See [`Batch::run`].
    pub fn run_batch(&self, batch: Batch<'_>) -> Result<()> {
        self.wait(batch.run())
    }

    /// All rows, one after another; see [`Sql::stream`](crate::sql::Sql::stream).
    pub fn stream<T: Record>(&self) -> Result<impl Iterator<Item = Result<T>> + use<T>> {
        Ok(self.each(self.wait(self.room.stream::<T>())?))
    }

    /// The rows of a stream, one after another: of a find that was asked for its stream.
    pub fn each<T: Send + 'static>(
        &self,
        mut rows: RowStream<T>,
    ) -> impl Iterator<Item = Result<T>> + use<T> {
        let blocking = self.clone();
        std::iter::from_fn(move || blocking.wait(rows.next()).transpose())
    }

    /// Carries several operations out that take effect together, or not at all; see
    /// [`Sql::transaction`].
    ///
    /// ```
    /// # use tradebase::{Config, Record, Result, blocking};
    /// # #[derive(Record)]
    /// # #[record(table = "accounts")]
    /// # struct Account { #[record(key)] id: i64, cents: i64 }
    /// # fn main() -> Result<()> {
    /// # let db = blocking::Tradebase::open(Config::in_memory())?;
    /// # db.sql().create_table::<Account>()?;
    /// db.sql().transaction(|tx| {
    ///     tx.insert(&Account { id: 1, cents: 300 })?;
    ///     tx.insert(&Account { id: 2, cents: 700 }).map(drop)
    /// })?;
    /// # db.close()
    /// # }
    /// ```
    pub fn transaction<R, E: From<Error>>(
        &self,
        work: impl Fn(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        self.transaction_with(TxOptions::default(), work)
    }

    /// As [`transaction`](Self::transaction), with options. A closure that holds its thread is not
    /// cut off when its time is over: the time bounds the waiting and the repetitions.
    pub fn transaction_with<R, E: From<Error>>(
        &self,
        options: TxOptions,
        work: impl Fn(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        let work = |room| {
            let inside = Self { db: self.db.clone(), room };
            // Not before it is waited for: until then the transaction is not known to be open.
            let work = &work;
            async move {
                let _here = InClosure::enter();
                work(&inside)
            }
        };
        self.block_on(self.room.transaction_with(options, work)).map_err(E::from)?
    }
}
