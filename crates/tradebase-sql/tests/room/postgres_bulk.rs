//! Writes and reads of many rows on PostgreSQL: all or none, and each row with its own outcome.

#![cfg(feature = "postgres")]

use crate::common;
use std::time::Duration;

use common::levels::{Level, level, levels};
use common::records::{Account, Event, Place, Venue, account, events};
use common::{PostgresStore, poll_once};
use tradebase_core::{Code, Record, Value};
use tradebase_sql::{Conflict, Sql, SqlOptions};
use tradebase_testkit::{Postgres, psql};

async fn store() -> PostgresStore {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Level>().await.unwrap();
    store.sql.create_table::<Account>().await.unwrap();
    store.sql.create_table::<Venue>().await.unwrap();
    store
}

#[tokio::test]
async fn postgres_inserts_of_any_number_say_which_row_is_there_already() {
    let store = store().await;
    for count in [2_i64, 19, 20, 2_000, 50_000] {
        let mut rows = levels(0..count, 1);
        let twin = rows.len() / 2;
        rows[twin].id = 0;
        let error = store.sql.insert_many(&rows).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id")), "{error}");
        if count >= 20 {
            let words = format!("row {} of the batch", twin + 1);
            assert!(error.to_string().contains(&words), "{error}");
        }
        assert_eq!(store.sql.count::<Level>().await.unwrap(), 0);
    }
    assert_eq!(store.sql.insert_many(&levels(0..50_000, 1)).await.unwrap(), 50_000);
    assert_eq!(store.sql.count::<Level>().await.unwrap(), 50_000);
}

#[tokio::test]
async fn postgres_gets_and_deletes_many_keys_at_once() {
    let store = store().await;
    let rows = levels(0..25_000, 1);
    store.sql.insert_many(&rows).await.unwrap();
    let keys: Vec<_> = (0..30_000).rev().chain([7, 7]).collect();
    let got = store.sql.get_many::<Level>(&keys).await.unwrap();
    assert_eq!(got.len(), keys.len());
    for (key, got) in keys.iter().zip(got) {
        assert_eq!(got, (*key < 25_000).then(|| level(*key, 1)));
    }
    assert!(store.sql.exists::<Level>(&24_999).await.unwrap());
    assert_eq!(store.sql.delete_many::<Level>(&keys[3..]).await.unwrap(), 25_000);
    assert!(!store.sql.exists::<Level>(&24_999).await.unwrap());
    assert_eq!(store.sql.delete_many::<Level>(&[]).await.unwrap(), 0);
    // Keys of several columns.
    let venue = |n: i64| Venue {
        day: tradebase_core::Date::from_days(20_000 + i32::try_from(n % 5).unwrap()),
        name: format!("venue {}", n / 5),
        place: Place { city: "Paris".into(), zip: None },
        opened: tradebase_core::TimestampNs::from_nanos(n),
    };
    let venues: Vec<Venue> = (0..40).map(venue).collect();
    store.sql.insert_many(&venues).await.unwrap();
    let keys: Vec<_> = venues.iter().map(Record::key).collect();
    let got = store.sql.get_many::<Venue>(&keys).await.unwrap();
    assert_eq!(got.into_iter().map(Option::unwrap).collect::<Vec<_>>(), venues);
    assert_eq!(store.sql.delete_many::<Venue>(&keys[..30]).await.unwrap(), 30);
    assert_eq!(store.sql.count::<Venue>().await.unwrap(), 10);
}

#[tokio::test]
async fn postgres_updates_many_rows_or_none() {
    let store = store().await;
    store.sql.insert_many(&levels(0..25_000, 1)).await.unwrap();
    let changed = levels(0..25_000, 2);
    assert_eq!(store.sql.update_many(&changed).await.unwrap(), 25_000);
    assert_eq!(store.sql.all::<Level>().await.unwrap(), changed);
    for at in [0, 9_999, 10_000, 24_999] {
        let mut lost = levels(0..25_000, 3);
        lost[at].id = -1;
        let error = store.sql.update_many(&lost).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{error}");
        assert!(error.to_string().contains(&format!("row {} of", at + 1)), "{error}");
    }
    let mut twice = levels(0..10, 3);
    twice[9].id = 4;
    let error = store.sql.update_many(&twice).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("id")), "{error}");
    assert_eq!(store.sql.all::<Level>().await.unwrap(), changed);
}

#[tokio::test]
async fn postgres_updates_of_many_versions_find_the_one_that_is_stale() {
    let store = store().await;
    let mut rows: Vec<_> = (0..50).map(|id| account(id, &format!("owner {id}"))).collect();
    store.sql.insert_many(&mut rows).await.unwrap();
    let made: Vec<_> = rows.iter().map(|row| row.made).collect();
    let mut stale = rows.clone();
    store.sql.update(&mut rows[31]).await.unwrap();
    let before = store.sql.all::<Account>().await.unwrap();
    let error = store.sql.update_many(&mut stale).await.unwrap_err();
    assert_eq!(error.code(), Code::VersionConflict, "{error}");
    assert!(error.to_string().contains("row 32 of"), "{error}");
    assert_eq!(store.sql.all::<Account>().await.unwrap(), before);
    assert!(stale.iter().all(|row| row.version == 1), "the caller's rows are as before");
    // The stored moment wins over the caller's.
    rows.iter_mut().for_each(|row| row.made = tradebase_core::Timestamp::from_micros(1));
    store.sql.update_many(&mut rows).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.made).collect::<Vec<_>>(), made);
    assert_eq!(store.sql.all::<Account>().await.unwrap(), rows);
    assert_eq!(rows[31].version, 3);
}

#[tokio::test]
async fn postgres_updates_of_many_in_a_transaction_are_undone_alone() {
    let store = store().await;
    store.sql.insert_many(&levels(0..100, 1)).await.unwrap();
    let kept = store.sql.transaction(|tx| async move {
        tx.insert(&level(1_000, 1)).await?;
        let mut lost = levels(0..100, 2);
        lost[77].id = -1;
        assert_eq!(tx.update_many(&lost).await.unwrap_err().code(), Code::NotFound);
        // The transaction goes on, without any of them.
        tx.update_many(&levels(0..50, 3)).await?;
        tx.upsert_many(&levels(90..110, 4), &Conflict::replace()).await?;
        assert_eq!(tx.delete_many::<Level>(&[60, 61]).await?, 2);
        tx.insert_many(&levels(2_000..2_100, 5)).await?;
        tx.count::<Level>().await
    });
    assert_eq!(kept.await.unwrap(), 100 + 1 + 10 - 2 + 100);
    let got = store.sql.get_many::<Level>(&[0, 55, 77, 95, 1_000]).await.unwrap();
    let prices: Vec<_> = got.into_iter().map(|row| row.unwrap().price).collect();
    assert_eq!(prices, [3, 1, 1, 4, 1].map(tradebase_core::Decimal::from));
}

#[tokio::test]
async fn postgres_patches_set_what_they_name() {
    let store = store().await;
    let mut row = account(1, "a");
    store.sql.insert(&mut row).await.unwrap();
    let patch = store.sql.patch::<Account>(&1).set(Account::OWNER, "b").if_version(1);
    assert!(patch.run().await.unwrap());
    let stored = store.sql.get::<Account>(&1).await.unwrap().unwrap();
    assert_eq!((stored.owner.as_str(), stored.version, stored.made), ("b", 2, row.made));
    assert!(stored.changed > row.changed);
    let patch = store.sql.patch::<Account>(&1).set(Account::OWNER, "c").if_version(1);
    assert_eq!(patch.run().await.unwrap_err().code(), Code::VersionConflict);
    assert!(!store.sql.patch::<Account>(&2).set(Account::OWNER, "c").run().await.unwrap());
    store.sql.insert(&level(1, 1)).await.unwrap();
    let patch = store.sql.patch::<Level>(&1).set_named("name", Value::Null);
    assert!(patch.set_named("price", Value::Text("2.5".into())).run().await.unwrap());
    let stored = store.sql.get::<Level>(&1).await.unwrap().unwrap();
    assert_eq!(stored, Level { id: 1, name: None, price: "2.5".parse().unwrap() });
}

#[tokio::test]
async fn postgres_streams_give_every_row_and_their_connection_back() {
    let database = Postgres::shared().database();
    let options =
        SqlOptions::new(database.url()).pool_connections(1).pool_wait(Duration::from_secs(20));
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Event>().await.unwrap();
    let mut rows = events(5, 3_500);
    sql.insert_many(&rows).await.unwrap();
    rows.sort_by_key(|row| row.id.0);
    let mut stream = sql.stream::<Event>().await.unwrap();
    let mut read = Vec::new();
    while let Some(row) = stream.next().await.unwrap() {
        read.push(row);
    }
    assert!(read == rows);
    drop(stream);
    for take in [0, 1, 999, 1_000, 2_001] {
        let mut stream = sql.stream::<Event>().await.unwrap();
        for row in &rows[..take] {
            assert!(stream.next().await.unwrap().as_ref() == Some(row));
        }
        drop(stream);
        // The only connection is free again.
        assert_eq!(sql.count::<Event>().await.unwrap(), 3_500);
    }
    psql(
        &database.url(),
        "update events set at = 'infinity' where at = (select max(at) from events)",
    )
    .unwrap();
    let mut stream = sql.stream::<Event>().await.unwrap();
    let error = loop {
        match stream.next().await {
            Ok(row) => assert!(row.is_some(), "a value cannot be read"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("at")), "{error}");
    assert_eq!(stream.next().await.unwrap(), None);
    assert_eq!(sql.count::<Event>().await.unwrap(), 3_500);
}

#[tokio::test]
async fn postgres_bulk_calls_that_are_dropped_leave_all_or_nothing() {
    let store = store().await;
    store.sql.insert_many(&levels(0..3_000, 1)).await.unwrap();
    let (update, upsert) = (levels(0..3_000, 2), levels(0..3_500, 3));
    for polls in 1..20 {
        let conflict = Conflict::replace();
        let mut update = Box::pin(store.sql.update_many(&update));
        let mut upsert = Box::pin(store.sql.upsert_many(&upsert, &conflict));
        let mut done = (false, false);
        for _ in 0..polls {
            done.0 = done.0 || poll_once(&mut update).await.is_ready();
            done.1 = done.1 || poll_once(&mut upsert).await.is_ready();
            tokio::task::yield_now().await;
        }
        drop((update, upsert));
        let count = store.sql.count::<Level>().await.unwrap();
        assert!(count == 3_000 || count == 3_500, "{count}");
        let rows = store.sql.list::<Level>(3_000, 0).await.unwrap();
        let prices: std::collections::BTreeSet<_> = rows.iter().map(|row| row.price).collect();
        assert_eq!(prices.len(), 1, "{prices:?}");
    }
}

#[tokio::test]
async fn postgres_lists_pages() {
    let store = store().await;
    store.sql.insert_many(&levels(0..30, 1)).await.unwrap();
    let page = store.sql.list::<Level>(10, 25).await.unwrap();
    assert_eq!(page, levels(25..30, 1));
}
