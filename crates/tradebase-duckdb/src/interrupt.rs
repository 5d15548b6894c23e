//! Stopping a statement whose caller has gone away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::{Connection, InterruptHandle};
use tradebase_core::{Code, Error, Result};

/// Where a piece of work stands, seen by the caller and by the thread that does it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Waiting,
    Running(Arc<InterruptHandle>),
    Over,
    Unwanted,
}

impl Interrupt {
    /// Does the work, unless nobody wants it any more.
    pub fn run<U>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&Connection) -> Result<U>,
    ) -> Result<U> {
        {
            let mut state = self.state();
            if let State::Unwanted = *state {
                return Err(Error::new(Code::TimedOut, "the caller has gone away"));
            }
            *state = State::Running(connection.interrupt_handle());
        }
        let over = Over(self);
        let done = work(connection);
        drop(over);
        done
    }

    /// Stops the work when the guard is dropped before the work is over.
    pub fn on_drop(&self) -> InterruptOnDrop {
        InterruptOnDrop(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match *self.state() {
            State::Waiting => "Waiting",
            State::Running(_) => "Running",
            State::Over => "Over",
            State::Unwanted => "Unwanted",
        };
        f.debug_tuple("Interrupt").field(&state).finish()
    }
}

/// Marks the work as over, also when it panics: the connection then serves others.
struct Over<'a>(&'a Interrupt);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        *self.0.state() = State::Over;
    }
}

/// Stops a piece of work when it is dropped. Does nothing once the work is over.
#[derive(Debug)]
#[must_use = "dropping the guard stops the work"]
pub struct InterruptOnDrop(Interrupt);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        // Held while interrupting, so that the connection cannot be at work for somebody else.
        let mut state = self.0.state();
        match &*state {
            State::Running(handle) => handle.interrupt(),
            State::Waiting => *state = State::Unwanted,
            State::Over | State::Unwanted => {}
        }
    }
}
