//! What holds for process memory alone, in a build without Redis too.

use std::time::Duration;

use tradebase_cache::{CacheStore, MemoryOptions, Ttl};
use tradebase_core::clock::Clock;
use tradebase_core::{Decimal, Record};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
struct Price {
    #[record(key)]
    symbol: String,
    #[record(decimal(18, 4))]
    last: Decimal,
}

fn price() -> Price {
    Price { symbol: "BTC/USDT".into(), last: "67000.5".parse().unwrap() }
}

#[tokio::test]
async fn memory_times_to_live_go_by_the_clock() {
    let clock = Clock::manual("2026-11-20T09:30:00Z".parse().unwrap());
    let options = MemoryOptions::default().with_clock(clock.clone());
    let prices = CacheStore::memory_with(options).records::<Price>().with_ttl(Ttl::secs(60));
    let (row, key) = (price(), price().symbol);
    prices.set(&row).await.unwrap();
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(prices.ttl(&key).await.unwrap(), Some(Ttl::millis(1)));
    assert_eq!(prices.get(&key).await.unwrap(), Some(row.clone()));
    clock.advance(Duration::from_millis(1));
    assert_eq!(prices.ttl(&key).await.unwrap(), None);
    assert!(!prices.exists(&key).await.unwrap());
    assert!(!prices.expire(&key, Ttl::secs(1)).await.unwrap());
    assert_eq!(prices.get(&key).await.unwrap(), None);

    prices.set(&row).await.unwrap();
    clock.advance(Duration::from_secs(30));
    assert!(prices.expire(&key, Ttl::secs(60)).await.unwrap());
    clock.advance(Duration::from_secs(59));
    assert!(prices.delete(&key).await.unwrap(), "its life began anew");
    prices.set_for(&row, Ttl::Never).await.unwrap();
    clock.advance(Duration::from_secs(365 * 86_400));
    assert!(prices.exists(&key).await.unwrap());
}

#[tokio::test]
async fn memory_is_connected_from_the_start() {
    let store = CacheStore::memory();
    assert!(store.is_connected());
    assert_eq!(store.address(), ":memory:");
    store.connect().await.unwrap();
    store.ping().await.unwrap();
}
