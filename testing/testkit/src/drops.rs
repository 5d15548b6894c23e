//! Dropping a future wherever it can be dropped.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled more often than this is no call of a store.
pub const POLLS_MAX: u32 = 10_000;

/// What [`drop_at_every_poll`] has done.
#[derive(Debug)]
pub struct Dropped<T> {
    /// What the future gave when it was let run to its end.
    pub output: T,
    /// How many futures were dropped before.
    pub drops: u32,
}

/// Makes a future and drops it after its first poll, makes another and drops it after its
/// second, and so on until one ends by itself. After every drop, and not after the end, it runs
/// `settle`, which looks whether all is as it must be.
///
/// Each poll is tried twice: dropped as soon as the future waits, and dropped when it has been
/// woken and not been polled again. In the second case what it waited for (a permit, a reply, a
/// connection) has been handed to it and it has not seen it: that is where such things get lost.
///
/// A future is polled again only when it was woken, so it needs no particular runtime.
///
/// # Panics
/// When a future waits for more than [`POLLS_MAX`] times.
pub async fn drop_at_every_poll<F: Future>(
    mut make: impl FnMut() -> F,
    mut settle: impl AsyncFnMut(),
) -> Dropped<F::Output> {
    let mut drops = 0;
    for polls in 1..=POLLS_MAX {
        for woken in [false, true] {
            if let Some(output) = drop_after(make(), polls, woken).await {
                return Dropped { output, drops };
            }
            drops += 1;
            settle().await;
        }
    }
    panic!("a future is still not at its end after so many polls: {POLLS_MAX}");
}

/// Polls a future so many times at most, and drops it then, or when it is woken after that. Gives
/// its output if it has ended before.
pub async fn drop_after<F: Future>(future: F, polls: u32, woken: bool) -> Option<F::Output> {
    let signal = Arc::new(Signal { woken: AtomicBool::new(true), outer: Mutex::default() });
    Until { future: pin!(future), signal, polls, woken }.await
}

struct Until<'a, F> {
    future: Pin<&'a mut F>,
    signal: Arc<Signal>,
    /// How many polls are left.
    polls: u32,
    /// Whether the last one is followed by a wait.
    woken: bool,
}

impl<F: Future> Future for Until<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outer = context.waker().clone();
        *self.signal.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer);
        // Something else in the same task was woken: that is no poll of this future.
        if !self.signal.woken.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        let waker = Waker::from(Arc::clone(&self.signal));
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        self.polls -= 1;
        match polled {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 && !self.woken => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Tells the future's own waking from that of its task.
struct Signal {
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}
