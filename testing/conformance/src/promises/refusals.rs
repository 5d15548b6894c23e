//! What a store cannot hold is refused with a typed error, before anything is written.

use tradebase_core::{Code, Date, Decimal, Handed, Record, Timestamp, TimestampNs};

use super::refused;
use crate::models::{Price, Session, SessionState, Trade};
use crate::rows::Maker;
use crate::store::{Engine, Home, Sample, Store};

type Spoil<T> = (&'static str, &'static str, fn(&mut T));

/// Every way to spoil a trade: the column, the rule it breaks, the deed.
const TRADES: [Spoil<Trade>; 14] = [
    ("symbol", "nul", |t| t.symbol = "a\0b".into()),
    ("status", "nul", |t| t.status = "\0".into()),
    ("symbol", "tag", |t| t.symbol = String::new()),
    ("side", "tag", |t| t.side = "buy\nsell".into()),
    ("side", "tag", |t| t.side = "buy\\".into()),
    ("price", "scale", |t| t.price = Decimal::new(1, 11)),
    ("price", "precision", |t| t.price = Decimal::from_i128_with_scale(10_i128.pow(18), 0)),
    ("quantity", "precision", |t| t.quantity = Decimal::MAX),
    ("fee", "precision", |t| t.fee = Decimal::MIN),
    ("pnl", "scale", |t| t.pnl = Some(Decimal::from_i128_with_scale(1, 28))),
    ("timestamp", "range", |t| t.timestamp = Timestamp::from_micros(i64::MAX)),
    ("timestamp", "range", |t| t.timestamp = Timestamp::MIN),
    ("timestamp", "range", |t| t.timestamp = Timestamp::MAX),
    ("timestamp", "range", |t| {
        t.timestamp = Timestamp::from_micros(Timestamp::SERIES_MAX.as_micros() + 1);
    }),
];

/// Every way to spoil a session.
const SESSIONS: [Spoil<Session>; 16] = [
    ("day", "range", |s| s.day = Date::from_days(Date::MAX.as_days() + 1)),
    ("day", "range", |s| s.day = Date::from_days(Date::MIN.as_days() - 1)),
    ("venue", "length", |s| s.venue.0 = "v".repeat(41)),
    ("venue", "tag", |s| s.venue.0 = String::new()),
    ("place_city", "length", |s| s.place.city = String::new()),
    ("place_city", "length", |s| s.place.city = "c".repeat(61)),
    ("place_country", "nul", |s| s.place.country = Some("\0".into())),
    ("state", "label", |s| s.state = SessionState::Other("CLOSED".into())),
    ("state", "tag", |s| s.state = SessionState::Other("a\nb".into())),
    ("opened_at", "range", |s| s.opened_at = TimestampNs::from_nanos(i64::MIN)),
    ("seen_at", "range", |s| s.seen_at = Some(Timestamp::from_micros(i64::MIN))),
    ("details", "nul", |s| s.details.remark = Some("a\0".into())),
    ("messages", "range", |s| s.messages = u64::MAX),
    ("drift", "finite", |s| s.drift = f64::NAN),
    ("drift", "finite", |s| s.drift = f64::NEG_INFINITY),
    ("last", "precision", |s| s.last = Price(Decimal::new(1_000_000_000_000_000_000, 8))),
];

async fn empty<T: Sample>(store: &Store, rows: &[T], what: &str) {
    let keys: Vec<_> = rows.iter().map(Record::key).collect();
    let found = match store.read::<T>(&keys).await {
        // What was spoiled is the key itself: no row can stand under it.
        Err(error) if error.code() == Code::Invalid => return,
        found => found.expect("the store can be read"),
    };
    assert!(found.is_empty(), "{what}: {} rows were written", found.len());
}

/// Counts the refusals; each names its column and rule, and nothing is written.
async fn count<T>(engine: Engine, good: Vec<T>, spoils: &[Spoil<T>]) -> usize
where
    T: Sample,
    for<'a> &'a T: Handed<Record = T>,
{
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    store.prepare::<T>().await.expect("the table is made");
    let mut refusals = 0;
    for (column, rule, spoil) in spoils {
        let mut row = good[0].clone();
        spoil(&mut row);
        let rows = [row];
        let error = refused(store.write(&rows).await, Code::Invalid);
        let named: Vec<_> =
            error.violations().iter().map(|v| (v.column.as_str(), v.rule)).collect();
        assert_eq!(named, [(*column, *rule)], "{error}");
        refusals += 1;
        empty(&store, &rows, column).await;
    }
    refusals
}

/// All values outside the types and domains of the records are refused, and only they.
pub async fn refused_values_are_refused_before_writing(engine: Engine) {
    let trades = count(engine, Maker::new(6).trades(1), &TRADES).await;
    let sessions = count(engine, Maker::new(7).sessions(3).split_off(2), &SESSIONS).await;
    assert_eq!((trades, sessions), (TRADES.len(), SESSIONS.len()));
}

/// A bad row anywhere in a batch: the error says which row, and no row is written.
pub async fn a_bad_row_stops_its_batch(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    if let Store::Cache(..) = store {
        // A cache has no batch yet: each row is its own write.
        return;
    }
    store.prepare::<Trade>().await.expect("the table is made");
    for (size, bad) in [(3, 1), (2500, 2499)] {
        let mut trades = Maker::new(8).trades(size);
        trades[bad].price = Decimal::new(1, 11);
        trades[bad].status = "\0".into();
        let error = refused(store.write(&trades).await, Code::Invalid);
        let places: Vec<_> =
            error.violations().iter().map(|v| (v.row, v.column.as_str())).collect();
        assert_eq!(places, [(Some(bad), "price"), (Some(bad), "status")], "{error}");
        empty(&store, &trades, "a batch with a bad row").await;
    }
}
