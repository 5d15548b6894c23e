//! A full disk, as those who queue meet it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Result};
use tradebase_testkit::TempFolder;

use super::fixture::{bound, insert, number, opened, place};
use super::lane::Lane;
use super::writing::Writing;
use crate::call::{Call, Manner};
use crate::options::SqlOptions;

/// Inserts notes at the same time, and gives the ids of those that were acknowledged.
async fn insert_all(lane: &Arc<Lane>, notes: Vec<(i64, usize)>) -> BTreeSet<i64> {
    // Whoever comes now queues.
    let held = lane.writer.lock().await;
    let mut calls = JoinSet::new();
    for (id, bytes) in notes {
        let lane = lane.clone();
        calls.spawn(async move {
            let call = Call::new(Operation::Insert, None, Manner::default(), None);
            (id, lane.run(&call, insert(id, bytes)).await.map(drop))
        });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(held);
    let ended: Vec<(i64, Result<()>)> = calls.join_all().await;
    let good = ended.into_iter().filter_map(|(id, outcome)| match outcome {
        Ok(()) => Some(id),
        Err(error) => {
            assert_eq!(error.code(), Code::StorageFull, "{error}");
            None
        }
    });
    good.collect()
}

fn stored(writing: &Writing) -> BTreeSet<i64> {
    let mut select = writing.connection.prepare("SELECT id FROM notes").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_ends_when_there_is_room() {
    let folder = TempFolder::new().unwrap();
    let lane = Arc::new(Lane::new(place(&folder), SqlOptions::new("")));
    let writing = opened(&folder);
    bound(&writing, 8);
    *lane.writer.lock().await = Some(writing);
    // One that is too large fails alone.
    let notes = (0..12).map(|id| (id, if id == 5 { 1_000_000 } else { 10 })).collect();
    let mut want: BTreeSet<_> = (0..12).filter(|id| *id != 5).collect();
    assert_eq!(insert_all(&lane, notes).await, want);
    // Some fit, and the others do not.
    let good = insert_all(&lane, (20..60).map(|id| (id, 3_000)).collect()).await;
    assert!(!good.is_empty() && good.len() < 40, "{good:?}");
    want.extend(&good);
    let writer = lane.writer.lock().await;
    let open = writer.as_ref().unwrap();
    assert_eq!(stored(open), want);
    number(open, "PRAGMA max_page_count = 100000");
    drop(writer);
    let again: BTreeSet<_> = (20..60).filter(|id| !good.contains(id)).collect();
    let notes = again.iter().map(|id| (*id, 3_000)).collect();
    assert_eq!(insert_all(&lane, notes).await, again);
    want.extend(again);
    assert_eq!(stored(lane.writer.lock().await.as_ref().unwrap()), want);
    lane.end();
    lane.ended().await;
}
