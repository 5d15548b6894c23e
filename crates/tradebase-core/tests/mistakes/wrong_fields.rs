use tradebase_core::{Decimal, Field};

#[derive(Field)]
struct Pair(Decimal, Decimal);

#[derive(Field)]
enum Side {
    Buy,
    Limit(Decimal),
}

#[derive(Field)]
#[field(closed)]
enum State {
    Open,
    #[field(other)]
    Other(String),
}

#[derive(Field)]
#[field(rename_all = "Upper")]
enum Way {
    Up,
}

#[derive(Field)]
enum Twice {
    A,
    #[field(rename = "a")]
    B,
}

#[derive(Field)]
struct Maybe(Option<String>);

fn main() {}
