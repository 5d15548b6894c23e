//! A record with every kind, and rows of it at the edges.
#![allow(dead_code, missing_docs)]

use std::process::{Command, Output};

use serde_json::json;
use tradebase_core::{Date, Decimal, Field, Record, Row, Timestamp, TimestampNs, Uuid};

#[derive(Field, Clone, Debug, PartialEq)]
pub enum Mood {
    Calm,
    Wild,
    #[field(other)]
    Other(String),
}

#[derive(Row, Clone, Debug, PartialEq)]
pub struct Place {
    pub city: String,
    pub country: Option<String>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "everything")]
pub struct Everything {
    #[record(key)]
    pub id: i64,
    pub flag: bool,
    pub flag_n: Option<bool>,
    pub short: i16,
    pub short_n: Option<i16>,
    pub int: i32,
    pub int_n: Option<i32>,
    pub long_n: Option<i64>,
    pub count: u64,
    pub float: f64,
    pub float_n: Option<f64>,
    #[record(decimal(28, 10))]
    pub price: Decimal,
    #[record(decimal(28, 28))]
    pub weight_n: Option<Decimal>,
    #[record(decimal(9, 2))]
    pub small: Decimal,
    pub text: String,
    pub text_n: Option<String>,
    pub mood: Mood,
    pub bytes: Vec<u8>,
    pub bytes_n: Option<Vec<u8>>,
    pub uuid: Uuid,
    pub uuid_n: Option<Uuid>,
    pub at: Timestamp,
    pub at_n: Option<Timestamp>,
    pub at_ns: TimestampNs,
    pub at_ns_n: Option<TimestampNs>,
    pub day: Date,
    pub day_n: Option<Date>,
    #[record(json)]
    pub details: serde_json::Value,
    #[record(json)]
    pub details_n: Option<serde_json::Value>,
    #[record(embed)]
    pub place: Place,
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A plain row.
pub fn plain(id: i64) -> Everything {
    Everything {
        id,
        flag: true,
        flag_n: Some(false),
        short: 7,
        short_n: Some(-7),
        int: 70_000,
        int_n: Some(-70_000),
        long_n: Some(1 << 40),
        count: 12,
        float: 0.1,
        float_n: Some(-2.5),
        price: decimal("96000.1234567891"),
        weight_n: Some(decimal("0.25")),
        small: decimal("12.50"),
        text: "BTC/USDT".into(),
        text_n: Some("x".into()),
        mood: Mood::Calm,
        bytes: vec![0, 1, 255],
        bytes_n: Some(vec![7]),
        uuid: Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
        uuid_n: Some(Uuid::max()),
        at: "2026-11-20T09:30:00.123456Z".parse().unwrap(),
        at_n: Some(Timestamp::from_micros(-1)),
        at_ns: "2026-11-20T09:30:00.123456789Z".parse().unwrap(),
        at_ns_n: Some(TimestampNs::from_nanos(-1)),
        day: "2026-11-20".parse().unwrap(),
        day_n: Some(Date::from_days(-1)),
        details: json!({"a": [1, 2.5, null], "b": "ü"}),
        details_n: Some(json!([])),
        place: Place { city: "Zürich".into(), country: Some("CH".into()) },
    }
}

/// Rows at the edges of every kind.
pub fn edges() -> Vec<Everything> {
    let largest = decimal("999999999999999999.9999999999");
    let low = Everything {
        flag: false,
        short: i16::MIN,
        short_n: Some(i16::MAX),
        int: i32::MIN,
        int_n: Some(i32::MAX),
        long_n: Some(i64::MIN),
        count: 0,
        float: f64::MIN,
        float_n: Some(f64::MIN_POSITIVE),
        price: -largest,
        weight_n: Some(decimal("-0.9999999999999999999999999999")),
        small: decimal("-9999999.99"),
        text: String::new(),
        text_n: Some(String::new()),
        mood: Mood::Other("state of 2031".into()),
        bytes: Vec::new(),
        bytes_n: Some(Vec::new()),
        uuid: Uuid::nil(),
        uuid_n: Some(Uuid::nil()),
        at: Timestamp::MIN,
        at_n: Some(Timestamp::MAX),
        at_ns: TimestampNs::MIN,
        at_ns_n: Some(TimestampNs::MAX),
        day: Date::MIN,
        day_n: Some(Date::MAX),
        details: json!(null),
        details_n: Some(json!("text")),
        place: Place { city: "𝄞🦀\n\"',= \\".into(), country: None },
        ..plain(1)
    };
    let high = Everything {
        short: i16::MAX,
        int: i32::MAX,
        long_n: Some(i64::MAX),
        count: i64::MAX.unsigned_abs(),
        float: -0.0,
        float_n: Some(5e-324),
        price: largest,
        weight_n: Some(decimal("0.0000000000000000000000000001")),
        small: decimal("9999999.99"),
        text: "é".repeat(5_000),
        mood: Mood::Wild,
        bytes: (0..=255).collect(),
        uuid: Uuid::max(),
        at: Timestamp::MAX,
        at_ns: TimestampNs::MAX,
        day: Date::MAX,
        details: json!({"deep": {"er": [[], {}]}}),
        ..plain(2)
    };
    vec![low, high, empty(), plain(4)]
}

/// A row without any value that may be missing.
fn empty() -> Everything {
    Everything {
        flag_n: None,
        short_n: None,
        int_n: None,
        long_n: None,
        float_n: None,
        price: Decimal::ZERO,
        weight_n: None,
        text_n: None,
        bytes_n: None,
        uuid_n: None,
        at_n: None,
        at_ns_n: None,
        day_n: None,
        details_n: None,
        ..plain(3)
    }
}

/// Runs one ignored test of this binary in a second process, with a file for it to work on.
pub fn second_process(test: &str, file: &std::path::Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, file)
        .output()
        .unwrap()
}

pub const FILE_VARIABLE: &str = "TRADEBASE_TEST_FILE";

/// The file that the first process gave.
pub fn given_file() -> String {
    std::env::var(FILE_VARIABLE).expect("run by another test, as a second process")
}
