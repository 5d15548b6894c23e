use tradebase_core::{Decimal, Field, Record, Uuid};

#[derive(Field)]
enum Side {
    Buy,
    Sell,
}

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    #[record(default = "hold")]
    side: Side,
    #[record(default = "ten")]
    lots: i32,
    #[record(default = 70000)]
    small: i16,
    #[record(decimal(18, 8), default = 0.5)]
    price: Decimal,
}

fn main() {}
