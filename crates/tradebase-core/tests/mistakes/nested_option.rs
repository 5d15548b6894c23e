use tradebase_core::{Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    note: Option<Option<String>>,
}

fn main() {}
