use tradebase_core::{Assigned, Handed, Record};

#[derive(Record)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: Assigned<i64>,
}

fn insert(_: impl Handed) {}

fn main() {
    let mut note = Note { id: Assigned::New };
    insert(&mut note);
    insert(&note);
}
