use tradebase_core::{Decimal, Record, Uuid};

type Money = Decimal;

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    price: Decimal,
    fee: Money,
    pnl: Option<Money>,
}

fn main() {}
