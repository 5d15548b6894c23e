//! What those who write to SQLite at the same time can rely on.

use crate::common;
use std::task::Poll;
use std::time::Duration;

use common::records::{Account, Order, Venue2, account, units};
use common::{SqliteStore, poll_once};
use tokio::task::JoinSet;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Uuid};
use tradebase_sql::{Durability, Sql, SqlOptions};

/// Both durabilities take ways of their own.
async fn opened(store: &SqliteStore, durability: Durability) -> Sql {
    let options = SqlOptions::new(store.url()).durability(durability);
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    sql
}

fn order(account: i64) -> Order {
    Order {
        id: Uuid::from_u128(account.unsigned_abs().into()),
        account,
        venue: None,
        quantity: units(5, 8),
    }
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_of_those_who_share_a_commit_has_an_outcome_of_its_own() {
        for durability in [Durability::Full, Durability::Relaxed] {
            let store = SqliteStore::new().await;
            let sql = opened(&store, durability).await;
            sql.create_table::<Venue2>().await.unwrap();
            sql.create_table::<Order>().await.unwrap();
            // Whoever comes now queues.
            let connection = sql.connection().await.unwrap();
            let mut calls = JoinSet::new();
            for id in 0..60 {
                let sql = sql.clone();
                // Every name stands there twice; orders of accounts that are not there fail.
                calls.spawn(async move {
                    let inserted = match id % 3 {
                        2 => sql.insert(&order(id + 1000)).await.map(drop),
                        _ => {
                            let owner = (id / 6).to_string();
                            sql.insert(&mut account(id, &owner)).await.map(drop)
                        }
                    };
                    (id, inserted)
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            connection.release().await.unwrap();
            let (mut good, mut twice) = (Vec::new(), 0);
            for (id, outcome) in calls.join_all().await {
                match outcome {
                    Ok(()) => good.push(id),
                    Err(error) if id % 3 == 2 => assert_eq!(error.code(), Code::BrokenReference),
                    Err(error) => {
                        assert_eq!(error.code(), Code::NotUnique);
                        assert_eq!(error.column_name(), Some("owner"));
                        twice += 1;
                    }
                }
            }
            good.sort_unstable();
            assert_eq!((good.len(), twice), (10, 30));
            let stored = sql.all::<Account>().await.unwrap();
            assert_eq!(stored.iter().map(|row| row.id).collect::<Vec<_>>(), good);
            sql.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_queued_write_that_is_dropped_is_not_done_and_the_others_are() {
        for durability in [Durability::Full, Durability::Relaxed] {
            let store = SqliteStore::new().await;
            let sql = opened(&store, durability).await;
            let connection = sql.connection().await.unwrap();
            let mut rows = [account(1, "a"), account(2, "b"), account(3, "c")];
            let [first, second, third] = &mut rows;
            let mut first = Box::pin(sql.insert(first));
            let mut second = Box::pin(sql.insert(second));
            let mut third = Box::pin(sql.insert(third));
            assert!(poll_once(&mut first).await.is_pending());
            assert!(poll_once(&mut second).await.is_pending());
            assert!(poll_once(&mut third).await.is_pending());
            drop(second);
            connection.release().await.unwrap();
            first.await.unwrap();
            third.await.unwrap();
            let stored = sql.all::<Account>().await.unwrap();
            assert_eq!(stored.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 3]);
            // The caller's row is as it was before.
            assert_eq!(rows[1], account(2, "b"));
            sql.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_write_that_waits_too_long_is_not_done() {
        let store = SqliteStore::new().await;
        let options = SqlOptions::new(store.url()).busy_wait(Duration::from_millis(80));
        let sql = Sql::open_with(options).await.unwrap();
        sql.create_table::<Account>().await.unwrap();
        let mut connection = sql.connection().await.unwrap();
        let error = sql.insert(&mut account(1, "a")).await.unwrap_err();
        assert_eq!(error.code(), Code::Locked);
        connection.release().await.unwrap();
        // The same while another process holds the file.
        let other = Sql::open(&store.url()).await.unwrap();
        connection = other.connection().await.unwrap();
        connection.batch("BEGIN IMMEDIATE").await.unwrap();
        for durability in [Durability::Full, Durability::Relaxed] {
            let sql = sql.with_durability(durability);
            let error = sql.insert(&mut account(2, "b")).await.unwrap_err();
            assert_eq!(error.code(), Code::Locked);
        }
        connection.release().await.unwrap();
        sql.insert(&mut account(3, "c")).await.unwrap();
        let stored = sql.all::<Account>().await.unwrap();
        assert_eq!(stored.iter().map(|row| row.id).collect::<Vec<_>>(), [3]);
        sql.close().await.unwrap();
        other.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn more_writers_than_the_queue_holds_wait_for_room() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Durability::Full).await;
        let connection = sql.connection().await.unwrap();
        let mut calls = JoinSet::new();
        for id in 0..5000 {
            let sql = sql.clone();
            calls.spawn(async move { sql.insert(&mut account(id, &id.to_string())).await });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        connection.release().await.unwrap();
        for inserted in calls.join_all().await {
            inserted.unwrap();
        }
        assert_eq!(sql.count::<Account>().await.unwrap(), 5000);
        sql.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_store_that_is_closed_answers_those_who_wait() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Durability::Full).await;
        let mut calls = JoinSet::new();
        for id in 0..500 {
            let sql = sql.clone();
            calls.spawn(async move { sql.insert(&mut account(id, &id.to_string())).await });
        }
        tokio::task::yield_now().await;
        sql.close().await.unwrap();
        let mut stored = 0;
        for outcome in calls.join_all().await {
            match outcome {
                Ok(_) => stored += 1,
                Err(error) => assert_eq!(error.code(), Code::Closed, "{error}"),
            }
        }
        assert!(!store.path().with_extension("db-wal").exists() || store.sql.is_connected());
        let again = Sql::open(&store.url()).await.unwrap();
        assert_eq!(again.count::<Account>().await.unwrap(), stored);
        again.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn transactions_connections_and_single_writes_take_turns() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Durability::Relaxed).await;
        let mut calls = JoinSet::new();
        for id in 0..200 {
            let sql = sql.clone();
            calls.spawn(async move {
                let name = id.to_string();
                match id % 4 {
                    0 => {
                        let text = "INSERT INTO accounts VALUES (?, ?, 0, 0, 1)";
                        let values = [id.into(), name.into()];
                        let mut connection = sql.connection().await?;
                        connection.execute(text, &values).await?;
                        connection.release().await
                    }
                    1 => {
                        sql.transaction(|tx| {
                            let name = name.clone();
                            async move { tx.insert(&mut account(id, &name)).await.map(drop) }
                        })
                        .await
                    }
                    2 => sql
                        .with_durability(Durability::Full)
                        .insert(&mut account(id, &name))
                        .await
                        .map(drop),
                    _ => sql.insert_many(&mut [account(id, &name)]).await.map(drop),
                }
            });
        }
        for outcome in calls.join_all().await {
            outcome.unwrap();
        }
        assert_eq!(sql.count::<Account>().await.unwrap(), 200);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_whose_thread_may_wait_reads_on_it() {
        let store = SqliteStore::new().await;
        let sql = opened(&store, Durability::Full).await.in_place();
        sql.insert(&mut account(1, "a")).await.unwrap();
        let mut all = Box::pin(sql.all::<Account>());
        let Poll::Ready(rows) = poll_once(&mut all).await else { panic!("it waits") };
        assert_eq!(rows.unwrap().len(), 1);
    }

    /// The same with two processes for longer is a proof of its own.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_stores_on_one_file_both_get_their_turns() {
        const TASKS: i64 = 16;
        let store = SqliteStore::new().await;
        let (one, other) =
            (opened(&store, Durability::Full).await, opened(&store, Durability::Relaxed).await);
        let end = Tick::now().after(Duration::from_secs(2));
        let mut calls = JoinSet::new();
        for (side, sql) in [one.clone(), other.clone()].into_iter().enumerate() {
            for task in 0..TASKS {
                let sql = sql.clone();
                calls.spawn(async move {
                    let (mut longest, mut count) = (Duration::ZERO, 0);
                    while !end.is_past() {
                        let side = i64::try_from(side).unwrap();
                        let id = ((count * TASKS) + task) * 2 + side;
                        let begun = Tick::now();
                        sql.insert(&mut account(id, &id.to_string())).await.unwrap();
                        longest = longest.max(begun.elapsed());
                        count += 1;
                    }
                    (side, count, longest)
                });
            }
        }
        let mut counts = [0, 0];
        let mut longest = Duration::ZERO;
        for (side, count, wait) in calls.join_all().await {
            counts[side] += count;
            longest = longest.max(wait);
        }
        println!("{counts:?} {longest:?}");
        assert!(counts[0].min(counts[1]) * 4 >= counts[0] + counts[1], "{counts:?}");
        let stored = one.count::<Account>().await.unwrap();
        assert_eq!(i64::try_from(stored).unwrap(), counts[0] + counts[1]);
        one.close().await.unwrap();
        other.close().await.unwrap();
    }
}
