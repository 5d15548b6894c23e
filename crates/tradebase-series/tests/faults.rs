//! What a caller is told when the server or the way to it fails.

mod common;

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use tradebase_core::{Code, Secret, Timestamp};
use tradebase_series::{InfluxOptions, Series, Tally};
use tradebase_testkit::{Influx, Proxy, Side};

const DEADLINE: Duration = Duration::from_secs(2);
/// A deadline, a connection that may have to be made, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn impatient(server: &Influx) -> InfluxOptions {
    let mut options = options(server);
    (options.connect_deadline, options.answer_deadline) = (DEADLINE, DEADLINE);
    options
}

fn through(server: &Influx) -> (Proxy, InfluxOptions) {
    let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
    let mut options = impatient(server);
    options.url = format!("http://{}", proxy.address());
    (proxy, options)
}

#[test]
fn influx_that_is_down_is_unavailable_until_it_is_back() {
    let server = Influx::start().unwrap();
    run(async {
        let options = impatient(&server);
        let series = Series::influx(options.clone()).await.unwrap();
        series.write(&[trade(1)]).await.unwrap();
        server.kill().unwrap();
        let begun = Instant::now();
        for error in [
            series.write(&[trade(2)]).await.unwrap_err(),
            series.read::<Trade>(..).await.unwrap_err(),
            series.create::<Trade>().await.unwrap_err(),
            Series::influx(options).await.unwrap_err(),
        ] {
            assert!(error.is_unavailable() && error.is_retryable(), "{error}");
            assert_eq!(error.code(), Code::ConnectionFailed);
        }
        assert!(begun.elapsed() < PATIENCE);
        server.restart().unwrap();
        series.write(&[trade(2)]).await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 2);
    });
}

#[test]
fn influx_that_does_not_answer_is_given_up_in_time() {
    let server = Influx::start().unwrap();
    run(async {
        let series = Series::influx(impatient(&server)).await.unwrap();
        series.write(&[trade(1)]).await.unwrap();
        server.stop().unwrap();
        for round in 0..2 {
            let begun = Instant::now();
            let error = series.write(&[trade(2), trade(3)]).await.unwrap_err();
            assert_eq!(error.code(), Code::TimedOut, "{error}");
            let tally = error.source().unwrap().downcast_ref::<Tally>().unwrap();
            assert_eq!((tally.unknown, tally.stored), (2, 0), "round {round}");
            let error = series.read::<Trade>(..).await.unwrap_err();
            assert_eq!(error.code(), Code::TimedOut, "{error}");
            assert!(begun.elapsed() < PATIENCE);
        }
        server.cont().unwrap();
        series.write(&[trade(2), trade(3)]).await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 3);
    });
}

/// Not so at the very start of the range: the shard that contains the first nanosecond begins
/// before it, the server cannot keep that beginning, and makes a second shard after each start.
#[test]
fn influx_points_written_again_after_a_restart_are_the_same_points() {
    let server = Influx::start().unwrap();
    run(async {
        let series = Series::influx(impatient(&server)).await.unwrap();
        let early = "1700-01-01T00:00:00Z".parse().unwrap();
        let moments = [early, Timestamp::from_micros(-1), NOON, Timestamp::SERIES_MAX];
        let rows = moments.map(|timestamp| Trade { timestamp, ..trade(1) });
        for _ in 0..3 {
            series.write(&rows).await.unwrap();
            assert_eq!(series.read::<Trade>(..).await.unwrap(), rows);
            server.kill().unwrap();
            server.restart().unwrap();
        }
    });
}

/// Each way to cut an answer: never a short result.
#[test]
fn influx_answers_that_are_cut_are_errors() {
    let (proxy, mut options) = through(Influx::shared());
    options.read_rows_max = 10;
    run(async {
        let series = Series::influx(options).await.unwrap();
        let rows: Vec<_> = (0..50).map(trade).collect();
        series.write(&rows).await.unwrap();
        let before = proxy.counts().bytes_from_server;
        assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 50);
        let size = proxy.counts().bytes_from_server - before;
        assert!(size > 1_000, "{size}");
        let (mut cut, mut whole) = (0, 0);
        for bytes in (0..40).chain((40..size).step_by(53)).chain(size - 30..size + 1) {
            proxy.cut_after(Side::Server, bytes);
            match series.read::<Trade>(..).await {
                Ok(found) => {
                    assert_eq!(found.len(), 50, "cut after {bytes} of {size}");
                    whole += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
                    assert!(error.is_retryable());
                    cut += 1;
                }
            }
            proxy.cut_after(Side::Server, u64::MAX);
        }
        assert!(cut > 50, "{cut} of {} were cut", cut + whole);
    });
}

/// The server has stored the lines and nobody hears of it: the second send stores the same.
#[test]
fn influx_answers_to_writes_that_are_lost_do_no_harm() {
    let (proxy, options) = through(Influx::shared());
    run(async {
        let series = Series::influx(options).await.unwrap();
        for from in [Side::Server, Side::Client] {
            for bytes in [0, 1, 10, 100, 150] {
                proxy.cut_after(from, bytes);
                let written = series.write(&[trade(1), trade(2)]).await.unwrap();
                assert_eq!(written.stored, 2);
                assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 2);
            }
        }
    });
}

#[test]
fn influx_that_cuts_every_connection_is_an_error_after_two_tries() {
    let (proxy, options) = through(Influx::shared());
    run(async {
        let series = Series::influx(options).await.unwrap();
        let before = proxy.counts().connections;
        proxy.hold(true);
        let begun = Instant::now();
        let error = series.write(&[trade(1)]).await.unwrap_err();
        assert_eq!(error.code(), Code::TimedOut, "{error}");
        assert!(begun.elapsed() < PATIENCE);
        proxy.cut();
        proxy.hold(false);
        proxy.refuse(true).unwrap();
        let error = series.write(&[trade(1)]).await.unwrap_err();
        assert_eq!(error.code(), Code::ConnectionFailed, "{error}");
        assert!(proxy.counts().connections <= before + 2);
        proxy.refuse(false).unwrap();
        series.write(&[trade(1)]).await.unwrap();
    });
}

/// A write that is dropped midway can be made again.
#[test]
fn influx_writes_that_are_dropped_can_be_made_again() {
    let (proxy, options) = through(Influx::shared());
    run(async {
        let series = Series::influx(options).await.unwrap();
        let rows: Vec<_> = (0..200).map(trade).collect();
        for millis in [0, 1, 2, 5] {
            proxy.delay(Duration::from_millis(2));
            let wait = Duration::from_millis(millis);
            let _given_up = tokio::time::timeout(wait, series.write(&rows)).await;
        }
        proxy.delay(Duration::ZERO);
        series.write(&rows).await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 200);
    });
}

/// A fake that gives each connection one answer, and what it was asked.
fn fake(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            asked.push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (address, asked)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn ping() -> String {
    answer("204 No Content", "X-Influxdb-Version: 1.8.10\r\n", "")
}

/// The servers are fakes: only 1.x can be had here.
#[test]
fn influx_of_another_version_is_refused_by_name() {
    for (headers, word) in [
        ("X-Influxdb-Version: v2.7.12\r\n", "v2.7.12"),
        ("X-Influxdb-Version: 3.11.7\r\n", "3.11.7"),
        ("Server: nginx\r\n", "does not say a version"),
    ] {
        let (url, asked) = fake(vec![answer("204 No Content", headers, "")]);
        run(async {
            let error = Series::influx(InfluxOptions::new(url, "db")).await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::Unsupported, Some("open")));
            assert!(error.to_string().contains(word), "{error}");
        });
        assert!(asked.join().unwrap()[0].starts_with("GET /ping "));
    }
}

/// What a server or a gateway may answer, and what the caller is told (fakes).
#[test]
fn influx_refusals_have_their_codes_and_keep_the_secret() {
    for (status, body, code) in [
        ("401 Unauthorized", r#"{"error":"authorization failed"}"#, Code::AuthenticationRefused),
        ("403 Forbidden", r#"{"error":"not authorized"}"#, Code::AccessDenied),
        ("503 Service Unavailable", "busy", Code::PoolExhausted),
        ("404 Not Found", r#"{"error":"database not found: \"db\""}"#, Code::SchemaMismatch),
        ("500 Internal Server Error", r#"{"error":"timeout"}"#, Code::TimedOut),
        ("302 Found", "", Code::QueryFailed),
    ] {
        let answers = vec![ping(), answer(status, "", body), answer(status, "", body)];
        let (url, asked) = fake(answers);
        run(async {
            let options = InfluxOptions::new(url, "db").credentials("bob", Secret::new("hunter2"));
            assert!(!format!("{options:?}").contains("hunter2"));
            let series = Series::influx(options).await.unwrap();
            for error in [
                series.write(&[trade(1)]).await.unwrap_err(),
                series.read::<Trade>(..).await.unwrap_err(),
            ] {
                assert_eq!(error.code(), code, "{error}");
                assert!(!format!("{error:?} {:?}", error.source()).contains("hunter2"));
            }
        });
        for head in asked.join().unwrap() {
            assert!(
                head.to_lowercase().contains("authorization: basic ym9iomh1bnrlcji="),
                "{head}"
            );
            assert!(!head.lines().next().unwrap().contains("hunter2"), "{head}");
        }
    }
}

/// Answers with status 200 that are no whole answers (fakes).
#[test]
fn influx_answers_that_stop_early_or_are_none_are_errors() {
    let fields = r#"{"results":[{"statement_id":0}]}"#;
    let more = r#"{"results":[{"statement_id":1,"series":[],"partial":true}]}"#;
    for (body, code) in [
        (String::new(), Code::ConnectionLost),
        (format!("{fields}\n"), Code::ConnectionLost),
        (format!("{fields}\n{more}\n"), Code::ConnectionLost),
        (format!("{fields}\n{{\"results\""), Code::ConnectionLost),
        (format!("{fields}\n{{\"results\"\n"), Code::Unreadable),
        ("<html>\n".to_owned(), Code::Unreadable),
        (r#"{"results":[{"statement_id":9}]}"#.to_owned() + "\n", Code::Unreadable),
        (r#"{"error":"query interrupted"}"#.to_owned() + "\n", Code::ConnectionLost),
        (
            r#"{"results":[{"statement_id":1,"error":"max-select-series limit exceeded"}]}"#
                .to_owned()
                + "\n",
            Code::StorageFull,
        ),
    ] {
        let (url, _asked) = fake(vec![ping(), answer("200 OK", "", &body)]);
        run(async {
            let series = Series::influx(InfluxOptions::new(url, "db")).await.unwrap();
            let error = series.read::<Trade>(..).await.unwrap_err();
            assert_eq!(error.code(), code, "{body}: {error}");
        });
    }
}

#[test]
fn influx_callers_that_wait_behind_a_failed_look_do_not_look_again_one_by_one() {
    const CALLERS: u32 = 20;
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = InfluxOptions::new(format!("http://{}", silent.local_addr().unwrap()), "db");
    options.answer_deadline = Duration::from_millis(300);
    let looks = thread::spawn(move || {
        let mut looks = Vec::new();
        for stream in silent.incoming() {
            let (mut stream, mut first) = (stream.unwrap(), [0]);
            stream.read_exact(&mut first).unwrap();
            if first != *b"G" {
                break;
            }
            looks.push(stream);
        }
        looks.len()
    });
    run(async {
        let series = Series::influx_later(options.clone()).unwrap();
        let callers: Vec<_> = (0..CALLERS)
            .map(|i| {
                let series = series.clone();
                tokio::spawn(async move { series.write(&[trade(i)]).await.unwrap_err().code() })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Code::TimedOut);
        }
    });
    // Something else than a request ends the count.
    let place = options.url.trim_start_matches("http://");
    std::net::TcpStream::connect(place).unwrap().write_all(b"x").unwrap();
    assert!(looks.join().unwrap() < 10);
}
