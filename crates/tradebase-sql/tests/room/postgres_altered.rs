//! A table that somebody alters under prepared statements is no error of any call.

#![cfg(feature = "postgres")]

use crate::common;
use common::PostgresStore;
use common::records::{Account, account};
use futures_util::future::try_join_all;
use tradebase_core::Result;
use tradebase_sql::{Conflict, Sql};
use tradebase_testkit::psql;

const VERBS: [&str; 19] = [
    "get",
    "get together",
    "get_many",
    "exists",
    "count",
    "list",
    "all",
    "find",
    "stream",
    "insert",
    "insert together",
    "insert_many",
    "update",
    "update_many",
    "patch",
    "upsert",
    "upsert_many",
    "batch",
    "delete_many",
];

/// Does it on five accounts that are there, 0 to 4; further ones are made from this key on.
async fn call(sql: &Sql, verb: &str, new: i64) -> Result<()> {
    let replace = Conflict::replace();
    let keys: Vec<i64> = (0..5).collect();
    let mut kept = sql.all::<Account>().await?;
    kept.truncate(5);
    let mut fresh: Vec<_> = (new..new + 30).map(|id| account(id, &format!("new {id}"))).collect();
    match verb {
        "get" => drop(sql.get::<Account>(&1).await?.unwrap()),
        "get together" => drop(try_join_all(keys.iter().map(|k| sql.get::<Account>(k))).await?),
        "get_many" => assert_eq!(sql.get_many::<Account>(&keys).await?.len(), 5),
        "exists" => assert!(sql.exists::<Account>(&1).await?),
        "count" => assert!(sql.count::<Account>().await? >= 5),
        "list" => assert_eq!(sql.list::<Account>(5, 0).await?.len(), 5),
        "all" => drop(sql.all::<Account>().await?),
        "find" => drop(sql.find::<Account>().filter(Account::ID.eq(1)).all().await?),
        "stream" => {
            let mut stream = sql.stream::<Account>().await?;
            while stream.next().await?.is_some() {}
        }
        "insert" => drop(sql.insert(&mut fresh[0]).await?),
        "insert together" => {
            drop(try_join_all(fresh.iter_mut().map(|row| sql.insert(row))).await?);
        }
        "insert_many" => drop(sql.insert_many(&mut fresh).await?),
        "update" => sql.update(&mut kept[1]).await?,
        "update_many" => drop(sql.update_many(&mut kept).await?),
        "patch" => {
            let owner = format!("patched {new}");
            assert!(sql.patch::<Account>(&2).set(Account::OWNER, owner).run().await?);
        }
        "upsert" => drop(sql.upsert(&mut kept[1], &replace).await?),
        "upsert_many" => drop(sql.upsert_many(&mut kept, &replace).await?),
        "batch" => {
            let mut batch = sql.batch();
            let (first, rest) = kept.split_at_mut(1);
            batch.insert(&mut fresh[0])?;
            batch.update(&mut first[0])?;
            batch.upsert(&mut rest[0], &replace)?;
            batch.delete::<Account>(&new)?;
            batch.run().await?;
        }
        "delete_many" => drop(sql.delete_many::<Account>(&[new, new + 1]).await?),
        verb => panic!("{verb}"),
    }
    Ok(())
}

#[tokio::test]
async fn postgres_no_verb_meets_a_table_that_was_altered_under_its_statements() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Account>().await.unwrap();
    let mut rows: Vec<_> = (0..5).map(|id| account(id, &format!("kept {id}"))).collect();
    sql.insert_many(&mut rows).await.unwrap();
    let changes = [
        "alter column made type timestamptz(6)",
        "add column extra text",
        "alter column made type timestamptz",
        "drop column extra",
    ];
    let mut new = 100;
    for verb in VERBS {
        for change in changes {
            for again in [false, true] {
                if again {
                    psql(&store.url(), &format!("alter table accounts {change}")).unwrap();
                }
                let called = call(sql, verb, new).await;
                assert!(called.is_ok(), "{verb} after {change}: {}", called.unwrap_err());
                new += 30;
            }
        }
    }
    assert_eq!(sql.pool_status().broken, 0);
}
