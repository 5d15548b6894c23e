//! What the room shares with the other rooms: connected late, closed for all, measured, on a
//! runtime of one's choice; and files that another process holds.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::*;
use tokio::runtime::{Builder, Runtime};
use tradebase_core::watch::{Fault, Faults, Operation, Watch};
use tradebase_core::{Capability, Code, Record, Table};
use tradebase_series::{EmbeddedOptions, InfluxOptions, Series, TABLE_PREFIX, WhenLocked};
use tradebase_testkit::{Influx, TempFolder};

const TRADES: &Table = <Trade as Record>::TABLE;

fn later(options: EmbeddedOptions) -> Series {
    Series::embedded_later(options.create_tables([TRADES])).unwrap()
}

async fn write(series: &Series, numbers: std::ops::Range<u32>) {
    let rows: Vec<_> = numbers.map(trade).collect();
    assert_eq!(series.write(&rows).await.unwrap().stored, rows.len());
}

async fn count(series: &Series) -> usize {
    series.read::<Trade>(..).await.unwrap().len()
}

#[test]
fn embedded_series_are_opened_by_the_first_call_that_needs_them() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("new/series.duckdb");
    let series = later(EmbeddedOptions::new(&file));
    assert_eq!(series.address(), file.display().to_string());
    assert!(!series.is_connected() && series.capabilities().can(Capability::Durable));
    run(async {
        let error = series.write(&[trade(1)]).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::StorageFailed, Some("write")));
        assert!(error.to_string().contains("make it first"), "{error}");
        fs::create_dir(folder.file("new")).unwrap();
        write(&series, 0..3).await;
        series.ping().await.unwrap();
        assert!(series.is_connected());
        assert_eq!(count(&series).await, 3);
    });
    assert_eq!(Series::table::<Trade>().unwrap(), format!("{TABLE_PREFIX}trades"));
}

#[test]
fn embedded_series_are_closed_for_all_handles() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("series.duckdb");
    run(async {
        let series = later(EmbeddedOptions::new(&file));
        let other = series.clone();
        write(&series, 0..3).await;
        series.close().await.unwrap();
        for error in [
            other.write(&[trade(4)]).await.unwrap_err(),
            other.read::<Trade>(..).await.unwrap_err(),
            other.ping().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Closed, "{error}");
        }
        other.close().await.unwrap();
        let moved = folder.file("moved.duckdb");
        fs::rename(&file, &moved).unwrap();
        assert_eq!(count(&later(EmbeddedOptions::new(&moved))).await, 3);
    });
}

/// A runtime without timers: the room needs none of the caller's.
fn bare_runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn own_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn embedded_series_outlive_the_runtime_that_first_used_them() {
    let own = own_runtime();
    let series = later(EmbeddedOptions::new(":memory:").runtime(own.handle().clone()));
    bare_runtime().block_on(write(&series, 0..3));
    assert_eq!(bare_runtime().block_on(count(&series)), 3);
}

#[test]
fn influx_connections_outlive_the_runtime_that_first_used_them() {
    let own = own_runtime();
    let mut options = options(Influx::shared());
    options.runtime = Some(own.handle().clone());
    let series = Series::influx_later(options).unwrap();
    bare_runtime().block_on(write(&series, 0..3));
    for _ in 0..3 {
        assert_eq!(bare_runtime().block_on(count(&series)), 3);
    }
    // Nor does it take a runtime of tokio.
    let found = std::thread::spawn(move || {
        let mut read = std::pin::pin!(series.read::<Trade>(..));
        let waker = std::task::Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
        loop {
            let mut context = std::task::Context::from_waker(&waker);
            match read.as_mut().poll(&mut context) {
                std::task::Poll::Ready(found) => return found.unwrap().len(),
                std::task::Poll::Pending => std::thread::park(),
            }
        }
    });
    assert_eq!(found.join().unwrap(), 3);
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn influx_is_looked_for_by_the_first_call_that_needs_it() {
    let server = Influx::start().unwrap();
    let options = options(&server);
    server.kill().unwrap();
    let series = Series::influx_later(options.clone()).unwrap();
    assert_eq!(series.address(), format!("{}/{}", server.url(), options.database));
    run(async {
        for error in [
            series.write(&[trade(1)]).await.unwrap_err(),
            series.read::<Trade>(..).await.unwrap_err(),
            series.ping().await.unwrap_err(),
            series.connect().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::ConnectionFailed, "{error}");
            assert!(error.to_string().contains(&server.url()), "{error}");
        }
        assert!(!series.is_connected());
        server.restart().unwrap();
        write(&series, 0..3).await;
        assert!(series.is_connected());
        series.ping().await.unwrap();
        let other = series.clone();
        series.close().await.unwrap();
        let error = other.read::<Trade>(..).await.unwrap_err();
        assert_eq!(error.code(), Code::Closed, "{error}");
    });
    let call = std::pin::pin!(Series::influx(InfluxOptions::new("http://localhost:1", "x")));
    match call.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.code(), Code::Config, "{error}"),
        other => panic!("{other:?}"),
    }
}

async fn operations_are_measured(series: &Series, faults: &Faults) {
    faults.order(Fault::before(Operation::Connect, Code::ConnectionFailed));
    faults.order(Fault::after(Operation::Write, Code::ConnectionLost));
    let error = series.read::<Trade>(..).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::ConnectionFailed, Some("read")));
    let error = series.write(&[trade(1), trade(2)]).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost);
    assert_eq!(count(series).await, 2, "written, and the answer was lost");
    let of = |operation| {
        let measures = series.watch().measures();
        let found = measures.into_iter().find(|m| m.operation == operation).unwrap();
        (found.calls, found.errors, found.rows)
    };
    assert_eq!(of(Operation::Connect), (2, 1, 0));
    assert_eq!(of(Operation::Read), (2, 1, 2));
    assert_eq!(of(Operation::Write), (1, 1, 0));
}

#[test]
fn embedded_operations_are_measured_and_fail_as_a_test_orders() {
    let faults = Faults::default();
    let watch = Watch::with_faults(faults.clone());
    let series = later(EmbeddedOptions::new(":memory:").watch(watch));
    run(operations_are_measured(&series, &faults));
}

#[test]
fn influx_operations_are_measured_and_fail_as_a_test_orders() {
    let faults = Faults::default();
    let mut options = options(Influx::shared());
    options.watch = Watch::with_faults(faults.clone());
    let series = Series::influx_later(options).unwrap();
    run(operations_are_measured(&series, &faults));
}

const FILE_VARIABLE: &str = "TRADEBASE_TEST_FILE";

/// Another process that has a file open until this is dropped.
struct Holder {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Holder {
    fn start(test: &str, file: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env(FILE_VARIABLE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let opened = said.by_ref().lines().map_while(Result::ok).any(|l| l.ends_with("held"));
        let holder = Self { process, said };
        assert!(opened, "it did not open the file");
        holder
    }

    /// Lets the file go.
    fn end(mut self) {
        drop(self.process.stdin.take());
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn hold(read_only: bool) {
    let file = std::env::var(FILE_VARIABLE).expect("run by another test, as a second process");
    run(async {
        let options = EmbeddedOptions::new(file).read_only(read_only);
        let series = Series::embedded_with(options).await.unwrap();
        std::io::stdout().write_all(b"held\n").unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        series.close().await.unwrap();
    });
}

#[test]
#[ignore = "runs as the second process of another test"]
fn embedded_second_process_writes() {
    hold(false);
}

#[test]
#[ignore = "runs as the second process of another test"]
fn embedded_second_process_reads() {
    hold(true);
}

/// A folder with a file of three trades that nobody holds.
async fn with_trades() -> (TempFolder, PathBuf) {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("held.duckdb");
    let series = later(EmbeddedOptions::new(&file));
    write(&series, 0..3).await;
    series.close().await.unwrap();
    (folder, file)
}

#[test]
fn embedded_a_locked_file_is_answered_as_the_policy_says() {
    run(async {
        let (_folder, file) = with_trades().await;
        let options = |when_locked| EmbeddedOptions::new(&file).when_locked(when_locked);
        let writer = Holder::start("embedded_second_process_writes", &file);
        let short = WhenLocked::Wait(Duration::from_millis(100));
        for when_locked in [WhenLocked::Error, short, WhenLocked::ReadOnly] {
            let error = Series::embedded_with(options(when_locked)).await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::FileLocked, Some("open")));
            assert!(error.to_string().contains("held.duckdb"), "{error}");
        }
        let memory = later(options(WhenLocked::Memory));
        write(&memory, 5..7).await;
        assert_eq!(count(&memory).await, 2);
        assert!(memory.is_ephemeral());
        assert_eq!(memory.ephemeral_instead_of(), Some(file.clone()));
        assert!(!memory.capabilities().can(Capability::Durable));
        let waits = later(options(WhenLocked::Wait(Duration::from_secs(60))));
        let (found, ()) = tokio::join!(count(&waits), async { writer.end() });
        assert_eq!(found, 3);
        assert!(!waits.is_ephemeral());
    });
}

#[test]
fn embedded_a_file_is_read_beside_readers_and_not_written() {
    run(async {
        let (_folder, file) = with_trades().await;
        let reader = Holder::start("embedded_second_process_reads", &file);
        let series = later(EmbeddedOptions::new(&file).when_locked(WhenLocked::ReadOnly));
        series.create::<Trade>().await.unwrap();
        assert_eq!(count(&series).await, 3);
        for error in [
            series.write(&[trade(9)]).await.unwrap_err(),
            series.create::<Tick>().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Unsupported, "{error}");
            assert!(error.to_string().contains("open for reading only"), "{error}");
        }
        reader.end();
    });
}

#[test]
fn a_room_without_an_engine_says_what_to_do_in_every_call() {
    run(async {
        let series = Series::absent("set INFLUXDB_URL", Watch::default());
        assert!(!series.is_there() && !series.is_connected());
        for error in [
            series.connect().await.unwrap_err(),
            series.ping().await.unwrap_err(),
            series.create::<Trade>().await.unwrap_err(),
            series.write(&[trade(1)]).await.unwrap_err(),
            series.read::<Trade>(..).await.unwrap_err(),
            series.drop_series::<Trade>().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Unsupported);
            assert!(error.to_string().contains("set INFLUXDB_URL"), "{error}");
        }
        series.close().await.unwrap();
    });
}
