//! Transactions: together or not at all, whatever happens to the closure.

use crate::common;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
#[cfg(feature = "postgres")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use common::poll_once;
use tokio::join;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Record, Row, Value};
use tradebase_sql::{Isolation, SAVEPOINTS_MAX, Sql, TxOptions};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "accounts")]
struct Account {
    #[record(key)]
    id: i64,
    cents: i64,
}

#[derive(Row, Debug, PartialEq)]
struct Sum {
    cents: i64,
}

fn account(id: i64, cents: i64) -> Account {
    Account { id, cents }
}

async fn accounts(sql: &Sql, rows: &[Account]) {
    sql.create_table::<Account>().await.unwrap();
    sql.insert_many(rows).await.unwrap();
}

async fn ids(sql: &Sql) -> Vec<i64> {
    sql.all::<Account>().await.unwrap().iter().map(|account| account.id).collect()
}

type Later = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// An error of the closure's own.
#[derive(Debug)]
enum Refusal {
    TooPoor(i64),
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Store(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

promises! {
    async fn what_is_done_together_is_seen_inside_and_then_by_all(sql: &Sql) {
        accounts(sql, &[account(1, 500), account(2, 0)]).await;
        let outside = sql.clone();
        let moved = sql
            .transaction(|tx| {
                let outside = outside.clone();
                async move {
                    tx.update(&account(1, 300)).await?;
                    tx.update(&account(2, 200)).await?;
                    tx.insert(&account(3, 7)).await?;
                    assert!(tx.delete::<Account>(&3).await?);
                    assert_eq!(tx.get::<Account>(&2).await?, Some(account(2, 200)));
                    assert_eq!(tx.all::<Account>().await?.len(), 2);
                    let seen = tokio::spawn(async move { outside.get::<Account>(&2).await });
                    assert_eq!(seen.await.unwrap()?, Some(account(2, 0)));
                    Ok::<_, Error>(200)
                }
            })
            .await;
        assert_eq!(moved.unwrap(), 200);
        assert_eq!(sql.all::<Account>().await.unwrap(), [account(1, 300), account(2, 200)]);
    }

    async fn an_error_of_the_closure_undoes_all_and_comes_back_as_it_is(sql: &Sql) {
        accounts(sql, &[account(1, 500)]).await;
        let moved = sql.transaction(|tx| async move {
            tx.update(&account(1, -100)).await?;
            Err::<(), _>(Refusal::TooPoor(1))
        });
        assert!(matches!(moved.await, Err(Refusal::TooPoor(1))));
        assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(account(1, 500)));
        // An error of the store goes through the same type.
        let twice = sql.transaction(|tx| async move {
            tx.insert(&account(1, 0)).await?;
            Ok::<_, Refusal>(())
        });
        let Err(Refusal::Store(error)) = twice.await else { panic!("it is there already") };
        assert_eq!(error.code(), Code::NotUnique);
    }

    async fn a_panic_in_the_closure_undoes_all(sql: &Sql) {
        accounts(sql, &[]).await;
        let own = sql.clone();
        let work = tokio::spawn(async move {
            let work = own.transaction(|tx| async move {
                tx.insert(&account(1, 1)).await?;
                assert!(tx.get::<Account>(&1).await?.is_none(), "on purpose");
                Ok::<_, Error>(())
            });
            work.await
        });
        assert!(work.await.unwrap_err().is_panic());
        assert_eq!(ids(sql).await, [0; 0]);
        sql.insert(&account(1, 1)).await.unwrap();
    }

    async fn after_a_refused_statement_it_can_only_be_rolled_back(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let calls = AtomicU32::new(0);
        let passed_over = sql.transaction(|tx| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move {
                tx.insert(&account(2, 2)).await?;
                assert_eq!(tx.insert(&account(1, 0)).await.unwrap_err().code(), Code::NotUnique);
                let later = tx.get::<Account>(&1).await.unwrap_err();
                assert_eq!(later.code(), Code::NotUnique, "{later}");
                Ok::<_, Error>(())
            }
        });
        assert_eq!(passed_over.await.unwrap_err().code(), Code::NotUnique);
        assert_eq!(calls.load(Ordering::Relaxed), 1, "nobody was in the way");
        assert_eq!(ids(sql).await, [1]);
    }

    async fn what_is_refused_before_it_is_sent_leaves_a_transaction_as_it_was(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let done = sql.transaction(|tx| async move {
            let missing = tx.update(&account(9, 9)).await.unwrap_err();
            assert_eq!(missing.code(), Code::NotFound);
            let wrong = tx.execute("SELECT 1", &[Value::Int(1)]).await.unwrap_err();
            assert_eq!(wrong.code(), Code::Invalid);
            let wide = tx.query::<Sum>("SELECT 1, 2", &[]).await.unwrap_err();
            assert_eq!(wide.code(), Code::SchemaMismatch);
            tx.insert(&account(2, 2)).await?;
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(ids(sql).await, [1, 2]);
    }

    async fn an_inner_transaction_that_fails_leaves_the_outer_one_as_it_was(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let done = sql.transaction(|tx| async move {
            tx.insert(&account(2, 2)).await?;
            // Refused by the engine:
            let refused = tx.transaction(|inner| async move {
                inner.insert(&account(3, 3)).await?;
                inner.insert(&account(1, 0)).await?;
                Ok::<_, Error>(())
            });
            assert_eq!(refused.await.unwrap_err().code(), Code::NotUnique);
            // Refused, and passed over:
            let refused = tx.transaction(|inner| async move {
                inner.insert(&account(4, 4)).await?;
                _ = inner.insert(&account(1, 0)).await;
                Ok::<_, Error>(())
            });
            assert_eq!(refused.await.unwrap_err().code(), Code::NotUnique);
            // Given up by itself:
            let poor = tx.transaction(|inner| async move {
                inner.insert(&account(5, 5)).await?;
                let deeper = inner.transaction(|deeper| async move {
                    deeper.insert(&account(6, 6)).await?;
                    Ok::<_, Error>(())
                });
                deeper.await?;
                Err::<(), _>(Refusal::TooPoor(5))
            });
            assert!(matches!(poor.await, Err(Refusal::TooPoor(5))));
            let kept = tx.transaction(|inner| async move {
                inner.insert(&account(7, 7)).await?;
                Ok::<_, Error>(inner.get::<Account>(&2).await?.is_some())
            });
            assert!(kept.await?);
            assert_eq!(tx.get::<Account>(&6).await?, None);
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(ids(sql).await, [1, 2, 7]);
    }

    async fn transactions_stand_in_each_other_up_to_a_bound(sql: &Sql) {
        fn deeper(tx: Sql, left: u32) -> Later {
            Box::pin(async move {
                if left == 0 {
                    return tx.insert(&account(1, 1)).await.map(drop);
                }
                tx.transaction(|inner| deeper(inner, left - 1)).await
            })
        }
        accounts(sql, &[]).await;
        let too_deep = sql.transaction(|tx| deeper(tx, SAVEPOINTS_MAX + 1)).await.unwrap_err();
        assert_eq!(too_deep.code(), Code::Unsupported);
        assert_eq!(ids(sql).await, [0; 0]);
        sql.transaction(|tx| deeper(tx, SAVEPOINTS_MAX)).await.unwrap();
        assert_eq!(ids(sql).await, [1]);
    }

    async fn an_outer_handle_cannot_be_used_inside(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let outer = sql.clone();
        let done = sql.transaction(|tx| {
            let outer = outer.clone();
            async move {
                let again = |code: Code| assert_eq!(code, Code::OutsideTransaction);
                again(outer.insert(&account(2, 2)).await.unwrap_err().code());
                again(outer.clone().get::<Account>(&1).await.unwrap_err().code());
                again(outer.find::<Account>().all().await.unwrap_err().code());
                again(outer.all::<Account>().await.unwrap_err().code());
                again(outer.connection().await.err().unwrap().code());
                again(outer.stream::<Account>().await.err().unwrap().code());
                again(outer.execute("SELECT 1", &[]).await.unwrap_err().code());
                again(outer.clone().close().await.unwrap_err().code());
                let mut batch = outer.batch();
                if batch.delete::<Account>(&1).is_ok() {
                    again(batch.run().await.unwrap_err().code());
                }
                let inside = outer.transaction(|_| async { Ok::<_, Error>(()) });
                again(inside.await.unwrap_err().code());
                again(tx.connection().await.err().unwrap().code());
                again(tx.clone().close().await.unwrap_err().code());
                // The handle of the middle, while an inner one is open.
                let middle = tx.clone();
                let inner = tx.transaction(|inner| {
                    let middle = middle.clone();
                    async move {
                        again(middle.insert(&account(3, 3)).await.unwrap_err().code());
                        inner.insert(&account(4, 4)).await?;
                        Ok::<_, Error>(())
                    }
                });
                inner.await?;
                tx.insert(&account(5, 5)).await?;
                Ok::<_, Error>(())
            }
        });
        done.await.unwrap();
        assert_eq!(ids(sql).await, [1, 4, 5]);
    }

    async fn a_handle_is_of_no_use_when_its_transaction_has_ended(sql: &Sql) {
        accounts(sql, &[]).await;
        let kept = sql.transaction(|tx| async move {
            let inner = tx.transaction(|inner| async move { Ok::<_, Error>(inner) }).await?;
            let late = inner.insert(&account(1, 1)).await.unwrap_err();
            assert_eq!(late.code(), Code::OutsideTransaction);
            Ok::<_, Error>(tx)
        });
        let kept = kept.await.unwrap();
        let late = kept.insert(&account(1, 1)).await.unwrap_err();
        assert_eq!(late.code(), Code::OutsideTransaction);
        let late = kept.transaction(|_| async { Ok::<_, Error>(()) }).await.unwrap_err();
        assert_eq!(late.code(), Code::OutsideTransaction);
        assert_eq!(ids(sql).await, [0; 0]);
    }

    async fn tasks_and_calls_side_by_side_take_turns(sql: &Sql) {
        accounts(sql, &[]).await;
        let done = sql.transaction(|tx| async move {
            let (a, b, c) = (account(1, 1), account(2, 2), account(3, 3));
            let (a, b, c) = join!(tx.insert(&a), tx.insert(&b), tx.insert(&c));
            assert_eq!([a?, b?, c?], [1, 2, 3]);
            let tasks: Vec<_> = (10..20)
                .map(|id| {
                    let tx = tx.clone();
                    tokio::spawn(async move { tx.insert(&account(id, 0)).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap()?;
            }
            // Of two transactions inside, side by side, only one can be open.
            let inner = |id| tx.transaction(move |inner| async move {
                inner.insert(&account(id, 0)).await?;
                tokio::task::yield_now().await;
                Ok::<_, Error>(())
            });
            let (first, second) = join!(inner(30), inner(31));
            first?;
            assert_eq!(second.unwrap_err().code(), Code::OutsideTransaction);
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(ids(sql).await.len(), 14);
    }

    async fn a_call_that_waited_for_one_that_failed_is_refused(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let done = sql.transaction(|tx| async move {
            let (row, twice) = (account(3, 3), "INSERT INTO accounts VALUES (1, 1)");
            let (failed, refused) = join!(tx.execute(twice, &[]), tx.insert(&row));
            assert_eq!(failed.unwrap_err().code(), Code::NotUnique);
            let refused = refused.unwrap_err();
            assert!(refused.to_string().contains("an earlier statement"), "{refused}");
            Ok::<_, Error>(())
        });
        done.await.unwrap_err();
        assert_eq!(ids(sql).await, [1]);
    }

    async fn one_that_takes_too_long_is_rolled_back(sql: &Sql) {
        accounts(sql, &[]).await;
        let options = TxOptions::new().wait(Duration::from_millis(200));
        let slow = sql.transaction_with(options, |tx| async move {
            tx.insert(&account(1, 1)).await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Error>(())
        });
        assert_eq!(slow.await.unwrap_err().code(), Code::TimedOut);
        assert_eq!(ids(sql).await, [0; 0]);
        sql.insert(&account(1, 1)).await.unwrap();
    }

    async fn one_that_only_reads_cannot_write(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let reads = sql.transaction_with(TxOptions::new().read_only(), |tx| async move {
            tx.get::<Account>(&1).await
        });
        assert_eq!(reads.await.unwrap(), Some(account(1, 1)));
        let writes = sql.transaction_with(TxOptions::new().read_only(), |tx| async move {
            tx.insert(&account(2, 2)).await
        });
        assert_eq!(writes.await.unwrap_err().code(), Code::AccessDenied);
        assert_eq!(ids(sql).await, [1]);
    }

    async fn a_call_that_is_dropped_in_the_middle_ends_its_transaction(sql: &Sql) {
        accounts(sql, &[]).await;
        let done = sql.transaction(|tx| async move {
            tx.insert(&account(1, 1)).await?;
            {
                let mut call = pin!(tx.execute("INSERT INTO accounts VALUES (2, 2)", &[]));
                assert!(poll_once(&mut call).await.is_pending());
            }
            assert!(tx.insert(&account(3, 3)).await.is_err());
            Ok::<_, Error>(())
        });
        assert_eq!(done.await.unwrap_err().code(), Code::QueryFailed);
        assert_eq!(ids(sql).await, [0; 0]);
    }

    async fn a_transaction_dropped_at_any_point_is_whole_or_not_there(sql: &Sql) {
        accounts(sql, &[]).await;
        let mut drops = 0;
        for id in 0.. {
            let work = sql.transaction(move |tx| async move {
                tx.insert(&account(2 * id, 0)).await?;
                let inner = tx.transaction(move |inner| async move {
                    inner.insert(&account(2 * id + 1, 0)).await?;
                    Ok::<_, Error>(())
                });
                inner.await?;
                tx.get::<Account>(&0).await?;
                Ok::<_, Error>(())
            });
            let mut work = Box::pin(work);
            let mut polls = 0;
            let whole = poll_fn(|context| {
                polls += 1;
                let ready = work.as_mut().poll(context).is_ready();
                if ready || polls > id { Poll::Ready(ready) } else { Poll::Pending }
            });
            if whole.await {
                break;
            }
            drop(work);
            drops += 1;
            let there = ids(sql).await.into_iter().filter(|have| have / 2 == id).count();
            assert!(there == 0 || there == 2, "dropped after {polls} polls");
            assert!(id < 1_000, "it never ends");
        }
        // SQLite waits but once: for the commit.
        assert!(drops >= 1, "{drops}");
    }

    async fn those_that_collide_all_commit_in_the_end(sql: &Sql) {
        accounts(sql, &[account(1, 0), account(2, 0)]).await;
        let options = TxOptions::new().isolation(Isolation::Serializable);
        let tasks: Vec<_> = (0..50)
            .map(|i| {
                let sql = sql.clone();
                tokio::spawn(async move {
                    let add = sql.transaction_with(options, |tx| async move {
                        let all = tx.all::<Account>().await?;
                        let total: i64 = all.iter().map(|account| account.cents).sum();
                        let id = 1 + i % 2;
                        let mine = all.iter().find(|account| account.id == id).unwrap();
                        tx.update(&account(id, mine.cents + 1)).await?;
                        Ok::<_, Error>(total)
                    });
                    add.await
                })
            })
            .collect();
        let mut totals = Vec::new();
        for task in tasks {
            totals.push(task.await.unwrap().unwrap());
        }
        totals.sort_unstable();
        assert_eq!(totals, (0..50).collect::<Vec<_>>(), "each saw all that came before it");
    }

    async fn a_transaction_is_measured_once(sql: &Sql) {
        accounts(sql, &[]).await;
        let done = sql.transaction(|tx| async move { tx.insert(&account(1, 1)).await });
        done.await.unwrap();
        let measures = sql.watch().measures().into_iter();
        let counts: Vec<_> = measures.map(|one| (one.operation, one.calls)).collect();
        for operation in [Operation::Transaction, Operation::Insert] {
            assert!(counts.contains(&(operation, 1)), "{operation:?} {counts:?}");
        }
    }

    async fn sql_of_ones_own_is_part_of_it(sql: &Sql) {
        accounts(sql, &[account(1, 1)]).await;
        let undone = sql.transaction(|tx| async move {
            tx.insert(&account(2, 2)).await?;
            let changed = tx.execute("UPDATE accounts SET cents = cents + 10", &[]).await?;
            assert_eq!(changed, 2);
            let sum = "SELECT sum(cents)::bigint FROM accounts";
            assert_eq!(tx.query_values(sum, &[]).await?.rows, [[Value::Int(23)]]);
            assert_eq!(tx.query::<Sum>(sum, &[]).await?, [Sum { cents: 23 }]);
            Err::<(), _>(Refusal::TooPoor(0))
        });
        assert!(undone.await.is_err());
        assert_eq!(sql.all::<Account>().await.unwrap(), [account(1, 1)]);
    }

    async fn sql_of_ones_own_cannot_end_it(sql: &Sql) {
        accounts(sql, &[]).await;
        let done = sql.transaction(|tx| async move {
            tx.insert(&account(1, 1)).await?;
            for end in ["COMMIT", "/* a */ -- b\n rollback", ";END", "; ;SAVEPOINT a", "/**/;END"] {
                let refused = tx.execute(end, &[]).await.unwrap_err();
                assert_eq!(refused.code(), Code::Unsupported, "{end}");
            }
            tx.insert(&account(2, 2)).await?;
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(ids(sql).await, [1, 2]);
        let several = "SELECT 1; COMMIT";
        let several = sql.transaction(|tx| async move { tx.execute(several, &[]).await });
        assert_eq!(several.await.unwrap_err().code(), Code::Injection);
    }
}

/// On SQLite others wait: there is one who writes at a time.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_a_collision_inside_repeats_the_whole() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    accounts(sql, &[account(1, 0)]).await;
    let calls = Arc::new(AtomicU32::new(0));
    let options = TxOptions::new().isolation(Isolation::RepeatableRead);
    let (other, counted) = (sql.clone(), calls.clone());
    let done = sql.transaction_with(options, move |tx| {
        let (other, call) = (other.clone(), counted.fetch_add(1, Ordering::Relaxed));
        async move {
            let before = tx.get::<Account>(&1).await?.unwrap();
            if call == 0 {
                let others = tokio::spawn(async move { other.update(&account(1, 40)).await });
                others.await.unwrap()?;
            }
            let inner =
                tx.transaction(
                    |inner| async move { inner.update(&account(1, before.cents + 2)).await },
                );
            inner.await?;
            Ok::<_, Error>(())
        }
    });
    done.await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(account(1, 42)));
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_attempts_have_a_bound() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    accounts(sql, &[]).await;
    let calls = AtomicU32::new(0);
    let failed = sql.transaction_with(TxOptions::new().attempts(3), |tx| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move {
            let raise = "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$";
            tx.execute(raise, &[]).await
        }
    });
    let error = failed.await.unwrap_err();
    assert_eq!(error.code(), Code::TransactionFailed);
    assert!(error.to_string().contains("failed 3 times"), "{error}");
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}
