//! Finds: random conditions against an evaluation in memory, orders, limits.

mod common;

use std::cmp::Ordering;

use common::Dice;
use common::records::{Event, Pnl, Side, any_units, by_key, events, text, units};
use tradebase_core::{Code, Comparison, Condition, Filter, Put, Record, Value};
use tradebase_sql::Sql;

/// What a condition says of a row: true, false, or neither, because of a null.
fn judge(condition: &Condition, row: &[Value]) -> Option<bool> {
    match condition {
        Condition::Always => Some(true),
        Condition::Compare { at, how, value } => {
            let order = compare(&row[*at], value)?;
            Some(match how {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::AtMost => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::AtLeast => order.is_ge(),
            })
        }
        Condition::OneOf { at, values } => {
            any(values.iter().map(|value| compare(&row[*at], value).map(Ordering::is_eq)))
        }
        Condition::Null { at, null } => Some((row[*at] == Value::Null) == *null),
        Condition::All(terms) => {
            any(terms.iter().map(|term| judge(term, row).map(|b| !b))).map(|b| !b)
        }
        Condition::Any(terms) => any(terms.iter().map(|term| judge(term, row))),
        Condition::Not(inner) => judge(inner, row).map(|b| !b),
        other => panic!("not judged: {other:?}"),
    }
}

/// True if one is true; else neither if one is neither.
fn any(terms: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut answer = Some(false);
    for term in terms {
        match term {
            Some(true) => return Some(true),
            Some(false) => {}
            None => answer = None,
        }
    }
    answer
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => return None,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap(),
        (Value::Decimal(a, _), Value::Decimal(b, _)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::TimestampNs(a), Value::TimestampNs(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (a, b) => panic!("not compared: {a:?} {b:?}"),
    })
}

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
        let mut between = 0;
        for seed in 0..300 {
            let make = || random(&mut Dice::new(1000 + seed), &rows, 3);
            let condition = make().into_condition().unwrap();
            let want: Vec<_> = rows
                .iter()
                .zip(&values)
                .filter(|(_, values)| judge(&condition, values) == Some(true))
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
}

#[test]
fn every_column_of_the_record_has_its_place() {
    assert_eq!(Event::COLUMNS.len(), 38);
}
