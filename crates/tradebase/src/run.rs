//! A whole program over the stores: open, work, close, also when it is asked to stop.

use std::future::Future;

use tradebase_core::{Code, Error};

use crate::{Config, Opening, Tradebase};

/// Opens the stores, does the work, and closes them in order.
///
/// It needs no async runtime around it. Asked to stop (Ctrl-C, or SIGTERM), it drops the work
/// where it waits, closes the stores, and gives [`Code::Interrupted`]; asked a second time, it does
/// not wait for the closing. Work that computes without waiting is not stopped. An error of the
/// work wins over one of the closing.
///
/// ```
/// use tradebase::Config;
///
/// # fn main() -> tradebase::Result<()> {
/// # let config = Config::in_memory();
/// let engine = tradebase::run(config, async |db| {
///     db.connect_all().await;
///     Ok::<_, tradebase::Error>(db.sql().capabilities().engine)
/// })?;
/// assert_eq!(engine, "sqlite");
/// # Ok(())
/// # }
/// ```
pub fn run<T, E: From<Error>>(
    config: Config,
    work: impl AsyncFnOnce(Tradebase) -> Result<T, E>,
) -> Result<T, E> {
    over(Tradebase::builder(config), work)
}

pub(crate) fn over<T, E: From<Error>>(
    opening: Opening,
    work: impl AsyncFnOnce(Tradebase) -> Result<T, E>,
) -> Result<T, E> {
    let db = opening.open_now()?;
    let waited = db.runtime().wait(async {
        let done = tokio::select! {
            done = work(db.clone()) => done,
            stop = stop_requested() => Err(E::from(stop.err().unwrap_or_else(interrupted))),
        };
        // Asked a second time, it does not wait for the end of the closing.
        let closed = tokio::select! {
            closed = db.close() => closed,
            stop = stop_requested() => Err(stop.err().unwrap_or_else(interrupted)),
        };
        let done = done?;
        closed?;
        Ok(done)
    });
    waited.map_err(E::from)?
}

/// Waits until the process is asked to stop: by Ctrl-C, or by SIGTERM.
///
/// For programs with a main loop of their own; it needs a tokio runtime.
pub async fn stop_requested() -> Result<(), Error> {
    let failed = |e| Error::new(Code::Internal, "signals cannot be waited for").because(e);
    terminated().await.map_err(failed)
}

#[cfg(unix)]
async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    first(tokio::signal::ctrl_c(), async {
        terminate.recv().await;
        Ok(())
    })
    .await
}

#[cfg(not(unix))]
async fn terminated() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(unix)]
async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    tokio::select! {
        done = one => done,
        done = other => done,
    }
}

#[cold]
fn interrupted() -> Error {
    Error::new(Code::Interrupted, "the program was asked to stop")
}
