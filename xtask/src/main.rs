//! The commands of the checkout, started as `cargo xtask <command>`.
//!
//! One program does what a person or a machine needs after `git clone`: it fetches the prebuilt
//! DuckDB library and the servers for tests ([`setup`]), runs the tests and counts them per engine
//! ([`mod@test`]), checks the figures and arrows of the house ([`tidy`]), and puts these together for
//! continuous integration ([`ci`]). It has few dependencies, because a fresh machine compiles it
//! before anything else.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks through its two streams"
)]

mod bench;
mod checkout;
mod ci;
mod cli;
mod demo;
mod licences;
mod manifest;
mod problem;
mod prove;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

use crate::checkout::Checkout;
use crate::cli::{Cli, Command};
use crate::problem::Problem;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            problem.print();
            problem.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Problem> {
    let checkout = Checkout::find()?;
    match command {
        Command::Setup { yes } => {
            setup::everything(&checkout, yes)?;
            println!("ready: the DuckDB library and every program of the tests are there");
            Ok(())
        }
        Command::Demo { yes, args } => demo::command(&checkout, yes, &args),
        Command::Test { yes, args } => test::command(&checkout, yes, &args),
        Command::Tidy { no_setup } => tidy::command(&checkout, no_setup),
        Command::Bench { yes, args } => bench::command(&checkout, yes, &args),
        Command::Prove(options) => prove::command(&checkout, &options),
        Command::Ci { yes } => ci::command(&checkout, yes),
    }
}
