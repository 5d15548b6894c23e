//! The command of a program: its records, and the migrations inside it.

use std::ffi::OsString;
use std::process::ExitCode;

use tradebase::sql::MigrationSet;
use tradebase::{Records, Result};

use crate::{arguments, commands, exit, output};

/// The command over a program's records.
///
/// ```no_run
/// use tradebase::{Record, records, sql::MigrationSet};
///
/// #[derive(Record)]
/// #[record(table = "bots")]
/// struct Bot {
///     #[record(key)]
///     id: i64,
///     name: String,
/// }
///
/// fn main() -> std::process::ExitCode {
///     let migrations = MigrationSet::from_folder("migrations/app");
///     tradebase_cli::Command::new(records![Bot]).migrations([migrations]).run()
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until it is run"]
pub struct Command {
    records: Records,
    migrations: Vec<Result<MigrationSet>>,
}

impl Command {
    /// The command over these records.
    pub fn new(records: Records) -> Self {
        Self { records, migrations: Vec::new() }
    }

    /// With these sets of migrations, which the program has inside by
    /// [`tradebase::migrations!`]. A set of the same name in the
    /// folder of migrations goes before: there it is worked on. One that is wrong is an error of
    /// the commands that need migrations.
    pub fn migrations(mut self, sets: impl IntoIterator<Item = Result<MigrationSet>>) -> Self {
        self.migrations.extend(sets);
        self
    }

    /// Runs it with the arguments of the process.
    pub fn run(self) -> ExitCode {
        self.run_with(std::env::args_os())
    }

    /// Runs it with these arguments; the first is the program's name.
    pub fn run_with(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let arguments = match arguments::parse(arguments) {
            Ok(arguments) => arguments,
            Err(code) => return code,
        };
        match commands::run(&arguments, self.records, self.migrations) {
            Ok(code) => code,
            Err(error) => {
                output::error(&error, arguments.json);
                exit::code(&error)
            }
        }
    }
}
