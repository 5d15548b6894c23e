//! Transactions and batches.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::records::{Account, Remark, account};
use tradebase_core::{Assigned, Code, Error, Value};
use tradebase_sql::{Conflict, Sql, TxOptions};

async fn owners(sql: &Sql) -> Vec<String> {
    sql.all::<Account>().await.unwrap().into_iter().map(|row| row.owner).collect()
}

async fn insert(sql: &Sql, id: i64, owner: &str) -> Result<(), Error> {
    sql.insert(&mut account(id, owner)).await.map(drop)
}

on_sqlite! {
    async fn a_transaction_takes_effect_as_a_whole_or_not_at_all(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let kept = sql.transaction(|tx| async move {
            insert(&tx, 1, "a").await?;
            insert(&tx, 2, "b").await?;
            // It sees its own writes.
            assert_eq!(tx.count::<Account>().await?, 2);
            assert!(tx.get::<Account>(&2).await?.is_some());
            Ok::<_, Error>(7)
        });
        assert_eq!(kept.await.unwrap(), 7);
        let undone = sql.transaction(|tx| async move {
            insert(&tx, 3, "c").await?;
            tx.delete::<Account>(&1).await?;
            Err::<(), _>(Error::new(Code::Internal, "no"))
        });
        assert_eq!(undone.await.unwrap_err().code(), Code::Internal);
        assert_eq!(owners(sql).await, ["a", "b"]);
        insert(sql, 4, "d").await.unwrap();
    }

    async fn a_transaction_that_is_dropped_leaves_nothing_behind(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        for polls in 0..12 {
            let work = sql.transaction(|tx| async move {
                for id in 0..5 {
                    insert(&tx, id, &id.to_string()).await?;
                    tokio::task::yield_now().await;
                }
                std::future::pending::<Result<(), Error>>().await
            });
            let mut work = Box::pin(work);
            for _ in 0..polls {
                assert!(common::poll_once(&mut work).await.is_pending());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(work);
            assert_eq!(owners(sql).await, [""; 0]);
            insert(sql, 9, "z").await.unwrap();
            assert!(sql.delete::<Account>(&9).await.unwrap());
        }
    }

    async fn a_transaction_inside_is_undone_alone(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let done = sql.transaction(|tx| async move {
            insert(&tx, 1, "a").await?;
            let inner = tx.transaction(|inner| async move {
                insert(&inner, 2, "b").await?;
                // A statement that is refused spoils the inner one only.
                insert(&inner, 1, "again").await
            });
            assert_eq!(inner.await.unwrap_err().code(), Code::NotUnique);
            tx.transaction(|inner| async move { insert(&inner, 3, "c").await }).await?;
            insert(&tx, 4, "d").await
        });
        done.await.unwrap();
        assert_eq!(owners(sql).await, ["a", "c", "d"]);
    }

    async fn a_refused_statement_spoils_the_transaction(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        insert(sql, 1, "a").await.unwrap();
        let done = sql.transaction(|tx| async move {
            insert(&tx, 2, "b").await?;
            assert_eq!(insert(&tx, 1, "x").await.unwrap_err().code(), Code::NotUnique);
            assert_eq!(insert(&tx, 3, "c").await.unwrap_err().code(), Code::NotUnique);
            Ok::<_, Error>(())
        });
        assert_eq!(done.await.unwrap_err().code(), Code::NotUnique);
        assert_eq!(owners(sql).await, ["a"]);
    }

    async fn what_is_only_not_as_expected_does_not_spoil_a_transaction(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let done = sql.transaction(|tx| async move {
            let mut first = account(1, "a");
            tx.insert(&mut first).await?;
            let mut rows = [Account { owner: "changed".into(), ..first.clone() }, account(5, "e")];
            let error = tx.update_many(&mut rows).await.unwrap_err();
            assert!(matches!(error.code(), Code::NotFound | Code::VersionConflict), "{error}");
            let mut none = account(7, "none");
            let mut batch = tx.batch();
            batch.insert(&mut rows[1])?;
            batch.update(&mut none)?;
            assert_eq!(batch.run().await.unwrap_err().code(), Code::NotFound);
            insert(&tx, 2, "b").await
        });
        done.await.unwrap();
        assert_eq!(owners(sql).await, ["a", "b"]);
    }

    async fn the_outer_handle_is_refused_inside(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let done = sql.transaction(|tx| async move {
            let error = insert(sql, 1, "a").await.unwrap_err();
            assert_eq!(error.code(), Code::OutsideTransaction);
            insert(&tx, 1, "a").await.map(|()| tx)
        });
        let leaked = done.await.unwrap();
        let error = leaked.get::<Account>(&1).await.unwrap_err();
        assert_eq!(error.code(), Code::OutsideTransaction);
        assert_eq!(owners(sql).await, ["a"]);
    }

    async fn a_transaction_that_only_reads_writes_nothing(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        insert(sql, 1, "a").await.unwrap();
        let options = TxOptions::new().read_only();
        let read = sql.transaction_with(options, |tx| async move {
            tx.count::<Account>().await
        });
        assert_eq!(read.await.unwrap(), 1);
        let write = sql.transaction_with(options, |tx| async move { insert(&tx, 2, "b").await });
        assert_eq!(write.await.unwrap_err().code(), Code::AccessDenied);
        insert(sql, 3, "c").await.unwrap();
        assert_eq!(owners(sql).await, ["a", "c"]);
    }

    async fn a_transaction_that_takes_too_long_is_undone(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let options = TxOptions::new().wait(Duration::from_millis(100));
        let late = sql.transaction_with(options, |tx| async move {
            insert(&tx, 1, "a").await?;
            std::future::pending::<Result<(), Error>>().await
        });
        assert_eq!(late.await.unwrap_err().code(), Code::TimedOut);
        assert_eq!(owners(sql).await, [""; 0]);
        insert(sql, 2, "b").await.unwrap();
    }

    async fn colliding_transactions_all_commit(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        insert(sql, 1, "0").await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let sql = sql.clone();
            tasks.spawn(async move {
                let counted = sql.transaction(|tx| async move {
                    let row = tx.get::<Account>(&1).await?.unwrap();
                    tokio::task::yield_now().await;
                    let next = row.owner.parse::<u32>().unwrap() + 1;
                    tx.update(&mut Account { owner: next.to_string(), ..row }).await
                });
                counted.await.unwrap();
            });
        }
        tasks.join_all().await;
        assert_eq!(owners(sql).await, ["20"]);
    }

    async fn statements_of_ones_own_are_part_of_the_transaction(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let undone = sql.transaction(|tx| async move {
            insert(&tx, 1, "a").await?;
            assert_eq!(tx.execute("UPDATE accounts SET owner = 'b'", &[]).await?, 1);
            let rows = tx.query_values("SELECT owner FROM accounts", &[]).await?;
            assert_eq!(rows.rows, [[Value::Text("b".into())]]);
            Err::<(), _>(Error::new(Code::Internal, "no"))
        });
        assert_eq!(undone.await.unwrap_err().code(), Code::Internal);
        assert_eq!(owners(sql).await, [""; 0]);
    }

    async fn a_batch_takes_effect_as_a_whole_or_not_at_all(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.create_table::<Remark>().await.unwrap();
        let mut first = account(1, "a");
        let mut remark = Remark { id: Assigned::New, text: "t".into() };
        let mut upserted = [account(2, "b"), account(2, "bb")];
        let [one, other] = &mut upserted;
        let mut batch = sql.batch();
        batch.insert(&mut first).unwrap();
        batch.insert(&mut remark).unwrap();
        batch.upsert(one, &Conflict::replace()).unwrap();
        batch.upsert(other, &Conflict::replace()).unwrap();
        batch.delete::<Account>(&99).unwrap();
        batch.run().await.unwrap();
        assert_eq!((first.version, remark.id), (1, Assigned::Is(1)));
        assert_eq!(owners(sql).await, ["a", "bb"]);
        let mut stale = Account { version: 7, ..first.clone() };
        let mut batch = sql.batch();
        batch.delete::<Account>(&2).unwrap();
        batch.update(&mut stale).unwrap();
        let error = batch.run().await.unwrap_err();
        assert_eq!(error.code(), Code::VersionConflict);
        assert!(error.to_string().contains("write 2"), "{error}");
        let mut double = account(1, "z");
        let mut batch = sql.batch();
        batch.delete::<Account>(&2).unwrap();
        batch.insert(&mut double).unwrap();
        assert_eq!(batch.run().await.unwrap_err().code(), Code::NotUnique);
        assert_eq!(owners(sql).await, ["a", "bb"]);
    }

    async fn a_transaction_that_others_are_in_the_way_of_is_done_again(sql: &Sql) {
        let tried = Arc::new(AtomicU32::new(0));
        let done = sql.transaction(|_| {
            let tried = tried.clone();
            async move {
                match tried.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => Err(Error::new(Code::Locked, "as if")),
                    _ => Ok::<_, Error>(()),
                }
            }
        });
        // An error of the closure's own is an outcome: only the engine's are reasons to repeat.
        assert_eq!(done.await.unwrap_err().code(), Code::Locked);
        assert_eq!(tried.load(Ordering::Relaxed), 1);
    }
}
