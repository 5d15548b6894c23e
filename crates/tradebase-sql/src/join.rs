//! Records together with what they point to, by one statement.

use std::marker::PhantomData;
use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Column, Filter, Got, Link, Order, Record, Result, Source};

use crate::engine::{Engine, either};
use crate::find::Find;
use crate::select::{Decode, Item, Joined, Select};

/// A find of records with what each points to; see [`Find::with`].
#[must_use = "a find does nothing until `all` or `first` is awaited"]
#[derive(Debug)]
pub struct FindWith<'a, T, P> {
    find: Find<'a, T>,
    link: Link<T, P>,
}

impl<'a, T: Record> Find<'a, T> {
    /// Each record with what it points to, by one statement. Records that point to nothing are
    /// found too; to leave them out, filter by the column or by [`Link::is`].
    ///
    /// A parent that many records point to is read for each of them: where these are many,
    /// [`parents`](crate::Sql::parents) reads it once.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String }
    /// # #[derive(Record)]
    /// # #[record(table = "trades")]
    /// # struct Trade { #[record(key)] id: i64, #[record(belongs_to = Bot)] bot_id: Option<i64> }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Trade>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into() }).await?;
    /// # sql.insert_many(&[Trade { id: 1, bot_id: Some(1) }, Trade { id: 2, bot_id: None }]).await?;
    /// let trades: Vec<(Trade, Option<Bot>)> = sql
    ///     .find::<Trade>()
    ///     .filter(Trade::BOT.is(Bot::NAME.eq("trend")))
    ///     .with(Trade::BOT)
    ///     .all()
    ///     .await?;
    /// assert_eq!(trades.len(), 1);
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with<P: Record>(self, link: Link<T, P>) -> FindWith<'a, T, P> {
        FindWith { find: self, link }
    }
}

impl<T: Record, P: Record> FindWith<'_, T, P> {
    /// See [`Find::filter`].
    pub fn filter(self, filter: Filter<T>) -> Self {
        Self { find: self.find.filter(filter), ..self }
    }

    /// See [`Find::order_by`].
    pub fn order_by(self, order: Order<T>) -> Self {
        Self { find: self.find.order_by(order), ..self }
    }

    /// At most so many.
    pub fn limit(self, rows: u32) -> Self {
        Self { find: self.find.limit(rows), ..self }
    }

    /// All that are found.
    pub async fn all(self) -> Result<Vec<(T, Option<P>)>> {
        self.found(None).await
    }

    /// The first that is found.
    pub async fn first(self) -> Result<Option<(T, Option<P>)>> {
        Ok(self.found(Some(1)).await?.into_iter().next())
    }

    async fn found(self, rows: Option<u32>) -> Result<Vec<(T, Option<P>)>> {
        let sql = self.find.sql;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let found = async {
            let joined = Some(Joined { table: P::TABLE, by: self.link.at() });
            let output = vec![Item::Every, Item::EveryJoined];
            let select = self.find.select()?;
            let limit = select.limit.into_iter().chain(rows).min();
            let select = Select { joined, output, limit, ..select };
            either!(Engine, &sql.engine, store => {
                store.select(&call, &select, Pairs::<T, P>::default()).await
            })
        };
        sql.run(&call, Vec::len, pin!(found)).await
    }
}

/// Rows of two records, the second of which may be missing.
#[derive(Debug)]
struct Pairs<T, P>(PhantomData<fn() -> (T, P)>);

impl<T, P> Default for Pairs<T, P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Record, P: Record> Decode for Pairs<T, P> {
    type Out = (T, Option<P>);

    fn columns(&self) -> Vec<&'static Column> {
        let mut columns = Vec::with_capacity(T::WIDTH + P::WIDTH);
        T::list(&mut columns);
        P::list(&mut columns);
        columns
    }

    /// A row that is there has a key, whatever else of it is null.
    fn decode<S: Source>(&self, source: &mut S) -> Result<Self::Out> {
        let first = T::read(source)?;
        for (&at, column) in P::TABLE.key.iter().zip(P::TABLE.key_columns()) {
            if let Got::Null | Got::Absent = source.cell(T::WIDTH + at, column)? {
                return Ok((first, None));
            }
        }
        Ok((first, Some(P::read_at(T::WIDTH, source)?)))
    }
}
