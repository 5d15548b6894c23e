//! Requests of any kind to the server.

mod common;

use common::*;
use tradebase_core::{Code, Secret};
use tradebase_series::{InfluxRequest, Series};
use tradebase_testkit::Influx;

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap()
}

#[test]
fn influx_answers_any_request() {
    run(async {
        let options = options(Influx::shared());
        let series = Series::influx_later(options.clone()).unwrap();
        let names = InfluxRequest::get("/query").param("q", "SHOW DATABASES");
        let names = series.request(names).await.unwrap().ok().unwrap();
        assert_eq!(names.content_type.as_deref(), Some("application/json"));
        assert!(text(&names.body).contains(&options.database));
        let line = r#"odd,venue=a\ b value="x & y = z?" 1"#;
        let write = InfluxRequest::post("/write").param("db", &options.database).body(line);
        assert_eq!(series.request(write).await.unwrap().ok().unwrap().status, 204);
        let read = InfluxRequest::get("/query")
            .param("db", &options.database)
            .param("q", "SELECT value FROM odd WHERE venue = 'a b'")
            .accept("application/csv");
        let found = series.request(read).await.unwrap().ok().unwrap();
        assert_eq!(text(&found.body).lines().last(), Some("odd,,1,x & y = z?"));
    });
}

#[test]
fn influx_answers_are_given_whatever_their_status() {
    run(async {
        let series = influx().await;
        for (request, status, code) in [
            (InfluxRequest::get("/nothing/here"), 404, Code::Config),
            (InfluxRequest::get("/query"), 400, Code::QueryFailed),
            (InfluxRequest::post("/write").param("db", "none"), 404, Code::SchemaMismatch),
        ] {
            let answer = series.request(request).await.unwrap();
            assert_eq!(answer.status, status, "{answer:?}");
            let error = answer.ok().unwrap_err();
            assert_eq!((error.code(), error.operation()), (code, Some("door")), "{error}");
        }
    });
}

#[test]
fn influx_answers_are_kept_up_to_a_bound() {
    run(async {
        let mut options = options(Influx::shared());
        options.read_bytes_max = 1_000;
        let series = Series::influx(options.clone()).await.unwrap();
        let rows: Vec<_> = (0..50).map(trade).collect();
        series.write(&rows).await.unwrap();
        let all = InfluxRequest::get("/query").param("q", "SELECT * FROM trades");
        let error = series.request(all.param("db", &options.database)).await.unwrap_err();
        assert_eq!(error.code(), Code::StorageFull, "{error}");
        assert!(error.to_string().contains("read_bytes_max"), "{error}");
    });
}

#[test]
fn influx_requests_that_cannot_be_are_refused_and_show_no_data() {
    run(async {
        let series = influx().await;
        let get = InfluxRequest::get;
        for (request, word) in [
            (get("query"), "\"query\""),
            (get("/query?q=hunter2"), "like /query"),
            (get("/a b"), "like /query"),
            (get("/../query"), "like /query"),
            (get("/query").param("p", "hunter2"), "signed in as the room is"),
        ] {
            let error = series.request(request).await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::Invalid, Some("door")));
            assert!(error.to_string().contains(word), "{error}");
        }
        let request = get("/query").param("q", "hunter2").body("hunter2");
        assert!(!format!("{request:?}").contains("hunter2"));
        let error = embedded().await.request(get("/ping")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported, "{error}");
    });
}

#[test]
fn influx_requests_are_signed_in_as_the_room_is() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let answers = [
            "HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ];
        answers.map(|answer| {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(head).unwrap().to_lowercase()
        })
    });
    run(async {
        let options = tradebase_series::InfluxOptions::new(url, "db");
        let options = options.credentials("bob", Secret::new("hunter2"));
        let series = Series::influx(options).await.unwrap();
        let error = series.request(InfluxRequest::get("/query")).await.unwrap().ok().unwrap_err();
        assert_eq!(error.code(), Code::AuthenticationRefused, "{error}");
    });
    for head in asked.join().unwrap() {
        assert!(head.contains("authorization: basic ym9iomh1bnrlcji="), "{head}");
    }
}
