//! Another process writes the same SQLite file, and holds it for a while.

use crate::common;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use common::SqliteStore;
use common::records::{Account, account};
use rusqlite::Connection;
use tradebase_core::{Code, Error};
use tradebase_sql::{Durability, Sql, SqlOptions, TxOptions};

/// How long the other one holds the file.
const HELD: Duration = Duration::from_millis(150);

/// As another process would have it.
fn other(store: &SqliteStore) -> Connection {
    let other = Connection::open(store.path()).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other
}

/// Writes a row of its own, and holds the file until later.
fn hold(other: &Connection, id: i64) {
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sql = "INSERT INTO accounts VALUES (?1, 'other' || ?1, 0, 0, 1)";
    other.execute(sql, [id]).unwrap();
}

async fn opened(store: &SqliteStore, busy_wait: Duration) -> Sql {
    let options = SqlOptions::new(store.url()).busy_wait(busy_wait);
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    sql
}

async fn ids(sql: &Sql) -> Vec<i64> {
    sql.all::<Account>().await.unwrap().iter().map(|row| row.id).collect()
}

/// All ways to write, each of which meets a file that is held.
async fn write(sql: &Sql, way: i64, id: i64) -> Result<(), Error> {
    let mut row = account(id, &id.to_string());
    match way {
        0 => sql.insert(&mut row).await.map(drop),
        1 => sql.with_durability(Durability::Relaxed).insert(&mut row).await.map(drop),
        2 => sql.in_place().insert(&mut row).await.map(drop),
        3 => sql.insert_many(std::slice::from_mut(&mut row)).await.map(drop),
        4 => {
            let mut batch = sql.batch();
            batch.insert(&mut row)?;
            batch.run().await
        }
        5 => {
            let values = [id.into(), id.to_string().into()];
            let text = "INSERT INTO accounts VALUES (?, ?, 0, 0, 1)";
            sql.execute(text, &values).await.map(drop)
        }
        _ => {
            let inserted = sql.transaction_with(TxOptions::new().attempts(2), |tx| async move {
                tx.insert(&mut account(id, &id.to_string())).await.map(drop)
            });
            inserted.await
        }
    }
}

const WAYS: i64 = 7;

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_waits_until_another_process_is_done_and_is_done_once() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Duration::from_secs(5)).await;
        let mut want = Vec::new();
        for way in 0..WAYS {
            let other = other(&store);
            hold(&other, 100 + way);
            let holds = thread::spawn(move || {
                thread::sleep(HELD);
                other.execute_batch("COMMIT").unwrap();
            });
            write(&sql, way, way).await.unwrap();
            holds.join().unwrap();
            want.extend([way, 100 + way]);
        }
        want.sort_unstable();
        assert_eq!(ids(&sql).await, want);
        sql.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_that_another_process_keeps_out_is_not_done_and_the_next_one_is() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Duration::from_millis(60)).await;
        let other = other(&store);
        for way in 0..WAYS {
            hold(&other, 100);
            let error = write(&sql, way, way).await.unwrap_err();
            assert_eq!(error.code(), Code::Locked, "{way}: {error}");
            other.execute_batch("ROLLBACK").unwrap();
            write(&sql, way, way).await.unwrap();
        }
        assert_eq!(ids(&sql).await, (0..WAYS).collect::<Vec<_>>());
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn attempts_have_a_bound() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Duration::from_millis(20)).await;
        let other = other(&store);
        hold(&other, 100);
        let calls = AtomicU32::new(0);
        let failed = sql.transaction_with(TxOptions::new().attempts(3), |tx| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { tx.insert(&mut account(1, "a")).await.map(drop) }
        });
        let error = failed.await.unwrap_err();
        assert_eq!(error.code(), Code::Locked);
        assert!(error.to_string().contains("failed 3 times"), "{error}");
        assert_eq!(calls.load(Ordering::Relaxed), 0, "it never began");
        drop(other);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_transaction_that_cannot_begin_leaves_nothing() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Duration::from_millis(20)).await;
        let other = other(&store);
        let calls = AtomicU32::new(0);
        for _ in 0..5 {
            hold(&other, 100);
            let begun = sql.transaction_with(TxOptions::new().attempts(1), |tx| {
                calls.fetch_add(1, Ordering::Relaxed);
                async move { tx.insert(&mut account(1, "a")).await.map(drop) }
            });
            assert_eq!(begun.await.unwrap_err().code(), Code::Locked);
            // Reading goes on, and no lock of ours keeps the other from its end.
            assert_eq!(ids(&sql).await, [0_i64; 0]);
            other.execute_batch("ROLLBACK; BEGIN EXCLUSIVE; ROLLBACK").unwrap();
        }
        assert_eq!(calls.load(Ordering::Relaxed), 0, "it never began");
        assert_eq!(sql.pool_status().in_use, 0);
        let inserted =
            sql.transaction(|tx| async move { tx.insert(&mut account(2, "b")).await.map(drop) });
        inserted.await.unwrap();
        assert_eq!(ids(&sql).await, [2]);
        sql.close().await.unwrap();
    }
}
