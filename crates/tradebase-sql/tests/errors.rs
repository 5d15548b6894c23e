//! What goes wrong has its code, names what is at fault, and shows no secret.

mod common;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use common::records::{Account, Event, Remark, event, events};
use common::{Dice, PostgresStore, SqliteStore, url};
use tradebase_core::{Assigned, Code, Decimal, Record, Timestamp};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Postgres, Proxy, Side, TempFolder, psql, sqlite3};

#[tokio::test]
async fn sqlite_checks_name_the_column() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let stricter = "alter table accounts add column more integer; drop table accounts; \
                    create table accounts (id integer primary key, owner text not null, \
                    made integer, changed integer, version integer, \
                    constraint accounts__owner__check check (length(owner) < 3)) strict";
    sqlite3(store.path(), stricter).unwrap();
    let error = store.sql.insert(&mut account(1, "long")).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("owner")));
    assert_eq!((error.operation(), error.record()), (Some("insert"), Some("Account")));
}

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

/// As [`Account`], but finer and longer than a table that is there.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
struct Price {
    #[record(key)]
    id: i64,
    #[record(decimal(18, 8))]
    price: Decimal,
}

#[tokio::test]
async fn postgres_tables_that_would_round_are_refused() {
    let store = PostgresStore::new().await;
    let row = Price { id: 1, price: "0.12345678".parse().unwrap() };
    for (columns, code, at_fault) in [
        ("id bigint, price numeric(18, 4)", Code::SchemaMismatch, Some("price")),
        ("id bigint, price numeric(12, 8)", Code::SchemaMismatch, Some("price")),
        ("id bigint, price double precision", Code::SchemaMismatch, Some("price")),
        ("id timestamptz, price numeric(18, 8)", Code::SchemaMismatch, None),
        ("id bigint", Code::SchemaMismatch, None),
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
    // One call may fail, as one that can be repeated; the next prepares anew.
    if let Err(error) = store.sql.get::<Price>(&1).await {
        assert!(error.is_retryable(), "{error}");
    }
    assert_eq!(store.sql.get::<Price>(&1).await.unwrap().as_ref(), Some(&row));
    psql(&store.url(), "alter table prices alter price type float8").unwrap();
    _ = store.sql.get::<Price>(&1).await;
    let error = store.sql.get::<Price>(&1).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("price")));
}

#[tokio::test]
async fn sqlite_tables_without_a_column_are_refused() {
    let store = SqliteStore::new().await;
    sqlite3(store.path(), "create table prices (id integer primary key) strict").unwrap();
    let row = Price { id: 1, price: Decimal::ONE };
    let error = store.sql.insert(&row).await.unwrap_err();
    assert_eq!(error.code(), Code::SchemaMismatch);
    let error = store.sql.find::<Price>().all().await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::SchemaMismatch, Some("find")));
}

#[tokio::test]
async fn sqlite_cells_of_another_type_are_unreadable() {
    let store = SqliteStore::new().await;
    sqlite3(
        store.path(),
        "create table prices (id integer primary key, price); \
         insert into prices values (1, '0.5'), (2, x'00'), (3, 0.5), (4, null)",
    )
    .unwrap();
    for id in 1..=4 {
        let error = store.sql.get::<Price>(&id).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("price")));
    }
}

#[tokio::test]
async fn sqlite_waits_for_another_process_and_then_says_locked() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let options = SqlOptions::new(store.url()).busy_wait(Duration::from_millis(150));
    let hasty = Sql::open_with(options).await.unwrap();
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let error = hasty.insert(&mut account(1, "a")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::Locked, true));
    let error = hasty.insert_many(&mut [account(1, "a"), account(2, "b")]).await.unwrap_err();
    assert_eq!(error.code(), Code::Locked);
    // Reading goes on meanwhile, and a patient writer gets its turn.
    assert_eq!(hasty.all::<Account>().await.unwrap(), []);
    let patient = {
        let sql = store.sql.clone();
        tokio::spawn(async move { sql.insert(&mut account(3, "c")).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    other.execute_batch("commit").unwrap();
    assert_eq!(patient.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn sqlite_files_that_are_none_are_refused() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("no.db");
    std::fs::write(&path, vec![7; 8192]).unwrap();
    let error = Sql::open(&url(&path)).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::StorageFailed, Some("open")));
    let error = Sql::open(&url(&folder.file("missing/a.db"))).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionFailed);
    assert!(error.to_string().contains("missing/a.db"), "{error}");
}

#[tokio::test]
async fn sqlite_file_can_be_removed_after_close() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.insert_many(&events(70, 300)).await.unwrap();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let sql = store.sql.clone();
            tokio::spawn(async move { sql.all::<Event>().await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().len(), 300);
    }
    store.sql.clone().close().await.unwrap();
    // The last one to close has moved the log into the file.
    let left: Vec<_> = std::fs::read_dir(store.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["test.db"]);
    let again = Sql::open(&store.url()).await.unwrap();
    assert_eq!(again.all::<Event>().await.unwrap().len(), 300);
}

#[tokio::test]
async fn sqlite_batch_that_is_dropped_in_the_middle_writes_nothing() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let mut rows: Vec<_> = (0..2000).map(|id| account(id, &format!("owner {id}"))).collect();
    let before = rows.clone();
    {
        let mut batch = Box::pin(store.sql.insert_many(&mut rows));
        for _ in 0..4 {
            assert!(poll_once(&mut batch).await.is_pending());
        }
    }
    // The caller's rows carry no stamp of what did not happen.
    assert_eq!(rows, before);
    assert_eq!(store.sql.all::<Account>().await.unwrap(), []);
    assert_eq!(store.sql.insert_many(&mut rows).await.unwrap(), 2000);
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
    let options =
        SqlOptions::new(database.url()).pool_connections(1).pool_wait(Duration::from_millis(100));
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
        (format!("postgres://me:{secret}@10.1.2.3/x"), Code::Unsupported),
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

/// Lets a future run until it waits.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

fn account(id: i64, owner: &str) -> Account {
    let never = Timestamp::default();
    Account { id, owner: owner.into(), made: never, changed: never, version: 0 }
}
