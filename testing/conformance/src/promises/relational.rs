//! What engines promise that change, find and delete single rows.

use tradebase_core::{Assigned, Capability, Code, Filter, Record};

use super::{can, refused};
use crate::models::{Session, Ticket, Trade};
use crate::reference::is_offered;
use crate::rows::Maker;
use crate::store::{Engine, Home, Store, assert_same};

fn ticket(subject: &str) -> Ticket {
    Ticket {
        id: Assigned::New,
        subject: subject.into(),
        venue: "XNYS".into(),
        severity: 3,
        created_at: Default::default(),
        updated_at: Default::default(),
        version: 0,
    }
}

/// Assigned keys come back in the record, moments and versions are set, and a stale write is
/// refused.
pub async fn keys_are_assigned_and_stamps_set(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    if !can(&store, Capability::AssignedKey) {
        return;
    }
    store.prepare::<Ticket>().await.expect("the table is made");
    match &store {
        Store::Sql(sql) => {
            let mut first = ticket("feed is late");
            let mut second = ticket("feed is gone");
            sql.insert(&mut first).await.expect("inserted");
            sql.insert(&mut second).await.expect("inserted");
            assert!(matches!((first.id, second.id), (Assigned::Is(a), Assigned::Is(b)) if a < b));
            assert_eq!(first.version, 1);
            assert!(first.created_at.as_micros() > 0 && first.created_at == first.updated_at);
            let mut stale = sql.get::<Ticket>(&first.id).await.expect("read").expect("there");
            assert_eq!(stale, first);
            first.severity = 5;
            sql.update(&mut first).await.expect("updated");
            assert_eq!(first.version, 2);
            let before = stale.clone();
            stale.severity = 1;
            refused(sql.update(&mut stale).await, Code::VersionConflict);
            assert_eq!(stale.version, before.version, "a failed write leaves the stamps alone");
            let mut many: Vec<_> = (0..30).map(|n| ticket(&format!("batch {n}"))).collect();
            sql.insert_many(&mut many).await.expect("inserted");
            let all = sql.all::<Ticket>().await.expect("read");
            assert_eq!(all.len(), 32);
            assert!(many.iter().all(|t| all.contains(t)), "each knows its own key");
            let mut twice = ticket("feed is late");
            let error = refused(sql.insert(&mut twice).await, Code::NotUnique);
            assert_eq!(twice.id, Assigned::New);
            assert!(error.to_string().contains("subject"), "{error}");
        }
        Store::Analytics(analytics) => {
            let mut many: Vec<_> = (0..30).map(|n| ticket(&format!("batch {n}"))).collect();
            analytics.append(&mut many).await.expect("appended");
            let all = analytics.all::<Ticket>().await.expect("read");
            assert_eq!(all.len(), 30);
        }
        Store::Cache(..) | Store::Series(_) => panic!("{engine:?} does not assign keys"),
    }
}

/// Update, get, delete by key.
pub async fn a_row_is_changed_and_deleted(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    store.prepare::<Session>().await.expect("the table is made");
    let mut sessions = Maker::new(9).sessions(20);
    store.write(&sessions).await.expect("the rows are written");
    let changed = Session { note: Some("changed".into()), ..Maker::new(10).session(5) };
    let changed = Session { day: sessions[5].day, venue: sessions[5].venue.clone(), ..changed };
    let (kept, gone) = (sessions[5].key(), sessions[6].key());
    match &store {
        Store::Sql(sql) => {
            sql.update(&changed).await.expect("updated");
            assert_eq!(sql.get::<Session>(&kept).await.expect("read").as_ref(), Some(&changed));
            assert!(sql.delete::<Session>(&gone).await.expect("deleted"));
            assert!(!sql.delete::<Session>(&gone).await.expect("already gone"));
            assert_eq!(sql.get::<Session>(&gone).await.expect("read"), None);
            refused(sql.update(&sessions[6]).await, Code::NotFound);
        }
        Store::Cache(cache, prefix) => {
            let cache = Store::cache::<Session>(cache, prefix);
            cache.set(&changed).await.expect("set");
            assert_eq!(cache.get(&kept).await.expect("read").as_ref(), Some(&changed));
            assert!(cache.delete(&gone).await.expect("deleted"));
            assert!(!cache.delete(&gone).await.expect("already gone"));
            assert!(!cache.exists(&gone).await.expect("asked"));
        }
        Store::Analytics(_) | Store::Series(_) => {
            for verb in [Capability::Update, Capability::Delete] {
                assert!(!is_offered(store.capabilities(), verb), "{verb:?} has its promise here");
            }
            return;
        }
    }
    sessions[5] = changed;
    let keys: Vec<_> = sessions.iter().map(Record::key).collect();
    sessions.remove(6);
    let found = store.read::<Session>(&keys).await.expect("the rows are read");
    assert_same(&sessions, found, "after an update and a delete");
}

/// The second row of a key is refused, alone and in a batch, and the batch writes nothing.
pub async fn a_second_row_of_a_key_conflicts(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    if !can(&store, Capability::UniqueKey) {
        return;
    }
    let Store::Sql(sql) = &store else { panic!("{engine:?} has no unique keys") };
    store.prepare::<Trade>().await.expect("the table is made");
    let mut trades = Maker::new(11).trades(3000);
    sql.insert(&trades[0]).await.expect("inserted");
    let error = refused(sql.insert(&trades[0]).await, Code::NotUnique);
    assert_eq!((error.record(), error.column_name()), (Some("Trade"), Some("id")), "{error}");
    for size in [2, 60, 3000] {
        let last = trades[size - 1].id;
        trades[size - 1].id = trades[0].id;
        let error = refused(sql.insert_many(&trades[1..size]).await, Code::NotUnique);
        assert!(error.is_conflict());
        trades[size - 1].id = last;
        assert_eq!(sql.all::<Trade>().await.expect("read").len(), 1, "batch of {size}");
    }
}

/// A filter, and what it says in plain Rust.
type Case = (Filter<Trade>, fn(&Trade) -> bool);

/// Typed filters, orders and limits find the same rows that plain Rust finds.
pub async fn a_filter_finds_what_it_says(engine: Engine) {
    let home = Home::new(engine);
    let store = home.open().await.expect("the store opens");
    if !is_offered(store.capabilities(), Capability::Filter) {
        return;
    }
    let Store::Sql(sql) = &store else { panic!("{engine:?} has no filters") };
    store.prepare::<Trade>().await.expect("the table is made");
    let mut trades = Maker::new(12).trades(800);
    sql.insert_many(&trades).await.expect("inserted");
    let zero = tradebase_core::Decimal::ZERO;
    let cases: [Case; 7] = [
        (Filter::all(), |_| true),
        (Trade::SIDE.eq("buy"), |t| t.side == "buy"),
        (Trade::PNL.is_null(), |t| t.pnl.is_none()),
        (Trade::PNL.lt(zero), |t| t.pnl.is_some_and(|p| p.is_sign_negative() && !p.is_zero())),
        (!Trade::PNL.lt(zero), |t| t.pnl.is_some_and(|p| p >= tradebase_core::Decimal::ZERO)),
        (Trade::PRICE.ge(zero).and(Trade::SIDE.ne("buy")), |t| {
            t.price >= tradebase_core::Decimal::ZERO && t.side != "buy"
        }),
        (Trade::STATUS.one_of(["", "NULL", "\\"]).or(Trade::SYMBOL.eq("it's")), |t| {
            ["", "NULL", "\\"].contains(&t.status.as_str()) || t.symbol == "it's"
        }),
    ];
    for (number, (filter, holds)) in cases.into_iter().enumerate() {
        let wanted: Vec<_> = trades.iter().filter(|t| holds(t)).cloned().collect();
        assert!(!wanted.is_empty(), "case {number} asks for something");
        let found = sql.find::<Trade>().filter(filter).all().await.expect("found");
        assert_same(&wanted, found, &format!("case {number}"));
    }
    trades.sort_by(|a, b| b.pnl.cmp(&a.pnl).then(a.id.cmp(&b.id)));
    let found = sql
        .find::<Trade>()
        .order_by(Trade::PNL.desc())
        .order_by(Trade::ID.asc())
        .limit(300)
        .all()
        .await
        .expect("found");
    assert_eq!(found, trades[..300], "largest first, nulls last");
}
