//! SQL of the user's own on PostgreSQL: its types, its sessions, its sign-in.

#![cfg(feature = "postgres")]

use crate::common;
use std::time::Duration;

use common::records::{Account, Price, account};
use common::{PostgresStore, built};
use tradebase_core::{Code, Date, Row, Timestamp, TimestampNs, Uuid, Value};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Postgres, psql};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

async fn one(sql: &Sql, expression: &str, parameters: &[Value]) -> Value {
    let found = sql.query_values(built(format!("SELECT {expression}")), parameters).await;
    let mut found = found.unwrap_or_else(|error| panic!("{expression}: {error}"));
    found.rows.remove(0).remove(0)
}

#[tokio::test]
async fn postgres_values_of_every_type_are_read() {
    let store = PostgresStore::new().await;
    psql(&store.url(), "create type mood as enum ('calm', 'greedy')").unwrap();
    let at = "2026-11-20T09:30:00.000001Z".parse::<Timestamp>().unwrap();
    let wide = "79228162514264337593543950336";
    for (expression, want) in [
        ("NULL::int", Value::Null),
        ("true", Value::Bool(true)),
        ("5::smallint", Value::Int(5)),
        ("-5::int", Value::Int(-5)),
        ("9223372036854775807", Value::Int(i64::MAX)),
        ("0.5::real", Value::Float(0.5)),
        ("0.1::float8", Value::Float(0.1)),
        ("0.50", Value::Decimal(50, 2)),
        (
            "-12345678901234567890.12345678",
            Value::Decimal(-1_234_567_890_123_456_789_012_345_678, 8),
        ),
        ("0::numeric", Value::Decimal(0, 0)),
        (wide, text(wide)),
        ("'NaN'::numeric", text("NaN")),
        ("1e-30", text("0.000000000000000000000000000001")),
        ("'ä'::varchar", text("ä")),
        ("'ab'::char(3)", text("ab ")),
        ("'name'::name", text("name")),
        ("'greedy'::mood", text("greedy")),
        ("'\\x00ff'::bytea", Value::Bytes(vec![0, 255])),
        ("'00000000-0000-0000-0000-000000000007'::uuid", Value::Uuid(Uuid::from_u128(7))),
        ("'2026-11-20 15:00:00.000001+05:30'::timestamptz", Value::Timestamp(at)),
        ("'infinity'::timestamptz", text("infinity")),
        ("'-infinity'::date", text("-infinity")),
        ("'1969-12-31'::date", Value::Date(Date::from_days(-1))),
        ("'{\"a\": 1.50}'::jsonb", Value::Json("{\"a\": 1.50}".into())),
        ("'{ }'::json", Value::Json("{ }".into())),
        // Types that only the server knows come as its text.
        ("'2026-11-20 09:30:00.5'::timestamp", text("2026-11-20 09:30:00.5")),
        ("interval '1 day 2 hours'", text("1 day 02:00:00")),
        ("ARRAY[1, NULL, 3]", text("{1,NULL,3}")),
        ("'10.0.0.0/8'::inet", text("10.0.0.0/8")),
        ("ROW(1, 'a')", text("(1,a)")),
        ("pg_sleep(0)", Value::Null),
    ] {
        assert_eq!(one(&store.sql, expression, &[]).await, want, "{expression}");
    }
}

#[tokio::test]
async fn postgres_types_that_only_the_server_knows_keep_order_names_and_parameters() {
    let store = PostgresStore::new().await;
    let sql = "SELECT i AS n, i * interval '1 hour' AS n, $1::text AS \"Given\" \
               FROM generate_series(1, $2::int) AS i ORDER BY i DESC; ";
    let found = store.sql.query_values(sql, &[text("x"), Value::Int(2)]).await.unwrap();
    assert_eq!(found.columns, ["n", "n", "Given"]);
    let row = |n: i64, hours: &str| [Value::Int(n), text(hours), text("x")];
    assert_eq!(found.rows, [row(2, "02:00:00"), row(1, "01:00:00")]);
    // What cannot be asked for as text by this crate can be by the caller.
    let mut connection = store.sql.connection().await.unwrap();
    connection.batch("BEGIN; DECLARE c CURSOR FOR SELECT interval '1 s' AS pause").await.unwrap();
    let error = connection.query_values("FETCH c", &[]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("pause")));
    connection.release().await.unwrap();
}

#[tokio::test]
async fn postgres_parameters_are_taken_without_loss_or_refused() {
    let store = PostgresStore::new().await;
    let at = Timestamp::from_micros(-1);
    for (expression, value) in [
        ("$1::bool", Value::Bool(false)),
        ("$1::int", Value::Int(7)),
        ("$1::numeric", Value::Decimal(-150, 2)),
        ("$1::float8", Value::Float(-0.1)),
        ("$1::text", text("it's")),
        ("$1::bytea", Value::Bytes(vec![1])),
        ("$1::uuid", Value::Uuid(Uuid::max())),
        ("$1::timestamptz", Value::Timestamp(at)),
        ("$1::date", Value::Date(Date::MAX)),
        ("$1::jsonb", Value::Json("[1]".into())),
        ("$1::json", Value::Json("[1]".into())),
        ("$1::interval", Value::Null),
    ] {
        let given = std::slice::from_ref(&value);
        assert_eq!(one(&store.sql, expression, given).await, value, "{expression}");
    }
    let at_ns = Value::TimestampNs(TimestampNs::from_nanos(1_001));
    for (expression, value, want) in [
        ("$1::bigint", at_ns.clone(), Value::Int(1_001)),
        ("$1::numeric", Value::Int(7), Value::Decimal(7, 0)),
        ("$1::numeric", Value::Decimal(1, 28), Value::Decimal(1, 28)),
        // Text is read by the server as it reads literals.
        ("$1::int", text("7"), Value::Int(7)),
        ("$1::interval", text("1 h"), text("01:00:00")),
        ("$1::numeric", text("0.10"), Value::Decimal(10, 2)),
        ("array_length($1::int[], 1)", text("{1,2}"), Value::Int(2)),
    ] {
        assert_eq!(one(&store.sql, expression, &[value]).await, want, "{expression}");
    }
    for (expression, value) in [
        ("$1::smallint", Value::Int(40_000)),
        ("$1::int", Value::Decimal(5, 1)),
        ("$1::int", text("seven")),
        ("$1::text", Value::Int(7)),
        ("$1::timestamptz", at_ns),
        ("$1::timestamptz", Value::Date(Date::MAX)),
        ("$1::float8", Value::Decimal(1, 1)),
        ("$1::numeric", Value::Decimal(1, 29)),
        ("$1::numeric", Value::Decimal(1, 253)),
        ("$1::numeric", Value::Decimal(1, u8::MAX)),
    ] {
        let sql = format!("SELECT {expression}");
        let error = store.sql.query_values(built(&sql), &[value]).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{expression}: {error}");
    }
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Loose {
    short: i16,
    long: i64,
    ratio: f64,
    name: String,
}

#[tokio::test]
async fn postgres_numbers_of_other_widths_are_read_if_they_fit() {
    let store = PostgresStore::new().await;
    let sql = |short: &str| format!("SELECT {short}, 2::smallint, 0.5::real, 'n'::name");
    let found = store.sql.query::<Loose>(built(sql("1::bigint")), &[]).await.unwrap();
    assert_eq!(found, [Loose { short: 1, long: 2, ratio: 0.5, name: "n".into() }]);
    let error = store.sql.query::<Loose>(built(sql("40000")), &[]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("short")));
    let error = store.sql.query::<Loose>(built(sql("1.0")), &[]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("short")));
}

#[tokio::test]
async fn postgres_connection_comes_back_as_it_was() {
    let store = PostgresStore::new().await;
    let options = SqlOptions::new(store.url()).pool_connections(1).pool_overflow(0);
    let wait = Duration::from_millis(100);
    let sql = Sql::open_with(options.pool_wait(wait)).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let process = one(&sql, "pg_backend_pid()", &[]).await;
    let mut connection = sql.connection().await.unwrap();
    // It is the only one, and it is taken.
    assert_eq!(sql.ping().await.unwrap_err().code(), Code::PoolExhausted);
    let change = "SET search_path = pg_temp; CREATE TEMP TABLE accounts (id int); \
                  SET statement_timeout = '1ms'; SELECT pg_advisory_lock(7); LISTEN news; BEGIN";
    connection.batch(change).await.unwrap();
    assert_eq!(
        connection.batch("SELECT no_such_column").await.unwrap_err().code(),
        Code::SchemaMismatch
    );
    connection.release().await.unwrap();
    assert_eq!(one(&sql, "pg_backend_pid()", &[]).await, process);
    sql.insert(&mut account(1, "ann")).await.unwrap();
    assert_eq!(one(&sql, "count(*) FROM public.accounts", &[]).await, Value::Int(1));
    for (left, want) in [
        (
            "count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
            Value::Int(0),
        ),
        ("count(*) FROM pg_listening_channels()", Value::Int(0)),
        ("current_setting('statement_timeout')", text("0")),
    ] {
        assert_eq!(one(&sql, left, &[]).await, want, "{left}");
    }
    // Dropped, it is ended and another one is made.
    let mut connection = sql.connection().await.unwrap();
    connection.batch("BEGIN; DELETE FROM accounts").await.unwrap();
    drop(connection);
    assert_ne!(one(&sql, "pg_backend_pid()", &[]).await, process);
    assert_eq!(sql.all::<Account>().await.unwrap().len(), 1);
}

#[tokio::test]
async fn postgres_call_that_is_cancelled_takes_its_transaction_along() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let mut connection = store.sql.connection().await.unwrap();
    connection.batch("BEGIN").await.unwrap();
    let slow = "INSERT INTO accounts SELECT 1, 'ann', now(), now(), 0 FROM pg_sleep(0.3)";
    let ran = tokio::time::timeout(Duration::from_millis(100), connection.execute(slow, &[])).await;
    assert!(ran.is_err());
    // Not one call more: it would stand in a transaction with the one that was given up.
    for error in [
        connection.execute(built(slow.replace("SELECT 1", "SELECT 2")), &[]).await.unwrap_err(),
        connection.query::<Loose>("SELECT 1, 2, 3.0, 'a'", &[]).await.unwrap_err(),
        connection.query_values("SELECT 1", &[]).await.unwrap_err(),
        connection.batch("COMMIT").await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    }
    connection.release().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(store.sql.all::<Account>().await.unwrap(), []);
}

#[tokio::test]
async fn postgres_tables_altered_through_a_door_are_compared_anew() {
    let row = |id| Price { id, price: "0.12345678".parse().unwrap() };
    let rows: Vec<_> = (0..200).map(|i| row(1000 + i)).collect();
    let alter = "ALTER TABLE prices ALTER price TYPE numeric(18, 2)";
    for how in ["execute", "query_values", "batch", "function", "dropped", "later"] {
        let store = PostgresStore::new().await;
        let sql = &store.sql;
        sql.create_table::<Price>().await.unwrap();
        let function = format!(
            "CREATE FUNCTION coarsen() RETURNS int LANGUAGE plpgsql AS \
             'BEGIN {alter}; RETURN 1; END'"
        );
        psql(&store.url(), &function).unwrap();
        // Two connections know the table.
        let other = sql.connection().await.unwrap();
        sql.insert(&row(1)).await.unwrap();
        other.release().await.unwrap();
        sql.insert(&row(2)).await.unwrap();
        let mut connection = sql.connection().await.unwrap();
        match how {
            "execute" => drop(sql.execute(alter, &[]).await.unwrap()),
            "query_values" => drop(sql.query_values(alter, &[]).await.unwrap()),
            "batch" => connection.batch(alter).await.unwrap(),
            "function" => drop(connection.query_values("SELECT coarsen()", &[]).await.unwrap()),
            "dropped" => {
                connection.batch("BEGIN").await.unwrap();
                connection.execute(alter, &[]).await.unwrap();
                connection.batch("COMMIT").await.unwrap();
                drop(connection);
                connection = sql.connection().await.unwrap();
            }
            _ => {
                connection.batch(alter).await.unwrap();
                connection.release().await.unwrap();
                connection = sql.connection().await.unwrap();
            }
        }
        for error in [
            sql.insert(&row(3)).await.unwrap_err(),
            sql.insert_many(&rows[..10]).await.unwrap_err(),
            sql.insert_many(&rows).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::SchemaMismatch, "{how}: {error}");
        }
        connection.release().await.unwrap();
        assert_eq!(sql.insert(&row(4)).await.unwrap_err().code(), Code::SchemaMismatch);
        assert_eq!(one(sql, "count(*) FROM prices", &[]).await, Value::Int(2), "{how}");
    }
}

#[tokio::test]
async fn postgres_statements_that_a_session_prepares_or_drops_end_with_it() {
    let store = PostgresStore::new().await;
    let sql = Sql::open_with(SqlOptions::new(store.url()).pool_connections(1)).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let owned = |id: i64| account(id, &format!("owner {id}"));
    for (id, drops) in (1..).zip(["DEALLOCATE ALL", "discard all"]) {
        let before = format!("create type before{id} as enum ('a')");
        psql(&store.url(), &format!("{before}; create type after{id} as enum ('b')")).unwrap();
        sql.insert(&mut owned(10 * id)).await.unwrap();
        // The driver asks for types by statements of its own, which must be there too.
        assert_eq!(one(&sql, &format!("'a'::before{id}"), &[]).await, text("a"));
        sql.execute(drops, &[]).await.unwrap();
        sql.insert(&mut owned(10 * id + 1)).await.unwrap();
        assert_eq!(one(&sql, &format!("'b'::after{id}"), &[]).await, text("b"));
        let mut connection = sql.connection().await.unwrap();
        connection.batch(drops).await.unwrap();
        connection.batch("PREPARE mine AS SELECT 1").await.unwrap();
        connection.release().await.unwrap();
        sql.insert(&mut owned(10 * id + 2)).await.unwrap();
        let mut connection = sql.connection().await.unwrap();
        let error = connection.execute("EXECUTE mine", &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::TransactionFailed, "{error}");
        connection.release().await.unwrap();
    }
    // One that nobody saw costs an error that can be repeated.
    sql.execute("DO $$ BEGIN EXECUTE 'DEALL' || 'OCATE ALL'; END $$", &[]).await.unwrap();
    if let Err(error) = sql.insert(&mut owned(100)).await {
        assert!(error.is_retryable(), "{error}");
        sql.insert(&mut owned(100)).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_statements_that_refuse_a_transaction_get_none() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let procedure = "create procedure twice(inout n int) language plpgsql as \
                     'begin n := n * 2; commit; end'";
    psql(&store.url(), procedure).unwrap();
    let found = store.sql.query_values("CALL twice(4)", &[]).await.unwrap();
    assert_eq!(found.rows, [[Value::Int(8)]]);
    store.sql.query_values("VACUUM accounts", &[]).await.unwrap();
    store.sql.execute("VACUUM accounts", &[]).await.unwrap();
    // A constraint that is asked at the end of the transaction is an error of the call.
    let later = "create table singles (a int unique deferrable initially deferred)";
    psql(&store.url(), later).unwrap();
    let twice = "INSERT INTO singles VALUES (1), (1) RETURNING a";
    let error = store.sql.query_values(twice, &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::NotUnique, "{error}");
    assert_eq!(one(&store.sql, "count(*) FROM singles", &[]).await, Value::Int(0));
}

#[tokio::test]
async fn postgres_that_is_away_is_named_and_a_refused_sign_in_too() {
    let server = Postgres::start().unwrap();
    let hba = psql(&server.url(), "show hba_file").unwrap();
    psql(&server.url(), "create role me login password 'right'; create database ledger").unwrap();
    let rules = "host all me 127.0.0.1/32 scram-sha-256\nlocal all all trust\n\
                 host all all 127.0.0.1/32 trust\n";
    std::fs::write(hba.trim(), rules).unwrap();
    psql(&server.url(), "select pg_reload_conf()").unwrap();
    let place = format!("127.0.0.1:{}", server.port());
    let later = |user: &str, database: &str| {
        Sql::later(SqlOptions::new(format!("postgres://{user}@{place}/{database}"))).unwrap()
    };
    later("me:right", "ledger").connect().await.unwrap();
    let refused = later("me:hunter2", "ledger");
    assert_eq!(refused.address(), format!("{place}/ledger"));
    let error = refused.connect().await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::AuthenticationRefused, Some("connect")));
    let message = format!("{error} {refused:?}");
    assert!(message.contains(&format!("me at {place}/ledger")), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    let error = later("me", "ledger").ping().await.unwrap_err();
    assert_eq!(error.code(), Code::AuthenticationRefused, "{error}");
    let error = later("me:right", "nowhere").ping().await.unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
    assert!(error.to_string().contains(&format!("create it first: {place}/nowhere")), "{error}");
    let there = later("me:right", "ledger");
    there.ping().await.unwrap();
    server.kill().unwrap();
    assert!(there.ping().await.unwrap_err().is_unavailable());
    let away = later("me:hunter2", "ledger");
    let error = away.ping().await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::ConnectionFailed, Some("ping")));
    let message = error.to_string();
    assert!(message.contains(&place) && !message.contains("hunter2"), "{message}");
    // The same store finds the server when it is back.
    server.restart().unwrap();
    later("me:right", "ledger").ping().await.unwrap();
}

/// Else a `\` would end a text elsewhere than the tokenizer of placeholders sees it.
#[tokio::test]
async fn postgres_texts_end_where_the_standard_says_whatever_a_database_is_set_up_to() {
    let store = PostgresStore::new().await;
    let name = store.database.name();
    for text in [
        format!("ALTER DATABASE \"{name}\" SET standard_conforming_strings = off"),
        format!("ALTER DATABASE \"{name}\" SET backslash_quote = on"),
    ] {
        psql(&store.url(), &text).unwrap();
    }
    let shown = psql(&store.url(), "SHOW standard_conforming_strings").unwrap();
    assert_eq!(shown.trim(), "off");
    let mark = if store.url().contains('?') { '&' } else { '?' };
    // What the address says does not win either.
    let said = "options=-c%20standard_conforming_strings%3Doff%20-c%20lock_timeout%3D777";
    for url in [store.url(), format!("{}{mark}{said}", store.url())] {
        let sql = Sql::open(&url).await.unwrap();
        assert_eq!(
            one(&sql, "current_setting('standard_conforming_strings')", &[]).await,
            text("on")
        );
        let statement = r"SELECT '\' || ? || '\'";
        let found = sql.query_values(statement, &[text("' OR 1 = 1 --")]).await.unwrap();
        assert_eq!(found.rows, [[text(r"\' OR 1 = 1 --\")]]);
        // Also after a session that has changed it.
        let mut connection = sql.connection().await.unwrap();
        connection.batch("SET standard_conforming_strings = off").await.unwrap();
        connection.release().await.unwrap();
        assert_eq!(
            one(&sql, "current_setting('standard_conforming_strings')", &[]).await,
            text("on")
        );
        if url.contains("lock_timeout") {
            assert_eq!(one(&sql, "current_setting('lock_timeout')", &[]).await, text("777ms"));
        }
        sql.close().await.unwrap();
    }
}
