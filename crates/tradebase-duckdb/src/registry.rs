//! Which database files this process has open: two engines on one file would lose writes in
//! silence, because the lock of a file does not keep its own process out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use crate::engine::Shared;

/// The longest that an open waits for the same file to be opened or closed by another thread.
pub const OPEN_WAIT_MAX: Duration = Duration::from_secs(60);

enum Seat {
    /// Being opened.
    Reserved,
    /// Open, or being closed if the reference leads nowhere.
    Taken(Weak<Shared>),
}

static SEATS: Mutex<BTreeMap<PathBuf, Seat>> = Mutex::new(BTreeMap::new());
static CHANGED: Condvar = Condvar::new();

fn seats() -> MutexGuard<'static, BTreeMap<PathBuf, Seat>> {
    // Each change is one insert or remove, which a panic cannot leave half-done.
    SEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file's seat gives.
pub(crate) enum Claim {
    /// The engine that has the file open.
    Open(std::sync::Arc<Shared>),
    /// The file is ours to open.
    Ours(Reservation),
}

/// Claims a file, waiting while another thread opens or closes it.
pub(crate) fn claim(path: &Path) -> Result<Claim> {
    let due = Tick::now().after(OPEN_WAIT_MAX);
    let mut seats = seats();
    loop {
        match seats.get(path) {
            None => {
                seats.insert(path.to_path_buf(), Seat::Reserved);
                return Ok(Claim::Ours(Reservation { path: path.to_path_buf() }));
            }
            Some(Seat::Taken(weak)) => {
                if let Some(shared) = weak.upgrade() {
                    return Ok(Claim::Open(shared));
                }
            }
            Some(Seat::Reserved) => {}
        }
        if due.is_past() {
            let message = format!("the file is still being opened or closed: {}", path.display());
            return Err(Error::new(Code::TimedOut, message));
        }
        seats = match CHANGED.wait_timeout(seats, due.since(Tick::now())) {
            Ok((seats, _)) => seats,
            Err(poisoned) => poisoned.into_inner().0,
        };
    }
}

/// A file that is being opened. Dropped unused, the file is free again.
pub(crate) struct Reservation {
    path: PathBuf,
}

impl Reservation {
    /// The file is open.
    pub(crate) fn settle(self, shared: Weak<Shared>) {
        seats().insert(self.path.clone(), Seat::Taken(shared));
        CHANGED.notify_all();
        std::mem::forget(self);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        release(&self.path);
    }
}

/// The file is closed: all its connections are gone.
pub(crate) fn release(path: &Path) {
    seats().remove(path);
    CHANGED.notify_all();
}
