//! One event per operation, and nothing in it that a record holds.

mod common;

use std::fmt::Debug;
use std::sync::{Mutex, Once};
use std::thread::{ThreadId, current};

use common::records::{Account, account};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};
use tradebase_core::Code;
use tradebase_core::watch::{Fault, Faults, Operation, Watch};
use tradebase_sql::{Sql, SqlOptions};

addressed! {
    async fn every_operation_ends_with_one_event_without_values(url: &str) {
        listen();
        let sql = Sql::later(SqlOptions::new(url)).unwrap();
        sql.create_table::<Account>().await.unwrap();
        sql.insert_many(&mut [account(7_777, "hunter2"), account(2, "b")]).await.unwrap();
        sql.insert(&mut account(7_777, "hunter2")).await.unwrap_err();
        sql.find::<Account>().filter(Account::OWNER.eq("hunter2")).all().await.unwrap();
        sql.query_values("SELECT 7777", &[]).await.unwrap();
        let engine = sql.capabilities().engine;
        sql.close().await.unwrap();
        let lines = heard();
        let ours: Vec<_> = lines.iter().filter(|line| line.contains("operation=")).collect();
        let want = [
            "operation=create_table record=Account count=0",
            "operation=insert_many record=Account count=2",
            "operation=insert record=Account count=0 code=DB_VAL_002",
            "operation=find record=Account count=1",
            "operation=query count=1",
            "operation=close count=0",
        ];
        assert_eq!(ours, want.map(|rest| format!("DEBUG store={engine} {rest}")).each_ref());
        assert!(lines.iter().any(|line| line.starts_with("INFO") && line.contains("connected")));
        for secret in ["hunter2", "7777"] {
            assert!(!ours.iter().any(|line| line.contains(secret)), "{ours:?}");
        }
    }

    async fn connecting_ends_with_one_event_well_or_not(url: &str) {
        listen();
        let faults = Faults::default();
        let options = SqlOptions::new(url).watch(Watch::with_faults(faults.clone()));
        faults.order(Fault::before(Operation::Connect, Code::ConnectionFailed).times(2));
        Sql::open_with(options.clone()).await.unwrap_err();
        let sql = Sql::later(options).unwrap();
        sql.connect().await.unwrap_err();
        sql.connect().await.unwrap();
        let engine = sql.capabilities().engine;
        let lines = heard();
        let ours: Vec<_> = lines.iter().filter(|line| line.contains("operation=")).collect();
        let failed = "operation=connect count=0 code=DB_CONN_001";
        let want = [failed, failed, "operation=connect count=0"];
        assert_eq!(ours, want.map(|rest| format!("DEBUG store={engine} {rest}")).each_ref());
        sql.close().await.unwrap();
    }
}

/// What the events of each thread say: the level and every field, in order.
static HEARD: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// One listener for the process: others would miss what was asked for before they came.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
}

/// What was heard of this test, which runs on a thread of its own.
fn heard() -> Vec<String> {
    let mine = current().id();
    let all = HEARD.lock().unwrap();
    all.iter().filter(|(thread, _)| *thread == mine).map(|(_, line)| line.clone()).collect()
}

struct Listener;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push_str(&format!(" {}={value}", field.name()));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tradebase_sql")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        HEARD.lock().unwrap().push((current().id(), line.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
