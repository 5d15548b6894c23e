//! Proofs that can run long: `cargo xtask prove NAME --rounds N --seed S`.
//!
//! Without variables each runs a few rounds, so that every test run has them.

use std::process::Command;

use tradebase_conformance::rows::Maker;
use tradebase_conformance::store::{Address, Engine, Home, Sample, Store, assert_same};
use tradebase_core::{Handed, Record};

/// A number from the environment, or what is said here.
fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

fn rounds() -> u64 {
    setting("TRADEBASE_PROVE_ROUNDS", 1)
}

fn seed() -> u64 {
    setting("TRADEBASE_PROVE_SEED", 20_261_120)
}

/// Writes here, reads in a fresh process (memory: here too, it ends with the process).
async fn through<T>(engine: Engine, record: &str, rows: &[T], seed: u64)
where
    T: Sample,
    for<'a> &'a T: Handed<Record = T>,
{
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    store.prepare::<T>().await.expect("the table is made");
    store.write(rows).await.expect("the rows are written");
    if let Store::Cache(..) = store
        && matches!(home.address(), Address::Memory)
    {
        let keys: Vec<_> = rows.iter().map(Record::key).collect();
        assert_same(rows, store.read(&keys).await.expect("read"), "in the same process");
        return;
    }
    store.close().await.expect("the store closes");
    let output = Command::new(env!("CARGO_BIN_EXE_fresh-reader"))
        .args([&home.address().to_string(), record, &seed.to_string(), &rows.len().to_string()])
        .output()
        .expect("the reader starts");
    assert!(
        output.status.success(),
        "{engine:?} {record}, seed {seed}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn trades(engine: Engine) {
    for seed in (seed()..).take(usize::try_from(rounds()).expect("fits")) {
        through(engine, "trades", &Maker::new(seed).trades(10_000), seed).await;
    }
}

async fn records(engine: Engine) {
    for seed in (seed()..).take(usize::try_from(rounds()).expect("fits")) {
        through(engine, "sessions", &Maker::new(seed).sessions(2_000), seed).await;
    }
}

macro_rules! proofs {
    ($($proof:ident)+) => {$(
        mod $proof {
            use super::Engine;

            proofs! {
                @engines $proof:
                sqlite Sqlite, postgres Postgres, memory Memory, redis Redis, duckdb Duckdb,
                embedded Embedded, influx Influx
            }
        }
    )+};
    (@engines $proof:ident: $($name:ident $engine:ident),+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$proof(Engine::$engine).await;
        }
    )+};
}

proofs! { trades records }
