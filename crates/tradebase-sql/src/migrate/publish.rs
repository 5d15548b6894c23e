//! Files that are written all or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tradebase_core::{Code, Error, Result};

/// Files of a folder, to be written.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    files: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    path: PathBuf,
    text: String,
    /// What is there and is written over; none if there must be nothing.
    former: Option<String>,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Vec::new() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file that must not be there yet.
    pub(super) fn add(&mut self, name: &str, text: String) {
        self.files.push(Text { path: self.folder.join(name), text, former: None });
    }

    /// A file that is there, and what it says.
    pub(super) fn replace(&mut self, path: PathBuf, former: String, text: String) {
        self.files.push(Text { path, text, former: Some(former) });
    }

    /// Writes them and gives their paths; on an error none is there, as far as the disk lets it.
    pub(super) fn write(self) -> Result<Vec<PathBuf>> {
        if self.files.is_empty() {
            return Ok(Vec::new());
        }
        fs::create_dir_all(&self.folder).map_err(|e| unwritten(&self.folder, e))?;
        for (at, file) in self.files.iter().enumerate() {
            if let Err(error) = file.publish() {
                for done in self.files.iter().take(at) {
                    done.take_back();
                }
                return Err(unwritten(&file.path, error));
            }
        }
        Ok(self.files.into_iter().map(|file| file.path).collect())
    }
}

impl Text {
    /// Writes it beside and gives it its name, so that nobody ever reads a part of it.
    fn publish(&self) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = self.path.with_file_name(name);
        let written = write(&beside, &self.text).and_then(|()| self.name(&beside));
        // Under its own name it is gone already; else it is of no use.
        _ = fs::remove_file(&beside);
        written
    }

    fn name(&self, beside: &Path) -> io::Result<()> {
        if self.former.is_some() {
            return fs::rename(beside, &self.path);
        }
        // A link, unlike a rename, fails if there is such a file.
        match fs::hard_link(beside, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // Some disks know no links.
            Err(_) if self.path.exists() => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(beside, &self.path),
            Ok(()) => Ok(()),
        }
    }

    fn take_back(&self) {
        // The error that led here is told; a second one would hide it.
        _ = match &self.former {
            Some(former) => fs::write(&self.path, former),
            None => fs::remove_file(&self.path),
        };
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cold]
fn unwritten(path: &Path, error: io::Error) -> Error {
    let what = if error.kind() == ErrorKind::AlreadyExists {
        format!("there is such a file already: {}", path.display())
    } else {
        format!("{} cannot be written", path.display())
    };
    Error::new(Code::MigrationFile, what).because(error)
}
