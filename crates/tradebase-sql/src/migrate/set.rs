//! Sets: the versions of one history, in order.

use std::fs;
use std::path::{Path, PathBuf};

use tradebase_core::{Code, Error, Result};

use super::file::{Direction, MigrationFile};
use crate::raw::Dialect;

/// The versions of one history, from the first to the newest, each following the one before.
///
/// A set has a history of its own: that of a library that ships tables, and that of a program
/// that uses them, go on side by side, see `needs` in a file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationSet {
    /// Its name, which the history keeps: `app`.
    pub name: String,
    /// Its versions, in order.
    pub versions: Vec<Migration>,
}

/// A version: the files that lead to it and back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// The version: `0002`.
    pub id: String,
    /// What it does, in words.
    pub title: String,
    /// Versions of other sets that must be there before, as `set/id`.
    pub needs: Vec<String>,
    parent: Option<String>,
    files: Vec<(Option<Dialect>, Direction, MigrationFile)>,
}

/// What the name of a file says: `0002_add_fees.sqlite.up.sql`.
struct FileName<'a> {
    id: &'a str,
    engine: Option<Dialect>,
    direction: Direction,
}

impl MigrationSet {
    /// The set of these files: a name and a text each.
    pub fn new<N: AsRef<str>, T: AsRef<str>>(
        name: impl Into<String>,
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self> {
        let mut set = Self { name: name.into(), versions: Vec::new() };
        check_set_name(&set.name)?;
        for (name, text) in files {
            set.add(name.as_ref(), text.as_ref())?;
        }
        set.versions.sort_by_key(|version| number(&version.id));
        set.check_line()?;
        Ok(set)
    }

    /// The set of the files in a folder, which gives it its name.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let files = sql_files(folder)?.into_iter();
        Self::new(name, files.map(|(path, text)| (path.display().to_string(), text)))
    }

    /// The sets in the folders of a folder, by name.
    pub fn all_from_folder(root: impl AsRef<Path>) -> Result<Vec<Self>> {
        let folders = entries(root.as_ref())?.into_iter().filter(|path| path.is_dir());
        folders.map(Self::from_folder).collect()
    }

    /// The version of that id; `1` and `0001` are one.
    pub fn version(&self, id: &str) -> Option<&Migration> {
        self.versions.iter().find(|version| number(&version.id) == number(id))
    }

    /// The id that the next version has.
    pub fn next_id(&self) -> String {
        self.later_id(0).unwrap_or_default()
    }

    /// The id of a version that is so many further than the next one, if there can be one.
    pub(super) fn later_id(&self, further: usize) -> Option<String> {
        let (last, digits) = match self.versions.last() {
            Some(last) => (number(&last.id), last.id.len()),
            None => (0, ID_DIGITS),
        };
        let id = last.checked_add(1)?.checked_add(u64::try_from(further).ok()?)?;
        Some(format!("{id:0digits$}"))
    }

    fn add(&mut self, name: &str, text: &str) -> Result<()> {
        let file = MigrationFile::parse(name, text)?;
        let said = file_name(name)?;
        if said.id != file.id {
            let message =
                format!("the header says id {}, the name of the file {}", file.id, said.id);
            return Err(super::file::bad(name, 2, &message));
        }
        self.check_pair(&file)?;
        let same = self
            .versions
            .iter_mut()
            .find(|version| number(&version.id) == number(&file.id) && version.is_that_of(&file));
        let version = match same {
            Some(version) => version,
            None => {
                self.versions.push(Migration {
                    id: file.id.clone(),
                    title: file.title.clone(),
                    needs: file.needs.clone(),
                    parent: file.parent.clone(),
                    files: Vec::new(),
                });
                let last = self.versions.len() - 1;
                &mut self.versions[last]
            }
        };
        let (engine, direction) = (said.engine, said.direction);
        if version.files.iter().any(|(e, d, _)| (*e, *d) == (engine, direction)) {
            let message = "there is another file for the same version, engine and direction";
            return Err(super::file::bad(name, 1, message));
        }
        version.files.push((engine, direction, file));
        Ok(())
    }

    /// Refuses a file that is called as another one of its version, and whose header says
    /// something else of it.
    fn check_pair(&self, file: &MigrationFile) -> Result<()> {
        let others = self.versions.iter().filter(|version| !version.is_that_of(file));
        let mut same = others.flat_map(Migration::files).filter(|f| title(f) == title(file));
        let Some(other) = same.next() else { return Ok(()) };
        let message = format!(
            "the files of {} differ in title, parent or needs: {}, {}",
            file.id, other.name, file.name
        );
        Err(Error::new(Code::MigrationFile, message))
    }

    /// Refuses versions that do not follow each other in one line.
    fn check_line(&self) -> Result<()> {
        let mut before: Option<&Migration> = None;
        for version in &self.versions {
            if let Some(other) = before
                && (number(&other.id) == number(&version.id) || other.parent == version.parent)
            {
                return Err(self.fork(other, version));
            }
            let want = before.map(|before| before.id.as_str());
            if version.parent.as_deref() != want {
                let message = format!(
                    "{}: its parent is {}, but the version before is {}",
                    version.file_names(),
                    version.parent.as_deref().unwrap_or("none"),
                    want.unwrap_or("none"),
                );
                return Err(Error::new(Code::MigrationFork, message));
            }
            before = Some(version);
        }
        Ok(())
    }

    #[cold]
    fn fork(&self, one: &Migration, other: &Migration) -> Error {
        let parent = one.parent.as_deref().unwrap_or("nothing");
        let message = format!(
            "the set {} is forked, both follow {parent}: {} and {}; two people made a version at \
             the same time: give the one that is applied nowhere the next id, the other as its \
             parent, and sign it: tradebase migrate verify --sign",
            self.name,
            one.file_names(),
            other.file_names(),
        );
        Error::new(Code::MigrationFork, message)
    }
}

impl Migration {
    /// The file for an engine; one that is for this engine alone goes before one for both.
    pub fn file(&self, engine: Dialect, direction: Direction) -> Option<&MigrationFile> {
        self.file_of(Some(engine), direction).or_else(|| self.file_of(None, direction))
    }

    /// The file that is for that engine alone, or for both.
    pub(super) fn file_of(
        &self,
        engine: Option<Dialect>,
        direction: Direction,
    ) -> Option<&MigrationFile> {
        self.files.iter().find(|(e, d, _)| (*e, *d) == (engine, direction)).map(|(.., file)| file)
    }

    /// The version before; none for the first.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The file that leads up to the version, which there must be.
    pub fn up(&self, engine: Dialect) -> Result<&MigrationFile> {
        self.file(engine, Direction::Up).ok_or_else(|| self.missing(engine, Direction::Up))
    }

    /// The file that leads back, which there must be to go down.
    pub fn down(&self, engine: Dialect) -> Result<&MigrationFile> {
        self.file(engine, Direction::Down).ok_or_else(|| self.missing(engine, Direction::Down))
    }

    /// All its files.
    pub fn files(&self) -> impl Iterator<Item = &MigrationFile> {
        self.files.iter().map(|(.., file)| file)
    }

    fn is_that_of(&self, file: &MigrationFile) -> bool {
        self.id == file.id
            && self.title == file.title
            && self.parent == file.parent
            && self.needs == file.needs
    }

    fn file_names(&self) -> String {
        self.files().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    #[cold]
    fn missing(&self, engine: Dialect, direction: Direction) -> Error {
        let (engine, way) = (engine_word(engine), direction.word());
        let message = format!(
            "version {} ({}) has no {way} file for {engine}: add {}_….{engine}.{way}.sql, which \
             may be empty behind its header",
            self.id, self.title, self.id,
        );
        Error::new(Code::MigrationFile, message)
    }
}

/// The word for an engine in names of files.
pub(super) const fn engine_word(engine: Dialect) -> &'static str {
    match engine {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
    }
}

/// Digits of the first id of a set.
const ID_DIGITS: usize = 4;

/// A version as a number; 0 if it is none.
pub(super) fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// What a file is called, without what it is for: `0002_add_fees`.
fn title(file: &MigrationFile) -> &str {
    let name = file.name.rsplit(['/', '\\']).next().unwrap_or_default();
    name.split_once('.').map_or(name, |(title, _)| title)
}

fn file_name(path: &str) -> Result<FileName<'_>> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let read = || {
        let stem = name.strip_suffix(".sql")?;
        let (stem, direction) = match (stem.strip_suffix(".up"), stem.strip_suffix(".down")) {
            (Some(stem), _) => (stem, Direction::Up),
            (_, Some(stem)) => (stem, Direction::Down),
            _ => return None,
        };
        let (stem, engine) = match stem.split_once('.') {
            None => (stem, None),
            Some((stem, "sqlite")) => (stem, Some(Dialect::Sqlite)),
            Some((stem, "postgres")) => (stem, Some(Dialect::Postgres)),
            Some(_) => return None,
        };
        let (id, _) = stem.split_once('_')?;
        Some(FileName { id, engine, direction })
    };
    read().ok_or_else(|| {
        let message = "a migration is named 0002_add_fees.up.sql, or for one engine \
                       0002_add_fees.sqlite.up.sql, 0002_add_fees.postgres.down.sql";
        super::file::bad(path, 1, message)
    })
}

fn check_set_name(name: &str) -> Result<()> {
    tradebase_core::schema::check_name(name).map_err(|e| {
        Error::new(Code::MigrationFile, format!("the name of a set of migrations: {}", e.message()))
    })
}

/// The files of migrations in a folder, with their texts.
pub(super) fn sql_files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.extension().is_some_and(|ext| ext == "sql") {
            let text = fs::read_to_string(&path).map_err(|e| unread(&path, e))?;
            files.push((path, text));
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).map_err(|e| unread(folder, e))?;
    let mut paths: Vec<_> = read
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(|e| unread(folder, e))?;
    paths.sort();
    Ok(paths)
}

#[cold]
fn unread(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::MigrationFile, format!("{} cannot be read", path.display())).because(error)
}

#[cfg(test)]
mod tests;
