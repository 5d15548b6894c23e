//! Records with all kinds of columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradebase_core::{
    Assigned, Date, Decimal, Field, Record, Row, Timestamp, TimestampNs, Uuid, decimal,
};

use super::Dice;

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq)]
#[field(id)]
pub struct EventId(pub Uuid);

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq)]
#[field(closed)]
pub enum Side {
    Buy,
    Sell,
}

#[derive(Field, Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Open,
    PartlyFilled,
    #[field(other)]
    Other(String),
}

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(decimal(28, 10))]
pub struct Pnl(pub Decimal);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Notes {
    pub tags: Vec<String>,
    pub counts: BTreeMap<String, i64>,
    pub nested: Option<Box<Notes>>,
}

/// Every kind, once as it is and once as an `Option`.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "events", index(symbol, at), unique(symbol, large))]
pub struct Event {
    #[record(key)]
    pub id: EventId,
    pub flag: bool,
    pub small: i16,
    pub medium: i32,
    pub large: i64,
    pub unsigned: u32,
    pub huge: u64,
    pub ratio: f64,
    #[record(decimal(18, 8))]
    pub price: Decimal,
    #[record(decimal(28, 28))]
    pub fraction: Decimal,
    pub pnl: Pnl,
    #[record(decimal(10, 0), default = "7")]
    pub whole: Decimal,
    #[record(index)]
    pub symbol: String,
    #[record(text(4))]
    pub code: String,
    pub data: Vec<u8>,
    pub other: Uuid,
    #[record(index)]
    pub at: Timestamp,
    pub at_ns: TimestampNs,
    pub day: Date,
    #[record(json)]
    pub notes: Notes,
    pub side: Side,
    pub status: Status,
    pub flag_or: Option<bool>,
    pub small_or: Option<i16>,
    pub medium_or: Option<i32>,
    pub large_or: Option<i64>,
    pub ratio_or: Option<f64>,
    #[record(decimal(18, 8))]
    pub price_or: Option<Decimal>,
    pub pnl_or: Option<Pnl>,
    #[record(index)]
    pub text_or: Option<String>,
    pub data_or: Option<Vec<u8>>,
    pub other_or: Option<Uuid>,
    pub at_or: Option<Timestamp>,
    pub at_ns_or: Option<TimestampNs>,
    pub day_or: Option<Date>,
    #[record(json)]
    pub notes_or: Option<Notes>,
    pub side_or: Option<Side>,
    pub status_or: Option<Status>,
}

/// An embedded struct and a key of two columns.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "venues")]
pub struct Venue {
    #[record(key)]
    pub day: Date,
    #[record(key)]
    pub name: String,
    #[record(embed)]
    pub place: Place,
    pub opened: TimestampNs,
}

#[derive(Row, Clone, Debug, PartialEq)]
pub struct Place {
    pub city: String,
    pub zip: Option<String>,
}

/// A key that the database assigns.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "remarks")]
pub struct Remark {
    #[record(key)]
    pub id: Assigned<i64>,
    #[record(unique)]
    pub text: String,
}

/// Columns that the layer fills.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "accounts")]
pub struct Account {
    #[record(key)]
    pub id: i64,
    #[record(unique)]
    pub owner: String,
    #[record(created)]
    pub made: Timestamp,
    #[record(updated)]
    pub changed: Timestamp,
    #[record(version)]
    pub version: i64,
}

/// Belongs to an [`Account`], and dies with it.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "orders")]
pub struct Order {
    #[record(key)]
    pub id: Uuid,
    #[record(belongs_to = Account, on_delete = cascade, index)]
    pub account: i64,
    #[record(belongs_to = Venue2, on_delete = set_null)]
    pub venue: Option<i32>,
    #[record(decimal(18, 8), min = 0)]
    pub quantity: Decimal,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "venues2")]
pub struct Venue2 {
    #[record(key)]
    pub id: i32,
}

/// As [`Account`], but finer and longer than a table that is there.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
pub struct Price {
    #[record(key)]
    pub id: i64,
    #[record(decimal(18, 8))]
    pub price: Decimal,
}

pub const FIRST_DAY: Date = Date::MIN;

/// A decimal of so many units.
pub fn units(units: i128, scale: u8) -> Decimal {
    decimal::text(units, scale).parse().unwrap()
}

const TEXTS: [&str; 12] = [
    "",
    "BTC/USDT",
    "btc/usdt",
    "a",
    "B",
    "ä",
    "🦀🚀",
    "it's \"quoted\", with = and \\",
    "two\nlines\tand a tab",
    " ",
    "z",
    "10% _ under",
];

pub fn text(dice: &mut Dice) -> String {
    (*dice.one(&TEXTS)).to_owned()
}

fn integer(dice: &mut Dice, least: i64, most: i64) -> i64 {
    match dice.below(6) {
        0 => least,
        1 => most,
        2 => 0,
        _ => {
            let spread = i128::from(most) - i128::from(least) + 1;
            let off = i128::from(dice.next()) % spread;
            i64::try_from(i128::from(least) + off).unwrap()
        }
    }
}

/// Any number of digits, edges included.
pub fn any_units(dice: &mut Dice, precision: u32) -> i128 {
    let most = 10_i128.pow(precision) - 1;
    let sign = if dice.below(2) == 0 { 1 } else { -1 };
    sign * match dice.below(6) {
        0 => most,
        1 => 0,
        2 => 1,
        _ => {
            let wide = (u128::from(dice.next()) << 64) | u128::from(dice.next());
            let digits = u32::try_from(dice.below(u64::from(precision) + 1)).unwrap();
            i128::try_from(wide % 10_u128.pow(digits)).unwrap()
        }
    }
}

fn float(dice: &mut Dice) -> f64 {
    const FLOATS: [f64; 8] = [0.0, 1.0, -1.5, 0.1, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324];
    match dice.below(3) {
        0 => *dice.one(&FLOATS),
        _ => f64::from_bits(dice.next() >> 2),
    }
}

fn moment(dice: &mut Dice) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_micros(), Timestamp::MAX.as_micros());
    Timestamp::from_micros(integer(dice, first, last))
}

fn fine_moment(dice: &mut Dice) -> TimestampNs {
    let (first, last) = (TimestampNs::MIN.as_nanos(), TimestampNs::MAX.as_nanos());
    TimestampNs::from_nanos(integer(dice, first, last))
}

fn day(dice: &mut Dice) -> Date {
    let (first, last) = (Date::MIN.as_days(), Date::MAX.as_days());
    let days = integer(dice, first.into(), last.into());
    Date::from_days(i32::try_from(days).unwrap())
}

fn bytes(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(5)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect()
}

fn uuid(dice: &mut Dice) -> Uuid {
    Uuid::from_u64_pair(dice.next(), dice.next())
}

fn notes(dice: &mut Dice) -> Notes {
    let nested = (dice.below(3) == 0).then(|| Box::new(notes(dice)));
    let tags = (0..dice.below(3)).map(|_| text(dice)).collect();
    let counts = (0..dice.below(3)).map(|_| (text(dice), dice.below(9).cast_signed())).collect();
    Notes { tags, counts, nested }
}

fn side(dice: &mut Dice) -> Side {
    *dice.one(&[Side::Buy, Side::Sell])
}

fn status(dice: &mut Dice) -> Status {
    let unknown = Status::Other("pending cancel".into());
    dice.one(&[Status::Open, Status::PartlyFilled, unknown]).clone()
}

/// An event of random and edge values; `unique` keeps `large` apart from all others.
pub fn event(dice: &mut Dice, unique: i64) -> Event {
    let small = |dice: &mut Dice| i16::try_from(integer(dice, -32_768, 32_767)).unwrap();
    let medium =
        |dice: &mut Dice| i32::try_from(integer(dice, i32::MIN.into(), i32::MAX.into())).unwrap();
    Event {
        id: EventId(uuid(dice)),
        flag: dice.below(2) == 0,
        small: small(dice),
        medium: medium(dice),
        large: unique,
        unsigned: u32::try_from(integer(dice, 0, u32::MAX.into())).unwrap(),
        huge: integer(dice, 0, i64::MAX).unsigned_abs(),
        ratio: float(dice),
        price: units(any_units(dice, 18), 8),
        fraction: units(any_units(dice, 28), 28),
        pnl: Pnl(units(any_units(dice, 28), 10)),
        whole: units(any_units(dice, 10), 0),
        symbol: text(dice),
        code: (*dice.one(&["", "EUR", "🦀🚀🦀🚀", "ABCD"])).to_owned(),
        data: bytes(dice),
        other: uuid(dice),
        at: moment(dice),
        at_ns: fine_moment(dice),
        day: day(dice),
        notes: notes(dice),
        side: side(dice),
        status: status(dice),
        flag_or: dice.maybe(|d| d.below(2) == 0),
        small_or: dice.maybe(small),
        medium_or: dice.maybe(medium),
        large_or: dice.maybe(|d| integer(d, i64::MIN, i64::MAX)),
        ratio_or: dice.maybe(float),
        price_or: dice.maybe(|d| units(any_units(d, 18), 8)),
        pnl_or: dice.maybe(|d| Pnl(units(any_units(d, 28), 10))),
        text_or: dice.maybe(text),
        data_or: dice.maybe(bytes),
        other_or: dice.maybe(uuid),
        at_or: dice.maybe(moment),
        at_ns_or: dice.maybe(fine_moment),
        day_or: dice.maybe(day),
        notes_or: dice.maybe(notes),
        side_or: dice.maybe(side),
        status_or: dice.maybe(status),
    }
}

/// So many different events.
pub fn events(seed: u64, count: i64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    (0..count).map(|i| event(&mut dice, i)).collect()
}

/// In the order of the key.
pub fn by_key(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.id.0);
    events
}

/// One event with a value in every column, for the golden files.
pub fn full() -> Event {
    let notes = Notes {
        tags: vec!["a".into(), "ü".into()],
        counts: BTreeMap::from([("n".to_owned(), -3)]),
        nested: None,
    };
    let at = Timestamp::from_micros(1_795_166_400_123_456);
    let at_ns = TimestampNs::from_nanos(-1);
    Event {
        id: EventId(Uuid::from_u128(0x0193_4567_89ab_7cde_8f01_2345_6789_abcd)),
        flag: true,
        small: -2,
        medium: 70_000,
        large: i64::MIN,
        unsigned: u32::MAX,
        huge: i64::MAX.unsigned_abs(),
        ratio: 0.1,
        price: units(-123_456_789_012, 8),
        fraction: units(1, 28),
        pnl: Pnl(units(-9_999_999_999_999_999_999_999_999_999, 10)),
        whole: units(10_000, 0),
        symbol: "BTC/USDT".into(),
        code: "🦀".into(),
        data: vec![0, 255, 1],
        other: Uuid::max(),
        at,
        at_ns,
        day: Date::MAX,
        notes: notes.clone(),
        side: Side::Sell,
        status: Status::Other("pending cancel".into()),
        flag_or: Some(false),
        small_or: Some(i16::MAX),
        medium_or: Some(i32::MIN),
        large_or: Some(0),
        ratio_or: Some(-1.5),
        price_or: Some(units(999_999_999_999_999_999, 8)),
        pnl_or: Some(Pnl(units(0, 10))),
        text_or: Some(String::new()),
        data_or: Some(Vec::new()),
        other_or: Some(Uuid::nil()),
        at_or: Some(Timestamp::MIN),
        at_ns_or: Some(TimestampNs::MAX),
        day_or: Some(Date::from_days(-1)),
        notes_or: Some(notes),
        side_or: Some(Side::Buy),
        status_or: Some(Status::PartlyFilled),
    }
}

/// The same event with as little as it can have.
pub fn bare() -> Event {
    Event {
        id: EventId(Uuid::from_u128(1)),
        flag: false,
        small: 0,
        medium: 0,
        large: 0,
        unsigned: 0,
        huge: 0,
        ratio: 0.0,
        price: Decimal::ZERO,
        fraction: Decimal::ZERO,
        pnl: Pnl(Decimal::ZERO),
        whole: Decimal::ZERO,
        symbol: String::new(),
        code: String::new(),
        data: Vec::new(),
        other: Uuid::nil(),
        at: Timestamp::default(),
        at_ns: TimestampNs::default(),
        day: Date::default(),
        notes: Notes { tags: Vec::new(), counts: BTreeMap::new(), nested: None },
        side: Side::Buy,
        status: Status::Open,
        flag_or: None,
        small_or: None,
        medium_or: None,
        large_or: None,
        ratio_or: None,
        price_or: None,
        pnl_or: None,
        text_or: None,
        data_or: None,
        other_or: None,
        at_or: None,
        at_ns_or: None,
        day_or: None,
        notes_or: None,
        side_or: None,
        status_or: None,
    }
}

/// An account as the caller makes it.
pub fn account(id: i64, owner: &str) -> Account {
    let never = Timestamp::default();
    Account { id, owner: owner.into(), made: never, changed: never, version: 0 }
}
