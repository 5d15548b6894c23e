//! Commits whose answer is lost, and what a transaction leaves behind in the pool.

#![cfg(feature = "postgres")]

use crate::common;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use common::PostgresStore;
use tradebase_core::{Code, Error, Record, Result, Value};
use tradebase_sql::{Durability, Sql, SqlOptions};
use tradebase_testkit::{Database, Postgres, Proxy, Side};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "entries")]
struct Entry {
    #[record(key)]
    id: i64,
}

/// A store behind a proxy, and one that goes straight to the same database.
struct Proxied {
    sql: Sql,
    straight: Sql,
    proxy: Arc<Proxy>,
    database: Database,
}

impl Proxied {
    async fn new(server: &Postgres) -> Self {
        let proxy = Arc::new(Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap());
        let database = server.database();
        let sql = Sql::open(&database.url_through(&proxy)).await.unwrap();
        let straight = Sql::open(&database.url()).await.unwrap();
        straight.create_table::<Entry>().await.unwrap();
        Self { sql, straight, proxy, database }
    }

    /// Inserts a row in a transaction; the first time, `fault` comes right before the COMMIT.
    /// Gives how often the closure ran.
    async fn commit(&self, fault: impl Fn(&Arc<Proxy>)) -> (Result<()>, u32) {
        let calls = AtomicU32::new(0);
        let done = self.sql.transaction(|tx| {
            let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let fault = &fault;
            async move {
                tx.insert(&Entry { id: 1 }).await?;
                if first {
                    fault(&self.proxy);
                }
                Ok::<_, Error>(())
            }
        });
        (done.await, calls.load(Ordering::Relaxed))
    }

    async fn is_there(&self) -> bool {
        self.straight.get::<Entry>(&1).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_postgres_commit_whose_answer_was_lost_is_found_to_be_committed() {
    let store = Proxied::new(Postgres::shared()).await;
    let (done, calls) = store.commit(|proxy| proxy.cut_after(Side::Server, 0)).await;
    done.unwrap();
    assert_eq!(calls, 1);
    assert!(store.is_there().await);
}

#[tokio::test]
async fn a_postgres_commit_that_never_arrived_is_found_to_be_aborted_and_repeated() {
    let store = Proxied::new(Postgres::shared()).await;
    let (done, calls) = store.commit(|proxy| proxy.cut_after(Side::Client, 0)).await;
    done.unwrap();
    assert_eq!(calls, 2, "it is repeated because it is known to be undone");
    assert!(store.is_there().await);
}

#[tokio::test]
async fn a_postgres_commit_that_nobody_can_tell_of_is_unknown() {
    let store = Proxied::new(Postgres::shared()).await;
    let gone = |proxy: &Arc<Proxy>| {
        proxy.cut_after(Side::Server, 0);
        proxy.refuse(true).unwrap();
    };
    let (done, calls) = store.commit(gone).await;
    let error = done.unwrap_err();
    assert_eq!((error.code(), calls), (Code::OutcomeUnknown, 1), "{error}");
    assert!(!error.is_retryable() && error.is_unavailable());
}

/// Numbers of transactions that were lost in a crash are given out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_crashed_meanwhile_is_not_believed() {
    let server = Postgres::start().unwrap();
    let store = Proxied::new(&server).await;
    let (done, _) = store
        .commit(|proxy| {
            proxy.cut_after(Side::Server, 0);
            proxy.refuse(true).unwrap();
            let proxy = proxy.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1500));
                proxy.refuse(false).unwrap();
            });
            server.kill().unwrap();
            server.restart().unwrap();
        })
        .await;
    assert_eq!(done.unwrap_err().code(), Code::OutcomeUnknown);
}

#[tokio::test]
async fn a_postgres_transaction_gives_its_connection_back() {
    let database = Postgres::shared().database();
    let options = SqlOptions::new(database.url()).pool_connections(1);
    let sql = Sql::open_with(options.pool_wait(Duration::from_secs(5))).await.unwrap();
    sql.create_table::<Entry>().await.unwrap();
    let backend =
        || async { sql.query_values("SELECT pg_backend_pid()", &[]).await.unwrap().rows.remove(0) };
    let first = backend().await;
    for id in 0..4 {
        let work = sql.transaction(|tx| async move {
            tx.insert(&Entry { id }).await?;
            match id {
                0 => Ok(()),
                1 => Err(Error::new(Code::Invalid, "on purpose")),
                2 => tx.insert(&Entry { id: 0 }).await.map(drop),
                _ => std::future::pending().await,
            }
        });
        // The last one is dropped while it waits for something else.
        _ = tokio::time::timeout(Duration::from_millis(300), work).await;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'";
        assert_eq!(sql.query_values(open, &[]).await.unwrap().rows, [[Value::Int(0)]], "{id}");
    }
    assert_eq!(backend().await, first, "one connection served all");
    assert_eq!(sql.all::<Entry>().await.unwrap(), [Entry { id: 0 }]);
}

#[tokio::test]
async fn a_postgres_transaction_leaves_no_settings_behind() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(SqlOptions::new(database.url()).pool_connections(1)).await.unwrap();
    let setting = "SELECT current_setting('application_name')";
    let before = sql.query_values(setting, &[]).await.unwrap().rows;
    for commits in [true, false] {
        let work = sql.transaction(|tx| async move {
            tx.execute("SET application_name = 'left behind'", &[]).await?;
            if commits { Ok(()) } else { Err(Error::new(Code::Invalid, "on purpose")) }
        });
        assert_eq!(work.await.is_ok(), commits);
        assert_eq!(sql.query_values(setting, &[]).await.unwrap().rows, before);
    }
}

/// A constraint that is checked at COMMIT.
#[tokio::test]
async fn a_postgres_commit_that_is_refused_is_no_commit() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Entry>().await.unwrap();
    let deferred = "ALTER TABLE entries ADD twin BIGINT DEFAULT 7 \
                    REFERENCES entries (id) DEFERRABLE INITIALLY DEFERRED";
    sql.execute(deferred, &[]).await.unwrap();
    let work = sql.transaction(|tx| async move { tx.insert(&Entry { id: 1 }).await });
    assert_eq!(work.await.unwrap_err().code(), Code::BrokenReference);
    assert_eq!(sql.all::<Entry>().await.unwrap(), []);
    let work = sql.transaction(|tx| async move { tx.insert(&Entry { id: 7 }).await });
    work.await.unwrap();
}

#[tokio::test]
async fn a_postgres_write_waits_for_the_disk_as_its_handle_says() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(SqlOptions::new(database.url()).pool_connections(1)).await.unwrap();
    sql.create_table::<Entry>().await.unwrap();
    let note = "CREATE TABLE notes AS SELECT ''::text AS waits; \
                CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                UPDATE notes SET waits = current_setting('synchronous_commit'); \
                RETURN NEW; END $$; \
                CREATE TRIGGER note BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION note()";
    let mut connection = sql.connection().await.unwrap();
    connection.batch(note).await.unwrap();
    connection.release().await.unwrap();
    let waits = || async {
        let rows = sql.query_values("SELECT waits FROM notes", &[]).await.unwrap().rows;
        match &rows[0][0] {
            Value::Text(waits) => waits.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (relaxed, full) =
        (sql.with_durability(Durability::Relaxed), sql.with_durability(Durability::Full));
    let handles = [(&relaxed, "off"), (&sql, "on"), (&relaxed, "off"), (&full, "on")];
    for (id, (handle, want)) in (0..).zip(handles) {
        handle.insert(&Entry { id }).await.unwrap();
        assert_eq!(waits().await, want, "{id}");
        let id = id + 100;
        let work = handle.transaction(|tx| async move { tx.insert(&Entry { id }).await });
        work.await.unwrap();
        assert_eq!(waits().await, want, "{id}");
    }
    // A write that must last makes the whole transaction wait.
    let work = relaxed.transaction(|tx| async move {
        tx.insert(&Entry { id: 200 }).await?;
        tx.with_durability(Durability::Full).insert(&Entry { id: 201 }).await
    });
    work.await.unwrap();
    assert_eq!(waits().await, "on");
}

/// Two rows.
async fn batch(sql: &Sql, id: i64) -> Result<()> {
    let (first, second) = (Entry { id }, Entry { id: id + 1 });
    let mut batch = sql.batch();
    batch.insert(&first)?;
    batch.insert(&second)?;
    batch.run().await
}

#[tokio::test]
async fn a_postgres_batch_whose_answers_are_lost_is_found_or_unknown_but_never_half() {
    let store = Proxied::new(Postgres::shared()).await;
    batch(&store.sql, 0).await.unwrap();
    let before = store.proxy.counts().bytes_from_server;
    batch(&store.sql, 10).await.unwrap();
    let bytes = store.proxy.counts().bytes_from_server - before;
    let (mut told, mut unknown) = (0, 0);
    for cut in (0..bytes).step_by(7) {
        let id = 1_000 + 10 * i64::try_from(cut).unwrap();
        batch(&store.sql, id + 5).await.unwrap();
        store.proxy.cut_after(Side::Server, cut);
        let done = batch(&store.sql, id).await.map_err(|error| error.code());
        // Both by one statement: it may still take effect.
        let all = store.straight.all::<Entry>().await.unwrap();
        let there = [id, id + 1].map(|id| all.contains(&Entry { id }));
        assert_eq!(there[0], there[1], "after {cut} of {bytes} bytes");
        match done {
            Ok(()) => assert!(there[0], "after {cut} of {bytes} bytes"),
            Err(Code::TransactionFailed) => assert!(!there[0], "after {cut} of {bytes} bytes"),
            Err(code) => assert_eq!(code, Code::OutcomeUnknown),
        }
        if done == Err(Code::OutcomeUnknown) { unknown += 1 } else { told += 1 }
    }
    assert!(told > 0 && unknown > 0, "{told} {unknown}");
}

#[tokio::test]
async fn a_postgres_batch_that_does_not_arrive_is_not_there() {
    let store = Proxied::new(Postgres::shared()).await;
    batch(&store.sql, 0).await.unwrap();
    store.proxy.cut_after(Side::Client, 0);
    let error = batch(&store.sql, 10).await.unwrap_err();
    assert_eq!(error.code(), Code::OutcomeUnknown, "nothing was heard of it: {error}");
    assert_eq!(store.straight.get::<Entry>(&10).await.unwrap(), None);
    batch(&store.sql, 10).await.unwrap();
}

/// Without a transaction's number nobody can ask how a statement ended.
#[tokio::test]
async fn a_postgres_write_whose_answer_is_lost_is_a_lost_connection() {
    let store = Proxied::new(Postgres::shared()).await;
    let many: Vec<_> = (100..200).map(|id| Entry { id }).collect();
    for verb in 0..6 {
        store.sql.ping().await.unwrap();
        store.proxy.cut_after(Side::Server, 0);
        let sql = &store.sql;
        let text = "UPDATE entries SET id = id RETURNING id";
        let lost = match verb {
            0 => sql.insert(&Entry { id: 1 }).await.map(drop),
            1 => sql.insert_many(&many).await.map(drop),
            2 => sql.insert_many(&[Entry { id: 2 }, Entry { id: 3 }]).await.map(drop),
            3 => sql.delete::<Entry>(&1).await.map(drop),
            4 => sql.execute(text, &[]).await.map(drop),
            _ => sql.query_values(text, &[]).await.map(drop),
        };
        assert_eq!(lost.unwrap_err().code(), Code::ConnectionLost, "{verb}");
    }
}

#[tokio::test]
async fn two_postgres_stores_can_be_used_in_one_closure() {
    let (one, other) = (PostgresStore::new().await, PostgresStore::new().await);
    for store in [&one, &other] {
        store.sql.create_table::<Entry>().await.unwrap();
    }
    let other = &other.sql;
    let work = one.sql.transaction(|tx| async move {
        tx.insert(&Entry { id: 1 }).await?;
        other.insert(&Entry { id: 2 }).await?;
        let tx = &tx;
        let nested = other.transaction(|other| async move {
            other.insert(&Entry { id: 3 }).await?;
            tx.insert(&Entry { id: 4 }).await?;
            Err::<(), _>(Error::new(Code::Invalid, "on purpose"))
        });
        nested.await.unwrap_err();
        Ok::<_, Error>(())
    });
    work.await.unwrap();
    let ids = [Entry { id: 1 }, Entry { id: 4 }];
    assert_eq!(one.sql.all::<Entry>().await.unwrap(), ids);
    assert_eq!(other.all::<Entry>().await.unwrap(), [Entry { id: 2 }]);
}

/// Everything arrives late, so that each step can be cut off while it waits.
#[tokio::test]
async fn a_postgres_transaction_dropped_at_any_moment_leaves_nothing_open() {
    let store = Proxied::new(Postgres::shared()).await;
    let options = SqlOptions::new(store.database.url_through(&store.proxy)).pool_connections(1);
    let sql = Sql::open_with(options.pool_wait(Duration::from_secs(10))).await.unwrap();
    store.proxy.delay(Duration::from_millis(4));
    let mut whole = 0;
    for id in 0..60 {
        let id = 2 * id;
        let work = sql.transaction(|tx| async move {
            tx.insert(&Entry { id }).await?;
            tx.transaction(|inner| async move { inner.insert(&Entry { id: id + 1 }).await }).await
        });
        let cut = Duration::from_micros(900 * u64::try_from(id).unwrap());
        whole += u32::from(tokio::time::timeout(cut, work).await.is_ok());
        // The only connection is free again, and at rest.
        sql.ping().await.unwrap();
    }
    assert!(whole > 0 && whole < 60, "{whole}");
    store.proxy.delay(Duration::ZERO);
    let ids: Vec<_> = sql.all::<Entry>().await.unwrap().iter().map(|entry| entry.id).collect();
    assert!(ids.chunks(2).all(|pair| pair.len() == 2 && pair[0] + 1 == pair[1]), "{ids:?}");
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND state LIKE 'idle in%'";
    let open = store.straight.query_values(open, &[]).await.unwrap().rows;
    assert_eq!(open, [[Value::Int(0)]]);
}
