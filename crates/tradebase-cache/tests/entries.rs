//! What an entry looks like, and what becomes of one that is older, newer, or not ours.

mod common;

use std::process::Command;

use common::{Price, hex, price, unhex};
use tradebase_cache::{Cache, CacheStore, Json, MessagePack, codec};
use tradebase_core::{Code, Decimal, Record};
use tradebase_testkit::{Redis, redis_cli};

on_both_engines! {
    columns_may_be_added_left_out_and_moved;
    a_column_that_must_be_there_and_is_not_makes_a_miss;
    a_changed_scale_never_reads_as_another_number;
    another_codec_is_a_miss;
    raw_entries_have_no_envelope;
}

/// A price of the version before.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
struct Before {
    #[record(key)]
    symbol: String,
    #[record(decimal(18, 4))]
    last: Decimal,
    venue: String,
    unused: i64,
}

/// The same of the version after: columns added, one left out, and all moved.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
struct After {
    #[record(default = 5)]
    depth: i32,
    venue: String,
    #[record(decimal(20, 6))]
    last: Decimal,
    note: Option<String>,
    #[record(key)]
    symbol: String,
    #[record(default = "EUR")]
    currency: String,
}

fn before() -> Before {
    let last = "67000.5".parse().unwrap();
    Before { symbol: "BTC".into(), last, venue: "XETR".into(), unused: 1 }
}

async fn columns_may_be_added_left_out_and_moved(store: CacheStore) {
    let after = After {
        depth: 5,
        venue: "XETR".into(),
        last: "67000.5".parse().unwrap(),
        note: None,
        symbol: "BTC".into(),
        currency: "EUR".into(),
    };
    let (old, new) = (store.records::<Before>(), store.records::<After>());
    old.set(&before()).await.unwrap();
    assert_eq!(new.get(&"BTC".into()).await.unwrap(), Some(after.clone()));
    let (old, new) = (old.with_codec(Json), new.with_codec(Json));
    old.set(&before()).await.unwrap();
    assert_eq!(new.get(&"BTC".into()).await.unwrap(), Some(after));
}

async fn a_column_that_must_be_there_and_is_not_makes_a_miss(store: CacheStore) {
    store.records::<After>().set(&read_after()).await.unwrap();
    let old = store.records::<Before>();
    assert_eq!(old.get(&"BTC".into()).await.unwrap(), None);
    assert!(old.exists(&"BTC".into()).await.unwrap(), "it is there, but not readable");
    let error = old.strict().get(&"BTC".into()).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("unused")));
    assert_eq!((error.operation(), error.record()), (Some("get"), Some("Before")));
}

fn read_after() -> After {
    let mut bytes = Vec::new();
    codec::encode(&before(), &mut bytes).unwrap();
    codec::decode(&bytes).unwrap()
}

/// The price with fewer digits.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prices")]
struct Coarse {
    #[record(key)]
    symbol: String,
    #[record(decimal(18, 1))]
    last: Decimal,
}

async fn a_changed_scale_never_reads_as_another_number(store: CacheStore) {
    let fine = store.records::<Price>();
    let coarse = store.records::<Coarse>();
    fine.set(&price("BTC")).await.unwrap();
    assert_eq!(coarse.get(&"BTC".into()).await.unwrap().unwrap().last, price("BTC").last);
    let mut row = price("BTC");
    row.last = "67000.5001".parse().unwrap();
    fine.set(&row).await.unwrap();
    assert_eq!(coarse.get(&"BTC".into()).await.unwrap(), None, "no digit is lost in silence");
}

async fn another_codec_is_a_miss(store: CacheStore) {
    let packed = store.records::<Price>();
    let plain = packed.clone().with_codec(Json);
    packed.set(&price("BTC")).await.unwrap();
    assert_eq!(plain.get(&"BTC".into()).await.unwrap(), None);
    plain.set(&price("BTC")).await.unwrap();
    assert_eq!(packed.get(&"BTC".into()).await.unwrap(), None);
    assert!(packed.strict().get(&"BTC".into()).await.is_err());
    assert!(plain.get(&"BTC".into()).await.unwrap().is_some());
}

async fn raw_entries_have_no_envelope(store: CacheStore) {
    let packed = store.records::<Price>();
    let raw = packed.clone().raw();
    raw.set(&price("BTC")).await.unwrap();
    assert_eq!(raw.get(&"BTC".into()).await.unwrap(), Some(price("BTC")));
    assert_eq!(packed.get(&"BTC".into()).await.unwrap(), None);
    packed.set(&price("BTC")).await.unwrap();
    assert_eq!(raw.get(&"BTC".into()).await.unwrap(), None);
}

/// Puts bytes under a price's key, past everything of ours.
fn plant(cache: &Cache<Price, impl tradebase_cache::Codec<Price>>, bytes: &[u8]) {
    let key = cache.key_text(&"BTC".into()).unwrap();
    let quoted: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let script = format!("SET {key} \"{quoted}\"\n");
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    std::fs::write(folder.file("script"), script).unwrap();
    // redis-cli reads escapes from its input only.
    let output = Command::new("redis-cli")
        .args(["-p", &Redis::shared().port().to_string()])
        .stdin(std::fs::File::open(folder.file("script")).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"OK\n", "{output:?}");
}

#[tokio::test]
async fn redis_entries_of_others_are_a_miss_and_an_error_for_the_strict() {
    let prices = common::redis().await.records::<Price>();
    for (bytes, why) in [
        (&b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."[..], "pickle"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x1f\x8b\x08\x00\x00", "gzip"),
        (b"{\"symbol\":\"BTC\"}", "JSON without"),
        (b"\x81\xa6symbol\xa3BTC", "MessagePack without"),
        (b"plain text", "no envelope"),
        (b"", "empty"),
        (b"\xc1T\x02\x06\x01\x00\x80", "version 2"),
        (b"\xc1T\x01\x06\x01\x80\x80", "flags"),
        (b"\xc1T\x01\x06\x01\x00\xc1", "not a map"),
    ] {
        plant(&prices, bytes);
        assert_eq!(prices.get(&"BTC".into()).await.unwrap(), None, "{why}");
        let error = prices.clone().strict().get(&"BTC".into()).await.unwrap_err();
        assert_eq!(error.code(), Code::Unreadable, "{why}");
        assert!(error.to_string().contains(why), "{error}");
        let plain = prices.clone().with_codec(Json).get(&"BTC".into()).await.unwrap();
        assert!(plain.is_none() || bytes.starts_with(b"{"), "{why}");
        assert!(prices.delete(&"BTC".into()).await.unwrap());
    }
}

#[tokio::test]
async fn redis_values_of_another_type_are_a_miss() {
    let prices = common::redis().await.records::<Price>();
    let key = prices.key_text(&"BTC".into()).unwrap();
    redis_cli(Redis::shared().port(), ["HSET", &key, "a", "b"]).unwrap();
    assert_eq!(prices.get(&"BTC".into()).await.unwrap(), None);
    let error = prices.clone().strict().get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unreadable);
    prices.set(&price("BTC")).await.unwrap();
    assert!(prices.get(&"BTC".into()).await.unwrap().is_some());
}

#[tokio::test]
async fn redis_cli_sees_a_json_entry_as_it_is() {
    let prices = common::redis().await.records::<Price>().with_codec(Json);
    prices.set(&price("BTC")).await.unwrap();
    let key = prices.key_text(&"BTC".into()).unwrap();
    let shown = redis_cli(Redis::shared().port(), ["GET", &key]).unwrap();
    assert_eq!(shown, r#"{"symbol":"BTC","last":67000.5000,"source":null}"#);
    plant(&prices, br#"{ "last": "1.5", "symbol": "BTC", "new": [1, {}] }"#);
    let read = prices.get(&"BTC".into()).await.unwrap().unwrap();
    assert_eq!(read.last, "1.5".parse().unwrap());
}

#[tokio::test]
async fn redis_holds_the_bytes_of_the_golden_file() {
    let prices = common::redis().await.records::<Price>();
    prices.set(&price("BTC")).await.unwrap();
    let key = prices.key_text(&"BTC".into()).unwrap();
    let shown = redis_cli(Redis::shared().port(), ["--no-raw", "GET", &key]).unwrap();
    assert!(shown.starts_with("\"\\xc1T\\x01\\x06\\x01\\x00\\x83\\xa6symbol\\xa3BTC"), "{shown}");
    // What this version wrote, whole: header and map.
    let golden = unhex(include_str!("golden/entry_v1.hex"));
    let mut written = unhex("c154 01 06 01 00");
    codec::encode(&price("BTC"), &mut written).unwrap();
    assert_eq!(hex(&written), hex(&golden));
    plant(&prices, &golden);
    assert_eq!(prices.get(&"BTC".into()).await.unwrap(), Some(price("BTC")));
}

#[tokio::test]
async fn memory_codecs_are_chosen_by_value() {
    let store = common::memory().await;
    let cache: Cache<Price, MessagePack> = store.records();
    let cache: Cache<Price, Json> = cache.with_codec(Json);
    cache.set(&price("BTC")).await.unwrap();
    assert!(format!("{cache:?}").contains("Json"));
}
