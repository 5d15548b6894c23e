//! What was done to the files of a folder, in order.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, disk_after};
use crate::vfs;

/// Folders that are being recorded now.
static FOLDERS: Mutex<Vec<Arc<Log>>> = Mutex::new(Vec::new());

/// A file, from its creation until it is deleted; another one of the same name is another one.
pub(crate) type FileId = usize;

/// A change of the folder.
#[derive(Debug)]
pub(crate) enum Event {
    Create { name: String, file: FileId },
    Delete { name: String },
    SyncFolder,
    Write { file: FileId, offset: usize, bytes: Vec<u8> },
    Truncate { file: FileId, size: usize },
    Sync { file: FileId },
}

/// All changes of a folder since it is recorded.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The files that were there at the beginning, which are taken as synced.
    pub(crate) before: Vec<(String, FileId)>,
    /// What each file held at the beginning.
    pub(crate) contents: Vec<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    names: HashMap<String, FileId>,
}

impl State {
    /// The file of that name; one that was not known is created now.
    pub(crate) fn file(&mut self, name: &str) -> FileId {
        if let Some(&file) = self.names.get(name) {
            return file;
        }
        let file = self.add(name, Vec::new());
        self.events.push(Event::Create { name: name.to_owned(), file });
        file
    }

    pub(crate) fn delete(&mut self, name: &str) {
        self.names.remove(name);
        self.events.push(Event::Delete { name: name.to_owned() });
    }

    fn add(&mut self, name: &str, content: Vec<u8>) -> FileId {
        let file = self.contents.len();
        self.contents.push(content);
        self.names.insert(name.to_owned(), file);
        file
    }
}

impl Log {
    /// The log of the folder that the file is in, and the file's name.
    pub(crate) fn of(path: &[u8]) -> Option<(Arc<Log>, String)> {
        let path = Path::new(OsStr::from_bytes(path));
        let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
        let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        let log = folders.iter().find(|log| log.folder == folder)?;
        Some((Arc::clone(log), name.to_owned()))
    }

    /// The state, which stays locked while something is done to a file, so that the log has the
    /// order in which it was done.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records what SQLite does in a folder, from now until it is dropped.
///
/// It sees the connections that are opened in this process from now on, by the layer that is
/// SQLite's default, as long as nobody names another.
#[derive(Debug)]
pub struct Recorder {
    log: Arc<Log>,
}

impl Recorder {
    /// Begins to record. What the folder holds is taken as synced.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read, or SQLite takes no other layer.
    pub fn of(folder: &Path) -> io::Result<Self> {
        vfs::install().map_err(io::Error::other)?;
        // SQLite follows links before it opens a file.
        let folder = folder.canonicalize()?;
        let mut state = State::default();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if entry.file_type()?.is_file() && !name.ends_with("-shm") {
                let file = state.add(&name, fs::read(entry.path())?);
                state.before.push((name, file));
            }
        }
        let log = Arc::new(Log { folder, state: Mutex::new(state) });
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&log));
        Ok(Self { log })
    }

    /// How many changes there were so far. What was answered by now was answered before a power
    /// failure at this position or a later one.
    #[must_use]
    pub fn position(&self) -> usize {
        self.log.state().events.len()
    }

    /// What is on the disk when the power fails after so many changes; the seed decides what
    /// becomes of all that was not synced.
    #[must_use]
    pub fn disk_after(&self, changes: usize, seed: u64) -> Disk {
        disk_after(&self.log.state(), changes, seed)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|log| !Arc::ptr_eq(log, &self.log));
    }
}
