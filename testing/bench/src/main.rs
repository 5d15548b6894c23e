//! The benches of tradebase: ours beside hand-written code and raw drivers, as ratios.

mod desks;
mod hand;
mod measure;
mod record;
mod report;
mod sql;
mod trades;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures tradebase beside hand-written code and prints ratios: more is better, 1.00 is equal.
///
/// Machines are shared and noisy. Ours and raw run in alternation, raw against raw is the
/// control, and each figure is the median of several processes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Command {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// What the contract costs: nanoseconds per record into and out of each native buffer.
    Record {
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
        /// Only engines whose name contains this: `sqlite_bind`, `pg_bind`, `copy_binary`,
        /// `arrow`, `line_protocol`, `msgpack`, `json`.
        #[arg(long)]
        only: Option<String>,
        /// How many processes each figure is the median of.
        #[arg(long, default_value_t = 5)]
        processes: usize,
        /// Leave out how long 40 records of 12 columns take to compile.
        #[arg(long)]
        no_compile: bool,
    },
    /// The relational room: nanoseconds per row or call, beside the raw drivers.
    ///
    /// SeaORM, sqlx, diesel and diesel-async do the same beside, from a workspace of their own
    /// that is built first.
    Sql {
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
        /// Only this engine.
        #[arg(long, value_parser = ["sqlite", "postgres"])]
        engine: Option<String>,
        /// Only the work of this name, or else those whose names contain it: `bulk_insert`,
        /// `point_get`, `create`, `read_all`, `bulk_update`.
        #[arg(long)]
        only: Option<String>,
        /// How many processes each figure is the median of.
        #[arg(long, default_value_t = 3)]
        processes: usize,
        /// The rounds that each process runs at least.
        #[arg(long)]
        rounds: Option<usize>,
        /// Leave out the other layers.
        #[arg(long)]
        no_peers: bool,
    },
    /// One work in one process; what `sql` starts.
    #[command(hide = true)]
    SqlWorker {
        /// The engine.
        engine: String,
        /// The work.
        work: String,
        /// The rounds at least.
        #[arg(long)]
        rounds: Option<usize>,
    },
    /// One work in one process; what `record` starts.
    #[command(hide = true)]
    Worker {
        /// The engine.
        engine: String,
        /// `write` or `read`.
        work: String,
    },
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    match run(Command::parse().bench, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The report goes to the standard output; what went wrong does not belong there.
            let _told = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: Bench, out: &mut impl Write) -> io::Result<()> {
    match bench {
        Bench::Worker { engine, work } => record::worker(&engine, &work, out),
        Bench::SqlWorker { engine, work, rounds } => sql::worker(&engine, &work, rounds, out),
        Bench::Record { json, only, processes, no_compile } => {
            refuse_debug()?;
            let all = only.is_none();
            let holds = record::run(&record::Options { only, processes, json }, out)?;
            if all && !no_compile {
                record::compile_times(json, out)?;
            }
            conclude(holds, json, out)
        }
        Bench::Sql { json, engine, only, processes, rounds, no_peers } => {
            refuse_debug()?;
            let options = sql::Options { engine, only, processes, rounds, peers: !no_peers, json };
            let holds = sql::run(&options, out)?;
            conclude(holds, json, out)
        }
    }
}

fn refuse_debug() -> io::Result<()> {
    if cfg!(debug_assertions) {
        return Err(io::Error::other("figures of a debug build say nothing: use --release"));
    }
    Ok(())
}

fn conclude(holds: bool, json: bool, out: &mut impl Write) -> io::Result<()> {
    if !holds && !json {
        writeln!(out, "some ratios are below their bar, or too noisy to count")?;
    }
    Ok(())
}
