//! The command of tradebase, and the same command over the records of a program of your own.
//!
//! The stock command is the binary `tradebase`. A program that registers its records gets the
//! whole command over them in five lines:
//!
//! ```no_run
//! use tradebase::{Record, records};
//!
//! #[derive(Record)]
//! #[record(table = "bots")]
//! struct Bot {
//!     #[record(key)]
//!     id: i64,
//!     name: String,
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     tradebase_cli::run(records![Bot])
//! }
//! ```
//!
//! Answers go to standard output: tables for people, or with `--json` one object on one line.
//! Everything else, errors, logs and progress, goes to standard error.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks through its two streams"
)]

mod arguments;
mod ask;
mod command;
mod commands;
mod demo;
mod exit;
mod output;
mod progress;

use std::process::ExitCode;

use tradebase::Records;

pub use command::Command;
pub use demo::records as demo_records;
pub use exit::{FAILED, INTERRUPTED, NOT_CONFIGURED, UNAVAILABLE, USAGE};

/// Runs the command over these records, with the arguments of the process. A program that has
/// migrations inside starts from [`Command`].
pub fn run(records: Records) -> ExitCode {
    Command::new(records).run()
}

/// Runs the command over these records, with these arguments; the first is the program's name.
pub fn run_with(
    records: Records,
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> ExitCode {
    Command::new(records).run_with(arguments)
}
