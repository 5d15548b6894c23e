//! DuckDB blocks: its work goes to the runtime's threads for that.

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tradebase_core::Result;

use crate::error;

/// Starts work on a thread that may block.
pub(crate) fn start<U: Send + 'static>(
    work: impl FnOnce() -> Result<U> + Send + 'static,
) -> Result<JoinHandle<Result<U>>> {
    let runtime = Handle::try_current().map_err(|_| error::no_runtime())?;
    Ok(runtime.spawn_blocking(work))
}

/// Waits for it.
pub(crate) async fn end<U>(job: JoinHandle<Result<U>>) -> Result<U> {
    job.await.map_err(error::unfinished)?
}

/// Does work on a thread that may block.
pub(crate) async fn run<U: Send + 'static>(
    work: impl FnOnce() -> Result<U> + Send + 'static,
) -> Result<U> {
    end(start(work)?).await
}
