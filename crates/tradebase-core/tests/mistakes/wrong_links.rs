use tradebase_core::{Record, Row};

struct Plain;

#[derive(Record)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
}

#[derive(Row)]
struct Place {
    city: String,
}

#[derive(Record)]
#[record(table = "venues")]
struct Venue {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Plain)]
    plain_id: i64,
}

#[derive(Record)]
#[record(table = "trades")]
struct Trade {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Bot)]
    bot: i64,
    bot_link: String,
}

#[derive(Record)]
#[record(table = "quotes")]
struct Quote {
    #[record(key)]
    id: i64,
    #[record(embed, belongs_to = Bot)]
    place: Place,
}

fn main() {}
