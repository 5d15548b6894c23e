use tradebase_core::{Decimal, Field, Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    #[record(decimal(29, 8))]
    price: Decimal,
    #[record(decimal(8, 10))]
    fee: Decimal,
    #[record(decimal(8))]
    pnl: Decimal,
}

#[derive(Record)]
#[record(table = "orders")]
struct Order {
    #[record(key)]
    id: Uuid,
    #[record(decimal(18, 8))]
    size: i64,
}

#[derive(Field)]
#[field(decimal(18, 8))]
struct Name(String);

fn main() {}
