//! When a store connects, what it makes then, and how it is watched.

use crate::common;
use std::time::Duration;

use common::records::{Account, Order, Remark, Venue2, account};
use tokio::runtime::{Builder, Runtime};
use tradebase_core::clock::Clock;
use tradebase_core::watch::{Fault, Faults, Operation, Watch};
use tradebase_core::{Assigned, Code, Record};
use tradebase_sql::{Sql, SqlOptions};

addressed! {
    async fn a_store_connects_once_by_the_first_call_that_needs_it(url: &str) {
        let sql = Sql::later(SqlOptions::new(url)).unwrap();
        assert!(!sql.is_connected());
        assert!(url.starts_with(sql.capabilities().engine));
        assert!(url.ends_with(&sql.address()) || url.contains(&format!("@{}", sql.address())));
        assert!(sql.watch().measures().is_empty());
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let sql = sql.clone();
                tokio::spawn(async move { sql.ping().await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert!(sql.is_connected());
        sql.connect().await.unwrap();
        assert_eq!(calls_of(&sql, Operation::Connect), 1);
        assert_eq!(calls_of(&sql, Operation::Ping), 8);
        sql.close().await.unwrap();
    }

    async fn a_failed_attempt_to_connect_leaves_the_next_call_to_try_again(url: &str) {
        let faults = Faults::default();
        let watch = Watch::with_faults(faults.clone());
        let sql = Sql::later(SqlOptions::new(url).watch(watch)).unwrap();
        faults.order(Fault::before(Operation::Connect, Code::ConnectionFailed));
        faults.order(Fault::after(Operation::Connect, Code::ConnectionLost));
        for code in [Code::ConnectionFailed, Code::ConnectionLost] {
            let error = sql.create_table::<Remark>().await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (code, Some("create_table")));
            assert!(!sql.is_connected());
        }
        sql.create_table::<Remark>().await.unwrap();
        assert!(sql.is_connected());
        sql.close().await.unwrap();
    }

    async fn the_tables_of_the_options_are_created_after_their_parents(url: &str) {
        let options = || SqlOptions::new(url).create_tables([Order::TABLE, Remark::TABLE]);
        let sql = Sql::open_with(options()).await.unwrap();
        sql.insert(&mut account(1, "ann")).await.unwrap();
        sql.insert(&Venue2 { id: 1 }).await.unwrap();
        sql.insert(&mut Remark { id: Assigned::New, text: "a".into() }).await.unwrap();
        assert_eq!(sql.all::<Order>().await.unwrap(), []);
        sql.close().await.unwrap();
        // Those that are there are left alone.
        let again = Sql::later(options()).unwrap();
        assert_eq!(again.all::<Account>().await.unwrap().len(), 1);
        again.close().await.unwrap();
    }

    async fn a_record_for_no_table_is_refused_before_connecting(url: &str) {
        let options = SqlOptions::new(url).create_tables([CachedOnly::TABLE]);
        let error = Sql::later(options).unwrap_err();
        assert_eq!((error.code(), error.record()), (Code::Unsupported, Some("CachedOnly")));
    }

    async fn rows_are_stamped_by_the_clock_of_the_store(url: &str) {
        let clock = Clock::manual("2026-11-20T09:30:00Z".parse().unwrap());
        let options = SqlOptions::new(url).clock(clock.clone()).create_tables([Account::TABLE]);
        let sql = Sql::open_with(options).await.unwrap();
        let mut one = account(1, "ann");
        sql.insert(&mut one).await.unwrap();
        let made = clock.now();
        assert_eq!((one.made, one.changed), (made, made));
        clock.advance(Duration::from_secs(90));
        sql.update(&mut one).await.unwrap();
        assert_eq!((one.made, one.changed), (made, clock.now()));
        let mut more = [account(2, "bea")];
        sql.insert_many(&mut more).await.unwrap();
        assert_eq!(more[0].made, clock.now());
        sql.close().await.unwrap();
    }

    async fn operations_are_measured_and_fail_as_a_test_orders(url: &str) {
        let faults = Faults::default();
        let watch = Watch::with_faults(faults.clone());
        let options = SqlOptions::new(url).watch(watch.clone()).create_tables([Account::TABLE]);
        let sql = Sql::open_with(options).await.unwrap();
        faults.order(Fault::after(Operation::Insert, Code::ConnectionLost));
        let error = sql.insert(&mut account(1, "ann")).await.unwrap_err();
        assert_eq!(error.code(), Code::ConnectionLost);
        // It took effect, as a write whose answer is lost.
        assert_eq!(sql.find::<Account>().all().await.unwrap().len(), 1);
        sql.insert_many(&mut [account(2, "b"), account(3, "c")]).await.unwrap();
        let insert = watch.measures().into_iter().find(|m| m.operation == Operation::Insert);
        assert_eq!(insert.map(|m| (m.calls, m.errors, m.rows)), Some((1, 1, 0)));
        let many = watch.measures().into_iter().find(|m| m.operation == Operation::InsertMany);
        assert_eq!(many.map(|m| (m.calls, m.rows)), Some((1, 2)));
        sql.close().await.unwrap();
        assert!(watch.measures().iter().any(|m| m.operation == Operation::Close));
    }

    async fn a_closed_store_says_so_to_every_call(url: &str) {
        let sql = Sql::later(SqlOptions::new(url).create_tables([Account::TABLE])).unwrap();
        let connection = sql.connection().await.unwrap();
        connection.release().await.unwrap();
        sql.clone().close().await.unwrap();
        assert!(!sql.is_connected());
        for error in [
            sql.connect().await.unwrap_err(),
            sql.ping().await.unwrap_err(),
            sql.insert(&mut account(1, "ann")).await.unwrap_err(),
            sql.create_table::<Account>().await.unwrap_err(),
            sql.find::<Account>().all().await.unwrap_err(),
            sql.execute("SELECT 1", &[]).await.unwrap_err(),
            sql.connection().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Closed, "{error}");
        }
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "cached")]
struct CachedOnly {
    #[record(key)]
    id: i64,
}

fn calls_of(sql: &Sql, operation: Operation) -> u64 {
    let measures = sql.watch().measures().into_iter();
    measures.filter(|m| m.operation == operation).map(|m| m.calls).sum()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Opens for one runtime, uses it first on another that ends, and then on a third.
fn outlives_the_runtime_of_its_first_call(url: &str) {
    let (home, first, last) = (runtime(), runtime(), runtime());
    let options = SqlOptions::new(url).runtime(home.handle().clone());
    let sql = Sql::later(options.create_tables([Account::TABLE])).unwrap();
    first.block_on(sql.insert(&mut account(1, "ann"))).unwrap();
    assert_eq!(first.block_on(sql.all::<Account>()).unwrap().len(), 1);
    drop(first);
    last.block_on(async {
        sql.insert(&mut account(2, "bea")).await.unwrap();
        assert_eq!(sql.all::<Account>().await.unwrap().len(), 2);
        assert_eq!(sql.query_values("SELECT id FROM accounts", &[]).await.unwrap().rows.len(), 2);
        sql.clone().close().await.unwrap();
    });
}

#[test]
fn sqlite_store_outlives_the_runtime_of_its_first_call() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    outlives_the_runtime_of_its_first_call(&common::url(&folder.file("late.db")));
}

/// Whether this process has the file open.
#[cfg(target_os = "linux")]
fn has_open(path: &std::path::Path) -> bool {
    let path = path.canonicalize().unwrap();
    let mut open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to == path))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn sqlite_connection_that_comes_back_after_close_is_closed() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    let path = folder.file("late.db");
    let options = || SqlOptions::new(common::url(&path)).pool_wait(Duration::from_millis(100));
    for released in [true, false] {
        let sql = Sql::open_with(options()).await.unwrap();
        let mut connection = sql.connection().await.unwrap();
        connection.batch("BEGIN; CREATE TABLE a (b)").await.unwrap();
        let error = sql.clone().close().await.unwrap_err();
        assert_eq!(error.code(), Code::PoolExhausted, "{error}");
        assert!(has_open(&path));
        if released {
            connection.release().await.unwrap();
        } else {
            drop(connection);
        }
        assert!(!has_open(&path));
        assert_eq!(sql.ping().await.unwrap_err().code(), Code::Closed);
    }
    let sql = Sql::open_with(options()).await.unwrap();
    let read = {
        let sql = sql.clone();
        let counts = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                      LIMIT 5000000) SELECT max(i) FROM n";
        tokio::spawn(async move { sql.query_values(counts, &[]).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = sql.close().await.unwrap_err();
    assert_eq!(error.code(), Code::PoolExhausted, "{error}");
    assert!(has_open(&path));
    read.await.unwrap().unwrap();
    assert!(!has_open(&path));
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_store_outlives_the_runtime_of_its_first_call() {
    let database = tradebase_testkit::Postgres::shared().database();
    outlives_the_runtime_of_its_first_call(&database.url());
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_connections_do_not_outlive_the_runtime_that_they_belong_to() {
    let database = tradebase_testkit::Postgres::shared().database();
    let home = runtime();
    let options = SqlOptions::new(database.url()).runtime(home.handle().clone());
    let sql = Sql::open_with(options).await.unwrap();
    home.shutdown_background();
    let errors = [sql.ping().await.unwrap_err(), sql.ping().await.unwrap_err()];
    assert!(errors.iter().all(|error| error.is_unavailable()), "{errors:?}");
    assert!(errors[1].to_string().contains("the runtime"), "{errors:?}");
}
