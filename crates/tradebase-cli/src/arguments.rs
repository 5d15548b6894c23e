//! The arguments of the command and their help.

mod migrate;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::exit;

pub(crate) use migrate::{
    Adopt, Diff, Down, Engine, Lint, Manner, Migrate, MigrateVerb, New, Reset, Script, Sets, Up,
};

/// One data layer for trading systems: derive once, store everywhere
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    /// Print one JSON object on one line, and nothing else on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Read this file instead of tradebase.toml of the current folder
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,

    /// A setting, above the environment and all files; may be repeated. Without an equals sign
    /// the name of a set of migrations, for the commands that run them
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = set,
          help_heading = "Settings")]
    pub set: Vec<Set>,

    /// Know the records of this schema.json too
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub schema: Option<PathBuf>,

    /// Log more: once for what the rooms connect to, twice for every operation
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// No progress bars
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a seeded trading day through all four stores, and report on it
    ///
    /// Bots trade on ticks from a random walk. Fills go into the relational store, ticks into the
    /// time series and the analytics store, last prices into the cache. Then the report: figures
    /// per bot, and the profit summed once in SQL and once in DuckDB, equal to the last digit.
    ///
    /// Without settings it runs on embedded stores in a folder of its own. Where the settings
    /// name servers, it runs on them, in tables and series whose names begin with demo_: those
    /// are dropped and made anew.
    Demo(Demo),

    /// Ask every store whether it answers
    Health,

    /// Show the settings in effect and where each comes from; secrets are hidden
    Config(Config),

    /// Show the tables, columns and types of the registered records
    Schema(Schema),

    /// Ask the relational store one query, and print its rows
    ///
    /// The query can read the tables of the registered records and do nothing else: it is
    /// understood before the store sees it, and the store keeps it from all else too. On SQLite
    /// each table has a view <table>_readable, whose values are all text. On PostgreSQL it signs
    /// in by the role of DATABASE_GUEST_URL, see guest-role.
    Query(Query),

    /// Make the role by which queries sign in to PostgreSQL, or give it the tables there are now
    ///
    /// It can sign in and read the tables of the registered records, and nothing else. What is
    /// printed is the address to set as DATABASE_GUEST_URL, with its password.
    GuestRole(GuestRole),

    /// Change the tables of the relational store step by step, and back
    ///
    /// Migrations are SQL files that a person can read, in sets: a folder for each set in the
    /// folder of migrations. `diff` writes them by comparing the registered records with the
    /// database, `lint` finds what is dangerous in them, `up` and `down` run them. Every version
    /// that is applied stands in the table tradebase_migrations, with the checksum of its file.
    Migrate(Migrate),

    /// Bring the relational store to where the program wants it
    ///
    /// Applies the migrations that are missing, as `migrate up` does. Where there are none, it
    /// creates the missing tables of the registered records.
    Setup(Sets),

    /// Empty the relational store and set it up again; all rows are lost
    ///
    /// Takes all migrations back and applies them anew. Where there are none, it drops the tables
    /// of the registered records and creates them. It asks before, and refuses under the profile
    /// production unless it is forced.
    Reset(Reset),

    /// Compare the tables of the relational store with the registered records
    ///
    /// Prints each difference. The exit code is 1 if there are some.
    Drift,

    /// Make the parts that tables cut by time will need, and let old ones go
    ///
    /// Run it once a day. On PostgreSQL parts are made for now and ahead of it, rows that came
    /// before their part was there are moved to one, and with --keep old parts are detached: tables
    /// by themselves, which --drop drops. SQLite has no parts: --keep with --drop deletes old rows.
    Partitions(Partitions),

    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the random walk starts; the same seed gives the same day to the last digit
    #[arg(long, default_value_t = 42)]
    pub seed: u64,

    /// How many ticks the day has
    #[arg(long, default_value_t = crate::demo::TICKS, value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1_000..=20_000_000))]
    pub ticks: u32,

    /// The folder of the embedded stores, the chart and the report
    #[arg(long, default_value = crate::demo::FOLDER, value_name = "FOLDER")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// Write .env.example and tradebase.toml, with every setting and its default
    #[arg(long)]
    pub example: bool,

    /// Overwrite the files of --example
    #[arg(long, requires = "example")]
    pub force: bool,

    /// Show the settings that have their default too
    #[arg(long, conflicts_with = "example")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// A table or record; all of them without
    pub name: Option<String>,

    /// Print the schema.json that another program's command reads with --schema
    #[arg(long)]
    pub export: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The query, or - to read it from standard input
    pub sql: String,

    /// Print comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,

    /// Rows at most; 10,000 without
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<usize>,

    /// How long the query may take; 10 seconds without
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: Option<u64>,

    /// Run any statement, by the program's own connection, past all that guards a query
    #[arg(long, conflicts_with_all = ["limit", "timeout"])]
    pub write: bool,

    /// Do not ask before a statement that may write
    #[arg(long, requires = "write")]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GuestRole {
    /// The name of the role
    #[arg(default_value = "tradebase_guest")]
    pub name: String,

    /// Read its password from standard input; without, a random one is made
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Partitions {
    /// How many parts to make ahead of that of now
    #[arg(long, value_name = "PARTS", default_value_t = tradebase::sql::PARTS_AHEAD)]
    pub ahead: u32,

    /// Let go what is older than the part of now and so many before it
    #[arg(long, value_name = "PARTS")]
    pub keep: Option<u32>,

    /// Drop for good what is let go, with its rows
    #[arg(long, requires = "keep")]
    pub drop: bool,

    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// A table or record; all that are cut by time without
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
}

/// Reads the arguments. What is said of wrong ones, or of `--help`, is printed.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, ExitCode> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let name = arguments.first().map(PathBuf::from);
    let name = name.as_deref().and_then(|path| path.file_stem()?.to_str());
    let command = command(name.unwrap_or("tradebase"));
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches)?.check());
    parsed.map_err(|error| {
        // A closed pipe is no reason to fail differently.
        let _ = error.print();
        ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 })
    })
}

/// The command under the name that the program was started by.
pub(crate) fn command(name: &str) -> clap::Command {
    let name = name.to_owned();
    Arguments::command().display_name(name.clone()).bin_name(name)
}

/// What `--set` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// A setting and its value.
    Setting(String, String),
    /// A set of migrations.
    Name(String),
}

fn set(text: &str) -> Result<Set, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Set::Setting(key.trim().to_owned(), value.to_owned()))
        }
        None if !text.trim().is_empty() => Ok(Set::Name(text.trim().to_owned())),
        _ => Err(SETTING.to_owned()),
    }
}

/// What a setting looks like.
const SETTING: &str = "write a key and its value: sql.path=ledger.db";

impl Arguments {
    /// The settings of `--set`.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().filter_map(|set| match set {
            Set::Setting(key, value) => Some((key.as_str(), value.as_str())),
            Set::Name(_) => None,
        })
    }

    /// The set of migrations that `--set` names.
    pub(crate) fn set_name(&self) -> Option<&str> {
        self.set.iter().find_map(|set| match set {
            Set::Setting(..) => None,
            Set::Name(name) => Some(name.as_str()),
        })
    }

    /// Refuses a set of migrations where there is none to choose, and two.
    fn check(self) -> Result<Self, clap::Error> {
        let names = self.set.iter().filter(|set| matches!(set, Set::Name(_))).count();
        let fault = match (&self.command, names) {
            (_, 0) => return Ok(self),
            (Command::Migrate(_) | Command::Setup(_), 1) => return Ok(self),
            (Command::Migrate(_) | Command::Setup(_), _) => "name one set of migrations, or none",
            _ => SETTING,
        };
        let fault = format!("invalid value for '--set <KEY=VALUE>': {fault}");
        Err(Arguments::command().error(ErrorKind::ValueValidation, fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command("tradebase").debug_assert();
    }

    #[test]
    fn settings_keep_what_follows_the_first_equals_sign() {
        assert_eq!(set("a=b=c"), Ok(Set::Setting("a".into(), "b=c".into())));
        assert!(set("").is_err() && set("=b").is_err());
    }

    #[test]
    fn a_set_of_migrations_is_named_only_where_there_are_some() {
        let code = |arguments: &[&str]| {
            parse(["tradebase"].iter().chain(arguments).map(OsString::from)).err()
        };
        assert_eq!(code(&["migrate", "up", "--set", "app", "--set", "a=b"]), None);
        for bad in [&["health", "--set", "app"][..], &["setup", "--set", "a", "--set", "b"]] {
            assert_eq!(code(bad), Some(ExitCode::from(exit::USAGE)), "{bad:?}");
        }
    }
}
