//! What a store promises as a whole, on both engines.

mod common;

use common::{Price, memory_under, price, redis_under};
use tradebase_cache::{CacheStore, RedisCommand, RedisPipeline, Ttl};
use tradebase_core::watch::{Fault, Faults, Measure, Operation, Watch};
use tradebase_core::{Code, Error};

on_both_engines! {
    a_store_connects_when_asked_and_stays_so;
    a_store_closed_for_all_refuses_every_call;
    calls_are_counted_with_their_rows;
}

async fn a_store_connects_when_asked_and_stays_so(store: CacheStore) {
    let engine = store.capabilities().engine;
    assert_eq!(store.is_connected(), engine == "memory");
    for _ in 0..2 {
        store.connect().await.unwrap();
        assert!(store.is_connected());
    }
    store.ping().await.unwrap();
    let address = store.address();
    match engine {
        "memory" => assert_eq!(address, ":memory:"),
        _ => assert!(address.starts_with("127.0.0.1:") && address.ends_with("/0"), "{address}"),
    }
}

async fn a_store_closed_for_all_refuses_every_call(store: CacheStore) {
    let (other, prices) = (store.clone(), store.records::<Price>());
    let key = "BTC".to_owned();
    prices.set(&price(&key)).await.unwrap();
    store.close_all().await.unwrap();
    let get = RedisCommand::new("GET").arg("BTC");
    let errors: Vec<Error> = [
        prices.set(&price(&key)).await.err(),
        prices.get(&key).await.err(),
        prices.delete(&key).await.err(),
        prices.exists(&key).await.err(),
        prices.expire(&key, Ttl::secs(1)).await.err(),
        prices.ttl(&key).await.err(),
        other.connect().await.err(),
        other.ping().await.err(),
        other.command(get.clone()).await.err(),
        other.pipeline(RedisPipeline::new().command(get)).await.err(),
    ]
    .into_iter()
    .map(Option::unwrap)
    .collect();
    for error in errors {
        assert_eq!(error.code(), Code::Closed, "{error}");
        assert!(error.to_string().contains("closed") && !error.is_retryable(), "{error}");
    }
    assert!(!other.is_connected());
    assert_eq!(prices.key_text(&key).unwrap().rsplit(':').next(), Some("BTC"));
    other.close_all().await.unwrap();
    store.close().await.unwrap();
}

async fn calls_are_counted_with_their_rows(store: CacheStore) {
    let prices = store.records::<Price>();
    prices.set(&price("a")).await.unwrap();
    prices.get(&"a".into()).await.unwrap();
    prices.get(&"b".into()).await.unwrap();
    prices.get(&String::new()).await.unwrap_err();
    prices.exists(&"a".into()).await.unwrap();
    prices.ttl(&"a".into()).await.unwrap();
    prices.delete(&"a".into()).await.unwrap();
    store.ping().await.unwrap();
    let counted = |measure: &Measure| {
        (measure.operation, measure.calls, measure.errors, measure.rows, measure.cancelled)
    };
    let measures: Vec<_> = store.watch().measures().iter().map(counted).collect();
    let wanted = [
        (Operation::Ping, 1, 0, 0, 0),
        (Operation::Get, 3, 1, 1, 0),
        (Operation::Delete, 1, 0, 1, 0),
        (Operation::Set, 1, 0, 1, 0),
        (Operation::Exists, 1, 0, 1, 0),
        (Operation::Expire, 1, 0, 1, 0),
    ];
    assert_eq!(measures, wanted);
}

/// The same promise on both engines, under a watch.
macro_rules! under_a_watch {
    ($($promise:ident;)+) => {
        mod memory_watched {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::memory_under).await;
                }
            )+
        }
        mod redis_watched {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::redis_under).await;
                }
            )+
        }
    };
}

under_a_watch! {
    a_fault_before_a_call_leaves_everything_as_it_was;
    a_fault_after_a_call_comes_when_it_has_taken_effect;
}

async fn a_fault_before_a_call_leaves_everything_as_it_was(open: fn(Watch) -> CacheStore) {
    let faults = Faults::default();
    let store = open(Watch::with_faults(faults.clone()));
    let prices = store.records::<Price>();
    faults.order(Fault::before(Operation::Set, Code::ConnectionFailed));
    let error = prices.set(&price("a")).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::ConnectionFailed, Some("set")));
    assert_eq!(error.record(), Some("Price"));
    assert!(!prices.exists(&"a".into()).await.unwrap());
    prices.set(&price("a")).await.unwrap();
    faults.order(Fault::before(Operation::Ping, Code::TimedOut));
    assert_eq!(store.ping().await.unwrap_err().code(), Code::TimedOut);
    store.ping().await.unwrap();
}

async fn a_fault_after_a_call_comes_when_it_has_taken_effect(open: fn(Watch) -> CacheStore) {
    let faults = Faults::default();
    let prices = open(Watch::with_faults(faults.clone())).records::<Price>();
    faults.order(Fault::after(Operation::Set, Code::ConnectionLost));
    let error = prices.set(&price("a")).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost);
    assert_eq!(prices.get(&"a".into()).await.unwrap(), Some(price("a")));
    assert_eq!(faults.pending(), 0);
}
