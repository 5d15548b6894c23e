use tradebase_core::{Assigned, Record};

type Id = Assigned<i64>;

#[derive(Record)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: Id,
}

#[derive(Record)]
#[record(table = "lines")]
struct Line {
    #[record(key)]
    id: Assigned<i64>,
    #[record(key)]
    line: i32,
}

fn main() {}
