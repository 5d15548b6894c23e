//! The records of the suite: the bench trade, and an unrelated one with everything else.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tradebase_core::{Assigned, Date, Decimal, Field, Record, Row, Timestamp, TimestampNs, Uuid};

/// The id of a trade.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[field(id)]
pub struct TradeId(pub Uuid);

/// The bench trade: twelve columns, a client-made key, an index over two columns.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", series = "trades", index(bot_id, timestamp))]
pub struct Trade {
    /// UUID of version 7.
    #[record(key, tag)]
    pub id: TradeId,
    /// The bot that traded.
    pub bot_id: Uuid,
    /// The instrument.
    #[record(tag)]
    pub symbol: String,
    /// Buy or sell.
    #[record(tag)]
    pub side: String,
    /// Market, limit …
    pub order_type: String,
    /// How much.
    #[record(decimal(28, 10))]
    pub quantity: Decimal,
    /// At what price it was asked for.
    #[record(decimal(28, 10))]
    pub price: Decimal,
    /// At what price it was done.
    #[record(decimal(28, 10))]
    pub executed_price: Decimal,
    /// What it cost.
    #[record(decimal(28, 10))]
    pub fee: Decimal,
    /// What it won, once that is known.
    #[record(decimal(28, 10))]
    pub pnl: Option<Decimal>,
    /// Filled, open …
    pub status: String,
    /// When.
    #[record(time)]
    pub timestamp: Timestamp,
}

/// A price with its own scale.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[field(decimal(18, 8))]
pub struct Price(pub Decimal);

/// The name of a venue, with its own bound.
#[derive(Field, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[field(text(40))]
pub struct VenueName(pub String);

/// The state of a session. Open: a venue may invent states we do not know.
#[derive(Field, Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Before the open.
    PreOpen,
    /// Trading.
    Open,
    /// After the close.
    #[field(rename = "CLOSED")]
    Closed,
    /// A state of the venue's own.
    #[field(other)]
    Other(String),
}

/// How a session is watched. Closed: nothing else may be stored.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq)]
#[field(closed, rename_all = "UPPERCASE")]
pub enum Watch {
    /// Every tick.
    Full,
    /// Closing prices only.
    Daily,
}

/// Where a venue is.
#[derive(Row, Clone, Debug, PartialEq)]
pub struct Place {
    /// The city.
    #[record(length(1..=60))]
    pub city: String,
    /// The country, if it is in one.
    pub country: Option<String>,
}

/// A document inside a session.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Details {
    /// Nested lists and maps.
    pub halts: Vec<BTreeMap<String, i64>>,
    /// Text with anything in it.
    pub remark: Option<String>,
    /// A float.
    pub factor: f64,
}

/// One venue's session on one day: every kind that the trade does not have.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "sessions", series = "sessions", index(place_city, opened_at))]
pub struct Session {
    /// The day.
    #[record(key, tag)]
    pub day: Date,
    /// The venue.
    #[record(key, tag)]
    pub venue: VenueName,
    /// Where it is.
    #[record(embed)]
    pub place: Place,
    /// Its state.
    #[record(tag, index)]
    pub state: SessionState,
    /// How it is watched.
    pub watch: Watch,
    /// When it opened, to the nanosecond.
    #[record(time)]
    pub opened_at: TimestampNs,
    /// When it was last seen.
    pub seen_at: Option<Timestamp>,
    /// Nested JSON.
    #[record(json)]
    pub details: Details,
    /// JSON that may be missing.
    #[record(json)]
    pub extra: Option<serde_json::Value>,
    /// Raw bytes.
    pub checksum: Vec<u8>,
    /// Text that may be missing, which is not empty.
    pub note: Option<String>,
    /// A flag.
    pub halted: bool,
    /// A small integer.
    pub lanes: i16,
    /// An integer.
    pub orders: i32,
    /// A counter without sign.
    pub messages: u64,
    /// A counter without sign, that may be missing.
    pub errors: Option<u32>,
    /// A large integer.
    pub offset: i64,
    /// A float.
    pub drift: f64,
    /// A price with its own scale.
    pub last: Price,
    /// A decimal with all its digits behind the point.
    #[record(decimal(28, 28))]
    pub weight: Option<Decimal>,
}

/// A ticket about a session: its key is assigned, and the layer fills four columns.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "tickets", unique(subject, venue))]
pub struct Ticket {
    /// Assigned by the database.
    #[record(key)]
    pub id: Assigned<i64>,
    /// What it is about.
    #[record(length(1..=80))]
    pub subject: String,
    /// The venue it is about.
    pub venue: String,
    /// How bad it is.
    #[record(default = 3, min = 1, max = 5)]
    pub severity: i16,
    /// When it was made.
    #[record(created)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[record(updated)]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[record(version)]
    pub version: i64,
}
