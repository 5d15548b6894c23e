//! Opening a database, and what the policy says where another process holds the file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use crate::database::{Database, DatabaseOptions, Held};
use crate::engine::{Engine, MEMORY, OpenOptions};
use crate::locked::{LOCK_PAUSE_FIRST, LOCK_PAUSE_MAX, WhenLocked};

impl Database {
    /// Opens the engine for a call that came at that time, and says whether it is in memory
    /// because the file was locked.
    pub(crate) async fn open(&self, came: Tick) -> Result<(Held, bool)> {
        let DatabaseOptions { store, path, open, when_locked, .. } = &self.0.options;
        let refused = match self.attempt(path, open).await {
            Err(e) if is_answered(*when_locked, &e) => e,
            opened => return opened.map(|held| (held, false)),
        };
        match *when_locked {
            WhenLocked::Error => Err(refused),
            WhenLocked::Wait(most) => {
                self.wait(came, most, refused).await.map(|held| (held, false))
            }
            WhenLocked::ReadOnly => {
                let held = self.attempt(path, &open.clone().read_only(true)).await?;
                Ok((held, false))
            }
            WhenLocked::Memory => {
                let open = open.clone().read_only(false);
                let held = self.attempt(Path::new(MEMORY), &open).await?;
                let (operation, reason, path) = ("connect", "file_locked", path.display());
                tracing::warn!(
                    store, operation, reason, %path,
                    "another process holds the file, rows are kept in memory and end with this one"
                );
                Ok((held, true))
            }
        }
    }

    /// Tries again until the file is free or the call's time is over.
    async fn wait(&self, came: Tick, most: Duration, mut refused: Error) -> Result<Held> {
        let DatabaseOptions { path, open, .. } = &self.0.options;
        let mut pause = LOCK_PAUSE_FIRST;
        loop {
            let left = most.saturating_sub(came.elapsed());
            if left.is_zero() {
                return Err(refused);
            }
            let rest = pause.min(left);
            // On a thread that may block: a runtime may have no timer.
            self.run(move || {
                std::thread::sleep(rest);
                Ok(())
            })?
            .end()
            .await?;
            pause = (pause * 2).min(LOCK_PAUSE_MAX);
            match self.attempt(path, open).await {
                Err(e) if e.code() == Code::FileLocked => refused = e,
                opened => return opened,
            }
        }
    }

    /// Opens the engine once, unless the database is closed; a close waits for it.
    async fn attempt(&self, path: &Path, open: &OpenOptions) -> Result<Held> {
        let work = self.0.begin()?;
        let (inner, path, open) = (Arc::clone(&self.0), path.to_owned(), open.clone());
        self.run(move || {
            let engine = Engine::try_open(&path, open)?;
            match inner.make_tables(&engine) {
                Ok(()) => Ok(Held::new(engine, work)),
                Err(e) => {
                    engine.discard();
                    Err(e)
                }
            }
        })?
        .end()
        .await
    }
}

/// Whether that is for the policy to answer: a lock only.
fn is_answered(when_locked: WhenLocked, why: &Error) -> bool {
    match why.code() {
        Code::FileLocked => true,
        // This process may have the file open for reading only, by the same policy.
        Code::Config => when_locked == WhenLocked::ReadOnly,
        _ => false,
    }
}
