//! The verbs that work on the database.

use std::time::Duration;

use serde_json::json;
use tradebase::sql::{MigrateOptions, MigrationReport, MigrationStopped, Target};
use tradebase::{Config, Opening, Result, Tradebase};

use super::Sets;
use super::shown;
use crate::arguments::{self, Arguments, Manner};
use crate::{ask, output, progress};

pub(super) fn status(config: Config, sets: Sets, arguments: &Arguments) -> Result<()> {
    let options = options(&Manner::default(), arguments);
    let opening = over(config, sets)?;
    let status = opening.run(async |db| db.migrator(options)?.status().await)?;
    shown::status(&status, arguments.json)
}

pub(super) fn up(
    up: &arguments::Up,
    config: Config,
    sets: Sets,
    arguments: &Arguments,
) -> Result<()> {
    let mut options = options(&up.manner, arguments);
    let (bar, progress) = progress::statements("migrating", arguments.quiet);
    options.progress = Some(progress);
    let (opening, to) = (over(config, sets)?, to(up.to.as_deref()));
    let done: Result<_, MigrationStopped> =
        opening.run(async |db| db.migrator(options)?.up(to).await);
    bar.finish_and_clear();
    let report = stopped(done, arguments)?;
    shown::report(&report, "the database is there already", arguments.json)
}

pub(super) fn down(
    down: &arguments::Down,
    config: Config,
    sets: Sets,
    arguments: &Arguments,
) -> Result<()> {
    let mut options = options(&down.manner, arguments);
    let to = match (&down.to, down.steps) {
        (Some(version), _) => Target::Version(version.clone()),
        (None, Some(steps)) => Target::Steps(usize::try_from(steps).unwrap_or(usize::MAX)),
        (None, None) => Target::End,
    };
    let quiet = arguments.quiet;
    let done: Result<_, MigrationStopped> = over(config, sets)?.run(async |db| {
        let versions = db.migrator(options.clone())?.would_take_back(&to).await?.join(", ");
        if !down.yes && !versions.is_empty() {
            let refusal = format!(
                "taking versions back needs --yes, nothing was run; it would be {versions}"
            );
            let question = format!("take back {versions} on {}?", db.sql().address());
            ask::confirm(&question, &refusal)?;
        }
        let (bar, progress) = progress::statements("taking back", quiet);
        options.progress = Some(progress);
        let done = db.migrator(options)?.down(to).await;
        bar.finish_and_clear();
        done
    });
    let report = stopped(done, arguments)?;
    shown::report(&report, "there is nothing to take back", arguments.json)
}

pub(super) fn verify(config: Config, sets: Sets, arguments: &Arguments) -> Result<()> {
    let options = options(&Manner::default(), arguments);
    over(config, sets)?.run(async |db| db.migrator(options)?.verify().await)?;
    if arguments.json {
        return output::json(&json!({ "verified": true }));
    }
    output::line("the files are those that were applied, and the database is what they make")
}

pub(super) fn adopt(
    adopt: &arguments::Adopt,
    config: Config,
    sets: Sets,
    arguments: &Arguments,
) -> Result<()> {
    let options = options(&Manner::default(), arguments);
    let to = Target::Version(adopt.to.clone());
    let opening = over(config, sets)?;
    let status = opening.run(async |db| db.migrator(options)?.adopt(to).await)?;
    shown::status(&status, arguments.json)
}

/// The stores with these migrations, of which there must be one.
fn over(config: Config, sets: Sets) -> Result<Opening> {
    Ok(Tradebase::builder(config).migrations(sets.needed()?))
}

/// How the arguments want it run.
pub(crate) fn options(manner: &Manner, arguments: &Arguments) -> MigrateOptions {
    let mut options = MigrateOptions::default();
    options.set = arguments.set_name().map(str::to_owned);
    options.backup = !manner.no_backup;
    options.statement_wait = manner.statement_wait.map(Duration::from_secs);
    if let Some(seconds) = manner.wait {
        options.lock_wait = Duration::from_secs(seconds);
    }
    if let Some(milliseconds) = manner.lock_wait {
        options.statement_lock_wait = Duration::from_millis(milliseconds);
    }
    options
}

pub(super) fn to(version: Option<&str>) -> Target {
    version.map_or(Target::End, |version| Target::Version(version.to_owned()))
}

/// What came of it. Where it was stopped, how far it came is told before the error is.
pub(crate) fn stopped(
    done: Result<MigrationReport, MigrationStopped>,
    arguments: &Arguments,
) -> Result<MigrationReport> {
    done.or_else(|stopped| {
        if stopped.report != MigrationReport::default() {
            shown::report(&stopped.report, "nothing was applied", arguments.json)?;
        }
        Err(stopped.error)
    })
}
