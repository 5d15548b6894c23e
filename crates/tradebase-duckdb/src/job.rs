//! DuckDB blocks: its work goes to a runtime's threads for that.

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tradebase_core::Result;

use crate::error;

/// Work that was started on a thread that may block. Dropped, it goes on, and nobody hears of it.
#[derive(Debug)]
#[must_use = "nobody hears how the work ends unless `end` is awaited"]
pub struct Job<U>(JoinHandle<Result<U>>);

impl<U: Send + 'static> Job<U> {
    /// Starts work on the runtime, or on the one of this thread.
    pub(crate) fn start(
        runtime: Option<&Handle>,
        work: impl FnOnce() -> Result<U> + Send + 'static,
    ) -> Result<Self> {
        let started = match runtime {
            Some(runtime) => runtime.spawn_blocking(work),
            None => Handle::try_current().map_err(|_| error::no_runtime())?.spawn_blocking(work),
        };
        Ok(Self(started))
    }

    /// Waits for it.
    pub async fn end(self) -> Result<U> {
        self.0.await.map_err(error::unfinished)?
    }
}
