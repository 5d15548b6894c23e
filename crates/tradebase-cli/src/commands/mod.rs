//! The commands.

mod config;
mod guest_role;
mod health;
mod migrate;
mod partitions;
mod query;
mod schema;
mod tables;

use std::fs;
use std::process::ExitCode;

use clap_complete::Shell;
use serde_json::json;
use tradebase::log::{self, LogOptions};
use tradebase::sql::MigrationSet;
use tradebase::{Code, Config, Error, Records, Result};

use crate::arguments::{self, Arguments, Command};
use crate::{demo, output};
use migrate::Sets;

/// Runs the command that was asked for.
pub(crate) fn run(
    arguments: &Arguments,
    records: Records,
    inside: Vec<Result<MigrationSet>>,
) -> Result<ExitCode> {
    match &arguments.command {
        // Needs no settings, which may be what is wrong.
        Command::Completions { shell } => completions(*shell, arguments.json)?,
        Command::Config(options) if options.example => config::example(options, arguments)?,
        command => {
            let config = settings(arguments)?;
            match log::init(log_options(&config, arguments)?) {
                // A program with a log of its own keeps it.
                Err(error) if error.code() == Code::NotOpen => {}
                begun => drop(begun?),
            }
            let records = known(records, arguments)?;
            match command {
                Command::Demo(options) => demo::run(options, config, arguments)?,
                Command::Health => return health::run(config, &records, arguments),
                Command::Config(options) => config::run(options, &config, arguments)?,
                Command::Schema(options) => schema::run(options, &records, arguments)?,
                Command::Query(options) => {
                    return query::run(options, config, &records, arguments);
                }
                Command::GuestRole(options) => {
                    guest_role::run(options, config, &records, arguments)?;
                }
                Command::Migrate(options) => {
                    let sets = Sets::load(&options.sets, &config, inside)?;
                    return migrate::run(options, config, &records, sets, arguments);
                }
                Command::Setup(sets) => {
                    let sets = Sets::load(sets, &config, inside)?;
                    tables::setup(sets, config, records, arguments)?;
                }
                Command::Reset(options) => {
                    let sets = Sets::load(&options.sets, &config, inside)?;
                    tables::reset(options, sets, config, records, arguments)?;
                }
                Command::Drift => return tables::drift(config, &records, arguments),
                Command::Partitions(options) => {
                    partitions::run(options, config, &records, arguments)?;
                }
                Command::Completions { .. } => {}
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings in effect: what the arguments say above all else.
fn settings(arguments: &Arguments) -> Result<Config> {
    let mut config = match &arguments.config {
        Some(path) => Config::from_env_and_file(path)?,
        None => Config::from_env()?,
    };
    for (key, value) in arguments.settings() {
        config = config.set(key, value)?;
    }
    Ok(config)
}

/// A command logs what is wrong, and more when asked.
fn log_options(config: &Config, arguments: &Arguments) -> Result<LogOptions> {
    let options = LogOptions::from_config(config)?;
    Ok(match (arguments.verbose, config.is_set("log.level")) {
        (0, true) => options,
        (0, false) => options.levels("warn")?,
        (1, _) => options.levels("info")?,
        _ => options.levels("debug")?,
    })
}

/// The records of the program, and those of a `schema.json`. What tables are to be there is said
/// by the file alone, where there is one: the command is run for another program then.
fn known(records: Records, arguments: &Arguments) -> Result<Records> {
    let Some(path) = &arguments.schema else { return Ok(records) };
    let text = fs::read_to_string(path).map_err(|e| {
        let message = format!("the schema file cannot be read: {}", path.display());
        Error::new(Code::Config, message).because(e)
    })?;
    let read = Records::from_json(&text)?;
    let is_about_tables = matches!(
        arguments.command,
        Command::Migrate(_)
            | Command::Setup(_)
            | Command::Reset(_)
            | Command::Drift
            | Command::Partitions(_)
    );
    Ok(if is_about_tables { read } else { records.and(&read) })
}

fn completions(shell: Shell, as_json: bool) -> Result<()> {
    let mut command = arguments::command("tradebase");
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "tradebase", &mut script);
    let script = String::from_utf8_lossy(&script);
    if as_json {
        return output::json(&json!({ "shell": shell.to_string(), "script": script }));
    }
    output::line(script.trim_end())
}
