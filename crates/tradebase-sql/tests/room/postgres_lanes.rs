//! Many single calls that go together each have an end of their own.

#![cfg(feature = "postgres")]

use crate::common;
use std::collections::BTreeMap;
use std::sync::Arc;

use common::{Dice, PostgresStore, poll_once};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tradebase_core::{Code, Record};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Postgres, psql};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    #[record(unique)]
    name: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "quotes")]
struct Quote {
    #[record(key)]
    venue: String,
    #[record(key)]
    symbol: String,
    #[record(belongs_to = Bot)]
    bot_id: i64,
    note: Option<String>,
}

fn bot(id: i64) -> Bot {
    Bot { id, name: format!("bot {id}") }
}

fn quote(at: i64, bot_id: i64) -> Quote {
    // Keys whose bytes would be equal if they were only set one behind the other.
    let (venue, symbol) = ("x".repeat(usize::try_from(at % 7).unwrap()), format!("x{}", at / 7));
    Quote { venue, symbol, bot_id, note: (at % 3 == 0).then(|| format!("note {at}")) }
}

async fn store() -> PostgresStore {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Quote>().await.unwrap();
    store
}

/// Inserts all at once, and gives how each ended.
async fn insert_all<T: Record + Clone>(sql: &Sql, rows: &[T]) -> Vec<Result<(), (Code, String)>>
where
    for<'a> &'a T: tradebase_core::Handed<Record = T>,
{
    let calls = rows.iter().map(|row| async move {
        let inserted = sql.insert(row).await;
        inserted.map(drop).map_err(|e| (e.code(), e.column_name().unwrap_or_default().to_owned()))
    });
    futures_util::future::join_all(calls).await
}

#[tokio::test]
async fn postgres_inserts_of_512_callers_half_of_them_repeated_each_end_for_themselves() {
    let store = store().await;
    let half: Vec<_> = (0..512).step_by(2).map(bot).collect();
    store.sql.insert_many(&half).await.unwrap();
    for _ in 0..2 {
        let rows: Vec<_> = (0..512).map(bot).collect();
        let ends = insert_all(&store.sql, &rows).await;
        for (row, end) in rows.iter().zip(ends) {
            if row.id % 2 == 0 {
                assert_eq!(end, Err((Code::NotUnique, "id".to_owned())), "{row:?}");
            } else {
                assert_eq!(end, Ok(()), "{row:?}");
            }
        }
        assert_eq!(store.sql.all::<Bot>().await.unwrap(), rows);
        psql(&store.url(), "delete from bots where id % 2 = 1").unwrap();
    }
}

#[tokio::test]
async fn postgres_inserts_of_one_key_at_once_succeed_once() {
    let store = store().await;
    let rows: Vec<_> = (0..100).map(|i| bot(i % 10)).collect();
    let ends = insert_all(&store.sql, &rows).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 10);
    let refused = Err((Code::NotUnique, "id".to_owned()));
    assert!(ends.iter().all(|end| end.is_ok() || *end == refused), "{ends:?}");
    // A unique column that is not the key.
    let rows: Vec<_> = (100..200).map(|id| Bot { id, name: format!("name {}", id % 10) }).collect();
    let ends = insert_all(&store.sql, &rows).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 10);
    let refused = Err((Code::NotUnique, "name".to_owned()));
    assert!(ends.iter().all(|end| end.is_ok() || *end == refused), "{ends:?}");
}

#[tokio::test]
async fn postgres_inserts_that_break_a_reference_hit_only_their_callers() {
    let store = store().await;
    store.sql.insert(&bot(1)).await.unwrap();
    let rows: Vec<_> = (0..300).map(|at| quote(at, if at % 50 == 7 { 9 } else { 1 })).collect();
    let ends = insert_all(&store.sql, &rows).await;
    for (row, end) in rows.iter().zip(&ends) {
        match row.bot_id {
            1 => assert_eq!(*end, Ok(()), "{row:?}"),
            _ => assert_eq!(*end, Err((Code::BrokenReference, "bot_id".to_owned())), "{row:?}"),
        }
    }
    assert_eq!(store.sql.count::<Quote>().await.unwrap(), 294);
}

#[tokio::test]
async fn postgres_gets_of_many_callers_give_each_its_row() {
    let store = store().await;
    store.sql.insert(&bot(1)).await.unwrap();
    let rows: Vec<_> = (0..200).map(|at| quote(at, 1)).collect();
    store.sql.insert_many(&rows).await.unwrap();
    let calls = (0..600).map(|i| {
        let (sql, at) = (&store.sql, i % 300);
        async move {
            let wanted = quote(at, 1);
            let got = sql.get::<Quote>(&wanted.key()).await.unwrap();
            assert_eq!(got, (at < 200).then_some(wanted));
        }
    });
    futures_util::future::join_all(calls).await;
}

#[tokio::test]
async fn postgres_gets_of_a_row_that_cannot_be_read_fail_alone() {
    let store = store().await;
    store.sql.insert_many(&(0..50).map(bot).collect::<Vec<_>>()).await.unwrap();
    let twin = "create table tenders (id bigint primary key, at timestamptz not null)";
    psql(&store.url(), twin).unwrap();
    psql(&store.url(), "insert into tenders select n, now() from generate_series(1, 40) n")
        .unwrap();
    psql(&store.url(), "update tenders set at = 'infinity' where id = 7").unwrap();
    let calls = (1..=40).map(|id: i64| {
        let sql = &store.sql;
        async move { (id, sql.get::<Tender>(&id).await) }
    });
    for (id, got) in futures_util::future::join_all(calls).await {
        match got {
            Ok(row) => assert_eq!(row.unwrap().id, id),
            Err(error) => assert_eq!((id, error.code()), (7, Code::Unreadable), "{error}"),
        }
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "tenders")]
struct Tender {
    #[record(key)]
    id: i64,
    at: tradebase_core::Timestamp,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_calls_of_64_tasks_see_what_was_answered_before_them() {
    let store = store().await;
    let mut tasks = JoinSet::new();
    for task in 0..64_i64 {
        let sql = store.sql.clone();
        tasks.spawn(async move {
            let mut dice = Dice::new(u64::try_from(task).unwrap() + 1);
            let (mut mine, mut made) = (BTreeMap::new(), 0);
            for _ in 0..60 {
                // Half of the keys belong to two tasks.
                let id = i64::try_from(dice.below(40)).unwrap();
                let id = if dice.below(2) == 0 {
                    1_000 + task / 2 * 100 + id
                } else {
                    10_000 + task * 100 + id
                };
                let row = Bot { id, name: format!("bot {id}") };
                match sql.insert(&row).await {
                    Ok(_) => made += 1,
                    Err(error) => {
                        assert_eq!(error.code(), Code::NotUnique, "{error}");
                        if id >= 10_000 {
                            assert!(mine.contains_key(&id), "{id}");
                        }
                    }
                }
                mine.insert(id, row);
                let (id, row) = mine
                    .iter()
                    .nth(usize::try_from(dice.below(mine.len() as u64)).unwrap())
                    .unwrap();
                assert_eq!(sql.get::<Bot>(id).await.unwrap().as_ref(), Some(row));
            }
            made
        });
    }
    let made: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(store.sql.all::<Bot>().await.unwrap().len(), made);
    store.sql.clone().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_callers_that_go_away_leave_nobody_waiting() {
    let database = Postgres::shared().database();
    let sql = Sql::open_with(SqlOptions::new(database.url()).pool_connections(3)).await.unwrap();
    sql.create_table::<Bot>().await.unwrap();
    let sql = Arc::new(sql);
    let mut tasks = JoinSet::new();
    for task in 0..64_u64 {
        let sql = sql.clone();
        tasks.spawn(async move {
            let mut dice = Dice::new(task + 77);
            let mut sure = Vec::new();
            for n in 0..40 {
                let id = i64::try_from(task * 1000 + n).unwrap();
                let row = bot(id);
                if dice.below(2) == 0 {
                    let mut dropped = Box::pin(sql.insert(&row));
                    let mut gone = Box::pin(sql.get::<Bot>(&id));
                    for _ in 0..dice.below(6) {
                        let (a, b) = (poll_once(&mut dropped).await, poll_once(&mut gone).await);
                        if a.is_ready() || b.is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                } else {
                    sql.insert(&row).await.unwrap();
                    sure.push(row);
                }
            }
            for row in &sure {
                assert_eq!(sql.get::<Bot>(&row.id).await.unwrap().as_ref(), Some(row));
            }
        });
    }
    tasks.join_all().await;
    Arc::into_inner(sql).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn postgres_callers_that_are_never_polled_again_hold_nobody_up() {
    let store = store().await;
    let rows: Vec<_> = (0..8).map(bot).collect();
    // Each holds its place, and nobody looks at it.
    let mut idle: Vec<_> = rows.iter().map(|row| Box::pin(store.sql.insert(row))).collect();
    let mut reading: Vec<_> =
        rows.iter().map(|row| Box::pin(store.sql.get::<Bot>(&row.id))).collect();
    for (write, read) in idle.iter_mut().zip(&mut reading) {
        assert!(poll_once(write).await.is_pending() && poll_once(read).await.is_pending());
    }
    store.sql.insert(&bot(100)).await.unwrap();
    assert_eq!(store.sql.get::<Bot>(&100).await.unwrap(), Some(bot(100)));
    drop((idle, reading));
}

#[tokio::test]
async fn postgres_calls_of_many_go_on_after_a_table_was_changed() {
    let store = store().await;
    let rows: Vec<_> = (0..40).map(bot).collect();
    for change in ["add extra text", "drop extra"] {
        assert!(insert_all(&store.sql, &rows).await.iter().all(Result::is_ok), "{change}");
        let gets = || rows.iter().map(|row| store.sql.get::<Bot>(&row.id));
        futures_util::future::try_join_all(gets()).await.unwrap();
        psql(&store.url(), &format!("alter table bots {change}; truncate bots cascade")).unwrap();
        futures_util::future::try_join_all(gets()).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_inserts_that_wait_for_another_transaction_hold_nobody_up() {
    let store = store().await;
    let (sql, inside) = (store.sql.clone(), Arc::new(Notify::new()));
    let go = Arc::new(Notify::new());
    let (begun, end) = (inside.clone(), go.clone());
    let holder = tokio::spawn(async move {
        let held = sql.transaction(|tx| {
            let (begun, end) = (begun.clone(), end.clone());
            async move {
                tx.insert(&bot(7)).await?;
                begun.notify_one();
                end.notified().await;
                Ok::<_, tradebase_core::Error>(())
            }
        });
        held.await
    });
    inside.notified().await;
    let mut tasks = JoinSet::new();
    for id in 0..100 {
        let sql = store.sql.clone();
        tasks.spawn(async move { (id, sql.insert(&bot(id)).await.map_err(|e| e.code())) });
    }
    for _ in 0..99 {
        let (id, ended) = tasks.join_next().await.unwrap().unwrap();
        assert_eq!((ended.is_ok(), id == 7), (true, false), "{id}");
    }
    go.notify_one();
    holder.await.unwrap().unwrap();
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), (7, Err(Code::NotUnique)));
}

#[tokio::test]
async fn postgres_inserts_that_one_row_may_not_do_hit_only_its_caller() {
    let store = store().await;
    for (state, code) in [
        ("42501", Code::AccessDenied),
        ("54000", Code::StorageFull),
        ("58030", Code::StorageFailed),
        ("55P03", Code::Locked),
        ("57014", Code::TimedOut),
    ] {
        let refuse = format!(
            "create or replace function refuse() returns trigger language plpgsql as $$ begin \
             if new.name = 'bot 7' then raise exception 'no' using errcode = '{state}'; end if; \
             return new; end $$; \
             create or replace trigger refuse before insert on bots for each row \
             execute function refuse(); truncate bots cascade"
        );
        psql(&store.url(), &refuse).unwrap();
        let rows: Vec<_> = (0..60).map(bot).collect();
        for (row, end) in rows.iter().zip(insert_all(&store.sql, &rows).await) {
            let want = if row.id == 7 { Err((code, String::new())) } else { Ok(()) };
            assert_eq!(end, want, "{row:?}");
        }
        assert_eq!(store.sql.count::<Bot>().await.unwrap(), 59);
    }
}

#[tokio::test]
async fn postgres_inserts_whose_keys_a_trigger_changes_are_never_refused_as_their_own() {
    let store = store().await;
    let shift = "create function shift() returns trigger language plpgsql as $$ begin \
                 new.id := new.id + 1000; return new; end $$; \
                 create trigger shift before insert on bots for each row execute function shift()";
    psql(&store.url(), shift).unwrap();
    store.sql.insert(&bot(20)).await.unwrap();
    let rows: Vec<_> = (0..60).map(bot).collect();
    for (row, end) in rows.iter().zip(insert_all(&store.sql, &rows).await) {
        match end {
            Ok(()) | Err((Code::OutcomeUnknown, _)) => {}
            end => assert_eq!((row.id, end), (20, Err((Code::NotUnique, "id".to_owned())))),
        }
    }
    assert_eq!(store.sql.count::<Bot>().await.unwrap(), 60);
}

/// Nobody confirms what this server commits.
#[tokio::test]
async fn postgres_inserts_are_not_answered_before_the_replicas_have_them() {
    let server = Postgres::start().unwrap();
    let database = server.database();
    let sql = Sql::open(&database.url()).await.unwrap();
    sql.create_table::<Bot>().await.unwrap();
    let replicas = |names: &str| {
        let set = format!("alter system set synchronous_standby_names = '{names}'");
        psql(&database.url(), &set).unwrap();
        psql(&database.url(), "select pg_reload_conf()").unwrap();
    };
    replicas("nobody");
    // Each connection is told by and by.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut inserting = JoinSet::new();
    for id in 0..40 {
        let sql = sql.clone();
        inserting.spawn(async move { sql.insert(&bot(id)).await });
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(inserting.try_join_next().is_none());
    replicas("");
    assert!(inserting.join_all().await.iter().all(Result::is_ok));
}
