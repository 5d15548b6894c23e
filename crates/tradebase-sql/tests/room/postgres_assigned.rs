//! Many rows on PostgreSQL whose keys the server assigns.

#![cfg(feature = "postgres")]

use crate::common;
use std::collections::HashMap;

use common::PostgresStore;
use common::records::Remark;
use tokio::task::JoinSet;
use tradebase_core::{Assigned, Code, Error};
use tradebase_sql::Sql;
use tradebase_testkit::psql;

fn new(text: String) -> Remark {
    Remark { id: Assigned::New, text }
}

async fn store() -> PostgresStore {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Remark>().await.unwrap();
    store
}

/// Each text is stored once, under the key that its caller was told.
async fn assert_stored(sql: &Sql, told: impl Iterator<Item = Remark>) {
    let stored = sql.all::<Remark>().await.unwrap();
    let mut stored: HashMap<_, _> = stored.into_iter().map(|row| (row.text, row.id)).collect();
    for row in told {
        assert_eq!(stored.remove(&row.text), Some(row.id), "{}", row.text);
    }
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_many_inserters_at_once_are_each_told_their_own_keys() {
    let store = store().await;
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let sql = store.sql.clone();
        tasks.spawn(async move {
            let mut rows: Vec<_> = (0..10_000).map(|n| new(format!("{task} {n}"))).collect();
            sql.insert_many(&mut rows).await.unwrap();
            rows
        });
    }
    for task in 4..6 {
        let sql = store.sql.clone();
        tasks.spawn(async move {
            let mut rows: Vec<_> = (0..200).map(|n| new(format!("{task} {n}"))).collect();
            for rows in rows.chunks_mut(10) {
                let (one, some) = rows.split_first_mut().unwrap();
                sql.insert(one).await.unwrap();
                sql.insert_many(some).await.unwrap();
            }
            rows
        });
    }
    let told = tasks.join_all().await;
    assert_stored(&store.sql, told.into_iter().flatten()).await;
}

#[tokio::test]
async fn postgres_keys_of_the_callers_own_stand_between_assigned_ones() {
    let store = store().await;
    let mut rows: Vec<_> = (0..25_000).map(|n| new(n.to_string())).collect();
    // The keys that come behind them are greater.
    rows[7].id = Assigned::Is(500);
    rows[8].id = Assigned::Is(400);
    rows[9].id = Assigned::Is(600);
    rows[24_999].id = Assigned::Is(1_000_000);
    store.sql.insert_many(&mut rows).await.unwrap();
    assert_eq!(rows[6].id, Assigned::Is(7));
    assert_eq!(rows[8].id, Assigned::Is(400));
    assert_eq!(rows[10].id, Assigned::Is(601));
    let mut next = new("next".into());
    store.sql.insert(&mut next).await.unwrap();
    assert_eq!(next.id, Assigned::Is(1_000_001));
    rows.push(next);
    assert_stored(&store.sql, rows.into_iter()).await;
}

#[tokio::test]
async fn postgres_many_rows_with_assigned_keys_are_all_inserted_or_none() {
    let store = store().await;
    for count in [2, 20, 12_000] {
        let mut rows: Vec<_> = (0..count).map(|n| new(n.to_string())).collect();
        let last = rows.len() - 1;
        rows[last].text = "0".into();
        let before = rows.clone();
        let error = store.sql.insert_many(&mut rows).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("text")));
        assert_eq!(rows, before, "the caller's rows are as before");
        let kept = store.sql.transaction(|tx| {
            let (bad, mut good) = (rows.clone(), rows.clone());
            async move {
                let inner = tx.transaction(|tx| {
                    let mut bad = bad.clone();
                    async move { tx.insert_many(&mut bad).await }
                });
                assert_eq!(inner.await.unwrap_err().code(), Code::NotUnique);
                good.pop();
                tx.insert_many(&mut good).await?;
                Ok::<_, Error>(good)
            }
        });
        assert_stored(&store.sql, kept.await.unwrap().into_iter()).await;
        psql(&store.url(), "truncate remarks").unwrap();
    }
}

#[tokio::test]
async fn postgres_keys_that_do_not_grow_are_told_all_the_same() {
    let store = store().await;
    let backwards = "alter table remarks alter id set minvalue -100000 set maxvalue -1 \
                     set increment by -1 set start with -1 restart with -1";
    psql(&store.url(), backwards).unwrap();
    let mut rows: Vec<_> = (0..300).map(|n| new(n.to_string())).collect();
    store.sql.insert_many(&mut rows).await.unwrap();
    assert_stored(&store.sql, rows.into_iter()).await;
}
