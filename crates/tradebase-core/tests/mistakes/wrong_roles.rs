use tradebase_core::{Record, Row, Uuid};

#[derive(Record)]
#[record(table = "fills", index(symbl))]
struct Fill {
    #[record(key)]
    id: Uuid,
    symbol: String,
}

#[derive(Record)]
#[record(table = "orders")]
struct Order {
    #[record(key)]
    id: Uuid,
    #[record(version)]
    version: i32,
    #[record(created)]
    created_at: String,
    #[record(belongs_to = Order, on_delete = set_null)]
    parent: Uuid,
}

#[derive(Row)]
struct Part {
    #[record(key)]
    id: Uuid,
}

#[derive(Record)]
#[record(table = "sums")]
struct Sum {
    #[record(json, key)]
    id: Uuid,
}

fn main() {}
