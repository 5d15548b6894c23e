//! What the room shares with the other rooms: opened late, closed for all, measured, clocked.
#![allow(missing_docs)]

mod common;

use std::fs;
use std::time::Duration;

use common::*;
use tokio::runtime::{Builder, Runtime};
use tradebase_analytics::{Analytics, AnalyticsOptions, CLOSE_WAIT_MAX};
use tradebase_core::clock::{Clock, Tick};
use tradebase_core::watch::{Fault, Faults, Operation, Watch};
use tradebase_core::{Code, Table, Timestamp, Value};
use tradebase_testkit::TempFolder;

fn later(options: AnalyticsOptions) -> Analytics {
    Analytics::later(options.create_tables([FILLS])).unwrap()
}

#[tokio::test]
async fn duckdb_is_opened_by_the_first_call_that_needs_it() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("new/late.duckdb");
    let analytics = later(AnalyticsOptions::new(&file));
    assert_eq!(analytics.address(), file.display().to_string());
    assert_eq!(analytics.capabilities().engine, "duckdb");
    assert!(!analytics.is_connected());
    let error = analytics.append(&mut [fill(1)]).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::StorageFailed, Some("append")), "{error}");
    assert!(error.to_string().contains("make it first"), "{error}");
    fs::create_dir(folder.file("new")).unwrap();
    append(&analytics, 1..3).await;
    assert!(analytics.is_connected());
    analytics.ping().await.unwrap();
    assert_eq!(ids(&analytics).await, [1, 2]);
}

#[tokio::test]
async fn duckdb_options_that_cannot_be_are_refused_at_once() {
    let memory = || AnalyticsOptions::new(":memory:");
    for options in [AnalyticsOptions::new(""), memory().read_only(true), memory().threads(0)] {
        assert_eq!(Analytics::later(options).unwrap_err().code(), Code::Config);
    }
}

#[tokio::test]
async fn duckdb_a_failed_open_leaves_no_new_file() {
    // A table that cannot be made, since it has no name.
    static NAMELESS: Table = Table::new("Nameless", "", FILLS.columns, &[0], &[], None);
    let folder = TempFolder::new().unwrap();
    let file = folder.file("new.duckdb");
    let nameless = || AnalyticsOptions::new(&file).create_tables([FILLS, &NAMELESS]);
    let error = Analytics::open_with(nameless()).await.unwrap_err();
    assert_eq!(error.record(), Some("Nameless"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = Analytics::open("/proc/new.duckdb").await.unwrap_err();
    assert_eq!(error.code(), Code::StorageFailed, "{error}");
    // A file that was there stays, and so does what is in it.
    let kept = later(AnalyticsOptions::new(&file));
    append(&kept, 1..4).await;
    kept.close().await.unwrap();
    Analytics::open_with(nameless()).await.unwrap_err();
    let kept = later(AnalyticsOptions::new(&file));
    assert_eq!(ids(&kept).await, [1, 2, 3]);
}

#[tokio::test]
async fn duckdb_tables_are_created_once_and_left_as_they_are() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("tables.duckdb");
    let analytics = Analytics::open_with(AnalyticsOptions::new(&file)).await.unwrap();
    let made = "CREATE TABLE fills (id BIGINT)";
    analytics.execute(made, &[]).await.unwrap();
    analytics.close().await.unwrap();
    let analytics = later(AnalyticsOptions::new(&file));
    analytics.connect().await.unwrap();
    let columns = "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'fills'";
    let found = analytics.query_values(columns, &[]).await.unwrap();
    assert_eq!(found.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn duckdb_a_close_is_for_all_handles() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("closed.duckdb");
    let analytics = later(AnalyticsOptions::new(&file));
    let other = analytics.clone();
    append(&analytics, 0..3).await;
    let connection = other.connection().await.unwrap();
    let (closed, ()) = tokio::join!(analytics.close(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(connection);
    });
    closed.unwrap();
    for error in [
        other.all::<Fill>().await.unwrap_err(),
        other.append(&mut [fill(4)]).await.unwrap_err(),
        other.connect().await.unwrap_err(),
        other.connection().await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Closed, "{error}");
    }
    assert!(!other.is_connected());
    other.close().await.unwrap();
    // Moved while this process has handles, and whole.
    let moved = folder.file("moved.duckdb");
    fs::rename(&file, &moved).unwrap();
    assert_eq!(ids(&later(AnalyticsOptions::new(&moved))).await, [0, 1, 2]);
    let never = later(AnalyticsOptions::new(&file));
    never.close().await.unwrap();
    assert_eq!(never.ping().await.unwrap_err().code(), Code::Closed);
    assert!(!file.exists());
}

#[tokio::test]
async fn duckdb_a_close_waits_no_longer_than_it_says() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("held.duckdb");
    let analytics = later(AnalyticsOptions::new(&file));
    let (short, long) = (analytics.connection().await, analytics.connection().await);
    let start = Tick::now();
    let (closed, ()) = tokio::join!(analytics.close(), async {
        // Work that ends wakes the close, which then waits for what is left of its time.
        tokio::time::sleep(CLOSE_WAIT_MAX / 2).await;
        drop(short);
    });
    let error = closed.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::TimedOut, Some("close")), "{error}");
    assert!(error.to_string().contains("held.duckdb"), "{error}");
    assert!(start.elapsed() < CLOSE_WAIT_MAX + CLOSE_WAIT_MAX / 4, "{:?}", start.elapsed());
    drop(long);
    // Now it is closed, so that other options are fine.
    Analytics::open_with(AnalyticsOptions::new(&file).threads(1)).await.unwrap();
}

#[tokio::test]
async fn duckdb_calls_after_a_close_are_no_attempts_to_connect() {
    let analytics = later(AnalyticsOptions::new(":memory:"));
    append(&analytics, 0..3).await;
    analytics.close().await.unwrap();
    analytics.all::<Fill>().await.unwrap_err();
    analytics.ping().await.unwrap_err();
    analytics.connect().await.unwrap_err();
    let measures = analytics.watch().measures();
    let connects = measures.iter().find(|m| m.operation == Operation::Connect).unwrap();
    assert_eq!((connects.calls, connects.errors), (1, 0));
}

fn runtime() -> Runtime {
    // No timers: the room needs none of the caller's.
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn duckdb_a_handle_outlives_the_runtime_that_first_used_it() {
    let own = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let options = AnalyticsOptions::new(":memory:").runtime(own.handle().clone());
    let analytics = later(options);
    runtime().block_on(append(&analytics, 0..2));
    assert_eq!(runtime().block_on(ids(&analytics)), [0, 1]);
    drop(own);
    let error = runtime().block_on(analytics.all::<Fill>()).unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
}

#[tokio::test]
async fn duckdb_the_layer_fills_columns_by_the_given_clock() {
    let start: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
    let clock = Clock::manual(start);
    let analytics = later(AnalyticsOptions::new(":memory:").clock(clock.clone()));
    let mut rows = [fill(1)];
    analytics.append(&mut rows).await.unwrap();
    assert_eq!(rows[0].created_at, start);
    clock.advance(Duration::from_secs(1));
    append(&analytics, 2..3).await;
    let found = analytics.all::<Fill>().await.unwrap();
    assert_eq!(found[1].created_at.to_string(), "2026-11-20T09:30:01.000000Z");
}

#[tokio::test]
async fn duckdb_operations_are_measured_and_fail_as_a_test_orders() {
    let faults = Faults::default();
    let watch = Watch::with_faults(faults.clone());
    let analytics = later(AnalyticsOptions::new(":memory:").watch(watch));
    faults.order(Fault::before(Operation::Connect, Code::ConnectionFailed));
    faults.order(Fault::after(Operation::Append, Code::ConnectionLost));
    let error = analytics.all::<Fill>().await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::ConnectionFailed, Some("all")));
    let mut rows = [fill(1), fill(2)];
    let error = analytics.append(&mut rows).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost);
    assert_eq!(ids(&analytics).await, [1, 2], "stored, and the answer was lost");
    let of = |operation| {
        let measures = analytics.watch().measures();
        let found = measures.into_iter().find(|m| m.operation == operation).unwrap();
        (found.calls, found.errors, found.rows)
    };
    assert_eq!(of(Operation::Connect), (2, 1, 0));
    assert_eq!(of(Operation::All), (2, 1, 2));
    assert_eq!(of(Operation::Append), (1, 1, 0));
}

#[tokio::test]
async fn duckdb_each_operation_is_one_event_without_values() {
    let events = Events::of_this_thread();
    let analytics = later(AnalyticsOptions::new(":memory:"));
    append(&analytics, 0..3).await;
    let secret = [Value::Text("hunter2".into())];
    analytics.query_values("SELECT ? AS hunter3", &secret).await.unwrap();
    analytics.execute("SELECT hunter3(?)", &secret).await.unwrap_err();
    assert_eq!(
        events.with("DEBUG"),
        [
            "DEBUG message=done store=duckdb operation=append record=Fill count=3",
            "DEBUG message=done store=duckdb operation=query count=1",
            "DEBUG message=failed store=duckdb operation=query code=DB_QRY_001",
        ]
    );
    assert_eq!(events.with("INFO").len(), 1);
    assert!(events.with("INFO")[0].contains("address=:memory:"));
    assert!(events.with("hunter").is_empty());
}
