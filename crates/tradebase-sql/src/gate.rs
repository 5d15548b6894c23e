//! Whether a store is connected: opened by the first call that needs it, shut by `close`.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Mutex;
use tradebase_core::Result;

use crate::error::closed;

const NEW: u8 = 0;
const OPEN: u8 = 1;
const SHUT: u8 = 2;

/// A gate that opens once. A call through an open gate pays one look.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    /// Held by the one who opens or shuts it.
    turn: Mutex<()>,
}

impl Gate {
    /// Whether calls may pass.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.state() == OPEN
    }

    /// Connects, unless somebody else has done so by now. A failed attempt leaves the next call
    /// to try again; an attempt that was dropped too.
    pub(crate) async fn open(&self, connect: impl Future<Output = Result<()>>) -> Result<()> {
        let _turn = self.turn.lock().await;
        match self.state() {
            OPEN => return Ok(()),
            NEW => connect.await?,
            _ => return Err(closed()),
        }
        self.state.store(OPEN, Ordering::Release);
        Ok(())
    }

    /// Lets nobody in any more, when an attempt to connect that is under way has ended.
    pub(crate) async fn shut(&self) {
        let _turn = self.turn.lock().await;
        self.state.store(SHUT, Ordering::Release);
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }
}
