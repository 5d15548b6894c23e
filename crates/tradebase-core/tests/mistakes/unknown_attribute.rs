use tradebase_core::{Field, Record, Uuid};

#[derive(Record)]
#[record(tabel = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
}

#[derive(Record)]
#[record(table = "orders")]
struct Order {
    #[record(kye)]
    id: Uuid,
    #[record(colour = "red")]
    symbol: String,
}

#[derive(Field)]
enum Side {
    #[field(renam = "B")]
    Buy,
}

fn main() {}
