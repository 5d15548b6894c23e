//! Values that a SQLite file of somebody else's holds and no record does are errors that name the
//! column.

use crate::common;
use common::{SqliteStore, built};
use tradebase_core::{Code, Date, Decimal, Record, Timestamp, TimestampNs};

/// A row of every kind that SQLite holds more of.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "readings")]
struct Reading {
    #[record(key)]
    id: i64,
    #[record(decimal(18, 4))]
    small: Decimal,
    #[record(decimal(28, 10))]
    large: Decimal,
    ratio: f64,
    at: Timestamp,
    at_ns: TimestampNs,
    day: Date,
    #[record(created)]
    made: Timestamp,
}

/// The columns check nothing.
const LOOSE: &str = "CREATE TABLE readings \
     (id INTEGER PRIMARY KEY, small, large, ratio, at, at_ns, day, made)";
const ROW: &str = "INSERT OR REPLACE INTO readings VALUES \
     (1, 5, x'80000000000000000000000000000005', 0.5, 0, 0, 0, 0)";

/// A column, and what no record can take from it.
const FOREIGN: &[(&str, &str)] = &[
    ("small", "1000000000000000000"),
    ("small", "-1000000000000000000"),
    ("large", "zeroblob(16)"),
    ("large", "x'ffffffffffffffffffffffffffffffff'"),
    ("large", "x'80'"),
    ("ratio", "9e999"),
    ("ratio", "-9e999"),
    ("ratio", "'a'"),
    ("at", "253402300800000000"),
    ("at", "-62135596800000001"),
    ("at", "9223372036854775807"),
    ("at_ns", "9223372036854775807"),
    ("at_ns", "-9223372036854775808"),
    ("day", "2932897"),
    ("day", "-719163"),
    ("day", "2147483648"),
    ("day", "'2026-01-01'"),
    ("made", "253402300800000000"),
];

/// Values at the edge, which are read.
const HELD: &[(&str, &str)] = &[
    ("small", "999999999999999999"),
    ("small", "-999999999999999999"),
    ("ratio", "1.7976931348623157e308"),
    ("at", "253402300799999999"),
    ("at", "-62135596800000000"),
    ("at_ns", "9223372036854775806"),
    ("day", "2932896"),
    ("day", "-719162"),
];

async fn put(store: &SqliteStore, column: &str, value: &str) {
    store.sql.execute(ROW, &[]).await.unwrap();
    store.sql.execute(built(format!("UPDATE readings SET {column} = {value}")), &[]).await.unwrap();
}

mod sqlite {
    use super::*;

    #[tokio::test]
    async fn values_that_no_record_holds_are_unreadable() {
        let store = SqliteStore::new().await;
        store.sql.execute(LOOSE, &[]).await.unwrap();
        for (column, value) in FOREIGN {
            put(&store, column, value).await;
            for error in [
                store.sql.get::<Reading>(&1).await.unwrap_err(),
                store.sql.all::<Reading>().await.unwrap_err(),
            ] {
                assert_eq!(error.code(), Code::Unreadable, "{column} = {value}: {error}");
                assert_eq!(error.column_name(), Some(*column), "{error}");
            }
        }
        for (column, value) in HELD {
            put(&store, column, value).await;
            assert!(store.sql.get::<Reading>(&1).await.unwrap().is_some(), "{column} = {value}");
        }
    }

    #[tokio::test]
    async fn an_update_of_a_row_that_was_made_at_no_time_says_so_and_is_not_done() {
        let store = SqliteStore::new().await;
        let sql = &store.sql;
        sql.execute(LOOSE, &[]).await.unwrap();
        put(&store, "made", "253402300800000000").await;
        let zero = Timestamp::from_micros(0);
        let changed = || Reading {
            id: 1,
            small: Decimal::ONE,
            large: Decimal::ONE,
            ratio: 7.0,
            at: zero,
            at_ns: TimestampNs::from_nanos(0),
            day: Date::from_days(0),
            made: zero,
        };
        let error = sql.update(&mut changed()).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("made")));
        let relaxed = sql.with_durability(tradebase_sql::Durability::Relaxed);
        relaxed.update(&mut changed()).await.unwrap_err();
        sql.update_many(&mut [changed()]).await.unwrap_err();
        let stored = sql.query_values("SELECT ratio FROM readings", &[]).await.unwrap();
        assert_eq!(stored.rows, [[0.5.into()]]);
        // In a transaction it is no harm to what came before.
        let done = sql.transaction(|tx| async move {
            tx.insert(&mut Reading { id: 2, ..changed() }).await?;
            tx.update(&mut changed()).await.unwrap_err();
            Ok::<_, tradebase_core::Error>(())
        });
        _ = done.await;
        let stored =
            sql.query_values("SELECT ratio FROM readings WHERE id = 1", &[]).await.unwrap();
        assert_eq!(stored.rows, [[0.5.into()]]);
    }
}
