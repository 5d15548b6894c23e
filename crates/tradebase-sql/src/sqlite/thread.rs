//! The one door for threads of our own.

use std::thread::Builder;

use tokio::sync::oneshot;
use tradebase_core::{Code, Error, Result};

/// A thread, as long as it runs.
#[derive(Debug)]
pub(super) struct Thread {
    ended: oneshot::Receiver<()>,
}

impl Thread {
    /// Starts it.
    pub(super) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let (end, ended) = oneshot::channel();
        let run = move || {
            // Dropped when the work ends, however.
            let _end = end;
            work();
        };
        let started = Builder::new().name(name.to_owned()).spawn(run);
        started.map_err(unstarted)?;
        Ok(Self { ended })
    }

    /// Waits until it has ended.
    pub(super) async fn ended(self) {
        // An error is how it says so.
        _ = self.ended.await;
    }
}

/// Lets the thread rest.
pub(super) fn rest(time: std::time::Duration) {
    std::thread::sleep(time);
}

#[cold]
fn unstarted(error: std::io::Error) -> Error {
    Error::new(Code::Internal, "a thread could not be started").because(error)
}
