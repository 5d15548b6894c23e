//! The command line: every command, its options and its help.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::prove::PROOFS;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  a check or a test failed
  2  the command line was not understood
  3  the set-up is not complete: a program, a package or the DuckDB library is missing";

/// The commands of the checkout
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch the prebuilt DuckDB library, and find or install the servers for tests
    ///
    /// All other commands do this by themselves. It is fast when nothing is left to do.
    ///
    /// The library is looked for in this order: the folder named by DUCKDB_LIB_DIR, the cache
    /// folder (XDG_CACHE_HOME or ~/.cache, then tradebase/duckdb), the npm package of DuckDB's
    /// Node bindings (checked against a pinned sha256), and the download of crate libduckdb-sys.
    /// It is then laid into .tools/duckdb, where plain cargo commands find it too.
    ///
    /// Missing servers and clients are installed as Debian packages after a yes: asked on a
    /// terminal, or given by --yes, by CI=true, or by root without a terminal.
    #[command(after_help = EXIT_CODES)]
    Setup {
        /// Install missing Debian packages without asking
        #[arg(long)]
        yes: bool,
    },

    /// Build the command and run its demo: a trading day on the embedded stores
    ///
    /// Fetches the DuckDB library if it is not there, builds `tradebase` in release, and runs
    /// `tradebase demo` with all further arguments, e.g. `--seed 7 --json`.
    #[command(after_help = EXIT_CODES)]
    Demo {
        /// Install missing Debian packages without asking
        #[arg(long)]
        yes: bool,

        /// Arguments for `tradebase demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },

    /// Run all tests, and count them per engine
    ///
    /// Sets up, then runs `cargo test --workspace --all-targets` and `cargo test --workspace
    /// --doc`. A test counts for an engine if a segment of its path is the engine's name or
    /// begins with it and an underscore: sqlite, postgres, memory, redis, duckdb, embedded,
    /// influx. The closing line always reads `N passed, N failed, N skipped`.
    ///
    /// Fails if a test failed, if no test ran, or (on a full run) if an engine had no test.
    /// With extra arguments the run is a part, and the engines are not checked.
    #[command(after_help = EXIT_CODES)]
    Test {
        /// Install missing Debian packages without asking
        #[arg(long)]
        yes: bool,

        /// Arguments for cargo test, e.g. `-- -p tradebase-sql orders -- --nocapture`
        #[arg(last = true)]
        args: Vec<String>,
    },

    /// Check the figures, the arrows between crates and the paths in the documents
    #[command(long_about = TIDY, after_help = EXIT_CODES)]
    Tidy {
        /// Do not fetch the DuckDB library first
        #[arg(long)]
        no_setup: bool,
    },

    /// Run a bench: ours beside the raw driver
    ///
    /// Sets up, then runs `cargo run --release -p tradebase-bench --` with all arguments.
    #[command(after_help = EXIT_CODES)]
    Bench {
        /// Install missing Debian packages without asking
        #[arg(long)]
        yes: bool,

        /// NAME of the bench and its options, e.g. `record --json --rounds 20`
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },

    /// Run one of the long proofs
    ///
    /// A proof is random and may run for hours. The same seed and rounds repeat the same proof;
    /// both are printed. The short rounds of every proof are part of `ci`.
    #[command(after_help = EXIT_CODES)]
    Prove(Prove),

    /// Run everything a change must pass
    ///
    /// Sets up, then: format, clippy, tidy, documentation, licences, all tests, and short rounds
    /// of every proof. A failed step does not stop the later ones. Prints how long each step
    /// took; the last line is the closing line of the test run.
    #[command(after_help = EXIT_CODES)]
    Ci {
        /// Install missing Debian packages without asking
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct Prove {
    /// Name of the proof
    #[arg(required_unless_present = "list", value_parser = proof_names())]
    pub name: Option<String>,

    /// Print the proofs and what they show
    #[arg(long)]
    pub list: bool,

    /// How many rounds [default: the short rounds of `--list`]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: Option<u64>,

    /// Where the random numbers start [default: a new one, printed]
    #[arg(long)]
    pub seed: Option<u64>,

    /// Install missing Debian packages without asking
    #[arg(long)]
    pub yes: bool,
}

fn proof_names() -> PossibleValuesParser {
    PossibleValuesParser::new(PROOFS.iter().map(|proof| proof.name))
}

const TIDY: &str = "\
Check the figures, the arrows between crates and the paths in the documents

Figures, for every Rust file under crates, testing, examples, bindings and xtask:
  - a file over 400 lines warns, over 800 fails. Blank lines, lines that hold only a doc comment
    and modules under #[cfg(test)] do not count; a file in a `tests` folder or named tests.rs has
    no limit
  - a function over 70 lines fails, tests too. Counted from `fn` to the closing brace, without
    blank lines and comments
  - a line of code over 100 columns fails. Comments and the inside of a long literal are free
  - todo!, unimplemented!, dbg!, an empty test, and #[ignore] without a reason fail
A file whose first lines hold the comment `// @generated` is left out.

Doors, for crates/* without their tests and build scripts:
  - the environment is read in tradebase::config only
  - the clock (SystemTime::now, Instant::now, Utc::now, Local::now) is read in
    tradebase-core::clock only

Arrows, from the manifests: each crate depends on what xtask/src/tidy/arrows.rs allows; crates of
testing are dev-dependencies only; tradebase-core knows no runtime, driver or exporter.

Documents: paths in code marks or links exist; every dependency has its line of reason in
docs/design/dependencies.md, and every line there its dependency.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_gets_its_arguments_unread() {
        let cli = Cli::parse_from(["xtask", "demo", "--seed", "7", "--json"]);
        let Command::Demo { yes, args } = cli.command else { panic!("not the demo") };
        assert!(!yes);
        assert_eq!(args, ["--seed", "7", "--json"]);
    }

    #[test]
    fn a_bench_gets_its_options_unread() {
        let cli = Cli::parse_from(["xtask", "bench", "--yes", "record", "--json", "--rounds", "3"]);
        let Command::Bench { yes, args } = cli.command else { panic!("not a bench") };
        assert!(yes);
        assert_eq!(args, ["record", "--json", "--rounds", "3"]);
    }

    #[test]
    fn a_test_run_keeps_the_second_double_dash() {
        let cli = Cli::parse_from(["xtask", "test", "--", "-p", "x", "--", "--nocapture"]);
        let Command::Test { args, .. } = cli.command else { panic!("not a test run") };
        assert_eq!(args, ["-p", "x", "--", "--nocapture"]);
    }

    #[test]
    fn a_proof_needs_a_name_or_the_list() {
        assert!(Cli::try_parse_from(["xtask", "prove"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "prove", "--list"]).is_ok());
        assert!(Cli::try_parse_from(["xtask", "prove", "trades", "--seed", "7"]).is_ok());
        assert!(Cli::try_parse_from(["xtask", "prove", "trades", "--rounds", "0"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "prove", "unknown"]).is_err());
    }
}
