//! What plain clients see: the readable view in a sqlite3 shell, the table in psql.

use crate::common;
#[cfg(feature = "postgres")]
use common::PostgresStore;
use common::SqliteStore;
use common::records::{Account, Event, Order, events};
#[cfg(feature = "postgres")]
use tradebase_core::{Column, Kind, Record};
#[cfg(feature = "postgres")]
use tradebase_testkit::psql_separated;
use tradebase_testkit::sqlite3;

/// Between fields and rows: no test value has it.
#[cfg(feature = "postgres")]
const SEPARATOR: &str = "\u{1f}";

/// How psql is asked to print a column as the view does.
#[cfg(feature = "postgres")]
fn in_postgres(column: &Column) -> String {
    let name = format!("\"{}\"", column.name.text);
    match column.kind {
        Kind::Bool => format!("{name}::int"),
        Kind::Bytes => format!("encode({name}, 'hex')"),
        Kind::Timestamp => {
            format!("to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
        // The server has no nanoseconds: the seconds by its calendar, the rest as digits.
        Kind::TimestampNs => format!(
            "to_char(to_timestamp(floor({name} / 1e9)) at time zone 'UTC', \
             'YYYY-MM-DD\"T\"HH24:MI:SS') || '.' || \
             lpad(mod(mod({name}::numeric, 1e9) + 1e9, 1e9)::bigint::text, 9, '0') || 'Z'"
        ),
        Kind::Json => format!("md5({name}::text)"),
        Kind::F64 => format!("encode(float8send({name}), 'hex')"),
        _ => name,
    }
}

/// The shell prints floats its own way and keeps JSON as it was written, so both are left out.
#[cfg(feature = "postgres")]
fn shown(column: &Column) -> bool {
    !matches!(column.kind, Kind::F64 | Kind::Json)
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn sqlite_and_postgres_show_the_same_values_to_plain_clients() {
    let (file, server) = (SqliteStore::new().await, PostgresStore::new().await);
    let rows = events(60, 400);
    for sql in [&file.sql, &server.sql] {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&rows).await.unwrap();
    }
    let columns: Vec<_> = Event::TABLE.columns.iter().filter(|c| shown(c)).collect();
    let ours: Vec<_> =
        columns.iter().map(|c| format!("coalesce(\"{}\", '<null>')", c.name.text)).collect();
    let theirs: Vec<_> =
        columns.iter().map(|c| format!("coalesce(({})::text, '<null>')", in_postgres(c))).collect();
    let between = format!(" || '{SEPARATOR}' || ");
    let sql = format!("select {} from events_readable order by id", ours.join(&between));
    let readable = sqlite3(file.path(), &sql).unwrap();
    let sql = format!("select {} from events order by id", theirs.join(&between));
    let table = psql_separated(&server.url(), &sql, SEPARATOR).unwrap();
    for (ours, theirs) in readable.split('\n').zip(table.split('\n')) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(readable, table);
}

#[tokio::test]
async fn sqlite_view_prints_every_decimal_moment_and_day_as_the_library_does() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    let mut rows = events(61, 1000);
    store.sql.insert_many(&rows).await.unwrap();
    rows.sort_by_key(|row| row.large);
    let sql = "select price, fraction, pnl, whole, at, at_ns, day, id, lower(hex(code)), data, \
               flag from events_readable order by large";
    let shown = sqlite3(store.path(), sql).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    for (row, line) in rows.iter().zip(shown.lines()) {
        let want = [
            row.price.to_string(),
            row.fraction.to_string(),
            row.pnl.0.to_string(),
            row.whole.to_string(),
            row.at.to_string(),
            row.at_ns.to_string(),
            row.day.to_string(),
            row.id.to_string(),
            hex(row.code.as_bytes()),
            hex(&row.data),
            u8::from(row.flag).to_string(),
        ];
        assert_eq!(line, want.join("|"));
    }
    assert_eq!(shown.lines().count(), 1000);
}

#[tokio::test]
async fn sqlite_files_pass_the_shells_own_checks() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.create_table::<Order>().await.unwrap();
    store.sql.insert_many(&events(62, 100)).await.unwrap();
    let path = store.path();
    assert_eq!(sqlite3(&path, "pragma integrity_check").unwrap(), "ok");
    assert_eq!(sqlite3(&path, "pragma foreign_key_check").unwrap(), "");
    assert_eq!(sqlite3(&path, "pragma journal_mode").unwrap(), "wal");
    // The shell can write too, within the checks.
    let sql = "update events set price = price + 1 where price < 0; select changes() > 0";
    assert_eq!(sqlite3(&path, sql).unwrap(), "1");
    store.sql.all::<Event>().await.unwrap();
}

#[tokio::test]
async fn sqlite_view_follows_the_record() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Account>().await.unwrap();
    let version = "pragma schema_version";
    let before = sqlite3(store.path(), version).unwrap();
    store.sql.create_table::<Account>().await.unwrap();
    // Nothing was made again.
    assert_eq!(sqlite3(store.path(), version).unwrap(), before);
    let stale = "drop view accounts_readable; create view accounts_readable as select 1 as one";
    sqlite3(store.path(), stale).unwrap();
    store.sql.create_table::<Account>().await.unwrap();
    assert_eq!(sqlite3(store.path(), "select count(id) from accounts_readable").unwrap(), "0");
    store.sql.drop_table::<Account>().await.unwrap();
    let left = "select count(*) from sqlite_schema where name like 'accounts%'";
    assert_eq!(sqlite3(store.path(), left).unwrap(), "0");
}

#[tokio::test]
async fn sqlite_finds_use_their_indexes() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.insert_many(&events(63, 200)).await.unwrap();
    let plan = |sql: &str| sqlite3(store.path(), &format!("explain query plan {sql}")).unwrap();
    let order = plan("select id from events order by text_or, id");
    assert!(order.contains("events__text_or__index"), "{order}");
    let range = plan("select * from events where symbol = 'a' and at > 5");
    assert!(range.contains("events__symbol__at__index"), "{range}");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_orders_are_served_by_their_indexes() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.insert_many(&events(64, 200)).await.unwrap();
    for order in ["text_or nulls first", "text_or desc nulls last"] {
        let sql = format!(
            "set enable_seqscan = off; set enable_sort = off; \
             explain (costs off) select text_or from events order by {order}"
        );
        let plan = psql_separated(&store.url(), &sql, "|").unwrap();
        assert!(plan.contains("events__text_or__index"), "{plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}
