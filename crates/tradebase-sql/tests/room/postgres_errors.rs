//! What goes wrong on PostgreSQL has its code, names what is at fault, and shows no secret.

#![cfg(feature = "postgres")]

use crate::common;
use std::time::Duration;

use common::records::{Account, Event, Price, Remark, account, event, events};
use common::{Dice, PostgresStore, poll_once};
use tradebase_core::{Assigned, Code};
use tradebase_sql::{Conflict, Sql, SqlOptions};
use tradebase_testkit::{Postgres, Proxy, Side, psql};

#[tokio::test]
async fn postgres_checks_name_the_column() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let stricter = "alter table accounts add constraint accounts__owner__check \
                    check (char_length(owner) < 3)";
    psql(&store.url(), stricter).unwrap();
    let error = store.sql.insert(&mut account(1, "long")).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("owner")));
    // The server's detail, which quotes the row, is not shown.
    assert!(!error.to_string().contains("long"), "{error}");
}

#[tokio::test]
async fn postgres_tables_that_would_round_are_refused() {
    let store = PostgresStore::new().await;
    let row = Price { id: 1, price: "0.12345678".parse().unwrap() };
    for (columns, code, at_fault) in [
        ("id bigint, price numeric(18, 4)", Code::SchemaMismatch, Some("price")),
        ("id bigint, price numeric(12, 8)", Code::SchemaMismatch, Some("price")),
        ("id bigint, price double precision", Code::SchemaMismatch, Some("price")),
        ("id timestamptz, price numeric(18, 8)", Code::SchemaMismatch, Some("id")),
        ("id bigint", Code::SchemaMismatch, Some("price")),
    ] {
        psql(&store.url(), &format!("create table prices ({columns})")).unwrap();
        let rows = vec![row.clone(); 200];
        for error in [
            store.sql.insert(&row).await.unwrap_err(),
            store.sql.update(&row).await.unwrap_err(),
            store.sql.insert_many(&rows[..50]).await.unwrap_err(),
            store.sql.insert_many(&rows).await.unwrap_err(),
            store.sql.get::<Price>(&1).await.unwrap_err(),
            store.sql.all::<Price>().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), code, "{columns}: {error}");
            assert_eq!(error.column_name(), at_fault, "{columns}: {error}");
        }
        psql(&store.url(), "drop table prices").unwrap();
    }
    // Wider, and with columns of its own that may be null, is fine.
    let wider = "create table prices (extra text, price numeric, id bigint primary key)";
    psql(&store.url(), wider).unwrap();
    store.sql.insert(&row).await.unwrap();
    assert_eq!(store.sql.get::<Price>(&1).await.unwrap(), Some(row));
}

#[tokio::test]
async fn postgres_tables_can_be_changed_under_prepared_statements() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Price>().await.unwrap();
    let row = Price { id: 1, price: "0.5".parse().unwrap() };
    store.sql.insert(&row).await.unwrap();
    assert_eq!(store.sql.get::<Price>(&1).await.unwrap().as_ref(), Some(&row));
    psql(&store.url(), "alter table prices alter price type numeric(20, 9)").unwrap();
    // The statement is prepared anew, and the caller does not notice.
    assert_eq!(store.sql.get::<Price>(&1).await.unwrap().as_ref(), Some(&row));
    psql(&store.url(), "alter table prices alter price type numeric(21, 10)").unwrap();
    store.sql.update(&row).await.unwrap();
    assert_eq!(store.sql.find::<Price>().all().await.unwrap(), std::slice::from_ref(&row));
    // All of it on the one connection.
    assert_eq!(store.sql.pool_status().opened, 1);
    psql(&store.url(), "alter table prices alter price type float8").unwrap();
    let error = store.sql.get::<Price>(&1).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("price")));
}

#[tokio::test]
async fn postgres_calls_that_are_dropped_leave_no_open_transaction() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.create_table::<Remark>().await.unwrap();
    let rows = events(71, 3000);
    for polls in 1..25 {
        let mut remarks: Vec<_> =
            (0..50).map(|i| Remark { id: Assigned::New, text: format!("{i}") }).collect();
        let events = Box::pin(store.sql.insert_many(&rows));
        let assigned = Box::pin(store.sql.insert_many(&mut remarks));
        let (mut both, mut done) = ((events, assigned), (false, false));
        for _ in 0..polls {
            done.0 = done.0 || poll_once(&mut both.0).await.is_ready();
            done.1 = done.1 || poll_once(&mut both.1).await.is_ready();
            tokio::task::yield_now().await;
        }
        drop(both);
        let count = store.sql.all::<Event>().await.unwrap().len();
        assert!(count == 0 || count == rows.len(), "{count}");
        let count = store.sql.all::<Remark>().await.unwrap().len();
        assert!(count == 0 || count == 50, "{count}");
        assert!(count == 50 || remarks.iter().all(|r| r.id == Assigned::New));
        psql(&store.url(), "delete from remarks; delete from events").unwrap();
    }
    let open = "select count(*) from pg_stat_activity where datname = current_database() \
                and state like 'idle in transaction%'";
    assert_eq!(psql(&store.url(), open).unwrap(), "0");
}

#[tokio::test]
async fn postgres_pool_that_is_exhausted_says_so() {
    let database = Postgres::shared().database();
    let options = SqlOptions::new(database.url())
        .pool_connections(1)
        .pool_overflow(0)
        .pool_wait(Duration::from_millis(100));
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let other = hold_the_table(&database.url());
    let blocked = {
        let sql = sql.clone();
        tokio::spawn(async move { sql.insert(&mut account(1, "a")).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = sql.get::<Account>(&1).await.unwrap_err();
    assert_eq!((error.code(), error.is_unavailable()), (Code::PoolExhausted, true));
    other.join().unwrap();
    blocked.await.unwrap().unwrap();
    assert!(sql.get::<Account>(&1).await.unwrap().is_some());
}

/// Holds the table for a second, from another program.
fn hold_the_table(url: &str) -> std::thread::JoinHandle<()> {
    let url = url.to_owned();
    let lock = std::thread::spawn(move || {
        let sql = "begin; lock table accounts in access exclusive mode; select pg_sleep(1); commit";
        psql(&url, sql).unwrap();
    });
    std::thread::sleep(Duration::from_millis(200));
    lock
}

#[tokio::test]
async fn postgres_connections_come_back_after_the_server_was_away() {
    let server = Postgres::start().unwrap();
    let sql = Sql::open(&server.url()).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    sql.insert(&mut account(1, "a")).await.unwrap();
    server.kill().unwrap();
    let error = sql.get::<Account>(&1).await.unwrap_err();
    assert!(error.is_unavailable() && error.is_retryable(), "{error}");
    let error = sql.get::<Account>(&1).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionFailed, "{error}");
    server.restart().unwrap();
    assert!(sql.get::<Account>(&1).await.unwrap().is_some());
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_connection_that_is_cut_is_an_error_and_not_a_wait() {
    let database = Postgres::shared().database();
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    let proxy = Proxy::before(&server).unwrap();
    let sql = Sql::open(&database.url_through(&proxy)).await.unwrap();
    sql.create_table::<Event>().await.unwrap();
    proxy.cut_after(Side::Client, 50_000);
    let error = sql.insert_many(&events(72, 2000)).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    let direct = Sql::open(&database.url()).await.unwrap();
    assert_eq!(direct.all::<Event>().await.unwrap(), []);
}

#[tokio::test]
async fn postgres_that_cannot_be_reached_shows_no_password() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let secret = "hunter2hunter2";
    for (url, code) in [
        (format!("postgres://me:{secret}@127.0.0.1:{port}/x"), Code::ConnectionFailed),
        (format!("postgres://me:{secret}@127.0.0.1:{port}/x?sslmode=always"), Code::Config),
        (format!("postgres://me:{secret}@127.0.0.1:nonsense/x"), Code::Config),
        (format!("mysql://me:{secret}@127.0.0.1/x"), Code::Config),
        (format!("me:{secret}"), Code::Config),
        (secret.to_owned(), Code::Config),
    ] {
        let options = SqlOptions::new(&url);
        assert!(!format!("{options:?}").contains(secret));
        let error = Sql::open_with(options).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!format!("{error:?} {error}").contains(secret), "{error}");
    }
}

#[tokio::test]
async fn postgres_refusals_have_their_codes() {
    let database = Postgres::shared().database();
    let url = database.url();
    let missing = url.replace(database.name(), "there_is_no_such_database");
    assert_eq!(Sql::open(&missing).await.unwrap_err().code(), Code::Config);
    let sql = Sql::open(&url).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let role = format!("reader_{}", database.name());
    psql(&url, &format!("create role {role} login")).unwrap();
    let reader = url.replace("postgres@", &format!("{role}@"));
    let reading = Sql::open(&reader).await.unwrap();
    let error = reading.insert(&mut account(1, "a")).await.unwrap_err();
    assert_eq!(error.code(), Code::AccessDenied);
    let slow = format!(
        "alter role {role} set statement_timeout = '1ms'; \
                        grant all on all tables in schema public to {role}; \
                        create function slowly() returns trigger language plpgsql as \
                        'begin perform pg_sleep(1); return new; end'; \
                        create trigger slowly before insert on accounts for each row \
                        execute function slowly()"
    );
    psql(&url, &slow).unwrap();
    let slow = Sql::open(&reader).await.unwrap();
    let error = slow.insert(&mut account(1, "a")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::TimedOut, true));
    reading.close().await.unwrap();
    slow.close().await.unwrap();
    psql(&url, &format!("drop owned by {role}; drop role {role}")).unwrap();
}

#[tokio::test]
async fn postgres_is_reached_through_its_socket_and_by_other_spellings() {
    let database = Postgres::shared().database();
    let tcp = database.url();
    for url in [
        database.socket_url(),
        tcp.clone(),
        tcp.replace("postgres://", "postgresql://"),
        tcp.replace("postgres://", "postgresql+asyncpg://"),
    ] {
        let sql = Sql::open(&url).await.unwrap();
        sql.create_table::<Event>().await.unwrap();
        let row = event(&mut Dice::new(73), 1);
        sql.insert(&row).await.unwrap();
        assert!(sql.delete::<Event>(&row.id).await.unwrap());
        sql.close().await.unwrap();
    }
}

#[tokio::test]
async fn postgres_a_connection_that_the_server_ends_is_not_used_again() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Account>().await.unwrap();
    let end = "create function leave() returns trigger language plpgsql as $$ begin \
               perform pg_terminate_backend(pg_backend_pid()); return new; end $$; \
               create trigger leave before insert on accounts for each row \
               execute function leave()";
    psql(&store.url(), end).unwrap();
    for id in 0..20 {
        let error = sql.insert(&mut account(id, "gone")).await.unwrap_err();
        assert_eq!(error.code(), Code::ConnectionLost, "{error}");
        assert_eq!(sql.get::<Account>(&id).await.unwrap(), None);
    }
    assert_eq!(sql.pool_status().broken, 20);
}

#[tokio::test]
async fn postgres_nothing_is_written_over_a_row_whose_making_cannot_be_read() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Account>().await.unwrap();
    let mut row = account(1, "ann");
    sql.insert(&mut row).await.unwrap();
    for moment in
        ["'infinity'", "'-infinity'", "'10000-01-01 00:00+00'", "'0001-12-31 23:59+00 BC'"]
    {
        psql(&store.url(), &format!("update accounts set made = {moment}")).unwrap();
        let before = row.clone();
        let mut batch = sql.batch();
        batch.update(&mut row).unwrap();
        let batch = batch.run().await.expect_err(moment);
        for error in [
            batch,
            sql.update(&mut row).await.unwrap_err(),
            sql.update_many([&mut row]).await.unwrap_err(),
            sql.upsert(&mut row, &Conflict::replace()).await.unwrap_err(),
            sql.upsert_many([&mut row], &Conflict::replace()).await.unwrap_err(),
            sql.get::<Account>(&1).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Unreadable, "{moment}: {error}");
            assert_eq!(error.column_name(), Some("made"), "{moment}: {error}");
        }
        assert_eq!(row, before);
        assert_eq!(psql(&store.url(), "select version from accounts").unwrap().trim(), "1");
    }
    psql(&store.url(), "update accounts set made = '0001-01-01 00:00:00+00'").unwrap();
    sql.update(&mut row).await.unwrap();
    psql(&store.url(), "update accounts set made = '9999-12-31 23:59:59.999999+00'").unwrap();
    sql.update(&mut row).await.unwrap();
}

#[tokio::test]
async fn postgres_a_decimal_of_more_digits_than_declared_is_not_read() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let wider = "create table prices (id bigint primary key, price numeric); \
                 insert into prices values (1, 9999999999.99999999), (2, 10000000000)";
    psql(&store.url(), wider).unwrap();
    let largest = sql.get::<Price>(&1).await.unwrap().unwrap();
    sql.update(&largest).await.unwrap();
    let error = sql.get::<Price>(&2).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("price")), "{error}");
    assert_eq!(sql.all::<Price>().await.unwrap_err().code(), Code::Unreadable);
}
