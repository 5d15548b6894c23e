//! The proxy tells PostgreSQL's messages apart, and stops or cuts between two of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tradebase_testkit::{Database, KitError, Postgres, Proxy, Redis, Side, psql, redis_cli};

const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough that two messages in one read would be seen.
const PAUSE: Duration = Duration::from_millis(30);

fn before_postgres() -> (Database, Proxy) {
    let server = Postgres::shared();
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    (server.database(), proxy)
}

/// A client that has said who it is, and nothing else.
fn client(database: &Database, proxy: &Proxy) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = format!("user\0postgres\0database\0{}\0\0", database.name());
    let size = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    stream.write_all(&[&size, &196_608_u32.to_be_bytes(), body.as_bytes()].concat()).unwrap();
    stream
}

fn query(sql: &str) -> Vec<u8> {
    let size = u32::try_from(sql.len() + 5).unwrap().to_be_bytes();
    [b"Q".as_slice(), &size, sql.as_bytes(), b"\0"].concat()
}

/// The kinds of the messages in what one read gives.
fn read_kinds(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 16];
    let count = stream.read(&mut bytes).unwrap();
    kinds(&bytes[..count])
}

fn kinds(mut rest: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, a, b, c, d, ..] = rest {
        kinds.push(*kind);
        let size = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
        rest = &rest[size + 1..];
    }
    kinds
}

fn read_until_ready(stream: &mut TcpStream) -> Vec<Vec<u8>> {
    let mut reads = vec![read_kinds(stream)];
    while reads.last().is_some_and(|kinds| kinds.last() != Some(&b'Z')) {
        reads.push(read_kinds(stream));
        assert_ne!(reads.last(), Some(&Vec::new()), "closed after {reads:?}");
    }
    reads
}

#[test]
fn postgres_messages_arrive_each_on_its_own_a_pause_apart() -> Result<(), KitError> {
    let (database, proxy) = before_postgres();
    let mut stream = client(&database, &proxy);
    assert!(read_until_ready(&mut stream).iter().any(|kinds| kinds.len() > 1));
    proxy.by_message(PAUSE);
    let begun = Instant::now();
    stream.write_all(&query("select n from generate_series(1, 3) n")).unwrap();
    let kinds = ["T", "D", "D", "D", "C", "Z"].map(|kind| kind.as_bytes().to_vec());
    assert_eq!(read_until_ready(&mut stream), kinds);
    assert!(begun.elapsed() >= PAUSE * 5, "{:?}", begun.elapsed());
    proxy.by_message(Duration::ZERO);
    stream.write_all(&query("select 1")).unwrap();
    assert!(read_until_ready(&mut stream).iter().any(|kinds| kinds.len() > 1));
    Ok(())
}

#[test]
fn postgres_clients_work_through_it_and_large_messages_stay_whole() -> Result<(), KitError> {
    let (database, proxy) = before_postgres();
    proxy.by_message(Duration::from_millis(1));
    let url = database.url_through(&proxy);
    psql(
        &url,
        "create table t as select n, repeat('x', 100000) as x from generate_series(1, 9) n",
    )?;
    assert_eq!(psql(&url, "select sum(length(x)) from t")?, "900000");
    assert_eq!(psql(&url, "select x from t where n = 1")?, "x".repeat(100_000));
    // The request for encryption, the startup message, the query, the end.
    let before = proxy.counts();
    psql(&url, "select 1")?;
    let counts = proxy.counts();
    assert_eq!(counts.messages_from_client - before.messages_from_client, 4);
    assert!(counts.messages_from_server > before.messages_from_server + 10);
    Ok(())
}

#[test]
fn postgres_connections_are_cut_between_any_two_messages() -> Result<(), KitError> {
    let (database, proxy) = before_postgres();
    psql(&database.url(), "create table t (a int)")?;
    for cuts in 0..4 {
        let mut stream = client(&database, &proxy);
        read_until_ready(&mut stream);
        proxy.cut_after_messages(Side::Server, cuts);
        stream.write_all(&query("insert into t values (1) returning a")).unwrap();
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        assert_eq!(kinds(&answer), b"TDCZ"[..usize::try_from(cuts).unwrap()]);
    }
    // The server has done its work each time.
    assert_eq!(psql(&database.url(), "select count(*) from t")?, "4");
    let mut stream = client(&database, &proxy);
    read_until_ready(&mut stream);
    proxy.cut_after_messages(Side::Client, 0);
    stream.write_all(&query("insert into t values (2)")).unwrap();
    _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(psql(&database.url(), "select count(*) from t")?, "4");
    Ok(())
}

#[test]
fn postgres_answers_are_held_after_so_many_messages() -> Result<(), KitError> {
    let (database, proxy) = before_postgres();
    let mut stream = client(&database, &proxy);
    read_until_ready(&mut stream);
    proxy.hold_after_messages(Side::Server, 2);
    stream.write_all(&query("select 1")).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut bytes = [0; 1_000];
    let mut seen = Vec::new();
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..count]);
    }
    assert_eq!((seen[0], seen.len()), (b'T', 34 + 12));
    proxy.hold(false);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read_until_ready(&mut stream).concat(), b"CZ");
    Ok(())
}

#[test]
fn another_protocol_passes_as_it_comes() -> Result<(), KitError> {
    let server = Redis::start()?;
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port()))?;
    proxy.by_message(Duration::from_millis(1));
    proxy.cut_after_messages(Side::Server, 0);
    let long = "x".repeat(100_000);
    assert_eq!(redis_cli(proxy.address().port(), ["SET", "a", &long])?, "OK");
    assert_eq!(redis_cli(proxy.address().port(), ["GET", "a"])?, long);
    assert_eq!(proxy.counts().messages_from_server, 0);
    Ok(())
}
