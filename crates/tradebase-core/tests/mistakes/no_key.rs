use tradebase_core::Record;

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    symbol: String,
}

fn main() {}
