//! Random rows of tables that are known only as schemas.

use std::collections::HashMap;

use tradebase_core::{Code, Column, Date, Kind, Roles, Table, Timestamp, TimestampNs, Uuid, Value};
use tradebase_sql::{DynamicRow, Sql};

use crate::common::records::any_units;
use crate::common::{self, Dice};

/// The rows of each table, by its name.
pub type Rows = HashMap<&'static str, Vec<DynamicRow>>;

const TEXTS: [&str; 12] =
    ["", "BTC", "btc", "ä", "🦀🚀", "it's", "two\nlines", " ", "007", "12", "-7", "[1,{\"a\":2}]"];
const JSONS: [&str; 5] = ["{}", "{\"a\":1}", "[1,\"x\",true]", "\"text\"", "-7"];
const FLOATS: [f64; 7] = [0.0, 1.0, -1.5, 0.1, 1e300, -2.5e-7, 123_456.75];

const DAY_MICROS: i64 = 86_400_000_000;

/// What the values of a column are like, so that a change of its kind now and then fits all of
/// them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Small and whole.
    Tame,
    /// What programs write.
    Usual,
    /// The edges too.
    Wild,
}

/// Writes at most so many rows into each table, and reads them back.
pub async fn fill(sql: &Sql, tables: &[&'static Table], dice: &mut Dice, most: u64) {
    let mut keys: HashMap<&str, Vec<Vec<Value>>> = HashMap::new();
    for table in tables {
        let manners: Vec<_> = table.columns.iter().map(|column| manner(dice, column)).collect();
        let count = dice.below(most + 1);
        for _ in 0..count {
            let Some(row) = row(dice, table, &manners, &keys) else { break };
            match sql.table(table).insert(&row).await {
                Ok(stored) => {
                    let key = sql.table(table).key_of(&stored).unwrap();
                    let back = sql.table(table).get(&key).await.unwrap().unwrap();
                    assert!(same_row(&back, &stored), "{stored:?} is read as {back:?}");
                    keys.entry(table.name).or_default().push(key);
                }
                Err(error) if error.code() == Code::NotUnique => {}
                Err(error) => panic!("{}: {row:?}: {error}", table.name),
            }
        }
    }
    for table in tables {
        close_circles(sql, table, dice, &keys).await;
    }
}

/// Points to rows that were not there yet when this table was filled.
async fn close_circles(
    sql: &Sql,
    table: &'static Table,
    dice: &mut Dice,
    keys: &HashMap<&str, Vec<Vec<Value>>>,
) {
    for column in table.columns.iter().filter(|c| c.nullable && c.parent.is_some()) {
        for key in keys.get(table.name).into_iter().flatten() {
            let parents = column.parent.and_then(|parent| keys.get(parent.table().name));
            let Some(parents) = parents.filter(|_| dice.below(2) == 0) else { continue };
            let parent = dice.one(parents)[0].clone();
            let change = DynamicRow::new().with(column.name.text, parent);
            match sql.table(table).update(key, &change).await {
                Ok(there) => assert!(there),
                Err(error) => assert_eq!(error.code(), Code::NotUnique, "{error}"),
            }
        }
    }
}

/// All rows.
pub async fn read(sql: &Sql, tables: &[&'static Table]) -> Rows {
    let mut rows = Rows::new();
    for table in tables {
        rows.insert(table.name, sql.table(table).find().all().await.unwrap());
    }
    rows
}

/// Deletes all rows, past all references.
pub async fn clear(sql: &Sql, tables: &[&'static Table]) {
    let names: Vec<_> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
    let text = match sql.capabilities().engine {
        "sqlite" => {
            let deletes: Vec<_> =
                names.iter().map(|name| format!("DELETE FROM {name};\n")).collect();
            format!("PRAGMA foreign_keys = OFF;\n{}", deletes.concat())
        }
        _ => format!("TRUNCATE {}", names.join(", ")),
    };
    let mut connection = sql.connection().await.unwrap();
    connection.batch(common::built(text)).await.unwrap();
    connection.release().await.unwrap();
}

/// Whether rows are equal; JSON is by what it says.
pub fn same_row(a: &DynamicRow, b: &DynamicRow) -> bool {
    a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
}

pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Json(a), Value::Json(b)) => {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            parsed(a) == parsed(b)
        }
        (a, b) => a == b,
    }
}

fn manner(dice: &mut Dice, column: &Column) -> Manner {
    if column.is(Roles::KEY) && column.kind.is_integer() {
        // Behind the largest there is, no key could be assigned.
        return Manner::Usual;
    }
    *dice.one(&[Manner::Tame, Manner::Tame, Manner::Usual, Manner::Wild])
}

/// A row; none if it must point to a row and there is none.
fn row(
    dice: &mut Dice,
    table: &'static Table,
    manners: &[Manner],
    keys: &HashMap<&str, Vec<Vec<Value>>>,
) -> Option<DynamicRow> {
    let mut row = DynamicRow::new();
    for (column, manner) in table.columns.iter().zip(manners) {
        if column.is(Roles::ASSIGNED) {
            continue;
        }
        let null = column.nullable && *manner != Manner::Tame && dice.below(3) == 0;
        let value = match column.parent {
            _ if null => Value::Null,
            Some(parent) => match keys.get(parent.table().name) {
                Some(parents) => dice.one(parents)[0].clone(),
                None if column.nullable => Value::Null,
                None => return None,
            },
            None => value(dice, column, *manner),
        };
        row.set(column.name.text, value);
    }
    Some(row)
}

fn value(dice: &mut Dice, column: &Column, manner: Manner) -> Value {
    let small = dice.below(40).cast_signed() - 8;
    match column.kind {
        Kind::Bool => Value::Bool(dice.below(2) == 0),
        Kind::I16 => Value::Int(integer(dice, manner, i16::MIN.into(), i16::MAX.into())),
        Kind::I32 => Value::Int(integer(dice, manner, i32::MIN.into(), i32::MAX.into())),
        Kind::I64 => Value::Int(integer(dice, manner, i64::MIN, i64::MAX)),
        Kind::F64 => Value::Float(*dice.one(&FLOATS)),
        Kind::Decimal { precision, scale } => decimal(dice, manner, precision, scale),
        Kind::Text { max } => Value::Text(text(dice, column, manner, max)),
        Kind::Bytes => Value::Bytes(dice.next().to_be_bytes()[..4].to_vec()),
        Kind::Uuid => Value::Uuid(Uuid::from_u64_pair(dice.next(), dice.next())),
        Kind::Timestamp => Value::Timestamp(Timestamp::from_micros(match manner {
            Manner::Tame => (small * 700) * DAY_MICROS,
            Manner::Usual => 1_795_166_400_123_456 + small * 1_000_001,
            Manner::Wild => match dice.below(4) {
                0 => Timestamp::MIN.as_micros(),
                1 => Timestamp::MAX.as_micros(),
                _ => small,
            },
        })),
        Kind::TimestampNs => Value::TimestampNs(TimestampNs::from_nanos(match manner {
            Manner::Tame => small * DAY_MICROS * 1000,
            Manner::Usual => 1_795_166_400_123_456_000 + small * 1_000,
            Manner::Wild => match dice.below(4) {
                0 => TimestampNs::MIN.as_nanos(),
                1 => TimestampNs::MAX.as_nanos(),
                _ => small,
            },
        })),
        Kind::Date => Value::Date(match dice.below(8) {
            0 if manner == Manner::Wild => Date::MIN,
            1 if manner == Manner::Wild => Date::MAX,
            _ => Date::from_days(i32::try_from(small * 300).unwrap()),
        }),
        _ => Value::Json((*dice.one(&JSONS)).to_owned()),
    }
}

fn integer(dice: &mut Dice, manner: Manner, least: i64, most: i64) -> i64 {
    match (manner, dice.below(4)) {
        (Manner::Tame, _) => dice.below(2).cast_signed(),
        (Manner::Wild, 0) => least,
        (Manner::Wild, 1) => most,
        _ => dice.below(20_000).cast_signed() - 10_000,
    }
}

fn decimal(dice: &mut Dice, manner: Manner, precision: u8, scale: u8) -> Value {
    let unit = 10_i128.pow(scale.into());
    let units = match manner {
        Manner::Tame if precision > scale => i128::from(dice.below(9)) * unit,
        Manner::Tame => 0,
        Manner::Usual => any_units(dice, u32::from(precision.min(12))),
        Manner::Wild => any_units(dice, precision.into()),
    };
    Value::Decimal(units, scale)
}

fn text(dice: &mut Dice, column: &Column, manner: Manner, max: Option<u32>) -> String {
    if !column.labels.is_empty() && (column.closed || dice.below(3) != 0) {
        return (*dice.one(column.labels)).to_owned();
    }
    let text = match manner {
        Manner::Tame => (dice.below(2_000).cast_signed() - 900).to_string(),
        Manner::Usual if dice.below(2) == 0 => (*dice.one(&JSONS)).to_owned(),
        Manner::Usual => Uuid::from_u64_pair(dice.next(), dice.next()).to_string(),
        Manner::Wild => (*dice.one(&TEXTS)).to_owned(),
    };
    let most = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap());
    text.chars().take(most).collect()
}
