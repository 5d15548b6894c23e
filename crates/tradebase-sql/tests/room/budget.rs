//! The statements of a piece of work: counted, and traced to who asks for them.

use crate::common;
use common::records::{Account, account};
use tradebase_core::{Code, Record, Result};
use tradebase_sql::{QUERY_CALLERS_MAX, Sql, counted, counted_in_place};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "deals")]
struct Deal {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Account, index)]
    account_id: i64,
}

async fn fill(sql: &Sql, accounts: i64, each: i64) {
    sql.create_table::<Deal>().await.unwrap();
    let mut rows: Vec<_> = (0..accounts).map(|id| account(id, &format!("owner {id}"))).collect();
    sql.insert_many(&mut rows).await.unwrap();
    let deals = (0..accounts * each).map(|id| Deal { id, account_id: id % accounts });
    sql.insert_many(&deals.collect::<Vec<_>>()).await.unwrap();
}

/// One question per row: what a budget is there to find.
async fn owners_one_by_one(sql: &Sql, deals: &[Deal]) -> Result<Vec<String>> {
    let mut owners = Vec::new();
    for deal in deals {
        owners.extend(sql.get::<Account>(&deal.account_id).await?.map(|a| a.owner));
    }
    Ok(owners)
}

/// Where the question above stands in this file.
fn line_of(text: &str) -> usize {
    let at = include_str!("budget.rs").lines().position(|line| line.contains(text)).unwrap();
    at + 1
}

fn message_of(panic: Box<dyn std::any::Any + Send>) -> String {
    *panic.downcast::<String>().unwrap()
}

promises! {
    async fn a_repeated_statement_is_traced_to_the_line_that_asks(sql: &Sql) {
        fill(sql, 10, 2).await;
        let deals = sql.all::<Deal>().await.unwrap();
        let (owners, queries) = counted(owners_one_by_one(sql, &deals)).await;
        assert_eq!((owners.unwrap().len(), queries.total()), (20, 20));
        let repeated = queries.repeated(1);
        let [query] = repeated.as_slice() else { panic!("{queries}") };
        assert_eq!((query.calls, query.rows, query.record), (20, 20, Some("Account")));
        assert!(query.statement.contains("\"accounts\"") && !query.time.is_zero(), "{query:?}");
        let callers = query.callers();
        let [caller] = callers.as_slice() else { panic!("{callers:?}") };
        let here = format!("tests/room/budget.rs:{}", line_of("sql.get::<Account>"));
        assert!(caller.place.as_deref().unwrap().ends_with(&here), "{caller}");
        queries.at_most(20);
        let failed = std::panic::catch_unwind(|| queries.at_most(2)).unwrap_err();
        let message = message_of(failed);
        assert!(message.starts_with("20 statements ran, at most 2 may\n20 times"), "{message}");
        assert!(message.contains(&here) && message.contains("accounts"), "{message}");
    }

    async fn a_load_keeps_the_budget_that_one_by_one_breaks(sql: &Sql) {
        fill(sql, 100, 10).await;
        let (loaded, queries) = counted(async {
            let accounts = sql.find::<Account>().limit(100).all().await?;
            sql.children(&accounts, Deal::ACCOUNT).all().await
        })
        .await;
        assert!(loaded.unwrap().iter().all(|deals| deals.len() == 10));
        queries.at_most(2);
        assert_eq!(queries.each().iter().map(|query| query.rows).collect::<Vec<_>>(), [100, 1000]);
    }

    async fn what_runs_in_transactions_counts_and_what_opens_them_does_not(sql: &Sql) {
        fill(sql, 3, 1).await;
        let work = sql.transaction(|tx| async move {
            tx.get::<Deal>(&0).await?;
            tx.transaction(|tx| async move { tx.get::<Deal>(&1).await }).await
        });
        let (done, queries) = counted(work).await;
        assert_eq!(done.unwrap(), Some(Deal { id: 1, account_id: 1 }));
        assert_eq!((queries.total(), queries.each().len()), (2, 1));
    }

    async fn a_scope_inside_a_scope_counts_in_both(sql: &Sql) {
        fill(sql, 2, 1).await;
        let (inner, outer) = counted(async {
            sql.count::<Deal>().await.unwrap();
            let (all, inner) = counted(sql.all::<Deal>()).await;
            assert_eq!(all.unwrap().len(), 2);
            inner
        })
        .await;
        assert_eq!((inner.total(), outer.total()), (1, 2));
        sql.count::<Deal>().await.unwrap();
        assert_eq!((inner.repeated(0).len(), outer.repeated(0).len()), (1, 2));
    }

    async fn calls_of_other_tasks_do_not_count(sql: &Sql) {
        fill(sql, 2, 1).await;
        let other = sql.clone();
        let (joined, queries) = counted(async {
            let task = tokio::spawn(async move { other.count::<Deal>().await });
            let both = tokio::join!(sql.count::<Deal>(), sql.count::<Deal>());
            (task.await.unwrap(), both)
        })
        .await;
        assert_eq!(joined.0.unwrap(), 2);
        assert_eq!(queries.total(), 2);
    }

    async fn every_verb_counts_once(sql: &Sql) {
        fill(sql, 3, 1).await;
        let filter = || Deal::ID.ge(0);
        let deal = |id| Deal { id, account_id: 1 };
        let (row, rows) = (deal(0), [0, 1].map(deal));
        let mut more = [Deal { id: 10, account_id: 0 }, Deal { id: 11, account_id: 0 }];
        macro_rules! each_counts_once {
            ($($call:expr;)+) => {$(
                let (done, queries) = counted(async { $call.await }).await;
                assert!(done.is_ok(), "{}: {:?}", stringify!($call), done.map(drop));
                assert_eq!(queries.total(), 1, "{}", stringify!($call));
            )+};
        }
        let conflict = tradebase_sql::Conflict::replace();
        each_counts_once! {
            sql.insert(&Deal { id: 9, account_id: 0 });
            sql.insert_many(&more);
            sql.upsert(&row, &conflict);
            sql.upsert_many(&rows, &conflict);
            sql.get::<Deal>(&0);
            sql.get_many::<Deal>(&[0, 1]);
            sql.exists::<Deal>(&0);
            sql.count::<Deal>();
            sql.list::<Deal>(2, 0);
            sql.all::<Deal>();
            sql.stream::<Deal>();
            sql.find::<Deal>().filter(filter()).all();
            sql.find::<Deal>().filter(filter()).first();
            sql.find::<Deal>().with(Deal::ACCOUNT).all();
            sql.parents(&rows, Deal::ACCOUNT);
            sql.children::<Deal, Account>(&[account(1, "")], Deal::ACCOUNT).all();
            sql.update(&row);
            sql.update_many(&rows);
            sql.update_columns(&rows, Deal::ACCOUNT_ID);
            sql.patch::<Deal>(&0).set(Deal::ACCOUNT_ID, 1).run();
            sql.execute("DELETE FROM deals WHERE id = 9", &[]);
            sql.query::<Deal>("SELECT * FROM deals", &[]);
            sql.query_values("SELECT * FROM deals", &[]);
            sql.delete::<Deal>(&0);
            sql.delete_many::<Deal>(&[1, 2]);
        }
        let mut batch = sql.batch();
        batch.delete::<Deal>(&10).unwrap();
        more[1].account_id = 2;
        batch.update(&more[1]).unwrap();
        let (done, queries) = counted(batch.run()).await;
        assert_eq!((done.is_ok(), queries.total()), (true, 1));
    }

    async fn a_statement_that_fails_counts_too(sql: &Sql) {
        fill(sql, 2, 1).await;
        let (done, queries) = counted(sql.insert(&Deal { id: 0, account_id: 0 })).await;
        assert_eq!(done.unwrap_err().code(), Code::NotUnique);
        assert_eq!((queries.total(), queries.each()[0].rows), (1, 0));
    }

    async fn as_many_callers_are_kept_as_declared(sql: &Sql) {
        fill(sql, 1, 1).await;
        let (_, queries) = counted(async {
            for _ in 0..QUERY_CALLERS_MAX {
                sql.count::<Deal>().await.unwrap();
            }
            // Later than those that are kept.
            sql.count::<Deal>().await.unwrap();
        })
        .await;
        let query = &queries.each()[0];
        assert_eq!((query.calls, query.callers().len()), (QUERY_CALLERS_MAX as u64 + 1, 1));
    }
}

#[test]
fn sqlite_calls_are_counted_without_async_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sql = runtime.block_on(Sql::open("sqlite::memory:")).unwrap();
    runtime.block_on(fill(&sql, 2, 1));
    let (deals, queries) = counted_in_place(|| {
        let first = runtime.block_on(sql.get::<Deal>(&0)).unwrap();
        (first, runtime.block_on(sql.get::<Deal>(&1)).unwrap())
    });
    assert_eq!((deals.0.unwrap().id, deals.1.unwrap().id), (0, 1));
    assert_eq!((queries.total(), queries.repeated(1).len()), (2, 1));
    assert_eq!(queries.each()[0].callers().len(), 2);
}

/// What goes over the wire, counted between us and the server.
#[cfg(feature = "postgres")]
mod postgres_wire {
    use std::time::Duration;

    use tradebase_sql::SqlOptions;
    use tradebase_testkit::{Postgres, Proxy};

    use super::*;

    /// Parameters, the order to run, and the word that nothing follows: one way there and back.
    const MESSAGES: u64 = 3;

    #[tokio::test]
    async fn a_hundred_parents_with_ten_children_each_are_loaded_in_two_round_trips() {
        let server = Postgres::shared();
        let database = server.database();
        let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
        proxy.by_message(Duration::ZERO);
        let sql = Sql::open_with(SqlOptions::new(database.url_through(&proxy))).await.unwrap();
        fill(&sql, 100, 10).await;
        let mut messages = Vec::new();
        for _ in 0..3 {
            let before = proxy.counts().messages_from_client;
            let accounts = sql.find::<Account>().limit(100).all().await.unwrap();
            let deals = sql.children(&accounts, Deal::ACCOUNT).all().await.unwrap();
            assert_eq!(deals.iter().map(Vec::len).sum::<usize>(), 1000);
            messages.push(proxy.counts().messages_from_client - before);
        }
        // The first time the statements are prepared.
        assert_eq!(messages[1..], [2 * MESSAGES; 2], "{messages:?}");
    }
}
