//! The arguments of the commands that change tables.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tradebase::sql::MigrationEngine;

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(subcommand)]
    pub verb: MigrateVerb,

    #[command(flatten)]
    pub sets: Sets,
}

/// Where migrations are.
#[derive(Debug, Args)]
pub(crate) struct Sets {
    /// The folder of migrations, with a folder in it for each set
    #[arg(long, value_name = "FOLDER", global = true, help_heading = "Settings")]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateVerb {
    /// Write the files of a new version, to be filled by hand
    New(New),
    /// Compare the registered records with the database, and write the files of the way there and
    /// back
    Diff(Diff),
    /// Show how far the database is
    Status,
    /// Apply the versions that are missing
    Up(Up),
    /// Take versions back: the last one, unless told
    Down(Down),
    /// Print the script that psql or sqlite3 runs to the same end; opens no database
    Sql(Script),
    /// Find steps that lose data, hold long locks or break running programs
    ///
    /// The exit code is 1 if there are some.
    Lint(Lint),
    /// Check that the files are those that were applied, and that the database is what they make
    Verify(Verify),
    /// Write the history of a database that was made otherwise, once it is what a version makes
    Adopt(Adopt),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// What the version does, in words
    pub title: String,

    /// Write files for this engine alone
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What the version does, in words
    #[arg(default_value = "change the schema")]
    pub title: String,

    /// Print the SQL and write nothing
    #[arg(long, conflicts_with = "into")]
    pub dry_run: bool,

    /// Go to what this database is, instead of what the records want
    #[arg(long, value_name = "URL")]
    pub against: Option<String>,

    /// Go from an empty database, instead of from what this one is: for the first version of one
    /// that was made otherwise, see adopt
    #[arg(long)]
    pub from_empty: bool,

    /// Add the files of this engine to a version that the other engine has
    #[arg(long, value_name = "VERSION")]
    pub into: Option<String>,

    /// Drop the tables and indexes that no record knows, which are left alone otherwise
    #[arg(long)]
    pub drop_unknown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Up to this version; to the newest without
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,

    #[command(flatten)]
    pub manner: Manner,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Down to this version; 0 is before the first
    #[arg(long, value_name = "VERSION", conflicts_with = "steps")]
    pub to: Option<String>,

    /// Down by this many versions; one without
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    pub manner: Manner,
}

/// How migrations are run.
#[derive(Debug, Default, Args)]
pub(crate) struct Manner {
    /// How long to wait for another migrator; 10 minutes without
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: Option<u64>,

    /// How long a statement may take; as long as it takes without
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub statement_wait: Option<u64>,

    /// How long a statement waits for a lock before it gives way and is tried again; 500 without
    #[arg(long, value_name = "MILLISECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub lock_wait: Option<u64>,

    /// Do not back a SQLite file up before a step that may lose data
    #[arg(long)]
    pub no_backup: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Script {
    /// Whose SQL; that of the settings without
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,

    /// From this version on; from an empty database without
    #[arg(long, value_name = "VERSION")]
    pub from: Option<String>,

    /// To this version; to the newest without. One below --from leads down
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The files of this engine; of every engine that has some without
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Write the checksums of new and changed files into their headers instead; opens no database
    #[arg(long)]
    pub sign: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The version that the database is at
    #[arg(long, value_name = "VERSION")]
    pub to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,

    /// Also under the profile production
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub sets: Sets,
}

/// An engine of the relational store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// SQLite
    Sqlite,
    /// PostgreSQL
    Postgres,
}

impl Engine {
    pub(crate) fn dialect(self) -> MigrationEngine {
        match self {
            Engine::Sqlite => MigrationEngine::Sqlite,
            Engine::Postgres => MigrationEngine::Postgres,
        }
    }
}
