//! What becomes of a file that another process holds.
#![allow(missing_docs)]

mod common;

use std::fs;
use std::thread;
use std::time::Duration;

use common::*;
use tradebase_analytics::{Analytics, AnalyticsOptions, CLOSE_WAIT_MAX, WhenLocked};
use tradebase_core::clock::Tick;
use tradebase_core::watch::Operation;
use tradebase_core::{Capability, Code, Record};
use tradebase_testkit::TempFolder;

const POLICIES: [WhenLocked; 4] = [
    WhenLocked::Error,
    WhenLocked::Memory,
    WhenLocked::Wait(Duration::from_secs(60)),
    WhenLocked::ReadOnly,
];

#[tokio::test]
#[ignore = "runs as the second process of another test"]
async fn duckdb_second_process_writes() {
    hold(false).await;
}

#[tokio::test]
#[ignore = "runs as the second process of another test"]
async fn duckdb_second_process_reads() {
    hold(true).await;
}

/// A folder with a file of three fills that nobody holds.
async fn with_fills() -> (TempFolder, std::path::PathBuf) {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("held.duckdb");
    let analytics = Analytics::open_with(AnalyticsOptions::new(&file)).await.unwrap();
    analytics.create_table::<Fill>().await.unwrap();
    append(&analytics, 0..3).await;
    analytics.close().await.unwrap();
    (folder, file)
}

#[tokio::test]
async fn duckdb_a_locked_file_is_an_error_that_names_it_and_the_next_call_tries_again() {
    let (_folder, file) = with_fills().await;
    let holder = Holder::start("duckdb_second_process_writes", &file);
    let analytics = Analytics::later(AnalyticsOptions::new(&file)).unwrap();
    for _ in 0..2 {
        let error = analytics.all::<Fill>().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::FileLocked, Some("all")), "{error}");
        let text = error.to_string();
        assert!(text.contains(&*file.to_string_lossy()) && text.contains("when_locked"), "{text}");
    }
    assert!(!analytics.is_connected() && !analytics.is_ephemeral());
    holder.end();
    assert_eq!(ids(&analytics).await, [0, 1, 2]);
}

#[tokio::test]
async fn duckdb_a_locked_file_gives_way_to_memory_only_where_told_and_says_so_once() {
    let (_folder, file) = with_fills().await;
    let events = Events::of_this_thread();
    let holder = Holder::start("duckdb_second_process_writes", &file);
    let options = AnalyticsOptions::new(&file).when_locked(WhenLocked::Memory);
    let analytics = Analytics::later(options.clone().create_tables([FILLS])).unwrap();
    assert!(!analytics.is_ephemeral() && analytics.ephemeral_instead_of().is_none());
    assert!(ids(&analytics).await.is_empty(), "nothing of the file");
    append(&analytics, 7..9).await;
    assert_eq!(ids(&analytics.clone()).await, [7, 8]);
    assert!(analytics.is_ephemeral());
    assert_eq!(analytics.ephemeral_instead_of(), Some(file.clone()));
    assert_eq!(analytics.address(), ":memory:");
    assert!(!analytics.capabilities().can(Capability::Durable));
    let warnings = events.with("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let (reason, path) = ("reason=file_locked", format!("path={}", file.display()));
    assert!(warnings[0].contains(reason) && warnings[0].contains(&path), "{warnings:?}");
    holder.end();
    let free = Analytics::open_with(options).await.unwrap();
    assert!(!free.is_ephemeral());
    assert_eq!(ids(&free).await, [0, 1, 2], "the file is as it was");
}

#[tokio::test]
async fn duckdb_a_locked_file_is_waited_for_until_it_is_free_or_the_time_is_over() {
    const SHORT: Duration = Duration::from_millis(200);
    let (_folder, file) = with_fills().await;
    let holder = Holder::start("duckdb_second_process_writes", &file);
    let start = Tick::now();
    let options = AnalyticsOptions::new(&file).when_locked(WhenLocked::Wait(SHORT));
    let error = Analytics::open_with(options).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::FileLocked, Some("open")), "{error}");
    assert!(start.elapsed() >= SHORT);
    let freed = thread::spawn(move || {
        thread::sleep(SHORT);
        holder.end();
    });
    let long = WhenLocked::Wait(Duration::from_secs(60));
    let options = AnalyticsOptions::new(&file).when_locked(long);
    let analytics = Analytics::open_with(options).await.unwrap();
    assert_eq!(ids(&analytics).await, [0, 1, 2]);
    append(&analytics, 3..4).await;
    freed.join().unwrap();
}

#[tokio::test]
async fn duckdb_callers_wait_for_a_locked_file_together_and_not_one_after_another() {
    const CALLERS: usize = 20;
    const WAIT: Duration = Duration::from_millis(500);
    let (_folder, file) = with_fills().await;
    let holder = Holder::start("duckdb_second_process_writes", &file);
    let options = AnalyticsOptions::new(&file).when_locked(WhenLocked::Wait(WAIT));
    let analytics = Analytics::later(options).unwrap();
    let start = Tick::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let analytics = analytics.clone();
            tokio::spawn(async move { analytics.all::<Fill>().await.unwrap_err() })
        })
        .collect();
    for caller in callers {
        let error = caller.await.unwrap();
        assert_eq!((error.code(), error.operation()), (Code::FileLocked, Some("all")), "{error}");
        let text = error.to_string();
        assert!(text.contains(&*file.to_string_lossy()), "{text}");
        assert_eq!(text.matches("[DB_").count(), 1, "{text}");
    }
    assert!(start.elapsed() < 4 * WAIT, "{:?}", start.elapsed());
    let measures = analytics.watch().measures();
    let connects = measures.iter().find(|m| m.operation == Operation::Connect).unwrap();
    assert_eq!((connects.calls, connects.errors), (1, 1), "they made one attempt");
    holder.end();
    assert_eq!(ids(&analytics).await, [0, 1, 2]);
}

#[tokio::test]
async fn duckdb_a_close_does_not_wait_until_the_time_for_a_locked_file_is_over() {
    const CALLERS: usize = 5;
    let (_folder, file) = with_fills().await;
    let holder = Holder::start("duckdb_second_process_writes", &file);
    let hour = WhenLocked::Wait(Duration::from_secs(3_600));
    let analytics = Analytics::later(AnalyticsOptions::new(&file).when_locked(hour)).unwrap();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let analytics = analytics.clone();
            tokio::spawn(async move { analytics.all::<Fill>().await.unwrap_err() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Tick::now();
    analytics.close().await.unwrap();
    for caller in callers {
        let error = caller.await.unwrap();
        assert_eq!(error.code(), Code::Closed, "{error}");
    }
    assert!(start.elapsed() < CLOSE_WAIT_MAX, "{:?}", start.elapsed());
    holder.end();
}

#[tokio::test]
async fn duckdb_a_locked_file_is_read_beside_readers_and_not_beside_a_writer() {
    #[derive(Record, Debug)]
    #[record(table = "others")]
    struct Other {
        #[record(key)]
        id: i64,
    }
    let (_folder, file) = with_fills().await;
    let options = || AnalyticsOptions::new(&file).when_locked(WhenLocked::ReadOnly);
    let writer = Holder::start("duckdb_second_process_writes", &file);
    let error = Analytics::open_with(options()).await.unwrap_err();
    assert_eq!(error.code(), Code::FileLocked, "{error}");
    writer.end();
    let reader = Holder::start("duckdb_second_process_reads", &file);
    let analytics = Analytics::open_with(options().create_tables([FILLS])).await.unwrap();
    let other = Analytics::open_with(options()).await.unwrap();
    assert_eq!((ids(&analytics).await, ids(&other).await), (vec![0, 1, 2], vec![0, 1, 2]));
    assert!(!analytics.is_ephemeral());
    analytics.create_table::<Fill>().await.unwrap();
    for error in [
        analytics.append(&mut [fill(9)]).await.unwrap_err(),
        analytics.create_table::<Other>().await.unwrap_err(),
        analytics.execute("DELETE FROM fills", &[]).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Unsupported, "{error}");
        assert!(error.to_string().contains("open for reading only"), "{error}");
    }
    reader.end();
    analytics.close().await.unwrap();
    other.close().await.unwrap();
    let free = Analytics::open_with(options()).await.unwrap();
    append(&free, 3..4).await;
}

#[tokio::test]
async fn duckdb_only_a_lock_is_answered_by_the_policy() {
    let folder = TempFolder::new().unwrap();
    let broken = folder.file("broken.duckdb");
    fs::write(&broken, "no database ".repeat(2_000)).unwrap();
    for when_locked in POLICIES {
        for path in [broken.clone(), folder.file("missing/x.duckdb"), folder.path().to_path_buf()] {
            let options = AnalyticsOptions::new(&path).when_locked(when_locked);
            let analytics = Analytics::later(options).unwrap();
            let error = analytics.connect().await.unwrap_err();
            assert_eq!(error.code(), Code::StorageFailed, "{when_locked:?}: {error}");
            assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
            assert!(!analytics.is_ephemeral() && !analytics.is_connected());
        }
    }
}
