//! The connection that writes, while one caller has it for more than one statement.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::lane::Lane;
use super::store::on_a_thread;
use super::writing::Writing;
use crate::call::Call;
use crate::error::closed;

/// The first pause while another process writes; each further one is twice as long.
const BUSY_PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest of these pauses: SQLite keeps no queue, so who asks often gets its turn.
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(4);

/// The connection. Dropped inside a transaction, for an error or because the call was cancelled,
/// it rolls back.
pub(super) struct Writer {
    /// None once it has gone back.
    guard: Option<OwnedMutexGuard<Option<Writing>>>,
    lane: Arc<Lane>,
}

impl Writer {
    /// The connection, when it is free.
    pub(super) async fn take(lane: &Arc<Lane>, call: &Call<'_>) -> Result<Self> {
        let guard = match lane.writer.clone().try_lock_owned() {
            Ok(guard) => guard,
            Err(_) => {
                let begun = Tick::now();
                let guard = timeout(lane.options.busy_wait, lane.writer.clone().lock_owned()).await;
                call.waits(begun.elapsed());
                guard.map_err(|_| lane.held())?
            }
        };
        let mut writer = Self { guard: Some(guard), lane: lane.clone() };
        if writer.parts().is_err() {
            writer.open().await?;
        }
        writer.parts()?.make(lane.durability(call))?;
        Ok(writer)
    }

    /// The place of the connection, which may not have been opened yet.
    pub(super) async fn unopened(lane: &Arc<Lane>) -> Self {
        let guard = lane.writer.clone().lock_owned().await;
        Self { guard: Some(guard), lane: lane.clone() }
    }

    /// Opens the connection, anew if need be.
    #[cold]
    pub(super) async fn open(&mut self) -> Result<()> {
        let writing = patiently(self.lane.options.busy_wait, || self.lane.open()).await?;
        if let Some(guard) = &mut self.guard {
            **guard = Some(writing);
        }
        Ok(())
    }

    /// Closes the connection, so that the next call opens another.
    pub(super) fn spend(&mut self) -> Option<Writing> {
        self.guard.as_mut()?.take()
    }

    /// Puts the connection back that was taken out.
    pub(super) fn restore(&mut self, writing: Writing) {
        if let Some(guard) = &mut self.guard {
            **guard = Some(writing);
        }
    }

    /// The connection; an error after `close`.
    pub(super) fn parts(&mut self) -> Result<&mut Writing> {
        self.guard.as_mut().and_then(|guard| guard.as_mut()).ok_or_else(closed)
    }

    /// The connection, to read; an error after `close`.
    pub(super) fn get(&self) -> Result<&Writing> {
        self.guard.as_ref().and_then(|guard| guard.as_ref()).ok_or_else(closed)
    }

    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Begins a transaction: at once, because one that begins by reading cannot wait for its
    /// turn to write.
    pub(super) async fn begin(&mut self) -> Result<()> {
        let wait = self.lane.options.busy_wait;
        patiently(wait, || self.parts()?.step("BEGIN IMMEDIATE")).await
    }

    /// Commits, on a thread if that waits for the disk. Cancelled, it commits all the same.
    ///
    /// `raised` if it shall be on the disk though it was begun to be less durable: the engine
    /// refuses to be told so inside a transaction.
    pub(super) async fn commit(
        mut self,
        in_place: bool,
        raised: bool,
        runtime: Option<&Handle>,
    ) -> Result<()> {
        let commit = move || {
            let writing = self.parts()?;
            let mut committed = writing.step("COMMIT");
            if committed.is_ok() && raised {
                committed = writing.sync_log();
            }
            drop(self);
            committed
        };
        if in_place {
            return commit();
        }
        match on_a_thread(runtime, commit).await {
            Ok(committed) => committed,
            Err(error) => Err(unended(error)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(mut guard) = self.guard.take() else { return };
        let long = self.lane.settle(&mut guard);
        drop(guard);
        if long {
            self.lane.ask_checkpoint();
        }
    }
}

impl Lane {
    /// Whether a commit of a call runs on the caller's thread.
    pub(super) fn commits_in_place(&self, call: &Call<'_>) -> bool {
        call.manner.in_place || self.is_memory()
    }
}

#[cold]
fn unended(error: JoinError) -> Error {
    // Not begun, for its runtime ends, it is rolled back; what panicked may have been committed.
    match error.is_cancelled() {
        true => Error::new(Code::Closed, "the runtime ends, so nothing is committed"),
        false => Error::new(Code::OutcomeUnknown, "a commit did not end"),
    }
    .because(error)
}

/// Repeats what another process keeps from running, until the wait is over. The thread is free
/// in between.
async fn patiently<R>(wait: Duration, mut attempt: impl FnMut() -> Result<R> + Send) -> Result<R> {
    let deadline = Tick::now().after(wait);
    let mut pause = BUSY_PAUSE_MIN;
    loop {
        match attempt() {
            Err(error) if error.code() == Code::Locked && !deadline.is_past() => {}
            outcome => return outcome,
        }
        sleep(pause).await;
        pause = (pause * 2).min(BUSY_PAUSE_MAX);
    }
}
