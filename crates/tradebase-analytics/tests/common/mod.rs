//! A record, a second process that holds a file, and what was logged.
#![allow(dead_code, missing_docs)]

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::{Event, Id, Metadata, Subscriber, span};
use tradebase_analytics::{Analytics, AnalyticsOptions};
use tradebase_core::{Decimal, Record, Table, Timestamp};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
pub struct Fill {
    #[record(key)]
    pub id: i64,
    pub symbol: String,
    #[record(decimal(18, 8))]
    pub quantity: Decimal,
    #[record(created)]
    pub created_at: Timestamp,
}

pub const FILLS: &Table = <Fill as Record>::TABLE;

pub fn fill(id: i64) -> Fill {
    let created_at = Timestamp::from_micros(0);
    Fill { id, symbol: "BTC/USDT".into(), quantity: Decimal::new(id, 8), created_at }
}

pub async fn append(analytics: &Analytics, ids: std::ops::Range<i64>) {
    let mut rows: Vec<_> = ids.map(fill).collect();
    analytics.append(&mut rows).await.unwrap();
}

pub async fn ids(analytics: &Analytics) -> Vec<i64> {
    analytics.all::<Fill>().await.unwrap().iter().map(|fill| fill.id).collect()
}

pub const FILE_VARIABLE: &str = "TRADEBASE_TEST_FILE";

/// Another process that has a file open until this is dropped.
pub struct Holder {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Holder {
    /// Runs an ignored test of this binary, which calls [`hold`].
    pub fn start(test: &str, file: &Path) -> Self {
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
    pub fn end(mut self) {
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

/// What the other process does.
pub async fn hold(read_only: bool) {
    let file = std::env::var(FILE_VARIABLE).expect("run by another test, as a second process");
    let options = AnalyticsOptions::new(file).read_only(read_only);
    let analytics = Analytics::open_with(options).await.unwrap();
    std::io::stdout().write_all(b"held\n").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    analytics.close().await.unwrap();
}

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What is logged on this thread, a line for each event: `WARN reason=file_locked …`.
pub struct Events;

impl Events {
    pub fn of_this_thread() -> Self {
        static SET: Once = Once::new();
        // For all threads: one without a subscriber would switch the events off for the others.
        SET.call_once(|| tracing::subscriber::set_global_default(Events).unwrap());
        LOGGED.take();
        Events
    }

    pub fn with(&self, part: &str) -> Vec<String> {
        LOGGED.with_borrow(|lines| lines.iter().filter(|l| l.contains(part)).cloned().collect())
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tradebase")
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LOGGED.with_borrow_mut(|lines| lines.push(line.0));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {field}={value}").unwrap();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
