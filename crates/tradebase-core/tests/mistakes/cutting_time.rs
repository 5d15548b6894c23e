use tradebase_core::chrono::{DateTime, Utc};
use tradebase_core::{Record, Uuid};

#[derive(Record)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: Uuid,
    at: DateTime<Utc>,
    #[record(truncate)]
    seen: DateTime<Utc>,
}

fn main() {}
