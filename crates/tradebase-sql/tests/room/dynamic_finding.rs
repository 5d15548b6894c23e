//! Finds by name: the same rows in the same order as finds by type; and tables of random schemas.

use crate::common;
use common::Dice;
use common::records::{Event, EventId, Order, by_key, event, events, text, units};
use tradebase_core::schema::{ColumnSchema, TableSchema};
use tradebase_core::{
    Code, Date, Filter, Kind, Nulls, Order as By, Pattern, Record, Table, Timestamp, TimestampNs,
    Uuid, Value, json,
};
use tradebase_sql::{
    DynamicFilter, DynamicRow, FILTER_BYTES_MAX, FILTER_LEVELS_MAX, FILTER_TERMS_MAX,
    FILTER_VALUES_MAX, Sql, SqlOptions,
};

const EVENTS: i64 = 80;
/// Tables of random schemas per engine, and rows of each.
const TABLES: u64 = 25;
const ROWS: u64 = 12;

/// A filter by type, the same by name, and the same as JSON.
type Pair = (Filter<Event>, DynamicFilter, String);

/// A comparison of a random column of one kind with a value that a row has.
macro_rules! pair {
    ($dice:ident, $col:ident, $name:literal, $field:expr) => {{
        let value = $field;
        let (named, json) = {
            let value = Value::of(&value, Event::$col.column()).unwrap();
            let mut json = Vec::new();
            json::write_value(&value, &mut json);
            (value, String::from_utf8(json).unwrap())
        };
        let (filter, op) = match $dice.below(6) {
            0 => (Event::$col.eq(value), "eq"),
            1 => (Event::$col.ne(value), "ne"),
            2 => (Event::$col.lt(value), "lt"),
            3 => (Event::$col.le(value), "le"),
            4 => (Event::$col.gt(value), "gt"),
            _ => (Event::$col.ge(value), "ge"),
        };
        let text = format!(r#"{{"column": "{}", "op": "{op}", "value": {json}}}"#, $name);
        (filter, DynamicFilter::new($name, op, [named]), text)
    }};
}

fn term(dice: &mut Dice, of: &Event) -> Pair {
    match dice.below(12) {
        0 => pair!(dice, FLAG, "flag", of.flag),
        1 => pair!(dice, SMALL, "small", of.small),
        2 => pair!(dice, LARGE, "large", of.large),
        3 => pair!(dice, RATIO, "ratio", of.ratio),
        4 => pair!(dice, PRICE, "price", of.price),
        5 => pair!(dice, FRACTION, "fraction", of.fraction),
        6 => pair!(dice, SYMBOL, "symbol", of.symbol.clone()),
        7 => pair!(dice, OTHER, "other", of.other),
        8 => pair!(dice, AT, "at", of.at),
        9 => pair!(dice, AT_NS, "at_ns", of.at_ns),
        10 => pair!(dice, DAY, "day", of.day),
        _ => pair!(dice, DATA, "data", of.data.clone()),
    }
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::write_value(&Value::Text(text.to_owned()), &mut out);
    String::from_utf8(out).unwrap()
}

fn special(dice: &mut Dice, of: &Event) -> Pair {
    let is = |op: &str| format!(r#"{{"column":"text_or","op":"{op}"}}"#);
    match dice.below(5) {
        0 => {
            let null = DynamicFilter::new("text_or", "is_null", []);
            (Event::TEXT_OR.is_null(), null, is("is_null"))
        }
        1 => {
            let not = DynamicFilter::new("text_or", "is_not_null", []);
            (Event::TEXT_OR.is_not_null(), not, is("is_not_null"))
        }
        2 => {
            let (low, high) = (of.large.min(40), of.large.max(20));
            let named = DynamicFilter::new("large", "between", [low, high].map(Value::from));
            let text = format!(r#"{{"op":"between","value":[{low},{high}],"column":"large"}}"#);
            (Event::LARGE.between(low, high), named, text)
        }
        3 => {
            let texts = [text(dice), text(dice), of.symbol.clone()];
            let list = texts.clone().map(|text| quoted(&text)).join(",");
            let json = format!(r#"{{"column":"symbol","op":"in","value":[{list}]}}"#);
            let named = DynamicFilter::new("symbol", "in", texts.clone().map(Value::from));
            (Event::SYMBOL.one_of(texts), named, json)
        }
        _ => {
            let part = text(dice);
            let json = format!(
                r#"{{"column":"symbol","op":"contains","value":{},"ignore_case":true}}"#,
                quoted(&part)
            );
            let named = DynamicFilter::new("symbol", "contains", [Value::from(part.as_str())]);
            let pattern = Pattern::containing(&part).ignoring_case();
            (Event::SYMBOL.like(pattern), named.ignoring_case(), json)
        }
    }
}

fn tree(dice: &mut Dice, events: &[Event], depth: u32) -> Pair {
    if depth == 0 || dice.below(3) == 0 {
        let of = dice.one(events).clone();
        return if dice.below(3) == 0 { special(dice, &of) } else { term(dice, &of) };
    }
    let (filter, named, json) = tree(dice, events, depth - 1);
    if dice.below(4) == 0 {
        return (!filter, !named, format!(r#"{{"not":{json}}}"#));
    }
    let (other, other_named, other_json) = tree(dice, events, depth - 1);
    if dice.below(2) == 0 {
        let json = format!(r#"{{"and":[{json},{other_json}]}}"#);
        return (filter.and(other), named.and(other_named), json);
    }
    let json = format!(r#"{{"or":[{json} , {other_json}]}}"#);
    (filter.or(other), named.or(other_named), json)
}

fn whole<T: Record>(record: &T) -> DynamicRow {
    DynamicRow::from_values(T::TABLE, Value::row(record).unwrap()).unwrap()
}

/// One column of a record.
fn row_of<T: Record>(record: &T, column: &str) -> DynamicRow {
    let cell = whole(record).remove(column).unwrap();
    DynamicRow::new().with(column, cell)
}

/// A random order by type, and by name.
fn order(dice: &mut Dice) -> (By<Event>, &'static str, bool, Option<Nulls>) {
    let down = dice.below(2) == 0;
    let (by, name) = match dice.below(4) {
        0 => (if down { Event::TEXT_OR.desc() } else { Event::TEXT_OR.asc() }, "text_or"),
        1 => (if down { Event::PNL_OR.desc() } else { Event::PNL_OR.asc() }, "pnl_or"),
        2 => (if down { Event::AT_OR.desc() } else { Event::AT_OR.asc() }, "at_or"),
        _ => (if down { Event::FRACTION.desc() } else { Event::FRACTION.asc() }, "fraction"),
    };
    match dice.below(3) {
        0 => (by, name, down, None),
        1 => (by.nulls_first(), name, down, Some(Nulls::First)),
        _ => (by.nulls_last(), name, down, Some(Nulls::Last)),
    }
}

/// A random table; its key is an integer or a text, of one column or of two.
fn schema(dice: &mut Dice, number: u64) -> &'static Table {
    let kinds = [
        "bool",
        "i16",
        "i32",
        "i64",
        "f64",
        "decimal",
        "text",
        "bytes",
        "uuid",
        "timestamp",
        "timestamp_ns",
        "date",
        "json",
    ];
    let column = |name: String, kind: &str, nullable: bool, dice: &mut Dice| -> ColumnSchema {
        let mut column = serde_json::json!({"name": name, "kind": kind, "nullable": nullable});
        if kind == "decimal" {
            let precision = 1 + dice.below(28);
            column["precision"] = precision.into();
            column["scale"] = dice.below(precision + 1).into();
        }
        serde_json::from_value(column).unwrap()
    };
    let mut columns = vec![column("k0".into(), "i64", false, dice)];
    let mut key = vec!["k0"];
    if dice.below(2) == 0 {
        columns.push(column("k1".into(), "text", false, dice));
        key.push("k1");
    }
    for i in 0..1 + dice.below(8) {
        let (kind, nullable) = (*dice.one(&kinds), dice.below(2) == 0);
        columns.push(column(format!("c{i}"), kind, nullable, dice));
    }
    let schema: TableSchema = serde_json::from_value(serde_json::json!({
        "record": "Random", "table": format!("random_{number}"), "columns": columns, "key": key,
    }))
    .unwrap();
    schema.table().unwrap()
}

fn value(dice: &mut Dice, kind: Kind) -> Value {
    let event = event(dice, 0);
    match kind {
        Kind::Bool => event.flag.into(),
        Kind::I16 => event.small.into(),
        Kind::I32 => event.medium.into(),
        Kind::I64 => event.huge.cast_signed().into(),
        Kind::F64 => event.ratio.into(),
        Kind::Decimal { precision, scale } => {
            Value::Decimal(common::records::any_units(dice, precision.into()), scale)
        }
        Kind::Text { .. } => event.symbol.into(),
        Kind::Bytes => event.data.into(),
        Kind::Uuid => event.other.into(),
        Kind::Timestamp => event.at.into(),
        Kind::TimestampNs => event.at_ns.into(),
        Kind::Date => event.day.into(),
        Kind::Json => Value::Json(r#"{"a":1.10,"b":[12345678901234567890123,"x y"]}"#.into()),
        other => panic!("a kind without values: {other}"),
    }
}

promises! {
    async fn filters_by_name_find_what_filters_by_type_find(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let events = by_key(events(21, EVENTS));
        sql.insert_many(&events).await.unwrap();
        let (table, mut dice) = (sql.table(Event::TABLE), Dice::new(22));
        for round in 0..150 {
            let (filter, named, json) = tree(&mut dice, &events, 3);
            let (by, column, down, nulls) = order(&mut dice);
            let limit = 1 + u32::try_from(dice.below(60)).unwrap();
            let typed = sql.find::<Event>().filter(filter).order_by(by).limit(limit);
            let want = typed.all().await.unwrap();
            let want: Vec<_> = want.iter().map(|event| row_of(event, "id")).collect();
            let find = || table.find().columns(["id"]).order_by(column, down, nulls).limit(limit);
            assert_eq!(find().filter(named.clone()).all().await.unwrap(), want, "{round}: {json}");
            assert_eq!(find().filter_json(&json).all().await.unwrap(), want, "{round}: {json}");
            let first = find().filter(named.clone()).first().await.unwrap();
            assert_eq!(first.as_ref(), want.first(), "{round}: {json}");
            let count = table.find().filter(named).count().await.unwrap();
            assert!(count >= u64::try_from(want.len()).unwrap(), "{round}: {json}");
            let behind = find().filter_json(&json).offset(1).all().await.unwrap();
            assert!(behind.starts_with(want.get(1..).unwrap_or_default()), "{round}: {json}");
        }
    }

    async fn some_columns_are_read_in_the_order_of_their_names(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let events = events(23, 3);
        sql.insert_many(&events).await.unwrap();
        let table = sql.table(Event::TABLE);
        let find = table.find().columns(["price", "id"]).order_by("large", false, None);
        for (row, event) in find.all().await.unwrap().iter().zip(&events) {
            let names: Vec<_> = row.iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["price", "id"]);
            assert_eq!(row.get("id"), Some(&Value::Uuid(event.id.0)));
        }
        let twice = table.find().filter_json(r#"{"column":"large","op":"ge","value":1}"#);
        let twice = twice.filter(DynamicFilter::new("large", "lt", [Value::Int(2)]));
        assert_eq!(twice.count().await.unwrap(), 1);
    }

    async fn what_a_find_cannot_ask_is_refused(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let table = sql.table(Event::TABLE);
        let refused = [
            (r#"{"column":"simbol","op":"eq","value":"a"}"#, "did you mean symbol?"),
            (r#"{"column":"symbol","op":"equals","value":"a"}"#, "there is eq, ne"),
            (r#"{"column":"symbol","op":"startswith","value":"a"}"#, "did you mean starts_with?"),
            (r#"{"column":"symbol","op":"eq","value":null}"#, "by is_null and is_not_null"),
            (r#"{"column":"symbol","op":"eq"}"#, "takes 1 values with eq, has 0"),
            (r#"{"column":"large","op":"between","value":[1]}"#, "takes 2 values"),
            (
                r#"{"column":"large","op":"eq","value":"a"}"#,
                "large cannot be read: \"a\" is no i64",
            ),
            (r#"{"column":"large","op":"eq","value":1.5}"#, "large cannot be read"),
            (r#"{"column":"price","op":"lt","value":0.123456789}"#, "price must have at most"),
            (r#"{"column":"large","op":"like","value":"a%"}"#, "large"),
            (r#"{"column":"symbol","op":"eq","value":"a","ignore_case":true}"#, "cannot ignore"),
            (r#"{"column":"symbol","op":"like","value":"a\\b"}"#, "must stand before"),
            (r#"{"column":"symbol","op":"eq","value":"a","and":[]}"#, "a filter is an object with"),
            (r#"{"colum":"symbol"}"#, "no member \"colum\""),
            (r#"{"and":{}}"#, "a list is an array"),
            (r#"[]"#, "a filter is an object"),
            (r#"{"and":[]} x"#, "more behind the filter"),
            (r#"{"and":["#, "not JSON"),
            (r#""#, "not JSON"),
        ];
        for (text, want) in refused {
            let error = table.find().filter_json(text).all().await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid, "{text}: {error}");
            assert!(error.to_string().contains(want), "{text}: {error}");
        }
        for error in [
            table.find().order_by("att", true, None).all().await.unwrap_err(),
            table.find().columns(["id", "att"]).first().await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("att")));
        }
        // As typed ones are.
        let json = r#"{"column":"notes","op":"eq","value":{}}"#;
        let error = table.find().filter_json(json).count().await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
    }

    async fn a_filter_has_bounds(sql: &Sql) {
        sql.create_table::<Order>().await.unwrap();
        let table = sql.table(Order::TABLE);
        let leaf = r#"{"column":"account","op":"eq","value":1}"#;
        let deep = |levels: usize| {
            format!("{}{leaf}{}", r#"{"not":"#.repeat(levels - 1), "}".repeat(levels - 1))
        };
        let wide = |terms: usize| format!(r#"{{"or":[{}]}}"#, vec![leaf; terms].join(","));
        let list = |values: usize| {
            let values = vec!["1"; values].join(",");
            format!(r#"{{"column":"account","op":"in","value":[{values}]}}"#)
        };
        for fine in [deep(FILTER_LEVELS_MAX), wide(FILTER_TERMS_MAX), list(FILTER_VALUES_MAX)] {
            assert_eq!(table.find().filter_json(&fine).count().await.unwrap(), 0);
        }
        let (deep, wide) = (deep(FILTER_LEVELS_MAX + 1), wide(FILTER_TERMS_MAX + 1));
        let long = " ".repeat(FILTER_BYTES_MAX + 1);
        for text in [deep, wide, list(FILTER_VALUES_MAX + 1), "[".repeat(9_999), long] {
            let error = table.find().filter_json(&text).count().await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid);
        }
        let leaf = || DynamicFilter::new("account", "eq", [Value::Int(1)]);
        let deep = (0..FILTER_LEVELS_MAX).fold(leaf(), |inner, _| !inner);
        let wide = DynamicFilter::any((0..=FILTER_TERMS_MAX).map(|_| leaf()));
        for filter in [deep, wide] {
            let error = table.find().filter(filter).count().await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid);
        }
    }

    async fn rows_of_random_tables_come_back(sql: &Sql) {
        let mut dice = Dice::new(31);
        for number in 0..TABLES {
            let known = schema(&mut dice, number);
            let table = sql.table(known);
            table.create_table().await.unwrap();
            let mut rows = Vec::new();
            for key in 0..ROWS {
                let cells = known.columns.iter().map(|column| {
                    let cell = match column.name.text {
                        "k0" => Value::Int(key.cast_signed()),
                        _ if column.nullable && dice.below(3) == 0 => Value::Null,
                        _ => value(&mut dice, column.kind),
                    };
                    (column.name.text, cell)
                });
                rows.push(cells.collect::<DynamicRow>());
            }
            let (one, many) = rows.split_at(2);
            for row in one {
                assert_eq!(table.insert(row).await.unwrap(), *row);
            }
            table.insert_many(many).await.unwrap();
            let mut want = rows.clone();
            if sql.capabilities().engine == "sqlite" {
                want.iter_mut().for_each(without_negative_zero);
            }
            assert_eq!(table.list(u32::MAX, 0).await.unwrap(), want, "{known:?}");
            for row in &want {
                let read = table.row_from_json(&row.to_json()).unwrap();
                assert_eq!(read, *row, "{}", row.to_json());
            }
        }
    }

    async fn a_table_of_a_schema_is_that_of_its_record(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let schema = TableSchema::from(Event::TABLE).table().unwrap();
        let (table, events) = (sql.table(schema), by_key(events(24, 30)));
        let rows: Vec<_> = events.iter().map(whole).collect();
        table.insert_many(&rows).await.unwrap();
        assert_eq!(sql.all::<Event>().await.unwrap(), events);
        // Not compared as rows: a server keeps the members of JSON in an order of its own.
        let found = table.list(99, 0).await.unwrap().into_iter();
        let found: Vec<Event> =
            found.map(|row| Value::read(&row.into_values()).unwrap()).collect();
        assert_eq!(found, events);
        let long = rows[0].clone().with("id", Uuid::nil()).with("code", "12345");
        let error = table.insert(&long).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("code")));
    }
}

/// SQLite has one zero.
fn without_negative_zero(row: &mut DynamicRow) {
    let zeros: Vec<_> = row
        .iter()
        .filter(|(_, value)| **value == Value::Float(0.0))
        .map(|(name, _)| name.to_owned())
        .collect();
    zeros.into_iter().for_each(|name| row.set(name, 0.0));
}

/// Stores that are opened with tables.
mod opened {
    use super::*;

    addressed! {
        async fn a_table_is_known_by_its_name(url: &str) {
            let options = SqlOptions::new(url).create_tables([Order::TABLE, Event::TABLE]);
            let sql = Sql::open_with(options).await.unwrap();
            assert_eq!(sql.table_named("events").unwrap().schema().name, "events");
            // Those that they point to are there too.
            assert_eq!(sql.table_named("accounts").unwrap().count().await.unwrap(), 0);
            let error = sql.table_named("event").unwrap_err();
            assert_eq!(error.code(), Code::Invalid);
            assert!(error.to_string().contains("did you mean events?"), "{error}");
            sql.close().await.unwrap();
        }
    }
}

#[test]
fn values_through_a_parsed_map_lose_no_digit() {
    let mut map = serde_json::Map::new();
    map.insert("price".into(), serde_json::json!(0.5));
    let error = DynamicRow::from_map(Event::TABLE, &map).unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("price")));
    map.insert("price".into(), serde_json::json!("0.5"));
    map.insert("whole".into(), serde_json::json!(12));
    map.insert("ratio".into(), serde_json::json!(0.1));
    let row = DynamicRow::from_map(Event::TABLE, &map).unwrap();
    assert_eq!(row.get("price"), Some(&Value::from(units(5, 1))));
    assert_eq!(row.get("whole"), Some(&Value::Decimal(12, 0)));
    assert_eq!(row.get("ratio"), Some(&Value::Float(0.1)));
}

#[test]
fn wrong_json_names_every_member() {
    let text = r#"{"at":"yesterday","large":1.5,"flog":true,"flag":1,"data":"§","large":2}"#;
    let error = DynamicRow::from_json(Event::TABLE, text).unwrap_err();
    let named: Vec<_> = error.violations().iter().map(|v| (v.column.as_str(), v.rule)).collect();
    let want = [
        ("at", "kind"),
        ("large", "kind"),
        ("flog", "unknown"),
        ("flag", "kind"),
        ("data", "kind"),
    ];
    assert_eq!(named[..want.len()], want);
    for text in ["", "[]", "{", r#"{"flag":true} 1"#, r#"{"flag":true,}"#] {
        let error = DynamicRow::from_json(Event::TABLE, text).unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{text}");
    }
}

#[test]
fn kinds_have_the_forms_of_records() {
    let row = DynamicRow::new()
        .with("at", Timestamp::from_micros(1))
        .with("at_ns", TimestampNs::from_nanos(1))
        .with("day", Date::from_days(0))
        .with("id", EventId(Uuid::nil()).0)
        .with("data", vec![0_u8, 255])
        .with("price", units(150, 2))
        .with("side", "buy");
    let want = concat!(
        r#"{"at":"1970-01-01T00:00:00.000001Z","at_ns":"1970-01-01T00:00:00.000000001Z","#,
        r#""day":"1970-01-01","id":"00000000-0000-0000-0000-000000000000","data":"AP8=","#,
        r#""price":1.50,"side":"buy"}"#
    );
    assert_eq!(row.to_json(), want);
    assert_eq!(DynamicRow::from_json(Event::TABLE, want).unwrap(), row);
}
