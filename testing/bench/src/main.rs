//! The benches of tradebase: ours beside hand-written code and raw drivers, as ratios.

mod measure;
mod record;
mod report;
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
        Bench::Record { json, only, processes, no_compile } => {
            if cfg!(debug_assertions) {
                return Err(io::Error::other(
                    "figures of a debug build say nothing: use --release",
                ));
            }
            let all = only.is_none();
            let holds = record::run(&record::Options { only, processes, json }, out)?;
            if all && !no_compile {
                record::compile_times(json, out)?;
            }
            if !holds && !json {
                writeln!(out, "some ratios are below their bar, or too noisy to count")?;
            }
            Ok(())
        }
    }
}
