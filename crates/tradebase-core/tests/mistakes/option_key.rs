use tradebase_core::{Record, Uuid};

type MaybeId = Option<Uuid>;

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Option<Uuid>,
}

#[derive(Record)]
#[record(table = "orders")]
struct Order {
    #[record(key)]
    id: MaybeId,
}

fn main() {}
