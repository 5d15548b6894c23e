//! Parents and children for the loading of relations: ten fills to each desk.

use tradebase_core::{Decimal, Record, Timestamp};

/// Desks, and fills of each.
const DESKS: i64 = 10_000;
const FILLS: i64 = 10;

/// A parent.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "desks")]
pub struct Desk {
    #[record(key)]
    pub id: i64,
    pub name: String,
}

/// A child.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
pub struct Fill {
    #[record(key)]
    pub id: i64,
    #[record(belongs_to = Desk, index)]
    pub desk_id: i64,
    pub symbol: String,
    #[record(decimal(28, 10))]
    pub quantity: Decimal,
    #[record(decimal(28, 10))]
    pub price: Decimal,
    pub at: Timestamp,
}

/// All desks.
pub fn desks() -> Vec<Desk> {
    (0..DESKS).map(|id| Desk { id, name: format!("desk {id}") }).collect()
}

/// All fills; those of a desk do not stand together.
pub fn fills() -> Vec<Fill> {
    let fill = |id: i64| Fill {
        id,
        desk_id: id % DESKS,
        symbol: format!("SYM{:02}/USDT", id % 50),
        quantity: Decimal::new(id * 7_919 % 1_000_000_007, 8),
        price: Decimal::new(id * 104_729 % 10_000_019, 2),
        at: Timestamp::from_micros(1_767_225_600_000_000 + id * 250_000),
    };
    (0..DESKS * FILLS).map(fill).collect()
}
