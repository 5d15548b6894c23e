use tradebase_core::{Record, Row, Timestamp, TimestampNs};

#[derive(Record)]
#[record(table = "late", partition_by(month, on = at))]
struct Late {
    #[record(key)]
    id: i64,
    at: Timestamp,
}

#[derive(Record)]
#[record(table = "fine", partition_by(day, on = at))]
struct Fine {
    #[record(key)]
    id: i64,
    #[record(key)]
    at: TimestampNs,
}

#[derive(Record)]
#[record(table = "twins", partition_by(day, on = at), unique(symbol))]
struct Twins {
    #[record(key)]
    id: i64,
    #[record(key)]
    at: Timestamp,
    symbol: String,
}

#[derive(Record)]
#[record(table = "alone", partition_by(day, on = at))]
struct Alone {
    #[record(key)]
    id: i64,
    #[record(key)]
    at: Timestamp,
    #[record(unique)]
    symbol: String,
}

#[derive(Record)]
#[record(table = "weekly", partition_by(week, on = at))]
struct Weekly {
    #[record(key)]
    at: Timestamp,
}

#[derive(Record)]
#[record(table = "nowhere", partition_by(day, on = when))]
struct Nowhere {
    #[record(key)]
    at: Timestamp,
}

#[derive(Record)]
#[record(name = "cached", partition_by(day, on = at))]
struct Cached {
    #[record(key)]
    at: Timestamp,
}

#[derive(Row)]
#[record(partition_by(day, on = at))]
struct Part {
    at: Timestamp,
}

fn main() {}
