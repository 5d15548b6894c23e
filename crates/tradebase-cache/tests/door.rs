//! Commands of the user's own: any of them, one or many, with typed replies.

mod common;

use std::time::Duration;

use common::{Price, memory, patient, price, redis};
use tradebase_cache::{CacheStore, RedisCommand, RedisOptions, RedisPipeline, RedisValue, Ttl};
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Decimal, Result};
use tradebase_testkit::{Redis, redis_cli};

fn command(text: &str) -> RedisCommand {
    let mut words = text.split(' ');
    RedisCommand::new(words.next().unwrap()).args(words)
}

fn pipeline(texts: &[&str]) -> RedisPipeline {
    texts.iter().fold(RedisPipeline::new(), |all, text| all.command(command(text)))
}

/// A beginning for keys that no other test has.
fn own() -> String {
    Redis::shared().prefix()
}

fn bytes(text: &str) -> RedisValue {
    RedisValue::Bytes(text.into())
}

#[tokio::test]
async fn redis_command_goes_as_it_is_and_gives_its_reply() {
    let (store, key) = (redis().await, own());
    let decimal: Decimal = "79228162514264337593543950335".parse().unwrap();
    let set = RedisCommand::new("HSET")
        .args([&key])
        .args(["n", "-7"])
        .arg("price")
        .arg(decimal)
        .arg("drift")
        .arg(0.1 + 0.2)
        .arg("raw")
        .arg([0, 13, 10, 255]);
    assert_eq!(store.command(set).await.unwrap(), RedisValue::Int(4));
    let get = |field: &str| store.command(RedisCommand::new("HGET").arg(&key).arg(field));
    assert_eq!(get("n").await.unwrap().as_int().unwrap(), -7);
    assert_eq!(get("price").await.unwrap().as_decimal().unwrap(), decimal);
    assert_eq!(get("drift").await.unwrap().as_float().unwrap(), 0.1 + 0.2);
    assert_eq!(get("raw").await.unwrap().as_bytes().unwrap(), [0, 13, 10, 255]);
    assert!(get("none").await.unwrap().is_nil());
    let all = store.command(RedisCommand::new("HGETALL").arg(&key)).await.unwrap();
    let pairs = all.into_pairs().unwrap();
    assert_eq!(pairs[0], (bytes("n"), bytes("-7")));
    assert_eq!(pairs.len(), 4);
    let ok = store.command(RedisCommand::new("set").arg(&key).arg("x")).await.unwrap();
    assert_eq!(ok.as_text().unwrap(), "OK");
    // No prefix of the store stands before the key.
    assert_eq!(redis_cli(Redis::shared().port(), ["GET", &key]).unwrap(), "x");
}

#[tokio::test]
async fn redis_entry_is_seen_by_commands_under_its_whole_key() {
    let store = redis().await;
    let prices = store.records::<Price>().with_ttl(Ttl::Never);
    prices.set(&price("BTC")).await.unwrap();
    let key = prices.key_text(&"BTC".into()).unwrap();
    let ttl = store.command(RedisCommand::new("TTL").arg(key)).await.unwrap();
    assert_eq!(ttl.as_int().unwrap(), -1);
}

#[tokio::test]
async fn redis_replies_keep_their_shape_in_both_protocols() {
    let script = "return {1, 'a', {redis.status_reply('fine')}, false}";
    let eval = || RedisCommand::new("EVAL").arg(script).arg(0_i64);
    let nested = |nil| {
        let inner = RedisValue::List(vec![RedisValue::Text("fine".into())]);
        RedisValue::List(vec![RedisValue::Int(1), bytes("a"), inner, nil])
    };
    let key = own();
    let all = pipeline(&[
        &format!("ZADD {key} 0.5 a"),
        &format!("ZSCORE {key} a"),
        &format!("HSET {key}h a b"),
        &format!("HGETALL {key}h"),
        &format!("SADD {key}s a"),
        &format!("SMEMBERS {key}s"),
    ]);
    let url = Redis::shared().url();
    for (url, newer) in [(url.clone(), false), (format!("{url}?protocol=resp3"), true)] {
        let store = CacheStore::redis_later(patient(RedisOptions::new(&url))).unwrap();
        assert_eq!(store.command(eval()).await.unwrap(), nested(RedisValue::Nil));
        let replies: Vec<RedisValue> =
            store.pipeline(all.clone()).await.unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(replies[1].as_float().unwrap(), 0.5);
        assert_eq!(matches!(replies[1], RedisValue::Float(_)), newer);
        assert_eq!(matches!(replies[3], RedisValue::Map(_)), newer);
        assert_eq!(matches!(replies[5], RedisValue::Set(_)), newer);
        assert_eq!(replies[3].clone().into_pairs().unwrap(), [(bytes("a"), bytes("b"))]);
        assert_eq!(replies[5].clone().into_list().unwrap(), [bytes("a")]);
    }
}

#[tokio::test]
async fn redis_pipeline_gives_each_command_its_own_result() {
    let (store, key) = (redis().await, own());
    let texts = [
        format!("SET {key} hunter2"),
        format!("HGET {key} field"),
        format!("INCR {key}"),
        format!("GET {key}"),
    ];
    for atomic in [false, true] {
        let all = pipeline(&texts.each_ref().map(String::as_str));
        let all = if atomic { all.atomic() } else { all };
        let replies = store.pipeline(all).await.unwrap();
        assert_eq!(replies.len(), 4);
        assert_eq!(replies[0].as_ref().unwrap().as_text().unwrap(), "OK");
        let codes = [&replies[1], &replies[2]].map(|reply| reply.as_ref().unwrap_err().code());
        assert_eq!(codes, [Code::Unreadable, Code::QueryFailed]);
        assert_eq!(replies[3].as_ref().unwrap(), &bytes("hunter2"), "the others were carried out");
        let text = replies[1].as_ref().unwrap_err().to_string();
        assert!(text.contains("HGET: WRONGTYPE") && !text.contains(&key), "{text}");
    }
    assert!(store.pipeline(RedisPipeline::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn redis_atomic_pipeline_with_a_command_that_is_not_accepted_does_nothing() {
    let (store, key) = (redis().await, own());
    let all = pipeline(&[&format!("SET {key} 1"), "HGET onlyone", &format!("INCR {key}")]);
    let error = store.pipeline(all.clone().atomic()).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::QueryFailed, Some("door")), "{error}");
    let text = error.to_string();
    assert!(text.contains("HGET") && text.contains("nothing was carried out"), "{text}");
    assert!(!text.contains("onlyone"), "{text}");
    assert!(store.command(RedisCommand::new("GET").arg(&key)).await.unwrap().is_nil());
    let replies = store.pipeline(all).await.unwrap();
    assert_eq!(replies[2].as_ref().unwrap(), &RedisValue::Int(2));
    assert!(replies[1].is_err());
}

#[tokio::test]
async fn redis_atomic_pipelines_are_not_mixed_with_calls_of_others() {
    let (store, key) = (redis().await, own());
    let tasks = (0..20).map(|_| {
        let store = store.clone();
        let both = pipeline(&[&format!("INCR {key}"), &format!("INCR {key}")]).atomic();
        tokio::spawn(async move {
            let replies = store.pipeline(both).await.unwrap();
            let read = |reply: Result<RedisValue>| reply.unwrap().as_int().unwrap();
            let numbers: Vec<i64> = replies.into_iter().map(read).collect();
            assert_eq!(numbers[0] + 1, numbers[1]);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn redis_commands_that_would_break_the_connection_are_refused_and_it_stays_whole() {
    let store = redis().await;
    for text in ["SUBSCRIBE a", "BLPOP a 0", "CLIENT REPLY OFF", "MULTI", "SELECT 1", "QUIT"] {
        for error in [
            store.command(command(text)).await.unwrap_err(),
            store.pipeline(pipeline(&["PING", text])).await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.operation()), (Code::Unsupported, Some("door")));
            assert!(error.to_string().contains("is not sent, because"), "{error}");
        }
    }
    assert_eq!(store.command(command("PING")).await.unwrap(), RedisValue::Text("PONG".into()));
}

#[tokio::test]
async fn redis_errors_name_the_command_and_show_no_argument() {
    let (store, key) = (redis().await, own());
    let script = "return redis.error_reply('ERR saw ' .. ARGV[1])";
    for (command, code) in [
        (RedisCommand::new("HUNT").arg("hunter2"), Code::Unsupported),
        (RedisCommand::new("SET").arg(&key).arg("hunter2").arg("hunter2"), Code::QueryFailed),
        (RedisCommand::new("CONFIG").arg("hunter2"), Code::Unsupported),
        (RedisCommand::new("CONFIG").arg("SET").arg("hunter2").arg("hunter2"), Code::QueryFailed),
        (RedisCommand::new("EVAL").arg(script).arg(0_i64).arg("hunter2"), Code::QueryFailed),
        (RedisCommand::new("EVAL").arg("hunter2 {").arg(0_i64), Code::QueryFailed),
        (
            RedisCommand::new("XGROUP").args(["CREATECONSUMER", "hunter2", "g", "c"]),
            Code::QueryFailed,
        ),
    ] {
        let name = format!("{command:?}");
        let error = store.command(command).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        let text = error.to_string();
        assert!(text.contains("redis at 127.0.0.1:"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains(&key), "{text}");
    }
}

#[tokio::test]
async fn redis_door_is_measured_and_keeps_the_deadline() {
    let server = Redis::start().unwrap();
    let options = RedisOptions::new(&server.url()).with_call_deadline(Duration::from_millis(300));
    let store = CacheStore::redis_later(options).unwrap();
    store.connect().await.unwrap();
    store.pipeline(pipeline(&["PING", "PING", "PING"])).await.unwrap();
    let measures = store.watch().measures();
    let door = measures.iter().find(|measure| measure.operation == Operation::Door).unwrap();
    assert_eq!((door.calls, door.rows), (1, 3));
    server.stop().unwrap();
    let error = store.command(command("PING")).await.unwrap_err();
    assert_eq!(error.code(), Code::TimedOut, "{error}");
    server.cont().unwrap();
}

#[tokio::test]
async fn memory_has_no_commands_and_says_so() {
    let store = memory().await;
    let error = store.command(command("PING")).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Unsupported, Some("door")));
    let error = store.pipeline(pipeline(&["PING"])).await.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}
