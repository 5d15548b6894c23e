//! A verified copy of the file, made while a transaction keeps others from writing.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tradebase_core::{Code, Error, Result, id};

use super::address::Place;
use super::error::from_sqlite;
use super::store::{Store, on_a_thread};
use crate::naming::quoted;

/// Backups of one label that may stand side by side.
const BACKUPS_MAX: u32 = 1000;

impl Store {
    /// The file; none for a database in memory.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.lane.place {
            Place::Memory => None,
            Place::File(path) => Some(path),
        }
    }

    /// Copies the file to a new one, `ledger.db.<label>.backup`, beside it or in a folder. When it
    /// returns, the copy is whole and sound: it has as many rows in every table. A database in
    /// memory is not copied.
    ///
    /// The caller has a transaction open that has not written yet: so the copy is what it begins
    /// with.
    pub(crate) async fn back_up(
        &self,
        label: &str,
        folder: Option<&Path>,
    ) -> Result<Option<PathBuf>> {
        let Some(file) = self.file() else { return Ok(None) };
        let (file, label) = (file.to_owned(), label.to_owned());
        let folder = folder.map(Path::to_owned);
        let copied = on_a_thread(self.runtime(), move || {
            let folder = folder.as_deref().or_else(|| file.parent()).unwrap_or(Path::new(""));
            let partial = folder.join(format!(".tradebase-{}.partial", id::new().simple()));
            let path = copy(&file, &partial).and_then(|()| publish(&partial, &file, &label));
            // Under its own name it has another by now; else it is of no use.
            _ = fs::remove_file(&partial);
            path.and_then(|path| sync_folder(folder).map(|()| path))
        });
        match copied.await {
            Ok(path) => path.map(Some),
            Err(error) => Err(Error::new(Code::Internal, "a backup did not end").because(error)),
        }
    }
}

/// Gives the copy the first name beside it that no file has. Whoever sees the name sees all of
/// the copy, and nobody's file is written over.
fn publish(partial: &Path, file: &Path, label: &str) -> Result<PathBuf> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("database");
    for number in 1..=BACKUPS_MAX {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = partial.with_file_name(format!("{name}.{label}{number}.backup"));
        match name_it(partial, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritten(&path, error)),
        }
    }
    let message = format!("there are {BACKUPS_MAX} backups of this name: {name}.{label}");
    Err(Error::new(Code::StorageFull, message))
}

fn name_it(partial: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(partial, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            // Some disks know no links. There the name is taken by an empty file first.
            OpenOptions::new().write(true).create_new(true).open(path)?;
            fs::rename(partial, path).inspect_err(|_| _ = fs::remove_file(path))
        }
        linked => linked,
    }
}

/// Has the disk know the name too, as it knows the copy.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::File::open(folder).and_then(|open| open.sync_all()).map_err(|e| unwritten(folder, e))
}

/// Folders cannot be opened there, and keep their names by themselves.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

/// An empty file that the same people may read as the original, before anything is in it.
fn held(file: &Path, to: &Path) -> io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(to)?;
    made.set_permissions(fs::metadata(file)?.permissions())
}

fn copy(file: &Path, to: &Path) -> Result<()> {
    let failed = |e| from_sqlite(&e, None);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    held(file, to).map_err(|e| unwritten(to, e))?;
    let source = Connection::open_with_flags(file, flags).map_err(failed)?;
    let name = to.to_str().ok_or_else(|| {
        Error::new(Code::Config, format!("the path is no text: {}", to.display()))
    })?;
    source.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    let copied = Connection::open_with_flags(to, flags).map_err(failed)?;
    let verdict = copied.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    let verdict = verdict.map_err(failed)?;
    if verdict != "ok" {
        return Err(unsound(&verdict));
    }
    for (table, rows) in counts(&source)? {
        let copied = count(&copied, &table)?;
        if copied != rows {
            return Err(unsound(&format!("{table} has {copied} rows instead of {rows}")));
        }
    }
    // On the disk before the step that may lose what is in it.
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(|e| unwritten(to, e))
}

/// How many rows each table has.
fn counts(source: &Connection) -> Result<Vec<(String, i64)>> {
    let failed = |e| from_sqlite(&e, None);
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
               ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    let mut statement = source.prepare(sql).map_err(failed)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
    names.into_iter().map(|name| count(source, &name).map(|rows| (name, rows))).collect()
}

fn count(of: &Connection, table: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM {}", quoted(table));
    of.query_row(&sql, [], |row| row.get(0)).map_err(|e| from_sqlite(&e, None))
}

#[cold]
fn unsound(why: &str) -> Error {
    Error::new(Code::StorageFailed, format!("the backup is not what the file is: {why}"))
}

#[cold]
fn unwritten(path: &Path, error: io::Error) -> Error {
    let message = format!("the backup cannot be written: {}", path.display());
    Error::new(Code::StorageFailed, message).because(error)
}
