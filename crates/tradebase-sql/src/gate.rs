//! Whether a store is connected: opened by the first call that needs it, shut by `close`.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Mutex;
use tradebase_core::{Error, Result};

use crate::error::closed;

const NEW: u8 = 0;
const OPEN: u8 = 1;
const SHUT: u8 = 2;

/// A gate that opens once. A call through an open gate pays one look.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    /// How many attempts to open it have failed.
    failures: AtomicU64,
    /// Held by the one who opens or shuts it. Inside, how the last attempt failed.
    turn: Mutex<Option<Error>>,
}

impl Gate {
    /// Whether calls may pass.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.state() == OPEN
    }

    /// Connects, unless somebody else has done so by now. Whoever waited for an attempt that
    /// failed takes its error: nobody waits for more than one. The next call tries again; after
    /// an attempt that was dropped, the next one in the queue.
    pub(crate) async fn open(&self, connect: impl Future<Output = Result<()>>) -> Result<()> {
        let before = self.failures.load(Ordering::Acquire);
        let mut turn = self.turn.lock().await;
        match self.state() {
            OPEN => return Ok(()),
            NEW => {}
            _ => return Err(closed()),
        }
        if let Some(failure) = &*turn
            && self.failures.load(Ordering::Acquire) != before
        {
            return Err(failure.again());
        }
        if let Err(error) = connect.await {
            *turn = Some(error.again());
            self.failures.fetch_add(1, Ordering::Release);
            return Err(error);
        }
        // Shut in the meantime, it stays so: who shuts it waits for this turn, and closes then.
        let opened = self.state.compare_exchange(NEW, OPEN, Ordering::AcqRel, Ordering::Acquire);
        opened.map(drop).map_err(|_| closed())
    }

    /// Lets nobody in any more, and waits until an attempt to connect that is under way has ended.
    pub(crate) async fn shut(&self) {
        self.state.store(SHUT, Ordering::Release);
        drop(self.turn.lock().await);
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use tradebase_core::Code;

    use super::*;

    const ATTEMPT: Duration = Duration::from_millis(50);

    async fn fail(attempts: Arc<AtomicU64>) -> Result<()> {
        attempts.fetch_add(1, Ordering::Relaxed);
        sleep(ATTEMPT).await;
        Err(Error::new(Code::ConnectionFailed, "nobody is there").because("the reason"))
    }

    #[tokio::test]
    async fn calls_that_waited_for_a_failed_attempt_take_its_error() {
        let (gate, attempts) = (Arc::new(Gate::default()), Arc::new(AtomicU64::new(0)));
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let (gate, attempts) = (gate.clone(), attempts.clone());
            calls.spawn(async move { gate.open(fail(attempts)).await });
        }
        for error in calls.join_all().await {
            let shown = error.unwrap_err().to_string();
            assert_eq!(shown, "[DB_CONN_001] nobody is there: the reason");
        }
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
        gate.open(fail(attempts.clone())).await.unwrap_err();
        assert_eq!(attempts.load(Ordering::Relaxed), 2);
        gate.open(async { Ok(()) }).await.unwrap();
        assert!(gate.is_open());
    }

    #[tokio::test]
    async fn an_attempt_that_is_dropped_leaves_the_next_in_the_queue_to_try() {
        let gate = Arc::new(Gate::default());
        let first = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.open(std::future::pending()).await })
        };
        tokio::task::yield_now().await;
        let second = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.open(async { Ok(()) }).await })
        };
        tokio::task::yield_now().await;
        first.abort();
        second.await.unwrap().unwrap();
        assert!(gate.is_open());
    }

    #[tokio::test]
    async fn a_gate_that_is_shut_while_it_opens_stays_shut() {
        let gate = Arc::new(Gate::default());
        let mut calls = JoinSet::new();
        for _ in 0..3 {
            let gate = gate.clone();
            let connect = async {
                sleep(ATTEMPT).await;
                Ok(())
            };
            calls.spawn(async move { gate.open(connect).await });
        }
        tokio::task::yield_now().await;
        gate.shut().await;
        assert!(!gate.is_open());
        for outcome in calls.join_all().await {
            assert_eq!(outcome.unwrap_err().code(), Code::Closed);
        }
    }
}
