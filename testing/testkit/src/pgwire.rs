//! As much of PostgreSQL's protocol as it takes to ask for life, and to make and drop databases.
//!
//! Starting `psql` for each database would take longer than making it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROTOCOL_3_0: i32 = 196_608;
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Runs one statement as user `postgres` in database `postgres`; `wait` bounds each step of it.
pub(crate) fn run(socket: &Path, sql: &str, wait: Duration) -> Result<(), String> {
    let mut stream = connect(socket, wait).map_err(|error| error.to_string())?;
    send(&mut stream, None, &startup()).map_err(|error| error.to_string())?;
    await_ready(&mut stream)?;
    let query = [sql.as_bytes(), b"\0"].concat();
    send(&mut stream, Some(b'Q'), &query).map_err(|error| error.to_string())?;
    await_ready(&mut stream)?;
    send(&mut stream, Some(b'X'), &[]).map_err(|error| error.to_string())
}

fn connect(socket: &Path, wait: Duration) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    Ok(stream)
}

fn startup() -> Vec<u8> {
    let mut body = PROTOCOL_3_0.to_be_bytes().to_vec();
    body.extend(b"user\0postgres\0database\0postgres\0\0");
    body
}

/// The startup message alone has no kind.
fn send(stream: &mut UnixStream, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
    let size = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(size.to_be_bytes());
    message.extend(body);
    stream.write_all(&message)
}

/// Reads up to "ready for query". An error before it is the statement's, after it nothing comes.
fn await_ready(stream: &mut UnixStream) -> Result<(), String> {
    let mut refused = None;
    loop {
        let (kind, body) = match receive(stream) {
            Ok(message) => message,
            // A refused connection is closed after the error, without "ready".
            Err(error) => return Err(refused.unwrap_or_else(|| error.to_string())),
        };
        match kind {
            b'Z' => return refused.map_or(Ok(()), Err),
            b'E' => refused = Some(complaint(&body)),
            b'R' if body != [0; 4] => return Err("the server asks for a password".to_owned()),
            _ => {}
        }
    }
}

fn receive(stream: &mut UnixStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, size @ ..] = head;
    let size = usize::try_from(u32::from_be_bytes(size)).map_err(io::Error::other)?;
    let size = size.checked_sub(4).filter(|&size| size <= MESSAGE_BYTES_MAX);
    let mut body = vec![0; size.ok_or_else(|| io::Error::other("a message of a wrong size"))?];
    stream.read_exact(&mut body)?;
    Ok((kind, body))
}

/// The fields of an error are a letter and a text each; M is the message.
fn complaint(body: &[u8]) -> String {
    let field = body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(b"M"));
    String::from_utf8_lossy(field.unwrap_or(b"an error without a message")).into_owned()
}
