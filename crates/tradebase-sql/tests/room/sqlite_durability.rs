//! What the power failing leaves of transactions on SQLite that differ in durability.

use crate::common;
use std::sync::Arc;

use common::records::{Account, account};
use tradebase_core::{Error, Result};
use tradebase_powerloss::Recorder;
use tradebase_sql::{Durability, Sql, SqlOptions};
use tradebase_testkit::TempFolder;

/// Power failures right behind a commit; each has dice of its own.
const FAILURES: u64 = 40;

/// How many of the failures lose a row of the transaction that was answered.
async fn losses<W>(work: impl Fn(Sql) -> W + Sync) -> u64
where
    W: Future<Output = Result<()>> + Send,
{
    let folder = TempFolder::new().unwrap();
    let recorder = Arc::new(Recorder::of(folder.path()).unwrap());
    let options = SqlOptions::new(common::url(&folder.file("a.db")));
    let sql = Sql::open_with(options.durability(Durability::Relaxed)).await.unwrap();
    sql.with_durability(Durability::Full).create_table::<Account>().await.unwrap();
    sql.transaction(&work).await.unwrap();
    let answered = recorder.position();
    let mut lost = 0;
    for seed in 0..FAILURES {
        let after = TempFolder::new().unwrap();
        recorder.disk_after(answered, seed).write_to(after.path()).unwrap();
        let found = Sql::open(&common::url(&after.file("a.db"))).await.unwrap();
        let ids: Vec<_> = found.all::<Account>().await.unwrap().iter().map(|row| row.id).collect();
        assert!(ids == [1, 2] || ids.is_empty(), "all of it or nothing: {ids:?}");
        lost += u64::from(ids.is_empty());
        found.close().await.unwrap();
    }
    sql.close().await.unwrap();
    lost
}

async fn insert(tx: &Sql, id: i64) -> Result<()> {
    tx.insert(&mut account(id, &id.to_string())).await.map(drop)
}

mod sqlite {
    use super::*;

    #[tokio::test]
    async fn a_transaction_of_relaxed_calls_may_be_lost_when_the_power_fails() {
        let lost = losses(|tx| async move {
            insert(&tx, 1).await?;
            insert(&tx, 2).await
        });
        // Without this the next test would show nothing.
        assert!(lost.await > 0);
    }

    #[tokio::test]
    async fn one_full_call_makes_a_relaxed_transaction_last() {
        for full in [1, 2] {
            let lost = losses(|tx| async move {
                for id in [1, 2] {
                    match id == full {
                        true => insert(&tx.with_durability(Durability::Full), id).await?,
                        false => insert(&tx, id).await?,
                    }
                }
                Ok(())
            });
            assert_eq!(lost.await, 0, "the full call is number {full}");
        }
        // Also inside a transaction of its own.
        let lost = losses(|tx| async move {
            insert(&tx, 1).await?;
            let inner = tx.with_durability(Durability::Full);
            inner
                .transaction(|inner| async move {
                    insert(&inner, 2).await?;
                    Ok::<_, Error>(())
                })
                .await
        });
        assert_eq!(lost.await, 0);
    }
}
