//! A connection of one's own, and values of any type.
#![allow(missing_docs)]

mod common;

use std::time::Duration;

use common::*;
use tradebase_analytics::{Analytics, AnalyticsConnection, AnalyticsOptions};
use tradebase_core::{Code, Date, Decimal, Row, Timestamp, TimestampNs, Uuid, Value};

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

#[tokio::test]
async fn duckdb_values_inside_of_others_are_as_exact() {
    let analytics = memory().await;
    let sql = "SELECT [true, NULL, false] AS flags, \
               {'total': sum(n), 'wide': 1::UHUGEINT} AS sums, [[{'a': true}]] AS deep, \
               [1, 2]::TINYINT[2] AS pair, [true]::BOOLEAN[1] AS fixed, \
               ['b'::ENUM('a', 'b')] AS labels, [TIMETZ '09:30:00.5+02'] AS clocks, \
               {'a': '101'::BIT} AS bits, ['infinity'::DATE, '2026-11-20'::DATE] AS days, \
               [[NULL, '-infinity'::TIMESTAMP_NS]] AS moments, [NULL::HUGEINT] AS none, \
               MAP {'a': true, 'b': NULL} AS map, \
               union_value(a := true)::UNION(b HUGEINT, a BOOLEAN) AS either, \
               (SELECT [] WHERE false) AS nothing \
               FROM (SELECT unnest([9223372036854775807, 1]) AS n)";
    let json = |text: &str| Value::Json(text.into());
    let text = |text: &str| Value::Text(text.into());
    let wanted = [
        json("[true,null,false]"),
        json(r#"{"total":9223372036854775808,"wide":1}"#),
        json(r#"[[{"a":true}]]"#),
        json("[1,2]"),
        json("[true]"),
        json(r#"["b"]"#),
        json(r#"["09:30:00.5+02"]"#),
        json(r#"{"a":"101"}"#),
        json(r#"["infinity","2026-11-20"]"#),
        json(r#"[[null,"-infinity"]]"#),
        json("[null]"),
        text("{a: true, b: }"),
        text("{a=true}"),
        Value::Null,
    ];
    let found = analytics.query_values(sql, &[]).await.unwrap();
    let [row] = found.rows.as_slice() else { panic!("one row: {found:?}") };
    for ((found, wanted), name) in row.iter().zip(&wanted).zip(&found.columns) {
        assert_eq!(found, wanted, "{name}");
    }
    let sql = "SELECT [true] AS a, {'total': sum(n)} AS b, [true]::BOOLEAN[1] AS c FROM range(3) \
               t(n)";
    let found = analytics.query_json(sql, &[]).await.unwrap();
    let wanted = r#"[{"a":[true],"b":{"total":3},"c":[true]}]"#;
    assert_eq!(String::from_utf8(found).unwrap(), wanted);
    // Also over several batches, from a table.
    let sql = "SELECT n, [n % 2 = 0, NULL] AS flags FROM range(5000) t(n) ORDER BY n";
    let found = analytics.query_values(sql, &[]).await.unwrap();
    assert_eq!(found.rows.len(), 5_000);
    for (n, row) in (0..).zip(&found.rows) {
        assert_eq!(*row, [Value::Int(n), json(&format!("[{},null]", n % 2 == 0))]);
    }
}

#[tokio::test]
async fn duckdb_types_that_arrow_lacks_are_the_texts_of_duckdb_or_an_error() {
    let analytics = memory().await;
    let bits = ["1", "101", "00000000", "111111110"].map(|text| format!("'{text}'::BIT"));
    let clocks =
        ["00:00:00+00", "09:30:00.000001-05:30", "23:59:59.120000+15:59:59", "24:00:00-15:59:59"];
    let clocks = clocks.map(|text| format!("'{text}'::TIMETZ"));
    for value in bits.iter().chain(&clocks) {
        let sql = format!("SELECT {value} AS a, ({value})::VARCHAR AS b, NULLIF({value}, {value})");
        let found = analytics.query_values(&sql, &[]).await.unwrap();
        assert_eq!(found.rows[0][0], found.rows[0][1], "{value}");
        assert!(matches!(found.rows[0][1], Value::Text(_)), "{value}");
        assert_eq!(found.rows[0][2], Value::Null, "{value}");
        let text = analytics.query_json(&sql, &[]).await.unwrap();
        let [row]: [serde_json::Value; 1] = serde_json::from_slice(&text).unwrap();
        assert!(row["a"].is_string() && row["a"] == row["b"], "{row}");
    }
    // DuckDB writes this zone as if the seconds were minutes.
    let found = analytics.query_values("SELECT '12:00:00-00:00:30'::TIMETZ", &[]).await.unwrap();
    assert_eq!(found.rows, [[Value::Text("12:00:00-00:00:30".into())]]);
    for sql in ["SELECT 7::BIGNUM AS a", "SELECT [{'b': 7::BIGNUM}] AS a"] {
        for error in [
            analytics.query_values(sql, &[]).await.unwrap_err(),
            analytics.query_json(sql, &[]).await.unwrap_err(),
            analytics.query_arrow(sql, &[]).await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("a")));
            assert!(error.to_string().contains("cast it to VARCHAR; it is bignum"), "{error}");
        }
    }
}

#[tokio::test]
async fn duckdb_infinite_dates_and_moments_are_never_finite_ones() {
    #[derive(Row, Debug)]
    struct Day {
        #[allow(dead_code)]
        day: Option<Date>,
    }
    #[derive(Row, Debug)]
    struct Moment {
        #[allow(dead_code)]
        at: Option<Timestamp>,
    }
    #[derive(Row, Debug)]
    struct Fine {
        #[allow(dead_code)]
        at: Option<TimestampNs>,
    }
    let analytics = memory().await;
    for word in ["infinity", "-infinity"] {
        let types =
            ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"];
        for name in types {
            let sql = format!("SELECT a FROM (VALUES (NULL), ('{word}'::{name})) t(a)");
            let found = analytics.query_values(&sql, &[]).await.unwrap();
            assert_eq!(found.rows[1], [Value::Text(word.into())], "{name}");
            let found = analytics.query_json(&sql, &[]).await.unwrap();
            let wanted = format!(r#"[{{"a":null}},{{"a":"{word}"}}]"#);
            assert_eq!(String::from_utf8(found).unwrap(), wanted, "{name}");
            let error = match name {
                "DATE" => analytics.query::<Day>(&sql, &[]).await.unwrap_err(),
                "TIMESTAMP_NS" => analytics.query::<Fine>(&sql, &[]).await.unwrap_err(),
                _ => analytics.query::<Moment>(&sql, &[]).await.unwrap_err(),
            };
            assert_eq!(error.code(), Code::Unreadable, "{name}: {error}");
            assert!(error.to_string().contains("it is infinite"), "{name}: {error}");
        }
    }
}
