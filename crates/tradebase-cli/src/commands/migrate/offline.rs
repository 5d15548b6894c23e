//! The verbs that open no database.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use tradebase::sql::{Direction, Finding, MigrationEngine, MigrationSet, Sql, SqlOptions};
use tradebase::{Config, Result};

use super::Sets;
use super::online::{options, to};
use crate::arguments::{self, Arguments, Engine, Manner};
use crate::{exit, output};

/// An address whose engine is always there; it is not opened.
const NOWHERE: &str = "sqlite::memory:";

pub(super) fn script(
    script: &arguments::Script,
    config: &Config,
    sets: Sets,
    arguments: &Arguments,
) -> Result<()> {
    let engine = match script.engine {
        Some(engine) => engine,
        None if config.settle()?.sql.is_embedded() => Engine::Sqlite,
        None => Engine::Postgres,
    };
    let sql = Sql::later(SqlOptions::new(NOWHERE))?;
    let migrator = sql.migrator(sets.needed()?, options(&Manner::default(), arguments))?;
    let from = to(Some(script.from.as_deref().unwrap_or("0")));
    let text = migrator.script(engine.dialect(), from, to(script.to.as_deref()))?;
    if arguments.json {
        return output::json(&json!({ "engine": word(engine.dialect()), "sql": text }));
    }
    output::line(text.trim_end())
}

/// A finding, and where it is.
#[derive(Serialize)]
struct Found {
    set: String,
    engine: &'static str,
    #[serde(flatten)]
    finding: Finding,
}

pub(super) fn lint(lint: &arguments::Lint, sets: &Sets, arguments: &Arguments) -> Result<ExitCode> {
    let mut found: Vec<Found> = Vec::new();
    for set in sets.chosen(arguments.set_name())? {
        for engine in engines(set, lint.engine) {
            for finding in set.lint(engine)? {
                // A file for both engines is told of once, if both think alike of it.
                if !found.iter().any(|other| other.set == set.name && other.finding == finding) {
                    found.push(Found { set: set.name.clone(), engine: word(engine), finding });
                }
            }
        }
    }
    let code = if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) };
    if arguments.json {
        output::json(&json!({ "findings": found }))?;
        return Ok(code);
    }
    for Found { finding, engine, .. } in &found {
        let Finding { code, file, line, reason, safer, .. } = finding;
        output::line(&format!("{file}:{line}: {code} ({engine}): {reason}\n  safer: {safer}\n"))?;
    }
    output::line(&match found.len() {
        0 => "nothing was found".to_owned(),
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    })?;
    Ok(code)
}

/// The engines that a set has files for, or the one that is asked for.
fn engines(set: &MigrationSet, asked: Option<Engine>) -> Vec<MigrationEngine> {
    let all = [MigrationEngine::Sqlite, MigrationEngine::Postgres];
    let has = |engine: &MigrationEngine| {
        set.versions.iter().any(|version| version.file(*engine, Direction::Up).is_some())
    };
    match asked {
        Some(engine) => vec![engine.dialect()],
        None => all.into_iter().filter(has).collect(),
    }
}

/// The word for an engine.
pub(super) fn word(engine: MigrationEngine) -> &'static str {
    if engine == MigrationEngine::Sqlite { "sqlite" } else { "postgres" }
}
