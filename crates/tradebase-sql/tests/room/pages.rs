//! Pages by number, and by what comes behind a row.

use crate::common;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::Dice;
use common::records::{Event, EventId, Venue, events};
use tradebase_core::{Code, Filter, Order, Record, Row, Secret, Uuid, Value};
use tradebase_sql::{Cursor, Find, Sql, SqlOptions};

/// All rows by slices of that size; each cursor goes through its text.
async fn by_slices<'a, T: Record>(find: impl Fn() -> Find<'a, T>, size: u32) -> Vec<T> {
    let (mut found, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let slice = find().keyset(size).after(cursor.as_ref()).load().await.unwrap();
        assert!(slice.items.len() <= usize::try_from(size).unwrap());
        assert!(slice.items.len() == usize::try_from(size).unwrap() || slice.next.is_none());
        found.extend(slice.items);
        cursor = match slice.next {
            Some(next) => Some(next.to_string().parse().unwrap()),
            None => return found,
        };
    }
}

type Orders = fn() -> Vec<Order<Event>>;

/// Orders by columns of every kind, in both directions, with nulls at both ends, alone and
/// together.
const ORDERS: &[Orders] = &[
    Vec::new,
    || vec![Event::FLAG.asc()],
    || vec![Event::SMALL.desc()],
    || vec![Event::RATIO.asc()],
    || vec![Event::PRICE.desc()],
    || vec![Event::FRACTION.asc()],
    || vec![Event::PNL.desc()],
    || vec![Event::SYMBOL.asc()],
    || vec![Event::DATA.desc()],
    || vec![Event::OTHER.asc()],
    || vec![Event::AT.desc()],
    || vec![Event::AT_NS.asc()],
    || vec![Event::DAY.desc()],
    || vec![Event::SIDE.asc()],
    || vec![Event::SYMBOL.asc(), Event::FLAG.asc()],
    || vec![Event::SYMBOL.desc(), Event::FLAG.asc(), Event::CODE.desc()],
    || vec![Event::FLAG_OR.asc()],
    || vec![Event::FLAG_OR.desc().nulls_first()],
    || vec![Event::TEXT_OR.asc().nulls_last()],
    || vec![Event::TEXT_OR.desc()],
    || vec![Event::RATIO_OR.desc().nulls_first(), Event::TEXT_OR.asc()],
    || vec![Event::SIDE_OR.asc().nulls_last(), Event::STATUS_OR.desc(), Event::SYMBOL.asc()],
    || vec![Event::PNL_OR.asc(), Event::PRICE_OR.desc().nulls_first()],
    || vec![Event::DATA_OR.desc(), Event::OTHER_OR.asc(), Event::DAY_OR.asc().nulls_last()],
    || vec![Event::AT_OR.asc().nulls_last(), Event::AT_NS_OR.desc()],
    || vec![Event::LARGE.asc(), Event::ID.desc()],
    || vec![Event::SYMBOL.asc(), Event::SYMBOL.desc()],
    || vec![Event::FLAG_OR.asc(), Event::SIDE.desc(), Event::FLAG_OR.desc().nulls_first()],
    || vec![Event::SYMBOL.asc(), Event::ID.desc(), Event::LARGE.asc()],
];

fn ordered<'a>(sql: &'a Sql, orders: &Orders) -> Find<'a, Event> {
    orders().into_iter().fold(sql.find(), Find::order_by)
}

promises! {
    async fn a_page_is_a_part_of_the_whole_with_its_total(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(80, 95);
        sql.insert_many(&rows).await.unwrap();
        rows.retain(|row| row.large < 90);
        rows.sort_by_key(|row| std::cmp::Reverse(row.large));
        let find = || sql.find().filter(Event::LARGE.lt(90)).order_by(Event::LARGE.desc());
        for (number, range) in [(1, 0..20), (3, 40..60), (5, 80..90), (6, 90..90), (999, 90..90)] {
            let page = find().page(number, 20).await.unwrap();
            assert_eq!(page.items, rows[range]);
            assert_eq!((page.number, page.size, page.total, page.pages()), (number, 20, 90, 5));
        }
        let all = sql.find::<Event>().page(1, u32::MAX).await.unwrap();
        assert_eq!((all.items.len(), all.total, all.pages()), (95, 95, 1));
        let none = sql.find().filter(Event::LARGE.lt(0)).page(1, 10).await.unwrap();
        assert_eq!((none.items.len(), none.total, none.pages()), (0, 0, 0));
        let related = sql.find().filter(Event::LARGE.lt(7)).select::<Short>().page(2, 3).await;
        let related = related.unwrap();
        assert_eq!((related.items.len(), related.total), (3, 7));
    }

    async fn a_page_that_cannot_be_is_refused_by_field(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for (number, size, field) in
            [(0, 1, "number"), (1, 0, "size"), (u64::MAX, 2, "number"), (1 << 62, 4, "number")]
        {
            let error = sql.find::<Event>().page(number, size).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some(field)));
        }
        assert_eq!(sql.find::<Event>().page(1 << 60, 4).await.unwrap().total, 0);
        let error = sql.find::<Event>().limit(3).page(1, 1).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        let error = sql.find::<Event>().keyset(0).load().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("size")));
        let error = sql.find::<Event>().offset(3).keyset(1).load().await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
    }

    async fn slices_make_the_whole_in_every_order(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(81, 60)).await.unwrap();
        for (number, orders) in ORDERS.iter().enumerate() {
            let whole = match orders().is_empty() {
                true => sql.find::<Event>().order_by(Event::ID.asc()).all().await.unwrap(),
                false => ordered(sql, orders).all().await.unwrap(),
            };
            for size in [7, 30, 59, 60, 61, u32::MAX] {
                let found = by_slices(|| ordered(sql, orders), size).await;
                assert_eq!(found, whole, "order {number} by {size}");
            }
        }
        let venue = |day: i32, name: &str| Venue {
            day: tradebase_core::Date::from_days(day),
            name: name.into(),
            place: common::records::Place { city: "x".into(), zip: None },
            opened: tradebase_core::TimestampNs::default(),
        };
        sql.create_table::<Venue>().await.unwrap();
        let venues: Vec<_> =
            (0..6).flat_map(|day| ["a", "b", "c"].map(|name| venue(day, name))).collect();
        sql.insert_many(&venues).await.unwrap();
        assert_eq!(by_slices(|| sql.find::<Venue>(), 4).await, venues);
    }

    async fn slices_of_a_projection_and_a_filter_go_on_too(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(82, 50)).await.unwrap();
        let find = || {
            sql.find()
                .filter(Event::LARGE.ge(5).and(Event::SYMBOL.ne("a").or(Event::FLAG.eq(true))))
                .order_by(Event::AT.desc())
        };
        let whole = find().column(Event::LARGE).all().await.unwrap();
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let slice = find().column(Event::LARGE).keyset(4).after(cursor.as_ref()).load().await;
            let slice = slice.unwrap();
            found.extend(slice.items);
            cursor = slice.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(whole.len() > 8);
        assert_eq!(found, whole);
    }

    async fn a_cursor_of_another_question_is_refused(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.create_table::<Venue>().await.unwrap();
        sql.insert_many(&events(83, 20)).await.unwrap();
        let find = || sql.find().filter(Event::LARGE.lt(15)).order_by(Event::AT.asc());
        let cursor = find().keyset(5).load().await.unwrap().next.unwrap();
        assert_eq!(find().keyset(3).after(&cursor).load().await.unwrap().items.len(), 3);
        let others = [
            sql.find::<Event>().order_by(Event::AT.asc()),
            sql.find().filter(Event::LARGE.lt(16)).order_by(Event::AT.asc()),
            sql.find().filter(Event::LARGE.le(15)).order_by(Event::AT.asc()),
            sql.find().filter(!Event::LARGE.lt(15)).order_by(Event::AT.asc()),
            find().filter(Event::FLAG.eq(true)),
            sql.find().filter(Event::LARGE.lt(15)).order_by(Event::AT.desc()),
            sql.find().filter(Event::LARGE.lt(15)).order_by(Event::AT_OR.asc()),
            sql.find().filter(Event::LARGE.lt(15)),
            find().order_by(Event::FLAG.asc()),
        ];
        for other in others {
            let error = other.keyset(5).after(&cursor).load().await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("cursor")));
            assert!(error.to_string().contains("begin again"), "{error}");
        }
        let error = sql.find::<Venue>().keyset(5).after(&cursor).load().await.unwrap_err();
        assert_eq!(error.column_name(), Some("cursor"));
        let text = cursor.to_string();
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let Ok(altered) = altered.parse::<Cursor>() else { continue };
            let error = find().keyset(5).after(&altered).load().await.unwrap_err();
            assert_eq!(error.column_name(), Some("cursor"), "{at}");
        }
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
        assert!(serde_json::from_str::<Cursor>("\"x\"").is_err());
    }

    async fn pages_work_in_a_transaction(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(84, 20)).await.unwrap();
        sql.transaction(|tx| async move {
            tx.delete_where(Event::LARGE.ge(18)).await?;
            let page = tx.find::<Event>().order_by(Event::AT.asc()).page(2, 10).await?;
            assert_eq!((page.items.len(), page.total), (8, 18));
            let found = by_slices(|| tx.find::<Event>().order_by(Event::TEXT_OR.asc()), 5).await;
            assert_eq!(found.len(), 18);
            Ok::<(), tradebase_core::Error>(())
        })
        .await
        .unwrap();
    }

    async fn slices_lose_and_repeat_nothing_while_others_write(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        // Those that stay have even numbers.
        let rows = events(85, 1200);
        sql.insert_many(&rows).await.unwrap();
        let stay: BTreeSet<Uuid> =
            rows.iter().filter(|row| row.large % 2 == 0).map(|row| row.id.0).collect();
        let ended = Arc::new(AtomicBool::new(false));
        let mut others = tokio::task::JoinSet::new();
        for seed in 0..3 {
            let (sql, ended, rows) = (sql.clone(), ended.clone(), rows.clone());
            others.spawn(async move {
                let mut dice = Dice::new(850 + seed);
                let mut changes = 0;
                while !ended.load(Ordering::Relaxed) {
                    let row = dice.one(&rows);
                    if row.large % 2 == 1 {
                        match dice.below(2) {
                            0 => drop(sql.delete::<Event>(&row.id).await.unwrap()),
                            _ => drop(sql.insert(row).await),
                        }
                        changes += 1;
                    }
                }
                changes
            });
        }
        let orders: [Orders; 3] = [
            || vec![Event::SYMBOL.asc(), Event::FLAG.desc()],
            || vec![Event::TEXT_OR.desc().nulls_first()],
            Vec::new,
        ];
        let mut slices = 0;
        for round in 0..6 {
            let (mut seen, mut cursor) = (BTreeSet::new(), None);
            loop {
                let find = ordered(sql, &orders[round % 3]).filter(Filter::all());
                let slice = find.keyset(17).after(cursor.as_ref()).load().await.unwrap();
                for EventId(id) in slice.items.iter().map(|row| row.id) {
                    assert!(seen.insert(id), "a row comes twice");
                }
                slices += 1;
                // The others run on this thread too.
                tokio::time::sleep(Duration::from_millis(1)).await;
                cursor = slice.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(stay.difference(&seen).count(), 0, "rows that stay are left out");
        }
        ended.store(true, Ordering::Relaxed);
        let changes: i32 = others.join_all().await.into_iter().sum();
        assert!(slices >= 200 && changes > 10, "{slices} slices, {changes} changes");
    }
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Short {
    symbol: String,
    large: i64,
}

#[tokio::test]
async fn sqlite_takes_only_cursors_of_its_key() {
    let open = |key: Option<&str>| {
        let options = SqlOptions::new("sqlite::memory:").create_tables([Event::TABLE]);
        let options = match key {
            Some(key) => options.cursor_key(Secret::new(key)),
            None => options,
        };
        async move {
            let sql = Sql::open_with(options).await.unwrap();
            sql.insert_many(&events(86, 9)).await.unwrap();
            sql
        }
    };
    const KEY: &str = "sixteen bytes ok";
    const OTHER: &str = "and sixteen more";
    let stores = [open(None).await, open(Some(KEY)).await, open(Some(OTHER)).await];
    for (i, from) in stores.iter().enumerate() {
        let cursor = from.find::<Event>().keyset(4).load().await.unwrap().next.unwrap();
        for (j, to) in stores.iter().enumerate() {
            let slice = to.find::<Event>().keyset(4).after(&cursor).load().await;
            assert_eq!(slice.is_ok(), i == j, "{i} {j}");
        }
    }
}

#[tokio::test]
async fn sqlite_keys_of_cursors_that_can_be_guessed_are_refused() {
    for key in ["", "x", "fifteen bytes..", "\u{e9}1234567890123"] {
        let options = SqlOptions::new("sqlite::memory:").cursor_key(Secret::new(key));
        let error = Sql::later(options).unwrap_err();
        assert_eq!(error.code(), Code::Config, "{key}");
        assert!(error.to_string().contains("at least 16 bytes"), "{error}");
        assert!(key.len() < 2 || !error.to_string().contains(key), "{error}");
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "ticks", index(symbol, at))]
struct Tick {
    #[record(key)]
    id: i64,
    symbol: String,
    at: i64,
    #[record(index)]
    venue: Option<String>,
}

/// What an engine says of how it finds the rows of the last call.
async fn plan(sql: &Sql) -> String {
    let call = sql.slow_calls().pop().unwrap();
    let text = call.statement.unwrap();
    let explain =
        if sql.capabilities().engine == "sqlite" { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let mark = if sql.capabilities().engine == "sqlite" { '?' } else { '$' };
    // Text is read as whatever it is compared with.
    let values = (1..).take_while(|number| text.contains(&format!("{mark}{number}")));
    let values = values.map(|_| Value::Text("1000".into()));
    let found = sql
        .query_values(common::built(format!("{explain} {text}")), &values.collect::<Vec<_>>())
        .await;
    format!("{text}: {:?}", found.unwrap().rows)
}

mod plans {
    use super::*;

    addressed! {
        async fn an_index_finds_the_place_of_a_cursor_and_the_prefix_of_a_pattern(url: &str) {
            let options = SqlOptions::new(url).slow_after(Duration::ZERO);
            let options = options.create_tables([Tick::TABLE]);
            let sql = Sql::open_with(options).await.unwrap();
            let symbols = ["ADA", "BTC", "ETH", "XRP"];
            let tick = |id: i64| Tick {
                id,
                symbol: symbols[usize::try_from(id % 4).unwrap()].into(),
                at: id / 4,
                venue: Some(format!("venue {}", id % 100)),
            };
            sql.insert_many(&(0..20_000).map(tick).collect::<Vec<_>>()).await.unwrap();
            sql.execute("ANALYZE", &[]).await.unwrap();
            let searches = |plan: &str, index: &str| {
                let by_index = plan.contains(&format!("SEARCH ticks USING INDEX {index}"))
                    || plan.contains(&format!("Index Scan using {index}"))
                        && plan.contains("Index Cond");
                assert!(by_index && !plan.contains("Seq Scan"), "{plan}");
            };
            let find = || sql.find::<Tick>().order_by(Tick::SYMBOL.asc()).order_by(Tick::AT.asc());
            let first = find().keyset(10).load().await.unwrap();
            let second = find().keyset(10).after(first.next.as_ref()).load().await.unwrap();
            assert_eq!(second.items[0], tick(40));
            searches(&plan(&sql).await, "ticks__symbol__at__index");
            let up = || sql.find::<Tick>().order_by(Tick::SYMBOL.asc());
            let mixed = || up().order_by(Tick::AT.desc());
            let first = mixed().keyset(10).load().await.unwrap();
            let second = mixed().keyset(10).after(first.next.as_ref()).load().await.unwrap();
            assert_eq!(second.items[0], tick((4_999 - 10) * 4));
            let venues = || sql.find::<Tick>().order_by(Tick::VENUE.asc());
        let first = venues().keyset(10).load().await.unwrap();
        let second = venues().keyset(10).after(first.next.as_ref()).load().await.unwrap();
        assert_eq!(second.items[0].venue.as_deref(), Some("venue 0"));
        searches(&plan(&sql).await, "ticks__venue__index");
        let found = sql.find().filter(Tick::VENUE.starts_with("venue 77")).limit(5).all().await;
            assert_eq!(found.unwrap()[0], tick(77));
            searches(&plan(&sql).await, "ticks__venue__index");
            let like = Tick::VENUE.like("venue 7_").and(Tick::ID.lt(100));
            assert_eq!(sql.find().filter(like).all().await.unwrap().len(), 10);
            sql.close().await.unwrap();
        }
    }
}
