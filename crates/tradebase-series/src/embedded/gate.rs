//! One writer at a time for each file, whoever opened it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a writer goes through.
#[derive(Debug, Default)]
pub struct Gate(Mutex<()>);

impl Gate {
    /// Waits until no other writer is inside.
    pub fn enter(&self) -> MutexGuard<'_, ()> {
        // Nothing stands behind the lock that a panic could leave half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static GATES: Mutex<BTreeMap<PathBuf, Weak<Gate>>> = Mutex::new(BTreeMap::new());

/// The gate of a file; one of its own for a database in memory.
pub fn of(path: Option<&Path>) -> Arc<Gate> {
    let Some(path) = path else { return Arc::default() };
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.retain(|_, gate| gate.strong_count() > 0);
    if let Some(gate) = gates.get(path).and_then(Weak::upgrade) {
        return gate;
    }
    let gate = Arc::new(Gate::default());
    gates.insert(path.to_owned(), Arc::downgrade(&gate));
    gate
}
