//! Commands that are not sent, because all calls share one connection.

use tradebase_core::{Code, Error, Result};

use super::command::{RedisCommand, RedisPipeline};

const MESSAGES: &str = "it turns the connection that all calls share into a stream of messages";
const BLOCKS: &str = "it holds up all calls on the shared connection while it waits";
const STATE: &str = "it changes the shared connection for all calls";
const ENDS: &str = "it ends the connection that all calls share";

const OWN_CONNECTION: &str = "use a connection of your own for it";
const ASK_AGAIN: &str = "use the form that does not wait, and ask again";
const USE_ATOMIC: &str = "make a pipeline and call atomic() on it";
const USE_SCRIPT: &str = "use a script to read and write as one";
const USE_OPTIONS: &str = "say it in RedisOptions when the store is opened";
const USE_CLOSE: &str = "close the store instead";

/// Names, why they are refused, and what to do.
const REFUSED: [(&[&str], &str, &str); 9] = [
    (&["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"], MESSAGES, OWN_CONNECTION),
    (&["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"], MESSAGES, OWN_CONNECTION),
    (&["SYNC", "PSYNC", "REPLCONF"], MESSAGES, OWN_CONNECTION),
    (
        &["BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"],
        BLOCKS,
        ASK_AGAIN,
    ),
    (&["WAIT", "WAITAOF"], BLOCKS, OWN_CONNECTION),
    (&["MULTI", "EXEC", "DISCARD"], STATE, USE_ATOMIC),
    (&["WATCH", "UNWATCH"], STATE, USE_SCRIPT),
    (&["SELECT", "AUTH", "HELLO", "RESET", "READONLY", "READWRITE", "ASKING"], STATE, USE_OPTIONS),
    (&["QUIT"], ENDS, USE_CLOSE),
];

/// Subcommands that are refused as well.
const REFUSED_BELOW: [(&str, &[&str]); 2] =
    [("CLIENT", &["REPLY", "TRACKING", "CACHING", "NO-EVICT", "NO-TOUCH"]), ("SCRIPT", &["DEBUG"])];

/// A typed error for a command that is not sent.
pub(super) fn check(command: &RedisCommand) -> Result<()> {
    let name = command.name();
    if name.is_empty() || !name.bytes().all(is_of_name) {
        // Not repeated: it may hold arguments.
        let message = "the name of a command is one word, each further word is an argument";
        return Err(Error::new(Code::Unsupported, message));
    }
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    for (names, why, remedy) in REFUSED {
        if names.iter().any(is) {
            return Err(refused(name, why, remedy));
        }
    }
    let first = command.arguments().first();
    for (outer, below) in REFUSED_BELOW {
        let named = |known: &&&str| first.is_some_and(|word| says(word, known));
        if let Some(inner) = below.iter().find(named).filter(|_| is(&outer)) {
            return Err(refused(&format!("{outer} {inner}"), STATE, OWN_CONNECTION));
        }
    }
    if ["XREAD", "XREADGROUP"].iter().any(is) && waits(command.arguments()) {
        return Err(refused(&format!("{name} with BLOCK"), BLOCKS, ASK_AGAIN));
    }
    Ok(())
}

/// The same for each command of a pipeline.
pub(super) fn check_all(pipeline: &RedisPipeline) -> Result<()> {
    let count = pipeline.commands().len();
    if count > RedisPipeline::COMMANDS_MAX {
        let most = RedisPipeline::COMMANDS_MAX;
        let message = format!("a pipeline may have at most {most} commands, has {count}");
        return Err(Error::new(Code::Unsupported, message));
    }
    pipeline.commands().iter().try_for_each(check)
}

/// Modules name theirs like `JSON.SET` and `FT._LIST`.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn says(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// Whether a read of streams has the option to wait, among its options as the server reads them.
fn waits(arguments: &[Vec<u8>]) -> bool {
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        if says(option, "BLOCK") {
            return true;
        } else if says(option, "STREAMS") {
            return false;
        } else if says(option, "COUNT") {
            rest.next();
        } else if says(option, "GROUP") {
            rest.nth(1);
        }
    }
    false
}

#[cold]
fn refused(what: &str, why: &str, remedy: &str) -> Error {
    Error::new(Code::Unsupported, format!("{what} is not sent, because {why}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> RedisCommand {
        let mut words = text.split(' ');
        RedisCommand::new(words.next().unwrap()).args(words)
    }

    #[test]
    fn redis_commands_that_would_break_the_shared_connection_are_refused() {
        for text in [
            "SUBSCRIBE a",
            "subscribe a",
            "PSUBSCRIBE a",
            "SSUBSCRIBE a",
            "MONITOR",
            "BLPOP a 0",
            "BZMPOP 0 1 a MIN",
            "WAIT 1 0",
            "XREAD BLOCK 0 STREAMS a $",
            "xread count 5 block 0 streams a $",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
            "SELECT 1",
            "CLIENT REPLY OFF",
            "client tracking on",
            "SCRIPT DEBUG YES",
            "RESET",
            "QUIT",
            "MULTI",
            "EXEC",
            "WATCH a",
            "HELLO 3",
            "AUTH hunter2",
        ] {
            let error = check(&command(text)).unwrap_err();
            assert_eq!(error.code(), Code::Unsupported, "{text}");
            let shown = error.to_string();
            assert!(shown.contains("is not sent, because"), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn redis_commands_that_only_look_like_them_are_sent() {
        for text in [
            "XREAD COUNT 5 STREAMS BLOCK $",
            "XREADGROUP GROUP BLOCK BLOCK COUNT 1 STREAMS a >",
            "CLIENT LIST",
            "GET REPLY",
            "SCRIPT LOAD x",
            "PUBLISH a b",
            "LPOP a",
            "FT._LIST",
            "JSON.SET a $ 1",
        ] {
            assert!(check(&command(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn redis_command_names_are_one_word() {
        for name in ["", "SET key hunter2", "SET\r\nkey", "SÉT"] {
            let error = check(&RedisCommand::new(name)).unwrap_err();
            assert_eq!(error.code(), Code::Unsupported, "{name}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn redis_pipelines_have_a_bound() {
        let get = |pipeline: RedisPipeline| pipeline.command(RedisCommand::new("GET").arg("a"));
        let full = (0..RedisPipeline::COMMANDS_MAX).fold(RedisPipeline::new(), |all, _| get(all));
        assert!(check_all(&full).is_ok());
        assert_eq!(check_all(&get(full)).unwrap_err().code(), Code::Unsupported);
        let hidden = get(RedisPipeline::new()).command(RedisCommand::new("QUIT"));
        assert!(check_all(&hidden).unwrap_err().to_string().contains("QUIT"));
    }
}
