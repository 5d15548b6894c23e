//! The door: commands of the user's own, over the connection that all calls share.

use redis::{Pipeline, RedisError, ServerError, Value};
use tradebase_core::{Code, Error, Result};

use super::command::{RedisCommand, RedisPipeline};
use super::refusal;
use super::value::{RedisValue, Unread};
use super::{Again, Request, Transport};
use crate::error::{self, Phase};

/// An argument that is shorter is hidden only where it stands as a word: else no text would stay.
const HIDDEN_LEAST: usize = 3;

impl Transport {
    pub(crate) async fn command(&self, command: RedisCommand) -> Result<RedisValue> {
        let replies = self.pipeline(RedisPipeline::new().command(command)).await?;
        replies.into_iter().next().unwrap_or_else(|| Err(cut_short()))
    }

    pub(crate) async fn pipeline(
        &self,
        pipeline: RedisPipeline,
    ) -> Result<Vec<Result<RedisValue>>> {
        refusal::check_all(&pipeline)?;
        if pipeline.commands().is_empty() {
            return Ok(Vec::new());
        }
        // Sent in one piece, so that calls of others do not come between.
        let request = Request::Several(packed(&pipeline));
        let mut replies: Vec<Value> = self.call(request, Again::Never).await?;
        if pipeline.is_atomic() {
            replies = self.carried_out(pipeline.commands(), replies)?;
        }
        if replies.len() != pipeline.commands().len() {
            return Err(cut_short());
        }
        let each = pipeline.commands().iter().zip(replies);
        Ok(each.map(|(command, reply)| self.read(command, reply)).collect())
    }

    /// The replies of the commands between `MULTI` and `EXEC`.
    fn carried_out(&self, commands: &[RedisCommand], replies: Vec<Value>) -> Result<Vec<Value>> {
        let mut replies = replies.into_iter();
        if let Some(Value::ServerError(error)) = replies.next() {
            let what = "MULTI is refused, so that the commands were carried out one by one";
            return Err(self.refused(what, &[], error));
        }
        for command in commands {
            if let Some(Value::ServerError(error)) = replies.next() {
                let name = command.name();
                let what = format!("{name} is refused, so that nothing was carried out");
                return Err(self.refused(&what, command.arguments(), error));
            }
        }
        match replies.next() {
            Some(Value::Array(replies)) => Ok(replies),
            Some(Value::ServerError(error)) => Err(self.refused("EXEC", &[], error)),
            _ => Err(cut_short()),
        }
    }

    fn read(&self, command: &RedisCommand, reply: Value) -> Result<RedisValue> {
        RedisValue::of(reply).map_err(|unread| match unread {
            Unread::Refused(error) => self.refused(command.name(), command.arguments(), error),
            Unread::Unknown => {
                let message = format!("the reply to {} is of a kind unknown here", command.name());
                Error::new(Code::Unsupported, message)
            }
        })
    }

    /// The error of a command, without its arguments.
    #[cold]
    fn refused(&self, what: &str, arguments: &[Vec<u8>], refused: ServerError) -> Error {
        let refused = RedisError::from(refused);
        let (code, text) = error::told(&refused, Phase::Asking);
        // The arguments are the caller's, not ours.
        let code = if text.contains("syntax error") { Code::QueryFailed } else { code };
        let (address, text) = (&self.supervisor.target.address, hidden(text, arguments));
        Error::new(code, format!("redis at {address}: {what}: {text}"))
    }
}

fn packed(pipeline: &RedisPipeline) -> Pipeline {
    let mut all = redis::pipe();
    // Each command has its own reply, refused or not.
    all.ignore_errors();
    if pipeline.is_atomic() {
        all.cmd("MULTI");
    }
    for command in pipeline.commands() {
        all.add_command(command.to_driver());
    }
    if pipeline.is_atomic() {
        all.cmd("EXEC");
    }
    all
}

/// What a server says, without what it may repeat of the arguments: they themselves, and all that
/// stands in quotes.
#[cold]
fn hidden(mut text: String, arguments: &[Vec<u8>]) -> String {
    let lossy = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let mut arguments: Vec<String> = arguments.iter().map(lossy).collect();
    // A longer one may contain a shorter one.
    arguments.sort_unstable_by_key(|argument| std::cmp::Reverse(argument.len()));
    for argument in arguments.iter().filter(|argument| !argument.is_empty()) {
        text = without(&text, argument);
    }
    for quote in ['\'', '"', '`'] {
        // Not the one of "can't".
        let opens = |at: &usize| !text[..*at].ends_with(char::is_alphanumeric);
        let first = text.match_indices(quote).map(|(at, _)| at).find(opens);
        if let (Some(first), Some(last)) = (first, text.rfind(quote))
            && first < last
        {
            text.replace_range(first + 1..last, "…");
        }
    }
    text
}

fn without(text: &str, argument: &str) -> String {
    let (mut shown, mut from) = (String::new(), 0);
    for (at, _) in text.match_indices(argument) {
        let end = at + argument.len();
        let within = text[..at].ends_with(char::is_alphanumeric)
            || text[end..].starts_with(char::is_alphanumeric);
        if argument.len() >= HIDDEN_LEAST || !within {
            shown.push_str(&text[from..at]);
            shown.push('…');
            from = end;
        }
    }
    shown.push_str(&text[from..]);
    shown
}

#[cold]
fn cut_short() -> Error {
    Error::new(Code::Internal, "redis gave another number of replies than it was asked for")
}

#[cold]
pub(crate) fn without_redis() -> Error {
    let message = "process memory has no commands, open a store in redis to send some";
    Error::new(Code::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_errors_of_commands_do_not_repeat_their_arguments() {
        let arguments = [b"hunter2".to_vec(), b"it's".to_vec(), b"7".to_vec()];
        for (said, shown) in [
            ("ERR value hunter2 is wrong", "ERR value … is wrong"),
            ("ERR unknown 'hunt' of 'x' here", "ERR unknown '…' here"),
            ("READONLY You can't write", "READONLY You can't write"),
            ("ERR 'it's' is 'x'", "ERR '…'"),
            ("ERR \"a\" and `b`", "ERR \"…\" and `…`"),
            ("ERR it's", "ERR …"),
            ("ERR 7 of 17", "ERR … of 17"),
            ("ERR xhunter2x", "ERR x…x"),
        ] {
            assert_eq!(hidden(said.to_owned(), &arguments), shown);
        }
    }
}
