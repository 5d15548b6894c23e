//! Pages by what comes behind a row.

use std::pin::pin;
use std::sync::Arc;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Record, Result};

use super::page::refused;
use super::{Find, of_distinct, rows};
use crate::cursor::{Cursor, Seal};
use crate::mark::Marked;
use crate::select::Decode;

/// A find that goes on where another one ended; [`load`](Keyset::load) runs it.
#[must_use = "nothing is read until `load` is awaited"]
#[derive(Debug)]
pub struct Keyset<'a, T, D> {
    find: Find<'a, T, D>,
    size: u32,
    after: Option<Cursor>,
}

/// Some of what is found, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slice<T> {
    /// The rows.
    pub items: Vec<T>,
    /// From here on there is more; none at the end.
    pub next: Option<Cursor>,
}

impl<'a, T: Record, D: Decode> Find<'a, T, D> {
    /// So many rows at a time, each time those behind the last one: by an index over the order,
    /// the thousandth slice costs what the first does.
    ///
    /// While others insert and delete, no row comes twice and none is left out that is there all
    /// the time, unless its columns of the order are changed meanwhile. Without an order, it is
    /// that of the key.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::{Cursor, Sql};
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # let bot = |id| Bot { id, name: format!("bot {id}"), active: true };
    /// # sql.insert_many(&(1..=5).map(bot).collect::<Vec<_>>()).await?;
    /// let find = || sql.find::<Bot>().filter(Bot::ACTIVE.eq(true)).order_by(Bot::NAME.asc());
    /// let first = find().keyset(3).load().await?;
    /// // A cursor is a text that can go into a link, and comes back as it went.
    /// let text = first.next.map(|cursor| cursor.to_string()).unwrap_or_default();
    /// let cursor: Cursor = text.parse()?;
    /// let second = find().keyset(3).after(&cursor).load().await?;
    /// assert_eq!((first.items.len(), second.items.len()), (3, 2));
    /// assert!(second.next.is_none());
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyset(self, size: u32) -> Keyset<'a, T, D> {
        Keyset { find: self, size, after: None }
    }
}

impl<T: Record, D: Decode> Keyset<'_, T, D> {
    /// Goes on from there. The cursor must be of a find of the same record, filter and order;
    /// any other one is an error of the code [`Code::Invalid`], and so is one that was altered.
    pub fn after<'c>(mut self, cursor: impl Into<Option<&'c Cursor>>) -> Self {
        self.after = cursor.into().cloned();
        self
    }

    /// The next rows.
    pub async fn load(self) -> Result<Slice<D::Out>> {
        let Self { find, size, after } = self;
        let sql = find.sql;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let slice = async {
            check(&find, size)?;
            let (mut select, decode) = find.parts()?;
            if select.orders.is_empty() {
                select = select.by_key();
            }
            let seal = Seal::of(&select, sql.cursor_key())?;
            if let Some(cursor) = &after {
                select.behind = seal.open(cursor)?;
            }
            // One more tells whether there is more.
            select.limit = Some(size.saturating_add(1));
            let marked = Marked::new(&mut select, Arc::new(decode), size)?;
            let mark = marked.mark();
            let mut items = rows(sql, &call, &select, marked).await?;
            let most = usize::try_from(size).unwrap_or(usize::MAX);
            let next = match mark.get() {
                Some(values) if items.len() > most => Some(seal.close(values)?),
                _ => None,
            };
            items.truncate(most);
            Ok(Slice { items, next })
        };
        sql.run(&call, |slice| slice.items.len(), pin!(slice)).await
    }
}

fn check<T: Record, D: Decode>(find: &Find<'_, T, D>, size: u32) -> Result<()> {
    if find.distinct {
        return Err(of_distinct("told from each other, and so not gone on from,"));
    }
    if find.limit.is_some() || find.offset.is_some() {
        let message = "a keyset has a size and a place of its own: leave limit and offset out";
        return Err(Error::new(Code::Invalid, message));
    }
    match size {
        0 => Err(refused("size", "min", "must be at least 1, is 0".to_owned())),
        _ => Ok(()),
    }
}
