//! The relational store, whichever engine it is.

use std::fmt;
use std::sync::Arc;

use tradebase_core::{Capabilities, Code, Error, Handed, Record, Result, Stamp, rule};

use crate::batch::{Batch, Stamped};
use crate::find::Find;
use crate::options::SqlOptions;
use crate::{POSTGRES, SQLITE, naming, postgres, sqlite, trace};

/// A relational store of records: SQLite or PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct Sql {
    pub(crate) engine: Engine,
}

#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Arc<sqlite::Store>),
    Postgres(Arc<postgres::Store>),
}

impl Sql {
    /// Opens a store with the default options.
    ///
    /// - `sqlite:ledger.db`, `sqlite:///srv/ledger.db`: a file, made if it is not there
    /// - `sqlite::memory:`: a database that ends with this value
    /// - `postgres://user:password@localhost/ledger`, also `postgresql://` and, for a unix
    ///   socket, `?host=/var/run/postgresql`
    ///
    /// A driver's name after the scheme (`postgresql+asyncpg://`) is passed over.
    pub async fn open(url: &str) -> Result<Sql> {
        Self::open_with(SqlOptions::new(url)).await
    }

    /// Opens a store.
    pub async fn open_with(options: SqlOptions) -> Result<Sql> {
        let opened = Self::open_engine(&options).await;
        opened.map(|engine| Sql { engine }).map_err(|e| e.during("open"))
    }

    async fn open_engine(options: &SqlOptions) -> Result<Engine> {
        let (scheme, rest) = options.url.expose().split_once(':').ok_or_else(unknown_scheme)?;
        let driverless = scheme.split_once('+').map_or(scheme, |(engine, _)| engine);
        Ok(match driverless {
            "sqlite" | "sqlite3" => {
                Engine::Sqlite(Arc::new(sqlite::Store::open(rest, options).await?))
            }
            "postgres" | "postgresql" => {
                Engine::Postgres(Arc::new(postgres::Store::open(rest, options).await?))
            }
            _ => return Err(unknown_scheme()),
        })
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        match self.engine {
            Engine::Sqlite(_) => &SQLITE,
            Engine::Postgres(_) => &POSTGRES,
        }
    }

    /// Creates the record's table if it is not there, and those of the records it points to.
    ///
    /// On SQLite also a view `<table>_readable`, which shows every value as text that a person
    /// and other programs can read. When it returns, the table is there with all its indexes,
    /// or nothing has changed.
    pub async fn create_table<T: Record>(&self) -> Result<()> {
        trace::begins(self.capabilities().engine, "create_table", T::TABLE, 1);
        let created = match naming::check(T::TABLE) {
            Err(error) => Err(error),
            Ok(()) => match &self.engine {
                Engine::Sqlite(store) => store.create_table(T::TABLE).await,
                Engine::Postgres(store) => store.create_table(T::TABLE).await,
            },
        };
        created.map_err(|e| e.during("create_table").of(T::TABLE))
    }

    /// Drops the record's table with all its rows, if it is there.
    pub async fn drop_table<T: Record>(&self) -> Result<()> {
        trace::begins(self.capabilities().engine, "drop_table", T::TABLE, 1);
        match &self.engine {
            Engine::Sqlite(store) => store.drop_table(T::TABLE).await,
            Engine::Postgres(store) => store.drop_table(T::TABLE).await,
        }
        .map_err(|e| e.during("drop_table").of(T::TABLE))
    }

    /// Inserts a record and gives its key back.
    ///
    /// When it returns, the row is committed: on SQLite as durable as
    /// [`Durability`](crate::Durability) says, on PostgreSQL as the server is set up. Cancelled,
    /// it is written whole or not at all, and the caller's record is as before.
    pub async fn insert<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        self.insert_row(row).await.map_err(|e| e.during("insert").of(H::Record::TABLE))
    }

    async fn insert_row<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        trace::begins(self.capabilities().engine, "insert", H::Record::TABLE, 1);
        let row = Stamped::to_insert(row);
        let record = row.record()?;
        rule::check(record)?;
        let assigned = match &self.engine {
            Engine::Sqlite(store) => store.insert(record).await?,
            Engine::Postgres(store) => store.insert(record).await?,
        };
        let mut row = row.keep()?;
        if let Some(key) = assigned {
            row.assign(key);
        }
        Ok(row.record().key())
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
        let table = <I::Item as Handed>::Record::TABLE;
        let batch = Batch::to_insert(rows.into_iter());
        self.insert_batch(batch).await.map_err(|e| e.during("insert_many").of(table))
    }

    async fn insert_batch<H: Handed>(&self, batch: Batch<H>) -> Result<u64> {
        let records = batch.records();
        let table = H::Record::TABLE;
        trace::begins(self.capabilities().engine, "insert_many", table, records.len());
        for (i, record) in records.iter().enumerate() {
            rule::check(*record).map_err(|e| e.at_row(i))?;
        }
        let keys = match (&self.engine, records.as_slice()) {
            (_, []) => Vec::new(),
            (Engine::Sqlite(store), rows) => store.insert_many(rows).await?,
            (Engine::Postgres(store), rows) => store.insert_many(rows).await?,
        };
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        drop(records);
        batch.keep(&keys);
        Ok(count)
    }

    /// The record of that key.
    pub async fn get<T: Record>(&self, key: &T::Key) -> Result<Option<T>> {
        trace::begins(self.capabilities().engine, "get", T::TABLE, 1);
        match &self.engine {
            Engine::Sqlite(store) => store.get(key).await,
            Engine::Postgres(store) => store.get(key).await,
        }
        .map_err(|e| e.during("get").of(T::TABLE))
    }

    /// Finds records by a typed filter.
    pub fn find<T: Record>(&self) -> Find<'_, T> {
        Find::new(self)
    }

    /// Writes all columns of a record whose key is stored already, but when it was made.
    ///
    /// [`Code::NotFound`] if there is no such row. A record that counts its versions is written
    /// only if the stored row has the version that this one was read with, else it is a
    /// [`Code::VersionConflict`]. When it returns, the change is committed as by
    /// [`insert`](Sql::insert).
    pub async fn update<H: Handed>(&self, row: H) -> Result<()> {
        self.update_row(row).await.map_err(|e| e.during("update").of(H::Record::TABLE))
    }

    async fn update_row<H: Handed>(&self, row: H) -> Result<()> {
        trace::begins(self.capabilities().engine, "update", H::Record::TABLE, 1);
        let (row, version) = Stamped::to_update(row)?;
        let record = row.record()?;
        rule::check(record)?;
        let updated = match &self.engine {
            Engine::Sqlite(store) => store.update(record, version).await?,
            Engine::Postgres(store) => store.update(record, version).await?,
        };
        match updated {
            Updated::Yes { created } => {
                // The caller's record says when the stored row was made, not when it thinks so.
                row.keep()?.stamp(Stamp { created, ..Stamp::default() });
                Ok(())
            }
            Updated::Missing => Err(Error::new(Code::NotFound, "there is no row of this key")),
            Updated::OtherVersion => Err(Error::new(
                Code::VersionConflict,
                format!("the stored row has another version than {}", version.unwrap_or_default()),
            )),
        }
    }

    /// Deletes the record of that key and says whether there was one.
    pub async fn delete<T: Record>(&self, key: &T::Key) -> Result<bool> {
        trace::begins(self.capabilities().engine, "delete", T::TABLE, 1);
        match &self.engine {
            Engine::Sqlite(store) => store.delete::<T>(key).await,
            Engine::Postgres(store) => store.delete::<T>(key).await,
        }
        .map_err(|e| e.during("delete").of(T::TABLE))
    }

    /// Every record, in the order of the key.
    pub async fn all<T: Record>(&self) -> Result<Vec<T>> {
        trace::begins(self.capabilities().engine, "all", T::TABLE, 1);
        match &self.engine {
            Engine::Sqlite(store) => store.all().await,
            Engine::Postgres(store) => store.all().await,
        }
        .map_err(|e| e.during("all").of(T::TABLE))
    }

    /// Closes the store for this value and all its clones. When it returns, calls that were
    /// under way have ended, and a SQLite file is really closed: it can be moved or deleted.
    pub async fn close(self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(store) => store.close().await,
            Engine::Postgres(store) => store.close().await,
        }
        .map_err(|e| e.during("close"))
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("engine", &self.capabilities().engine).finish_non_exhaustive()
    }
}

/// What an update met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updated {
    /// The row is written; it was made at that moment, if it says so.
    Yes { created: Option<tradebase_core::Timestamp> },
    /// There is no row of this key.
    Missing,
    /// The row has another version.
    OtherVersion,
}

/// The address may hold a password, so nothing of it is shown.
#[cold]
fn unknown_scheme() -> Error {
    Error::new(Code::Config, "the address must begin with sqlite: or postgres://")
}
