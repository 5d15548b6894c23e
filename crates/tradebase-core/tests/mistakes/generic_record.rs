use tradebase_core::{Field, Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill<T: Field> {
    #[record(key)]
    id: Uuid,
    value: T,
}

fn main() {}
