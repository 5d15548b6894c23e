//! The verbs of records: insert, get, update, delete and their kin.

use std::pin::pin;

#[cfg(doc)]
use tradebase_core::Code;
use tradebase_core::watch::Operation;
use tradebase_core::{Handed, Record, Result, Row, Stamp, Table, Timestamp, rule};

use crate::call::Call;
use crate::conflict::{Columns, Conflict, Landed, Upserted, Upserts, settable};
use crate::engine::{Engine, either};
use crate::error::{missing, other_version};
use crate::find::Find;
use crate::select::{Select, Typed};
use crate::sql::{Sql, Updated, count};
use crate::stamped::{Stamped, StampedRows};
use crate::together::land;

impl Sql {
    /// Inserts a record and gives its key back.
    ///
    /// When it returns, the row is committed: on SQLite as durable as
    /// [`Durability`](crate::Durability) says, on PostgreSQL as the server is set up. Cancelled,
    /// it is written whole or not at all, and the caller's record is as before.
    pub async fn insert<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        let call = self.call(Operation::Insert, Some(H::Record::TABLE));
        let inserted = async {
            let row = Stamped::to_insert(row, self.clock());
            let record = row.record()?;
            rule::check(record)?;
            let assigned =
                either!(Engine, &self.engine, store => store.insert(&call, record).await?);
            let mut row = row.keep()?;
            if let Some(key) = assigned {
                row.assign(key);
            }
            Ok(row.record().key())
        };
        self.run(&call, |_| 1, pin!(inserted)).await
    }

    /// Inserts many records, all or none, and gives their number.
    ///
    /// Every row is checked before the first is sent; an error of a bad value says which row of
    /// the batch. When it returns, all rows are committed. Cancelled, either all are written or
    /// none, and the caller's records are as before.
    pub async fn insert_many<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        let call = self.call(Operation::InsertMany, Some(table::<I::Item>()));
        let batch = StampedRows::to_insert(rows.into_iter(), self.clock());
        let inserted = async {
            let records = batch.records();
            check_all(&records)?;
            let keys = match records.as_slice() {
                [] => Vec::new(),
                rows => either!(Engine, &self.engine, store => {
                    store.insert_many(&call, table::<I::Item>(), rows).await?
                }),
            };
            let count = number(records.len());
            drop(records);
            batch.keep(&keys);
            Ok(count)
        };
        self.run(&call, count, pin!(inserted)).await
    }

    /// Inserts a record, or does with the stored row what the [`Conflict`] says.
    ///
    /// When it returns, the change is committed as by [`insert`](Sql::insert). What the layer
    /// fills in the caller's record is then as it is stored; a row that was kept leaves the
    /// caller's record as it was.
    ///
    /// The other fields stay the caller's, whatever the stored row has: with
    /// [`Conflict::set`](crate::Conflict::set) those that were not written, and with
    /// [`Conflict::on`](crate::Conflict::on) also the key, unless the database assigns it. Find
    /// the row by the columns of `on` to know it; [`Dynamic::upsert`](crate::Dynamic::upsert)
    /// gives it back.
    pub async fn upsert<H: Handed>(
        &self,
        row: H,
        conflict: &Conflict<H::Record>,
    ) -> Result<Upserted> {
        let call = self.call(Operation::Upsert, Some(H::Record::TABLE));
        let upserted = async {
            conflict.check()?;
            let row = Stamped::to_insert(row, self.clock());
            let record = row.record()?;
            rule::check(record)?;
            let plan = &conflict.plan;
            let landed =
                either!(Engine, &self.engine, store => store.upsert(&call, record, plan).await?);
            if landed.how != Upserted::Kept {
                land(&mut row.keep()?, &landed);
            }
            Ok(landed.how)
        };
        self.run(&call, |how| usize::from(*how != Upserted::Kept), pin!(upserted)).await
    }

    /// Upserts many records, all or none, and counts how they ended.
    ///
    /// Two rows of the batch that are the same are an error of the code [`Code::NotUnique`]:
    /// which of them would win is nobody's guess. Rows that were kept leave the caller's records
    /// as they were, and what [`upsert`](Sql::upsert) leaves to the caller stays the caller's.
    pub async fn upsert_many<I>(
        &self,
        rows: I,
        conflict: &Conflict<<I::Item as Handed>::Record>,
    ) -> Result<Upserts>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        let call = self.call(Operation::UpsertMany, Some(table::<I::Item>()));
        let batch = StampedRows::to_insert(rows.into_iter(), self.clock());
        let upserted = async {
            conflict.check()?;
            let records = batch.records();
            check_all(&records)?;
            let plan = &conflict.plan;
            let landed = match records.as_slice() {
                [] => Vec::new(),
                rows => either!(Engine, &self.engine, store => {
                    store.upsert_many(&call, rows, plan).await?
                }),
            };
            drop(records);
            let mut upserts = Upserts::default();
            landed.iter().for_each(|landed| upserts.count(landed.how));
            batch.keep_each(&landed, |row, landed: &Landed| {
                let is_written = landed.how != Upserted::Kept;
                if is_written {
                    land(row, landed);
                }
                is_written
            });
            Ok(upserts)
        };
        let changed = |done: &Upserts| count(&(done.inserted + done.updated));
        self.run(&call, changed, pin!(upserted)).await
    }

    /// The record of that key.
    pub async fn get<T: Record>(&self, key: &T::Key) -> Result<Option<T>> {
        let call = self.call(Operation::Get, Some(T::TABLE));
        let got = async { either!(Engine, &self.engine, store => store.get(&call, key).await) };
        self.run(&call, |got: &Option<T>| usize::from(got.is_some()), pin!(got)).await
    }

    /// The records of these keys, each at the place of its key; a key may stand there twice.
    pub async fn get_many<T: Record + Clone>(&self, keys: &[T::Key]) -> Result<Vec<Option<T>>> {
        let call = self.call(Operation::GetMany, Some(T::TABLE));
        let got =
            async { either!(Engine, &self.engine, store => store.get_many(&call, keys).await) };
        self.run(&call, |got: &Vec<Option<T>>| got.iter().flatten().count(), pin!(got)).await
    }

    /// Whether there is a record of that key.
    pub async fn exists<T: Record>(&self, key: &T::Key) -> Result<bool> {
        let call = self.call(Operation::Exists, Some(T::TABLE));
        let there =
            async { either!(Engine, &self.engine, store => store.exists::<T>(&call, key).await) };
        self.run(&call, |there| usize::from(*there), pin!(there)).await
    }

    /// How many records there are.
    pub async fn count<T: Record>(&self) -> Result<u64> {
        let call = self.call(Operation::Count, Some(T::TABLE));
        let counted =
            async { either!(Engine, &self.engine, store => store.count::<T>(&call).await) };
        self.run(&call, count, pin!(counted)).await
    }

    /// So many records in the order of the key, behind the first `offset` ones.
    ///
    /// The store walks over those that are passed over: for deep pages ask for what is behind the
    /// last key instead.
    pub async fn list<T: Record>(&self, limit: u32, offset: u64) -> Result<Vec<T>> {
        let call = self.call(Operation::List, Some(T::TABLE));
        let select = Select::of(T::TABLE).by_key().limit(limit);
        let select = Select { offset: Some(offset), ..select };
        self.read(&call, &select).await
    }

    /// Finds records by a typed filter.
    pub fn find<T: Record>(&self) -> Find<'_, T> {
        Find::new(self)
    }

    /// What a statement reads.
    pub(crate) async fn read<T: Row>(&self, call: &Call<'_>, select: &Select) -> Result<Vec<T>> {
        let found = async {
            either!(Engine, &self.engine, store => {
                store.select(call, select, Typed::<T>::default()).await
            })
        };
        self.run(call, Vec::len, pin!(found)).await
    }

    /// Every record, in the order of the key.
    pub async fn all<T: Record>(&self) -> Result<Vec<T>> {
        let call = self.call(Operation::All, Some(T::TABLE));
        let all = async { either!(Engine, &self.engine, store => store.all(&call).await) };
        self.run(&call, Vec::len, pin!(all)).await
    }

    /// Writes all columns of a record whose key is stored already, but when it was made.
    ///
    /// [`Code::NotFound`] if there is no such row. A record that counts its versions is written
    /// only if the stored row has the version that this one was read with, else it is a
    /// [`Code::VersionConflict`]. When it returns, the change is committed as by
    /// [`insert`](Sql::insert).
    pub async fn update<H: Handed>(&self, row: H) -> Result<()> {
        let call = self.call(Operation::Update, Some(H::Record::TABLE));
        let updated = async {
            let (row, version) = Stamped::to_update(row, self.clock())?;
            let record = row.record()?;
            rule::check(record)?;
            let updated =
                either!(Engine, &self.engine, store => store.update(&call, record, version).await?);
            match updated {
                Updated::Yes { created } => {
                    // The caller's record says when the stored row was made, not when it thinks so.
                    row.keep()?.stamp(Stamp { created, ..Stamp::default() });
                    Ok(())
                }
                Updated::Missing => Err(missing()),
                Updated::OtherVersion => Err(other_version(version)),
            }
        };
        self.run(&call, |()| 1, pin!(updated)).await
    }

    /// Updates many records, each with values of its own, all or none, and gives their number.
    ///
    /// Each is written as by [`update`](Sql::update); an error says which row of the batch. A key
    /// that stands there twice is an error of the code [`Code::Invalid`].
    pub async fn update_many<I>(&self, rows: I) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        let call = self.call(Operation::UpdateMany, Some(table::<I::Item>()));
        let updated = async {
            let (batch, versions) = StampedRows::to_update(rows.into_iter(), self.clock())?;
            let records = batch.records();
            check_all(&records)?;
            let created: Vec<Option<Timestamp>> = match records.as_slice() {
                [] => Vec::new(),
                rows => either!(Engine, &self.engine, store => {
                    store.update_many(&call, rows, &versions).await?
                }),
            };
            let count = number(records.len());
            drop(records);
            batch.keep_each(&created, |row, created| {
                row.stamp(Stamp { created: *created, ..Stamp::default() });
                true
            });
            Ok(count)
        };
        self.run(&call, count, pin!(updated)).await
    }

    /// Writes some columns of many records, each with values of its own, all or none, and gives
    /// their number: less work for the store than all columns, least of all those of an index.
    ///
    /// As [`update_many`](Sql::update_many), also in what the layer fills and in versions.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # let mut bots = vec![Bot { id: 1, name: "trend".into(), active: true }];
    /// # sql.insert_many(&bots).await?;
    /// for bot in &mut bots {
    ///     bot.active = false;
    /// }
    /// sql.update_columns(&bots, Bot::ACTIVE).await?;
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn update_columns<I>(
        &self,
        rows: I,
        columns: impl Columns<<I::Item as Handed>::Record>,
    ) -> Result<u64>
    where
        I: IntoIterator + Send,
        I::IntoIter: Send,
        I::Item: Handed,
    {
        let call = self.call(Operation::UpdateMany, Some(table::<I::Item>()));
        let columns = columns.positions();
        let updated = async {
            let columns = settable(table::<I::Item>(), columns)?;
            let (batch, versions) = StampedRows::to_update(rows.into_iter(), self.clock())?;
            let records = batch.records();
            check_all(&records)?;
            match records.as_slice() {
                [] => {}
                rows => either!(Engine, &self.engine, store => {
                    store.update_columns(&call, rows, &versions, &columns).await?;
                }),
            }
            let count = number(records.len());
            drop(records);
            // When a row was made is not written, and the caller's record keeps to its own.
            batch.keep(&[]);
            Ok(count)
        };
        self.run(&call, count, pin!(updated)).await
    }

    /// Deletes the record of that key and says whether there was one.
    pub async fn delete<T: Record>(&self, key: &T::Key) -> Result<bool> {
        let call = self.call(Operation::Delete, Some(T::TABLE));
        let deleted = async {
            either!(Engine, &self.engine, store => store.delete(&call, T::TABLE, key).await)
        };
        self.run(&call, |was| usize::from(*was), pin!(deleted)).await
    }

    /// Deletes the records of these keys, all or none, and gives the number of those that were
    /// there.
    pub async fn delete_many<T: Record>(&self, keys: &[T::Key]) -> Result<u64> {
        let call = self.call(Operation::DeleteMany, Some(T::TABLE));
        let deleted = async {
            either!(Engine, &self.engine, store => store.delete_many(&call, T::TABLE, keys).await)
        };
        self.run(&call, count, pin!(deleted)).await
    }
}

impl<T: Record> Conflict<T> {
    /// Refuses columns that no unique index has, or that cannot be set.
    pub(crate) fn check(&self) -> Result<()> {
        self.plan.check(T::TABLE)
    }
}

fn table<H: Handed>() -> &'static Table {
    H::Record::TABLE
}

fn check_all<T: Record>(records: &[&T]) -> Result<()> {
    for (i, record) in records.iter().enumerate() {
        rule::check(*record).map_err(|e| e.at_row(i))?;
    }
    Ok(())
}

fn number(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
