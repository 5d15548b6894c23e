//! A connection of one's own, and values of any type.
#![allow(missing_docs)]

mod common;

use std::time::Duration;

use common::*;
use tradebase_analytics::{Analytics, AnalyticsConnection, AnalyticsOptions};
use tradebase_core::{Code, Decimal, Row, Uuid, Value};

async fn memory() -> Analytics {
    let options = AnalyticsOptions::new(":memory:").create_tables([FILLS]);
    Analytics::open_with(options).await.unwrap()
}

async fn insert(connection: &mut AnalyticsConnection, id: i64) {
    let sql = "INSERT INTO fills VALUES (?, ?, ?, now())";
    let params = [Value::Int(id), Value::Text("A".into()), Value::Decimal(15, 1)];
    assert_eq!(connection.execute(sql, &params).await.unwrap(), 1);
}

#[tokio::test]
async fn duckdb_a_transaction_holds_over_the_statements_of_a_connection() {
    #[derive(Row, Debug, PartialEq)]
    struct Total {
        #[record(decimal(28, 8))]
        quantity: Decimal,
    }
    let analytics = memory().await;
    let mut connection = analytics.connection().await.unwrap();
    connection.batch("BEGIN").await.unwrap();
    insert(&mut connection, 1).await;
    insert(&mut connection, 2).await;
    let sum = "SELECT sum(quantity) FROM fills";
    let totals: Vec<Total> = connection.query(sum, &[]).await.unwrap();
    assert_eq!(totals, [Total { quantity: Decimal::new(3, 0) }]);
    assert!(ids(&analytics).await.is_empty(), "not committed yet");
    connection.batch("COMMIT").await.unwrap();
    assert_eq!(ids(&analytics).await, [1, 2]);
    let gone = connection.execute("DELETE FROM fills WHERE id > ?", &[Value::Int(0)]).await;
    assert_eq!(gone.unwrap(), 2);
    connection.release().await.unwrap();
    let error = analytics.execute("SELECT 1; SELECT 2", &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::Injection, "{error}");
}

#[tokio::test]
async fn duckdb_what_a_dropped_connection_leaves_open_is_rolled_back() {
    let analytics = memory().await;
    for release in [false, true] {
        let mut connection = analytics.connection().await.unwrap();
        connection.batch("CREATE TEMP TABLE mine (a INTEGER); BEGIN").await.unwrap();
        insert(&mut connection, 1).await;
        if release {
            connection.release().await.unwrap();
        } else {
            drop(connection);
        }
        assert!(ids(&analytics).await.is_empty());
        let error = analytics.query_values("SELECT * FROM mine", &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    }
    // Nor does a statement by itself leave anything to the next one.
    analytics.execute("BEGIN", &[]).await.unwrap();
    append(&analytics, 5..6).await;
    analytics.execute("ROLLBACK", &[]).await.unwrap_err();
    assert_eq!(ids(&analytics).await, [5]);
}

#[tokio::test]
async fn duckdb_a_statement_that_fails_leaves_the_connection_usable() {
    let analytics = memory().await;
    let mut connection = analytics.connection().await.unwrap();
    let error = connection.execute("SELEC 1", &[]).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Syntax, Some("query")), "{error}");
    insert(&mut connection, 1).await;
}

#[tokio::test]
async fn duckdb_a_dropped_call_gives_its_connection_up() {
    let analytics = memory().await;
    let mut connection = analytics.connection().await.unwrap();
    connection.batch("BEGIN").await.unwrap();
    insert(&mut connection, 1).await;
    // Left alone it would take hours.
    let long = "SELECT sum(a.range * b.range) FROM range(9000000) a, range(9000000) b";
    let asked = connection.query_values(long, &[]);
    assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
    let error = connection.execute("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    // The close waits until the statement has stopped.
    let clone = analytics.clone();
    assert!(ids(&clone).await.is_empty());
    drop(connection);
    analytics.close().await.unwrap();
}

#[tokio::test]
async fn duckdb_values_of_every_type_come_exactly() {
    let analytics = memory().await;
    let sql = "SELECT NULL AS none, true AS flag, 7::TINYINT AS tiny, -9223372036854775808 AS low, \
               18446744073709551615::UBIGINT AS wide, 170141183460469231731::HUGEINT AS huge, \
               0.1::DOUBLE AS float, 79228162514264.3375935439::DECIMAL(28,10) AS price, \
               12345678901234567890123456789012345678::DECIMAL(38,0) AS long, 'ü' AS text, \
               'b'::ENUM('a', 'b') AS label, '{\"a\": [1.50]}'::JSON AS free, \
               '\\x00\\xFF'::BLOB AS bytes, '00000000-0000-0000-0000-00000000002a'::UUID AS id, \
               '2026-11-20'::DATE AS day, '2026-11-20 09:30:00.5'::TIMESTAMP AS at, \
               '2026-11-20 09:30:00.123456789'::TIMESTAMP_NS AS fine, [1, NULL] AS list, \
               {'a': 0.10} AS nested, TIME '09:30:00' AS clock, INTERVAL 3 DAY AS gap, 1 AS none";
    let found = analytics.query_values(sql, &[]).await.unwrap();
    assert_eq!(found.columns.len(), 22);
    assert_eq!((&*found.columns[0], &*found.columns[21]), ("none", "none"));
    let text = |text: &str| Value::Text(text.into());
    let [row] = found.rows.as_slice() else { panic!("one row: {found:?}") };
    let wanted = [
        Value::Null,
        Value::Bool(true),
        Value::Int(7),
        Value::Int(i64::MIN),
        Value::Decimal(u64::MAX.into(), 0),
        Value::Decimal(170_141_183_460_469_231_731, 0),
        Value::Float(0.1),
        Value::Decimal(792_281_625_142_643_375_935_439, 10),
        Value::Decimal(12_345_678_901_234_567_890_123_456_789_012_345_678, 0),
        text("ü"),
        text("b"),
        Value::Json(r#"{"a": [1.50]}"#.into()),
        Value::Bytes(vec![0, 255]),
        Value::Uuid(Uuid::from_u128(42)),
        Value::Date("2026-11-20".parse().unwrap()),
        Value::Timestamp("2026-11-20T09:30:00.5Z".parse().unwrap()),
        Value::TimestampNs("2026-11-20T09:30:00.123456789Z".parse().unwrap()),
        Value::Json("[1,null]".into()),
        Value::Json(r#"{"a":0.10}"#.into()),
        text("09:30:00"),
        text("3 days"),
        Value::Int(1),
    ];
    for ((found, wanted), name) in row.iter().zip(&wanted).zip(&found.columns) {
        assert_eq!(found, wanted, "{name}");
    }
    let none = analytics.query_values("SELECT 1 AS a WHERE false", &[]).await.unwrap();
    assert_eq!((none.columns, none.rows), (vec!["a".to_owned()], vec![]));
}
