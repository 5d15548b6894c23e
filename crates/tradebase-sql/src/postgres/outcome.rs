//! How a transaction ended whose answer was lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::SimpleQueryMessage;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::error::from_postgres;
use super::pool::Pool;

/// How long the server is asked how a transaction ended.
const RESOLVE_WAIT: Duration = Duration::from_secs(10);
/// The pause between two questions.
const RESOLVE_PAUSE: Duration = Duration::from_millis(20);

/// Gives the transaction its number, if it has none. A standby would refuse that, and leave the
/// statement that follows with an error that is not its own.
pub(super) const ASK_NUMBER: &str =
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_xact_id()::text END";

/// The life of a server: which cluster, which line of its history, and since when it has not
/// crashed. Numbers of transactions are only told apart within one: after a crash, or on another
/// server, the number of a transaction that was lost may be given to the next one.
///
/// Statistics survive a clean stop and are begun anew after a crash.
pub(super) const ASK_ERA: &str = "SELECT concat_ws(' ', system_identifier, \
     left(pg_walfile_name(pg_current_wal_lsn()), 8), pg_stat_get_bgwriter_stat_reset_time()) \
     FROM pg_control_system()";

/// What tells a transaction from all others.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) number: String,
    pub(super) era: Box<str>,
}

/// What the server says of a transaction.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Committed,
    Aborted,
    InProgress,
    /// The server does not know it, or is not the one that it ran on.
    Forgotten,
}

/// Asks how a transaction ended whose connection was lost while it committed. Ok if it is
/// committed; an error that may be repeated if it is not; never a guess.
pub(super) async fn resolve(pool: &Arc<Pool>, witness: &Witness, lost: Error) -> Result<()> {
    let deadline = Tick::now().after(RESOLVE_WAIT);
    let fate = timeout(RESOLVE_WAIT, async {
        loop {
            match ask(pool, witness).await {
                Ok(Fate::InProgress) => {}
                Ok(fate) => return fate,
                Err(error) if error.code() == Code::Closed => return Fate::Forgotten,
                // The server may be coming back.
                Err(_) => {}
            }
            sleep(RESOLVE_PAUSE.min(deadline.left())).await;
        }
    });
    let fate = fate.await.unwrap_or(Fate::Forgotten);
    tracing::warn!(store = "postgres", ?fate, "the answer to a commit was lost");
    match fate {
        Fate::Committed => Ok(()),
        Fate::Aborted => Err(aborted(lost)),
        Fate::InProgress | Fate::Forgotten => Err(unknown(lost)),
    }
}

async fn ask(pool: &Arc<Pool>, witness: &Witness) -> Result<Fate> {
    let mut lease = pool.lease().await?;
    let status = format!("SELECT pg_xact_status('{}'::xid8)", witness.number);
    // The number is one of the server's own, so there is nothing to quote.
    let asked = lease.connection()?.client.simple_query(&format!("{ASK_ERA}; {status}")).await;
    let told = match asked {
        Ok(told) => told,
        // A number of the future: this server has never given it out.
        Err(error) if error.as_db_error().is_some_and(|e| e.code().code() == "22023") => {
            return lease.done(Ok(Fate::Forgotten));
        }
        Err(error) => return lease.done(Err(from_postgres(&error, None))),
    };
    let mut rows = told.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.try_get(0).ok().flatten()),
        _ => None,
    });
    let era = rows.next().flatten();
    let fate = match rows.next().flatten() {
        _ if era != Some(&*witness.era) => Fate::Forgotten,
        Some("committed") => Fate::Committed,
        Some("aborted") => Fate::Aborted,
        Some("in progress") => Fate::InProgress,
        Some(_) | None => Fate::Forgotten,
    };
    lease.done(Ok(fate))
}

/// It can be repeated without doing anything twice.
#[cold]
pub(super) fn aborted(lost: Error) -> Error {
    let message = "the connection was lost before the transaction was committed";
    Error::new(Code::TransactionFailed, message).because(lost)
}

/// Nobody can tell.
#[cold]
pub(super) fn unknown(lost: Error) -> Error {
    let message = "the connection was lost while the transaction was committed, and the server \
                   does not say how it ended";
    Error::new(Code::OutcomeUnknown, message).because(lost)
}
