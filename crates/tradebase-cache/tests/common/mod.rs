//! The records and stores of the tests.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradebase_cache::{CacheStore, MemoryOptions, RedisOptions};
use tradebase_core::watch::Watch;
use tradebase_core::{Date, Decimal, Field, Record, Row, Timestamp, TimestampNs, Uuid};
use tradebase_testkit::Redis;

/// Every kind there is, with a key of two columns.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "sessions")]
pub struct Session {
    #[record(key)]
    pub day: Date,
    #[record(key)]
    pub venue: String,
    #[record(embed)]
    pub place: Place,
    pub state: State,
    pub opened_at: TimestampNs,
    pub seen_at: Option<Timestamp>,
    #[record(json)]
    pub details: Details,
    #[record(json)]
    pub extra: Option<serde_json::Value>,
    pub checksum: Vec<u8>,
    pub note: Option<String>,
    pub halted: bool,
    pub lanes: i16,
    pub orders: i32,
    pub messages: u64,
    pub errors: Option<u32>,
    pub offset: i64,
    pub drift: f64,
    #[record(decimal(18, 8))]
    pub last: Decimal,
    #[record(decimal(28, 28))]
    pub weight: Option<Decimal>,
    pub session_id: Uuid,
}

#[derive(Row, Clone, Debug, PartialEq)]
pub struct Place {
    pub city: String,
    pub country: Option<String>,
}

#[derive(Field, Clone, Debug, PartialEq)]
pub enum State {
    Open,
    Closed,
    #[field(other)]
    Other(String),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Details {
    pub halts: Vec<BTreeMap<String, i64>>,
    pub remark: Option<String>,
    pub kind: Option<Halt>,
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "type")]
pub enum Halt {
    Short { at: Timestamp, day: Date, minutes: u8 },
}

pub fn session() -> Session {
    let at = "2026-11-20T09:30:00.123456Z".parse().unwrap();
    let day = Date::new(2026, 11, 20).unwrap();
    Session {
        day,
        venue: "XETR".into(),
        place: Place { city: "Köln \"am\" Rhein\n".into(), country: None },
        state: State::Other("auction \u{1f600}".into()),
        opened_at: TimestampNs::from_nanos(1_795_167_000_123_456_789),
        seen_at: Some(at),
        details: Details {
            halts: vec![BTreeMap::from([("from".into(), 1), ("to".into(), -1)]), BTreeMap::new()],
            remark: Some(String::new()),
            kind: Some(Halt::Short { at, day, minutes: 5 }),
            more: BTreeMap::from([("ratio".into(), 0.5.into()), ("big".into(), u64::MAX.into())]),
        },
        extra: Some(serde_json::json!({"a": [1, null, {"b": "c"}], "n": -1.5})),
        checksum: vec![0, 0xc1, 0xff],
        note: Some(String::new()),
        halted: true,
        lanes: -3,
        orders: 70_000,
        messages: 5_000_000_000,
        errors: Some(u32::MAX),
        offset: i64::MIN,
        drift: -0.25,
        last: "67000.5".parse().unwrap(),
        weight: Some("0.0000000000000000000000000001".parse().unwrap()),
        session_id: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001),
    }
}

/// All edges of all kinds.
pub fn edges() -> Vec<Session> {
    let mut rows = vec![session()];
    let mut edge = |change: &dyn Fn(&mut Session)| {
        let mut row = session();
        row.venue = format!("V{}", rows.len());
        change(&mut row);
        rows.push(row);
    };
    for value in [0, 1, -1, 31, 32, 127, 128, -32, -33, -128, -129, 255, 256, 32767, -32768] {
        edge(&|row| (row.lanes, row.orders, row.offset) = (value, value.into(), value.into()));
    }
    for value in [65_535, 65_536, -32_769, 4_294_967_295, 4_294_967_296, -2_147_483_649, i64::MAX] {
        edge(&|row| row.offset = value);
    }
    edge(&|row| row.messages = i64::MAX.unsigned_abs());
    for value in [0.0, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON, 1e300, 5e-324] {
        edge(&|row| row.drift = value);
    }
    for text in ["0", "-0.00000001", "9999999999.99999999", "-9999999999.99999999", "1.5"] {
        edge(&|row| row.last = text.parse().unwrap());
    }
    for text in ["0.9999999999999999999999999999", "-0.9999999999999999999999999999", "0"] {
        edge(&|row| row.weight = Some(text.parse().unwrap()));
    }
    for len in [0, 1, 31, 32, 33, 255, 256, 65_535, 65_536] {
        edge(&|row| row.note = Some("x".repeat(len)));
        edge(&|row| row.checksum = vec![0xab; len]);
    }
    for text in ["\u{1f600}", "'\"\\\n\r\t", "a:b%c", "null", " ", "\u{7f}\u{80}"] {
        edge(&|row| row.place.city = text.into());
    }
    for micros in [0, -1, 1, 999_999, -1_000_000, 4_294_967_295_000_000, 4_294_967_296_000_000] {
        edge(&|row| row.seen_at = Some(Timestamp::from_micros(micros)));
    }
    for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp::SERIES_MIN, Timestamp::SERIES_MAX] {
        edge(&|row| row.seen_at = Some(moment));
    }
    for nanos in [0, 1, -1, 999_999_999, 1_000_000_000, -1_000_000_001] {
        edge(&|row| row.opened_at = TimestampNs::from_nanos(nanos));
    }
    for moment in [TimestampNs::MIN, TimestampNs::MAX] {
        edge(&|row| row.opened_at = moment);
    }
    for day in [Date::MIN, Date::MAX, Date::from_days(0), Date::from_days(-1)] {
        edge(&|row| row.day = day);
    }
    edge(&|row| row.session_id = Uuid::nil());
    edge(&|row| row.session_id = Uuid::max());
    edge(&|row| row.extra = Some(serde_json::json!([])));
    edge(&|row| {
        row.place.country = Some("DE".into());
        (row.seen_at, row.extra, row.note) = (None, None, None);
        (row.errors, row.weight) = (None, None);
    });
    rows
}

/// A key of one text column.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
pub struct Price {
    #[record(key)]
    pub symbol: String,
    #[record(decimal(18, 4), min = 0)]
    pub last: Decimal,
    #[record(length(0..=10))]
    pub source: Option<String>,
}

pub fn price(symbol: &str) -> Price {
    Price { symbol: symbol.into(), last: "67000.5".parse().unwrap(), source: None }
}

/// A store in process memory.
pub async fn memory() -> CacheStore {
    CacheStore::memory()
}

/// The same under a watch.
pub fn memory_under(watch: Watch) -> CacheStore {
    CacheStore::memory_with(MemoryOptions::default().with_watch(watch))
}

/// A store in the shared Redis, with keys of its own.
pub async fn redis() -> CacheStore {
    redis_under(Watch::default())
}

/// The same under a watch.
pub fn redis_under(watch: Watch) -> CacheStore {
    let redis = Redis::shared();
    let options = RedisOptions::new(&redis.url()).with_prefix(redis.prefix());
    CacheStore::redis_later(patient(options).with_watch(watch)).unwrap()
}

/// With deadlines that only a machine under load needs.
pub fn patient(options: RedisOptions) -> RedisOptions {
    options
        .with_call_deadline(Duration::from_secs(20))
        .with_connect_deadline(Duration::from_secs(20))
}

/// Whether it comes true within ten seconds.
pub async fn within_ten_seconds<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) -> bool {
    for _ in 0..500 {
        if ask().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Rows that are equal, however large they print.
#[track_caller]
pub fn assert_same<T: PartialEq + fmt::Debug>(found: &T, wanted: &T) {
    assert!(found == wanted, "found {found:?}\nwanted {wanted:?}");
}

/// The same promises on both engines.
#[macro_export]
macro_rules! on_both_engines {
    ($($promise:ident;)+) => {
        mod memory {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise($crate::common::memory().await).await;
                }
            )+
        }
        mod redis {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise($crate::common::redis().await).await;
                }
            )+
        }
    };
}
