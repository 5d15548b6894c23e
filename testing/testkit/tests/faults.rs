//! Servers take the faults they are given, whole, and come back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tradebase_testkit::{KitError, Postgres, Redis, psql, redis_cli};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// An open connection, seen from the server in a query of that many seconds.
fn sleeper(server: &Postgres, seconds: u32) -> JoinHandle<Result<String, KitError>> {
    let (url, sql) = (server.url(), format!("select pg_sleep({seconds})"));
    let client = spawn(move || psql(&url, &sql));
    let asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    let deadline = Instant::now() + PATIENCE;
    while psql(&server.url(), asleep).unwrap() != "1" {
        assert!(Instant::now() < deadline, "no connection");
    }
    client
}

fn backends(server: &Postgres) -> Vec<u32> {
    let pids = psql(&server.url(), "select pid from pg_stat_activity").unwrap();
    pids.lines().map(|pid| pid.parse().unwrap()).collect()
}

fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn killed_server_comes_back_with_its_data() -> Result<(), KitError> {
    let postgres = Postgres::start()?;
    let redis = Redis::options().append_only(true).start()?;
    psql(&postgres.url(), "create table t (a int)")?;
    let ports = (postgres.port(), redis.port());
    for round in 1..=3 {
        psql(&postgres.url(), &format!("insert into t values ({round})"))?;
        redis_cli(redis.port(), ["RPUSH", "t", &round.to_string()])?;
        let _open = sleeper(&postgres, 100);
        for server in [&*postgres, &*redis] {
            let before = server.pid();
            server.kill()?;
            assert!(!server.is_running() && server.pid().is_none());
            server.restart()?;
            assert!(server.is_running() && server.pid() != before);
        }
        let rounds = (1..=round).map(|round| round.to_string()).collect::<Vec<_>>().join("\n");
        assert_eq!(psql(&postgres.url(), "select a from t order by a")?, rounds);
        assert_eq!(redis_cli(redis.port(), ["LRANGE", "t", "0", "-1"])?, rounds);
    }
    assert_eq!(ports, (postgres.port(), redis.port()));
    Ok(())
}

#[test]
fn a_killed_postgres_leaves_no_backend_and_its_port_refuses() -> Result<(), KitError> {
    let server = Postgres::start()?;
    let client = sleeper(&server, 100);
    let pids = backends(&server);
    assert!(pids.len() >= 5, "{pids:?}");
    server.kill()?;
    assert!(pids.iter().all(|&pid| matches!(state(pid), None | Some('Z'))));
    assert!(client.join().unwrap().is_err());
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    Ok(())
}

#[test]
fn stopped_redis_hangs_and_continues() -> Result<(), KitError> {
    let server = Redis::start()?;
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(SHORT)).unwrap();
    server.stop()?;
    assert!(server.is_running());
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    assert_eq!(stream.read(&mut answer).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    server.cont()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    Ok(())
}

#[test]
fn a_stopped_postgres_stops_its_open_connections_too() -> Result<(), KitError> {
    let server = Postgres::start()?;
    let client = sleeper(&server, 1);
    let pids = backends(&server);
    server.stop()?;
    let all_stopped = || pids.iter().all(|&pid| matches!(state(pid), None | Some('T' | 'Z')));
    assert!(all_stopped());
    sleep(Duration::from_millis(1_500));
    assert!(all_stopped() && !client.is_finished(), "the query went on");
    server.cont()?;
    client.join().unwrap()?;
    Ok(())
}

#[test]
fn a_stopped_server_can_be_shut_down_killed_and_dropped() -> Result<(), KitError> {
    let server = Postgres::start()?;
    let _open = sleeper(&server, 100);
    server.stop()?;
    server.shutdown()?;
    assert!(!server.is_running());
    server.restart()?;
    server.stop()?;
    server.kill()?;
    server.restart()?;
    server.stop()?;
    let pid = server.pid().unwrap();
    let begun = Instant::now();
    drop(server);
    assert!(state(pid).is_none());
    assert!(begun.elapsed() < PATIENCE);
    Ok(())
}

#[test]
fn a_server_that_does_not_run_says_so() -> Result<(), KitError> {
    let server = Redis::start()?;
    server.shutdown()?;
    server.shutdown()?;
    server.kill()?;
    assert_eq!(server.stop().unwrap_err().to_string(), "redis-server does not run");
    assert_eq!(server.cont().unwrap_err().to_string(), "redis-server does not run");
    Ok(())
}

#[test]
fn a_server_finds_its_port_free_while_clients_keep_knocking() -> Result<(), KitError> {
    let server = Redis::start()?;
    let port = server.port();
    let knock = move |_: &u32| TcpStream::connect(("127.0.0.1", port)).is_ok();
    let knocker = spawn(move || (0..20_000).filter(knock).count());
    let mut rounds = 0;
    while !knocker.is_finished() && rounds < 20 {
        server.kill()?;
        sleep(Duration::from_millis(20));
        server.restart()?;
        assert_eq!(redis_cli(port, ["PING"])?, "PONG");
        rounds += 1;
    }
    assert!(knocker.join().unwrap() > 0 && rounds > 0);
    Ok(())
}
