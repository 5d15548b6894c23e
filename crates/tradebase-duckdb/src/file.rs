//! The file of a database: its one name, why it cannot be opened, and what a failed open leaves.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tradebase_core::{Code, Error, Result};

use crate::error;

/// The bytes of a file that DuckDB has made and stored nothing in: three headers.
const EMPTY_BYTES_MAX: u64 = 12_288;

/// The one name of a file, whether it is there already or not.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf> {
    if let Ok(path) = fs::canonicalize(path) {
        return Ok(path);
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| {
        Error::new(Code::Config, format!("the path names no file: {}", path.display()))
    })?;
    match fs::canonicalize(parent) {
        Ok(parent) => Ok(parent.join(name)),
        Err(e) => {
            let why = match e.kind() {
                ErrorKind::NotFound => "the folder does not exist, make it first",
                _ => "the folder cannot be opened",
            };
            let message = format!("{why}: {}", parent.display());
            Err(Error::new(Code::StorageFailed, message).because(e))
        }
    }
}

/// Why a file cannot be opened, and what to do about it.
#[cold]
pub(crate) fn refused(path: &Path, error: duckdb::Error) -> Error {
    let duckdb::Error::DuckDBFailure(_, Some(words)) = &error else { return error::of(error) };
    let of_duckdb = error::of_words(words);
    let advice = advice(of_duckdb.code(), words);
    Error::new(of_duckdb.code(), format!("{advice}: {}", path.display()))
        .because(error::shortened(words))
}

fn advice(code: Code, words: &str) -> &'static str {
    const BY_WORDS: [(&str, &str); 6] = [
        ("not a valid DuckDB", "the file is no DuckDB database, name another or move it away"),
        ("database does not exist", "there is no such file to be read, write it first"),
        ("Is a directory", "the path is a folder, name a file in it"),
        (
            "Permission denied",
            "the file cannot be opened, permit this user to read and write it and its folder",
        ),
        ("Read-only file system", "the file system is for reading only, choose another place"),
        ("version number", "another version of DuckDB wrote the file, open it with that one"),
    ];
    match code {
        Code::FileLocked => {
            "another process holds the database file, close it there or choose otherwise by \
             `when_locked`"
        }
        Code::StorageFull => "there is no space left for the database file",
        _ => BY_WORDS
            .iter()
            .find(|(part, _)| words.contains(part))
            .map_or("the database file cannot be opened", |(_, advice)| advice),
    }
}

/// Takes back what an open has left that failed, of a file that was not there before.
pub(crate) fn clear_up(path: &Path, why: &Error) {
    // Somebody else was faster, and the file is theirs.
    if why.code() == Code::FileLocked || path.with_added_extension("wal").exists() {
        return;
    }
    if fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= EMPTY_BYTES_MAX) {
        take_back(path);
    }
}

/// Takes a file back that this process has made.
pub(crate) fn take_back(path: &Path) {
    if let Err(e) = fs::remove_file(path) {
        let path = path.display();
        tracing::warn!(store = "duckdb", operation = "open", %path, error = %e, "a file is left");
    }
}
