//! SQL of the user's own, on a connection that nobody else uses.

use crate::common;
use std::time::Duration;

use common::records::{Account, Event, Price, account, events, units};
use common::{SqliteStore, built, poll_once, url};
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Date, Decimal, Row, Timestamp, TimestampNs, Uuid, Value};
use tradebase_sql::{Sql, SqlConnection, SqlOptions};
use tradebase_testkit::TempFolder;

#[derive(Row, Clone, Debug, PartialEq)]
struct Owner {
    id: i64,
    owner: String,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Short {
    short: i16,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Total {
    #[record(decimal(18, 8))]
    sum: Decimal,
    count: i32,
}

async fn with_accounts(sql: &Sql) -> SqlConnection {
    sql.create_table::<Account>().await.unwrap();
    sql.insert_many(&mut [account(1, "ann"), account(2, "bea")]).await.unwrap();
    sql.connection().await.unwrap()
}

async fn owners(sql: &Sql) -> Vec<String> {
    let found = sql.query::<Owner>("SELECT id, owner FROM accounts ORDER BY id", &[]).await;
    found.unwrap().into_iter().map(|row| row.owner).collect()
}

promises! {
    async fn a_statement_tells_how_many_rows_it_changed(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        let more = "UPDATE accounts SET version = version + ?";
        assert_eq!(connection.execute(more, &[Value::Int(5)]).await.unwrap(), 2);
        // One that changes no rows does not tell of the one before it.
        assert_eq!(connection.execute("CREATE TABLE plain (a integer)", &[]).await.unwrap(), 0);
        let one = "DELETE FROM accounts WHERE owner = ?";
        let ann = [Value::Text("ann".into())];
        assert_eq!(connection.execute(one, &ann).await.unwrap(), 1);
        assert_eq!(connection.execute(one, &ann).await.unwrap(), 0);
        connection.release().await.unwrap();
        assert_eq!(sql.execute("DELETE FROM accounts", &[]).await.unwrap(), 1);
    }

    async fn rows_are_read_by_position(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        let text = "SELECT id, owner FROM accounts WHERE id > $1";
        let found = connection.query::<Owner>(text, &[Value::Int(1)]).await.unwrap();
        assert_eq!(found, [Owner { id: 2, owner: "bea".into() }]);
        let both = "SELECT a.id, a.owner, b.id, b.owner FROM accounts a \
                    LEFT JOIN accounts b ON b.id = a.id + 1 ORDER BY a.id";
        let found = connection.query::<(Owner, Option<Owner>)>(both, &[]).await.unwrap();
        assert_eq!(found[0].1.as_ref().map(|next| next.id), Some(2));
        assert_eq!(found[1].1, None);
        let found = connection.query::<Account>("SELECT * FROM accounts", &[]).await.unwrap();
        assert_eq!(found.len(), 2);
        for text in ["SELECT id FROM accounts", "SELECT id, owner, id FROM accounts"] {
            let error = connection.query::<Owner>(text, &[]).await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::SchemaMismatch, Some("query")));
        }
        let stamps = stamps(sql);
        let gives_back =
            format!("INSERT INTO accounts VALUES (9, 'eve', {stamps}, 0) RETURNING id, owner");
        connection.release().await.unwrap();
        let found = sql.query::<Owner>(built(&gives_back), &[]).await.unwrap();
        assert_eq!(found, [Owner { id: 9, owner: "eve".into() }]);
        assert_eq!(owners(sql).await, ["ann", "bea", "eve"]);
    }

    async fn sums_of_decimals_are_exact(sql: &Sql) {
        sql.create_table::<Price>().await.unwrap();
        let prices = ["0.10000001", "0.2", "9999999999.99999999", "-0.3"];
        let rows = prices.iter().zip(1..).map(|(price, id)| Price { id, price: decimal(price) });
        sql.insert_many(&rows.collect::<Vec<_>>()).await.unwrap();
        let total = "SELECT SUM(price), COUNT(*) FROM prices WHERE id <> 3";
        let found = sql.query::<Total>(total, &[]).await.unwrap();
        assert_eq!(found, [Total { sum: decimal("0.00000001"), count: 3 }]);
        let all = sql.query::<Total>("SELECT SUM(price), COUNT(*) FROM prices", &[]).await;
        assert_eq!(all.unwrap()[0].sum, decimal("10000000000"));
    }

    async fn what_is_left_open_is_rolled_back(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        connection.batch("BEGIN; DELETE FROM accounts WHERE id = 1").await.unwrap();
        drop(connection);
        assert_eq!(owners(sql).await, ["ann", "bea"]);
        let mut connection = sql.connection().await.unwrap();
        connection.batch("BEGIN; DELETE FROM accounts WHERE id = 2").await.unwrap();
        connection.release().await.unwrap();
        assert_eq!(owners(sql).await, ["ann", "bea"]);
        let mut connection = sql.connection().await.unwrap();
        connection.batch("BEGIN; DELETE FROM accounts WHERE id = 1; COMMIT").await.unwrap();
        drop(connection);
        sql.execute("BEGIN", &[]).await.unwrap();
        sql.insert(&mut account(3, "carl")).await.unwrap();
        assert_eq!(owners(sql).await, ["bea", "carl"]);
    }

    async fn a_batch_ends_with_its_first_error(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        let text = "DELETE FROM accounts WHERE id = 1; SELECT * FROM no_such_table";
        let error = connection.batch(text).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::SchemaMismatch, Some("query")));
        assert_eq!(connection.batch("SELEC").await.unwrap_err().code(), Code::Syntax);
        connection.release().await.unwrap();
    }

    async fn statements_that_cannot_be_run_are_refused(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        let one = "SELECT id, owner FROM accounts WHERE id = ?";
        for parameters in [vec![], vec![Value::Int(1), Value::Int(2)]] {
            let error = connection.query_values(one, &parameters).await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid, "{error}");
            assert!(error.to_string().contains("takes 1 parameters"), "{error}");
        }
        let two = "DELETE FROM accounts; DELETE FROM accounts";
        let error = connection.execute(two, &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::Injection, "{error}");
        let empty = connection.query_values("SELECT id FROM accounts WHERE id < 0", &[]).await;
        let empty = empty.unwrap();
        assert_eq!((empty.columns, empty.rows), (vec!["id".to_owned()], vec![]));
        connection.release().await.unwrap();
        assert_eq!(owners(sql).await, ["ann", "bea"]);
    }

    async fn records_come_back_as_values_and_go_in_as_values(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(90, 20)).await.unwrap();
        let all = "SELECT * FROM events ORDER BY id";
        let found = sql.query_values(all, &[]).await.unwrap();
        assert_eq!(found.columns.len(), Event::WIDTH);
        let marks: Vec<_> = (1..=Event::WIDTH).map(|i| format!("${i}")).collect();
        let insert = format!("INSERT INTO events VALUES ({})", marks.join(", "));
        let mut connection = sql.connection().await.unwrap();
        connection.batch("BEGIN; DELETE FROM events").await.unwrap();
        for row in &found.rows {
            assert_eq!(connection.execute(built(&insert), row).await.unwrap(), 1);
        }
        connection.batch("COMMIT").await.unwrap();
        assert_eq!(connection.query_values(all, &[]).await.unwrap(), found);
        let typed = connection.query::<Event>(all, &[]).await.unwrap();
        connection.release().await.unwrap();
        assert_eq!(typed, common::records::by_key(events(90, 20)));
        let key = [("id", typed[3].id.0.into())];
        let one = "SELECT * FROM events WHERE id = :id";
        assert_eq!(sql.query::<Event>(one, key).await.unwrap(), typed[3..4]);
    }

    async fn what_a_statement_writes_stands_only_if_its_rows_can_be_read(sql: &Sql) {
        let mut connection = with_accounts(sql).await;
        let unreadable = "UPDATE accounts SET owner = 'eve' WHERE id = 2 RETURNING 70000";
        // On a connection of the caller's own, it is for the caller to say.
        connection.batch("BEGIN").await.unwrap();
        let error = connection.query::<Short>(unreadable, &[]).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("short")));
        connection.batch("ROLLBACK").await.unwrap();
        connection.release().await.unwrap();
        assert_eq!(owners(sql).await, ["ann", "bea"]);
        for text in [unreadable.to_owned(), format!("/* for eve */ {unreadable}")] {
            let error = sql.query::<Short>(built(text), &[]).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("short")));
            assert_eq!(owners(sql).await, ["ann", "bea"]);
        }
        let readable = unreadable.replace("70000", "7");
        let found = sql.query::<Short>(built(&readable), &[]).await.unwrap();
        assert_eq!(found, [Short { short: 7 }]);
        assert_eq!(owners(sql).await, ["ann", "eve"]);
        let found = sql.query_values(built(readable.replace("eve", "flo")), &[]).await.unwrap();
        assert_eq!(found.rows, [[Value::Int(7)]]);
        assert_eq!(owners(sql).await, ["ann", "flo"]);
    }

    async fn futures_of_a_connection_can_be_sent_to_other_threads(sql: &Sql) {
        let sql = sql.clone();
        let task = tokio::spawn(async move {
            let mut connection = with_accounts(&sql).await;
            connection.execute("DELETE FROM accounts", &[]).await.unwrap();
            connection.query::<Owner>("SELECT id, owner FROM accounts", &[]).await.unwrap();
            connection.query_values("SELECT 1", &[]).await.unwrap();
            connection.batch("SELECT 1").await.unwrap();
            connection.release().await
        });
        task.await.unwrap().unwrap();
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Two moments as the engine writes them.
fn stamps(sql: &Sql) -> String {
    let stamp = if sql.capabilities().engine == "sqlite" { "5" } else { "now()" };
    format!("{stamp}, {stamp}")
}

async fn sqlite(folder: &TempFolder, busy: Duration) -> Sql {
    let options = SqlOptions::new(url(&folder.file("test.db"))).busy_wait(busy);
    Sql::open_with(options).await.unwrap()
}

#[tokio::test]
async fn sqlite_writers_wait_for_the_holder_and_readers_do_not() {
    let folder = TempFolder::new().unwrap();
    let sql = sqlite(&folder, Duration::from_millis(400)).await;
    let mut connection = with_accounts(&sql).await;
    connection.batch("BEGIN; DELETE FROM accounts").await.unwrap();
    for error in [
        sql.insert(&mut account(3, "carl")).await.unwrap_err(),
        sql.connection().await.unwrap_err(),
        sql.execute("DELETE FROM accounts", &[]).await.unwrap_err(),
    ] {
        assert_eq!((error.code(), error.is_retryable()), (Code::Locked, true), "{error}");
    }
    assert_eq!(owners(&sql).await, ["ann", "bea"]);
    assert_eq!(sql.find::<Account>().all().await.unwrap().len(), 2);
    // The holder sees what it has written.
    let left = connection.query_values("SELECT count(*) FROM accounts", &[]).await.unwrap();
    assert_eq!(left.rows, [[Value::Int(0)]]);
    let waiting = {
        let sql = sql.clone();
        tokio::spawn(async move { sql.insert(&mut account(3, "carl")).await })
    };
    connection.batch("COMMIT").await.unwrap();
    connection.release().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(owners(&sql).await, ["carl"]);
}

#[tokio::test]
async fn sqlite_connection_comes_back_as_it_was() {
    let store = SqliteStore::new().await;
    let settings = ["foreign_keys", "synchronous", "query_only", "temp_store"];
    let read = async || {
        let mut found = Vec::new();
        let mut connection = store.sql.connection().await.unwrap();
        for name in settings {
            let sql = format!("PRAGMA {name}");
            found.push(connection.query_values(built(&sql), &[]).await.unwrap().rows);
        }
        let sql = "SELECT name FROM pragma_database_list";
        found.push(connection.query_values(sql, &[]).await.unwrap().rows);
        connection.release().await.unwrap();
        found
    };
    with_accounts(&store.sql).await.release().await.unwrap();
    let before = read().await;
    for released in [true, false] {
        let mut connection = store.sql.connection().await.unwrap();
        let change = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; \
                      ATTACH ':memory:' AS \"other \"\"one\"\"\"; \
                      CREATE TEMP TABLE accounts (id integer); \
                      PRAGMA query_only = ON; BEGIN; SELECT * FROM accounts";
        connection.batch(change).await.unwrap();
        if released {
            connection.release().await.unwrap();
        } else {
            drop(connection);
        }
        assert_eq!(read().await, before);
        assert_eq!(owners(&store.sql).await, ["ann", "bea"]);
        store.sql.insert(&mut account(3, "carl")).await.unwrap();
        assert!(store.sql.delete::<Account>(&3).await.unwrap());
    }
}

#[tokio::test]
async fn sqlite_settings_of_a_connection_end_with_it() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    for (id, released) in (0..).step_by(3).zip([true, false]) {
        let mut connection = store.sql.connection().await.unwrap();
        connection
            .batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA max_page_count = 1")
            .await
            .unwrap();
        connection.batch("BEGIN IMMEDIATE; DELETE FROM accounts WHERE id = 0").await.unwrap();
        if released {
            connection.release().await.unwrap();
        } else {
            drop(connection);
        }
        // Another program gets at the file.
        let other = SqlOptions::new(store.url()).busy_wait(Duration::from_millis(100));
        let other = Sql::open_with(other).await.unwrap();
        other.insert(&mut account(id, &format!("owner {id}"))).await.unwrap();
        other.close().await.unwrap();
        let mut rows: Vec<_> =
            (0..500).map(|i| account(1000 * (id + 1) + i, &format!("{id} {i}"))).collect();
        store.sql.insert_many(&mut rows).await.unwrap();
    }
    // What a statement sets is gone with it, too, and a setting that is only read is right.
    store.sql.execute("PRAGMA query_only = ON", &[]).await.unwrap();
    store.sql.insert(&mut account(1, "ann")).await.unwrap();
    for (name, want) in [("journal_mode", "wal"), ("locking_mode", "normal")] {
        let found = store.sql.query_values(built(format!("PRAGMA {name}")), &[]).await.unwrap();
        assert_eq!(found.rows, [[Value::Text(want.into())]]);
    }
    let reads = "WITH gone AS (SELECT 1) UPDATE accounts SET owner = 'eve' WHERE id = 0 \
                 RETURNING CAST(x'ff' AS TEXT)";
    let error = store.sql.query_values(reads, &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::Unreadable, "{error}");
    assert_eq!(owners(&store.sql).await[0], "owner 0");
}

#[tokio::test]
async fn sqlite_settings_in_memory_that_harm_records_are_set_back() {
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    let mut connection = with_accounts(&sql).await;
    connection.batch("PRAGMA max_page_count = 1; PRAGMA journal_mode = OFF").await.unwrap();
    connection.release().await.unwrap();
    let mode = sql.query_values("PRAGMA journal_mode", &[]).await.unwrap();
    assert_eq!(mode.rows, [[Value::Text("memory".into())]]);
    let pages = sql.query_values("PRAGMA max_page_count", &[]).await.unwrap();
    assert_eq!(pages.rows, [[Value::Int(4_294_967_294)]]);
    assert_eq!(owners(&sql).await, ["ann", "bea"]);
}

#[tokio::test]
async fn sqlite_read_that_has_ended_is_not_taken_for_another_one() {
    let folder = TempFolder::new().unwrap();
    let options = SqlOptions::new(url(&folder.file("test.db"))).readers(1);
    let sql = Sql::open_with(options).await.unwrap();
    let mut first = Box::pin(sql.query_values("SELECT 1", &[]));
    assert!(poll_once(&mut first).await.is_pending());
    // It ends, and its caller does not look.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = {
        let sql = sql.clone();
        let counts = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                      LIMIT 5000000) SELECT max(i) FROM n";
        tokio::spawn(async move { sql.query_values(counts, &[]).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(first);
    let found = second.await.unwrap().unwrap();
    assert_eq!(found.rows, [[Value::Int(5_000_000)]]);
}

#[tokio::test]
async fn sqlite_waits_may_be_as_long_as_a_duration() {
    assert!(!Tick::now().after(Duration::MAX).is_past());
    let folder = TempFolder::new().unwrap();
    let options = SqlOptions::new(url(&folder.file("test.db")));
    let sql = Sql::open_with(options.busy_wait(Duration::MAX).pool_wait(Duration::MAX)).await;
    let sql = sql.unwrap();
    with_accounts(&sql).await.release().await.unwrap();
    assert_eq!(owners(&sql).await, ["ann", "bea"]);
    sql.close().await.unwrap();
}

#[tokio::test]
async fn sqlite_statement_whose_caller_goes_away_is_ended_and_undone() {
    let store = SqliteStore::new().await;
    let mut connection = with_accounts(&store.sql).await;
    connection.batch("BEGIN; DELETE FROM accounts").await.unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                   SELECT max(i) FROM n";
    let short = Duration::from_millis(100);
    let ran = connection.query_values(endless, &[]);
    assert!(tokio::time::timeout(short, ran).await.is_err());
    let error = connection.execute("DELETE FROM accounts", &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    // Not even released, it stands in nobody's way.
    store.sql.insert(&mut account(3, "carl")).await.unwrap();
    assert_eq!(owners(&store.sql).await, ["ann", "bea", "carl"]);
    connection.release().await.unwrap();
    let ran = store.sql.query_values(endless, &[]);
    assert!(tokio::time::timeout(short, ran).await.is_err());
    let begun = Tick::now();
    store.sql.close().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn sqlite_values_are_bound_as_they_are_stored() {
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    let uuid = Uuid::from_u128(7);
    for (value, want) in [
        (Value::Null, Value::Null),
        (Value::Bool(true), Value::Int(1)),
        (Value::Int(i64::MIN), Value::Int(i64::MIN)),
        (Value::Float(0.1), Value::Float(0.1)),
        (Value::Text("ä".into()), Value::Text("ä".into())),
        (Value::Json("[1]".into()), Value::Text("[1]".into())),
        (Value::Bytes(vec![0, 255]), Value::Bytes(vec![0, 255])),
        (Value::Uuid(uuid), Value::Bytes(uuid.as_bytes().to_vec())),
        (Value::Timestamp(Timestamp::from_micros(5)), Value::Int(5)),
        (Value::TimestampNs(TimestampNs::from_nanos(6)), Value::Int(6)),
        (Value::Date(Date::from_days(-7)), Value::Int(-7)),
    ] {
        let found = sql.query_values("SELECT ?", std::slice::from_ref(&value)).await.unwrap();
        assert_eq!(found.rows, [[want]], "{value:?}");
    }
    // It would be stored as a null, and nobody would be told.
    for nan in [f64::NAN, -f64::NAN] {
        let error = sql.query_values("SELECT ?", &[Value::Float(nan)]).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{error}");
    }
    // Units of which scale? The statement does not say.
    let error = sql.query_values("SELECT ?", &[Value::Decimal(5, 1)]).await.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    let torn = "SELECT CAST(x'ff' AS TEXT) AS torn";
    let error = sql.query_values(torn, &[]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("torn")));
}

#[tokio::test]
async fn sqlite_reads_that_write_take_the_writer() {
    let store = SqliteStore::new().await;
    with_accounts(&store.sql).await.release().await.unwrap();
    let text = "WITH gone AS (SELECT 1 AS id) DELETE FROM accounts WHERE id IN (SELECT id FROM \
                gone) RETURNING id, owner";
    let found = store.sql.query::<Owner>(text, &[]).await.unwrap();
    assert_eq!(found, [Owner { id: 1, owner: "ann".into() }]);
    let plan = store.sql.query_values("EXPLAIN SELECT * FROM accounts", &[]).await.unwrap();
    assert!(!plan.rows.is_empty());
    let mode = store.sql.query_values("PRAGMA journal_mode", &[]).await.unwrap();
    assert_eq!(mode.rows, [[Value::Text("wal".into())]]);
    // The readable view shows text; what is added up over it is a float.
    store.sql.create_table::<Price>().await.unwrap();
    store.sql.insert(&Price { id: 1, price: units(15, 1) }).await.unwrap();
    let sums = "SELECT (SELECT sum(price) FROM prices), (SELECT price FROM prices_readable)";
    let found = store.sql.query_values(sums, &[]).await.unwrap();
    assert_eq!(found.rows, [[Value::Int(150_000_000), Value::Text("1.50000000".into())]]);
}
