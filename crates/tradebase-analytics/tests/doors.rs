//! What the doors may do to the tables, and what becomes of it.
#![allow(missing_docs)]

mod common;

use common::*;
use tradebase_analytics::{Analytics, AnalyticsOptions};
use tradebase_core::{Assigned, Code, Record, Value};
use tradebase_testkit::TempFolder;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: Assigned<i64>,
    note: String,
}

fn note(text: &str) -> Note {
    Note { id: Assigned::New, note: text.into() }
}

async fn memory() -> Analytics {
    let options = AnalyticsOptions::new(":memory:").create_tables([FILLS]);
    let analytics = Analytics::open_with(options).await.unwrap();
    append(&analytics, 0..3).await;
    analytics
}

/// Nothing is appended where digits would be lost.
async fn refuses(analytics: &Analytics, why: &str) {
    let error = analytics.append(&mut [fill(7)]).await.expect_err(why);
    assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Fill")), "{why}");
    assert_eq!(error.column_name(), Some("quantity"), "{why}: {error}");
    let text = error.to_string();
    assert!(text.contains("DECIMAL(18,8)") && text.contains("DECIMAL(18,2)"), "{text}");
    let found = analytics.query_values("SELECT 1 FROM fills WHERE id = 7", &[]).await.unwrap();
    assert!(found.rows.is_empty(), "{why}");
}

const NARROW: &str = "ALTER TABLE fills ALTER quantity TYPE DECIMAL(18,2)";
const ANEW: &str = "CREATE TABLE fills (id BIGINT, symbol VARCHAR, quantity DECIMAL(18,2), \
                    created_at TIMESTAMP)";

#[tokio::test]
async fn duckdb_no_digit_is_rounded_whatever_door_changed_the_table() {
    let analytics = memory().await;
    analytics.execute(NARROW, &[]).await.unwrap();
    refuses(&analytics, "execute").await;
    let analytics = memory().await;
    analytics.query_values(NARROW, &[]).await.unwrap();
    refuses(&analytics, "query_values").await;
    let analytics = memory().await;
    analytics.query_arrow(NARROW, &[]).await.unwrap();
    refuses(&analytics, "query_arrow").await;
    let analytics = memory().await;
    analytics.raw(|connection| connection.execute_batch(NARROW)).await.unwrap();
    refuses(&analytics, "raw").await;
    let analytics = memory().await;
    let mut connection = analytics.connection().await.unwrap();
    connection.batch("BEGIN").await.unwrap();
    connection.batch(NARROW).await.unwrap();
    connection.batch("COMMIT").await.unwrap();
    refuses(&analytics, "a connection").await;
    let analytics = memory().await;
    analytics.drop_table::<Fill>().await.unwrap();
    analytics.execute(ANEW, &[]).await.unwrap();
    refuses(&analytics, "drop_table").await;
}

#[tokio::test]
async fn duckdb_no_digit_is_rounded_where_another_handle_of_the_file_changed_the_table() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("fills.duckdb");
    let options = || AnalyticsOptions::new(&file).create_tables([FILLS]);
    let analytics = Analytics::open_with(options()).await.unwrap();
    let other = Analytics::open_with(options()).await.unwrap();
    append(&analytics, 0..3).await;
    other.execute(NARROW, &[]).await.unwrap();
    refuses(&analytics, "another handle").await;
}

#[tokio::test]
async fn duckdb_a_table_is_dropped_and_made_anew() {
    let analytics = memory().await;
    let mut rows = [note("first"), note("second")];
    analytics.create_table::<Note>().await.unwrap();
    analytics.append(&mut rows).await.unwrap();
    analytics.drop_table::<Note>().await.unwrap();
    assert_eq!(ids(&analytics).await, [0, 1, 2], "the other table stays");
    for error in [
        analytics.append(&mut [note("lost")]).await.unwrap_err(),
        analytics.all::<Note>().await.unwrap_err(),
    ] {
        assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Note")), "{error}");
    }
    let error = analytics.append(&mut [note("lost")]).await.unwrap_err();
    assert!(error.to_string().contains("no table notes; create it first"), "{error}");
    analytics.create_table::<Note>().await.unwrap();
    let mut again = [note("again")];
    analytics.append(&mut again).await.unwrap();
    assert_eq!(analytics.all::<Note>().await.unwrap(), again);
    assert_eq!(again[0].id, Assigned::Is(1), "its keys begin anew too");
}

#[tokio::test]
async fn duckdb_dropping_what_is_not_there_is_fine() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("dropped.duckdb");
    let analytics = Analytics::later(AnalyticsOptions::new(&file)).unwrap();
    analytics.drop_table::<Note>().await.unwrap();
    analytics.create_table::<Note>().await.unwrap();
    for _ in 0..2 {
        analytics.drop_table::<Note>().await.unwrap();
    }
    analytics.close().await.unwrap();
    let read_only = AnalyticsOptions::new(&file).read_only(true);
    let analytics = Analytics::open_with(read_only).await.unwrap();
    let error = analytics.drop_table::<Note>().await.unwrap_err();
    assert_eq!(
        (error.code(), error.operation()),
        (Code::Unsupported, Some("drop_table")),
        "{error}"
    );
}

#[tokio::test]
async fn duckdb_what_belongs_to_the_engine_outlives_the_call_that_set_it() {
    let folder = TempFolder::new().unwrap();
    let analytics = memory().await;
    let attach = format!("ATTACH '{}' AS side", folder.file("side.duckdb").display());
    for statement in [&*attach, "CREATE TABLE side.notes (note VARCHAR)", "SET threads = 1"] {
        analytics.execute(statement, &[]).await.unwrap();
    }
    analytics.execute("SET SESSION default_order = 'DESC'", &[]).await.unwrap();
    let asked = "SELECT current_setting('threads'), count(*), current_setting('default_order') \
                 FROM side.notes";
    let found = analytics.query_values(asked, &[]).await.unwrap();
    let row = [Value::Int(1), Value::Int(0), Value::Text("ASCENDING".into())];
    assert_eq!(found.rows, [row], "and a setting of a session is gone with it");
}
