//! Several writes that are sent together and take effect together.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Handed, Record, Result, Stamp, Timestamp, rule};

use crate::conflict::{Conflict, Landed, Upserted};
use crate::engine::Engine;
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::sql::Sql;
use crate::sqlite;
use crate::stamped::Stamped;

/// Writes of one batch at most.
pub const BATCH_WRITES_MAX: usize = 10_000;

/// Writes that are being put together; [`run`](Batch::run) carries them out, all or none, in one
/// round trip to a server.
///
/// It is the short form of a [`transaction`](Sql::transaction) that only writes. Rows are checked
/// and encoded when they are added, and borrowed until the end: what the layer fills in them is as
/// before if the batch fails or is dropped.
#[must_use = "a batch does nothing until `run` is awaited"]
pub struct Batch<'a> {
    sql: &'a Sql,
    writes: Writes,
    rows: Vec<Option<Box<dyn Waiting + 'a>>>,
}

/// The writes, as the engine takes them.
enum Writes {
    Sqlite(Vec<sqlite::Write>),
    #[cfg(feature = "postgres")]
    Postgres(Vec<postgres::Write>),
}

/// How one write ended. A row that an update did not find fails the batch, so it is not here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wrote {
    /// With the key, if the database assigned it.
    Inserted(Option<i64>),
    Updated {
        created: Option<Timestamp>,
    },
    Upserted(Landed),
    Deleted,
}

/// A row of the caller's that waits for what becomes of it.
trait Waiting: Send {
    fn keep(self: Box<Self>, wrote: Wrote) -> Result<()>;
}

impl<H: Handed> Waiting for Stamped<H> {
    fn keep(self: Box<Self>, wrote: Wrote) -> Result<()> {
        if matches!(wrote, Wrote::Upserted(Landed { how: Upserted::Kept, .. })) {
            // The caller's is as before, like the stored one.
            return Ok(());
        }
        let mut row = Stamped::keep(*self)?;
        match wrote {
            Wrote::Inserted(Some(key)) => row.assign(key),
            Wrote::Updated { created: Some(created) } => {
                row.stamp(Stamp { created: Some(created), ..Stamp::default() });
            }
            Wrote::Upserted(landed) => land(&mut row, &landed),
            Wrote::Inserted(None) | Wrote::Updated { created: None } | Wrote::Deleted => {}
        }
        Ok(())
    }
}

/// Makes a row as it stands in the store after an upsert.
pub(crate) fn land<H: Handed>(row: &mut H, landed: &Landed) {
    let Landed { created, version, key, .. } = *landed;
    row.stamp(Stamp { created, version, updated: None });
    if let Some(key) = key {
        row.assign(key);
    }
}

/// Adds a write on whichever engine it is.
macro_rules! add {
    ($batch:expr, $module:ident => $write:expr) => {
        match &mut $batch.writes {
            Writes::Sqlite(writes) => {
                use sqlite as $module;
                writes.push($write);
            }
            #[cfg(feature = "postgres")]
            Writes::Postgres(writes) => {
                use postgres as $module;
                writes.push($write);
            }
        }
    };
}

impl Sql {
    /// A batch of writes.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "orders")]
    /// # struct Order { #[record(key)] id: i64, open: bool }
    /// # #[derive(Record)]
    /// # #[record(table = "fills")]
    /// # struct Fill { #[record(key)] id: i64, order_id: i64 }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Order>().await?;
    /// # sql.create_table::<Fill>().await?;
    /// # sql.insert(&Order { id: 7, open: true }).await?;
    /// let (fill, order) = (Fill { id: 1, order_id: 7 }, Order { id: 7, open: false });
    /// let mut batch = sql.batch();
    /// batch.insert(&fill)?;
    /// batch.update(&order)?;
    /// batch.run().await?;
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batch<'a>(&'a self) -> Batch<'a> {
        let writes = match &self.engine {
            Engine::Sqlite(_) => Writes::Sqlite(Vec::new()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Writes::Postgres(Vec::new()),
        };
        Batch { sql: self, writes, rows: Vec::new() }
    }
}

impl<'a> Batch<'a> {
    /// Adds a record to insert.
    pub fn insert<H: Handed + 'a>(&mut self, row: H) -> Result<()> {
        self.check_room()?;
        let row = Stamped::to_insert(row, self.sql.clock());
        let record = row.record()?;
        rule::check(record)?;
        add!(self, engine => engine::Write::insert(record)?);
        self.rows.push(Some(Box::new(row)));
        Ok(())
    }

    /// Adds a record whose stored row is written; see [`Sql::update`]. If there is no such row, or
    /// it has another version, nothing of the batch is done.
    pub fn update<H: Handed + 'a>(&mut self, row: H) -> Result<()> {
        self.check_room()?;
        let (row, version) = Stamped::to_update(row, self.sql.clock())?;
        let record = row.record()?;
        rule::check(record)?;
        add!(self, engine => engine::Write::update(record, version)?);
        self.rows.push(Some(Box::new(row)));
        Ok(())
    }

    /// Adds a record to insert, or to write over the one that is there; see [`Sql::upsert`].
    pub fn upsert<H: Handed + 'a>(&mut self, row: H, conflict: &Conflict<H::Record>) -> Result<()> {
        self.check_room()?;
        conflict.check()?;
        let row = Stamped::to_insert(row, self.sql.clock());
        let record = row.record()?;
        rule::check(record)?;
        add!(self, engine => engine::Write::upsert(record, &conflict.plan)?);
        self.rows.push(Some(Box::new(row)));
        Ok(())
    }

    /// Adds the key of a record to delete, whether it is there or not.
    pub fn delete<T: Record>(&mut self, key: &T::Key) -> Result<()> {
        self.check_room()?;
        add!(self, engine => engine::Write::delete(T::TABLE, key)?);
        self.rows.push(None);
        Ok(())
    }

    /// How many writes were added.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Carries all writes out in their order, all or none, as durable as
    /// [`insert`](Sql::insert). An error says which write failed. Inside a transaction they
    /// become part of it.
    ///
    /// Cancelled, either all take effect or none.
    pub async fn run(self) -> Result<()> {
        let Self { sql, writes, rows } = self;
        let call = sql.call(Operation::Batch, None);
        let count = rows.len();
        let ran = async {
            if rows.is_empty() {
                return Ok(0);
            }
            let wrote = match (&sql.engine, writes) {
                (Engine::Sqlite(store), Writes::Sqlite(writes)) => {
                    store.batch(&call, writes).await?
                }
                #[cfg(feature = "postgres")]
                (Engine::Postgres(store), Writes::Postgres(writes)) => {
                    store.batch(&call, writes).await?
                }
                #[cfg(feature = "postgres")]
                _ => return Err(other_engine()),
            };
            for (row, wrote) in rows.into_iter().zip(wrote) {
                if let Some(row) = row {
                    row.keep(wrote)?;
                }
            }
            Ok(count)
        };
        sql.run(&call, |count| *count, pin!(ran)).await.map(drop)
    }

    fn check_room(&self) -> Result<()> {
        if self.rows.len() < BATCH_WRITES_MAX {
            return Ok(());
        }
        let message = format!("a batch has at most {BATCH_WRITES_MAX} writes: use insert_many");
        Err(tradebase_core::Error::new(Code::Invalid, message))
    }
}

#[cfg(feature = "postgres")]
#[cold]
fn other_engine() -> tradebase_core::Error {
    tradebase_core::Error::new(Code::Internal, "a batch was made for another engine")
}
