//! Records together with what they point to, by one statement.

use std::marker::PhantomData;

use tradebase_core::{Column, Got, Link, Record, Result, Source};

use crate::find::Find;
use crate::select::{Decode, Item, Joined};

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
    pub fn with<P: Record>(self, link: Link<T, P>) -> Find<'a, T, Pairs<T, P>> {
        let output = vec![Item::Every, Item::EveryJoined];
        let joined = Joined { table: P::TABLE, by: link.at() };
        self.reading(output, Pairs::default(), link.key().err()).joined(joined)
    }
}

/// Rows of two records, the second of which may be missing.
#[derive(Debug)]
pub struct Pairs<T, P>(PhantomData<fn() -> (T, P)>);

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
