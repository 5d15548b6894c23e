//! Commands of the user's own, built up argument by argument.

use std::fmt;

use redis::Cmd;
use sealed::Argument;
use tradebase_core::Decimal;

/// A command of Redis: its name and its arguments, each sent as it is.
///
/// A subcommand is an argument: `RedisCommand::new("CONFIG").arg("GET").arg("maxmemory")`. Its
/// `Debug` shows the name, and of the arguments their number only.
///
/// ```
/// use tradebase_cache::RedisCommand;
///
/// let set = RedisCommand::new("HSET").arg("fills:7").arg("price").arg("67000.5");
/// assert_eq!(format!("{set:?}"), r#"RedisCommand { name: "HSET", arguments: 3 }"#);
/// ```
#[derive(Clone)]
#[must_use]
pub struct RedisCommand {
    name: String,
    /// The arguments behind the name.
    arguments: Vec<Vec<u8>>,
}

impl RedisCommand {
    /// A command of that name, without arguments yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: Vec::new() }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl RedisArg) -> Self {
        self.arguments.push(argument.to_bytes());
        self
    }

    /// Adds arguments, one after the other.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl RedisArg>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.to_bytes()));
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn arguments(&self) -> &[Vec<u8>] {
        &self.arguments
    }

    pub(super) fn to_driver(&self) -> Cmd {
        let mut command = redis::cmd(&self.name);
        for argument in &self.arguments {
            command.arg(argument.as_slice());
        }
        command
    }
}

impl fmt::Debug for RedisCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCommand")
            .field("name", &self.name)
            .field("arguments", &self.arguments.len())
            .finish()
    }
}

/// Commands that are sent at once.
///
/// See [`CacheStore::pipeline`](crate::CacheStore::pipeline).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RedisPipeline {
    commands: Vec<RedisCommand>,
    atomic: bool,
}

impl RedisPipeline {
    /// The most commands of one pipeline.
    pub const COMMANDS_MAX: usize = 10_000;

    /// A pipeline without commands yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command.
    pub fn command(mut self, command: RedisCommand) -> Self {
        self.commands.push(command);
        self
    }

    /// Carries the commands out as one, in `MULTI` and `EXEC`: nobody else's command comes between
    /// them.
    pub fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }

    pub(super) fn commands(&self) -> &[RedisCommand] {
        &self.commands
    }

    pub(super) fn is_atomic(&self) -> bool {
        self.atomic
    }
}

/// What can be an argument of a [`RedisCommand`].
///
/// Texts and bytes stand as they are, integers and decimals with all their digits, floats in the
/// shortest form that reads back the same.
pub trait RedisArg: Argument {}

mod sealed {
    pub trait Argument {
        fn to_bytes(&self) -> Vec<u8>;
    }
}

macro_rules! arguments {
    ($($of:ty, $value:ident => $bytes:expr;)+) => {
        $(
            impl RedisArg for $of {}

            impl Argument for $of {
                fn to_bytes(&self) -> Vec<u8> {
                    let $value = self;
                    $bytes
                }
            }
        )+
    };
}

arguments! {
    str, text => text.as_bytes().to_vec();
    String, text => text.as_bytes().to_vec();
    [u8], bytes => bytes.to_vec();
    Vec<u8>, bytes => bytes.clone();
    Decimal, value => value.to_string().into_bytes();
    f64, value => float(*value).into_bytes();
    i8, value => value.to_string().into_bytes();
    i16, value => value.to_string().into_bytes();
    i32, value => value.to_string().into_bytes();
    i64, value => value.to_string().into_bytes();
    isize, value => value.to_string().into_bytes();
    u8, value => value.to_string().into_bytes();
    u16, value => value.to_string().into_bytes();
    u32, value => value.to_string().into_bytes();
    u64, value => value.to_string().into_bytes();
    usize, value => value.to_string().into_bytes();
}

impl<const N: usize> RedisArg for [u8; N] {}

impl<const N: usize> Argument for [u8; N] {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<T: RedisArg + ?Sized> RedisArg for &T {}

impl<T: Argument + ?Sized> Argument for &T {
    fn to_bytes(&self) -> Vec<u8> {
        T::to_bytes(self)
    }
}

/// With an exponent where that is shorter: `1e300`.
fn float(value: f64) -> String {
    let mut text = format!("{value:?}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(command: &RedisCommand) -> Vec<&str> {
        command.arguments().iter().map(|bytes| std::str::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn redis_arguments_keep_every_digit() {
        let decimal: Decimal = "79228162514264337593543950335".parse().unwrap();
        let command = RedisCommand::new("ANY")
            .arg(i64::MIN)
            .arg(u64::MAX)
            .arg(decimal)
            .arg("0.10".parse::<Decimal>().unwrap())
            .args([0.1 + 0.2, 1.0, -0.0, 1e300, 5e-324]);
        let wanted = [
            "-9223372036854775808",
            "18446744073709551615",
            "79228162514264337593543950335",
            "0.10",
            "0.30000000000000004",
            "1",
            "-0",
            "1e300",
            "5e-324",
        ];
        assert_eq!(sent(&command), wanted);
    }

    #[test]
    fn redis_arguments_are_texts_and_bytes_owned_or_not() {
        let (text, bytes) = ("text".to_owned(), b"bytes".to_vec());
        let command = RedisCommand::new("ANY")
            .args([&text, &text])
            .arg("text")
            .arg(text)
            .arg(&bytes)
            .arg(bytes.as_slice())
            .arg(b"bytes")
            .arg(bytes.clone());
        let wanted = ["text", "text", "text", "text", "bytes", "bytes", "bytes", "bytes"];
        assert_eq!(sent(&command), wanted);
    }

    #[test]
    fn redis_arguments_are_not_printed() {
        let command = RedisCommand::new("SET").arg("key").arg("hunter2");
        let both = format!("{command:?} {:?}", RedisPipeline::new().command(command.clone()));
        assert!(
            both.contains("SET") && !both.contains("hunter2") && !both.contains("key"),
            "{both}"
        );
    }
}
