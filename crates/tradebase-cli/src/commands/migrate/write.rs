//! The verbs that write files.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use tradebase::sql::{
    Draft, Loss, MigrateOptions, MigrationEngine, MigrationSet, MigrationStatus, Outcome, Plan,
    PlannedFile, Shape, Sql, VersionStatus, Wanted,
};
use tradebase::{Code, Config, Error, Records, Result};

use super::Sets;
use super::offline::word;
use crate::arguments::{self, Arguments, Engine};
use crate::output;

pub(super) fn new(new: &arguments::New, sets: &Sets, arguments: &Arguments) -> Result<()> {
    let (set, folder) = sets.target(arguments.set_name())?;
    let set = target(set, &folder)?;
    let files = set.write_new(&folder, &new.title, new.engine.map(Engine::dialect))?;
    if arguments.json {
        return output::json(&json!({ "set": set.name, "files": names(&files) }));
    }
    wrote(&files)?;
    output::line("\nfill them, sign them by `tradebase migrate verify --sign`, and see `lint`")
}

pub(super) fn sign(sets: &Sets, arguments: &Arguments) -> Result<()> {
    let mut signed = Vec::new();
    for set in sets.chosen(arguments.set_name())? {
        if let Some(folder) = sets.folder(set) {
            signed.extend(MigrationSet::sign(folder)?);
        }
    }
    if arguments.json {
        return output::json(&json!({ "signed": names(&signed) }));
    }
    if signed.is_empty() {
        return output::line("every file is signed as it stands");
    }
    signed.iter().try_for_each(|path| output::line(&format!("signed {}", path.display())))
}

/// What a comparison gave, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    set: &'a str,
    engine: &'static str,
    files: Vec<String>,
    losses: &'a [Loss],
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<Ways<'a>>,
}

#[derive(Serialize)]
struct Ways<'a> {
    up: &'a [PlannedFile],
    down: &'a [PlannedFile],
}

pub(super) fn diff(
    diff: &arguments::Diff,
    config: Config,
    records: &Records,
    sets: &Sets,
    arguments: &Arguments,
) -> Result<()> {
    let (set, folder) = sets.target(arguments.set_name())?;
    let set = target(set, &folder)?;
    let (draft, engine) = tradebase::run(config, async |db| {
        let draft = drafted(diff, db.sql(), records, sets, &set).await?;
        Ok::<_, Error>((draft, engine(db.sql())))
    })?;
    let files = match &diff.into {
        _ if diff.dry_run || draft.up.files.is_empty() => Vec::new(),
        Some(version) => set.write_draft_into(&folder, version, engine, &draft)?,
        None => set.write_draft(&folder, &diff.title, engine, &draft)?,
    };
    let Plan { losses, notes, .. } = &draft.up;
    if arguments.json {
        let ways = Ways { up: &draft.up.files, down: &draft.down.files };
        return output::json(&Answer {
            set: &set.name,
            engine: word(engine),
            files: names(&files),
            losses,
            notes,
            sql: diff.dry_run.then_some(ways),
        });
    }
    if draft.up.files.is_empty() {
        output::line("nothing to do: the database is what is wanted")?;
    } else if diff.dry_run {
        for (way, plan) in [("up", &draft.up), ("down", &draft.down)] {
            plan.files.iter().try_for_each(|file| planned(way, file))?;
        }
    } else {
        wrote(&files)?;
    }
    for loss in losses {
        output::line(&format!("\nloses {}: {}", place(loss), loss.why))?;
    }
    notes.iter().try_for_each(|note| output::line(&format!("\nnote: {note}")))
}

/// The way from what the database is to what is wanted of it.
async fn drafted(
    diff: &arguments::Diff,
    sql: &Sql,
    records: &Records,
    sets: &Sets,
    set: &MigrationSet,
) -> Result<Draft> {
    let is_new = |name: &str, version: &str| {
        let into = diff.into.as_deref().and_then(|id| set.version(id));
        name == set.name && into.is_some_and(|into| *version >= *into.id)
    };
    let all: Vec<_> =
        sets.all().into_iter().filter(|set| !set.versions.is_empty()).cloned().collect();
    let status = sql.migrator(all, MigrateOptions::default())?.status().await?;
    check_that_they_are_new(&status, is_new)?;
    if !diff.from_empty {
        check_that_it_is_there(&status, is_new)?;
    }
    let wanted = match &diff.against {
        Some(url) => {
            let other = Sql::open(url).await?;
            let mut wanted = Wanted::default();
            wanted.shape = other.shape().await?;
            let is_same = engine(&other) == engine(sql);
            other.close().await?;
            if !is_same {
                let message = "two databases are compared of one engine alone";
                return Err(Error::new(Code::Config, message));
            }
            wanted
        }
        None => {
            let tables = super::super::tables::relational(records);
            if tables.is_empty() {
                let message = "no records are registered: a program of your own registers them, \
                               or name its schema.json by --schema";
                return Err(Error::new(Code::Config, message));
            }
            sql.wanted(&tables).await?
        }
    };
    if diff.from_empty {
        return Draft::between(engine(sql), &Shape::default(), &wanted, diff.drop_unknown);
    }
    sql.draft(&wanted, diff.drop_unknown).await
}

/// Refuses versions to be given new files that this database has run: it would refuse them from
/// then on as changed.
fn check_that_they_are_new(
    status: &MigrationStatus,
    is_new: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    for set in &status.sets {
        let run = |version: &&VersionStatus| {
            is_new(&set.set, &version.version)
                && version.outcome.is_some_and(|outcome| outcome != Outcome::Reverted)
        };
        if let Some(version) = set.versions.iter().find(run) {
            let message = format!(
                "this database has run its file already, make a new version without --into: {}/{}",
                set.set, version.version
            );
            return Err(Error::new(Code::MigrationChanged, message));
        }
    }
    Ok(())
}

/// Refuses a database that is behind its files: what they do would be planned a second time.
fn check_that_it_is_there(
    status: &MigrationStatus,
    is_new: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    for set in &status.sets {
        for version in &set.versions {
            let place = format!("{}/{}", set.set, version.version);
            if version.changed {
                let message = format!(
                    "a file was changed after it was applied, or is gone, see `tradebase migrate \
                     status`: {place}"
                );
                return Err(Error::new(Code::MigrationChanged, message));
            }
            let is_there = version.outcome.is_some_and(Outcome::is_there);
            if !is_there && !is_new(&set.set, &version.version) {
                let message = format!(
                    "the database is behind its files, bring it up first by `tradebase migrate \
                     up`; missing: {place}"
                );
                return Err(Error::new(Code::MigrationFile, message));
            }
        }
    }
    Ok(())
}

/// The set of a folder, which may be new.
fn target(set: Option<&MigrationSet>, folder: &Path) -> Result<MigrationSet> {
    match set {
        Some(set) => Ok(set.clone()),
        None => {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            MigrationSet::new(name, Vec::<(String, String)>::new())
        }
    }
}

fn engine(sql: &Sql) -> MigrationEngine {
    match sql.capabilities().engine {
        "postgres" => MigrationEngine::Postgres,
        _ => MigrationEngine::Sqlite,
    }
}

fn planned(way: &str, file: &PlannedFile) -> Result<()> {
    let whole = if file.transactional { "one transaction" } else { "statement by statement" };
    output::line(&format!("-- {way}, {whole}\n{}\n", file.sql.trim()))
}

fn place(loss: &Loss) -> String {
    match &loss.column {
        Some(column) => format!("{}.{column}", loss.table),
        None => loss.table.clone(),
    }
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|path| path.display().to_string()).collect()
}

fn wrote(files: &[PathBuf]) -> Result<()> {
    files.iter().try_for_each(|path| output::line(&format!("wrote {}", path.display())))
}
