//! Changing and deleting the records that pass a filter.

use crate::common;
use common::records::{Account, Event, Order, Venue2, account, events, units};
use tradebase_core::clock::Clock;
use tradebase_core::{Code, Error, Filter, Record, Timestamp, Uuid, Value};
use tradebase_sql::{Sql, SqlOptions};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "remarks_on_accounts")]
struct Remark {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Account)]
    account_id: i64,
    text: String,
}

/// Stands in another one, which cannot go before it.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "folders")]
struct Folder {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Folder, index)]
    inside: Option<i64>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "papers")]
struct Paper {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Folder)]
    folder_id: i64,
}

/// Accounts 1 to 6, of which the odd ones have orders.
async fn prepare(sql: &Sql) {
    sql.create_table::<Order>().await.unwrap();
    let mut accounts: Vec<_> = (1..=6).map(|id| account(id, &format!("owner {id}"))).collect();
    sql.insert_many(&mut accounts).await.unwrap();
    sql.insert_many(&[Venue2 { id: 1 }, Venue2 { id: 2 }]).await.unwrap();
    let orders: Vec<_> =
        [1, 3, 5].iter().flat_map(|&account| (0..3).map(move |_| account)).collect();
    let orders = orders.into_iter().enumerate().map(|(i, account)| Order {
        id: Uuid::from_u128(i as u128),
        account,
        venue: Some(1),
        quantity: units(i128::try_from(i).unwrap(), 8),
    });
    sql.insert_many(&orders.collect::<Vec<_>>()).await.unwrap();
}

fn assert_refused(error: &Error, verb: &str) {
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    assert!(error.to_string().contains(verb), "{error}");
}

promises! {
    async fn rows_that_pass_are_changed_and_no_others(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(70, 100);
        sql.insert_many(&rows).await.unwrap();
        let changed = sql
            .update_where(Event::LARGE.ge(10).and(Event::LARGE.lt(40)))
            .set(Event::SYMBOL, "it's")
            .set(Event::PRICE_OR, None)
            .set_named("small", 7_i64)
            .run()
            .await
            .unwrap();
        assert_eq!(changed, 30);
        for row in &mut rows[10..40] {
            (row.symbol, row.price_or, row.small) = ("it's".into(), None, 7);
        }
        let found = sql.find::<Event>().order_by(Event::LARGE.asc()).all().await.unwrap();
        assert_eq!(found, rows);
        let none = sql.update_where(Event::LARGE.lt(0)).set(Event::SMALL, 1_i16).run().await;
        assert_eq!(none.unwrap(), 0);
        let many = Event::LARGE.one_of(0..50).and(!Event::SYMBOL.eq("it's"));
        assert_eq!(sql.delete_where(many).await.unwrap(), 20);
        rows.drain(40..50);
        rows.drain(..10);
        let found = sql.find::<Event>().order_by(Event::LARGE.asc()).all().await.unwrap();
        assert_eq!(found, rows);
        assert_eq!(sql.delete_where(Event::LARGE.lt(0)).await.unwrap(), 0);
    }

    async fn what_the_layer_fills_is_filled_in_each_row(sql: &Sql) {
        let at: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
        prepare(sql).await;
        let before = sql.get::<Account>(&1).await.unwrap().unwrap();
        let late = sql.patch::<Account>(&2).set(Account::OWNER, "second").run().await.unwrap();
        assert!(late);
        let changed = sql
            .update_where(Account::ID.eq(1).or(Account::OWNER.eq("second")))
            .set_named("owner", Value::Text("x".into()))
            .run()
            .await;
        // Both would have the same owner, who is unique: neither is changed.
        assert_eq!(changed.unwrap_err().code(), Code::NotUnique);
        assert_eq!(sql.get::<Account>(&1).await.unwrap().as_ref(), Some(&before));
        let changed = sql.update_where(Account::ID.eq(1)).set(Account::OWNER, "x").run().await;
        assert_eq!(changed.unwrap(), 1);
        let after = sql.get::<Account>(&1).await.unwrap().unwrap();
        assert_eq!((after.version, after.made), (before.version + 1, before.made));
        assert!(after.changed >= before.changed && after.changed > at);
        let second = sql.get::<Account>(&2).await.unwrap().unwrap();
        assert_eq!(second.version, 2);
    }

    async fn filters_that_every_row_passes_must_be_said_loudly(sql: &Sql) {
        prepare(sql).await;
        let all: [fn() -> Filter<Order>; 5] = [
            Filter::all,
            || Filter::all().and(Filter::all()),
            || Order::ACCOUNT.eq(1).or(Filter::all()),
            || !Order::ACCOUNT.one_of(Vec::<i64>::new()),
            || !!Filter::all(),
        ];
        for filter in all {
            let error = sql.delete_where(filter()).await.unwrap_err();
            assert_refused(&error, "delete_every_row");
            assert_eq!((error.operation(), error.record()), (Some("delete_where"), Some("Order")));
            let error = sql.update_where(filter()).set(Order::ACCOUNT, 1).run().await.unwrap_err();
            assert_refused(&error, "update_every_row");
        }
        assert_eq!(sql.count::<Order>().await.unwrap(), 9);
        let changed = sql.update_every_row::<Order>().set(Order::ACCOUNT, 2).run().await.unwrap();
        assert_eq!(changed, 9);
        assert_eq!(sql.find().filter(Order::ACCOUNT.eq(2)).count().await.unwrap(), 9);
        assert_eq!(sql.delete_every_row::<Order>().await.unwrap(), 9);
        assert_eq!(sql.count::<Order>().await.unwrap(), 0);
    }

    async fn values_are_checked_before_anything_is_sent(sql: &Sql) {
        prepare(sql).await;
        let update = || sql.update_where(Order::ACCOUNT.eq(1));
        let error = update().set(Order::QUANTITY, units(-1, 8)).run().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("quantity")));
        let error = update().set(Order::ID, Uuid::nil()).run().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("id")));
        let error = update().set_named("amount", 1_i64).run().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("amount")));
        let error = update().set_named("quantity", Value::Null).run().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("quantity")));
        assert_eq!(update().run().await.unwrap_err().code(), Code::Invalid);
        let error = sql.update_where(Account::ID.eq(1)).set(Account::VERSION, 9).run().await;
        assert_eq!(error.unwrap_err().column_name(), Some("version"));
        let error = sql.delete_where(Account::OWNER.eq("a\0b")).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("owner")));
    }

    async fn a_reference_that_refuses_is_named(sql: &Sql) {
        prepare(sql).await;
        let error =
            sql.update_where(Order::ACCOUNT.eq(1)).set(Order::ACCOUNT, 99).run().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::BrokenReference, Some("account")));
        // Cascade and set null are no refusals.
        assert_eq!(sql.delete_where(Account::ID.le(2)).await.unwrap(), 2);
        assert_eq!(sql.count::<Order>().await.unwrap(), 6);
        assert_eq!(sql.delete_where(Venue2::ID.eq(1)).await.unwrap(), 1);
        assert_eq!(sql.find().filter(Order::VENUE.is_null()).count().await.unwrap(), 6);
        let keeps = "CREATE TABLE notes (id BIGINT PRIMARY KEY, account BIGINT NOT NULL \
                     REFERENCES accounts (id))";
        sql.execute(keeps, &[]).await.unwrap();
        sql.execute("INSERT INTO notes VALUES (1, 4)", &[]).await.unwrap();
        let error = sql.delete_where(Account::ID.ge(3)).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
        assert!(error.to_string().contains("notes"), "{error}");
        assert_eq!(sql.count::<Account>().await.unwrap(), 4);
    }

    async fn rows_that_point_to_each_other_go_together(sql: &Sql) {
        sql.create_table::<Paper>().await.unwrap();
        let folder = |id: i64| Folder { id, inside: (id > 1).then_some(id / 2) };
        let folders: Vec<_> = (1..=7).map(folder).collect();
        sql.insert_many(&folders).await.unwrap();
        sql.insert(&Paper { id: 1, folder_id: 2 }).await.unwrap();
        let is_refused = |error: Error, by: &str| {
            assert_eq!(error.code(), Code::BrokenReference, "{error}");
            assert!(error.to_string().contains(by), "{error}");
        };
        // Two others point to it, and they stay.
        is_refused(sql.delete_where(Folder::ID.eq(3)).await.unwrap_err(), "folders");
        is_refused(sql.delete::<Folder>(&3).await.unwrap_err(), "folders");
        assert_eq!(sql.delete_where(Folder::ID.one_of([3, 6, 7])).await.unwrap(), 3);
        is_refused(sql.delete_every_row::<Folder>().await.unwrap_err(), "papers");
        assert_eq!(sql.all::<Folder>().await.unwrap(), [&folders[..2], &folders[3..5]].concat());
        sql.delete::<Paper>(&1).await.unwrap();
        assert_eq!(sql.delete_every_row::<Folder>().await.unwrap(), 4);
        assert_eq!(sql.count::<Folder>().await.unwrap(), 0);
    }

    async fn rows_are_meant_by_what_they_hang_together_with(sql: &Sql) {
        prepare(sql).await;
        sql.create_table::<Remark>().await.unwrap();
        let remark = |id| Remark { id, account_id: id, text: "?".into() };
        sql.insert_many(&(1..=6).map(remark).collect::<Vec<_>>()).await.unwrap();
        let owner = |owner: &str| Remark::ACCOUNT.is(Account::OWNER.eq(owner));
        let changed = sql.update_where(owner("owner 2")).set(Remark::TEXT, "!").run().await;
        assert_eq!(changed.unwrap(), 1);
        assert_eq!(sql.get::<Remark>(&2).await.unwrap().unwrap().text, "!");
        let deleted = sql.delete_where(owner("owner 3").or(Remark::ID.eq(4))).await.unwrap();
        assert_eq!(deleted, 2);
        // And those that nothing hangs together with.
        let deleted = sql.delete_where(!Remark::ACCOUNT.any(Filter::all())).await.unwrap();
        assert_eq!(deleted, 2);
        assert_eq!(sql.count::<Account>().await.unwrap(), 4);
    }

    async fn in_a_transaction_they_are_part_of_it(sql: &Sql) {
        prepare(sql).await;
        let ended = sql
            .transaction(|tx| async move {
                let update = tx.update_where(Order::ACCOUNT.eq(1)).set(Order::ACCOUNT, 2);
                assert_eq!(update.run().await?, 3);
                assert_eq!(tx.delete_where(Order::ACCOUNT.ne(2)).await?, 6);
                assert_eq!(tx.count::<Order>().await?, 3);
                Err::<(), _>(Error::new(Code::Invalid, "undone"))
            })
            .await;
        assert_eq!(ended.unwrap_err().code(), Code::Invalid);
        assert_eq!(sql.find().filter(Order::ACCOUNT.eq(1)).count().await.unwrap(), 3);
        assert_eq!(sql.count::<Order>().await.unwrap(), 9);
        sql.transaction(|tx| async move { tx.delete_where(Order::ACCOUNT.eq(1)).await.map(drop) })
            .await
            .unwrap();
        assert_eq!(sql.count::<Order>().await.unwrap(), 6);
    }
}

#[tokio::test]
async fn sqlite_changes_by_many_callers_at_once_lose_nothing() {
    let store = common::SqliteStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Event>().await.unwrap();
    sql.insert_many(&events(71, 64)).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..64 {
        let sql = sql.clone();
        calls.spawn(async move {
            let odd = i % 2 == 1;
            let filter = Event::LARGE.one_of([i]);
            match odd {
                true => sql.delete_where(filter).await.unwrap(),
                false => sql.update_where(filter).set(Event::SYMBOL, "new").run().await.unwrap(),
            }
        });
    }
    assert_eq!(calls.join_all().await, [1; 64]);
    assert_eq!(sql.count::<Event>().await.unwrap(), 32);
    assert_eq!(sql.find().filter(Event::SYMBOL.eq("new")).count().await.unwrap(), 32);
}

#[tokio::test]
async fn sqlite_tables_that_refuse_row_by_row_are_used_as_they_are() {
    let store = common::SqliteStore::new().await;
    let sql = &store.sql;
    let earlier = "CREATE TABLE folders (id INTEGER PRIMARY KEY NOT NULL, inside INTEGER, \
                   CONSTRAINT folders_inside_fkey FOREIGN KEY (inside) REFERENCES folders (id) \
                   ON DELETE RESTRICT) STRICT";
    sql.execute(earlier, &[]).await.unwrap();
    sql.create_table::<Paper>().await.unwrap();
    sql.insert(&Folder { id: 1, inside: None }).await.unwrap();
    sql.insert(&Folder { id: 2, inside: Some(1) }).await.unwrap();
    let error = sql.delete::<Folder>(&1).await.unwrap_err();
    assert_eq!(error.code(), Code::BrokenReference);
    assert!(error.to_string().contains("folders"), "{error}");
    assert_eq!(sql.delete_where(Folder::ID.eq(2)).await.unwrap(), 1);
    assert_eq!(sql.delete_where(Folder::ID.eq(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn sqlite_notes_the_time_of_the_store() {
    let at: Timestamp = "2030-01-02T03:04:05Z".parse().unwrap();
    let options = SqlOptions::new("sqlite::memory:").clock(Clock::manual(at));
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    sql.insert(&mut account(1, "a")).await.unwrap();
    sql.update_where(Account::ID.eq(1)).set(Account::OWNER, "b").run().await.unwrap();
    assert_eq!(sql.get::<Account>(&1).await.unwrap().unwrap().changed, at);
}
