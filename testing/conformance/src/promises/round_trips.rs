//! What is written comes back: every digit, every byte, once.

use tradebase_core::{Capability, Handed, Record, Timestamp};

use crate::models::{Session, SessionState, Trade};
use crate::rows::{Maker, TAGS, TEXTS};
use crate::store::{Engine, Home, Sample, Store, assert_same};

/// Writes rows and reads them back through the same handle.
async fn come_back<T>(engine: Engine, rows: &[T]) -> Vec<T>
where
    T: Sample,
    for<'a> &'a T: Handed<Record = T>,
{
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    store.prepare::<T>().await.expect("the table is made");
    store.write(rows).await.expect("the rows are written");
    let keys: Vec<_> = rows.iter().map(Record::key).collect();
    let found = store.read::<T>(&keys).await.expect("the rows are read");
    assert_same(rows, found.clone(), &format!("{engine:?}"));
    store.close().await.expect("the store closes");
    found
}

/// Random trades, and each text in each place it may stand in.
pub async fn every_trade_comes_back(engine: Engine) {
    let mut maker = Maker::new(1);
    let mut trades = maker.trades(1000);
    for tag in TAGS {
        trades.push(Trade { symbol: tag.into(), side: tag.into(), ..maker.trade() });
    }
    for text in TEXTS {
        trades.push(Trade { order_type: text.into(), status: text.into(), ..maker.trade() });
    }
    trades.push(Trade { status: "long ".repeat(20_000), ..maker.trade() });
    for trade in come_back(engine, &trades).await {
        let decimals = [trade.quantity, trade.price, trade.executed_price, trade.fee];
        assert!(decimals.iter().chain(&trade.pnl).all(|d| d.scale() == 10), "{trade:?}");
    }
}

/// Random sessions: every other kind, keys of two columns, an embedded struct, unknown states.
pub async fn every_session_comes_back(engine: Engine) {
    let sessions = Maker::new(2).sessions(600);
    let unknown = |s: &&Session| matches!(s.state, SessionState::Other(_));
    assert!(sessions.iter().any(|s| unknown(&s)));
    come_back(engine, &sessions).await;
}

/// A thousand trades of equal symbol, side and time are a thousand trades.
pub async fn equal_tags_and_times_stay_apart(engine: Engine) {
    let mut maker = Maker::new(3);
    let trades: Vec<_> = (0..1000)
        .map(|_| Trade {
            symbol: "BTC/USDT".into(),
            side: "buy".into(),
            timestamp: Timestamp::from_micros(1_700_000_000_000_000),
            ..maker.trade()
        })
        .collect();
    come_back(engine, &trades).await;
}

/// `None`, `Some("")` and zero are three things.
pub async fn nothing_is_not_empty(engine: Engine) {
    let mut maker = Maker::new(4);
    let mut sessions = maker.sessions(30);
    for (i, session) in sessions.iter_mut().enumerate() {
        let given = |which: usize| i % 5 == which;
        session.note = given(0).then(String::new);
        session.place.country = given(1).then(String::new);
        session.errors = given(2).then_some(0);
        session.extra = given(3).then(|| serde_json::json!(""));
        session.checksum = Vec::new();
        session.weight = given(4).then_some(Default::default());
    }
    come_back(engine, &sessions).await;
}

/// Engines without a unique key overwrite an equal row or keep it once more; they say which.
pub async fn writing_again_doubles_nothing(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    store.prepare::<Trade>().await.expect("the table is made");
    let trades = Maker::new(5).trades(50);
    let keys: Vec<_> = trades.iter().map(Record::key).collect();
    store.write(&trades).await.expect("the rows are written");
    let again = store.write(&trades).await;
    let found = store.read::<Trade>(&keys).await.expect("the rows are read");
    match store {
        Store::Sql(_) => {
            assert!(again.is_err_and(|e| e.is_conflict()), "a second row of a key conflicts");
            assert_same(&trades, found, "after a conflict");
        }
        Store::Cache(..) | Store::Series(_) => {
            again.expect("an equal row replaces itself");
            assert_same(&trades, found, "written twice");
        }
        Store::Analytics(_) => {
            again.expect("an append appends");
            assert!(store.capabilities().limit(Capability::UniqueKey).is_some());
            assert_eq!(found.len(), 2 * trades.len());
        }
    }
}
