//! A private Redis forgets unless told otherwise.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use tradebase_testkit::{KitError, Redis, redis_cli};

#[test]
fn redis_answers_on_both_addresses() -> Result<(), KitError> {
    let server = Redis::shared();
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    let key = format!("{}key", server.prefix());
    assert_eq!(redis_cli(server.port(), ["SET", &key, "a value"])?, "OK");
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    stream.write_all(format!("GET {key}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 13];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"$7\r\na value\r\n");
    Ok(())
}

#[test]
fn prefixes_are_never_given_twice() {
    let (one, two) = (Redis::shared().prefix(), Redis::shared().prefix());
    assert!(one != two && one.ends_with(':'), "{one} {two}");
}

#[test]
fn nothing_is_kept_unless_asked_for() -> Result<(), KitError> {
    for kept in [false, true] {
        let server = Redis::options().append_only(kept).setting("maxmemory", "7mb").start()?;
        redis_cli(server.port(), ["SET", "a", "1"])?;
        server.restart()?;
        assert_eq!(redis_cli(server.port(), ["GET", "a"])?, if kept { "1" } else { "" });
        assert_eq!(redis_cli(server.port(), ["CONFIG", "GET", "maxmemory"])?, "maxmemory\n7340032");
    }
    Ok(())
}
