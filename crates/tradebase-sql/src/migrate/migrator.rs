//! The verbs of migrations.

use tradebase_core::{Code, Error, Result};

use super::difference::Difference;
use super::file::Direction;
use super::history::{self, Entry, Hand, Outcome};
use super::options::{MigrateOptions, Target};
use super::passing;
use super::recipe::Step;
use super::report::{MigrationReport, MigrationStatus, MigrationStopped, SetStatus, VersionStatus};
use super::route::{Route, Stop};
use super::runner::Runner;
use super::script;
use super::set::{MigrationSet, number};
use super::way::{Way, is_live};
use crate::raw::Dialect;
use crate::sql::Sql;

/// Brings a database from version to version.
///
/// One migrator is at work at a time: another one waits, and then finds the work done. Each
/// version is a transaction, with its note in the history, unless its file says otherwise; that of
/// such a file notes how far it came, and goes on from there.
///
/// Cancelled, it leaves the database as a kill would: what is committed stays, the rest is rolled
/// back, and the next call goes on from there.
#[derive(Debug)]
pub struct Migrator {
    sql: Sql,
    route: Route,
    options: MigrateOptions,
}

impl Sql {
    /// What migrates this database by these sets. Their files are checked: that each is what its
    /// header says, that each set is one line, that the needs between them can be met.
    pub fn migrator(
        &self,
        sets: impl IntoIterator<Item = MigrationSet>,
        options: MigrateOptions,
    ) -> Result<Migrator> {
        options.check()?;
        let route = Route::new(sets.into_iter().collect())?;
        if let Some(set) = &options.set {
            route.set(set)?;
        }
        for file in route.stops().flat_map(|stop| stop.version.files()) {
            file.check()?;
        }
        Ok(Migrator { sql: self.clone(), route, options })
    }
}

impl Migrator {
    /// How far the database is. Changes nothing, not even to make the history.
    pub async fn status(&self) -> Result<MigrationStatus> {
        Ok(self.status_of(&history::look(&self.sql).await?))
    }

    /// What the history says, in the order in which it came about.
    pub async fn history(&self) -> Result<Vec<Entry>> {
        let mut entries = history::look(&self.sql).await?;
        if let Some(set) = &self.options.set {
            entries.retain(|entry| entry.set == *set);
        }
        Ok(entries)
    }

    /// Applies what is missing up to the target.
    ///
    /// Before anything is run, all files are looked at: that they are those that were applied,
    /// that there is one for this engine, that none of them ends its own transaction.
    pub async fn up(&self, to: Target) -> Result<MigrationReport, MigrationStopped> {
        self.go(Direction::Up, &to).await
    }

    /// Takes versions back down to the target; checked as [`up`](Migrator::up) is.
    pub async fn down(&self, to: Target) -> Result<MigrationReport, MigrationStopped> {
        self.go(Direction::Down, &to).await
    }

    /// What [`down`](Migrator::down) would take back, in order, as `set/id`: for a question before
    /// it. Changes nothing.
    pub async fn would_take_back(&self, to: &Target) -> Result<Vec<String>> {
        let entries = history::look(&self.sql).await?;
        let way = self.way(&entries);
        way.check()?;
        Ok(way.down(to)?.iter().map(Step::place).collect())
    }

    async fn go(&self, way: Direction, to: &Target) -> Result<MigrationReport, MigrationStopped> {
        let mut runner = Runner::open(&self.sql, &self.options).await?;
        let ran = self.steps(&mut runner, way, to).await;
        let report = runner.close().await;
        match ran {
            Ok(()) => Ok(report),
            Err(error) => Err(MigrationStopped { report, error }),
        }
    }

    async fn steps(&self, runner: &mut Runner<'_>, way: Direction, to: &Target) -> Result<()> {
        let entries = runner.entries().await?;
        let known = self.way(&entries);
        known.check()?;
        let steps = match way {
            Direction::Up => known.up(to)?,
            Direction::Down => known.down(to)?,
        };
        if steps.is_empty() {
            return Ok(());
        }
        runner.make_history().await?;
        runner.run(&steps).await
    }

    /// Refuses files that are not those that were applied, and a database whose shape is not that
    /// of its version. Tables that no file has made are not looked at.
    pub async fn verify(&self) -> Result<()> {
        let entries = history::look(&self.sql).await?;
        let way = self.way(&entries);
        way.check()?;
        let live = self.route.stops().filter(|stop| {
            let entry = history::of(&entries, &stop.set.name, &stop.version.id);
            entry.is_some_and(is_live)
        });
        let differences = self.differences(live).await?;
        if differences.is_empty() {
            return Ok(());
        }
        let message = "the database is not what its versions make";
        Err(differing(Code::SchemaMismatch, message, &differences))
    }

    /// Writes the history of a database that was made otherwise, after it was compared with what
    /// the files make of an empty one. Tables that no file makes are not looked at.
    pub async fn adopt(&self, to: Target) -> Result<MigrationStatus> {
        let mut runner = Runner::open(&self.sql, &self.options).await?;
        let entries = runner.entries().await;
        // The comparison takes a connection too, and on SQLite there is one; the lock of the file,
        // or of the schema, is taken again below.
        drop(runner.close().await);
        let entries = entries?;
        let missing = self.missing(&entries, &to)?;
        let all = self.route.stops().filter(|stop| {
            let entry = history::of(&entries, &stop.set.name, &stop.version.id);
            entry.is_some_and(is_live) || missing.iter().any(|step| is_of(step, *stop))
        });
        let differences = self.differences(all).await?;
        if !differences.is_empty() {
            let message = "the database is not what these versions make, so it is not adopted";
            return Err(differing(Code::SchemaMismatch, message, &differences));
        }
        let mut runner = Runner::open(&self.sql, &self.options).await?;
        let written = self.write_adopted(&mut runner, &missing, &entries).await;
        drop(runner.close().await);
        written?;
        self.status().await
    }

    /// The versions up to a target that the history does not have.
    fn missing<'r>(&'r self, entries: &'r [Entry], to: &Target) -> Result<Vec<Step<'r>>> {
        let way = self.way(entries);
        way.check()?;
        let stops = way.until(to)?.into_iter().filter(|stop| {
            !history::of(entries, &stop.set.name, &stop.version.id).is_some_and(is_live)
        });
        let engine = self.sql.engine.dialect();
        let mut steps = Vec::new();
        for stop in stops {
            way.check_needs(stop, &steps)?;
            steps.push(Step::new(stop, engine, Direction::Up)?);
        }
        Ok(steps)
    }

    async fn write_adopted(
        &self,
        runner: &mut Runner<'_>,
        missing: &[Step<'_>],
        before: &[Entry],
    ) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        if runner.entries().await? != before {
            let message = "another migrator came in between: look at the status, and try again";
            return Err(Error::new(Code::MigrationBusy, message));
        }
        runner.make_history().await?;
        let hand = Hand::ours(&self.sql, self.options.who.as_deref(), 0);
        let note = |step: &Step<'_>| {
            let all = step.statements.len();
            let text = history::note(step, Outcome::Adopted, [all, all], &hand);
            (Some(history::is_wrong(step)), text)
        };
        runner.together(&missing.iter().map(note).collect::<Vec<_>>()).await
    }

    /// How the database differs from what these versions make of an empty one.
    async fn differences<'r>(
        &'r self,
        stops: impl Iterator<Item = Stop<'r>>,
    ) -> Result<Vec<Difference>> {
        let engine = self.sql.engine.dialect();
        let mut statements = Vec::new();
        for stop in stops {
            let step = Step::new(stop, engine, Direction::Up)?;
            let made = |s: &super::split::Statement| !step.words(s).makes_no_shape();
            statements.extend(step.statements.iter().filter(|s| made(s)).cloned());
        }
        let wanted = self.sql.replayed(&statements).await?;
        let have = self.sql.shape_beside(&wanted).await?;
        let mut found = have.differences(&wanted);
        found.extend(have.left_over(&wanted, &passing::names(engine, &statements)?));
        Ok(found)
    }

    /// The script that psql or sqlite3 runs to the same end, history included. Opens nothing.
    ///
    /// It leads up from a version to another, or down; the end to come from is nothing, the end to
    /// go to is the newest version. It stops at the first error, and before a version that the
    /// database is not ready for.
    pub fn script(&self, engine: Dialect, from: Target, to: Target) -> Result<String> {
        let nothing = Target::Version("0".to_owned());
        let from = if from == Target::End { nothing } else { from };
        if matches!(from, Target::Steps(_)) {
            let message = "a script begins at a version, not behind a number of steps";
            return Err(Error::new(Code::MigrationFile, message));
        }
        let way = Way { engine, ..self.way(&[]) };
        let before = way.until(&from)?;
        let is = |stops: &[Stop<'_>], stop: Stop<'_>| {
            stops.iter().any(|s| s.set.name == stop.set.name && s.version.id == stop.version.id)
        };
        let all = way.until(&Target::End)?;
        let after = match to {
            Target::Steps(steps) => {
                let most = before.len().saturating_add(steps);
                let new = all.iter().filter(|stop| !is(&before, **stop));
                let new: Vec<_> = new.take(most - before.len()).copied().collect();
                before.iter().copied().chain(new).collect()
            }
            to => way.until(&to)?,
        };
        let ups = all.iter().filter(|stop| !is(&before, **stop) && is(&after, **stop));
        let downs = all.iter().rev().filter(|stop| is(&before, **stop) && !is(&after, **stop));
        let downs = downs.map(|stop| Step::new(*stop, engine, Direction::Down));
        let steps: Vec<_> = downs
            .chain(ups.map(|stop| Step::new(*stop, engine, Direction::Up)))
            .collect::<Result<_>>()?;
        Ok(script::script(engine, &steps, &self.options))
    }

    fn way<'r>(&'r self, entries: &'r [Entry]) -> Way<'r> {
        let engine = self.sql.engine.dialect();
        Way { route: &self.route, engine, set: self.options.set.as_deref(), entries }
    }

    fn status_of(&self, entries: &[Entry]) -> MigrationStatus {
        let wanted = |name: &str| self.options.set.as_deref().is_none_or(|set| set == name);
        let sets = self.route.sets().iter().filter(|set| wanted(&set.name));
        MigrationStatus { sets: sets.map(|set| self.status_of_set(set, entries)).collect() }
    }

    fn status_of_set(&self, set: &MigrationSet, entries: &[Entry]) -> SetStatus {
        let engine = self.sql.engine.dialect();
        let mut versions: Vec<_> = set
            .versions
            .iter()
            .map(|version| {
                let entry = history::of(entries, &set.name, &version.id);
                let direction = match entry {
                    Some(entry) if entry.outcome == Outcome::Reverting => Direction::Down,
                    _ => Direction::Up,
                };
                let file = version.file(engine, direction);
                let changed = entry.is_some_and(|entry| {
                    is_live(entry) && file.is_none_or(|file| file.checksum != entry.checksum)
                });
                version_status(&version.id, &version.title, entry, changed)
            })
            .collect();
        for entry in entries.iter().filter(|entry| entry.set == set.name) {
            if set.version(&entry.version).is_none() {
                let changed = is_live(entry);
                let status = version_status(&entry.version, &entry.title, Some(entry), changed);
                versions.push(status);
            }
        }
        versions.sort_by_key(|version| number(&version.version));
        let there = |version: &&VersionStatus| version.outcome.is_some_and(Outcome::is_there);
        let current = versions.iter().rfind(there).map(|version| version.version.clone());
        SetStatus { set: set.name.clone(), current, versions }
    }
}

fn version_status(
    version: &str,
    title: &str,
    entry: Option<&Entry>,
    changed: bool,
) -> VersionStatus {
    VersionStatus {
        version: version.to_owned(),
        title: title.to_owned(),
        outcome: entry.map(|entry| entry.outcome),
        at: entry.map(|entry| entry.at),
        who: entry.map(|entry| entry.who.clone()),
        changed,
    }
}

fn is_of(step: &Step<'_>, stop: Stop<'_>) -> bool {
    step.set == stop.set.name && step.version.id == stop.version.id
}

#[cold]
fn differing(code: Code, message: &str, differences: &[Difference]) -> Error {
    let lines: Vec<_> = differences.iter().map(Difference::to_string).collect();
    Error::new(code, format!("{message}: {}", lines.join("; ")))
}
