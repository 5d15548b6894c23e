//! Upserts of many rows on PostgreSQL: in one statement, or by COPY and a temporary table.

#![cfg(feature = "postgres")]

use crate::common;
use std::time::Duration;

use common::levels::{Level, level, levels};
use common::records::{Account, Remark, account};
use common::{PostgresStore, poll_once};
use tradebase_core::{Assigned, Code, Decimal, Error, Record, Value};
use tradebase_sql::{Conflict, Sql, Upserted};
use tradebase_testkit::psql;

/// Numbers of rows that go each way, and both ways after another.
const SIZES: [i64; 3] = [40, 6_000, 20_100];

async fn store() -> PostgresStore {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Level>().await.unwrap();
    store.sql.create_table::<Account>().await.unwrap();
    store.sql.create_table::<Remark>().await.unwrap();
    store
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "ticks")]
struct Tick {
    #[record(key, decimal(18, 8))]
    price: Decimal,
    #[record(unique, decimal(28, 2))]
    size: Option<Decimal>,
    count: i64,
}

#[tokio::test]
async fn postgres_numbers_of_a_wider_table_are_told_apart_by_their_value() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let wider = "create table ticks (price numeric(20, 10) primary key, \
                 size numeric(31, 5) unique, count bigint not null)";
    psql(&store.url(), wider).unwrap();
    let prices = ["0", "1.5", "-1.5", "10000", "0.00000001", "-123456789.12345678", "20000000"];
    let tick = |price: &str, count| {
        let price: Decimal = price.parse().unwrap();
        Tick { price, size: Some(price.trunc() * Decimal::from(3)).filter(|s| !s.is_zero()), count }
    };
    let rows = |count| prices.iter().map(|price| tick(price, count)).collect::<Vec<_>>();
    let mut there = rows(1).into_iter().step_by(2).collect::<Vec<_>>();
    there.iter_mut().for_each(|row| row.size = row.size.map(|size| size + Decimal::ONE));
    sql.insert_many(&there).await.unwrap();
    let done = sql.upsert_many(&rows(2), &Conflict::keep()).await.unwrap();
    assert_eq!((done.inserted, done.updated, done.kept), (3, 0, 4));
    let found = sql.find().order_by(Tick::COUNT.asc()).column(Tick::COUNT).all().await.unwrap();
    assert_eq!(found, [1, 1, 1, 1, 2, 2, 2]);
    // By the other column: two rows have no value there, and two another one.
    let mut moved = rows(3);
    moved.iter_mut().for_each(|row| row.price += Decimal::from(7));
    let by_size = Conflict::keep().on(Tick::SIZE);
    let done = sql.upsert_many(&moved, &by_size).await.unwrap();
    assert_eq!((done.inserted, done.updated, done.kept), (4, 0, 3));
    assert_eq!(sql.count::<Tick>().await.unwrap(), 11);
}

/// Drops the temporary table of the connection.
const DROP: &str = "DO $$ BEGIN EXECUTE (SELECT 'DROP TABLE ' || oid::regclass FROM pg_class \
                    WHERE relkind = 'r' AND relnamespace = pg_my_temp_schema()); END $$";

fn clear(store: &PostgresStore) {
    psql(&store.url(), "truncate levels, accounts, remarks").unwrap();
}

async fn number(sql: &Sql, text: &'static str) -> i64 {
    let rows = sql.query_values(text, &[]).await.unwrap();
    match rows.rows.first().and_then(|row| row.first()) {
        Some(Value::Int(number)) => *number,
        other => panic!("it is no number: {other:?}"),
    }
}

/// Whether the connection of this transaction has a temporary table.
async fn stages(sql: &Sql) -> bool {
    let text = "SELECT count(*) FROM pg_class WHERE relkind = 'r' \
                AND relnamespace = pg_my_temp_schema()";
    number(sql, text).await > 0
}

#[tokio::test]
async fn postgres_upserts_say_how_each_row_ended() {
    let store = store().await;
    let sql = &store.sql;
    let (keep, replace) = (Conflict::<Level>::keep(), Conflict::<Level>::replace());
    assert_eq!(sql.upsert(&level(1, 1), &keep).await.unwrap(), Upserted::Inserted);
    assert_eq!(sql.upsert(&level(1, 2), &keep).await.unwrap(), Upserted::Kept);
    assert_eq!(sql.upsert(&level(1, 2), &replace).await.unwrap(), Upserted::Updated);
    let by_name = Conflict::set(Level::PRICE).on(Level::NAME);
    let other = Level { id: 9, ..level(1, 3) };
    assert_eq!(sql.upsert(&other, &by_name).await.unwrap(), Upserted::Updated);
    assert_eq!(sql.all::<Level>().await.unwrap(), [level(1, 3)]);
    for size in SIZES {
        clear(&store);
        // Some of them are there.
        sql.insert_many(&levels((2..size).step_by(3), 1)).await.unwrap();
        let (there, all) = (sql.count::<Level>().await.unwrap(), u64::try_from(size).unwrap());
        let kept = sql.upsert_many(&levels(1..=size, 7), &keep).await.unwrap();
        assert_eq!((kept.inserted, kept.updated, kept.kept), (all - there, 0, there));
        let price = |id: i64| if id % 3 == 2 && id < size { 1 } else { 7 };
        let want: Vec<_> = (1..=size).map(|id| level(id, price(id))).collect();
        assert!(sql.all::<Level>().await.unwrap() == want);
        let replaced = sql.upsert_many(&levels(1..=size + 9, 8), &replace).await.unwrap();
        assert_eq!((replaced.inserted, replaced.updated, replaced.kept), (9, all, 0));
        assert!(sql.all::<Level>().await.unwrap() == levels(1..=size + 9, 8));
        // By another column, of which each fifth row has none.
        let mut moved = levels(1..=size, 9);
        moved.iter_mut().for_each(|row| row.id += size * 2);
        let done = sql.upsert_many(&moved, &by_name).await.unwrap();
        assert_eq!((done.inserted, done.updated), (all / 5, all - all / 5));
    }
}

#[tokio::test]
async fn postgres_upserts_fill_what_the_layer_fills() {
    let store = store().await;
    let sql = &store.sql;
    for size in SIZES.map(|size| usize::try_from(size).unwrap()) {
        clear(&store);
        // Rows of very different sizes, none so large that it is stored elsewhere.
        let owner = |id: i64| format!("{id} {}", "o".repeat(if id % 7 == 0 { 1_500 } else { 5 }));
        let mut rows: Vec<_> =
            (0..).take(size).map(|id| account(id, &owner(id))).collect::<Vec<Account>>();
        let replace = Conflict::<Account>::replace();
        let half = size / 2;
        sql.upsert_many(&mut rows[..half], &replace).await.unwrap();
        let made: Vec<_> = rows[..half].iter().map(|row| row.made).collect();
        // Each third row has a version of its own.
        let mut thirds: Vec<_> = rows[..half].iter().step_by(3).cloned().collect();
        sql.update_many(&mut thirds).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        let done = sql.upsert_many(&mut rows, &replace).await.unwrap();
        assert_eq!((done.inserted, done.updated), ((size - half) as u64, half as u64));
        assert!(rows[..half].iter().map(|row| row.made).eq(made.iter().copied()));
        for (at, row) in rows.iter().enumerate() {
            let want = if at >= half { 1 } else { 2 + i64::from(at % 3 == 0) };
            assert_eq!(row.version, want, "row {at}");
            assert!(at >= half || row.changed > row.made);
        }
        assert!(sql.all::<Account>().await.unwrap() == rows);
        // Rows that are kept leave the caller's as they are.
        let mut mixed: Vec<_> =
            rows.iter().map(|row| account(row.id * 2, &owner(row.id * 2))).collect();
        let kept = sql.upsert_many(&mut mixed, &Conflict::keep()).await.unwrap();
        assert_eq!(kept.kept, size.div_ceil(2) as u64);
        for row in &mixed {
            let is_kept = row.id < i64::try_from(size).unwrap();
            assert_eq!(row.version, i64::from(!is_kept), "{}", row.id);
        }
    }
}

#[tokio::test]
async fn postgres_upserts_of_two_rows_that_are_the_same_do_nothing() {
    let store = store().await;
    for size in SIZES {
        let last = usize::try_from(size).unwrap() - 1;
        let mut rows = levels(1..size + 1, 1);
        rows[last].id = 7;
        for conflict in [Conflict::keep(), Conflict::replace()] {
            let error = store.sql.upsert_many(&rows, &conflict).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id")));
            assert!(error.to_string().contains(&format!("row {}", last + 1)), "{error}");
        }
        // Another unique column decides nothing: it fails, all or none.
        let mut rows = levels(1..size + 1, 1);
        rows[last].name = rows[3].name.clone();
        let error = store.sql.upsert_many(&rows, &Conflict::replace()).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("name")));
        assert_eq!(store.sql.count::<Level>().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn postgres_upserts_of_one_transaction_do_not_meet() {
    let store = store().await;
    let replace = &Conflict::<Level>::replace();
    for size in SIZES {
        clear(&store);
        let all = u64::try_from(size).unwrap();
        let counted = store.sql.transaction(|tx| async move {
            let first = tx.upsert_many(&levels(1..=size, 1), replace).await?;
            // One that fails is undone alone.
            let mut bad = levels(size + 1..=size * 2, 2);
            bad[5].name = Some("level 1".into());
            let failed = tx.transaction(|inner| {
                let bad = bad.clone();
                async move { inner.upsert_many(&bad, replace).await }
            });
            let failed = failed.await.unwrap_err();
            assert_eq!((failed.code(), failed.column_name()), (Code::NotUnique, Some("name")));
            let undone = tx.transaction(|inner| async move {
                inner.upsert_many(&levels(1..=size, 3), replace).await?;
                Err::<(), _>(Error::new(Code::Invalid, "no"))
            });
            assert!(undone.await.is_err());
            let second = tx.upsert_many(&levels(size..=size * 2, 4), replace).await?;
            Ok::<_, Error>((first.inserted, second.inserted, second.updated))
        });
        assert_eq!(counted.await.unwrap(), (all, all, 1));
        let want = [levels(1..size, 1), levels(size..=size * 2, 4)].concat();
        assert!(store.sql.all::<Level>().await.unwrap() == want);
    }
}

#[tokio::test]
async fn postgres_upserts_go_on_when_their_temporary_table_has_gone() {
    let store = store().await;
    let sql = &store.sql;
    let replace = &Conflict::<Level>::replace();
    let upsert = |price| async move {
        let done = sql.upsert_many(&levels(1..6_001, price), replace).await.unwrap();
        assert_eq!(done.inserted + done.updated, 6_000);
    };
    // It was made in a transaction that was undone.
    let undone = sql.transaction(|tx| async move {
        tx.upsert_many(&levels(1..6_001, 1), replace).await?;
        assert!(stages(&tx).await);
        Err::<(), _>(Error::new(Code::Invalid, "no"))
    });
    assert!(undone.await.is_err());
    upsert(2).await;
    upsert(3).await;
    // Somebody has dropped it.
    let kept = sql.transaction(|tx| async move {
        tx.upsert_many(&levels(1..6_001, 4), replace).await?;
        tx.execute(DROP, &[]).await?;
        tx.upsert_many(&levels(1..6_001, 5), replace).await
    });
    assert_eq!(kept.await.unwrap().updated, 6_000);
    upsert(6).await;
    assert!(sql.all::<Level>().await.unwrap() == levels(1..6_001, 6));
}

#[tokio::test]
async fn postgres_upserts_need_no_right_to_temporary_tables() {
    let store = store().await;
    let (name, url) = (store.database.name(), store.url());
    let role = format!("{name}_plain");
    let sql = format!(
        "revoke temporary on database {name} from public; create role {role} login; \
         grant select, insert, update on levels to {role}"
    );
    psql(&url, &sql).unwrap();
    let plain = Sql::open(&url.replace("postgres@", &format!("{role}@"))).await.unwrap();
    let replace = &Conflict::<Level>::replace();
    for size in SIZES {
        plain.upsert_many(&levels(1..size, 1), replace).await.unwrap();
        let inside = plain.transaction(|tx| async move {
            tx.upsert_many(&levels(1..size, 2), replace).await?;
            assert!(!stages(&tx).await);
            Ok::<_, Error>(())
        });
        inside.await.unwrap();
        assert!(plain.all::<Level>().await.unwrap() == levels(1..size, 2));
    }
    plain.close().await.unwrap();
    psql(&url, &format!("drop owned by {role}; drop role {role}")).unwrap();
}

#[tokio::test]
async fn postgres_upserts_of_assigned_keys_give_them_back() {
    let store = store().await;
    let remark = |text: &str| Remark { id: Assigned::New, text: text.into() };
    let mut first = remark("a");
    let by_text = Conflict::replace().on(Remark::TEXT);
    assert_eq!(store.sql.upsert(&mut first, &by_text).await.unwrap(), Upserted::Inserted);
    let mut again = remark("a");
    assert_eq!(store.sql.upsert(&mut again, &by_text).await.unwrap(), Upserted::Updated);
    assert_eq!(again.id, first.id);
    let mut many = vec![remark("b"), remark("a"), remark("c")];
    let done = store.sql.upsert_many(&mut many, &by_text).await.unwrap();
    assert_eq!((done.inserted, done.updated), (2, 1));
    assert_eq!(many[1].id, first.id);
    assert_eq!(store.sql.count::<Remark>().await.unwrap(), 3);
    // A key that the caller brings is never assigned again.
    let mut own = Remark { id: Assigned::Is(70), text: "own".into() };
    store.sql.upsert(&mut own, &Conflict::keep()).await.unwrap();
    let mut next = remark("next");
    store.sql.insert(&mut next).await.unwrap();
    assert_eq!(next.id, Assigned::Is(71));
}

#[tokio::test]
async fn postgres_upserts_of_many_assigned_keys_give_each_row_its_own() {
    let store = store().await;
    let sql = &store.sql;
    let text = |n: i64| format!("remark {n}");
    let by_text = Conflict::replace().on(Remark::TEXT);
    for size in SIZES {
        clear(&store);
        let new = |n| Remark { id: Assigned::New, text: text(n) };
        let mut there: Vec<_> = (0..size).step_by(4).map(new).collect();
        sql.insert_many(&mut there).await.unwrap();
        // Some bring keys of their own, in the middle of those that bring none.
        let greatest = number(sql, "SELECT max(id) FROM remarks").await;
        let own = |n: i64| Assigned::Is(greatest + 10 * size + n);
        let mut rows: Vec<_> = (0..size).map(new).collect();
        for n in [size / 3, size / 3 + 1, size / 2 + 3] {
            let row = &mut rows[usize::try_from(n).unwrap()];
            *row = Remark { id: own(n), text: format!("own {n}") };
        }
        let done = sql.upsert_many(&mut rows, &by_text).await.unwrap();
        assert_eq!(done.inserted + done.updated, u64::try_from(size).unwrap());
        for (at, row) in rows.iter().enumerate() {
            let stored = sql.find::<Remark>().filter(Remark::TEXT.eq(row.text.as_str())).all();
            if at % 97 == 0 || row.text.starts_with("own") {
                assert_eq!(stored.await.unwrap(), std::slice::from_ref(row));
            }
        }
        let mut stored = sql.all::<Remark>().await.unwrap();
        let extra = stored.len() - rows.len();
        assert!(extra <= 3, "{extra}");
        stored.sort_by(|a, b| a.text.cmp(&b.text));
        rows.sort_by(|a, b| a.text.cmp(&b.text));
        stored.retain(|row| rows.binary_search_by(|b| b.text.cmp(&row.text)).is_ok());
        assert!(stored == rows, "each row has the key it is stored under");
    }
}

#[tokio::test]
async fn postgres_upserts_that_are_dropped_leave_all_or_nothing() {
    let store = store().await;
    let replace = Conflict::replace();
    for size in SIZES {
        for polls in 1..12 {
            let rows = levels(1..size, polls);
            let mut upsert = Box::pin(store.sql.upsert_many(&rows, &replace));
            let mut done = false;
            for _ in 0..polls * 2 {
                done = done || poll_once(&mut upsert).await.is_ready();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(upsert);
            let stored = store.sql.all::<Level>().await.unwrap();
            let prices: std::collections::BTreeSet<_> =
                stored.iter().map(|row| row.price).collect();
            assert!(prices.len() <= 1, "{prices:?}");
        }
        // The last one is cancelled on the server before its place is free.
        while store.sql.pool_status().in_use > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.sql.upsert_many(&levels(1..size, 99), &replace).await.unwrap();
    }
}
