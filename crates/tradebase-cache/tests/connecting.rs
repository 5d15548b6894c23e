//! How a store gets to Redis: options from parts, sign-in, when it connects, and on which runtime.

mod common;

use std::time::{Duration, Instant};

use common::{Price, patient, price, within_ten_seconds};
use tokio::runtime::{Builder, Runtime};
use tradebase_cache::{CacheStore, RedisOptions};
use tradebase_core::{Code, Error, Secret};
use tradebase_testkit::{Proxy, Redis, redis_cli};

fn at(server: &Redis) -> RedisOptions {
    patient(RedisOptions::tcp("127.0.0.1", server.port()))
}

async fn failing(options: RedisOptions) -> Error {
    let store = CacheStore::redis_later(options).unwrap();
    let error = store.connect().await.unwrap_err();
    assert_eq!(error.operation(), Some("connect"));
    error
}

#[tokio::test]
async fn redis_later_sends_nothing_until_it_is_used() {
    let server = Redis::start().unwrap();
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    let options = patient(RedisOptions::new(&format!("redis://{}/3", proxy.address())));
    let store = CacheStore::redis_later(options).unwrap();
    assert_eq!(store.capabilities().engine, "redis");
    assert_eq!(store.address(), format!("{}/3", proxy.address()));
    assert!(!store.is_connected());
    assert_eq!(proxy.counts().connections, 0);
    store.records::<Price>().set(&price("BTC")).await.unwrap();
    assert!(store.is_connected());
    store.connect().await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(proxy.counts().connections, 1);
    store.close_all().await.unwrap();
    assert!(!store.is_connected());
    assert!(within_ten_seconds(async || proxy.counts().open == 0).await);
}

#[test]
fn redis_later_checks_its_options_without_a_runtime() {
    let error = CacheStore::redis_later(RedisOptions::new("http://host")).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    let error = CacheStore::redis_later(RedisOptions::tcp("", 6379)).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    let nobody = RedisOptions::tcp("localhost", 6379).with_username("reader");
    let error = CacheStore::redis_later(nobody).unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
    assert!(error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn redis_is_reached_from_parts_with_any_character_in_the_password() {
    let server = Redis::start().unwrap();
    let password = "p@ss:w/rd?#%20[]&=+ ü'\"";
    let cli = |args: &[&str]| redis_cli(server.port(), args).unwrap();
    cli(&["ACL", "SETUSER", "us:er@", "on", &format!(">{password}"), "~*", "+@all"]);
    let parts = |options: RedisOptions| {
        patient(options).with_username("us:er@").with_password(Secret::new(password)).with_db(5)
    };
    for options in [
        RedisOptions::tcp("127.0.0.1", server.port()),
        RedisOptions::tcp("localhost", server.port()),
        RedisOptions::unix(server.socket()),
    ] {
        let store = CacheStore::redis_later(parts(options)).unwrap();
        store.connect().await.unwrap();
        store.records::<Price>().set(&price("BTC")).await.unwrap();
        let shown = format!("{} {store:?}", store.address());
        assert!(shown.contains('5') && !shown.contains("p@ss"), "{shown}");
    }
    let dbs = cli(&["INFO", "keyspace"]);
    assert!(dbs.contains("db5:keys=1") && !dbs.contains("db0"), "{dbs}");
}

#[tokio::test]
async fn redis_that_is_down_is_an_error_of_connect_that_names_it() {
    let server = Redis::start().unwrap();
    server.kill().unwrap();
    let store = CacheStore::redis_later(at(&server)).unwrap();
    for _ in 0..3 {
        let error = store.connect().await.unwrap_err();
        assert_eq!(error.code(), Code::ConnectionFailed, "{error}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", server.port())), "{error}");
    }
    assert!(!store.is_connected());
    server.restart().unwrap();
    // At once, whatever pause the attempts before have earned.
    store.connect().await.unwrap();
    let nowhere = at(&server).with_connect_deadline(Duration::from_millis(100));
    server.stop().unwrap();
    let begin = Instant::now();
    let error = failing(nowhere).await;
    assert_eq!(error.code(), Code::TimedOut, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    server.cont().unwrap();
}

#[tokio::test]
async fn redis_sign_in_that_is_refused_shows_when_connecting_and_never_the_password() {
    let server = Redis::start().unwrap();
    let cli = |args: &[&str]| redis_cli(server.port(), args).unwrap();
    cli(&["ACL", "SETUSER", "reader", "on", ">hunter2", "~*", "+get", "+client"]);
    cli(&["CONFIG", "SET", "requirepass", "hunter3"]);
    let wrong = at(&server).with_password(Secret::new("hunter2"));
    let url = format!("redis://reader:hunter3@127.0.0.1:{}", server.port());
    for options in [wrong, at(&server), patient(RedisOptions::new(&url))] {
        let error = failing(options).await;
        assert_eq!(error.code(), Code::AuthenticationRefused, "{error}");
        let text = error.to_string();
        assert!(text.contains("check the username") && !text.contains("hunter"), "{text}");
    }
    // Who may not ping has signed in all the same.
    let reader = at(&server).with_username("reader").with_password(Secret::new("hunter2"));
    let store = CacheStore::redis_later(reader).unwrap();
    store.connect().await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn redis_db_that_is_not_there_is_named() {
    let server = Redis::options().setting("databases", "32").start().unwrap();
    CacheStore::redis_later(at(&server).with_db(31)).unwrap().connect().await.unwrap();
    for (options, db) in [
        (at(&server).with_db(32), "db 32 "),
        (at(&server).with_db(u32::MAX), "db 4294967295 "),
        (patient(RedisOptions::new(&format!("{}/99", server.url()))), "db 99 "),
    ] {
        let error = failing(options).await;
        assert_eq!(error.code(), Code::Config, "{error}");
        assert!(error.to_string().contains(db), "{error}");
    }
    let error = CacheStore::redis_later(RedisOptions::new("redis://host/-1")).unwrap_err();
    assert!(error.code() == Code::Config && error.to_string().contains("-1"), "{error}");
}

fn short_lived() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn redis_connection_lives_on_the_runtime_it_was_given() {
    let server = Redis::start().unwrap();
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = format!("redis://{}", proxy.address());
    let options = patient(RedisOptions::new(&url)).with_runtime(home.handle().clone());
    let store = CacheStore::redis_later(options).unwrap();
    let prices = store.records::<Price>();
    short_lived().block_on(prices.set(&price("BTC"))).unwrap();
    for _ in 0..3 {
        assert!(short_lived().block_on(prices.get(&"BTC".into())).unwrap().is_some());
    }
    assert!(store.is_connected());
    assert_eq!(proxy.counts().connections, 1, "no runtime of a call took it along");
    drop(home);
    let error = short_lived().block_on(prices.get(&"BTC".into())).unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[tokio::test]
async fn redis_connection_that_is_being_made_while_the_store_is_closed_is_let_go() {
    let server = Redis::start().unwrap();
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    proxy.hold(true);
    let options = patient(RedisOptions::new(&format!("redis://{}", proxy.address())));
    let store = CacheStore::redis_later(options).unwrap();
    let waiting = store.clone();
    let call = tokio::spawn(async move { waiting.connect().await });
    assert!(within_ten_seconds(async || proxy.counts().connections == 1).await);
    store.close_all().await.unwrap();
    proxy.hold(false);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Closed, "{error}");
    assert!(within_ten_seconds(async || proxy.counts().open == 0).await);
}
