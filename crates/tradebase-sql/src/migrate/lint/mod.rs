//! Migrations looked through for what hurts a database in use: long locks, lost data, steps that
//! nobody can take back.

mod catalogue;
mod rules;
mod scene;
mod waiver;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tradebase_core::{Code, Error, Result};

pub use rules::{LINT_RULES, LintRule};

use self::catalogue::{Catalogue, Place};
use self::rules::{Check, NO_FILE, WAIVERS};
use self::scene::Scene;
use self::waiver::{Waiver, waivers};
use super::file::{Direction, MigrationFile};
use super::set::{Migration, MigrationSet, engine_word};
use crate::raw::Dialect;

/// Something in a file of a migration that hurts a database in use.
///
/// A person who knows better says so above the statement, with the reason:
/// `-- allow: M003 because nothing was ever written to it`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line of the file on which the statement begins.
    pub line: usize,
    /// The rule: `M003`.
    pub code: &'static str,
    /// The statement, cut if it is long; empty if it is the file as a whole.
    pub statement: String,
    /// What is wrong with it.
    pub reason: String,
    /// What does the same without harm.
    pub safer: &'static str,
}

/// A statement that is longer is cut in a finding.
const STATEMENT_CHARS_MAX: usize = 200;

/// The place of an unused waiver: file, line and code.
type Unused = BTreeSet<(String, usize, &'static str)>;

impl MigrationSet {
    /// Looks through the files for an engine, see [`LINT_RULES`]. Opens no database: what is
    /// there when a file runs is known from the files before it, and a table that none of them
    /// made counts as one with rows. A table that the file itself made has none, so nothing
    /// that is done to it hurts.
    ///
    /// Of files that lead down only what they lock is looked at, not what they lose.
    pub fn lint(&self, engine: Dialect) -> Result<Vec<Finding>> {
        let (mut findings, mut unused) = self.scan(engine)?;
        let shared = self.shared();
        if unused.iter().any(|(file, ..)| shared.contains(file.as_str())) {
            // A file for both engines may hold a waiver for the other one.
            let other = match engine {
                Dialect::Sqlite => Dialect::Postgres,
                Dialect::Postgres => Dialect::Sqlite,
            };
            let elsewhere = self.scan(other).map(|(_, unused)| unused).unwrap_or_default();
            unused.retain(|one| !shared.contains(one.0.as_str()) || elsewhere.contains(one));
        }
        for (file, line, code) in unused {
            findings.push(Finding {
                file,
                line,
                code: WAIVERS.code,
                statement: String::new(),
                reason: format!("the statement below has nothing to be allowed: {code}"),
                safer: WAIVERS.safer,
            });
        }
        findings.sort();
        Ok(findings)
    }

    fn scan(&self, engine: Dialect) -> Result<(Vec<Finding>, Unused)> {
        let mut catalogue = Catalogue::default();
        let mut scenes = Vec::new();
        let mut befores = Vec::new();
        for version in &self.versions {
            befores.push(catalogue.clone());
            if let Some(file) = version.file(engine, Direction::Up) {
                let place = scenes.len();
                let scene = Scene::new(engine, file, Direction::Up, catalogue, place)?;
                catalogue = scene.after.clone();
                let has_down = version.file(engine, Direction::Down).is_some();
                scenes.push(Scene { has_down, ..scene });
            }
        }
        // The way back begins at the newest version.
        let mut back = catalogue.clone();
        for (version, before) in self.versions.iter().zip(befores).rev() {
            let Some(file) = version.file(engine, Direction::Down) else {
                back = before;
                continue;
            };
            let scene = Scene::new(engine, file, Direction::Down, back, scenes.len())?;
            back = scene.after.clone();
            scenes.push(scene);
        }
        let mut over_all = BTreeMap::new();
        for rule in LINT_RULES.iter().filter(|rule| rule.is_for(engine)) {
            if let Check::Set(check) = rule.check {
                over_all.insert(rule.code, check(&catalogue));
            }
        }
        let (mut findings, mut unused) = (self.without_file(engine), Unused::new());
        for (at, scene) in scenes.iter().enumerate() {
            scene.judge(at, &over_all, &mut findings, &mut unused)?;
        }
        Ok((findings, unused))
    }

    /// The versions that `up` stops at, because they have no file for an engine of the set.
    fn without_file(&self, engine: Dialect) -> Vec<Finding> {
        let missing = |version: &&Migration| version.file(engine, Direction::Up).is_none();
        let versions = self.versions.iter().filter(|_| self.serves(engine)).filter(missing);
        let found = versions.map(|version| Finding {
            file: version.files().next().map(|file| file.name.clone()).unwrap_or_default(),
            line: 1,
            code: NO_FILE.code,
            statement: String::new(),
            reason: format!("{} has no up file for {}", version.id, engine_word(engine)),
            safer: NO_FILE.safer,
        });
        found.collect()
    }

    /// The names of the files that are for both engines.
    fn shared(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for version in &self.versions {
            for direction in [Direction::Up, Direction::Down] {
                let file = |engine| version.file(engine, direction).map(|f| f.name.as_str());
                let (one, other) = (file(Dialect::Sqlite), file(Dialect::Postgres));
                if one == other {
                    names.extend(one);
                }
            }
        }
        names
    }
}

impl Scene<'_> {
    /// What the rules say of the file, without what is allowed.
    fn judge(
        &self,
        at: usize,
        over_all: &BTreeMap<&'static str, Vec<(Place, String)>>,
        findings: &mut Vec<Finding>,
        unused: &mut Unused,
    ) -> Result<()> {
        let mut waivers = waivers(self)?;
        for rule in LINT_RULES {
            let hits = match rule.check {
                _ if !rule.is_for(self.engine) => Vec::new(),
                Check::File(_) if self.direction == Direction::Down && !rule.down => Vec::new(),
                Check::File(check) => check(self),
                Check::Set(_) => {
                    let of_all = over_all.get(rule.code).map(Vec::as_slice).unwrap_or_default();
                    let here = of_all.iter().filter(|(place, _)| place.file == at);
                    here.map(|(place, reason)| (place.step, reason.clone())).collect()
                }
                Check::Waiver | Check::Version => Vec::new(),
            };
            for (step, reason) in hits {
                if !waivers.iter_mut().any(|waiver| waiver.waives(rule.code, step)) {
                    findings.push(self.finding(rule, step, reason));
                }
            }
        }
        for Waiver { line, codes, wrong, used, .. } in waivers {
            if let Some(reason) = wrong {
                let finding = self.finding(&WAIVERS, 0, reason);
                findings.push(Finding { line, statement: String::new(), ..finding });
            }
            for code in codes.into_iter().filter(|code| !used.contains(code)) {
                unused.insert((self.file.name.clone(), line, code));
            }
        }
        Ok(())
    }

    fn finding(&self, rule: &LintRule, step: usize, reason: String) -> Finding {
        let step = self.steps.get(step);
        let text = step.map(|step| step.text.as_str()).unwrap_or_default();
        let mut statement: String = text.chars().take(STATEMENT_CHARS_MAX).collect();
        statement.push_str(if statement.len() < text.len() { "…" } else { "" });
        Finding {
            file: self.file.name.clone(),
            line: step.map_or(self.file.body_line, |step| step.line),
            code: rule.code,
            statement,
            reason,
            safer: rule.safer,
        }
    }
}

/// The error of a statement that cannot be taken to pieces.
fn unread(file: &MigrationFile, line: usize, error: &Error) -> Error {
    let message = format!("{}, line {line}: {}", file.name, error.message());
    Error::new(Code::MigrationFile, message)
}

#[cfg(test)]
mod tests;
