//! What is logged: one line where a person should look, and never a key or a value.

mod common;

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};

use common::{Price, price, within_ten_seconds};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::{DefaultGuard, Subscriber, set_default, set_global_default};
use tracing::{Event, Level, Metadata};
use tradebase_cache::{CacheStore, Json, RedisCommand};
use tradebase_testkit::Redis;

/// The events of this crate on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    fn begin() -> (Self, DefaultGuard) {
        // Somebody always listens: an event that is first met while nobody does may be taken for
        // one that nobody ever wants.
        static EVER: Once = Once::new();
        EVER.call_once(|| set_global_default(Self::default()).unwrap());
        let lines = Self::default();
        let guard = set_default(lines.clone());
        (lines, guard)
    }

    fn of(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.0 == level).map(|line| line.1.clone()).collect()
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tradebase_cache")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn memory_entries_that_are_not_read_are_told_of_once_per_prefix() {
    let (lines, _guard) = Lines::begin();
    let store = CacheStore::memory();
    for prefix in ["one", "two"] {
        // Made anew for each call, as callers do.
        let prices = || store.records::<Price>().with_prefix(prefix);
        prices().with_codec(Json).set(&price("BTC/USDT")).await.unwrap();
        for _ in 0..3 {
            assert_eq!(prices().get(&"BTC/USDT".into()).await.unwrap(), None);
        }
    }
    let warned = lines.of(Level::WARN);
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(warned[0].contains("prefix=one") && warned[0].contains("JSON without an envelope"));
    assert!(warned[1].contains("prefix=two"), "{warned:?}");
    let all = format!("{:?}", lines.0.lock().unwrap());
    assert_eq!(all.matches("an entry is not read").count(), 6, "{all}");
    assert!(!all.contains("BTC") && !all.contains("67000"), "{all}");
}

#[tokio::test]
async fn memory_calls_are_told_with_their_record_and_count() {
    let (lines, _guard) = Lines::begin();
    let prices = CacheStore::memory().records::<Price>();
    prices.set(&price("BTC/USDT")).await.unwrap();
    prices.get(&"ETH/USDT".into()).await.unwrap();
    prices.get(&String::new()).await.unwrap_err();
    let debug = lines.of(Level::DEBUG);
    let wanted = [
        r#" operation="set" store="memory" record="Price" count=1"#,
        r#" operation="get" store="memory" record="Price" count=0"#,
        r#" message=failed operation="get" store="memory" record="Price" code=DB_VAL_001"#,
    ];
    assert_eq!(debug, wanted);
    assert!(lines.of(Level::WARN).is_empty() && lines.of(Level::INFO).is_empty());
}

#[tokio::test]
async fn redis_is_told_of_once_per_connection_and_each_call_once() {
    let server = Redis::start().unwrap();
    let (lines, _guard) = Lines::begin();
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    let store = CacheStore::redis(&server.url()).await.unwrap();
    store.connect().await.unwrap();
    store.ping().await.unwrap();
    store.command(RedisCommand::new("GET").arg("hunter2")).await.unwrap();
    store.command(RedisCommand::new("INCR").arg("hunter2").arg("x")).await.unwrap_err();
    store.close_all().await.unwrap();
    let told = lines.of(Level::INFO);
    let address = store.address();
    assert_eq!(told, [format!(r#" message=connected store="redis" address={address}"#)]);
    let wanted = [
        r#" operation="connect" store="redis" count=0"#,
        r#" operation="ping" store="redis" count=0"#,
        r#" operation="door" store="redis" count=1"#,
        r#" message=failed operation="door" store="redis" code=DB_QRY_004"#,
        r#" operation="close" store="redis" count=0"#,
    ];
    assert_eq!(lines.of(Level::DEBUG), wanted);
    CacheStore::redis(&url).await.unwrap().connect().await.unwrap_err();
    let all = format!("{:?}", lines.0.lock().unwrap());
    assert!(!all.contains("hunter2"), "{all}");
}

#[tokio::test]
async fn redis_away_is_one_line_and_redis_back_another() {
    let server = Redis::start().unwrap();
    let prices = CacheStore::redis(&server.url()).await.unwrap().records::<Price>();
    prices.set(&price("BTC/USDT")).await.unwrap();
    let (lines, _guard) = Lines::begin();
    server.kill().unwrap();
    for _ in 0..100 {
        prices.get(&"BTC/USDT".into()).await.unwrap_err();
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let warned = lines.of(Level::WARN);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("redis is away"), "{warned:?}");
    server.restart().unwrap();
    assert!(within_ten_seconds(async || prices.get(&"BTC/USDT".into()).await.is_ok()).await);
    let told = lines.of(Level::INFO);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("redis is back"), "{told:?}");
    assert_eq!(lines.of(Level::WARN).len(), 1);
}
