//! The small runtime that a [`Tradebase`](crate::Tradebase) owns: its connections live here, so
//! that they outlive the runtimes of those who use them.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Handle, Runtime};
use tradebase_core::{Code, Error, Result};

/// A runtime that may be dropped anywhere, also inside another one.
#[derive(Debug)]
pub(crate) struct Owned {
    handle: Handle,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Owned {
    pub(crate) fn new(threads: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("tradebase")
            .enable_all()
            .build()
            .map_err(|e| {
                Error::new(Code::Internal, "the threads of tradebase cannot be started").because(e)
            })?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts work here, whatever runtime waits for it.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let job = self.handle.spawn(work);
        async {
            let closed = |e| Error::new(Code::Closed, "the stores are closed").because(e);
            job.await.map_err(closed)
        }
    }

    /// Waits for work on the caller's thread.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        if Handle::try_current().is_ok() {
            let message = "a blocking call on a thread of an async runtime, which it could hold: \
                           use the async form there, or a thread of its own";
            return Err(Error::new(Code::BlockingInAsync, message));
        }
        // Most calls on an embedded store are done in one step: then nobody has to be able to wake
        // this thread, which costs more than they do.
        let mut work = pin!(work);
        let first = {
            let _inside = self.handle.enter();
            work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        Ok(match first {
            Poll::Ready(done) => done,
            Poll::Pending => self.handle.block_on(work),
        })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads would panic on a thread of another runtime, or of its own.
            runtime.shutdown_background();
        }
    }
}
