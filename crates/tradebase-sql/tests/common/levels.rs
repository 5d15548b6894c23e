//! A record with a second unique column, which may be null.

use tradebase_core::{Decimal, Record};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "levels")]
pub struct Level {
    #[record(key)]
    pub id: i64,
    #[record(unique)]
    pub name: Option<String>,
    #[record(decimal(18, 8))]
    pub price: Decimal,
}

pub fn level(id: i64, price: i64) -> Level {
    Level { id, name: (id % 5 != 0).then(|| format!("level {id}")), price: price.into() }
}

pub fn levels(ids: impl Iterator<Item = i64>, price: i64) -> Vec<Level> {
    ids.map(|id| level(id, price)).collect()
}
