//! `migrate`: the tables of the relational store, step by step, and back.

mod offline;
mod online;
mod sets;
mod shown;
mod write;

use std::process::ExitCode;

use tradebase::{Config, Records, Result};

use crate::arguments::{self, Arguments, MigrateVerb};

pub(super) use online::{options, stopped};
pub(super) use sets::Sets;
pub(super) use shown::report;

pub(super) fn run(
    options: &arguments::Migrate,
    config: Config,
    records: &Records,
    sets: Sets,
    arguments: &Arguments,
) -> Result<ExitCode> {
    match &options.verb {
        MigrateVerb::New(new) => write::new(new, &sets, arguments)?,
        MigrateVerb::Diff(diff) => write::diff(diff, config, records, &sets, arguments)?,
        MigrateVerb::Status => online::status(config, sets, arguments)?,
        MigrateVerb::Up(up) => online::up(up, config, sets, arguments)?,
        MigrateVerb::Down(down) => online::down(down, config, sets, arguments)?,
        MigrateVerb::Sql(script) => offline::script(script, &config, sets, arguments)?,
        MigrateVerb::Lint(lint) => return offline::lint(lint, &sets, arguments),
        MigrateVerb::Verify(verify) if verify.sign => write::sign(&sets, arguments)?,
        MigrateVerb::Verify(_) => online::verify(config, sets, arguments)?,
        MigrateVerb::Adopt(adopt) => online::adopt(adopt, config, sets, arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
