//! `setup`, `reset` and `drift`: the tables of a program as a whole.

use std::process::ExitCode;

use serde_json::json;
use tradebase::sql::{MigrationReport, MigrationStopped, Target};
use tradebase::{Config, Profile, Records, Result, Table as Described, Tradebase};

use super::migrate::{self, Sets};
use crate::arguments::{self, Arguments, Manner};
use crate::output::{self, Table};
use crate::{ask, exit, progress};

pub(super) fn setup(
    sets: Sets,
    config: Config,
    records: Records,
    arguments: &Arguments,
) -> Result<()> {
    let sets = sets.some()?;
    let has_migrations = !sets.is_empty();
    let mut options = migrate::options(&Manner::default(), arguments);
    let (bar, progress) = progress::statements("setting up", arguments.quiet);
    options.progress = Some(progress);
    let opening = Tradebase::builder(config).records(records.clone()).migrations(sets);
    let done: Result<_, MigrationStopped> = opening.run(async |db| match has_migrations {
        // Not by `setup`, which takes all sets.
        true => db.migrator(options)?.up(Target::End).await,
        false => db.setup().await,
    });
    bar.finish_and_clear();
    let report = migrate::stopped(done, arguments)?;
    tell(&report, has_migrations, &records, arguments)
}

pub(super) fn reset(
    options: &arguments::Reset,
    sets: Sets,
    config: Config,
    records: Records,
    arguments: &Arguments,
) -> Result<()> {
    let sets = sets.some()?;
    let has_migrations = !sets.is_empty();
    // What will be refused is not asked for.
    let asks = options.force || config.settle()?.profile != Profile::Production;
    let opening = Tradebase::builder(config).records(records.clone()).migrations(sets);
    let done: Result<_, MigrationStopped> = opening.run(async |db| {
        if asks && !options.yes {
            let refusal = "a reset loses all rows: it needs --yes, nothing was run";
            let question = format!("lose all rows of {}?", db.sql().address());
            ask::confirm(&question, refusal)?;
        }
        let spinner = progress::spinner("resetting", arguments.quiet);
        let done = match options.force {
            true => db.reset_even_in_production().await,
            false => db.reset().await,
        };
        spinner.finish_and_clear();
        done
    });
    let report = migrate::stopped(done, arguments)?;
    tell(&report, has_migrations, &records, arguments)
}

pub(super) fn drift(config: Config, records: &Records, arguments: &Arguments) -> Result<ExitCode> {
    let tables = relational(records);
    let found = tradebase::run(config, async |db| db.sql().drift(&tables).await)?;
    let code = if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) };
    if arguments.json {
        output::json(&json!({ "differences": found }))?;
        return Ok(code);
    }
    if found.is_empty() {
        output::line("the tables are what the records want")?;
        return Ok(code);
    }
    let mut table = Table::new(&["table", "column", "what", "there is", "wanted"]);
    for difference in &found {
        table.row(vec![
            difference.table.clone(),
            difference.column.clone().unwrap_or_default(),
            difference.what.to_string(),
            difference.have.clone().unwrap_or_else(|| "-".to_owned()),
            difference.want.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.print()?;
    Ok(code)
}

/// Says what was done.
fn tell(
    report: &MigrationReport,
    has_migrations: bool,
    records: &Records,
    arguments: &Arguments,
) -> Result<()> {
    if has_migrations {
        return migrate::report(report, "the database is set up already", arguments.json);
    }
    let tables: Vec<_> = relational(records).iter().map(|table| table.name).collect();
    if arguments.json {
        return output::json(&json!({ "tables": tables }));
    }
    output::line(&match tables.as_slice() {
        [] => "there are no migrations and no records: nothing was done".to_owned(),
        tables => format!("there are no migrations; the tables are there: {}", tables.join(", ")),
    })
}

/// The tables of the relational store.
pub(super) fn relational(records: &Records) -> Vec<&'static Described> {
    records.tables().iter().copied().filter(|table| table.is_relational()).collect()
}
