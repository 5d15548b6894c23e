//! Finds: random conditions against an evaluation in memory, orders, limits.

use crate::common;
use std::collections::BTreeSet;

use common::Dice;
use common::model::Model;
use common::records::{Event, Pnl, Side, any_units, by_key, events, text, units};
use tradebase_core::{
    Code, Date, Decimal, Filter, Order, Pattern, Put, Record, Result, Row, Value,
};
use tradebase_sql::{RowStream, Sql};

/// A random comparison of one column with values that some rows have.
macro_rules! compare_some {
    ($dice:ident, $col:expr, $value:expr) => {{
        let col = $col;
        match $dice.below(9) {
            0 => col.eq($value),
            1 => col.ne($value),
            2 => col.lt($value),
            3 => col.le($value),
            4 => col.gt($value),
            5 => col.ge($value),
            6 => col.is_null(),
            7 => col.is_not_null(),
            _ => {
                let count = $dice.below(4);
                col.one_of((0..count).map(|_| $value).collect::<Vec<_>>())
            }
        }
    }};
}

fn leaf(dice: &mut Dice, rows: &[Event]) -> Filter<Event> {
    match dice.below(22) {
        0 => compare_some!(dice, Event::FLAG, dice.below(2) == 0),
        1 => compare_some!(dice, Event::SMALL, dice.one(rows).small),
        2 => compare_some!(dice, Event::MEDIUM, dice.one(rows).medium),
        3 => compare_some!(dice, Event::LARGE, dice.one(rows).large),
        4 => compare_some!(dice, Event::UNSIGNED, dice.one(rows).unsigned),
        5 => compare_some!(dice, Event::RATIO, dice.one(rows).ratio),
        6 => compare_some!(dice, Event::PRICE, units(any_units(dice, 18), 8)),
        7 => compare_some!(dice, Event::FRACTION, dice.one(rows).fraction),
        8 => compare_some!(dice, Event::PNL, dice.one(rows).pnl),
        9 => compare_some!(dice, Event::SYMBOL, text(dice)),
        10 => compare_some!(dice, Event::DATA, dice.one(rows).data.clone()),
        11 => compare_some!(dice, Event::OTHER, dice.one(rows).other),
        12 => compare_some!(dice, Event::AT, dice.one(rows).at),
        13 => compare_some!(dice, Event::AT_NS, dice.one(rows).at_ns),
        14 => compare_some!(dice, Event::DAY, dice.one(rows).day),
        15 => compare_some!(dice, Event::SIDE, *dice.one(&[Side::Buy, Side::Sell])),
        // An Option may be compared with null, which is neither.
        16 => compare_some!(dice, Event::TEXT_OR, dice.one(rows).text_or.clone()),
        17 => compare_some!(dice, Event::PNL_OR, dice.one(rows).pnl_or),
        18 => compare_some!(dice, Event::RATIO_OR, dice.one(rows).ratio_or),
        19 => compare_some!(dice, Event::DATA_OR, dice.one(rows).data_or.clone()),
        20 => compare_some!(dice, Event::OTHER_OR, dice.one(rows).other_or),
        _ => Filter::all(),
    }
}

fn random(dice: &mut Dice, rows: &[Event], depth: u64) -> Filter<Event> {
    match dice.below(if depth == 0 { 1 } else { 5 }) {
        0 | 1 => leaf(dice, rows),
        2 => random(dice, rows, depth - 1).and(random(dice, rows, depth - 1)),
        3 => random(dice, rows, depth - 1).or(random(dice, rows, depth - 1)),
        _ => !random(dice, rows, depth - 1),
    }
}

promises! {
    async fn a_find_finds_what_a_plain_evaluation_finds(sql: &Sql) {
        let rows = events(40, 80);
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&rows).await.unwrap();
        let values: Vec<_> = rows.iter().map(|row| Value::row(row).unwrap()).collect();
        let model = Model { tables: Vec::new() };
        let mut between = 0;
        for seed in 0..300 {
            let make = || random(&mut Dice::new(1000 + seed), &rows, 3);
            let condition = make().into_condition().unwrap();
            let want: Vec<_> = rows
                .iter()
                .zip(&values)
                .filter(|(_, values)| model.passes(&condition, values))
                .map(|(row, _)| row.clone())
                .collect();
            let found = sql.find().filter(make()).order_by(Event::ID.asc()).all().await.unwrap();
            assert_eq!(found.len(), want.len(), "{seed}: {condition:?}");
            assert_eq!(found, by_key(want), "{seed}: {condition:?}");
            between += usize::from((1..80).contains(&found.len()));
        }
        // Conditions that find nothing, or everything, prove little.
        assert!(between > 100, "{between}");
    }

    async fn nulls_come_first_going_up_and_last_going_down(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(41, 200);
        sql.insert_many(&rows).await.unwrap();
        rows.sort_by_key(|row| (row.text_or.clone(), row.id.0));
        let found = sql.find::<Event>().order_by(Event::TEXT_OR.asc()).all().await.unwrap();
        assert_eq!(found, rows);
        assert_eq!((found[0].text_or.as_deref(), found[199].text_or.is_some()), (None, true));
        let found = sql.find::<Event>().order_by(Event::TEXT_OR.desc()).all().await.unwrap();
        rows.reverse();
        assert_eq!(found, rows);
        rows.sort_by_key(|row| (row.pnl_or.map(|p| p.0), row.id.0));
        let found = sql.find::<Event>().order_by(Event::PNL_OR.asc()).all().await.unwrap();
        assert_eq!(found, rows);
    }

    async fn texts_are_ordered_by_code_point(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(42, 150);
        sql.insert_many(&rows).await.unwrap();
        let found = sql
            .find::<Event>()
            .order_by(Event::SYMBOL.asc())
            .order_by(Event::LARGE.desc())
            .all()
            .await
            .unwrap();
        rows.sort_by(|a, b| a.symbol.cmp(&b.symbol).then(b.large.cmp(&a.large)));
        assert_eq!(found, rows);
    }

    async fn a_limit_cuts_the_order(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(43, 150);
        sql.insert_many(&rows).await.unwrap();
        rows.sort_by_key(|row| std::cmp::Reverse(row.large));
        for limit in [0, 1, 64, 65, 149, 150, 1000, u32::MAX] {
            let find = sql.find::<Event>().order_by(Event::LARGE.desc()).limit(limit);
            let count = usize::try_from(limit).unwrap().min(150);
            assert_eq!(find.all().await.unwrap(), rows[..count]);
        }
        let first = sql.find::<Event>().order_by(Event::LARGE.desc()).first().await.unwrap();
        assert_eq!(first.as_ref(), rows.first());
        let none = sql.find::<Event>().filter(Event::LARGE.lt(0)).first().await.unwrap();
        assert_eq!(none, None);
    }

    async fn two_filters_are_both_passed(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(44, 50)).await.unwrap();
        let found = sql
            .find::<Event>()
            .filter(Event::LARGE.ge(10))
            .filter(Event::LARGE.lt(20))
            .all()
            .await
            .unwrap();
        assert_eq!(found.len(), 10);
        assert_eq!(sql.find::<Event>().filter(Filter::all()).all().await.unwrap().len(), 50);
    }

    async fn a_value_that_its_column_refuses_fails_the_find(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for filter in [
            Event::SYMBOL.eq("a\0b"),
            Event::PNL.eq(Pnl(units(1, 11))),
            !Event::HUGE.one_of([1, u64::MAX]),
        ] {
            let error = sql.find::<Event>().filter(filter).all().await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("find")));
        }
    }

    async fn values_stay_out_of_the_statement(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = events(45, 20);
        sql.insert_many(&rows).await.unwrap();
        for text in ["' OR 1=1 --", "\"; DROP TABLE events; --", "$1", "?1", "%", "\\"] {
            let filter = Event::SYMBOL.eq(text).or(Event::SYMBOL.one_of([text, text]));
            assert_eq!(sql.find::<Event>().filter(filter).all().await.unwrap(), []);
        }
        assert_eq!(sql.all::<Event>().await.unwrap().len(), 20);
    }

    async fn filters_nest_as_deep_as_declared_and_no_deeper(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(46, 20)).await.unwrap();
        let nested = |depth: i64| {
            (0..depth).fold(Event::LARGE.eq(0), |filter, i| filter.or(Event::LARGE.eq(i)))
        };
        let found = sql.find::<Event>().filter(nested(390)).all().await.unwrap();
        assert_eq!(found.len(), 20);
        let error = sql.find::<Event>().filter(nested(500)).all().await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        let many = Event::LARGE.one_of(0..100_000);
        assert_eq!(sql.find::<Event>().filter(many).all().await.unwrap().len(), 20);
    }

    async fn json_is_compared_with_null_only(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(47, 5)).await.unwrap();
        let at = Event::TABLE.position("notes").unwrap();
        let order = tradebase_core::Col::<Event, String>::new(at).asc();
        let error = sql.find::<Event>().order_by(order).all().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("notes")));
    }

    async fn more_shapes_of_finds_than_are_kept_prepared_all_work(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(48, 5)).await.unwrap();
        for i in 0..300_u64 {
            let mut filter = Event::LARGE.ge(0);
            for bit in 0..9 {
                let next = if i >> bit & 1 == 1 { Event::LARGE.ge(0) } else { Event::LARGE.lt(5) };
                filter = filter.and(next);
            }
            assert_eq!(sql.find::<Event>().filter(filter).all().await.unwrap().len(), 5);
        }
    }

    async fn one_is_the_only_one(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(49, 20)).await.unwrap();
        let find = |filter| sql.find::<Event>().filter(filter);
        assert_eq!(find(Event::LARGE.eq(7)).one().await.unwrap().large, 7);
        let error = find(Event::LARGE.eq(99)).one().await.unwrap_err();
        assert_eq!((error.code(), error.record()), (Code::NotFound, Some("Event")));
        let error = find(Event::LARGE.lt(2)).one().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::NotOne, Some("find")));
        assert!(find(Event::LARGE.eq(99)).at_most_one().await.unwrap().is_none());
        assert_eq!(find(Event::LARGE.eq(3)).at_most_one().await.unwrap().unwrap().large, 3);
        let error = find(Event::LARGE.lt(9)).at_most_one().await.unwrap_err();
        assert_eq!(error.code(), Code::NotOne);
        // A limit of one makes sure of it.
        let first = find(Event::LARGE.lt(9)).order_by(Event::LARGE.desc()).limit(1).one().await;
        assert_eq!(first.unwrap().large, 8);
    }

    async fn limit_and_offset_bound_rows_counts_and_being_there(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(50, 30);
        sql.insert_many(&rows).await.unwrap();
        rows.sort_by_key(|row| row.large);
        let find = || sql.find().filter(Event::LARGE.ge(10)).order_by(Event::LARGE.asc());
        for (offset, limit, range) in [
            (0, None, 10..30),
            (5, None, 15..30),
            (5, Some(3), 15..18),
            (18, Some(5), 28..30),
            (20, Some(5), 30..30),
            (u64::MAX, None, 30..30),
            (0, Some(0), 30..30),
        ] {
            let some = || match limit {
                Some(limit) => find().offset(offset).limit(limit),
                None => find().offset(offset),
            };
            let want = &rows[range];
            assert_eq!(some().all().await.unwrap(), want);
            assert_eq!(some().first().await.unwrap().as_ref(), want.first());
            assert_eq!(some().count().await.unwrap(), want.len() as u64);
            assert_eq!(some().exists().await.unwrap(), !want.is_empty());
        }
        assert!(!sql.find().filter(Event::LARGE.gt(100)).exists().await.unwrap());
        let error = sql.find().filter(Event::SYMBOL.eq("a\0b")).count().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("count")));
    }

    async fn a_projection_reads_the_columns_it_names(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(51, 40);
        sql.insert_many(&rows).await.unwrap();
        rows.sort_by_key(|row| row.large);
        let find = || sql.find::<Event>().order_by(Event::LARGE.asc());
        let want: Vec<_> = rows.iter().map(Part::of).collect();
        assert_eq!(find().select::<Part>().all().await.unwrap(), want);
        assert_eq!(find().select::<Part>().first().await.unwrap().as_ref(), want.first());
        let one = sql.find().filter(Event::LARGE.eq(4)).select::<Part>().one().await.unwrap();
        assert_eq!(one, want[4]);
        let pair = find().select::<(Part, Part)>().limit(1).one().await.unwrap();
        assert_eq!(pair, (want[0].clone(), want[0].clone()));
        let prices = find().column(Event::PRICE).all().await.unwrap();
        assert_eq!(prices, rows.iter().map(|row| row.price).collect::<Vec<_>>());
        let texts = find().column(Event::TEXT_OR).all().await.unwrap();
        assert_eq!(texts, rows.iter().map(|row| row.text_or.clone()).collect::<Vec<_>>());
    }

    async fn a_projection_that_does_not_fit_is_refused_by_column(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let cases = [
            (sql.find::<Event>().select::<Lacking>().all().await.unwrap_err(), "amount"),
            (sql.find::<Event>().select::<Wide>().all().await.unwrap_err(), "small"),
            (sql.find::<Event>().select::<Coarse>().all().await.unwrap_err(), "price"),
            (sql.find::<Event>().select::<Sure>().all().await.unwrap_err(), "text_or"),
            (sql.find::<Event>().select::<Sure>().count().await.unwrap_err(), "text_or"),
        ];
        for (error, column) in cases {
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some(column)));
        }
        assert!(sql.find::<Event>().select::<Sure>().stream().await.is_err());
    }

    async fn distinct_rows_come_once(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = events(52, 150);
        sql.insert_many(&rows).await.unwrap();
        let want: BTreeSet<_> = rows.iter().map(|row| row.symbol.clone()).collect();
        let symbols = || sql.find().column(Event::SYMBOL).distinct().order_by(Event::SYMBOL.asc());
        let found = symbols().all().await.unwrap();
        assert_eq!(found, want.iter().cloned().collect::<Vec<_>>());
        assert_eq!(symbols().offset(1).limit(2).all().await.unwrap(), found[1..3]);
        let want: BTreeSet<_> = rows.iter().map(|row| row.flag_or).collect();
        let flags = sql.find().column(Event::FLAG_OR).distinct().order_by(Event::FLAG_OR.asc());
        assert_eq!(flags.all().await.unwrap(), want.into_iter().collect::<Vec<_>>());
        let find = || sql.find().column(Event::SYMBOL).distinct();
        let error = find().order_by(Event::LARGE.asc()).all().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("large")));
        assert_eq!(find().count().await.unwrap_err().code(), Code::Unsupported);
        assert!(find().exists().await.unwrap());
        let error = sql.find::<Event>().distinct().all().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("notes")));
    }

    async fn nulls_come_where_the_order_says(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = events(53, 120);
        sql.insert_many(&rows).await.unwrap();
        type Make = fn() -> Order<Event>;
        let orders: [(Make, bool, bool); 6] = [
            (|| Event::TEXT_OR.asc(), false, true),
            (|| Event::TEXT_OR.asc().nulls_first(), false, true),
            (|| Event::TEXT_OR.asc().nulls_last(), false, false),
            (|| Event::TEXT_OR.desc(), true, false),
            (|| Event::TEXT_OR.desc().nulls_last(), true, false),
            (|| Event::TEXT_OR.desc().nulls_first(), true, true),
        ];
        for (order, down, first) in orders {
            let mut want: Vec<_> = rows.iter().map(|row| (row.text_or.clone(), row.id.0)).collect();
            want.sort();
            if down {
                want.reverse();
            }
            want.sort_by_key(|(text, _)| text.is_none() != first);
            let found = sql.find::<Event>().order_by(order()).all().await.unwrap();
            let found: Vec<_> = found.into_iter().map(|row| (row.text_or, row.id.0)).collect();
            assert_eq!(found, want, "down {down}, nulls first {first}");
        }
    }

    async fn patterns_mean_the_same_everywhere(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut dice = Dice::new(54);
        const PARTS: [&str; 25] = [
            "%", "_", "\\", "*", "?", "[", "]", "^", "-", "a", "A", "ab", "ä", "Ä", "🦀", "'", "\"",
            "\u{d7ff}", "\u{e000}", "\u{10ffff}", " ", "[a-z]", "\u{fffd}", "\u{fffe}", "\u{ffff}",
        ];
        let mut word = |most: u64| {
            let count = dice.below(most);
            (0..count).map(|_| *dice.one(&PARTS)).collect::<String>()
        };
        let mut rows = events(54, 400);
        for row in &mut rows {
            row.symbol = word(4);
            row.text_or = (row.large % 5 != 0).then(|| word(5));
        }
        sql.insert_many(&rows).await.unwrap();
        let mut matched = 0;
        for number in 0..400 {
            let plain = word(4);
            let pattern = match number % 4 {
                0 => Pattern::starting_with(&plain),
                1 => Pattern::containing(&plain),
                2 => Pattern::ending_with(&plain),
                // A \ that stands before no special character is not allowed.
                _ => Pattern::new(plain.replace('\\', "\\\\").replace("[a-z]", "\\%")),
            };
            let pattern = if number % 7 == 0 { pattern.ignoring_case() } else { pattern };
            for not in [false, true] {
                let filter = Event::SYMBOL.like(pattern.clone());
                let filter = filter.or(Event::TEXT_OR.like(pattern.clone()));
                let filter = if not { !filter } else { filter };
                let found = sql.find().filter(filter).column(Event::LARGE).all().await.unwrap();
                let want = rows.iter().filter(|row| {
                    let other = row.text_or.as_ref().map(|text| pattern.matches(text));
                    match pattern.matches(&row.symbol) {
                        true => !not,
                        false if not => other == Some(false),
                        false => other == Some(true),
                    }
                });
                let want: BTreeSet<_> = want.map(|row| row.large).collect();
                matched += if not { 0 } else { want.len() };
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), want, "{pattern:?} {not}");
            }
        }
        assert!(matched > 2_000, "{matched}");
    }

    async fn a_pattern_that_is_too_long_is_refused_by_both(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for part in ["*", "[", "a", "\u{1f980}", "'"] {
            let text = |bytes: usize| part.repeat(bytes / part.len());
            let like = |bytes| Event::SYMBOL.contains(&text(bytes));
            assert_eq!(sql.find().filter(like(15_998)).count().await.unwrap(), 0, "{part}");
            let error = sql.find().filter(like(16_000)).count().await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("symbol")));
            // What it begins with is no pattern to the engine.
            let begins = Event::SYMBOL.starts_with(&text(100_000));
            assert_eq!(sql.find().filter(begins).count().await.unwrap(), 0, "{part}");
        }
    }

    async fn a_find_streams_what_it_finds(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events(55, 2_500)).await.unwrap();
        let find = || {
            sql.find()
                .filter(Event::LARGE.ge(100))
                .order_by(Event::TEXT_OR.desc().nulls_first())
                .order_by(Event::FLAG.asc())
                .offset(3)
                .limit(2_300)
        };
        let want = find().all().await.unwrap();
        assert_eq!(want.len(), 2_300);
        let large: Vec<_> = want.iter().map(|row| row.large).collect();
        assert_eq!(gather(find().stream().await.unwrap()).await, want);
        assert_eq!(gather(find().column(Event::LARGE).stream().await.unwrap()).await, large);
        let symbols = sql.find().column(Event::SYMBOL).distinct().stream().await.unwrap();
        assert!(gather(symbols).await.len() < 20);
        let mut moment = find().stream().await.unwrap();
        assert_eq!(moment.next().await.unwrap().as_ref(), want.first());
        sql.transaction(|tx| streams_in_transaction(tx, large.clone())).await.unwrap();
        // The rest is as it was when the first row was read.
        assert_eq!(gather(moment).await, want[1..]);
        assert_eq!(sql.count::<Event>().await.unwrap(), 0);
    }
}

async fn streams_in_transaction(tx: Sql, large: Vec<i64>) -> Result<()> {
    let find = || {
        let find = tx.find().filter(Event::LARGE.ge(100)).offset(3).limit(2_300);
        let find = find.order_by(Event::TEXT_OR.desc().nulls_first());
        find.order_by(Event::FLAG.asc()).column(Event::LARGE)
    };
    assert_eq!(gather(find().stream().await?).await, large);
    assert_eq!(gather(tx.find::<Event>().limit(1_000).stream().await?).await.len(), 1_000);
    assert_eq!(gather(tx.find::<Event>().limit(0).stream().await?).await.len(), 0);
    assert_eq!(gather(tx.find::<Event>().limit(2_000).stream().await?).await.len(), 2_000);
    let error = tx.find().column(Event::SYMBOL).distinct().stream().await.err().unwrap();
    assert_eq!(error.code(), Code::Unsupported);
    // What comes behind the row that was read last is read when it is asked for.
    let mut rows = find().stream().await?;
    assert_eq!(rows.next().await?.as_ref(), large.first());
    tx.delete_where(Event::LARGE.ge(0)).await?;
    assert_eq!(gather(rows).await, large[1..1_000]);
    Ok(())
}

async fn gather<T: Send + 'static>(mut rows: RowStream<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(row) = rows.next().await.unwrap() {
        all.push(row);
    }
    all
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Part {
    #[record(decimal(18, 8))]
    price: Decimal,
    symbol: String,
    code: String,
    text_or: Option<String>,
    // What is sure can be read as what may be missing.
    flag: Option<bool>,
    day_or: Option<Date>,
}

impl Part {
    fn of(row: &Event) -> Self {
        Self {
            price: row.price,
            symbol: row.symbol.clone(),
            code: row.code.clone(),
            text_or: row.text_or.clone(),
            flag: Some(row.flag),
            day_or: row.day_or,
        }
    }
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Lacking {
    symbol: String,
    amount: i64,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Wide {
    small: i64,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Coarse {
    #[record(decimal(18, 2))]
    price: Decimal,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Sure {
    text_or: String,
}

#[test]
fn every_column_of_the_record_has_its_place() {
    assert_eq!(Event::COLUMNS.len(), 38);
}
