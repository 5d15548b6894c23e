//! A private InfluxDB.

use std::io::{Read, Write};
use std::net::TcpStream;

use tradebase_testkit::{Influx, KitError, influx};

fn write(server: &Influx, database: &str, lines: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let size = lines.len();
    let head = format!("POST /write?db={database} HTTP/1.0\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(format!("{head}{lines}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 204"), "{answer}");
}

#[test]
fn influx_keeps_points_to_the_nanosecond_and_databases_apart() -> Result<(), KitError> {
    let server = Influx::shared();
    assert_eq!(server.url(), format!("http://127.0.0.1:{}", server.port()));
    let (one, two) = (server.database(), server.database());
    write(server, &one, "trades,symbol=X price=1.5 1700000000123456789\n");
    let rows = influx(server.port(), &one, "select * from trades")?;
    assert_eq!(rows, "name,time,price,symbol\ntrades,1700000000123456789,1.5,X");
    assert_eq!(influx(server.port(), &two, "select * from trades")?, "");
    Ok(())
}

#[test]
fn influx_comes_back_with_its_points() -> Result<(), KitError> {
    let server = Influx::start()?;
    let database = server.database();
    for (round, fault) in [Influx::quit, Influx::crash].into_iter().enumerate() {
        write(&server, &database, &format!("t v={round}i {round}\n"));
        fault(&server)?;
        assert!(!server.is_running());
        server.restart()?;
        let rows = influx(server.port(), &database, "select count(v) from t")?;
        assert_eq!(rows, format!("name,time,count\nt,0,{}", round + 1));
    }
    Ok(())
}

/// The two ways for a server to end.
trait End {
    fn quit(&self) -> Result<(), KitError>;
    fn crash(&self) -> Result<(), KitError>;
}

impl End for Influx {
    fn quit(&self) -> Result<(), KitError> {
        self.shutdown()
    }

    fn crash(&self) -> Result<(), KitError> {
        self.kill()
    }
}
