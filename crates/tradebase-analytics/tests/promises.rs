//! What the analytics room promises, on a real DuckDB.
#![allow(missing_docs)]

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Builder;
use tradebase_analytics::{Analytics, AnalyticsOptions};
use tradebase_core::clock::Tick;
use tradebase_core::{
    Assigned, Capability, Code, Decimal, ErrorKind, Field, Record, Row, Timestamp, Uuid, Value,
};
use tradebase_testkit::TempFolder;

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[field(id)]
struct TradeId(Uuid);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", index(bot_id, timestamp))]
struct Trade {
    #[record(key)]
    id: TradeId,
    bot_id: Uuid,
    #[record(length(1..=32))]
    symbol: String,
    side: String,
    #[record(decimal(28, 10), min = 0)]
    quantity: Decimal,
    #[record(decimal(28, 10))]
    price: Decimal,
    #[record(decimal(28, 10))]
    pnl: Option<Decimal>,
    status: Option<String>,
    timestamp: Timestamp,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "tickets")]
struct Ticket {
    #[record(key)]
    id: Assigned<i64>,
    #[record(length(1..=20))]
    subject: String,
    #[record(created)]
    created_at: Timestamp,
    #[record(updated)]
    updated_at: Timestamp,
    #[record(version)]
    version: i64,
}

fn trade(n: i64) -> Trade {
    Trade {
        id: TradeId(tradebase_core::id::new()),
        bot_id: Uuid::from_u128(7),
        symbol: ["BTC/USDT", "ETH/USDT", "ΩMEGA/𝄞"][usize::try_from(n % 3).unwrap()].into(),
        side: if n % 2 == 0 { "buy" } else { "sell" }.into(),
        quantity: Decimal::new(n + 1, 10),
        price: Decimal::new(9_600_012 + n, 2),
        pnl: (n % 3 != 0).then(|| Decimal::new(n - 5_000, 4)),
        status: (n % 5 != 0).then(|| if n % 7 == 0 { String::new() } else { "filled".into() }),
        timestamp: Timestamp::from_micros(1_795_176_000_000_000 + n / 2),
    }
}

fn trades(count: i64) -> Vec<Trade> {
    (0..count).map(trade).collect()
}

fn ticket(subject: &str) -> Ticket {
    let created_at = Timestamp::from_micros(0);
    Ticket {
        id: Assigned::New,
        subject: subject.into(),
        created_at,
        updated_at: created_at,
        version: 0,
    }
}

async fn memory() -> Analytics {
    Analytics::open(":memory:").await.unwrap()
}

async fn with_trades(rows: &[Trade]) -> Analytics {
    let analytics = memory().await;
    analytics.create_table::<Trade>().await.unwrap();
    analytics.append(rows).await.unwrap();
    analytics
}

#[derive(Row, Debug, PartialEq)]
struct Total {
    symbol: String,
    count: i32,
    #[record(decimal(28, 10))]
    quantity: Decimal,
    #[record(decimal(28, 4))]
    pnl: Option<Decimal>,
}

#[tokio::test]
async fn duckdb_ten_thousand_trades_come_back_exactly() {
    let rows = trades(10_000);
    let analytics = with_trades(&rows).await;
    assert_eq!(analytics.all::<Trade>().await.unwrap(), rows);
    let sql = "SELECT symbol, count(*), sum(quantity), sum(pnl)::DECIMAL(38,4) FROM trades \
               WHERE side = $1 AND timestamp >= $2 GROUP BY symbol ORDER BY symbol";
    let params = [Value::Text("sell".into()), Value::Timestamp(rows[5_000].timestamp)];
    let totals: Vec<Total> = analytics.query(sql, &params).await.unwrap();
    let of = |symbol: &str| -> Vec<&Trade> {
        let kept = rows.iter().skip(5_000).filter(|t| t.side == "sell" && t.symbol == symbol);
        kept.collect()
    };
    assert_eq!(totals.len(), 3);
    for total in &totals {
        let kept = of(&total.symbol);
        assert_eq!(usize::try_from(total.count).unwrap(), kept.len());
        assert_eq!(total.quantity, kept.iter().map(|t| t.quantity).sum());
        let pnl = kept.iter().filter_map(|t| t.pnl).reduce(|a, b| a + b);
        assert_eq!(total.pnl, pnl);
    }
}

#[tokio::test]
async fn duckdb_a_bad_row_stores_nothing() {
    let analytics = with_trades(&[]).await;
    let mut rows = trades(9_000);
    rows[8_500].symbol.clear();
    rows[8_500].quantity = Decimal::NEGATIVE_ONE;
    let error = analytics.append(&rows).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Validation, Some("append")));
    assert_eq!(error.record(), Some("Trade"));
    let places: Vec<_> = error.violations().iter().map(|v| (v.row, v.column.as_str())).collect();
    assert_eq!(places, [(Some(8_500), "symbol"), (Some(8_500), "quantity")]);
    rows[8_500] = Trade { side: "nul \0".into(), ..trade(1) };
    assert!(analytics.append(&rows).await.is_err());
    assert_eq!(analytics.all::<Trade>().await.unwrap(), []);
}

#[tokio::test]
async fn duckdb_assigned_keys_and_filled_columns_agree_with_the_file() {
    let analytics = memory().await;
    analytics.create_table::<Ticket>().await.unwrap();
    let mut rows: Vec<Ticket> = (0..20_000).map(|n| ticket(&format!("no. {n}"))).collect();
    rows[1].id = Assigned::Is(1_000_000);
    assert_eq!(analytics.append(&mut rows).await.unwrap(), 20_000);
    assert_eq!(rows[1].id, Assigned::Is(1_000_000));
    let keys: Vec<i64> = rows.iter().map(|r| r.id.get().unwrap()).collect();
    assert!(rows.iter().all(|r| r.version == 1 && r.created_at > Timestamp::from_micros(0)));
    let mut distinct = keys.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), rows.len());
    rows.sort_by_key(|r| r.id);
    assert_eq!(analytics.all::<Ticket>().await.unwrap(), rows);
    let mut one = ticket("one more");
    analytics.append([&mut one]).await.unwrap();
    assert!(!keys.contains(&one.id.get().unwrap()));
}

#[tokio::test]
async fn duckdb_a_failed_append_gives_the_rows_back_as_they_were() {
    let analytics = memory().await;
    analytics.create_table::<Ticket>().await.unwrap();
    let mut rows = vec![ticket("fine"), ticket("")];
    let before = rows.clone();
    assert!(analytics.append(&mut rows).await.is_err());
    assert_eq!(rows, before);
    analytics
        .raw(|c| c.execute_batch("ALTER TABLE tickets ADD COLUMN more INTEGER DEFAULT 1"))
        .await
        .unwrap();
    analytics
        .raw(|c| c.execute_batch("CREATE UNIQUE INDEX one ON tickets (subject)"))
        .await
        .unwrap();
    let mut rows = vec![ticket("same"), ticket("same")];
    let before = rows.clone();
    let error = analytics.append(&mut rows).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(rows, before);
    assert_eq!(analytics.all::<Ticket>().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn duckdb_many_tasks_append_at_once() {
    const TASKS: usize = 8;
    const ROUNDS: usize = 5;
    let folder = TempFolder::new().unwrap();
    let path = folder.file("many.duckdb");
    let path = path.to_str().unwrap();
    let first = Analytics::open(path).await.unwrap();
    first.create_table::<Trade>().await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        let analytics = Analytics::open(path).await.unwrap();
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                analytics.append(&trades(500)).await.unwrap();
            }
            analytics.close().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let found = first.all::<Trade>().await.unwrap();
    assert_eq!(found.len(), TASKS * ROUNDS * 500);
    assert!(found.is_sorted_by_key(|t| t.id));
}

#[tokio::test]
async fn duckdb_json_keeps_every_digit() {
    let analytics = memory().await;
    let sql = "SELECT 79228162514264.3375935439::DECIMAL(28,10) AS price, sum(n) AS huge, \
               '2026-11-20 09:30:00.5'::TIMESTAMP AS at, '1700-01-01'::DATE AS day, \
               '00000000-0000-0000-0000-00000000002a'::UUID AS id, true AS flag, NULL AS none, \
               '\"{}'' ü' AS text, '\\x00\\xFF'::BLOB AS bytes, '{\"a\": [1.50]}'::JSON AS free, \
               [1, NULL] AS list, {'a': 0.10, 'b': ['x']} AS nested, 'NaN'::DOUBLE AS nan, \
               0.1::DOUBLE AS float, 'b'::ENUM('a', 'b') AS label \
               FROM (SELECT unnest([9223372036854775807, 1]) AS n)";
    let text = analytics.query_json(sql, &[]).await.unwrap();
    let wanted = r#"[{"price":79228162514264.3375935439,"huge":9223372036854775808,"#.to_owned()
        + r#""at":"2026-11-20T09:30:00.500000Z","day":"1700-01-01","#
        + r#""id":"00000000-0000-0000-0000-00000000002a","flag":true,"none":null,"#
        + r#""text":"\"{}' ü","bytes":"AP8=","free":{"a": [1.50]},"#
        + r#""list":[1,null],"nested":{"a":0.10,"b":["x"]},"nan":"NaN","float":0.1,"label":"b"}]"#;
    assert_eq!(String::from_utf8(text.clone()).unwrap(), wanted);
    assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
    let none = analytics.query_json("SELECT 1 AS a WHERE false", &[]).await.unwrap();
    assert_eq!(none, b"[]");
    let three = analytics.query_json("SELECT n FROM range(3) t(n)", &[]).await.unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&three).unwrap(),
        json!([{"n": 0}, {"n": 1}, {"n": 2}])
    );
    let error = analytics.query_json("SELECT INTERVAL 1 DAY AS gap", &[]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("gap")), "{error}");
}

#[tokio::test]
async fn duckdb_arrow_batches_hold_all_rows() {
    let rows = trades(5_000);
    let analytics = with_trades(&rows).await;
    let batches = analytics.query_arrow("SELECT * FROM trades ORDER BY id", &[]).await.unwrap();
    let mut found = Vec::new();
    for batch in &batches {
        tradebase_analytics::codec::read_all::<Trade>(batch, &mut found).unwrap();
    }
    assert_eq!(found, rows);
    let none = analytics.query_arrow("SELECT * FROM trades WHERE false", &[]).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn duckdb_errors_say_what_and_where() {
    let analytics = memory().await;
    let ask = async |sql: &str| analytics.query::<Total>(sql, &[]).await.unwrap_err();
    for (sql, code) in [
        ("SELEC 1", Code::Syntax),
        ("SELECT * FROM nope", Code::SchemaMismatch),
        ("SELECT 'a', 1, 2.5", Code::SchemaMismatch),
        ("SELECT 'a', 'b', 2.5, 3", Code::SchemaMismatch),
        ("SELECT 'a', 3000000000, 2.5, 3", Code::Unreadable),
        ("SELECT NULL::VARCHAR, 1, 2.5, 3", Code::Unreadable),
        ("SELECT 'a', 'x'::INTEGER, 2.5, 3", Code::QueryFailed),
        ("SELECT 'a', 1, 2.5, ?", Code::Syntax),
        ("SELECT 1; DROP TABLE trades", Code::Injection),
    ] {
        let error = ask(sql).await;
        assert_eq!((error.code(), error.operation()), (code, Some("query")), "{sql}: {error}");
    }
    let error = analytics.append(&trades(1)).await.unwrap_err();
    assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    let error = analytics.all::<Trade>().await.unwrap_err();
    assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Trade")), "{error}");
    analytics.raw(|c| c.execute_batch("CREATE TABLE trades (id UUID)")).await.unwrap();
    let error = analytics.create_table::<Trade>().await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("bot_id")));
}

#[test]
fn duckdb_a_call_outside_a_runtime_is_an_error() {
    let mut call = std::pin::pin!(Analytics::open(":memory:"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.code(), Code::Config, "{error}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn duckdb_a_dropped_query_stops() {
    const STOP_WAIT_MAX: Duration = Duration::from_secs(60);
    let folder = TempFolder::new().unwrap();
    let file = folder.file("dropped.duckdb");
    let path = file.to_str().unwrap();
    let analytics = Analytics::open(path).await.unwrap();
    // Left alone it would take hours.
    let sql = "SELECT sum(a.range * b.range) FROM range(9000000) a, range(9000000) b";
    let asked = analytics.query_arrow(sql, &[]);
    assert!(tokio::time::timeout(Duration::from_millis(300), asked).await.is_err());
    analytics.close().await.unwrap();
    // The work keeps the file open until it ends, so that other options are refused.
    let started = Tick::now();
    while Analytics::open_with(AnalyticsOptions::new(path).threads(1)).await.is_err() {
        assert!(started.elapsed() < STOP_WAIT_MAX, "still at work");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn duckdb_a_dropped_append_stores_nothing() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let analytics = with_trades(&[]).await;
        let rows = trades(100_000);
        let mut append = Box::pin(analytics.append(&rows));
        for _ in 0..3 {
            // Begun, and not yet at its end.
            let once = std::future::poll_fn(|context| {
                std::task::Poll::Ready(append.as_mut().poll(context).is_pending())
            });
            assert!(once.await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(append);
        assert_eq!(analytics.append(&rows[..10]).await.unwrap(), 10);
        // What was dropped may take a moment to be rolled back; it never shows.
        for _ in 0..5 {
            assert_eq!(analytics.all::<Trade>().await.unwrap().len(), 10);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[tokio::test]
async fn duckdb_a_closed_file_is_free_for_another_process() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("trades.duckdb");
    let path = file.to_str().unwrap();
    let analytics = Analytics::open(path).await.unwrap();
    analytics.create_table::<Trade>().await.unwrap();
    analytics.append(&trades(100)).await.unwrap();
    let child = |test: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env("TRADEBASE_TEST_FILE", path)
            .output()
            .unwrap()
    };
    let output = child("duckdb_second_process_finds_it_locked");
    assert!(output.status.success(), "{output:?}");
    analytics.close().await.unwrap();
    let output = child("duckdb_second_process_appends");
    assert!(output.status.success(), "{output:?}");
    let options = AnalyticsOptions::new(path).read_only(true);
    let analytics = Analytics::open_with(options).await.unwrap();
    assert_eq!(analytics.all::<Trade>().await.unwrap().len(), 101);
    assert!(analytics.append(&trades(1)).await.is_err(), "read only");
}

#[tokio::test]
#[ignore = "runs as the second process of another test"]
async fn duckdb_second_process_finds_it_locked() {
    let path = std::env::var("TRADEBASE_TEST_FILE").unwrap();
    let error = Analytics::open(&path).await.unwrap_err();
    assert_eq!(error.code(), Code::FileLocked, "{error}");
}

#[tokio::test]
#[ignore = "runs as the second process of another test"]
async fn duckdb_second_process_appends() {
    let path = std::env::var("TRADEBASE_TEST_FILE").unwrap();
    let analytics = Analytics::open(&path).await.unwrap();
    let found = analytics.all::<Trade>().await.unwrap();
    let wanted = trades(100).into_iter().zip(&found).map(|(t, f)| Trade { id: f.id, ..t });
    assert!(wanted.eq(found.iter().cloned()));
    analytics.append(&trades(1)).await.unwrap();
    analytics.close().await.unwrap();
}

#[tokio::test]
async fn duckdb_memory_declares_that_it_is_not_durable() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("x.duckdb");
    let file = Analytics::open(path.to_str().unwrap()).await.unwrap();
    assert!(file.capabilities().can(Capability::Durable));
    assert!(file.capabilities().can(Capability::AssignedKey));
    assert!(!memory().await.capabilities().can(Capability::Durable));
    assert!(!file.capabilities().can(Capability::UniqueKey));
    file.create_table::<Trade>().await.unwrap();
    let row = trade(1);
    file.append([&row, &row]).await.unwrap();
    assert_eq!(file.all::<Trade>().await.unwrap(), [row.clone(), row]);
}
