//! What goes wrong on SQLite has its code, and names what is at fault.

use crate::common;
use std::time::Duration;

use common::records::{Account, Event, Price, account, events};
use common::{SqliteStore, poll_once, url};
use tradebase_core::{Code, Decimal};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{TempFolder, sqlite3};

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
    assert_eq!(error.code(), Code::StorageFailed);
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
async fn sqlite_places_that_cannot_be_opened_say_what_to_do() {
    let folder = TempFolder::new().unwrap();
    let torn = folder.file("torn.db");
    std::fs::write(&torn, vec![7; 8192]).unwrap();
    let before = names_in(folder.path());
    for (path, code, remedy) in [
        (folder.file("missing/a.db"), Code::StorageFailed, "create it first"),
        (folder.path().to_owned(), Code::StorageFailed, "name a file in it"),
        ("/proc/tradebase.db".into(), Code::StorageFailed, "must be allowed to read and write"),
        (torn, Code::StorageFailed, "restore it from a backup"),
    ] {
        let sql = Sql::later(SqlOptions::new(url(&path))).unwrap();
        let error = sql.connect().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (code, Some("connect")), "{error}");
        let message = error.to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains(remedy), "{message}");
        assert!(!sql.is_connected());
        // A call that needs the store says the same.
        let error = sql.get::<Account>(&1).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (code, Some("get")), "{error}");
    }
    assert_eq!(names_in(folder.path()), before);
}

#[tokio::test]
async fn sqlite_file_that_is_never_used_is_never_made() {
    let folder = TempFolder::new().unwrap();
    let sql = Sql::later(SqlOptions::new(url(&folder.file("a.db")))).unwrap();
    sql.clone().close().await.unwrap();
    assert_eq!(sql.connect().await.unwrap_err().code(), Code::Closed);
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[cfg(not(feature = "postgres"))]
#[test]
fn sqlite_alone_says_which_feature_postgres_needs() {
    let error = Sql::later(SqlOptions::new("postgres://me:hunter2@localhost/x")).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.to_string().ends_with("switch on the feature postgres"), "{error}");
}

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
