use tradebase_core::{Record, Timestamp, Uuid};

#[derive(Record)]
#[record(series = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    size: i64,
    #[record(time)]
    at: Timestamp,
}

#[derive(Record)]
#[record(series = "ticks")]
struct Tick {
    #[record(key, tag)]
    id: Uuid,
    size: i64,
}

#[derive(Record)]
#[record(series = "marks")]
struct Mark {
    #[record(key, tag)]
    id: Uuid,
    note: Option<String>,
    #[record(time)]
    at: Timestamp,
}

#[derive(Record)]
#[record(table = "quotes")]
struct Quote {
    #[record(key, tag)]
    id: Uuid,
}

fn main() {}
