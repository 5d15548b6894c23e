//! Other layers at the work of the bench `sql`: nanoseconds per row or call, as JSON.
//!
//! `tradebase-peers ENGINE WORK URL ROUNDS`. `cargo xtask bench sql` builds and runs it. Each
//! layer is used as its own documents advise for speed; all have the same rows, indexes,
//! durability and runtime.

mod diesel_postgres;
mod diesel_sqlite;
mod peer;
mod seaorm;
mod sqlx_postgres;
mod sqlx_sqlite;
#[path = "../../bench/src/trades.rs"]
mod trades;

use std::process::ExitCode;

use serde_json::{Map, Value};

use peer::{Peer, Place, Work, measure};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [engine, work, url, rounds] = arguments.as_slice() else { return usage() };
    let (Some(work), Ok(rounds)) = (Work::named(work), rounds.parse::<usize>()) else {
        return usage();
    };
    let figures = match engine.as_str() {
        "sqlite" => [
            one::<sqlx_sqlite::Sqlx>(work, url, rounds),
            one::<seaorm::SeaOrm>(work, url, rounds),
            one::<diesel_sqlite::Diesel>(work, url, rounds),
        ],
        "postgres" => [
            one::<sqlx_postgres::Sqlx>(work, url, rounds),
            one::<seaorm::SeaOrm>(work, url, rounds),
            one::<diesel_postgres::Diesel>(work, url, rounds),
        ],
        _ => return usage(),
    };
    println!("{}", Value::Object(figures.into_iter().collect::<Map<_, _>>()));
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("tradebase-peers sqlite|postgres WORK URL ROUNDS");
    ExitCode::from(2)
}

fn one<P: Peer>(work: Work, url: &str, rounds: usize) -> (String, Value) {
    (P::NAME.to_owned(), measure::<P>(work, &Place::new(url, P::NAME), rounds).into())
}
