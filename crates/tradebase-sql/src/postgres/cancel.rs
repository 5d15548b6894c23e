//! The end of a statement whose call is gone.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a statement may take to end by itself, before the server is asked to cancel it. Most
/// are about to.
const GRACE: Duration = Duration::from_millis(1);
/// How often the server is asked. The first request may overtake the statement itself, which
/// comes by another connection; then the server knows of nothing to cancel.
const ATTEMPTS: u32 = 6;
/// How long the server may take to accept one request.
const REQUEST_WAIT: Duration = Duration::from_secs(1);
/// How long the statement may take to end after the first request; each further one is given
/// twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// Waits until a connection has ended whose client is gone, and cancels what it still runs. Its
/// task reads what the server answers and takes leave then. One that does not end is cut.
pub(super) async fn end(
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    mut task: JoinHandle<()>,
) {
    let mut pause = GRACE;
    for attempt in 0..=ATTEMPTS {
        if timeout(pause, &mut task).await.is_ok() {
            return;
        }
        if attempt == ATTEMPTS {
            break;
        }
        let request = async {
            match &tls {
                None => token.cancel_query(NoTls).await,
                Some(tls) => token.cancel_query(tls.clone()).await,
            }
        };
        if !matches!(timeout(REQUEST_WAIT, request).await, Ok(Ok(()))) {
            tracing::debug!(store = "postgres", attempt, "a request to cancel was not accepted");
        }
        pause = PAUSE_MIN * 2_u32.pow(attempt);
    }
    task.abort();
    tracing::warn!(store = "postgres", "a statement does not end, its connection was cut");
}
