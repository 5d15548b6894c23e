//! Proofs that can run long: `cargo xtask prove NAME --rounds N --seed S`.
//!
//! Without variables each runs a few rounds, so that every test run has them.

#[path = "prove/cancellation.rs"]
mod cancellation;
#[path = "common/mod.rs"]
mod common;
#[path = "prove/crash.rs"]
mod crash;
#[cfg(feature = "postgres")]
#[path = "prove/crash_postgres.rs"]
mod crash_postgres;
#[path = "migrating/run/files.rs"]
mod files;
#[path = "prove/load.rs"]
mod load;
#[path = "prove/migrate_crash.rs"]
mod migrate_crash;
#[cfg(feature = "postgres")]
#[path = "prove/migrate_locks.rs"]
mod migrate_locks;
#[path = "prove/migrate_race.rs"]
mod migrate_race;
#[path = "prove/migrations.rs"]
mod migrations;
#[path = "prove/powerloss.rs"]
mod powerloss;
#[path = "prove/questions.rs"]
mod questions;
#[path = "prove/two_processes.rs"]
mod two_processes;
#[path = "prove/verbs.rs"]
mod verbs;

use tokio::sync::{Mutex, MutexGuard};

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
    setting("TRADEBASE_PROVE_SEED", 20_261_121)
}

/// The seeds of the rounds.
fn seeds() -> impl Iterator<Item = u64> {
    (0..rounds()).map(|round| seed().wrapping_add(round))
}

/// Each proof loads the machine, so one waits for the other.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}
