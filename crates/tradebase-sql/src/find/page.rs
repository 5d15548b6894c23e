//! Pages by number.

use std::pin::pin;
use std::sync::Arc;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Record, Result, Violation};

use super::{Find, of_distinct, rows, total};
use crate::mark::Totalled;
use crate::select::{Decode, Item, Select};

/// How often a page is asked for again when rows come and go between its statements. One is
/// enough but for pages behind the last, and for them unless others write at that very moment.
const PAGE_ATTEMPTS: u32 = 16;

/// Some of what is found, and how much there is of it in all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows of this page; none behind the last page.
    pub items: Vec<T>,
    /// Which page it is, from 1 on.
    pub number: u64,
    /// The most rows that a page has.
    pub size: u32,
    /// How many rows there were in all, at the moment of the items.
    pub total: u64,
}

impl<T> Page<T> {
    /// How many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.size.max(1)))
    }
}

impl<T: Record, D: Decode> Find<'_, T, D> {
    /// The page of that number, from 1 on, with at most `size` rows.
    ///
    /// Rows and total are of one moment, but two pages are not: rows that come or go between them
    /// move the others. The store walks over all rows before the page and counts all that pass:
    /// [`keyset`](Find::keyset) does neither. Give an order, or rows come as the engine finds
    /// them.
    pub async fn page(self, number: u64, size: u32) -> Result<Page<D::Out>> {
        let sql = self.sql;
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let page = async {
            let offset = self.place(number, size)?;
            let (mut select, decode) = self.parts()?;
            (select.limit, select.offset) = (Some(size), Some(offset));
            select.output.push(Item::Total);
            let decode = Arc::new(decode);
            for _ in 0..PAGE_ATTEMPTS {
                let totalled = Totalled::new(&select, decode.clone())?;
                let counted = totalled.total();
                let items = rows(sql, &call, &select, totalled).await?;
                if let Some(&total) = counted.get() {
                    return Ok(Page { items, number, size, total });
                }
                // No row, and so no total beside it. There is no such page if there are no more
                // rows than before it, now.
                let all = Select::of(select.table).that(select.condition.clone());
                let total = total(sql, &call, all).await?;
                if total <= offset {
                    return Ok(Page { items, number, size, total });
                }
            }
            let message = "others change the rows as often as the page is read: try again";
            Err(Error::new(Code::TransactionFailed, message))
        };
        sql.run(&call, |page| page.items.len(), pin!(page)).await
    }

    /// How many rows come before the page.
    fn place(&self, number: u64, size: u32) -> Result<u64> {
        if self.distinct {
            return Err(of_distinct("counted, and so not paged,"));
        }
        if self.limit.is_some() || self.offset.is_some() {
            let message = "a page has a limit and an offset of its own";
            return Err(Error::new(Code::Invalid, message));
        }
        if size == 0 {
            return Err(refused("size", "min", "must be at least 1, is 0".to_owned()));
        }
        let before = number
            .checked_sub(1)
            .ok_or_else(|| refused("number", "min", "must be at least 1, is 0".to_owned()))?;
        let place = before.checked_mul(size.into()).filter(|&rows| i64::try_from(rows).is_ok());
        place.ok_or_else(|| refused("number", "max", format!("is beyond any table: {number}")))
    }
}

/// Refuses what was asked for, by its name.
#[cold]
pub(super) fn refused(field: &str, rule: &'static str, message: String) -> Error {
    Error::invalid(vec![Violation::new(field, rule, message)])
}
