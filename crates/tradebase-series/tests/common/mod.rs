//! Records and helpers of the tests.

#![allow(dead_code)]

use std::collections::BTreeMap;

use tradebase_core::{Date, Decimal, Field, Record, Row, Timestamp, TimestampNs, Uuid};
use tradebase_series::{InfluxOptions, Series};
use tradebase_testkit::Influx;

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

/// A stored text that this version does not know is kept.
#[derive(Field, Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Filled,
    PartlyFilled,
    #[field(other)]
    Other(String),
}

/// The trade of the benches.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", series = "trades")]
pub struct Trade {
    #[record(key, tag)]
    pub id: Uuid,
    pub bot_id: Uuid,
    #[record(tag)]
    pub symbol: String,
    #[record(tag)]
    pub side: Side,
    #[record(tag)]
    pub order_type: String,
    #[record(decimal(28, 10))]
    pub quantity: Decimal,
    #[record(decimal(28, 10))]
    pub price: Decimal,
    #[record(decimal(28, 10))]
    pub executed_price: Decimal,
    #[record(decimal(28, 10))]
    pub fee: Decimal,
    #[record(decimal(28, 10))]
    pub pnl: Option<Decimal>,
    pub status: String,
    #[record(time)]
    pub timestamp: Timestamp,
}

#[derive(Row, Clone, Debug, PartialEq)]
pub struct Place {
    #[record(tag)]
    pub city: Option<String>,
    pub floor: Option<i32>,
}

/// Every kind, as tag and as field, present and absent.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "everything", series = "everything")]
pub struct Everything {
    #[record(key, tag)]
    pub id: i64,
    #[record(tag)]
    pub tag_bool: Option<bool>,
    #[record(tag)]
    pub tag_i16: Option<i16>,
    #[record(tag, decimal(28, 10))]
    pub tag_decimal: Option<Decimal>,
    #[record(tag)]
    pub tag_text: Option<String>,
    #[record(tag)]
    pub tag_status: Option<Status>,
    #[record(tag)]
    pub tag_bytes: Option<Vec<u8>>,
    #[record(tag)]
    pub tag_uuid: Option<Uuid>,
    #[record(tag)]
    pub tag_timestamp: Option<Timestamp>,
    #[record(tag)]
    pub tag_nanos: Option<TimestampNs>,
    #[record(tag)]
    pub tag_date: Option<Date>,
    pub sure: bool,
    pub a_bool: Option<bool>,
    pub a_i16: Option<i16>,
    pub a_i32: Option<i32>,
    pub a_i64: Option<i64>,
    pub a_u64: Option<u64>,
    pub a_f64: Option<f64>,
    #[record(decimal(28, 28))]
    pub a_fraction: Option<Decimal>,
    #[record(decimal(28, 0))]
    pub a_whole: Option<Decimal>,
    pub a_text: Option<String>,
    pub a_status: Option<Status>,
    pub a_bytes: Option<Vec<u8>>,
    pub a_uuid: Option<Uuid>,
    pub a_timestamp: Option<Timestamp>,
    pub a_nanos: Option<TimestampNs>,
    pub a_date: Option<Date>,
    #[record(json)]
    pub a_json: Option<BTreeMap<String, Vec<Option<String>>>>,
    #[record(embed)]
    pub place: Place,
    #[record(time)]
    pub at: TimestampNs,
}

/// Kept apart by a sequence below the microsecond.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "ticks", series = "ticks")]
pub struct Tick {
    #[record(key, tag)]
    pub symbol: String,
    #[record(key, tag)]
    pub side: Side,
    #[record(key, sequence)]
    pub sequence: i16,
    #[record(decimal(18, 8))]
    pub price: Decimal,
    #[record(key, time)]
    pub at: Timestamp,
}

/// A text in every place that has rules of its own.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "texts", series = "texts")]
pub struct Text {
    #[record(key, tag)]
    pub number: i64,
    #[record(tag)]
    pub tag: Option<String>,
    /// A second one, since the last tag ends differently.
    #[record(tag)]
    pub tag_after: Option<String>,
    pub field: String,
    #[record(time)]
    pub at: Timestamp,
}

impl Text {
    pub fn new(number: i64, tag: &str, tag_after: &str, field: &str) -> Self {
        Self {
            number,
            tag: Some(tag.into()),
            tag_after: Some(tag_after.into()),
            field: field.into(),
            at: Timestamp::from_micros(number),
        }
    }
}

/// One moment of the tests, so that a failure is the same tomorrow.
pub const NOON: Timestamp = Timestamp::from_micros(1_795_176_000_000_000);

pub fn trade(number: u32) -> Trade {
    let n = i64::from(number);
    Trade {
        id: Uuid::from_u128(0x0197_5f2a_7c1e_7000_8000_0000_0000_0000 + u128::from(number)),
        bot_id: Uuid::from_u128(7),
        symbol: "BTC/USDT".into(),
        side: if number.is_multiple_of(2) { Side::Buy } else { Side::Sell },
        order_type: "limit".into(),
        quantity: Decimal::new(n + 1, 10),
        price: Decimal::new(9_600_050 + n, 2),
        executed_price: Decimal::new(96_000_512_345_678 + n, 9),
        fee: Decimal::new(-n, 4),
        pnl: number.is_multiple_of(3).then(|| Decimal::new(n, 1)),
        status: "filled".into(),
        timestamp: NOON,
    }
}

/// Only the time and what must be there.
pub fn bare(id: i64, at: TimestampNs) -> Everything {
    Everything {
        id,
        tag_bool: None,
        tag_i16: None,
        tag_decimal: None,
        tag_text: None,
        tag_status: None,
        tag_bytes: None,
        tag_uuid: None,
        tag_timestamp: None,
        tag_nanos: None,
        tag_date: None,
        sure: false,
        a_bool: None,
        a_i16: None,
        a_i32: None,
        a_i64: None,
        a_u64: None,
        a_f64: None,
        a_fraction: None,
        a_whole: None,
        a_text: None,
        a_status: None,
        a_bytes: None,
        a_uuid: None,
        a_timestamp: None,
        a_nanos: None,
        a_date: None,
        a_json: None,
        place: Place { city: None, floor: None },
        at,
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

pub fn smallest(id: i64, at: TimestampNs) -> Everything {
    Everything {
        id,
        tag_bool: Some(false),
        tag_i16: Some(i16::MIN),
        tag_decimal: decimal("-999999999999999999.9999999999"),
        tag_text: Some("\\, =\"'".into()),
        tag_status: Some(Status::Filled),
        tag_bytes: Some(vec![0]),
        tag_uuid: Some(Uuid::nil()),
        tag_timestamp: Some(Timestamp::MIN),
        tag_nanos: Some(TimestampNs::MIN),
        tag_date: Some(Date::MIN),
        sure: true,
        a_bool: Some(false),
        a_i16: Some(i16::MIN),
        a_i32: Some(i32::MIN),
        a_i64: Some(i64::MIN),
        a_u64: Some(0),
        a_f64: Some(f64::MIN),
        a_fraction: decimal("-0.9999999999999999999999999999"),
        a_whole: decimal("-9999999999999999999999999999"),
        a_text: Some(String::new()),
        a_status: Some(Status::PartlyFilled),
        a_bytes: Some(Vec::new()),
        a_uuid: Some(Uuid::nil()),
        a_timestamp: Some(Timestamp::MIN),
        a_nanos: Some(TimestampNs::MIN),
        a_date: Some(Date::MIN),
        a_json: Some(BTreeMap::new()),
        place: Place { city: Some("São Paulo, SP".into()), floor: Some(-1) },
        at,
    }
}

pub fn largest(id: i64, at: TimestampNs) -> Everything {
    Everything {
        id,
        tag_bool: Some(true),
        tag_i16: Some(i16::MAX),
        tag_decimal: decimal("999999999999999999.9999999999"),
        tag_text: Some("😀é a=b,c\td".into()),
        tag_status: Some(Status::Other("not known yet".into())),
        tag_bytes: Some(vec![0xff; 100]),
        tag_uuid: Some(Uuid::max()),
        tag_timestamp: Some(Timestamp::MAX),
        tag_nanos: Some(TimestampNs::MAX),
        tag_date: Some(Date::MAX),
        sure: true,
        a_bool: Some(true),
        a_i16: Some(i16::MAX),
        a_i32: Some(i32::MAX),
        a_i64: Some(i64::MAX),
        a_u64: Some(i64::MAX.unsigned_abs()),
        a_f64: Some(f64::MAX),
        a_fraction: decimal("0.9999999999999999999999999999"),
        a_whole: decimal("9999999999999999999999999999"),
        a_text: Some("line one\nline \"two\" \\ \u{1}\t😀, a=b".into()),
        a_status: Some(Status::Other("new\nstatus".into())),
        a_bytes: Some((0..=255).collect()),
        a_uuid: Some(Uuid::max()),
        a_timestamp: Some(Timestamp::MAX),
        a_nanos: Some(TimestampNs::MAX),
        a_date: Some(Date::MAX),
        a_json: Some(BTreeMap::from([
            ("a \"b\"".into(), vec![None, Some("c\\d\n".into())]),
            ("é".into(), vec![]),
        ])),
        place: Place { city: Some("Zürich".into()), floor: Some(i32::MAX) },
        at,
    }
}

/// A single-threaded runtime, as a test of a user would have.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub fn options(server: &Influx) -> InfluxOptions {
    InfluxOptions::new(server.url(), server.database())
}

pub async fn influx() -> Series {
    Series::influx(options(Influx::shared())).await.unwrap()
}

pub async fn embedded() -> Series {
    Series::embedded(":memory:").await.unwrap()
}
