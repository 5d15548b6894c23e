//! Redis that is away, slow, or refuses: typed errors within the deadline, and work as before
//! once it is back.

mod common;

use std::time::{Duration, Instant};

use common::{Price, patient, price, within_ten_seconds};
use tradebase_cache::{Cache, CacheStore, RedisOptions, Ttl};
use tradebase_core::{Code, Error, Result, Secret};
use tradebase_testkit::{Proxy, Redis, Side, redis_cli};

const DEADLINE: Duration = Duration::from_millis(300);
/// What a machine under load may add.
const SLACK: Duration = Duration::from_millis(700);

async fn cache(url: &str) -> Cache<Price> {
    let options = RedisOptions::new(url).with_call_deadline(DEADLINE);
    CacheStore::redis_with(options).await.unwrap().records()
}

/// For what has to succeed, on a machine under load too.
async fn patient_cache(url: &str) -> Cache<Price> {
    CacheStore::redis_with(patient(RedisOptions::new(url))).await.unwrap().records()
}

fn before(server: &Redis) -> (Proxy, String) {
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    let url = format!("redis://{}", proxy.address());
    (proxy, url)
}

/// Each verb once; every one ends in time.
async fn all_verbs(cache: &Cache<Price>) -> Vec<Error> {
    let key = "BTC".to_owned();
    let mut errors = Vec::new();
    let mut note = |begin: Instant, done: Result<()>| {
        assert!(begin.elapsed() < DEADLINE + SLACK, "{:?}: {done:?}", begin.elapsed());
        errors.extend(done.err());
    };
    note(Instant::now(), cache.set(&price(&key)).await);
    note(Instant::now(), cache.get(&key).await.map(drop));
    note(Instant::now(), cache.exists(&key).await.map(drop));
    note(Instant::now(), cache.ttl(&key).await.map(drop));
    note(Instant::now(), cache.expire(&key, Ttl::secs(5)).await.map(drop));
    note(Instant::now(), cache.expire(&key, Ttl::Never).await.map(drop));
    note(Instant::now(), cache.delete(&key).await.map(drop));
    errors
}

async fn works_again(cache: &Cache<Price>) {
    let works = async || cache.set(&price("again")).await.is_ok();
    assert!(within_ten_seconds(works).await, "it did not come back");
    assert_eq!(cache.get(&"again".into()).await.unwrap(), Some(price("again")));
}

#[tokio::test]
async fn redis_that_was_killed_is_a_typed_error_and_comes_back() {
    let server = Redis::start().unwrap();
    let cache = cache(&server.url()).await;
    cache.set(&price("BTC")).await.unwrap();
    server.kill().unwrap();
    let errors = all_verbs(&cache).await;
    assert_eq!(errors.len(), 7);
    for error in &errors {
        assert!(error.is_unavailable() && error.is_retryable(), "{error}");
        assert!(matches!(error.code(), Code::ConnectionFailed | Code::ConnectionLost), "{error}");
        assert_eq!(error.record(), Some("Price"));
    }
    server.restart().unwrap();
    works_again(&cache).await;
}

#[tokio::test]
async fn redis_that_never_was_there_is_an_error_of_the_call_and_not_of_the_opening() {
    let server = Redis::start().unwrap();
    let url = server.url();
    server.kill().unwrap();
    let cache = cache(&url).await;
    let error = cache.get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionFailed, "{error}");
    assert!(error.to_string().contains(&server.port().to_string()), "{error}");
    server.restart().unwrap();
    works_again(&cache).await;
}

#[tokio::test]
async fn redis_that_stands_still_is_a_timeout_and_comes_back() {
    let server = Redis::start().unwrap();
    let cache = cache(&server.url()).await;
    cache.set(&price("BTC")).await.unwrap();
    server.stop().unwrap();
    let errors = all_verbs(&cache).await;
    assert_eq!(errors.len(), 7);
    for error in &errors {
        assert_eq!(error.code(), Code::TimedOut, "{error}");
        assert!(error.is_unavailable());
    }
    server.cont().unwrap();
    works_again(&cache).await;
}

#[tokio::test]
async fn redis_known_to_be_away_fails_at_once() {
    let server = Redis::start().unwrap();
    let cache = cache(&server.url()).await;
    cache.set(&price("BTC")).await.unwrap();
    server.stop().unwrap();
    all_verbs(&cache).await;
    // One call in each pause waits for an answer, the others do not.
    let begin = Instant::now();
    let mut quick = 0;
    for _ in 0..20 {
        let call = Instant::now();
        cache.get(&"BTC".into()).await.unwrap_err();
        quick += u32::from(call.elapsed() < Duration::from_millis(50));
    }
    assert!(quick >= 10, "{quick} of 20 were quick");
    assert!(begin.elapsed() < 10 * DEADLINE + SLACK, "{:?}", begin.elapsed());
    server.cont().unwrap();
    works_again(&cache).await;
}

#[tokio::test]
async fn redis_calls_at_once_wait_for_one_connection() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let cache = patient_cache(&url).await;
    let calls = (0..50).map(|i| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.set(&price(&i.to_string())).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(proxy.counts().connections, 1);
}

#[tokio::test]
async fn redis_connection_cut_while_idle_is_not_seen_by_callers() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let cache = patient_cache(&url).await;
    cache.set(&price("BTC")).await.unwrap();
    for _ in 0..3 {
        proxy.cut();
        // The end has to reach this side first; from then on the next call connects anew.
        tokio::time::sleep(Duration::from_millis(200)).await;
        cache.set(&price("BTC")).await.unwrap();
        assert!(cache.get(&"BTC".into()).await.unwrap().is_some());
    }
    assert_eq!(proxy.counts().connections, 4);
}

#[tokio::test]
async fn redis_answer_that_was_cut_is_asked_for_again_by_reads_only() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let cache = patient_cache(&url).await;
    cache.set(&price("BTC")).await.unwrap();
    proxy.cut_after(Side::Server, 0);
    assert_eq!(cache.get(&"BTC".into()).await.unwrap(), Some(price("BTC")));
    proxy.cut_after(Side::Server, 0);
    let error = cache.delete(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    assert!(!cache.exists(&"BTC".into()).await.unwrap(), "it had taken effect");
}

#[tokio::test]
async fn redis_behind_a_proxy_that_holds_back_is_a_timeout() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let held = cache(&url).await;
    held.set(&price("BTC")).await.unwrap();
    proxy.hold(true);
    assert!(all_verbs(&held).await.iter().all(|error| error.code() == Code::TimedOut));
    // Nor is a connection made there.
    let fresh = cache(&url).await;
    let begin = Instant::now();
    let error = fresh.get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::TimedOut, "{error}");
    assert!(begin.elapsed() < DEADLINE + SLACK);
    proxy.hold(false);
    works_again(&held).await;
    works_again(&fresh).await;
}

#[tokio::test]
async fn redis_that_is_slow_within_the_deadline_is_no_error() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let cache = patient_cache(&url).await;
    cache.set(&price("BTC")).await.unwrap();
    proxy.delay(Duration::from_millis(40));
    for _ in 0..10 {
        assert!(cache.get(&"BTC".into()).await.unwrap().is_some());
    }
    assert_eq!(proxy.counts().connections, 1);
}

#[tokio::test]
async fn redis_call_that_is_dropped_leaves_the_connection_whole() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let cache = patient_cache(&url).await;
    for symbol in ["a", "b"] {
        cache.set(&price(symbol)).await.unwrap();
    }
    proxy.delay(Duration::from_millis(20));
    for _ in 0..10 {
        let (a, b) = ("a".to_owned(), "b".to_owned());
        let dropped = tokio::time::timeout(Duration::from_millis(5), cache.get(&a)).await;
        assert!(dropped.is_err());
        assert_eq!(cache.get(&b).await.unwrap(), Some(price("b")), "not the answer for a");
    }
    assert_eq!(proxy.counts().connections, 1);
}

#[test]
fn redis_outlives_the_runtime_that_connected() {
    let server = Redis::start().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cache = runtime().block_on(async {
        let cache = patient_cache(&server.url()).await;
        cache.set(&price("BTC")).await.unwrap();
        cache
    });
    for _ in 0..3 {
        assert!(runtime().block_on(cache.get(&"BTC".into())).unwrap().is_some());
    }
}

#[tokio::test]
async fn redis_sign_in_is_refused_with_a_typed_error() {
    let server = Redis::start().unwrap();
    let cli = |args: &[&str]| redis_cli(server.port(), args).unwrap();
    cli(&["ACL", "SETUSER", "reader", "on", ">hunter2", "~*", "+get", "+select", "+client"]);
    let at = |options: RedisOptions| async move {
        CacheStore::redis_with(patient(options)).await.unwrap().records::<Price>()
    };
    let options = RedisOptions::tcp("127.0.0.1", server.port()).with_username("reader");
    let wrong = at(options.clone().with_password(Secret::new("hunter3"))).await;
    let error = wrong.get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthenticationRefused, "{error}");
    assert!(!error.to_string().contains("hunter"), "{error}");
    let reader = at(options.with_password(Secret::new("hunter2"))).await;
    assert_eq!(reader.get(&"BTC".into()).await.unwrap(), None);
    let error = reader.set(&price("BTC")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::AccessDenied, false), "{error}");
    // Nobody without a password from now on.
    cli(&["CONFIG", "SET", "requirepass", "hunter4"]);
    let nobody = at(RedisOptions::tcp("127.0.0.1", server.port())).await;
    let error = nobody.get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthenticationRefused, "{error}");
    let url = format!("redis://:hunter4@127.0.0.1:{}/3", server.port());
    let known = at(RedisOptions::new(&url)).await;
    known.set(&price("BTC")).await.unwrap();
    assert!(known.get(&"BTC".into()).await.unwrap().is_some());
}

#[tokio::test]
async fn redis_without_room_says_so() {
    let server = Redis::options()
        .setting("maxmemory", "1500kb")
        .setting("maxmemory-policy", "noeviction")
        .start()
        .unwrap();
    let cache = patient_cache(&server.url()).await;
    redis_cli(server.port(), ["SETRANGE", "big", "2000000", "x"]).unwrap();
    let error = cache.set(&price("BTC")).await.unwrap_err();
    assert_eq!(error.code(), Code::StorageFull, "{error}");
    assert_eq!(cache.get(&"BTC".into()).await.unwrap(), None, "reading goes on");
}

#[tokio::test]
async fn redis_replica_refuses_writes_with_a_typed_error() {
    let server = Redis::start().unwrap();
    let cache = patient_cache(&server.url()).await;
    cache.set(&price("BTC")).await.unwrap();
    redis_cli(server.port(), ["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let error = cache.set(&price("BTC")).await.unwrap_err();
    assert_eq!(error.code(), Code::TransactionFailed, "{error}");
    assert!(error.is_retryable());
    redis_cli(server.port(), ["REPLICAOF", "NO", "ONE"]).unwrap();
    cache.set(&price("BTC")).await.unwrap();
}

#[tokio::test]
async fn redis_db_that_is_not_there_is_a_matter_of_configuration() {
    let server = Redis::start().unwrap();
    let cache = patient_cache(&format!("{}/99", server.url())).await;
    let error = cache.get(&"BTC".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
}

#[tokio::test]
async fn redis_at_a_socket_works_like_any_other() {
    let server = Redis::start().unwrap();
    for options in [
        RedisOptions::unix(server.socket()),
        RedisOptions::new(&format!("redis+unix://{}?db=1", server.socket().display())),
        RedisOptions::new(&format!("unix:{}", server.socket().display())).with_db(2),
    ] {
        let cache = CacheStore::redis_with(options).await.unwrap().records::<Price>();
        assert_eq!(cache.get(&"BTC".into()).await.unwrap(), None);
        cache.set(&price("BTC")).await.unwrap();
        assert!(cache.get(&"BTC".into()).await.unwrap().is_some());
    }
    let dbs = redis_cli(server.port(), ["INFO", "keyspace"]).unwrap();
    assert!(["db0", "db1", "db2"].iter().all(|db| dbs.contains(db)), "{dbs}");
}

#[tokio::test]
async fn redis_connection_ends_with_the_last_handle() {
    let server = Redis::start().unwrap();
    let (proxy, url) = before(&server);
    let store = CacheStore::redis(&url).await.unwrap();
    let cache = store.records::<Price>();
    cache.set(&price("BTC")).await.unwrap();
    store.close().await.unwrap();
    assert!(cache.get(&"BTC".into()).await.unwrap().is_some(), "the cache holds on to it");
    drop(cache);
    assert!(within_ten_seconds(async || proxy.counts().open == 0).await);
}

#[test]
fn redis_without_a_runtime_is_a_typed_error() {
    let server = Redis::start().unwrap();
    let cache = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(cache(&server.url()));
    let key = "BTC".to_owned();
    let mut call = std::pin::pin!(cache.get(&key));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.code(), Code::Config),
        other => panic!("not an error: {other:?}"),
    }
}
