//! Ids that rise with time, from one source per process.

use std::sync::Mutex;

use uuid::{ContextV7, Timestamp, Uuid};

use crate::clock;

static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new UUID of version 7, greater than every one this process made before.
pub fn new() -> Uuid {
    let nanos = clock::now_ns().as_nanos().max(0).unsigned_abs();
    // A panic elsewhere cannot leave the counter half-written: it is one word.
    let context = CONTEXT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (secs, subsec) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let moment = Timestamp::from_unix(&*context, secs, u32::try_from(subsec).unwrap_or_default());
    Uuid::new_v7(moment)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_rise_across_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..5000).map(|_| super::new()).collect::<Vec<_>>()))
            .collect();
        let runs: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(runs.iter().all(|run| run.is_sorted()));
        let mut all: Vec<_> = runs.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
