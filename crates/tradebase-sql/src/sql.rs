//! The relational store, whichever engine it is.

use std::fmt;
use std::sync::Arc;

use tradebase_core::clock::Clock;
use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{
    Capabilities, Code, Error, Handed, Record, Result, Stamp, Table, Timestamp, rule,
};

use crate::batch::{Batch, Stamped};
use crate::engine::{Engine, either};
use crate::find::Find;
use crate::gate::Gate;
use crate::options::SqlOptions;
use crate::{naming, trace};

/// A relational store of records: SQLite or PostgreSQL. Cheap to clone.
///
/// It connects once, by the first call that needs it. If that fails, the call says so and all that
/// waited for it do too, and the next one tries again.
#[derive(Clone)]
pub struct Sql {
    pub(crate) engine: Engine,
    gate: Arc<Gate>,
    watch: Watch,
    clock: Clock,
}

impl Sql {
    /// Opens a store with the default options.
    ///
    /// - `sqlite:ledger.db`, `sqlite:///srv/ledger.db`: a file, made if it is not there
    /// - `sqlite::memory:`: a database that ends with this value
    /// - `postgres://user:password@localhost/ledger`, also `postgresql://` and, for a unix
    ///   socket, `?host=/var/run/postgresql`; with the feature `postgres`
    ///
    /// A driver's name after the scheme (`postgresql+asyncpg://`) is passed over.
    pub async fn open(url: &str) -> Result<Sql> {
        Self::open_with(SqlOptions::new(url)).await
    }

    /// Opens a store.
    pub async fn open_with(options: SqlOptions) -> Result<Sql> {
        let sql = Self::later(options)?;
        sql.connect_during("open").await?;
        Ok(sql)
    }

    /// A store that connects when it is first used. The address and the options are checked now.
    pub fn later(options: SqlOptions) -> Result<Sql> {
        let engine = Engine::later(&options).map_err(|e| e.during("open"))?;
        let SqlOptions { watch, clock, .. } = options;
        Ok(Sql { engine, gate: Arc::default(), watch, clock })
    }

    /// Connects now, unless that has happened, and creates the tables of the options.
    pub async fn connect(&self) -> Result<()> {
        self.connect_during(Operation::Connect.as_str()).await
    }

    async fn connect_during(&self, verb: &'static str) -> Result<()> {
        let connected = self.connected().await;
        trace::ends(self.capabilities().engine, Operation::Connect, None, &connected, |()| 0);
        connected.map_err(|e| e.during(verb))
    }

    /// Whether the store has been connected, and not closed since.
    pub fn is_connected(&self) -> bool {
        self.gate.is_open()
    }

    /// Asks the store for an answer, connecting if needed.
    pub async fn ping(&self) -> Result<()> {
        let pong = async { either!(Engine, &self.engine, store => store.ping().await) };
        self.run(Operation::Ping, None, |()| 0, pong).await
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        self.engine.capabilities()
    }

    /// Where the store is, for people: `ledger.db`, `:memory:`, `localhost:5432/ledger`. Never a
    /// secret.
    pub fn address(&self) -> String {
        either!(Engine, &self.engine, store => store.address())
    }

    /// What watches the operations of this store.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Creates the record's table if it is not there, and those of the records it points to.
    ///
    /// On SQLite also a view `<table>_readable`, which shows every value as text that a person
    /// and other programs can read. When it returns, the table is there with all its indexes,
    /// or nothing has changed.
    pub async fn create_table<T: Record>(&self) -> Result<()> {
        let created = async {
            naming::check(T::TABLE)?;
            either!(Engine, &self.engine, store => store.create_tables(&[T::TABLE]).await)
        };
        self.run(Operation::Create, Some(T::TABLE), |()| 0, created).await
    }

    /// Drops the record's table with all its rows, if it is there.
    pub async fn drop_table<T: Record>(&self) -> Result<()> {
        let dropped =
            async { either!(Engine, &self.engine, store => store.drop_table(T::TABLE).await) };
        self.run(Operation::Drop, Some(T::TABLE), |()| 0, dropped).await
    }

    /// Inserts a record and gives its key back.
    ///
    /// When it returns, the row is committed: on SQLite as durable as
    /// [`Durability`](crate::Durability) says, on PostgreSQL as the server is set up. Cancelled,
    /// it is written whole or not at all, and the caller's record is as before.
    pub async fn insert<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        let inserted = self.insert_row(row);
        self.run(Operation::Insert, Some(H::Record::TABLE), |_| 1, inserted).await
    }

    async fn insert_row<H: Handed>(&self, row: H) -> Result<<H::Record as Record>::Key> {
        let row = Stamped::to_insert(row, &self.clock);
        let record = row.record()?;
        rule::check(record)?;
        let assigned = either!(Engine, &self.engine, store => store.insert(record).await?);
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
        let batch = Batch::to_insert(rows.into_iter(), &self.clock);
        let inserted = self.insert_batch(batch);
        self.run(Operation::InsertMany, Some(table), count, inserted).await
    }

    async fn insert_batch<H: Handed>(&self, batch: Batch<H>) -> Result<u64> {
        let records = batch.records();
        for (i, record) in records.iter().enumerate() {
            rule::check(*record).map_err(|e| e.at_row(i))?;
        }
        let keys = match records.as_slice() {
            [] => Vec::new(),
            rows => either!(Engine, &self.engine, store => store.insert_many(rows).await?),
        };
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        drop(records);
        batch.keep(&keys);
        Ok(count)
    }

    /// The record of that key.
    pub async fn get<T: Record>(&self, key: &T::Key) -> Result<Option<T>> {
        let got = async { either!(Engine, &self.engine, store => store.get(key).await) };
        let count = |got: &Option<T>| usize::from(got.is_some());
        self.run(Operation::Get, Some(T::TABLE), count, got).await
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
        let updated = self.update_row(row);
        self.run(Operation::Update, Some(H::Record::TABLE), |()| 1, updated).await
    }

    async fn update_row<H: Handed>(&self, row: H) -> Result<()> {
        let (row, version) = Stamped::to_update(row, &self.clock)?;
        let record = row.record()?;
        rule::check(record)?;
        let updated = either!(Engine, &self.engine, store => store.update(record, version).await?);
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
        let deleted =
            async { either!(Engine, &self.engine, store => store.delete::<T>(key).await) };
        self.run(Operation::Delete, Some(T::TABLE), |was| usize::from(*was), deleted).await
    }

    /// Every record, in the order of the key.
    pub async fn all<T: Record>(&self) -> Result<Vec<T>> {
        let all = async { either!(Engine, &self.engine, store => store.all().await) };
        self.run(Operation::All, Some(T::TABLE), Vec::len, all).await
    }

    /// Closes the store for this value and all its clones. When it returns, calls that were
    /// under way have ended, and a SQLite file is really closed: it can be moved or deleted. Later
    /// calls are errors of the code [`Code::Closed`]. Closing twice is fine.
    pub async fn close(self) -> Result<()> {
        let closed = async {
            self.gate.shut().await;
            either!(Engine, &self.engine, store => store.close().await)?;
            tracing::info!(store = self.capabilities().engine, address = self.address(), "closed");
            Ok(())
        };
        self.watched(Operation::Close, None, |()| 0, closed).await
    }

    /// Connects if needed, and carries an operation out.
    pub(crate) async fn run<T>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: fn(&T) -> usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let work = async {
            self.connected().await?;
            work.await
        };
        self.watched(operation, table, count, work).await
    }

    /// Carries an operation out, and notes how it went.
    pub(crate) async fn watched<T>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: fn(&T) -> usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let outcome = self.watch.run(operation, count, work).await;
        trace::ends(self.capabilities().engine, operation, table, &outcome, count);
        outcome.map_err(|error| {
            let error = error.during(operation.as_str());
            match table {
                Some(table) => error.of(table),
                None => error,
            }
        })
    }

    /// One look once the store is connected; what connects stands aside, so that no call carries
    /// it along.
    #[inline]
    async fn connected(&self) -> Result<()> {
        if self.gate.is_open() { Ok(()) } else { Box::pin(self.connect_once()).await }
    }

    async fn connect_once(&self) -> Result<()> {
        let connect = async {
            either!(Engine, &self.engine, store => store.connect().await)?;
            let (store, address) = (self.capabilities().engine, self.address());
            tracing::info!(store, address, "connected");
            Ok(())
        };
        self.gate.open(self.watch.run(Operation::Connect, |()| 0, connect)).await
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql")
            .field("engine", &self.capabilities().engine)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// What an update met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updated {
    /// The row is written; it was made at that moment, if it says so.
    Yes { created: Option<Timestamp> },
    /// There is no row of this key.
    Missing,
    /// The row has another version.
    OtherVersion,
}

/// A number of rows, as measures count them.
pub(crate) fn count(rows: &u64) -> usize {
    usize::try_from(*rows).unwrap_or(usize::MAX)
}
