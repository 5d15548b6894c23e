//! As much of HTTP as it takes to ask InfluxDB for life and for a database.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const ANSWER_BYTES_MAX: u64 = 1 << 20;

pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
}

/// Sends a request without a body; `wait` bounds each step of it.
///
/// It speaks version 1.0, where the end of the connection is the end of the answer: the other
/// side then sends no chunks that would have to be put together.
pub(crate) fn ask(socket: &Path, verb: &str, path: &str, wait: Duration) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    let request = format!("{verb} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("not an HTTP answer"))
}

/// The path's query part: everything but letters and digits is encoded.
pub(crate) fn encode(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).into(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.trim().to_owned() })
}
