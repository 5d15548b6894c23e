//! `cargo xtask prove`: the long proofs.
//!
//! A proof is an ordinary test of the binary `prove` of some crate. It runs in every test run
//! with the rounds it chooses itself; here it gets its rounds and its seed from outside.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::checkout::Checkout;
use crate::cli;
use crate::problem::Problem;
use crate::setup;
use crate::test::{self, Tally};

/// The variables that a proof reads.
const ROUNDS: &str = "TRADEBASE_PROVE_ROUNDS";
const SEED: &str = "TRADEBASE_PROVE_SEED";

/// A proof: a name, the crate whose test binary `prove` holds it, and what it shows.
#[derive(Debug)]
pub struct Proof {
    pub name: &'static str,
    pub package: &'static str,
    /// Rounds when none are given, small enough for `ci`.
    pub rounds: u64,
    /// Rounds that make it a proof.
    pub rounds_long: u64,
    pub about: &'static str,
}

pub const PROOFS: &[Proof] = &[
    Proof {
        name: "trades",
        package: "tradebase-conformance",
        rounds: 1,
        rounds_long: 10,
        about: "10,000 random trades a round come back equal to a fresh process, every engine",
    },
    Proof {
        name: "records",
        package: "tradebase-conformance",
        rounds: 1,
        rounds_long: 10,
        about: "2,000 random sessions a round come back equal to a fresh process, every engine",
    },
    Proof {
        name: "cancellation",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 5,
        about: "every async call of the relational room is dropped at every poll: nothing is lost",
    },
    Proof {
        name: "verbs",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 10,
        about: "64 tasks and 8 threads use every verb at once, for 3 s a round",
    },
    Proof {
        name: "questions",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 5,
        about: "2,000 random filters, orders, pages, sums and groups a round are answered as a \
                plain model answers them, both engines",
    },
    Proof {
        name: "migrate_locks",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 100,
        about: "a PostgreSQL table of 50,000 rows a round gets a column, an index and a foreign \
                key under readers and writers: nobody waits for a lock longer than 500 ms",
    },
    Proof {
        name: "migrations",
        package: "tradebase-sql",
        rounds: 60,
        rounds_long: 2_000,
        about: "from random records to others and back on both engines: the very shape, every row \
                that can be kept, or a refusal that changes nothing",
    },
    Proof {
        name: "migrate_race",
        package: "tradebase-sql",
        rounds: 2,
        rounds_long: 50,
        about: "eight processes migrate a database at once, an index built concurrently among the \
                steps: one works, seven wait and find it done, both engines",
    },
    Proof {
        name: "migrate_crash",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 10,
        about: "kill -9 of a migrator at every statement of ten versions, then up again: the right \
                end and nothing twice, both engines; 1 round takes every fifth moment, 5 all",
    },
    Proof {
        name: "powerloss",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 100,
        about: "what SQLite has not synced vanishes in any part: every answered write is there",
    },
    Proof {
        name: "crash",
        package: "tradebase-sql",
        rounds: 2,
        rounds_long: 100,
        about: "kill -9 of 64 tasks that write SQLite: every answered write is there once",
    },
    Proof {
        name: "crash_postgres",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 50,
        about: "kill -9 of PostgreSQL under 64 tasks: every answered write is there once, and the \
                store heals by itself",
    },
    Proof {
        name: "two_processes",
        package: "tradebase-sql",
        rounds: 1,
        rounds_long: 10,
        about: "two processes write one SQLite file for 3 s a round: no error, no long wait",
    },
];

pub fn command(checkout: &Checkout, options: &cli::Prove) -> Result<(), Problem> {
    if options.list {
        print!("{}", list());
        return Ok(());
    }
    let name = options.name.as_deref();
    let proof = PROOFS.iter().find(|proof| Some(proof.name) == name);
    let proof = proof.ok_or_else(|| Problem::failed("this proof is not known"))?;
    setup::everything(checkout, options.yes)?;
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--release", "-p", proof.package, "--test", "prove"]);
    let rounds = options.rounds.unwrap_or(proof.rounds);
    run(&mut cargo, proof, rounds, options.seed.unwrap_or_else(new_seed))
}

/// The short rounds of one proof, for `ci`. It takes the profile and the features of the test
/// run, so that nothing is compiled anew.
pub fn short(checkout: &Checkout, proof: &Proof) -> Result<(), Problem> {
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--workspace", "--test", "prove"]);
    run(&mut cargo, proof, proof.rounds, new_seed())
}

fn run(cargo: &mut Command, proof: &Proof, rounds: u64, seed: u64) -> Result<(), Problem> {
    let name = proof.name;
    let again = format!("cargo xtask prove {name} --rounds {rounds} --seed {seed}");
    println!("proof {name}: {rounds} rounds, seed {seed}");
    // A module of that name, and not one whose name begins so.
    cargo.args(["--", &format!("{name}::"), "--nocapture"]);
    cargo.env(ROUNDS, rounds.to_string()).env(SEED, seed.to_string());
    let mut tally = Tally::default();
    test::stream(cargo, &mut tally)?;
    if tally.failed > 0 {
        return Err(Problem::failed(format!("the proof failed; to repeat it: {again}")));
    }
    if tally.passed == 0 {
        return Err(Problem::failed(format!("no test of the binary `prove` is named {name}")));
    }
    println!("proof {name}: holds, {rounds} rounds, seed {seed}");
    Ok(())
}

/// A seed nobody chose. It need not be secret, only different.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().wrapping_mul(1_000_000_007) ^ u64::from(now.subsec_nanos())
}

fn list() -> String {
    let mut text = format!("{:<14} {:>7} {:>7}  shows\n", "proof", "rounds", "long");
    for Proof { name, rounds, rounds_long, about, .. } in PROOFS {
        text.push_str(&format!("{name:<14} {rounds:>7} {rounds_long:>7}  {about}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_proof() {
        assert!(PROOFS.iter().all(|proof| list().contains(proof.name)));
    }
}
