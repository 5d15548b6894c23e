//! What leaves a transaction as it was, and what is no reason to do it again.

use crate::common;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::records::{Account, account};
use tradebase_core::{Code, Error};
use tradebase_sql::Sql;

async fn owners(sql: &Sql) -> Vec<String> {
    sql.all::<Account>().await.unwrap().into_iter().map(|row| row.owner).collect()
}

async fn insert(sql: &Sql, id: i64, owner: &str) -> Result<(), Error> {
    sql.insert(&mut account(id, owner)).await.map(drop)
}

promises! {
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
