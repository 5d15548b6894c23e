//! Batches: all writes or none, in one round trip.

use crate::common;
use std::future::poll_fn;
use std::task::Poll;

use tradebase_core::{Assigned, Code, Error, Record, Timestamp};
use tradebase_sql::{BATCH_WRITES_MAX, Conflict, Isolation, Sql, TxOptions};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "orders", unique(symbol))]
struct Order {
    #[record(key)]
    id: i64,
    symbol: String,
    #[record(created)]
    made: Timestamp,
    #[record(updated)]
    changed: Timestamp,
    #[record(version)]
    version: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Order)]
    order_id: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "remarks")]
struct Remark {
    #[record(key)]
    id: Assigned<i64>,
    text: String,
}

fn order(id: i64, symbol: &str) -> Order {
    let zero = Timestamp::from_micros(0);
    Order { id, symbol: symbol.into(), made: zero, changed: zero, version: 0 }
}

fn other_version() -> Order {
    Order { version: 7, ..order(1, "old") }
}

fn fill(id: i64, order_id: i64) -> Fill {
    Fill { id, order_id }
}

fn remark(text: &str) -> Remark {
    Remark { id: Assigned::New, text: text.into() }
}

/// A row that lives as long as any batch.
fn kept<T>(row: T) -> &'static mut T {
    Box::leak(Box::new(row))
}

async fn tables(sql: &Sql) {
    sql.create_table::<Order>().await.unwrap();
    sql.create_table::<Fill>().await.unwrap();
    sql.create_table::<Remark>().await.unwrap();
}

/// All at one moment: a batch that was cut off may still take effect.
async fn count(sql: &Sql) -> (usize, usize, usize) {
    let options = TxOptions::new().isolation(Isolation::RepeatableRead).read_only();
    let counted = sql.transaction_with(options, |tx| async move {
        let (orders, fills) = (tx.all::<Order>().await?.len(), tx.all::<Fill>().await?.len());
        Ok::<_, Error>((orders, fills, tx.all::<Remark>().await?.len()))
    });
    counted.await.unwrap()
}

promises! {
    async fn all_kinds_of_writes_take_effect_in_their_order(sql: &Sql) {
        tables(sql).await;
        let mut old = order(1, "old");
        sql.insert(&mut old).await.unwrap();
        let (mut new, mut first, mut second) = (order(2, "new"), remark("a"), remark("b"));
        let made = Timestamp::from_micros(5);
        let mut stale = Order { made, symbol: "older".into(), ..old.clone() };
        let mut batch = sql.batch();
        batch.insert(&mut new).unwrap();
        batch.insert(kept(fill(1, 2))).unwrap();
        batch.update(&mut stale).unwrap();
        batch.insert(&mut first).unwrap();
        batch.insert(&mut second).unwrap();
        batch.insert(kept(fill(2, 2))).unwrap();
        batch.delete::<Fill>(&1).unwrap();
        batch.delete::<Fill>(&77).unwrap();
        assert_eq!(batch.len(), 8);
        batch.run().await.unwrap();
        assert_eq!(sql.all::<Order>().await.unwrap(), [stale.clone(), new.clone()]);
        assert_eq!((stale.made, stale.version, new.version), (old.made, 2, 1));
        assert_eq!(sql.all::<Fill>().await.unwrap(), [fill(2, 2)]);
        assert_eq!(sql.all::<Remark>().await.unwrap(), [first, second]);
        sql.batch().run().await.unwrap();
    }

    async fn an_upsert_in_a_batch_says_what_stands_there_then(sql: &Sql) {
        tables(sql).await;
        let mut stored = order(1, "btc");
        sql.insert(&mut stored).await.unwrap();
        let (mut kept, mut replaced, mut fresh) = (order(9, "btc"), order(1, "eth"), order(3, "x"));
        let mut mark = remark("a");
        let (before, keep) = (kept.clone(), Conflict::keep().on(Order::SYMBOL));
        let mut batch = sql.batch();
        batch.upsert(&mut kept, &keep).unwrap();
        batch.upsert(&mut replaced, &Conflict::replace()).unwrap();
        batch.upsert(&mut fresh, &Conflict::set(Order::SYMBOL)).unwrap();
        batch.upsert(&mut mark, &Conflict::replace()).unwrap();
        batch.run().await.unwrap();
        assert_eq!(kept, before);
        assert_eq!((replaced.made, replaced.version), (stored.made, 2));
        assert_eq!(fresh.version, 1);
        assert_eq!(sql.all::<Order>().await.unwrap(), [replaced, fresh]);
        assert_eq!(sql.all::<Remark>().await.unwrap(), [mark]);
    }

    async fn one_write_that_is_refused_undoes_all_and_is_named(sql: &Sql) {
        tables(sql).await;
        let mut stored = order(1, "btc");
        sql.insert(&mut stored).await.unwrap();
        let before = stored.clone();
        type Add = fn(&mut tradebase_sql::Batch<'_>) -> Result<(), Error>;
        let cases: [(Add, Code, &str); 5] = [
            (|batch| batch.insert(kept(fill(1, 99))), Code::BrokenReference, "order_id"),
            (|batch| batch.insert(kept(order(7, "btc"))), Code::NotUnique, "symbol"),
            (|batch| batch.update(kept(fill(1, 1))), Code::NotFound, "no row"),
            (|batch| batch.update(kept(order(8, "none"))), Code::NotFound, "no row"),
            (|batch| batch.update(kept(other_version())), Code::VersionConflict, "version than 7"),
        ];
        for (add, code, names) in cases {
            let mut new = order(5, "new");
            let unstamped = new.clone();
            let mut batch = sql.batch();
            batch.insert(&mut new).unwrap();
            batch.update(&mut stored).unwrap();
            add(&mut batch).unwrap();
            batch.delete::<Order>(&1).unwrap();
            let error = batch.run().await.unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            let text = error.to_string();
            assert!(text.contains("write 3 of the batch") && text.contains(names), "{text}");
            assert_eq!((&new, &stored), (&unstamped, &before), "as they were");
            assert_eq!(sql.all::<Order>().await.unwrap(), std::slice::from_ref(&before));
        }
        assert_eq!(count(sql).await, (1, 0, 0));
    }

    async fn a_row_that_the_same_batch_inserts_is_found_by_it(sql: &Sql) {
        tables(sql).await;
        let mut batch = sql.batch();
        batch.insert(kept(order(1, "a"))).unwrap();
        batch.update(kept(Order { version: 1, ..order(1, "b") })).unwrap();
        batch.run().await.unwrap();
        let mut batch = sql.batch();
        batch.insert(kept(order(2, "c"))).unwrap();
        batch.update(kept(Order { version: 7, ..order(2, "d") })).unwrap();
        assert_eq!(batch.run().await.unwrap_err().code(), Code::VersionConflict);
        assert_eq!(count(sql).await, (1, 0, 0));
    }

    async fn a_batch_in_a_transaction_is_part_of_it(sql: &Sql) {
        tables(sql).await;
        let undone = sql.transaction(|tx| async move {
            let mut batch = tx.batch();
            batch.insert(kept(order(1, "a")))?;
            batch.insert(kept(fill(1, 1)))?;
            batch.run().await?;
            assert!(tx.get::<Fill>(&1).await?.is_some());
            Err::<(), _>(Error::new(Code::Invalid, "on purpose"))
        });
        undone.await.unwrap_err();
        assert_eq!(count(sql).await, (0, 0, 0));
        let done = sql.transaction(|tx| async move {
            tx.insert(kept(order(1, "a"))).await?;
            let mut batch = tx.batch();
            batch.insert(kept(fill(1, 1)))?;
            batch.update(kept(fill(2, 1)))?;
            // Found by the statement, not refused by the engine: the transaction goes on.
            assert_eq!(batch.run().await.unwrap_err().code(), Code::NotFound);
            tx.insert(kept(fill(3, 1))).await?;
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(sql.all::<Fill>().await.unwrap(), [fill(3, 1)]);
    }

    async fn a_key_that_the_caller_brought_is_not_assigned_again(sql: &Sql) {
        tables(sql).await;
        let mut brought = Remark { id: Assigned::Is(2), text: "brought".into() };
        let mut others = [remark("a"), remark("b")];
        let mut batch = sql.batch();
        batch.insert(&mut brought).unwrap();
        others.iter_mut().for_each(|other| batch.insert(other).unwrap());
        batch.run().await.unwrap();
        assert_eq!(count(sql).await, (0, 0, 3));
    }

    async fn a_large_batch_is_sent_whole(sql: &Sql) {
        tables(sql).await;
        sql.insert(&mut order(1, "a")).await.unwrap();
        let fills: Vec<_> = (0..10_000).map(|id| fill(id, 1)).collect();
        let mut batch = sql.batch();
        for fill in &fills {
            batch.insert(fill).unwrap();
        }
        assert_eq!(batch.len(), BATCH_WRITES_MAX);
        assert_eq!(batch.insert(kept(fill(-1, 1))).unwrap_err().code(), Code::Invalid);
        batch.run().await.unwrap();
        assert_eq!(sql.all::<Fill>().await.unwrap(), fills);
    }

    async fn a_batch_dropped_at_any_point_is_whole_or_not_there(sql: &Sql) {
        tables(sql).await;
        for polls in 0..200 {
            let mut batch = sql.batch();
            batch.insert(kept(order(polls, &polls.to_string()))).unwrap();
            batch.insert(kept(fill(polls, polls))).unwrap();
            let mut run = Box::pin(batch.run());
            let mut polled = 0;
            let ended = poll_fn(|context| {
                polled += 1;
                let ended = run.as_mut().poll(context).is_ready();
                if ended || polled > polls { Poll::Ready(ended) } else { Poll::Pending }
            });
            let ended = ended.await;
            drop(run);
            let (orders, fills, _) = count(sql).await;
            assert_eq!(orders, fills, "{polls}");
            if ended {
                // SQLite waits but once: for the commit.
                assert!(polls > 0);
                return;
            }
        }
        panic!("it never ends");
    }
}
