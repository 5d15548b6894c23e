//! What each verb promises, on both engines.

mod common;

use std::time::Duration;

use common::{Price, Session, assert_same, edges, price, session, within_ten_seconds};
use tokio::time::sleep;
use tradebase_cache::{CacheStore, Json, Ttl};
use tradebase_core::{Assigned, Capability, Code, Record};

on_both_engines! {
    what_is_set_is_got;
    every_edge_of_every_kind_comes_back;
    every_edge_of_every_kind_comes_back_from_json;
    a_second_set_replaces_the_first;
    what_is_deleted_is_gone;
    an_entry_lives_its_time_and_no_longer;
    a_time_to_live_is_told_and_changed;
    never_is_never;
    a_time_to_live_of_zero_is_refused;
    a_refused_row_is_not_written;
    a_row_without_its_key_is_refused;
    caches_of_other_prefixes_are_apart;
    clones_share_their_entries;
    many_tasks_share_a_store;
    the_engine_says_what_it_can_do;
}

async fn what_is_set_is_got(store: CacheStore) {
    let prices = store.records::<Price>();
    let key = "AAPL:price".to_owned();
    assert_eq!(prices.get(&key).await.unwrap(), None);
    assert!(!prices.exists(&key).await.unwrap());
    assert_eq!(prices.ttl(&key).await.unwrap(), None);
    prices.set(&price(&key)).await.unwrap();
    assert_eq!(prices.get(&key).await.unwrap(), Some(price(&key)));
    assert!(prices.exists(&key).await.unwrap());
}

async fn every_edge_of_every_kind_comes_back(store: CacheStore) {
    let sessions = store.records::<Session>();
    for row in edges() {
        sessions.set(&row).await.unwrap();
        let found = sessions.get(&row.key()).await.unwrap().expect("just set");
        assert_same(&found, &row);
        assert_eq!(found.last.scale(), 8, "the declared scale");
        assert_eq!(found.drift.to_bits(), row.drift.to_bits());
    }
}

async fn every_edge_of_every_kind_comes_back_from_json(store: CacheStore) {
    let sessions = store.records::<Session>().with_codec(Json);
    for row in edges() {
        sessions.set(&row).await.unwrap();
        assert_same(&sessions.get(&row.key()).await.unwrap().expect("just set"), &row);
    }
}

async fn a_second_set_replaces_the_first(store: CacheStore) {
    let prices = store.records::<Price>();
    let mut row = price("BTC/USDT");
    prices.set_for(&row, Ttl::Never).await.unwrap();
    row.last = "1.25".parse().unwrap();
    prices.set_for(&row, Ttl::secs(60)).await.unwrap();
    assert_eq!(prices.get(&row.symbol).await.unwrap().unwrap().last, row.last);
    assert!(matches!(prices.ttl(&row.symbol).await.unwrap(), Some(Ttl::After(_))));
}

async fn what_is_deleted_is_gone(store: CacheStore) {
    let sessions = store.records::<Session>();
    let row = session();
    assert!(!sessions.delete(&row.key()).await.unwrap());
    sessions.set(&row).await.unwrap();
    assert!(sessions.delete(&row.key()).await.unwrap());
    assert!(!sessions.delete(&row.key()).await.unwrap());
    assert_eq!(sessions.get(&row.key()).await.unwrap(), None);
    assert!(!sessions.exists(&row.key()).await.unwrap());
    assert!(!sessions.expire(&row.key(), Ttl::secs(1)).await.unwrap());
    assert!(!sessions.expire(&row.key(), Ttl::Never).await.unwrap());
}

async fn an_entry_lives_its_time_and_no_longer(store: CacheStore) {
    let prices = store.records::<Price>().with_ttl(Ttl::secs(60));
    let (kept, gone) = (price("kept"), price("gone"));
    prices.set(&kept).await.unwrap();
    prices.set_for(&gone, Ttl::millis(150)).await.unwrap();
    sleep(Duration::from_millis(160)).await;
    assert_eq!(prices.get(&gone.symbol).await.unwrap(), None);
    assert!(!prices.exists(&gone.symbol).await.unwrap());
    assert_eq!(prices.ttl(&gone.symbol).await.unwrap(), None);
    assert!(!prices.expire(&gone.symbol, Ttl::secs(60)).await.unwrap());
    assert!(!prices.delete(&gone.symbol).await.unwrap());
    assert_eq!(prices.get(&kept.symbol).await.unwrap(), Some(kept));
}

async fn a_time_to_live_is_told_and_changed(store: CacheStore) {
    let prices = store.records::<Price>();
    let row = price("BTC/USDT");
    let left = async || match prices.ttl(&row.symbol).await.unwrap() {
        Some(Ttl::After(left)) => left,
        other => panic!("no time to live: {other:?}"),
    };
    prices.set(&row).await.unwrap();
    let told = left().await;
    assert!((Duration::from_secs(270)..=Duration::from_secs(300)).contains(&told), "{told:?}");
    assert!(prices.expire(&row.symbol, Ttl::secs(9000)).await.unwrap());
    assert!(left().await > Duration::from_secs(8000));
    assert!(prices.expire(&row.symbol, Ttl::millis(40)).await.unwrap());
    let gone = async || prices.get(&row.symbol).await.unwrap().is_none();
    assert!(within_ten_seconds(gone).await);
}

async fn never_is_never(store: CacheStore) {
    let prices = store.records::<Price>().with_ttl(Ttl::Never);
    let row = price("BTC/USDT");
    prices.set(&row).await.unwrap();
    assert_eq!(prices.ttl(&row.symbol).await.unwrap(), Some(Ttl::Never));
    assert!(prices.expire(&row.symbol, Ttl::Never).await.unwrap());
    assert!(prices.expire(&row.symbol, Ttl::secs(60)).await.unwrap());
    assert!(prices.expire(&row.symbol, Ttl::Never).await.unwrap());
    assert_eq!(prices.ttl(&row.symbol).await.unwrap(), Some(Ttl::Never));
}

async fn a_time_to_live_of_zero_is_refused(store: CacheStore) {
    let prices = store.records::<Price>().with_ttl(Ttl::secs(0));
    let row = price("BTC/USDT");
    let error = prices.set(&row).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("set")));
    assert_eq!(error.violations()[0].column, "ttl");
    let error = prices.set_for(&row, Ttl::After(Duration::MAX)).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid);
    assert!(!prices.exists(&row.symbol).await.unwrap());
    prices.set_for(&row, Ttl::After(Ttl::MAX)).await.unwrap();
    let error = prices.expire(&row.symbol, Ttl::secs(0)).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("expire")));
    assert_eq!(prices.get(&row.symbol).await.unwrap(), Some(row));
}

async fn a_refused_row_is_not_written(store: CacheStore) {
    let prices = store.records::<Price>();
    let mut row = price("BTC/USDT");
    row.last = "-1".parse().unwrap();
    row.source = Some("much too long".into());
    let error = prices.set(&row).await.unwrap_err();
    assert_eq!((error.code(), error.record()), (Code::Invalid, Some("Price")));
    let columns: Vec<_> = error.violations().iter().map(|v| v.column.as_str()).collect();
    assert_eq!(columns, ["last", "source"]);
    assert!(!prices.exists(&row.symbol).await.unwrap());
}

#[derive(Record, Debug, PartialEq)]
#[record(table = "tickets")]
struct Ticket {
    #[record(key)]
    id: Assigned<i64>,
    subject: String,
}

async fn a_row_without_its_key_is_refused(store: CacheStore) {
    let tickets = store.records::<Ticket>();
    let mut ticket = Ticket { id: Assigned::New, subject: "late".into() };
    let error = tickets.set(&ticket).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("id")));
    ticket.id = Assigned::Is(7);
    tickets.set(&ticket).await.unwrap();
    assert_eq!(tickets.get(&Assigned::Is(7)).await.unwrap(), Some(ticket));
}

async fn caches_of_other_prefixes_are_apart(store: CacheStore) {
    let (one, two) = (store.records::<Price>(), store.records::<Price>().with_prefix("other"));
    one.set(&price("a")).await.unwrap();
    assert_eq!(two.get(&"a".into()).await.unwrap(), None);
    assert!(!two.delete(&"a".into()).await.unwrap());
    assert!(one.exists(&"a".into()).await.unwrap());
}

async fn clones_share_their_entries(store: CacheStore) {
    let prices = store.records::<Price>();
    prices.clone().set(&price("a")).await.unwrap();
    let other = store.clone();
    store.close().await.unwrap();
    assert!(prices.exists(&"a".into()).await.unwrap(), "the cache holds the store");
    assert!(other.records::<Price>().exists(&"a".into()).await.unwrap());
}

async fn many_tasks_share_a_store(store: CacheStore) {
    let tasks = (0..64).map(|task| {
        let prices = store.records::<Price>();
        tokio::spawn(async move {
            for i in 0..20 {
                let row = price(&format!("{task}-{i}"));
                prices.set(&row).await.unwrap();
                assert_eq!(prices.get(&row.symbol).await.unwrap(), Some(row));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn the_engine_says_what_it_can_do(store: CacheStore) {
    let capabilities = store.capabilities();
    assert!(["memory", "redis"].contains(&capabilities.engine));
    for can in
        [Capability::TimeToLive, Capability::Delete, Capability::StoredNull, Capability::AnyRecord]
    {
        assert!(capabilities.can(can), "{can:?}");
    }
    assert!(capabilities.require(Capability::Filter).is_err());
    assert_eq!(capabilities.can(Capability::Shared), capabilities.engine == "redis");
}
