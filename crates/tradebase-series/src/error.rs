//! What an InfluxDB says, as codes of ours: a written table, tested line by line.

use std::error::Error as _;
use std::time::Duration;

use tokio::task::JoinError;
use tradebase_core::{Code, Error};

/// The most characters of a server's own words that an error repeats.
const WORDS_MAX: usize = 300;

/// What an answer to a write means.
#[derive(Debug)]
pub enum Verdict {
    /// All lines are stored.
    Stored,
    /// Some lines are refused, the others stored. The server's own count is of one shard only, so
    /// it is at least that many.
    Partly {
        /// At least so many lines are refused.
        dropped: usize,
        /// Why.
        refusal: Refusal,
    },
    /// No line is stored, and the same lines never will be.
    Refused(Refusal),
    /// The request is too large.
    TooLarge,
    /// Nothing more can be said than this; the call ends.
    Failed(Error),
}

/// Why lines were refused.
#[derive(Debug)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The server's words.
    pub words: String,
}

/// What the answer to a write means.
pub fn verdict(status: u16, body: &[u8]) -> Verdict {
    let words = words(body);
    let refusal = |code| Refusal { code, words: words.clone() };
    match status {
        204 => Verdict::Stored,
        413 => Verdict::TooLarge,
        // A poison batch comes as 500 from some versions: sending it again never helps.
        400 | 422 | 500 if words.contains("partial write") => {
            Verdict::Partly { dropped: dropped(&words), refusal: refusal(refused_code(&words)) }
        }
        400 | 422 => Verdict::Refused(refusal(refused_code(&words))),
        500 if words.contains("field type conflict") => {
            Verdict::Refused(refusal(Code::SchemaMismatch))
        }
        _ => Verdict::Failed(failure(status, &words)),
    }
}

/// The code of lines that were refused, by what the server says.
fn refused_code(words: &str) -> Code {
    const TABLE: [(&str, Code); 7] = [
        ("field type conflict", Code::SchemaMismatch),
        ("beyond retention policy", Code::Invalid),
        ("time outside range", Code::Invalid),
        ("limit exceeded", Code::StorageFull),
        ("max key length exceeded", Code::StorageFull),
        // Our lines always parse, so this one is ours.
        ("unable to parse", Code::Internal),
        ("invalid", Code::SchemaMismatch),
    ];
    look_up(&TABLE, words).unwrap_or(Code::QueryFailed)
}

fn look_up(table: &[(&str, Code)], words: &str) -> Option<Code> {
    table.iter().find(|(part, _)| words.contains(part)).map(|(_, code)| *code)
}

/// The error of a status that is no success.
pub fn failure(status: u16, words: &str) -> Error {
    let code = match status {
        401 => Code::AuthenticationRefused,
        403 => Code::AccessDenied,
        404 => missing_code(words),
        413 => Code::StorageFull,
        408 => Code::TimedOut,
        429 | 503 => Code::PoolExhausted,
        500 => server_code(words),
        // What a gateway let through before it gave up is not known.
        502 | 504 => Code::ConnectionLost,
        400 => said_code(words),
        _ => Code::QueryFailed,
    };
    Error::new(code, format!("the server answered {status}: {}", shown(words)))
}

/// A 404 without a database in it is no InfluxDB, or not its address.
fn missing_code(words: &str) -> Code {
    if words.contains("not found:") { Code::SchemaMismatch } else { Code::Config }
}

/// A failed server may have stored some of it: as after a lost connection, nobody knows.
fn server_code(words: &str) -> Code {
    const TABLE: [(&str, Code); 4] = [
        ("retention policy not found", Code::SchemaMismatch),
        ("database not found", Code::SchemaMismatch),
        ("no space left", Code::StorageFull),
        ("timeout", Code::TimedOut),
    ];
    look_up(&TABLE, words).unwrap_or(Code::ConnectionLost)
}

/// The code of what a statement's answer says, which comes with status 200.
fn said_code(words: &str) -> Code {
    const TABLE: [(&str, Code); 10] = [
        ("invalid name", Code::Config),
        ("database not found", Code::SchemaMismatch),
        ("retention policy not found", Code::SchemaMismatch),
        ("authorization failed", Code::AuthenticationRefused),
        ("not authorized", Code::AccessDenied),
        ("requires admin privilege", Code::AccessDenied),
        ("query-timeout limit exceeded", Code::TimedOut),
        ("limit exceeded", Code::StorageFull),
        ("query interrupted", Code::ConnectionLost),
        ("engine is closed", Code::ConnectionLost),
    ];
    look_up(&TABLE, words).unwrap_or(Code::QueryFailed)
}

/// The error of a statement that the server refused.
pub fn said(words: &str) -> Error {
    Error::new(said_code(words), format!("the server says: {}", shown(words)))
}

/// An answer that is not what InfluxDB 1.x gives.
pub fn strange(what: &str) -> Error {
    Error::new(Code::Unreadable, format!("the answer is not that of an InfluxDB 1.x: {what}"))
}

/// An answer that ended before its end.
pub fn cut() -> Error {
    Error::new(Code::ConnectionLost, "the answer ended before its end")
}

/// The time of a request ran out.
pub fn late(deadline: Duration, base: &str) -> Error {
    Error::new(Code::TimedOut, format!("the server did not answer within {deadline:?}: {base}"))
}

/// A call from outside an async runtime.
pub fn no_runtime() -> Error {
    Error::new(Code::Config, "the call needs a tokio runtime, and there is none on this thread")
}

/// The runtime of the connections went away while a request was sent.
pub fn ended(error: JoinError) -> Error {
    let code = if error.is_panic() { Code::Internal } else { Code::ConnectionLost };
    Error::new(code, "the request was given up with the runtime of its connection").because(error)
}

/// An error of the HTTP client, with the server's address. The address that was asked is cut off:
/// it is long, and its parameters are data.
pub fn transport(error: reqwest::Error, base: &str) -> Error {
    let code = if error.is_timeout() {
        if error.is_connect() { Code::ConnectionFailed } else { Code::TimedOut }
    } else if error.is_connect() {
        Code::ConnectionFailed
    } else if error.is_builder() {
        Code::Config
    } else if error.is_decode() && !is_broken(&error) {
        Code::Unreadable
    } else {
        Code::ConnectionLost
    };
    let message = match code {
        Code::ConnectionFailed => "the server cannot be reached",
        Code::TimedOut => "the server did not answer in time",
        Code::Config => "the address or a header is not valid",
        Code::Unreadable => "the answer is not what its headers say",
        _ => "the connection was lost",
    };
    Error::new(code, format!("{message}: {base}")).because(error.without_url())
}

/// Whether a failed decoding failed because the bytes ended, which is a lost connection.
fn is_broken(error: &reqwest::Error) -> bool {
    let mut below = error.source();
    while let Some(error) = below {
        if error.is::<std::io::Error>() || error.is::<reqwest::Error>() {
            return true;
        }
        below = error.source();
    }
    false
}

/// The server's words: the member `error` of its answer, or the answer itself.
pub fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    match crate::influx::answer::error_member(text.as_bytes()) {
        Some(words) => words,
        None => text.to_owned(),
    }
}

/// As much of it as an error repeats. A refused line may be very long.
fn shown(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}

/// The count behind `dropped=` at the end.
fn dropped(words: &str) -> usize {
    words
        .rsplit_once("dropped=")
        .and_then(|(_, count)| count.trim().parse().ok())
        .unwrap_or_default()
}

impl Refusal {
    /// As much of the server's words as an error repeats.
    pub fn shown(&self) -> String {
        shown(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What InfluxDB 1.6.7 was seen to answer, or its source says it does.
    #[test]
    fn influx_answers_to_writes_have_their_meaning() {
        let conflict = concat!(
            r#"{"error":"partial write: field type conflict: input field \"f\" on measurement "#,
            r#"\"m\" is type float, already exists as type integer dropped=3"}"#
        );
        let text = |status, body: &str| match verdict(status, body.as_bytes()) {
            Verdict::Stored => "stored".to_owned(),
            Verdict::Partly { dropped, refusal } => format!("partly {dropped} {}", refusal.code),
            Verdict::Refused(refusal) => format!("refused {}", refusal.code),
            Verdict::TooLarge => "too large".to_owned(),
            Verdict::Failed(error) => format!("failed {}", error.code()),
        };
        for (status, body, want) in [
            (204, "", "stored"),
            (400, conflict, "partly 3 DB_QRY_003"),
            (500, conflict, "partly 3 DB_QRY_003"),
            (500, r#"{"error":"field type conflict: x"}"#, "refused DB_QRY_003"),
            (
                400,
                r#"{"error":"partial write: points beyond retention policy dropped=2"}"#,
                "partly 2 DB_VAL_001",
            ),
            (
                400,
                r#"{"error":"partial write: unable to parse 'm': missing fields dropped=0"}"#,
                "partly 0 DB_INT_001",
            ),
            (
                400,
                "partial write: max-values-per-tag limit exceeded (1/1): x dropped=7",
                "partly 7 DB_STORE_001",
            ),
            (
                400,
                r#"{"error":"unable to parse 'm f=1i 99': time outside range 1 - 2"}"#,
                "refused DB_VAL_001",
            ),
            (404, r#"{"error":"database not found: \"nope\""}"#, "failed DB_QRY_003"),
            (404, "404 page not found", "failed DB_CFG_001"),
            (401, r#"{"error":"authorization failed"}"#, "failed DB_CONN_003"),
            (403, r#"{"error":"user is not authorized"}"#, "failed DB_SEC_002"),
            (413, r#"{"error":"Request Entity Too Large"}"#, "too large"),
            (429, "", "failed DB_PERF_002"),
            (500, r#"{"error":"retention policy not found: zz"}"#, "failed DB_QRY_003"),
            (500, r#"{"error":"timeout"}"#, "failed DB_PERF_003"),
            (500, r#"{"error":"write /var: no space left on device"}"#, "failed DB_STORE_001"),
            (500, r#"{"error":"engine: cache-max-memory-size exceeded"}"#, "failed DB_CONN_002"),
            (502, "<html>", "failed DB_CONN_002"),
            (503, "", "failed DB_PERF_002"),
            (504, "", "failed DB_CONN_002"),
            (302, "", "failed DB_QRY_004"),
            (200, "", "failed DB_QRY_004"),
        ] {
            assert_eq!(text(status, body), want, "{status} {body}");
        }
    }

    #[test]
    fn influx_answers_to_statements_have_their_codes() {
        for (words, code) in [
            ("invalid name", Code::Config),
            ("database not found: x", Code::SchemaMismatch),
            ("retention policy not found: x", Code::SchemaMismatch),
            ("max-select-point limit exceeed: (2/1)", Code::QueryFailed),
            ("max-select-series limit exceeded: (2/1)", Code::StorageFull),
            ("query-timeout limit exceeded", Code::TimedOut),
            ("query interrupted", Code::ConnectionLost),
            ("engine is closed", Code::ConnectionLost),
            ("error authorizing query: bob not authorized to execute", Code::AccessDenied),
            ("error parsing query: found frm", Code::QueryFailed),
        ] {
            assert_eq!(said(words).code(), code, "{words}");
        }
    }

    #[test]
    fn influx_words_are_cut_to_a_bound() {
        let long = "x".repeat(10_000);
        assert!(said(&long).to_string().len() < 400);
        assert!(failure(400, &long).to_string().len() < 400);
    }
}
