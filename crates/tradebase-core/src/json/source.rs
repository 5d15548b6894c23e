//! Reading a row from a JSON object, and single columns from JSON values.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::scan::{Cell, Scanner, Shape, Token, text_of};
use super::{decode_base64, parse as parse_json};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::parse;
use crate::source::{Got, Source};
use crate::time::{Date, Timestamp, TimestampNs};

/// A source over one JSON object.
///
/// Objects that this library wrote have their members in the order of the columns, and are read
/// on the way through. The first member out of place makes it index the rest of the object.
#[derive(Debug)]
pub struct JsonSource<'a> {
    scanner: Scanner<'a>,
    /// Whether no member was passed yet: the first one has no comma.
    first: bool,
    names: Names<'a>,
    index: Option<Vec<Token<'a>>>,
    text: Cow<'a, str>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Names<'a> {
    Own(&'static [Column]),
    Listed(&'a [&'static Column]),
}

impl Names<'_> {
    fn position(&self, name: &str) -> Option<usize> {
        match self {
            Names::Own(columns) => columns.iter().position(|c| c.name.text == name),
            Names::Listed(columns) => columns.iter().position(|c| c.name.text == name),
        }
    }

    fn len(&self) -> usize {
        match self {
            Names::Own(columns) => columns.len(),
            Names::Listed(columns) => columns.len(),
        }
    }
}

impl<'a> JsonSource<'a> {
    /// A source of a row of these columns.
    pub fn new(columns: &'static [Column], text: &'a [u8]) -> Result<Self> {
        Self::over(Names::Own(columns), text)
    }

    /// A source of a row whose columns are known as a list.
    pub fn by_name(columns: &'a [&'static Column], text: &'a [u8]) -> Result<Self> {
        Self::over(Names::Listed(columns), text)
    }

    #[inline]
    fn over(names: Names<'a>, text: &'a [u8]) -> Result<Self> {
        let mut scanner = Scanner::new(text);
        scanner.expect(b'{')?;
        let (text, bytes) = (Cow::Borrowed(""), Vec::new());
        Ok(Self { scanner, first: true, names, index: None, text, bytes })
    }

    /// The value of the column.
    #[inline(always)]
    fn find(&mut self, at: usize, column: &'static Column) -> Result<Token<'a>> {
        // `,"name":`, without its comma for the first column; a constant, like the column. Once
        // the rest is indexed the scanner is at its end, and no name is found there.
        let name = column.name.json.as_bytes();
        let name = if at == 0 { &name[1..] } else { name };
        if self.scanner.eat_all(name) {
            self.first = false;
            return self.scanner.token();
        }
        self.indexed(at)
    }

    /// Looks at a value without passing it.
    fn look(&mut self, at: usize, column: &'static Column) -> Result<Token<'a>> {
        let (scanner, first) = (self.scanner.clone(), self.first);
        let token = self.find(at, column)?;
        if self.index.is_none() {
            (self.scanner, self.first) = (scanner, first);
        }
        Ok(token)
    }

    /// Passes what is left of the object; an error if it is cut, or not the end of the text.
    #[inline]
    pub(super) fn finish(mut self) -> Result<()> {
        if self.index.is_none() && !self.scanner.eat_all(b"}") {
            self.indexed(0)?;
        }
        if self.scanner.at_end() { Ok(()) } else { Err(self.scanner.broken()) }
    }

    #[cold]
    #[inline(never)]
    fn indexed(&mut self, at: usize) -> Result<Token<'a>> {
        if self.index.is_none() {
            let mut tokens = vec![Token::ABSENT; self.names.len()];
            // What was passed on the fast path was read already; the rest is found by name.
            while let Some(name) = self.scanner.member(self.first)? {
                self.first = false;
                let token = self.scanner.token()?;
                if let Some(position) = self.names.position(&name) {
                    tokens[position] = token;
                }
            }
            self.index = Some(tokens);
        }
        Ok(self.index.as_ref().and_then(|tokens| tokens.get(at).copied()).unwrap_or(Token::ABSENT))
    }
}

/// A source over one JSON value, whatever column is asked for.
#[derive(Debug)]
pub struct CellSource<'a> {
    token: Token<'a>,
    text: Cow<'a, str>,
    bytes: Vec<u8>,
}

impl<'a> CellSource<'a> {
    /// A source of that value.
    #[inline(always)]
    pub fn new(cell: Cell<'a>) -> Self {
        Self { token: cell.into(), text: Cow::Borrowed(""), bytes: Vec::new() }
    }

    #[inline(always)]
    fn find(&self, _: usize, _: &'static Column) -> Result<Token<'a>> {
        Ok(self.token)
    }

    fn look(&self, at: usize, column: &'static Column) -> Result<Token<'a>> {
        self.find(at, column)
    }
}

impl<'a> Token<'a> {
    #[inline(always)]
    fn bool(self, column: &'static Column) -> Result<Got<bool>> {
        match self.shape {
            Shape::Bool => Ok(Got::Value(self.raw.len() == 4)),
            _ => self.none(column),
        }
    }

    /// A string's text.
    fn string(self, column: &'static Column) -> Result<Got<Cow<'a, str>>> {
        match self.shape {
            Shape::Plain | Shape::Escaped => {
                text_of(self.raw, self.shape == Shape::Escaped).map(Got::Value)
            }
            _ => self.none(column),
        }
    }

    /// What is read from a string's text.
    #[inline(always)]
    fn read<T>(
        self,
        column: &'static Column,
        read: fn(&'static Column, &str) -> Result<T>,
    ) -> Result<Got<T>> {
        match self.shape {
            Shape::Plain => match read(column, text(column, self.raw)?) {
                Ok(value) => Ok(Got::Value(value)),
                Err(error) => Err(error),
            },
            _ => self.string(column)?.try_map(|text| read(column, &text)),
        }
    }

    /// What is read from a number's token; a string of digits is read too, as other writers put
    /// decimals in them.
    #[inline(always)]
    fn number<T>(
        self,
        column: &'static Column,
        read: fn(&'static Column, &[u8]) -> Result<T>,
    ) -> Result<Got<T>> {
        match self.shape {
            Shape::Number | Shape::Plain => match read(column, self.raw) {
                Ok(value) => Ok(Got::Value(value)),
                Err(error) => Err(error),
            },
            _ => self.none(column),
        }
    }

    fn base64(self, column: &'static Column, out: &mut Vec<u8>) -> Result<Got<()>> {
        self.string(column)?.try_map(|text| {
            out.clear();
            decode_base64(text.as_bytes(), out)
                .ok_or_else(|| Error::unreadable(column, format_args!("not base 64")))
        })
    }

    fn json<T: DeserializeOwned>(self, column: &'static Column) -> Result<Got<T>> {
        let read = |text: &[u8]| parse_json(column, text).map(Got::Value);
        match self.shape {
            Shape::Absent => Ok(Got::Absent),
            Shape::Null if column.nullable => Ok(Got::Null),
            Shape::Plain | Shape::Escaped => read(&[b"\"", self.raw, b"\""].concat()),
            _ => read(self.raw),
        }
    }

    /// Absent, null, or an error: this is not what the column holds.
    #[cold]
    #[inline(never)]
    fn none<T>(self, column: &'static Column) -> Result<Got<T>> {
        let what = match self.shape {
            Shape::Absent => return Ok(Got::Absent),
            Shape::Null => return Ok(Got::Null),
            Shape::Bool => "a bool",
            Shape::Number => "a number",
            Shape::Plain | Shape::Escaped => "a string",
            Shape::Nested => "an array or object",
        };
        Err(Error::unreadable(column, format_args!("{what} is no {}", column.kind)))
    }
}

fn integer(column: &'static Column, token: &[u8]) -> Result<i64> {
    parse::integer(column, text(column, token)?)
}

fn float(column: &'static Column, token: &[u8]) -> Result<f64> {
    parse::float(column, text(column, token)?)
}

#[inline(always)]
fn text<'a>(column: &'static Column, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| not_utf8(column))
}

#[cold]
#[inline(never)]
fn not_utf8(column: &'static Column) -> Error {
    Error::unreadable(column, format_args!("the text is not UTF-8"))
}

macro_rules! read_tokens {
    ($($method:ident -> $type:ty => |$token:ident, $column:ident| $read:expr;)+) => {
        $(
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method(&mut self, at: usize, $column: &'static Column) -> Result<Got<$type>> {
                let $token = self.find(at, $column)?;
                $read
            }
        )+

        #[cfg_attr(not(debug_assertions), inline(always))]
        fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
            let token = self.find(at, column)?;
            if token.shape == Shape::Plain {
                // The usual text is handed on as it stands, without a stop in the buffer.
                return text(column, token.raw).map(Got::Value);
            }
            Ok(token.string(column)?.map(|text| {
                self.text = text;
                &*self.text
            }))
        }

        fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>> {
            let found = self.find(at, column)?.base64(column, &mut self.bytes)?;
            Ok(found.map(|()| &*self.bytes))
        }

        fn json<T: DeserializeOwned>(
            &mut self,
            at: usize,
            column: &'static Column,
        ) -> Result<Got<T>> {
            self.find(at, column)?.json(column)
        }
    };
}

macro_rules! source_over_tokens {
    ($($source:ident)+) => {$(
        impl Source for $source<'_> {
            fn cell(&mut self, at: usize, column: &'static Column) -> Result<Got<()>> {
                Ok(match self.look(at, column)?.shape {
                    Shape::Absent => Got::Absent,
                    Shape::Null => Got::Null,
                    _ => Got::Value(()),
                })
            }

            read_tokens! {
                bool -> bool => |token, column| token.bool(column);
                i64 -> i64 => |token, column| token.number(column, integer);
                f64 -> f64 => |token, column| token.number(column, float);
                decimal -> i128 => |token, column| token.number(column, parse::decimal);
                uuid -> Uuid => |token, column| token.read(column, parse::uuid);
                timestamp -> Timestamp => |token, column| token.read(column, parse::timestamp);
                timestamp_ns -> TimestampNs => |token, column| {
                    token.read(column, parse::timestamp_ns)
                };
                date -> Date => |token, column| token.read(column, parse::date);
            }
        }
    )+};
}

source_over_tokens! { JsonSource CellSource }
