//! From the driver's errors to our codes.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use tradebase_core::{Code, Error};

/// When it happened: what a lost connection means depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was sent yet.
    Connecting,
    /// The command may have reached the server.
    Asking,
}

/// The code of a driver's error.
pub(crate) fn code(error: &RedisError, phase: Phase) -> Code {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => Code::TimedOut,
        ErrorKind::Io | ErrorKind::Parse if phase == Phase::Asking => Code::ConnectionLost,
        // Bytes that are no answer, from the start: there is no Redis at that address.
        ErrorKind::Io | ErrorKind::Parse => Code::ConnectionFailed,
        ErrorKind::AuthenticationFailed => Code::AuthenticationRefused,
        ErrorKind::InvalidClientConfig => Code::Config,
        ErrorKind::RESP3NotSupported => Code::Unsupported,
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::EmptySentinelList
        | ErrorKind::ClusterConnectionNotFound => Code::ConnectionFailed,
        ErrorKind::Server(kind) => server(kind, error.detail().unwrap_or_default()),
        ErrorKind::Extension => extension(error.code().unwrap_or_default()),
        // An answer of another shape, or a call that cannot be made: ours to mend.
        _ => Code::Internal,
    }
}

fn server(kind: ServerErrorKind, detail: &str) -> Code {
    match kind {
        ServerErrorKind::ResponseError => plain(detail),
        // The server is there, but not to be used: as good as away, and nothing was done.
        ServerErrorKind::BusyLoading
        | ServerErrorKind::MasterDown
        | ServerErrorKind::ClusterDown => Code::ConnectionFailed,
        // A replica, or a slot on its way: nothing was written, the next try may be.
        ServerErrorKind::ReadOnly | ServerErrorKind::TryAgain | ServerErrorKind::ExecAbort => {
            Code::TransactionFailed
        }
        ServerErrorKind::NoPerm => Code::AccessDenied,
        // One node of a cluster, which we do not speak to as such yet.
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => {
            Code::Unsupported
        }
        _ => Code::QueryFailed,
    }
}

/// Errors that the driver has no name for, by the word they begin with.
fn extension(word: &str) -> Code {
    match word {
        "WRONGPASS" | "NOAUTH" => Code::AuthenticationRefused,
        "OOM" => Code::StorageFull,
        // A snapshot could not be written, so that writes are refused.
        "MISCONF" => Code::StorageFailed,
        "NOREPLICAS" => Code::TransactionFailed,
        // A script holds the server.
        "BUSY" => Code::Locked,
        // Another kind of value stands under the key.
        "WRONGTYPE" => Code::Unreadable,
        "NOPROTO" => Code::Unsupported,
        _ => Code::QueryFailed,
    }
}

/// Errors that only say `ERR`, by their text.
fn plain(detail: &str) -> Code {
    let detail = detail.to_ascii_lowercase();
    let says = |text: &str| detail.contains(text);
    if says("max number of clients") {
        Code::PoolExhausted
    } else if says("db index") || says("select is not allowed") || says("without any password") {
        Code::Config
    } else if says("unknown command") || says("unknown subcommand") || says("syntax error") {
        // We send nothing malformed: an older server does not know it.
        Code::Unsupported
    } else if says("invalid password") || says("invalid username-password") {
        Code::AuthenticationRefused
    } else {
        Code::QueryFailed
    }
}

/// Our error for a driver's error.
#[cold]
pub(crate) fn of(error: &RedisError, phase: Phase, address: &str) -> Error {
    let (code, text) = told(error, phase);
    Error::new(code, format!("redis at {address}: {text}"))
}

/// The code of a driver's error and its text, with what to do about it.
#[cold]
pub(crate) fn told(error: &RedisError, phase: Phase) -> (Code, String) {
    let (code, text) = (code(error, phase), text(error));
    if code == Code::AuthenticationRefused {
        let remedy = "the sign-in was refused, check the username and the password";
        return (code, format!("{remedy}: {text}"));
    }
    (code, text)
}

/// What the server or the system said, without the arguments that some servers repeat.
#[cold]
pub(crate) fn text(error: &RedisError) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(word), Some(detail)) => format!("{word} {detail}"),
        _ => error.to_string(),
    };
    let said = text.split(", with args").next().unwrap_or_default();
    said.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// The error of a server's answer, as the driver reads it.
    fn answer(text: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err()
    }

    #[test]
    fn each_answer_of_redis_has_its_code() {
        for (text, want) in [
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Code::AuthenticationRefused,
            ),
            ("NOAUTH Authentication required.", Code::AuthenticationRefused),
            ("ERR invalid password", Code::AuthenticationRefused),
            ("NOPERM this user has no permissions to run the 'get' command", Code::AccessDenied),
            ("OOM command not allowed when used memory > 'maxmemory'.", Code::StorageFull),
            ("MISCONF Redis is configured to save RDB snapshots, but …", Code::StorageFailed),
            ("LOADING Redis is loading the dataset in memory", Code::ConnectionFailed),
            ("MASTERDOWN Link with MASTER is down", Code::ConnectionFailed),
            ("CLUSTERDOWN The cluster is down", Code::ConnectionFailed),
            ("READONLY You can't write against a read only replica.", Code::TransactionFailed),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Code::TransactionFailed),
            (
                "EXECABORT Transaction discarded because of previous errors.",
                Code::TransactionFailed,
            ),
            ("NOREPLICAS Not enough good replicas to write.", Code::TransactionFailed),
            ("BUSY Redis is busy running a script.", Code::Locked),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Code::Unreadable),
            ("MOVED 3999 127.0.0.1:6381", Code::Unsupported),
            ("ASK 3999 127.0.0.1:6381", Code::Unsupported),
            ("CROSSSLOT Keys in request don't hash to the same slot", Code::Unsupported),
            ("NOPROTO unsupported protocol version", Code::Unsupported),
            ("ERR unknown command 'UNLINK', with args beginning with: 'secret'", Code::Unsupported),
            ("ERR syntax error", Code::Unsupported),
            ("ERR max number of clients reached", Code::PoolExhausted),
            ("ERR DB index is out of range", Code::Config),
            ("ERR SELECT is not allowed in cluster mode", Code::Config),
            ("ERR AUTH <password> called without any password configured", Code::Config),
            ("ERR value is not an integer or out of range", Code::QueryFailed),
            ("NOSCRIPT No matching script.", Code::QueryFailed),
            ("NEWWORD of a later version", Code::QueryFailed),
        ] {
            assert_eq!(code(&answer(text), Phase::Asking), want, "{text}");
        }
    }

    #[test]
    fn a_lost_connection_is_told_from_one_that_was_never_made() {
        for (kind, connecting, asking) in [
            (io::ErrorKind::ConnectionRefused, Code::ConnectionFailed, Code::ConnectionLost),
            (io::ErrorKind::BrokenPipe, Code::ConnectionFailed, Code::ConnectionLost),
            (io::ErrorKind::ConnectionReset, Code::ConnectionFailed, Code::ConnectionLost),
            (io::ErrorKind::NotFound, Code::ConnectionFailed, Code::ConnectionLost),
            (io::ErrorKind::PermissionDenied, Code::ConnectionFailed, Code::ConnectionLost),
            (io::ErrorKind::TimedOut, Code::TimedOut, Code::TimedOut),
        ] {
            let error = RedisError::from(io::Error::from(kind));
            assert_eq!(code(&error, Phase::Connecting), connecting, "{kind:?}");
            assert_eq!(code(&error, Phase::Asking), asking, "{kind:?}");
        }
    }

    #[test]
    fn each_error_of_the_driver_has_its_code() {
        for (kind, want) in [
            (ErrorKind::AuthenticationFailed, Code::AuthenticationRefused),
            (ErrorKind::InvalidClientConfig, Code::Config),
            (ErrorKind::RESP3NotSupported, Code::Unsupported),
            (ErrorKind::ClusterConnectionNotFound, Code::ConnectionFailed),
            (ErrorKind::Parse, Code::ConnectionLost),
            (ErrorKind::UnexpectedReturnType, Code::Internal),
            (ErrorKind::Client, Code::Internal),
        ] {
            assert_eq!(code(&(kind, "text").into(), Phase::Asking), want, "{kind:?}");
        }
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let error = of(
            &answer("ERR unknown command 'X', with args beginning with: 'hunter2'"),
            Phase::Asking,
            "127.0.0.1:6379",
        );
        let text = error.to_string();
        assert!(text.contains("127.0.0.1:6379") && text.contains("unknown command"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
