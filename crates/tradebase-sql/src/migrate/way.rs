//! Which versions are applied or taken back, and why not others.

use tradebase_core::{Code, Error, Result};

use super::file::Direction;
use super::history::{self, Entry, Outcome};
use super::options::Target;
use super::recipe::Step;
use super::route::{Route, Stop};
use super::set::{MigrationSet, number};
use crate::raw::Dialect;

/// What is known of a database, and how far a migrator may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'r> {
    pub(super) route: &'r Route,
    pub(super) engine: Dialect,
    /// Only this set.
    pub(super) set: Option<&'r str>,
    pub(super) entries: &'r [Entry],
}

impl<'r> Way<'r> {
    /// Refuses a history that is not that of these sets: other versions, other files.
    pub(super) fn check(&self) -> Result<()> {
        for set in self.route.sets() {
            self.check_line(set)?;
        }
        for stop in self.route.stops() {
            let Some(entry) = self.entry(stop).filter(|entry| is_live(entry)) else { continue };
            let file = match entry.outcome {
                Outcome::Reverting => stop.version.down(self.engine)?,
                _ => stop.version.up(self.engine)?,
            };
            if file.checksum != entry.checksum && !self.is_mended(stop, entry)? {
                return Err(changed(&file.name, entry, &file.checksum));
            }
        }
        Ok(())
    }

    /// Whether a file was changed only behind the statements that are done: so a statement is
    /// mended that could not be run.
    fn is_mended(&self, stop: Stop<'r>, entry: &Entry) -> Result<bool> {
        let direction = match entry.outcome {
            Outcome::Begun => Direction::Up,
            Outcome::Reverting => Direction::Down,
            _ => return Ok(false),
        };
        let step = Step::new(stop, self.engine, direction)?;
        Ok(!step.file.transactional
            && step.version.id == entry.version
            && step.goes_on(count(entry.statements_done), &entry.marks))
    }

    /// Refuses versions that the set does not have, and ones above a gap.
    fn check_line(&self, set: &MigrationSet) -> Result<()> {
        let ours = |entry: &&Entry| entry.set == set.name && is_live(entry);
        for entry in self.entries.iter().filter(ours) {
            if set.version(&entry.version).is_none() {
                let newest = set.versions.last().map_or("none", |version| version.id.as_str());
                let message = format!(
                    "the database is at {}/{} ({}), which the set does not have, its newest is \
                     {newest}: it was migrated by other files; bring these up to date, or if two \
                     lines have grown apart, give this one's new versions the next ids",
                    set.name, entry.version, entry.title
                );
                return Err(Error::new(Code::MigrationFork, message));
            }
        }
        let mut missing: Option<&str> = None;
        for version in &set.versions {
            let live = history::of(self.entries, &set.name, &version.id).is_some_and(is_live);
            match missing {
                Some(missing) if live => {
                    let message = format!(
                        "{name}/{} is applied and {name}/{missing} before it is not: two people \
                         made versions at the same time; take the later one down, or give the \
                         missing one the next id",
                        version.id,
                        name = set.name
                    );
                    return Err(Error::new(Code::MigrationFork, message));
                }
                None if !live => missing = Some(&version.id),
                _ => {}
            }
        }
        Ok(())
    }

    /// What leads up to a target.
    pub(super) fn up(&self, to: &Target) -> Result<Vec<Step<'r>>> {
        self.check_target(to)?;
        self.check_half(Outcome::Reverting)?;
        let left = match to {
            Target::Steps(steps) => *steps,
            _ => usize::MAX,
        };
        let pending = self.stops().filter(|stop| {
            let entry = self.entry(*stop);
            !entry.is_some_and(|entry| entry.outcome.is_there()) && reaches(to, *stop)
        });
        let mut steps: Vec<Step<'r>> = Vec::new();
        for stop in self.half_first(pending).into_iter().take(left) {
            self.check_needs(stop, &steps)?;
            steps.push(self.step(stop, Direction::Up)?);
        }
        Ok(steps)
    }

    /// What leads down to a target.
    pub(super) fn down(&self, to: &Target) -> Result<Vec<Step<'r>>> {
        self.check_target(to)?;
        self.check_half(Outcome::Begun)?;
        let left = match to {
            Target::End => 1,
            Target::Steps(steps) => *steps,
            Target::Version(_) => usize::MAX,
        };
        let there = self.stops().rev().filter(|stop| {
            let live = self.entry(*stop).is_some_and(is_live);
            // By steps, each is beyond.
            let beyond = match to {
                Target::Version(id) => number(&stop.version.id) > number(id),
                _ => true,
            };
            live && beyond
        });
        // What came last goes first: the history knows it, the order of the sets does not.
        let mut there: Vec<_> = there.collect();
        there.sort_by_key(|stop| std::cmp::Reverse(self.place(*stop)));
        let there = self.half_first(there.into_iter()).into_iter().take(left);
        let steps: Vec<_> =
            there.map(|stop| self.step(stop, Direction::Down)).collect::<Result<_>>()?;
        self.check_needed(&steps)?;
        Ok(steps)
    }

    /// The versions up to a target, whatever the database is at.
    pub(super) fn until(&self, to: &Target) -> Result<Vec<Stop<'r>>> {
        self.check_target(to)?;
        let most = match to {
            Target::Steps(steps) => *steps,
            _ => usize::MAX,
        };
        Ok(self.stops().filter(|stop| reaches(to, *stop)).take(most).collect())
    }

    /// The versions of the way, in order.
    fn stops(&self) -> impl DoubleEndedIterator<Item = Stop<'r>> + use<'r> {
        let set = self.set;
        self.route.stops().filter(move |stop| set.is_none_or(|set| stop.set.name == set))
    }

    /// What was interrupted goes first: nothing of its set comes before it anyway.
    fn half_first(&self, stops: impl Iterator<Item = Stop<'r>>) -> Vec<Stop<'r>> {
        let mut stops: Vec<_> = stops.collect();
        stops.sort_by_key(|stop| !self.entry(*stop).is_some_and(|entry| entry.outcome.is_half()));
        stops
    }

    fn entry(&self, stop: Stop<'_>) -> Option<&'r Entry> {
        history::of(self.entries, &stop.set.name, &stop.version.id)
    }

    /// How late the history says something of a version.
    fn place(&self, stop: Stop<'_>) -> Option<usize> {
        let entry = self.entry(stop)?;
        self.entries.iter().rposition(|other| std::ptr::eq(other, entry))
    }

    fn step(&self, stop: Stop<'r>, direction: Direction) -> Result<Step<'r>> {
        let mut step = Step::new(stop, self.engine, direction)?;
        if let Some(entry) = self.entry(stop).filter(|entry| entry.outcome.is_half()) {
            step.marked.clone_from(&entry.marks);
            (step.done, step.begun) = (count(entry.statements_done), count(entry.statements_begun));
            step.resumed = true;
        }
        Ok(step)
    }

    /// Refuses a version that no set of the way has.
    fn check_target(&self, to: &Target) -> Result<()> {
        let Target::Version(id) = to else { return Ok(()) };
        if id.bytes().all(|byte| byte == b'0') && !id.is_empty() {
            return Ok(());
        }
        let sets = self.route.sets();
        let set = match (self.set, sets) {
            (Some(set), _) => self.route.set(set)?,
            (None, [only]) => only,
            (None, _) => {
                let names: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
                let message = format!(
                    "a version is one of a set: say which set, of {}: {id}",
                    names.join(", ")
                );
                return Err(Error::new(Code::MigrationFile, message));
            }
        };
        if set.version(id).is_some() {
            return Ok(());
        }
        let known: Vec<_> = set.versions.iter().map(|version| version.id.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("the set {} has no version {id}; it has 0, {known}", set.name);
        Err(Error::new(Code::MigrationFile, message))
    }

    /// Refuses to turn round in the middle of a version.
    fn check_half(&self, half: Outcome) -> Result<()> {
        let stop = self.route.stops().find(|stop| {
            let entry = self.entry(*stop);
            entry.is_some_and(|entry| entry.outcome == half)
        });
        let Some(stop) = stop else { return Ok(()) };
        let place = format!("{}/{}", stop.set.name, stop.version.id);
        let message = match half {
            Outcome::Reverting => {
                format!("{place} is half taken back: finish that first, by going down")
            }
            _ => format!("{place} is half applied: finish that first, by going up"),
        };
        Err(Error::new(Code::MigrationFailed, message))
    }

    /// Refuses a version whose needs are neither there nor on the way.
    pub(super) fn check_needs(&self, stop: Stop<'r>, steps: &[Step<'r>]) -> Result<()> {
        for need in &stop.version.needs {
            let (set, id) = need.split_once('/').unwrap_or((need, ""));
            let there =
                history::of(self.entries, set, id).is_some_and(|entry| entry.outcome.is_there());
            let coming =
                steps.iter().any(|step| step.set == set && number(&step.version.id) == number(id));
            if !there && !coming {
                let message = format!(
                    "{}/{} needs {need}, which is not applied: apply the set {set} first, or all \
                     sets together",
                    stop.set.name, stop.version.id
                );
                return Err(Error::new(Code::MigrationFile, message));
            }
        }
        Ok(())
    }

    /// Refuses to take back what others that stay need.
    fn check_needed(&self, steps: &[Step<'r>]) -> Result<()> {
        let goes = |set: &str, id: &str| {
            steps.iter().any(|step| step.set == set && number(&step.version.id) == number(id))
        };
        for stop in self.route.stops() {
            let stays = self.entry(stop).is_some_and(is_live);
            if !stays || goes(&stop.set.name, &stop.version.id) {
                continue;
            }
            for need in &stop.version.needs {
                let (set, id) = need.split_once('/').unwrap_or((need, ""));
                if goes(set, id) {
                    let message = format!(
                        "{need} is needed by {}/{}, which is applied: take that one back first",
                        stop.set.name, stop.version.id
                    );
                    return Err(Error::new(Code::MigrationFile, message));
                }
            }
        }
        Ok(())
    }
}

/// Whether anything of it is in the database.
pub(super) fn is_live(entry: &Entry) -> bool {
    entry.outcome.is_there() || entry.outcome.is_half()
}

fn count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn reaches(to: &Target, stop: Stop<'_>) -> bool {
    match to {
        Target::Version(id) => number(&stop.version.id) <= number(id),
        Target::End | Target::Steps(_) => true,
    }
}

#[cold]
fn changed(file: &str, entry: &Entry, now: &str) -> Error {
    let advice = if entry.outcome.is_half() {
        "it is half done: put the statements that are done back as they were, and mend only those \
         behind them"
    } else {
        "put it back as it was, and make the change in a new version"
    };
    let message = format!(
        "{file} was changed after it was applied: its checksum was {}, it is {now}; {advice}",
        entry.checksum
    );
    Error::new(Code::MigrationChanged, message)
}
