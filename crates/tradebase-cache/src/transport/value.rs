//! Replies of Redis, whole.

use redis::Value;
use tradebase_core::{Code, Decimal, Error, Result};

/// A reply of Redis.
///
/// What it is for a command depends on the protocol too: in the older one, which is spoken unless
/// the URL says `protocol=resp3`, a map comes as a list of names and values, a float as bytes, and
/// a truth as an integer. The questions below read both.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RedisValue {
    /// There is nothing.
    Nil,
    /// A truth.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// What stands under a key, byte for byte; most texts come as this.
    Bytes(Vec<u8>),
    /// A text of the server's own, such as `OK`.
    Text(String),
    /// Values in order.
    List(Vec<RedisValue>),
    /// Names and values, in the order of the reply.
    Map(Vec<(RedisValue, RedisValue)>),
    /// Values without order.
    Set(Vec<RedisValue>),
}

impl RedisValue {
    /// Whether there is nothing.
    pub fn is_nil(&self) -> bool {
        matches!(self, RedisValue::Nil)
    }

    /// As a text.
    pub fn as_text(&self) -> Result<&str> {
        match self {
            RedisValue::Text(text) => Ok(text),
            RedisValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text),
                Err(_) => Err(other("bytes that are not UTF-8", "a text")),
            },
            _ => Err(self.is_not("a text")),
        }
    }

    /// As bytes.
    pub fn as_bytes(&self) -> Result<&[u8]> {
        match self {
            RedisValue::Text(text) => Ok(text.as_bytes()),
            RedisValue::Bytes(bytes) => Ok(bytes),
            _ => Err(self.is_not("bytes")),
        }
    }

    /// As an integer; a text of digits is one.
    pub fn as_int(&self) -> Result<i64> {
        match self {
            RedisValue::Int(value) => Ok(*value),
            _ => self.parsed("an integer"),
        }
    }

    /// As a truth; 0 and 1 are truths.
    pub fn as_bool(&self) -> Result<bool> {
        match self {
            RedisValue::Bool(value) => Ok(*value),
            RedisValue::Int(value @ (0 | 1)) => Ok(*value == 1),
            _ => Err(self.is_not("a truth")),
        }
    }

    /// As a float; a text of a number is one.
    pub fn as_float(&self) -> Result<f64> {
        match self {
            RedisValue::Float(value) => Ok(*value),
            _ => self.parsed("a float"),
        }
    }

    /// As a decimal, with every digit that the reply has; floats are none.
    pub fn as_decimal(&self) -> Result<Decimal> {
        match self {
            RedisValue::Int(value) => Ok(Decimal::from(*value)),
            _ => match Decimal::from_str_exact(self.text_or("a decimal")?) {
                Ok(value) => Ok(value),
                Err(_) => Err(other("another text", "a decimal")),
            },
        }
    }

    /// The values of a list or a set.
    pub fn into_list(self) -> Result<Vec<RedisValue>> {
        match self {
            RedisValue::List(values) | RedisValue::Set(values) => Ok(values),
            _ => Err(self.is_not("a list")),
        }
    }

    /// The names and values of a map, or of a list in which they take turns.
    pub fn into_pairs(self) -> Result<Vec<(RedisValue, RedisValue)>> {
        match self {
            RedisValue::Map(pairs) => Ok(pairs),
            RedisValue::List(values) if values.len() % 2 == 0 => {
                let mut rest = values.into_iter();
                Ok(std::iter::from_fn(|| Some((rest.next()?, rest.next()?))).collect())
            }
            _ => Err(self.is_not("a map")),
        }
    }

    /// From the driver's; an error anywhere in it is the error.
    pub(super) fn of(value: Value) -> Result<Self, Unread> {
        let all = |values: Vec<Value>| values.into_iter().map(Self::of).collect::<Result<_, _>>();
        Ok(match value {
            Value::Nil => RedisValue::Nil,
            Value::Boolean(value) => RedisValue::Bool(value),
            Value::Int(value) => RedisValue::Int(value),
            Value::Double(value) => RedisValue::Float(value),
            Value::BulkString(bytes) => RedisValue::Bytes(bytes),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
                RedisValue::Text(text)
            }
            Value::Okay => RedisValue::Text("OK".to_owned()),
            Value::Array(values) => RedisValue::List(all(values)?),
            Value::Set(values) => RedisValue::Set(all(values)?),
            Value::Map(pairs) => {
                let both = |(name, value)| Ok((Self::of(name)?, Self::of(value)?));
                RedisValue::Map(pairs.into_iter().map(both).collect::<Result<_, Unread>>()?)
            }
            Value::Attribute { data, .. } => Self::of(*data)?,
            Value::ServerError(error) => return Err(Unread::Refused(error)),
            _ => return Err(Unread::Unknown),
        })
    }

    fn parsed<V: std::str::FromStr>(&self, wanted: &str) -> Result<V> {
        self.text_or(wanted)?.parse().map_err(|_| other("another text", wanted))
    }

    fn text_or(&self, wanted: &str) -> Result<&str> {
        self.as_text().map_err(|_| self.is_not(wanted))
    }

    #[cold]
    fn is_not(&self, wanted: &str) -> Error {
        let is = match self {
            RedisValue::Nil => "nothing",
            RedisValue::Bool(_) => "a truth",
            RedisValue::Int(_) => "an integer",
            RedisValue::Float(_) => "a float",
            RedisValue::Bytes(_) => "bytes",
            RedisValue::Text(_) => "a text",
            RedisValue::List(_) => "a list",
            RedisValue::Map(_) => "a map",
            RedisValue::Set(_) => "a set",
        };
        other(is, wanted)
    }
}

/// Why a reply is no value.
#[derive(Debug)]
pub(super) enum Unread {
    Refused(redis::ServerError),
    /// A kind that no command of the server itself gives: a number without bound, a message.
    Unknown,
}

/// Never with the value.
#[cold]
fn other(is: &str, wanted: &str) -> Error {
    Error::new(Code::Unreadable, format!("the reply of redis is not {wanted}, but {is}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> RedisValue {
        RedisValue::Bytes(text.into())
    }

    #[test]
    fn redis_replies_are_read_in_both_protocols() {
        assert_eq!(bytes("42").as_int().unwrap(), 42);
        assert_eq!(RedisValue::Int(42).as_int().unwrap(), 42);
        assert_eq!(bytes("0.5").as_float().unwrap(), 0.5);
        assert_eq!(RedisValue::Float(0.5).as_float().unwrap(), 0.5);
        assert!(RedisValue::Int(1).as_bool().unwrap() && RedisValue::Bool(true).as_bool().unwrap());
        assert_eq!(bytes("0.10").as_decimal().unwrap().to_string(), "0.10");
        assert_eq!(RedisValue::Text("OK".into()).as_text().unwrap(), "OK");
        let pair = vec![(bytes("a"), bytes("b"))];
        let flat = RedisValue::List(vec![bytes("a"), bytes("b")]);
        assert_eq!(flat.clone().into_pairs().unwrap(), pair);
        assert_eq!(RedisValue::Map(pair.clone()).into_pairs().unwrap(), pair);
        assert_eq!(flat.into_list().unwrap().len(), 2);
    }

    #[test]
    fn redis_replies_of_another_kind_are_a_typed_error_without_the_value() {
        let secret = bytes("hunter2");
        let errors = [
            secret.as_int().unwrap_err(),
            secret.as_float().unwrap_err(),
            secret.as_decimal().unwrap_err(),
            secret.as_bool().unwrap_err(),
            secret.clone().into_list().unwrap_err(),
            secret.into_pairs().unwrap_err(),
            RedisValue::Bytes(vec![0xff]).as_text().unwrap_err(),
            RedisValue::Int(2).as_bool().unwrap_err(),
            RedisValue::Nil.as_text().unwrap_err(),
            RedisValue::Float(0.5).as_decimal().unwrap_err(),
            RedisValue::List(vec![RedisValue::Nil]).into_pairs().unwrap_err(),
            bytes("9223372036854775808").as_int().unwrap_err(),
            bytes("0.00000000000000000000000000001").as_decimal().unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.code(), Code::Unreadable, "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
