//! A future is dropped at every poll, and what it leaves behind is seen.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::time::sleep;
use tradebase_testkit::{drop_after, drop_at_every_poll};

#[tokio::test]
async fn every_poll_is_reached_once_at_once_and_once_woken() {
    let (started, settled) = (Cell::new(0), Cell::new(0));
    let reached = RefCell::new(Vec::new());
    let work = || async {
        started.set(started.get() + 1);
        for step in 1..=3 {
            reached.borrow_mut().push(step);
            yield_now().await;
        }
        "done"
    };
    let dropped = drop_at_every_poll(work, async || settled.set(settled.get() + 1)).await;
    assert_eq!((dropped.output, dropped.drops), ("done", 6));
    assert_eq!((started.get(), settled.get()), (7, 6));
    assert_eq!(reached.into_inner(), [1, 1, 1, 2, 1, 2, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[tokio::test]
async fn a_future_that_does_not_wait_is_not_dropped() {
    let dropped = drop_at_every_poll(|| async { 7 }, async || panic!("nothing to settle")).await;
    assert_eq!((dropped.output, dropped.drops), (7, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_tasks_and_locks_of_the_runtime_wake_it() {
    let (lock, ended) = (Arc::new(Mutex::new(0)), Arc::new(AtomicU32::new(0)));
    let work = || {
        let (lock, ended) = (lock.clone(), ended.clone());
        async move {
            sleep(Duration::from_millis(1)).await;
            let task = tokio::spawn(async move { ended.fetch_add(1, Ordering::SeqCst) });
            let mut count = lock.lock().await;
            sleep(Duration::from_millis(1)).await;
            *count += 1;
            task.await.unwrap()
        }
    };
    let dropped = drop_at_every_poll(work, async || assert_eq!(*lock.lock().await, 0)).await;
    assert!(dropped.drops >= 4, "{}", dropped.drops);
    assert_eq!(*lock.lock().await, 1);
}

/// Gives a permit to whoever asks, and never takes one back: a lane with that fault.
async fn leaks_what_is_handed_over(permits: Arc<Semaphore>) {
    let (give, given) = oneshot::channel();
    tokio::spawn(async move {
        let permit = permits.acquire_owned().await.unwrap();
        permit.forget();
        // Who asked may be gone; a right lane would look.
        _ = give.send(());
    });
    given.await.unwrap();
}

#[tokio::test]
async fn what_was_handed_over_and_not_seen_is_found_lost() {
    let permits = Arc::new(Semaphore::new(10));
    assert!(drop_after(leaks_what_is_handed_over(permits.clone()), 1, true).await.is_none());
    assert_eq!(permits.available_permits(), 9);
}

#[tokio::test]
async fn a_wake_of_the_task_is_no_poll_of_the_future() {
    let polls = Cell::new(0);
    let counted = std::future::poll_fn(|_| {
        polls.set(polls.get() + 1);
        std::task::Poll::<()>::Pending
    });
    tokio::select! {
        _ = drop_after(counted, 5, false) => panic!("nobody wakes it"),
        () = async { for _ in 0..20 { yield_now().await } } => {}
    }
    assert_eq!(polls.get(), 1);
}
