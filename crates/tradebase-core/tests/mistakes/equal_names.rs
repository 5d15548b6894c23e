use tradebase_core::{Record, Row, Uuid};

#[derive(Row)]
struct Place {
    city: String,
}

#[derive(Record)]
#[record(table = "venues")]
struct Venue {
    #[record(key)]
    id: Uuid,
    #[record(embed)]
    place: Place,
    place_city: String,
}

#[derive(Record)]
#[record(table = "venues")]
struct Desk {
    #[record(key)]
    id: Uuid,
    #[record(name = "Desk Name")]
    name: String,
}

fn main() {}
