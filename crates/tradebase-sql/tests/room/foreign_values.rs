//! Values that PostgreSQL holds and no record does are errors that name the column, by every verb
//! that reads; the connection goes on, and so do the rows beside.
//!
//! A new verb is one line in `READS`.

#![cfg(feature = "postgres")]

use crate::common;
use std::pin::Pin;

use common::records::{Account, Notes, Side, account};
use common::{PostgresStore, built, poll_once};
use tradebase_core::{Code, Date, Decimal, Record, Result, Timestamp, TimestampNs, Value};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Database, Postgres, psql};

/// A row of every kind that PostgreSQL holds more of.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "readings")]
struct Reading {
    #[record(key)]
    id: i64,
    #[record(decimal(28, 10))]
    amount: Decimal,
    #[record(decimal(18, 18))]
    small: Option<Decimal>,
    ratio: f64,
    at: Timestamp,
    at_or: Option<Timestamp>,
    at_ns: TimestampNs,
    day: Date,
    count: u32,
    huge: u64,
    #[record(json)]
    notes: Notes,
    side: Side,
    #[record(text(4))]
    code: String,
}

/// The columns are as wide as PostgreSQL makes them, and check nothing.
const LOOSE: &str = "create table readings (id bigint primary key, amount numeric, small numeric, \
     ratio double precision, at timestamptz, at_or timestamptz, at_ns bigint, day date, \
     count bigint, huge bigint, notes jsonb, side text, code text)";

/// A column, and what no record can take from it.
const FOREIGN: &[(&str, &str)] = &[
    ("amount", "'NaN'"),
    ("amount", "'Infinity'"),
    ("amount", "'-Infinity'"),
    ("amount", "1234567890123456789012345678901234567890"),
    ("amount", "-1234567890123456789012345678901234567890"),
    ("amount", "10000000000000000000"),
    ("amount", "1e-11"),
    ("amount", "0.1234567890123456789012345678901234567890"),
    ("amount", "1e130000"),
    ("amount", "-1e-16000"),
    ("amount", "79228162514264337593543950336"),
    ("amount", "170141183460469231731687303715884105728"),
    ("amount", "null"),
    ("small", "'NaN'"),
    ("small", "100000000000"),
    ("small", "1e-19"),
    ("ratio", "'NaN'"),
    ("ratio", "'Infinity'"),
    ("ratio", "'-Infinity'"),
    ("at", "'infinity'"),
    ("at", "'-infinity'"),
    ("at", "'10000-01-01 00:00Z'"),
    ("at", "'294276-12-31 23:59:59.999999Z'"),
    ("at", "'0001-12-31 23:59:59.999999Z BC'"),
    ("at", "'4713-11-24 00:00Z BC'"),
    ("at", "null"),
    ("at_or", "'infinity'"),
    ("at_or", "'10000-01-01 00:00Z'"),
    ("at_ns", "9223372036854775807"),
    ("at_ns", "-9223372036854775808"),
    ("day", "'infinity'"),
    ("day", "'-infinity'"),
    ("day", "'10000-01-01'"),
    ("day", "'5874897-12-31'"),
    ("day", "'0001-12-31 BC'"),
    ("day", "'4713-11-24 BC'"),
    ("count", "-1"),
    ("count", "4294967296"),
    ("huge", "-1"),
    ("notes", "'[1]'"),
    ("notes", "'null'"),
    ("notes", "'\"text\"'"),
    ("notes", "'{}'"),
    ("notes", "'{\"tags\":[],\"counts\":{\"a\":1e400},\"nested\":null}'"),
    ("notes", "'{\"tags\":[],\"counts\":{\"a\":9223372036854775808},\"nested\":null}'"),
    ("notes", "'{\"tags\":[],\"counts\":{\"a\":0.5},\"nested\":null}'"),
    ("notes", "'{\"tags\":[null],\"counts\":{},\"nested\":null}'"),
    // Deeper than JSON is read.
    (
        "notes",
        "(repeat('{\"tags\":[],\"counts\":{},\"nested\":', 500) || 'null' || \
          repeat('}', 500))::jsonb",
    ),
    ("side", "'hold'"),
    ("side", "''"),
    ("side", "null"),
    ("code", "null"),
];

/// Values at the edge, which are read.
const HELD: &[(&str, &str)] = &[
    ("amount", "999999999999999999.9999999999"),
    ("amount", "-999999999999999999.9999999999"),
    ("amount", "1.50000000000000000000000000000000"),
    ("small", "-0.999999999999999999"),
    ("small", "null"),
    ("ratio", "1.7976931348623157e308"),
    ("at", "'9999-12-31 23:59:59.999999Z'"),
    ("at", "'0001-01-01 00:00Z'"),
    ("at_ns", "9223372036854775806"),
    ("day", "'9999-12-31'"),
    ("day", "'0001-01-01'"),
    ("count", "4294967295"),
    ("huge", "9223372036854775807"),
];

type Doing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Reading>>> + Send + 'a>>;
type Read = for<'a> fn(&'a Sql) -> Doing<'a>;

/// The row of the key 1, or all.
const READS: &[(&str, Read)] = &[
    ("get", |sql| Box::pin(async { Ok(sql.get(&1).await?.into_iter().collect()) })),
    ("all", |sql| Box::pin(async { sql.all().await })),
    ("find all", |sql| {
        Box::pin(async {
            sql.find().filter(Reading::ID.le(1)).order_by(Reading::ID.asc()).all().await
        })
    }),
    ("find first", |sql| {
        let find = sql.find().order_by(Reading::ID.asc());
        Box::pin(async { Ok(find.first().await?.into_iter().collect()) })
    }),
    ("query", |sql| {
        Box::pin(async {
            sql.query("SELECT * FROM readings WHERE id < $1", &[Value::Int(5)]).await
        })
    }),
    ("connection", |sql| {
        Box::pin(async {
            let mut connection = sql.connection().await?;
            let found = connection.query("SELECT * FROM readings ORDER BY id", &[]).await;
            connection.release().await?;
            found
        })
    }),
];

fn reading(id: i64) -> Reading {
    Reading {
        id,
        amount: "12.5".parse().unwrap(),
        small: Some("0.5".parse().unwrap()),
        ratio: 0.5,
        at: Timestamp::from_micros(1),
        at_or: Some(Timestamp::from_micros(-1)),
        at_ns: TimestampNs::from_nanos(7),
        day: Date::from_days(20_000),
        count: 7,
        huge: 8,
        notes: Notes { tags: vec!["a".into()], counts: [].into(), nested: None },
        side: Side::Buy,
        code: "EUR".into(),
    }
}

/// One connection, so that whoever comes next has the one that met the value.
async fn loose_table() -> (Database, Sql) {
    let database = Postgres::shared().database();
    psql(&database.url(), LOOSE).unwrap();
    let options = SqlOptions::new(database.url()).pool_connections(1);
    let sql = Sql::open_with(options).await.unwrap();
    (database, sql)
}

async fn put(sql: &Sql, column: &str, value: &str) {
    sql.execute("DELETE FROM readings", &[]).await.unwrap();
    sql.insert(&reading(1)).await.unwrap();
    let text = format!("UPDATE readings SET \"{column}\" = {value}");
    assert_eq!(sql.execute(built(&text), &[]).await.unwrap(), 1);
}

async fn backend(sql: &Sql) -> Vec<Vec<Value>> {
    sql.query_values("SELECT pg_backend_pid()", &[]).await.unwrap().rows
}

#[tokio::test]
async fn postgres_values_that_no_record_holds_are_unreadable_by_every_verb() {
    let (_database, sql) = loose_table().await;
    let connection = backend(&sql).await;
    let mut taken = Vec::new();
    for (column, value) in FOREIGN {
        put(&sql, column, value).await;
        for (verb, read) in READS {
            match read(&sql).await {
                Ok(_) => taken.push((*verb, *column, *value)),
                Err(error) => {
                    let what = (error.code(), error.column_name());
                    let want = (Code::Unreadable, Some(*column));
                    assert_eq!(what, want, "{verb}, {value}: {error}");
                }
            }
        }
    }
    assert_eq!(taken, []);
    // A panic or a broken stream would have cost it.
    assert_eq!(backend(&sql).await, connection);
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_values_at_the_edge_are_read_by_every_verb() {
    let (_database, sql) = loose_table().await;
    for (column, value) in HELD {
        put(&sql, column, value).await;
        let first = sql.get::<Reading>(&1).await.unwrap();
        assert!(first.is_some(), "{column} = {value}");
        for (verb, read) in READS {
            let found = read(&sql).await.unwrap_or_else(|e| panic!("{verb}, {value}: {e}"));
            assert_eq!(found.first(), first.as_ref(), "{verb}, {column} = {value}");
        }
        // What was read can be written.
        sql.update(&first.unwrap()).await.unwrap();
    }
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_rows_beside_a_foreign_value_are_read() {
    let (_database, sql) = loose_table().await;
    put(&sql, "amount", "'NaN'").await;
    let rows: Vec<_> = (2..2_000).map(reading).collect();
    sql.insert_many(&rows).await.unwrap();
    assert_eq!(sql.all::<Reading>().await.unwrap_err().column_name(), Some("amount"));
    assert_eq!(sql.get::<Reading>(&2).await.unwrap().as_ref(), rows.first());
    let beside = sql.find().filter(Reading::ID.gt(1)).order_by(Reading::ID.asc()).all().await;
    assert_eq!(beside.unwrap(), rows);
    // NaN is above every number there, so a comparison finds it, and says so.
    let above = sql.find().filter(Reading::AMOUNT.gt(Decimal::from(1_000))).all().await;
    assert_eq!(above.unwrap_err().code(), Code::Unreadable);
    assert!(sql.delete::<Reading>(&1).await.unwrap());
    assert_eq!(sql.all::<Reading>().await.unwrap().len(), rows.len());
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_foreign_values_do_not_stand_in_the_way_of_writes() {
    let (_database, sql) = loose_table().await;
    for (column, value) in FOREIGN {
        put(&sql, column, value).await;
        sql.update(&reading(1)).await.unwrap();
        assert_eq!(sql.get(&1).await.unwrap(), Some(reading(1)), "{column} = {value}");
    }
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_read_that_is_dropped_before_a_foreign_value_leaves_the_connection() {
    let (_database, sql) = loose_table().await;
    put(&sql, "day", "'infinity'").await;
    sql.insert_many(&(2..2_000).map(reading).collect::<Vec<_>>()).await.unwrap();
    for _ in 0..20 {
        let mut all = Box::pin(sql.all::<Reading>());
        _ = poll_once(&mut all).await;
        drop(all);
        assert_eq!(sql.get(&2).await.unwrap(), Some(reading(2)));
    }
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_update_of_a_row_that_was_made_at_no_time_says_so_and_is_whole() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let mut row = account(1, "before");
    store.sql.insert(&mut row).await.unwrap();
    psql(&store.url(), "update accounts set made = 'infinity'").unwrap();
    let mut changed = Account { owner: "after".into(), ..row.clone() };
    let error = store.sql.update(&mut changed).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("made")));
    // The caller's record carries no stamp of what it was not told.
    assert_eq!(changed, Account { owner: "after".into(), ..row });
    let stored = psql(&store.url(), "select owner, version from accounts").unwrap();
    assert!(["before|1", "after|2"].contains(&stored.as_str()), "{stored}");
}
