use tradebase_core::{Record, Uuid};

#[derive(Record)]
struct Fill {
    #[record(key)]
    id: Uuid,
}

fn main() {}
