//! The sets of migrations: those in the folder, and those inside the program.

use std::fs;
use std::path::{Path, PathBuf};

use tradebase::sql::{Migration, MigrationSet};
use tradebase::{Code, Config, Error, Result};

use crate::arguments;

/// The set that a first version goes into.
const FIRST_SET: &str = "app";

/// The setting that names the folder.
const SETTING: &str = "sql.migrations";

/// The sets, and where they are.
#[derive(Debug)]
pub(crate) struct Sets {
    /// The folder, which need not be there.
    root: PathBuf,
    /// Whether somebody named it.
    is_named: bool,
    /// Those of the folder.
    outside: Vec<MigrationSet>,
    /// Those that the program has inside, and the folder does not.
    inside: Vec<MigrationSet>,
}

impl Sets {
    pub(crate) fn load(
        said: &arguments::Sets,
        config: &Config,
        inside: Vec<Result<MigrationSet>>,
    ) -> Result<Self> {
        let setting = || {
            let settings = config.effective();
            let setting = settings.into_iter().find(|setting| setting.key == SETTING);
            PathBuf::from(setting.and_then(|setting| setting.value).unwrap_or_default())
        };
        let root = said.folder.clone().unwrap_or_else(setting);
        check(&root)?;
        let mut outside =
            if root.is_dir() { MigrationSet::all_from_folder(&root)? } else { Vec::new() };
        let mut inside: Vec<_> = inside.into_iter().collect::<Result<_>>()?;
        choose(&mut outside, &mut inside);
        let is_named = said.folder.is_some() || config.is_set(SETTING);
        Ok(Self { root, is_named, outside, inside })
    }

    /// All that have a version.
    pub(crate) fn some(self) -> Result<Vec<MigrationSet>> {
        self.check_there()?;
        let all = self.outside.into_iter().chain(self.inside);
        Ok(all.filter(|set| !set.versions.is_empty()).collect())
    }

    /// A folder that somebody named must be there, but for those who write into it.
    fn check_there(&self) -> Result<()> {
        if self.is_named && !self.root.is_dir() {
            let message = format!("there is no such folder of migrations: {}", self.root.display());
            return Err(Error::new(Code::MigrationFile, message));
        }
        Ok(())
    }

    /// All that have a version, of which there must be one.
    pub(super) fn needed(self) -> Result<Vec<MigrationSet>> {
        let root = self.root.clone();
        let sets = self.some()?;
        if sets.is_empty() {
            let message = format!(
                "there are no migrations in the folder {0}: make the first by `tradebase migrate \
                 diff`, or name another folder by --folder or DATABASE_MIGRATIONS",
                root.display()
            );
            return Err(Error::new(Code::MigrationFile, message));
        }
        Ok(sets)
    }

    /// Those that are chosen.
    pub(super) fn chosen(&self, name: Option<&str>) -> Result<Vec<&MigrationSet>> {
        self.check_there()?;
        let all = self.all();
        let chosen: Vec<_> =
            all.iter().copied().filter(|set| name.is_none_or(|name| set.name == name)).collect();
        match name {
            Some(name) if chosen.is_empty() => Err(unknown(name, &all)),
            _ => Ok(chosen),
        }
    }

    /// The set that a new version goes into, and its folder: the one that is named, or the only
    /// one there is. It may have no version yet.
    pub(super) fn target(&self, name: Option<&str>) -> Result<(Option<&MigrationSet>, PathBuf)> {
        let name = match (name, self.outside.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => &only.name,
            (None, _) => FIRST_SET,
        };
        if let Some(set) = self.inside.iter().find(|set| set.name == name) {
            let message = format!(
                "this set of migrations is inside the program and not in the folder {}, so no \
                 version can be added there: {}",
                self.root.display(),
                set.name
            );
            return Err(Error::new(Code::MigrationFile, message));
        }
        let set = self.outside.iter().find(|set| set.name == name);
        Ok((set, self.root.join(name)))
    }

    /// The folder of a set, if it has one.
    pub(super) fn folder(&self, set: &MigrationSet) -> Option<PathBuf> {
        let is_outside = self.outside.iter().any(|other| other.name == set.name);
        is_outside.then(|| self.root.join(&set.name))
    }

    /// All of them, to be asked about.
    pub(super) fn all(&self) -> Vec<&MigrationSet> {
        self.outside.iter().chain(&self.inside).collect()
    }
}

/// Leaves one of two sets of a name, one of the folder and one inside the program. If one has all
/// that the other has, the longer one counts: the folder while a version is made, the program
/// where an old folder lies about. If they contradict each other it is the folder, which can be
/// looked at and mended.
fn choose(outside: &mut Vec<MigrationSet>, inside: &mut Vec<MigrationSet>) {
    inside.retain(|set| {
        let Some(at) = outside.iter().position(|other| other.name == set.name) else {
            return true;
        };
        let Some(folder) = outside.get(at) else { return true };
        let longer = folder.versions.len() < set.versions.len();
        let agree = folder.versions.iter().zip(&set.versions).all(|(one, other)| {
            let sums = |version: &Migration| -> Vec<_> {
                version.files().map(|file| file.checksum.clone()).collect()
            };
            sums(one).iter().all(|sum| sums(other).contains(sum))
                && sums(one).len() == sums(other).len()
        });
        let counts = match (agree, longer) {
            (true, true) => "that inside the program has more versions, and counts",
            (true, false) if folder.versions.len() == set.versions.len() => "",
            (true, false) => "that in the folder has more versions, and counts",
            (false, _) => "they contradict each other; that in the folder counts",
        };
        if !counts.is_empty() && !folder.versions.is_empty() {
            eprintln!(
                "warning: the set {} of migrations in the folder is not the one inside the \
                 program: {counts}",
                set.name
            );
        }
        let is_inside = agree && longer;
        if is_inside {
            outside.remove(at);
        }
        is_inside
    });
}

/// Refuses a folder that is none, and one whose files stand outside of all sets.
fn check(root: &Path) -> Result<()> {
    if root.exists() && !root.is_dir() {
        let message = format!("the folder of migrations is a file: {}", root.display());
        return Err(Error::new(Code::MigrationFile, message));
    }
    let Ok(entries) = fs::read_dir(root) else { return Ok(()) };
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let lost = paths.find(|path| path.extension().is_some_and(|end| end == "sql"));
    match lost {
        None => Ok(()),
        Some(path) => {
            let message = format!(
                "a migration stands in the folder of its set, such as {}: {}",
                root.join(FIRST_SET).display(),
                path.display()
            );
            Err(Error::new(Code::MigrationFile, message))
        }
    }
}

#[cold]
fn unknown(name: &str, all: &[&MigrationSet]) -> Error {
    let known: Vec<_> = all.iter().map(|set| set.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("there is no set of migrations of this name, known: {known}: {name}");
    Error::new(Code::MigrationFile, message)
}

#[cfg(test)]
mod tests {
    use tradebase::sql::MigrationFile;

    use super::*;

    fn set(bodies: &[&str]) -> MigrationSet {
        let files = bodies.iter().enumerate().map(|(at, body)| {
            let id = |at: usize| format!("{at:04}");
            let parent = (at > 0).then(|| id(at));
            let name = format!("{}_step.up.sql", id(at + 1));
            let file = MigrationFile::new(&name, id(at + 1), "step", parent, true, *body);
            (name, file.text())
        });
        MigrationSet::new("app", files.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn of_two_sets_of_a_name_the_longer_one_counts_unless_they_contradict() {
        let (one, two) = (set(&["SELECT 1;"]), set(&["SELECT 1;", "SELECT 2;"]));
        let other = set(&["SELECT 9;"]);
        for (outside, inside, is_inside) in [
            (set(&[]), &one, true),
            (one.clone(), &one, false),
            (one.clone(), &two, true),
            (two.clone(), &one, false),
            (other, &two, false),
        ] {
            let (mut outside, mut inside) = (vec![outside], vec![inside.clone()]);
            choose(&mut outside, &mut inside);
            assert_eq!((outside.len(), inside.len()), if is_inside { (0, 1) } else { (1, 0) });
        }
    }
}
