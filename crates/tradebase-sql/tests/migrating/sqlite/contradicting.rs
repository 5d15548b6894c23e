//! What stands in a column is read and written by programs that mean the same by it, or by none.

use serde_json::json;
use tradebase_core::{Code, Error, Table, Value};
use tradebase_sql::{DynamicRow, Sql, SqlOptions};

use super::kit::{column, draft, go, insert, records, run, store, table};

/// The table with decimals of this form.
fn form(kind: &str) -> &'static Table {
    records(json!([table("trades", &[column("price", kind)])]))[0]
}

/// One and a half, as a program of eight digits writes it.
async fn with_a_price() -> super::kit::SqliteStore {
    let made = form("decimal(18, 8)");
    let store = store(&[made]).await;
    let row = [("id", Value::Int(1)), ("price", Value::Decimal(150_000_000, 8))];
    insert(&store.sql, made, &row).await;
    store
}

fn assert_mismatch(error: &Error, there: &str) {
    assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    assert_eq!(error.column_name(), Some("price"), "{error}");
    let said = error.to_string();
    assert!(said.contains(there) && said.contains("migrate diff"), "{said}");
}

/// Everything that a program does with a table first is refused.
async fn refused(url: &str, other: &'static Table, there: &str) {
    let open = || async { Sql::open(url).await.unwrap() };
    let row = |id| {
        let price = Value::Decimal(1, other.columns[1].kind.scale());
        DynamicRow::new().with("id", Value::Int(id)).with("price", price)
    };
    assert_mismatch(&open().await.table(other).find().all().await.unwrap_err(), there);
    assert_mismatch(&open().await.table(other).insert(&row(2)).await.unwrap_err(), there);
    let many = open().await.table(other).insert_many(&[row(3), row(4)]).await;
    assert_mismatch(&many.unwrap_err(), there);
    let sql = open().await;
    let inside = sql.transaction(async |tx| tx.table(other).insert(&row(5)).await.map(drop)).await;
    assert_mismatch(&inside.unwrap_err(), there);
    assert_mismatch(&open().await.table(other).create_table().await.unwrap_err(), there);
}

#[tokio::test]
async fn sqlite_a_program_of_another_scale_is_told_so_and_changes_nothing() {
    let store = with_a_price().await;
    let before = run(&store, "SELECT id, price FROM trades_readable");
    assert_eq!(before, "1|1.50000000");
    for (other, there) in [
        ("decimal(18, 6)", "decimal(18, 8) there"),
        ("i64", "decimal(18, 8) there"),
        ("timestamp", "decimal(18, 8) there"),
        ("decimal(28, 8)", "decimal(18, 8) there"),
    ] {
        let other = form(other);
        let error = Sql::open_with(SqlOptions::new(store.url()).create_tables([other])).await;
        assert_mismatch(&error.err().unwrap(), there);
        if matches!(other.columns[1].kind, tradebase_core::Kind::Decimal { .. }) {
            refused(&store.url(), other, there).await;
        }
        assert_eq!(run(&store, "SELECT id, price FROM trades_readable"), before);
        let drift = store.sql.drift(&[other]).await.unwrap();
        assert!(!drift.is_empty());
    }
    // One of the same scale goes on, with less precision too.
    for same in ["decimal(18, 8)", "decimal(12, 8)"] {
        let sql = Sql::open(&store.url()).await.unwrap();
        let rows = sql.table(form(same)).find().all().await.unwrap();
        assert_eq!(rows[0].get("price"), Some(&Value::Decimal(150_000_000, 8)));
    }
}

#[tokio::test]
async fn sqlite_an_old_program_over_a_changed_scale_is_told_so() {
    let (was, is) = (form("decimal(18, 8)"), form("decimal(18, 6)"));
    let store = with_a_price().await;
    let plan = draft(&store.sql, &[is]).await.unwrap();
    let said = "-- changes what stands in trades.price: decimal(18, 8) becomes decimal(18, 6)";
    assert!(plan.up.files[0].sql.contains(said), "{:?}", plan.up);
    go(&store, &plan.up).unwrap();
    assert_eq!(run(&store, "SELECT price FROM trades_readable"), "1.500000");
    refused(&store.url(), was, "decimal(18, 6) there").await;
    let sql = Sql::open(&store.url()).await.unwrap();
    let rows = sql.table(is).find().all().await.unwrap();
    assert_eq!(rows[0].get("price"), Some(&Value::Decimal(1_500_000, 6)));
    // The same handle looks again when it has changed the tables itself.
    let mut connection = sql.connection().await.unwrap();
    let down: String = plan.down.files.iter().map(|file| file.sql.as_str()).collect();
    connection.batch(crate::common::built(down)).await.unwrap();
    connection.release().await.unwrap();
    assert_mismatch(&sql.table(is).find().all().await.unwrap_err(), "decimal(18, 8) there");
    assert_eq!(sql.table(was).find().all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn sqlite_a_program_of_fewer_columns_leaves_the_view_of_a_newer_one() {
    let store = with_a_price().await;
    let both = [column("price", "decimal(18, 8)"), column("fee", "decimal(18, 8)")];
    let newer = records(json!([table("trades", &both)]));
    let plan = draft(&store.sql, &newer).await.unwrap();
    go(&store, &plan.up).unwrap();
    let older = form("decimal(18, 8)");
    let sql = Sql::open_with(SqlOptions::new(store.url()).create_tables([older])).await.unwrap();
    assert_eq!(sql.table(older).find().all().await.unwrap().len(), 1);
    assert_eq!(run(&store, "SELECT fee FROM trades_readable"), "");
    let sql = Sql::open(&store.url()).await.unwrap();
    assert!(sql.drift(&newer).await.unwrap().is_empty());
}

#[tokio::test]
async fn sqlite_a_view_shows_a_column_that_was_added_by_hand_and_none_that_is_not_there() {
    let store = with_a_price().await;
    let both = [column("price", "decimal(18, 8)"), column("fee", "decimal(18, 6)")];
    let newer = records(json!([table("trades", &both)]));
    store.sql.table(newer[0]).create_table().await.unwrap();
    assert_eq!(run(&store, "SELECT * FROM trades_readable"), "1|1.50000000");
    run(&store, "ALTER TABLE trades ADD COLUMN fee INTEGER; UPDATE trades SET fee = 1500000");
    store.sql.table(newer[0]).create_table().await.unwrap();
    assert_eq!(run(&store, "SELECT * FROM trades_readable"), "1|1.50000000|1.500000");
    // A column that was renamed by hand is what it was.
    run(&store, "ALTER TABLE trades RENAME COLUMN price TO cost");
    let renamed = records(json!([table("trades", &[column("cost", "decimal(18, 6)")])]))[0];
    let error = store.sql.table(renamed).create_table().await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("cost")));
}
