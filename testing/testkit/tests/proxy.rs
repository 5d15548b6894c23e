//! The proxy breaks connections as told, and changes nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tradebase_testkit::{CONNECTIONS_MAX, KitError, Postgres, Proxy, Redis, Side, psql};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

/// A server that answers every byte with the same byte, and what it heard.
fn echo() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (told, heard) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4_096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    _ = told.send(buffer[..count].to_vec());
                    _ = stream.write_all(&buffer[..count]);
                }
            });
        }
    });
    (address, heard)
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<()> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    assert_eq!(answer, text);
    Ok(())
}

/// The stream is closed and gives nothing more.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn proxy_forwards_and_counts() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    let (mut one, mut two) = (client(&proxy), client(&proxy));
    exchange(&mut one, b"abc").unwrap();
    exchange(&mut two, &[7; 100_000]).unwrap();
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.open), (2, 2));
    assert_eq!((counts.bytes_from_client, counts.bytes_from_server), (100_003, 100_003));
    drop(one);
    let deadline = Instant::now() + PATIENCE;
    while proxy.counts().open > 1 {
        assert!(Instant::now() < deadline, "an ended connection stays open");
    }
    Ok(())
}

#[test]
fn proxy_delays_and_cuts() -> Result<(), KitError> {
    let server = Redis::start()?;
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port()))?;
    let mut stream = client(&proxy);
    proxy.delay(Duration::from_millis(50));
    let begun = Instant::now();
    let mut answer = [0; 7];
    stream.write_all(b"PING\r\n").unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
    proxy.delay(Duration::ZERO);
    proxy.cut();
    assert_eq!(proxy.counts().open, 0);
    assert!(is_closed(&mut stream));
    assert_eq!(
        tradebase_testkit::redis_cli(proxy.address().port(), ["PING"])?,
        "PONG",
        "a new connection works"
    );
    Ok(())
}

#[test]
fn bytes_on_their_way_do_not_slow_each_other() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    proxy.delay(Duration::from_secs(1));
    let mut stream = client(&proxy);
    let begun = Instant::now();
    for _ in 0..20 {
        stream.write_all(b"x").unwrap();
        sleep(Duration::from_millis(5));
    }
    stream.read_exact(&mut [0; 20]).unwrap();
    let took = begun.elapsed();
    // If the first one kept the others waiting, those would take another second.
    assert!(took > Duration::from_secs(2) && took < Duration::from_millis(2_800), "{took:?}");
    Ok(())
}

#[test]
fn a_cut_misses_no_connection_however_young() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    for _ in 0..300 {
        let mut stream = client(&proxy);
        proxy.cut();
        assert!(is_closed(&mut stream));
    }
    assert_eq!(proxy.counts().connections, 300);
    Ok(())
}

#[test]
fn refused_connections_are_refused_and_present_ones_live_on() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    let mut present = client(&proxy);
    exchange(&mut present, b"a").unwrap();
    for _ in 0..20 {
        proxy.refuse(true)?;
        proxy.refuse(true)?;
        let error = TcpStream::connect(proxy.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        exchange(&mut present, b"b").unwrap();
        proxy.refuse(false)?;
        exchange(&mut client(&proxy), b"c").unwrap();
    }
    Ok(())
}

#[test]
fn exactly_so_many_bytes_pass_and_then_one_connection_is_cut() -> Result<(), KitError> {
    let (address, heard) = echo();
    let proxy = Proxy::before(&address)?;
    let mut stream = client(&proxy);
    exchange(&mut stream, b"before").unwrap();
    heard.recv_timeout(PATIENCE).unwrap();

    proxy.cut_after(Side::Server, 4);
    stream.write_all(b"abcdef").unwrap();
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"abcd");
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), b"abcdef");

    let mut stream = client(&proxy);
    exchange(&mut stream, b"the rule is used up").unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    proxy.cut_after(Side::Client, 2);
    stream.write_all(b"abcdef").unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), b"ab");
    _ = stream.read_to_end(&mut Vec::new());
    exchange(&mut client(&proxy), b"and again").unwrap();
    Ok(())
}

#[test]
fn a_commit_can_be_done_and_its_answer_lost() -> Result<(), KitError> {
    let database = Postgres::shared().database();
    psql(&database.url(), "create table t (a int)")?;
    let proxy = Proxy::before(&format!("127.0.0.1:{}", Postgres::shared().port()))?;
    let url = database.url_through(&proxy);
    assert_eq!(psql(&url, "select 1")?, "1");
    let before = proxy.counts().bytes_from_server;
    psql(&url, "")?;
    let greeting = proxy.counts().bytes_from_server - before;
    proxy.cut_after(Side::Server, greeting);
    let error = psql(&url, "insert into t values (1)").unwrap_err();
    assert!(error.to_string().contains("closed the connection"), "{error}");
    assert_eq!(psql(&url, "table t")?, "1");
    Ok(())
}

#[test]
fn held_bytes_arrive_once_they_are_let_go() -> Result<(), KitError> {
    let (address, heard) = echo();
    let proxy = Proxy::before(&address)?;
    let mut stream = client(&proxy);
    exchange(&mut stream, b"before").unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    proxy.hold(true);
    stream.write_all(b"held").unwrap();
    let mut young = client(&proxy);
    young.write_all(b"held").unwrap();
    assert!(heard.recv_timeout(SHORT).is_err());
    proxy.hold(false);
    stream.read_exact(&mut [0; 4]).unwrap();
    young.read_exact(&mut [0; 4]).unwrap();
    Ok(())
}

#[test]
fn a_half_closed_connection_still_brings_the_answer() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    proxy.delay(Duration::from_millis(20));
    let mut stream = client(&proxy);
    stream.write_all(b"last words").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "last words");
    Ok(())
}

#[test]
fn a_proxy_before_nothing_closes_what_it_accepts() -> Result<(), KitError> {
    let proxy = Proxy::before("127.0.0.1:1")?;
    assert!(is_closed(&mut client(&proxy)));
    assert!(Proxy::before("nonsense").is_err());
    Ok(())
}

#[test]
fn connections_are_bounded() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    let mut streams: Vec<_> = (0..CONNECTIONS_MAX).map(|_| client(&proxy)).collect();
    streams.iter_mut().for_each(|stream| exchange(stream, b"x").unwrap());
    assert!(is_closed(&mut client(&proxy)));
    exchange(&mut streams[0], b"still there").unwrap();
    Ok(())
}

#[test]
fn a_dropped_proxy_is_gone_with_its_threads() -> Result<(), KitError> {
    let (address, _heard) = echo();
    let proxy = Proxy::before(&address)?;
    let mut streams: Vec<_> = (0..10).map(|_| client(&proxy)).collect();
    streams.iter_mut().for_each(|stream| exchange(stream, b"x").unwrap());
    proxy.delay(Duration::from_secs(3_600));
    streams.iter_mut().for_each(|stream| stream.write_all(b"y").unwrap());
    proxy.hold(true);
    let (address, begun) = (proxy.address(), Instant::now());
    drop(proxy);
    assert!(begun.elapsed() < PATIENCE);
    assert!(streams.iter_mut().all(is_closed));
    assert!(TcpStream::connect(address).is_err());
    Ok(())
}
