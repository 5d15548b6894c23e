//! A file of a migration: a small header and SQL.
//!
//! ```sql
//! -- tradebase: migration
//! -- id: 0002
//! -- title: add fees
//! -- parent: 0001
//! -- needs: trading/0003
//! -- transactional: yes
//! -- checksum: 1f0a…
//!
//! ALTER TABLE "trades" ADD COLUMN "fee" INTEGER;
//! ```
//!
//! `needs` is there where another set must be so far before; `checksum` is that of everything
//! else in the file, or `none` while it is being written.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tradebase_core::{Code, Error, Result};

use super::split::{Statement, split};
use crate::literal::hex;
use crate::raw::Dialect;

/// The first line of a migration.
const FIRST: &str = "-- tradebase: migration";

/// Which way a file leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Direction {
    /// To the version.
    Up,
    /// Back to the one before.
    Down,
}

impl Direction {
    /// `up` or `down`, as file names have it.
    pub const fn word(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// A file of a migration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationFile {
    /// Its name, for messages: `migrations/app/0002_add_fees.up.sql`.
    pub name: String,
    /// The version: `0002`.
    pub id: String,
    /// What it does, in words.
    pub title: String,
    /// The version before; none for the first.
    pub parent: Option<String>,
    /// Versions of other sets that must be there before, as `set/id`.
    pub needs: Vec<String>,
    /// Whether it takes effect as a whole. If not, each statement stands by itself, and `up` goes
    /// on behind the last one that is done.
    pub transactional: bool,
    /// The checksum that the header says; none if it says `none`.
    pub signed: Option<String>,
    /// What the checksum is.
    pub checksum: String,
    /// The SQL.
    pub body: String,
    /// The line on which the SQL begins.
    pub body_line: usize,
}

impl MigrationFile {
    /// Reads a file. Line ends of Windows count as plain ones.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let mut lines = text.split_inclusive('\n');
        if lines.next().map(str::trim_end) != Some(FIRST) {
            return Err(bad(name, 1, &format!("must begin with the line `{FIRST}`")));
        }
        let mut header = Header::default();
        let (mut at, mut line) = (text.find('\n').map_or(text.len(), |end| end + 1), 2);
        for entry in lines {
            let Some(entry_text) = entry.trim().strip_prefix("--") else { break };
            header.take(name, line, entry_text.trim())?;
            at += entry.len();
            line += 1;
        }
        let body = text.get(at..).unwrap_or_default().to_owned();
        header.file(name, body, line)
    }

    /// A file of these parts, signed. Its title is one line: line breaks in it become blanks.
    pub fn new(
        name: impl Into<String>,
        id: impl Into<String>,
        title: impl Into<String>,
        parent: Option<String>,
        transactional: bool,
        body: impl Into<String>,
    ) -> Self {
        let mut file = Self {
            name: name.into(),
            id: id.into(),
            title: title.into().replace(char::is_control, " ").trim().to_owned(),
            parent,
            needs: Vec::new(),
            transactional,
            signed: None,
            checksum: String::new(),
            body: format!("\n{}", body.into().trim_start_matches('\n')),
            body_line: 0,
        };
        file.body_line = file.head().lines().count() + 2;
        file.sign();
        file
    }

    /// Says the checksum in the header.
    pub fn sign(&mut self) {
        self.checksum = self.reckoned();
        self.signed = Some(self.checksum.clone());
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let signed = self.signed.as_deref().unwrap_or("none");
        format!("{}-- checksum: {signed}\n{}", self.head(), self.body)
    }

    /// Refuses a file that is not what its header says.
    pub fn check(&self) -> Result<()> {
        match &self.signed {
            Some(signed) if *signed != self.checksum => {
                let message = format!(
                    "{} is not what its header says: the checksum there is {signed}, the file's \
                     is {}; if it was changed on purpose and is applied nowhere, sign it anew: \
                     tradebase migrate verify --sign",
                    self.name, self.checksum
                );
                Err(Error::new(Code::MigrationChanged, message))
            }
            _ => Ok(()),
        }
    }

    /// Its statements, each with its line of the file.
    pub(crate) fn statements(&self, dialect: Dialect) -> Result<Vec<Statement>> {
        split(dialect, &self.body, self.body_line)
            .map_err(|e| Error::new(Code::MigrationFile, format!("{}: {}", self.name, e.message())))
    }

    /// The header without its checksum.
    fn head(&self) -> String {
        let parent = self.parent.as_deref().unwrap_or("none");
        let transactional = if self.transactional { "yes" } else { "no" };
        let mut head =
            format!("{FIRST}\n-- id: {}\n-- title: {}\n-- parent: {parent}\n", self.id, self.title);
        if !self.needs.is_empty() {
            _ = writeln!(head, "-- needs: {}", self.needs.join(", "));
        }
        _ = writeln!(head, "-- transactional: {transactional}");
        head
    }

    fn reckoned(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.head());
        hash.update(self.body.trim_end());
        hex(&hash.finalize()).to_ascii_lowercase()
    }
}

/// The entries of a header, while it is read.
#[derive(Debug, Default)]
struct Header {
    id: Option<String>,
    title: Option<String>,
    parent: Option<Option<String>>,
    needs: Vec<String>,
    transactional: Option<bool>,
    signed: Option<Option<String>>,
}

impl Header {
    fn take(&mut self, name: &str, line: usize, entry: &str) -> Result<()> {
        let Some((key, value)) = entry.split_once(':') else {
            let message = format!("is no entry of the header, leave a line blank before: {entry}");
            return Err(bad(name, line, &message));
        };
        let value = value.trim();
        // One would end the comment that a script shows it in, and what follows would be run.
        if value.chars().any(char::is_control) {
            let message = format!("a control character in the header: {}", value.escape_debug());
            return Err(bad(name, line, &message));
        }
        let unless_none = || (value != "none").then(|| value.to_owned());
        let again = match key.trim() {
            "id" => self.id.replace(version(name, line, value)?).is_some(),
            "title" => self.title.replace(value.to_owned()).is_some(),
            "parent" => self.parent.replace(unless_none()).is_some(),
            "checksum" => self.signed.replace(unless_none()).is_some(),
            "transactional" => {
                let is = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(bad(name, line, "transactional is `yes` or `no`")),
                };
                self.transactional.replace(is).is_some()
            }
            "needs" => {
                let again = !self.needs.is_empty();
                self.needs = value.split(',').map(|need| need.trim().to_owned()).collect();
                again
            }
            other => {
                let message = format!("the header has no such entry: {other}");
                return Err(bad(name, line, &message));
            }
        };
        if again {
            return Err(bad(name, line, &format!("the header says this twice: {}", key.trim())));
        }
        Ok(())
    }

    fn file(self, name: &str, body: String, body_line: usize) -> Result<MigrationFile> {
        let missing = |what: &str| bad(name, 1, &format!("the header does not say its {what}"));
        let mut file = MigrationFile {
            name: name.to_owned(),
            id: self.id.ok_or_else(|| missing("id"))?,
            title: self.title.ok_or_else(|| missing("title"))?,
            parent: self.parent.ok_or_else(|| missing("parent"))?,
            needs: self.needs,
            transactional: self.transactional.unwrap_or(true),
            signed: self.signed.flatten(),
            checksum: String::new(),
            body,
            body_line,
        };
        for need in &file.needs {
            if !need.split_once('/').is_some_and(|(set, id)| !set.is_empty() && !id.is_empty()) {
                return Err(bad(name, 1, &format!("needs are written set/id, not {need}")));
            }
        }
        file.checksum = file.reckoned();
        Ok(file)
    }
}

/// A version: digits, so that versions of a set are ordered by number and by name alike.
fn version(name: &str, line: usize, value: &str) -> Result<String> {
    if (1..=VERSION_DIGITS_MAX).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b != b'0')
    {
        return Ok(value.to_owned());
    }
    let message = format!("an id is up to {VERSION_DIGITS_MAX} digits, not all of them 0: {value}");
    Err(bad(name, line, &message))
}

/// Digits of a version, which fit an integer.
const VERSION_DIGITS_MAX: usize = 18;

#[cold]
pub(super) fn bad(name: &str, line: usize, what: &str) -> Error {
    Error::new(Code::MigrationFile, format!("{name}, line {line}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> MigrationFile {
        MigrationFile::new("a.sql", "0002", "add fees", Some("0001".into()), true, "SELECT 1;\n")
    }

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let mut file = file();
        file.needs = vec!["trading/0003".into()];
        file.sign();
        file.body_line += 1;
        let text = file.text();
        assert_eq!(MigrationFile::parse("a.sql", &text).unwrap(), file, "{text}");
        let windows = text.replace('\n', "\r\n");
        assert_eq!(MigrationFile::parse("a.sql", &windows).unwrap(), file);
        file.check().unwrap();
    }

    #[test]
    fn a_title_is_one_line_of_the_header() {
        let file = MigrationFile::new("a.sql", "1", "add\nfees\r", None, true, "SELECT 1;\n");
        assert_eq!(file.title, "add fees");
        let read = MigrationFile::parse("a.sql", &file.text()).unwrap();
        assert_eq!(read.title, "add fees");
        read.check().expect("signed as it is read");
    }

    #[test]
    fn every_change_but_of_blanks_at_the_end_is_seen() {
        let text = file().text();
        MigrationFile::parse("a", &(text.clone() + "\n\n")).unwrap().check().unwrap();
        for (from, to) in
            [("fees", "fee"), ("yes", "no"), ("0001", "0000"), ("SELECT 1", "SELECT 2")]
        {
            let changed = MigrationFile::parse("a", &text.replace(from, to)).unwrap();
            assert_eq!(changed.check().unwrap_err().code(), Code::MigrationChanged, "{from}");
        }
    }

    #[test]
    fn bad_headers_name_the_line() {
        let text = file().text();
        for (from, to, line) in [
            ("-- tradebase: migration\n", "", 1),
            ("-- id: 0002", "-- id: two", 2),
            ("-- title: add fees", "-- name: add fees", 3),
            ("-- parent: 0001\n", "", 1),
            ("-- transactional: yes", "-- transactional: perhaps", 5),
            ("-- title: add fees", "-- title: a\n-- title: b", 4),
            ("-- title: add fees", "-- title: add\rDROP TABLE trades; --", 3),
        ] {
            let error = MigrationFile::parse("a.sql", &text.replace(from, to)).unwrap_err();
            assert_eq!(error.code(), Code::MigrationFile);
            let place = format!("a.sql, line {line}: ");
            assert!(error.message().starts_with(&place), "{from}: {error}");
        }
    }

    #[test]
    fn statements_stand_on_the_lines_of_the_file() {
        let file = MigrationFile::parse("a", &file().text()).unwrap();
        let lines = file.text().lines().position(|line| line == "SELECT 1;").unwrap() + 1;
        assert_eq!(file.statements(Dialect::Sqlite).unwrap()[0].line, lines);
    }
}
