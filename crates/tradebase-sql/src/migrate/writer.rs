//! Writing files of migrations.

use std::path::{Path, PathBuf};

use tradebase_core::{Code, Error, Result};

use super::file::{Direction, MigrationFile};
use super::plan::{Draft, PlannedFile};
use super::publish::Files;
use super::set::{Migration, MigrationSet, engine_word, sql_files};
use super::spread::{Leg, nothing, spread};
use crate::raw::Dialect;

/// What a name of a file keeps of a title; the header has all of it.
const SLUG_CHARS_MAX: usize = 60;

const TEMPLATE_UP: &str = "\
-- What leads up to this version: statements, each with its semicolon.
-- What hurts a database in use is told by: tradebase migrate lint
-- When it is done: tradebase migrate verify --sign
";

const TEMPLATE_DOWN: &str = "\
-- What leads back to the version before, and may be nothing.
-- When it is done: tradebase migrate verify --sign
";

/// A version to be written.
#[derive(Clone, Debug)]
struct Version {
    id: String,
    title: String,
    parent: Option<String>,
    needs: Vec<String>,
}

impl MigrationSet {
    /// Writes an empty version behind the newest one: a file up and a file down, for one engine
    /// or for both, to be filled by a person and then [signed](Self::sign). If only one engine
    /// is meant and the set serves the other one too, that gets files that do nothing.
    ///
    /// Gives the paths. Files that are there are never written over; on an error there is none
    /// of the new ones.
    pub fn write_new(
        &self,
        folder: impl AsRef<Path>,
        title: &str,
        engine: Option<Dialect>,
    ) -> Result<Vec<PathBuf>> {
        let version = self.next(&checked(title)?, 0)?;
        let mut files = Files::new(folder.as_ref());
        for (direction, template) in
            [(Direction::Up, TEMPLATE_UP), (Direction::Down, TEMPLATE_DOWN)]
        {
            let planned = PlannedFile { transactional: true, sql: template.to_owned() };
            let mut file = version.file(engine, direction, &planned);
            file.signed = None;
            files.add(&file.name, file.text());
        }
        if let Some(other) = engine.map(other_than).filter(|other| self.serves(*other)) {
            version.idle(&mut files, other);
        }
        files.write()
    }

    /// Writes a draft as versions behind the newest one, signed: one for each file of the way up,
    /// and one more before them if the way back cannot be one transaction. Each version's file
    /// down leads back to the one before, but for indexes that are built and constraints that
    /// are validated further down. If the set serves the other engine too, that gets files that
    /// do nothing; see [`write_draft_into`](Self::write_draft_into).
    ///
    /// Gives the paths; none if the draft is empty. Files that are there are never written over;
    /// on an error there is none of the new ones.
    pub fn write_draft(
        &self,
        folder: impl AsRef<Path>,
        title: &str,
        engine: Dialect,
        draft: &Draft,
    ) -> Result<Vec<PathBuf>> {
        let title = checked(title)?;
        let legs = spread(engine, draft)?;
        let mut files = Files::new(folder.as_ref());
        for (at, leg) in legs.iter().enumerate() {
            let version = self.next(&numbered(&title, at, legs.len()), at)?;
            version.leg(&mut files, engine, leg);
            if self.serves(other_than(engine)) {
                version.idle(&mut files, other_than(engine));
            }
        }
        files.write()
    }

    /// Writes a draft as the files of an engine for versions that are there, from that one on:
    /// for the second engine, after the first one has got its own. The versions must have no
    /// files for it, or such that do nothing. Those that the draft does not need get files that
    /// do nothing; if it needs more, they follow behind the newest version.
    pub fn write_draft_into(
        &self,
        folder: impl AsRef<Path>,
        id: &str,
        engine: Dialect,
        draft: &Draft,
    ) -> Result<Vec<PathBuf>> {
        let from =
            self.versions.iter().position(|v| Some(&v.id) == self.version(id).map(|v| &v.id));
        let Some(from) = from else {
            let message = format!("the set {} has no version {id}", self.name);
            return Err(Error::new(Code::MigrationFile, message));
        };
        let legs = spread(engine, draft)?;
        let mut files = Files::new(folder.as_ref());
        let there = self.versions.get(from..).unwrap_or_default();
        for (at, version) in there.iter().enumerate() {
            let idle = || Leg { up: nothing(), down: nothing() };
            let leg = legs.get(at).cloned().unwrap_or_else(idle);
            if at >= legs.len() && version.up(engine).is_ok() && version.down(engine).is_ok() {
                continue;
            }
            into(&mut files, version, engine, &leg)?;
        }
        for (at, leg) in legs.iter().enumerate().skip(there.len()) {
            let title = there.last().map(|version| version.title.as_str()).unwrap_or_default();
            let version =
                self.next(&numbered(title, at, legs.len()), at.saturating_sub(there.len()))?;
            version.leg(&mut files, engine, leg);
            if self.serves(other_than(engine)) {
                version.idle(&mut files, other_than(engine));
            }
        }
        files.write()
    }

    /// Signs the files of a folder that are not signed, or are not what their header says any
    /// more. Gives the paths of those that it wrote. Whether one of them is applied somewhere it
    /// does not ask: there it is refused from then on.
    pub fn sign(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let folder = folder.as_ref();
        let mut files = Files::new(folder);
        for (path, text) in sql_files(folder)? {
            let mut file = MigrationFile::parse(&path.display().to_string(), &text)?;
            if file.signed.as_ref() != Some(&file.checksum) {
                file.sign();
                files.replace(path, text, file.text());
            }
        }
        files.write()
    }

    /// Whether the set has files for an engine.
    pub fn serves(&self, engine: Dialect) -> bool {
        self.versions.iter().any(|version| version.file(engine, Direction::Up).is_some())
    }

    /// The version that follows the newest one, or one of those behind it.
    fn next(&self, title: &str, further: usize) -> Result<Version> {
        let id = |further: usize| self.later_id(further).ok_or_else(no_more_ids);
        let parent = match further.checked_sub(1) {
            Some(before) => Some(id(before)?),
            None => self.versions.last().map(|last| last.id.clone()),
        };
        Ok(Version { id: id(further)?, title: title.to_owned(), parent, needs: Vec::new() })
    }
}

impl Version {
    fn of(version: &Migration) -> Self {
        Self {
            id: version.id.clone(),
            title: version.title.clone(),
            parent: version.parent().map(str::to_owned),
            needs: version.needs.clone(),
        }
    }

    fn file(
        &self,
        engine: Option<Dialect>,
        direction: Direction,
        planned: &PlannedFile,
    ) -> MigrationFile {
        let engine = engine.map(|engine| format!(".{}", engine_word(engine))).unwrap_or_default();
        let name = format!("{}_{}{engine}.{}.sql", self.id, slug(&self.title), direction.word());
        let Version { id, title, parent, .. } = self.clone();
        let body = if planned.sql.trim().is_empty() { "-- nothing to do\n" } else { &planned.sql };
        let mut file = MigrationFile::new(name, id, title, parent, planned.transactional, body);
        file.needs.clone_from(&self.needs);
        file.sign();
        file
    }

    fn leg(&self, files: &mut Files, engine: Dialect, leg: &Leg) {
        for (direction, planned) in [(Direction::Up, &leg.up), (Direction::Down, &leg.down)] {
            let file = self.file(Some(engine), direction, planned);
            files.add(&file.name, file.text());
        }
    }

    /// Files that do nothing.
    fn idle(&self, files: &mut Files, engine: Dialect) {
        self.leg(files, engine, &Leg { up: nothing(), down: nothing() });
    }
}

/// Writes a leg as the files of an engine for a version that is there.
fn into(files: &mut Files, version: &Migration, engine: Dialect, leg: &Leg) -> Result<()> {
    let new = Version::of(version);
    for (direction, planned) in [(Direction::Up, &leg.up), (Direction::Down, &leg.down)] {
        let file = new.file(Some(engine), direction, planned);
        let there = version.file(engine, direction);
        if let Some(there) = there
            && !there.statements(engine)?.is_empty()
        {
            let message = format!("the version has a file for this engine: {}", there.name);
            return Err(Error::new(Code::MigrationFile, message));
        }
        match there.filter(|_| version.file_of(Some(engine), direction).is_some()) {
            Some(there) => {
                let name = there.name.rsplit(['/', '\\']).next().unwrap_or_default();
                files.replace(files.folder().join(name), there.text(), file.text());
            }
            None => files.add(&file.name, file.text()),
        }
    }
    Ok(())
}

const fn other_than(engine: Dialect) -> Dialect {
    match engine {
        Dialect::Sqlite => Dialect::Postgres,
        Dialect::Postgres => Dialect::Sqlite,
    }
}

/// A title, which is one line of the header.
fn checked(title: &str) -> Result<String> {
    let title = title.trim();
    if title.is_empty() || title.chars().any(char::is_control) {
        let message = format!("a title is one line of words: {title:?}");
        return Err(Error::new(Code::MigrationFile, message));
    }
    Ok(title.to_owned())
}

fn numbered(title: &str, at: usize, of: usize) -> String {
    if of > 1 { format!("{title} ({} of {of})", at + 1) } else { title.to_owned() }
}

/// A title as a part of a file's name: small letters, digits, `_` for all else.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(SLUG_CHARS_MAX);
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "migration".to_owned() } else { slug.to_owned() }
}

#[cold]
fn no_more_ids() -> Error {
    Error::new(Code::MigrationFile, "there is no id behind the newest version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_of_files() {
        for (title, want) in [
            ("Add fees", "add_fees"),
            ("  a -- b! ", "a_b"),
            ("../../etc/x.sql", "etc_x_sql"),
            ("éèê", "migration"),
            ("add fees (2 of 3)", "add_fees_2_of_3"),
        ] {
            assert_eq!(slug(title), want, "{title}");
        }
        assert_eq!(slug(&"a".repeat(200)).len(), SLUG_CHARS_MAX);
    }

    #[test]
    fn a_title_is_one_line() {
        for title in ["", "  ", "a\nb", "a\u{0}"] {
            assert_eq!(checked(title).unwrap_err().code(), Code::MigrationFile);
        }
        assert_eq!(checked(" add fees ").unwrap(), "add fees");
    }
}
