use tradebase_core::{Record, Uuid};

#[derive(Record)]
#[record(table = "sides")]
enum Side {
    Buy,
}

#[derive(Record)]
#[record(table = "ids")]
struct Id(Uuid);

fn main() {}
