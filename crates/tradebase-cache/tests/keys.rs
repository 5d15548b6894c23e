//! What keys look like, to the letter, on both engines.

mod common;

use std::collections::HashSet;

use common::{Price, Session, memory, price, session};
use tradebase_cache::CacheStore;
use tradebase_core::{Code, Date, Field, Record, Uuid};
use tradebase_testkit::{Redis, redis_cli};

on_both_engines! {
    a_prefix_may_end_with_a_colon;
    text_keys_stand_byte_for_byte;
    parts_of_a_key_never_run_together;
    empty_parts_and_nul_are_refused;
}

/// The key behind the prefix of the store.
fn tail(key: &str) -> &str {
    match key.strip_prefix("kit:") {
        Some(rest) => rest.splitn(3, ':').nth(2).unwrap(),
        None => key,
    }
}

async fn a_prefix_may_end_with_a_colon(store: CacheStore) {
    let key = "42".to_owned();
    for (prefix, want) in
        [("user", "user:42"), ("user:", "user:42"), ("auth:user::", "auth:user:42"), ("", "42")]
    {
        let text = store.records::<Price>().with_prefix(prefix).key_text(&key).unwrap();
        assert_eq!(tail(&text), want, "{prefix}");
    }
    assert_eq!(tail(&store.records::<Price>().key_text(&key).unwrap()), "prices:42");
}

async fn text_keys_stand_byte_for_byte(store: CacheStore) {
    let prices = store.records::<Price>();
    for key in ["AAPL:price", "100%", "%3A", "ключ \u{1f600}", " ", ":"] {
        assert_eq!(tail(&prices.key_text(&key.into()).unwrap()), format!("prices:{key}"));
        prices.set(&price(key)).await.unwrap();
        assert!(prices.get(&key.into()).await.unwrap().is_some(), "{key}");
    }
}

async fn parts_of_a_key_never_run_together(store: CacheStore) {
    let sessions = store.records::<Session>();
    let day = Date::new(2026, 11, 20).unwrap();
    let text = sessions.key_text(&(day, "a:b%c".into())).unwrap();
    assert_eq!(tail(&text), "sessions:2026-11-20:a%3Ab%25c");
    let venues = ["a:b", "a%3Ab", "a%253Ab", "a%b", "a%25b", "a", "a:"];
    let texts: HashSet<_> =
        venues.iter().map(|venue| sessions.key_text(&(day, (*venue).into())).unwrap()).collect();
    assert_eq!(texts.len(), venues.len());
    let mut row = session();
    row.venue = "a:b%c".into();
    sessions.set(&row).await.unwrap();
    assert_eq!(sessions.get(&row.key()).await.unwrap(), Some(row));
}

#[derive(Record, Debug)]
#[record(name = "notes")]
struct Note {
    #[record(key)]
    title: String,
}

async fn empty_parts_and_nul_are_refused(store: CacheStore) {
    let prices = store.records::<Price>();
    let error = prices.key_text(&String::new()).unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("symbol")));
    let error = prices.set(&price("")).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("set")));
    let error = store.records::<Session>().key_text(&(Date::MIN, String::new())).unwrap_err();
    assert_eq!(error.column_name(), Some("venue"));
    // Without a table a text may hold NUL, in a key it may not.
    let notes = store.records::<Note>();
    let error = notes.set(&Note { title: "a\0b".into() }).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("title")));
    let error = notes.with_prefix("a\0").get(&"b".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::Config);
}

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(id)]
struct BotId(Uuid);

macro_rules! keyed {
    ($name:ident, $key:ty) => {
        #[derive(Record, Debug)]
        #[record(table = "kept")]
        struct $name {
            #[record(key)]
            key: $key,
        }
    };
}

keyed!(ById, BotId);
keyed!(ByDay, Date);
keyed!(ByNumber, i64);
keyed!(ByMoment, tradebase_core::Timestamp);
keyed!(ByFlag, bool);
keyed!(ByBytes, Vec<u8>);

async fn text_of<T: Record>(key: T::Key) -> String {
    memory().await.records::<T>().key_text(&key).unwrap()
}

#[tokio::test]
async fn memory_keys_of_each_kind_have_their_text() {
    let id = BotId(Uuid::from_u128(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef));
    assert_eq!(text_of::<ById>(id).await, "kept:fedcba98-7654-3210-0123-456789abcdef");
    assert_eq!(text_of::<ByDay>(Date::MIN).await, "kept:0001-01-01");
    assert_eq!(text_of::<ByNumber>(i64::MIN).await, "kept:-9223372036854775808");
    let moment = "2026-11-20T09:30:00Z".parse().unwrap();
    assert_eq!(text_of::<ByMoment>(moment).await, "kept:2026-11-20T09:30:00.000000Z");
    assert_eq!(text_of::<ByFlag>(true).await, "kept:true");
    assert_eq!(text_of::<ByBytes>(vec![0, 0xab]).await, "kept:00ab");
}

#[tokio::test]
async fn redis_holds_an_entry_under_the_key_that_is_told() {
    let prices = common::redis().await.records::<Price>();
    prices.set(&price("AAPL:price")).await.unwrap();
    let key = prices.key_text(&"AAPL:price".into()).unwrap();
    assert!(key.ends_with(":prices:AAPL:price") && key.starts_with("kit:"), "{key}");
    assert_eq!(redis_cli(Redis::shared().port(), ["EXISTS", &key]).unwrap(), "1");
}
