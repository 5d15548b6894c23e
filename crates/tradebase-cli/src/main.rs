//! The stock command. It knows the records of its demo, and others through a `schema.json`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradebase_cli::run(tradebase_cli::demo_records())
}
