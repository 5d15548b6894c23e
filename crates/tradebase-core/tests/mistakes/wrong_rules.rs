use tradebase_core::{Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    #[record(pattern = "[a-z")]
    symbol: String,
    #[record(length(5..=2))]
    note: String,
    #[record(min = true)]
    size: i64,
}

fn main() {}
