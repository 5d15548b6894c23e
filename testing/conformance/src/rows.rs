//! Rows by the thousand: random, seeded, with every edge among them.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tradebase_core::{Date, Decimal, Timestamp, TimestampNs, Uuid};

use crate::models::{
    Details, Place, Price, Session, SessionState, Trade, TradeId, VenueName, Watch,
};

/// Texts that a field must keep, whatever the store does with them.
pub const TEXTS: [&str; 18] = [
    "",
    "plain",
    "two words",
    " lead and trail ",
    "comma,comma",
    "equals=equals",
    "\"quoted\"",
    "it's",
    "back\\slash",
    "\\",
    "\\\"both\\\"",
    "line\nbreak\r\n",
    "tab\tbell\u{7}",
    "\u{1f600}\u{10ffff}",
    "ünï¢ode",
    "NULL",
    "null",
    "1e3",
];

/// Texts that a tag must keep.
pub const TAGS: [&str; 14] = [
    "BTC/USDT",
    "two words",
    " lead and trail ",
    "comma,comma",
    "equals=equals",
    "\"quoted\"",
    "it's",
    "back\\slash",
    "\\,\\=\\ x",
    "tab\tbell\u{7}",
    "\u{1f600}\u{10ffff}",
    "ünï¢ode",
    "null",
    "#comment",
];

/// A seeded maker of rows. Equal seeds make equal rows, in any process.
pub struct Maker(StdRng);

impl Maker {
    /// A maker of that seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.0.random_range(0..from.len())]
    }

    fn id(&mut self) -> Uuid {
        let millis = self.0.random_range(1_600_000_000_000_u64..1_900_000_000_000);
        let random: [u8; 10] = self.0.random();
        uuid_v7(millis, random)
    }

    /// A decimal of that many digits and scale: small, large, and the very ends.
    fn decimal(&mut self, digits: u32, scale: u32) -> Decimal {
        let limit = 10_i128.pow(digits) - 1;
        let units = match self.0.random_range(0..10) {
            0 => limit,
            1 => -limit,
            2 => 1,
            3 => -1,
            4 => 0,
            5 | 6 => self.0.random_range(-limit..=limit),
            _ => self.0.random_range(-1_000_000_000_000..=1_000_000_000_000),
        };
        Decimal::from_i128_with_scale(units.clamp(-limit, limit), scale)
    }

    fn text(&mut self) -> String {
        match self.0.random_range(0..3) {
            0 => (*self.pick(&TEXTS)).to_owned(),
            1 => format!("text {}", self.0.random::<u32>()),
            _ => {
                let len = self.0.random_range(0..40);
                (0..len).map(|_| self.letter()).collect()
            }
        }
    }

    /// Any character but NUL.
    fn letter(&mut self) -> char {
        loop {
            let letter = match self.0.random_range(0..3) {
                0 => char::from(self.0.random_range(1..128_u8)),
                1 => self.0.random_range('\u{80}'..'\u{2fff}'),
                _ => self.0.random_range('\u{10000}'..='\u{10ffff}'),
            };
            if letter != '\0' {
                return letter;
            }
        }
    }

    fn tag(&mut self) -> String {
        if self.0.random_range(0..3) == 0 {
            return (*self.pick(&TAGS)).to_owned();
        }
        let text = self.text().replace(['\n'], "");
        let text = text.trim_end_matches('\\');
        if text.is_empty() { "x".into() } else { text.into() }
    }

    fn moment(&mut self, first: Timestamp, last: Timestamp) -> Timestamp {
        match self.0.random_range(0..20) {
            0 => first,
            1 => last,
            2 => Timestamp::from_micros(0),
            3 => Timestamp::from_micros(-1),
            4..8 => {
                Timestamp::from_micros(self.0.random_range(first.as_micros()..=last.as_micros()))
            }
            _ => Timestamp::from_micros(
                self.0.random_range(1_600_000_000_000_000..1_900_000_000_000_000),
            ),
        }
    }

    fn moment_ns(&mut self) -> TimestampNs {
        let (first, last) = (TimestampNs::MIN.as_nanos(), TimestampNs::MAX.as_nanos());
        TimestampNs::from_nanos(match self.0.random_range(0..12) {
            0 => first,
            1 => last,
            2 => 0,
            3 => -1,
            4..7 => self.0.random_range(first..=last),
            _ => self.0.random_range(1_600_000_000_000_000_000..1_900_000_000_000_000_000),
        })
    }

    /// One trade.
    pub fn trade(&mut self) -> Trade {
        Trade {
            id: TradeId(self.id()),
            bot_id: self.id(),
            symbol: self.tag(),
            side: self.pick(&["buy", "sell"]).to_string(),
            order_type: self.text(),
            quantity: self.decimal(28, 10),
            price: self.decimal(28, 10),
            executed_price: self.decimal(28, 10),
            fee: self.decimal(18, 10),
            pnl: self.0.random_bool(0.7).then(|| self.decimal(28, 10)),
            status: self.text(),
            timestamp: self.moment(Timestamp::SERIES_MIN, Timestamp::SERIES_MAX),
        }
    }

    /// So many trades; a tenth of them with equal symbol, side and timestamp.
    pub fn trades(&mut self, count: usize) -> Vec<Trade> {
        let mut trades: Vec<_> = (0..count).map(|_| self.trade()).collect();
        let same = self.trade();
        for trade in trades.iter_mut().step_by(10) {
            trade.symbol.clone_from(&same.symbol);
            trade.side.clone_from(&same.side);
            trade.timestamp = same.timestamp;
        }
        trades
    }

    fn details(&mut self) -> Details {
        let halt = |maker: &mut Self| {
            BTreeMap::from([(maker.text(), maker.0.random::<i64>()), ("n".into(), 1)])
        };
        let halts = (0..self.0.random_range(0..3)).map(|_| halt(self)).collect();
        let remark = self.0.random_bool(0.5).then(|| self.text());
        Details { halts, remark, factor: self.float() }
    }

    fn float(&mut self) -> f64 {
        match self.0.random_range(0..10) {
            0 => f64::MAX,
            1 => f64::MIN,
            2 => f64::MIN_POSITIVE,
            3 => 0.0,
            4 => 0.1 + 0.2,
            5 => 1e-300,
            _ => self.0.random_range(-1e9..1e9),
        }
    }

    fn extra(&mut self) -> Option<serde_json::Value> {
        match self.0.random_range(0..5) {
            0 => None,
            1 => Some(serde_json::json!([])),
            2 => Some(serde_json::json!({"k": [1, 2.5, "three", null, true], "a": {"b": {}}})),
            3 => Some(serde_json::json!(self.0.random::<i64>())),
            _ => Some(serde_json::json!(self.text())),
        }
    }

    /// One session; days and venues are told apart by the number.
    pub fn session(&mut self, number: i32) -> Session {
        let ends = [i64::MIN, i64::MAX, 0, -1];
        let day = match number {
            0 => Date::MIN,
            1 => Date::MAX,
            n => Date::from_days(n * 3 - 5000),
        };
        let venue: String = self.tag().chars().take(30).collect();
        let venue = venue.trim_end_matches('\\');
        Session {
            day,
            venue: VenueName(format!("{number}-{venue}")),
            place: Place {
                city: format!("City {}", self.tag().chars().take(40).collect::<String>()),
                country: self.0.random_bool(0.5).then(|| self.text()),
            },
            state: match self.0.random_range(0..4) {
                0 => SessionState::PreOpen,
                1 => SessionState::Open,
                2 => SessionState::Closed,
                _ => SessionState::Other(format!("halted by {}", self.tag())),
            },
            watch: *self.pick(&[Watch::Full, Watch::Daily]),
            opened_at: self.moment_ns(),
            seen_at: self.0.random_bool(0.7).then(|| self.moment(Timestamp::MIN, Timestamp::MAX)),
            details: self.details(),
            extra: self.extra(),
            checksum: (0..self.0.random_range(0..40)).map(|_| self.0.random()).collect(),
            note: *self
                .pick(&[None, Some(String::new()), Some("noted".into())].map(Box::new))
                .clone(),
            halted: self.0.random(),
            lanes: *self.pick(&[i16::MIN, i16::MAX, 0, 7]),
            orders: *self.pick(&[i32::MIN, i32::MAX, 0, 7]),
            messages: *self.pick(&[0, 7, i64::MAX.unsigned_abs()]),
            errors: *self.pick(&[None, Some(0), Some(u32::MAX)]),
            offset: *self.pick(&ends),
            drift: self.float(),
            last: Price(self.decimal(18, 8)),
            weight: self.0.random_bool(0.7).then(|| self.decimal(28, 28)),
        }
    }

    /// So many sessions, all of other days and venues.
    pub fn sessions(&mut self, count: usize) -> Vec<Session> {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        (0..count).map(|number| self.session(number)).collect()
    }
}

fn uuid_v7(millis: u64, random: [u8; 10]) -> Uuid {
    const VERSION: u128 = 0x7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    const TAIL: u128 = (1 << 62) - 1;
    let random = random.iter().fold(0_u128, |n, b| (n << 8) | u128::from(*b));
    Uuid::from_u128((u128::from(millis) << 80) | VERSION | VARIANT | (random & TAIL))
}
