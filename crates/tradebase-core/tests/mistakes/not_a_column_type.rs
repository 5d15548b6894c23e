use std::collections::HashMap;
use tradebase_core::{Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    labels: HashMap<String, String>,
}

fn main() {}
