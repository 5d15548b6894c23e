use tradebase_core::{Record, Timestamp, Uuid};

#[derive(Record)]
#[record(table = "ticks", series = "ticks")]
struct Tick {
    #[record(key, tag)]
    id: Uuid,
    #[record(tag)]
    price: f64,
    size: i64,
    #[record(time)]
    at: Timestamp,
}

fn main() {}
