//! The pool of PostgreSQL: its bounds hold, no place is ever lost, and it heals by itself.

#![cfg(feature = "postgres")]

use crate::common;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::records::{Account, account};
use common::{Dice, SqliteStore, poll_once};
use tokio::time::sleep;
use tradebase_core::{Code, Value};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Database, Postgres, psql};

/// How long a test waits for what must happen soon.
const SOON: Duration = Duration::from_secs(20);

fn options(database: &Database, connections: usize, overflow: usize) -> SqlOptions {
    SqlOptions::new(database.url()).pool_connections(connections).pool_overflow(overflow)
}

/// Waits until something is so.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..SOON.as_millis() / 10 {
        if is() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be that {what}");
}

/// Takes every place at once, and one more in vain.
async fn assert_all_places_are_there(sql: &Sql, places: usize) {
    until("the pool rests", || sql.pool_status().in_use == 0).await;
    let mut held = Vec::new();
    for _ in 0..places {
        held.push(sql.connection().await.unwrap());
    }
    let status = sql.pool_status();
    assert_eq!((status.in_use, status.capacity()), (places, places));
    let mut more = Box::pin(sql.connection());
    assert!(poll_once(&mut more).await.is_pending());
    assert_eq!(sql.pool_status().waiting, 1);
    drop(more);
    assert_eq!(sql.pool_status().waiting, 0);
    for connection in held {
        connection.release().await.unwrap();
    }
    assert_eq!(sql.pool_status().in_use, 0);
}

async fn backend(sql: &Sql) -> Value {
    let rows = sql.query_values("SELECT pg_backend_pid()::bigint", &[]).await.unwrap();
    rows.rows[0][0].clone()
}

#[tokio::test]
async fn postgres_overflow_is_opened_when_needed_and_closed_when_not() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 2, 3)).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(sql.connection().await.unwrap());
    }
    let status = sql.pool_status();
    assert_eq!((status.engine, status.connections, status.overflow), ("postgres", 2, 3));
    assert_eq!((status.in_use, status.idle, status.opened), (5, 0, 5));
    for connection in held {
        connection.release().await.unwrap();
    }
    let status = sql.pool_status();
    assert_eq!((status.in_use, status.idle, status.surplus), (0, 2, 3));
    assert_eq!((status.waits, status.broken, status.cancelled), (0, 0, 0));
    let mine = format!(
        "select count(*) <= 2 from pg_stat_activity where datname = '{}' and \
         application_name = 'tradebase'",
        database.name()
    );
    until("the server has closed them", || {
        psql(&Postgres::shared().url(), &mine).is_ok_and(|t| t == "t")
    })
    .await;
}

#[tokio::test]
async fn postgres_pool_that_is_exhausted_tells_its_numbers() {
    let database = Postgres::shared().database();
    let options = options(&database, 1, 1).pool_wait(Duration::from_millis(50));
    let sql = Sql::open_with(options).await.unwrap();
    let held = (sql.connection().await.unwrap(), sql.connection().await.unwrap());
    let error = sql.ping().await.unwrap_err();
    assert_eq!(error.code(), Code::PoolExhausted);
    assert!(error.is_retryable() && error.is_unavailable());
    assert_eq!(
        error.to_string(),
        "[DB_PERF_002] ping: no connection became free within 50ms: 2 of 2 are in use (1 and 1 \
         overflow), and 0 more calls wait"
    );
    let status = sql.pool_status();
    assert_eq!((status.waits, status.exhausted, status.waiting), (1, 1, 0));
    assert!(status.wait_max >= Duration::from_millis(50), "{status:?}");
    drop(held);
    assert_all_places_are_there(&sql, 2).await;
}

#[tokio::test]
async fn postgres_calls_in_line_have_their_turn_in_order() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 1, 0)).await.unwrap();
    let held = sql.connection().await.unwrap();
    let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
    let waiting = sql.clone();
    for turn in 0..8 {
        let (sql, done) = (sql.clone(), done.clone());
        tokio::spawn(async move { sql.ping().await.map(|()| done.send(turn)) });
        until("it stands in line", || waiting.pool_status().waiting == turn + 1).await;
    }
    held.release().await.unwrap();
    for turn in 0..8 {
        assert_eq!(order.recv().await, Some(turn));
    }
    assert_eq!(sql.pool_status().waits, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_pool_is_resized_under_load_and_loses_no_place() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 4, 2)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (sql, stop) = (sql.clone(), stop.clone());
            tokio::spawn(async move {
                let mut calls = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    sql.ping().await.unwrap();
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut dice = Dice::new(81);
    for _ in 0..60 {
        let (connections, overflow) = (*dice.one(&[1, 2, 3, 4, 5, 6]), *dice.one(&[0, 1, 3]));
        sql.resize_pool(connections, overflow).unwrap();
        sleep(Duration::from_millis(5)).await;
        let status = sql.pool_status();
        assert_eq!((status.connections, status.overflow), (connections, overflow));
        assert!(status.idle <= connections, "{status:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    sql.resize_pool(3, 2).unwrap();
    assert_all_places_are_there(&sql, 5).await;
    sql.resize_pool(1, 0).unwrap();
    assert!(sql.pool_status().idle <= 1);
    assert_all_places_are_there(&sql, 1).await;
}

#[tokio::test]
async fn postgres_pool_that_grows_lets_those_in_line_go_on() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 1, 0)).await.unwrap();
    let held = sql.connection().await.unwrap();
    let waiting = {
        let sql = sql.clone();
        tokio::spawn(async move { sql.ping().await })
    };
    until("the call stands in line", || sql.pool_status().waiting == 1).await;
    sql.resize_pool(1, 1).unwrap();
    waiting.await.unwrap().unwrap();
    held.release().await.unwrap();
    assert_all_places_are_there(&sql, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_calls_that_are_dropped_anywhere_lose_no_place() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 2, 1)).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let mut dice = Dice::new(82);
    for round in 0..150 {
        let mut calls: Vec<_> = (0..8)
            .map(|i| {
                let sql = sql.clone();
                let call = async move {
                    if i % 2 == 0 {
                        return sql.insert(&mut account(round * 8 + i, "a")).await.map(drop);
                    }
                    sql.connection().await?.release().await
                };
                Some(Box::pin(call))
            })
            .collect();
        for _ in 0..dice.below(12) {
            for slot in &mut calls {
                if let Some(call) = slot
                    && poll_once(call).await.is_ready()
                {
                    *slot = None;
                }
            }
            sleep(Duration::from_micros(dice.below(300))).await;
        }
    }
    assert_all_places_are_there(&sql, 3).await;
    assert_eq!(sql.pool_status().exhausted, 0);
}

#[tokio::test]
async fn postgres_statement_whose_call_is_dropped_is_cancelled() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(options(&database, 1, 0)).await.unwrap();
    assert_a_dropped_nap_ends(&database, sql.execute("SELECT pg_sleep(600)", &[])).await;
    // Its place is there again, with another connection.
    sql.ping().await.unwrap();
    let status = sql.pool_status();
    assert_eq!((status.cancelled, status.opened, status.in_use), (1, 2, 0));
    let mut door = sql.connection().await.unwrap();
    assert_a_dropped_nap_ends(&database, door.batch("SELECT pg_sleep(600)")).await;
    assert_eq!(door.batch("SELECT 1").await.unwrap_err().code(), Code::ConnectionLost);
    drop(door);
    assert_all_places_are_there(&sql, 1).await;
}

/// Drops a call that sleeps for ten minutes, and sees that it has no statement left.
async fn assert_a_dropped_nap_ends<T>(database: &Database, nap: impl Future<Output = T>) {
    let asleep = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state = 'active' and \
         query like '%pg_sleep(600)%' and pid <> pg_backend_pid()",
        database.name()
    );
    let count = || psql(&Postgres::shared().url(), &asleep).unwrap();
    let mut nap = Box::pin(nap);
    while count() == "0" {
        assert!(poll_once(&mut nap).await.is_pending());
        sleep(Duration::from_millis(1)).await;
    }
    drop(nap);
    until("the statement is gone", || count() == "0").await;
}

#[tokio::test]
async fn postgres_connections_are_replaced_at_their_age() {
    let database = Postgres::shared().database();
    let age = Duration::from_millis(200);
    let sql = Sql::open_with(options(&database, 1, 0).pool_recycle(age)).await.unwrap();
    let first = backend(&sql).await;
    sleep(age).await;
    assert_ne!(backend(&sql).await, first);
    assert!(sql.pool_status().recycled >= 1);
    let lasting = Sql::open_with(options(&database, 1, 0).pool_recycle(None)).await.unwrap();
    let first = backend(&lasting).await;
    sleep(age).await;
    assert_eq!(backend(&lasting).await, first);
    assert_eq!(lasting.pool_status().recycled, 0);
}

#[tokio::test]
async fn postgres_pool_heals_after_the_server_was_restarted() {
    let server = Postgres::start().unwrap();
    let options = SqlOptions::new(server.url()).pool_connections(4).pool_overflow(0);
    let sql = Sql::open_with(options).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(sql.connection().await.unwrap());
    }
    for connection in held {
        connection.release().await.unwrap();
    }
    assert_eq!(sql.pool_status().idle, 4);
    server.kill().unwrap();
    server.restart().unwrap();
    // One call may meet a death that has not shown yet; none after it does.
    if let Err(error) = sql.ping().await {
        assert!(error.is_retryable() && error.is_unavailable(), "{error}");
    }
    for _ in 0..8 {
        sql.ping().await.unwrap();
    }
    assert_eq!(sql.pool_status().broken, 4);
    assert_all_places_are_there(&sql, 4).await;
}

#[tokio::test]
async fn postgres_statements_and_locks_are_given_up_after_their_wait() {
    let database = Postgres::shared().database();
    let ms = Duration::from_millis;
    let options = |url: String| {
        SqlOptions::new(url).statement_wait(ms(400)).lock_wait(ms(100)).pool_overflow(0)
    };
    let waits = options(database.url()).idle_in_transaction_wait(ms(300));
    let sql = Sql::open_with(waits.pool_connections(1)).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let error = sql.execute("SELECT pg_sleep(60)", &[]).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::TimedOut, true));
    let other = Sql::open(&database.url()).await.unwrap();
    let mut locks = other.connection().await.unwrap();
    locks.batch("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let error = sql.insert(&mut account(1, "a")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::Locked, true), "{error}");
    locks.release().await.unwrap();
    sql.insert(&mut account(1, "a")).await.unwrap();
    // All that on one connection, which was never in doubt.
    assert_eq!(sql.pool_status().opened, 1);
    let mut idle = sql.connection().await.unwrap();
    idle.batch("BEGIN").await.unwrap();
    sleep(ms(600)).await;
    let error = idle.batch("SELECT 1").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    drop(idle);
    sql.ping().await.unwrap();
    // What the address says wins.
    let url = format!("{}?options=-c%20statement_timeout%3D7000", database.url());
    let told = Sql::open_with(options(url)).await.unwrap();
    let both = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')";
    let shown = told.query_values(both, &[]).await.unwrap();
    let text = |value: &str| Value::Text(value.to_owned());
    assert_eq!(shown.rows, [[text("7s"), text("100ms")]]);
}

#[tokio::test]
async fn sqlite_pool_tells_its_readers_and_its_writer() {
    let store = SqliteStore::new().await;
    let status = store.sql.pool_status();
    assert_eq!((status.engine, status.in_use), ("sqlite", 0));
    assert_eq!(status.capacity(), tradebase_sql::READERS + 1);
    let error = store.sql.resize_pool(1, 1).unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Unsupported, Some("resize_pool")));
}
