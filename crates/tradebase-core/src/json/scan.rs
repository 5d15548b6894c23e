//! A scanner over JSON text that finds values without building a tree.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};

/// How deep arrays and objects may stand in each other.
const DEPTH_MAX: usize = 128;

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number's token, every digit as written.
    Number(&'a [u8]),
    /// The inside of a string, escapes not yet resolved; the flag tells whether it has any.
    Text(&'a [u8], bool),
    /// An array or object, whole.
    Nested(&'a [u8]),
}

/// What a value is, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not there.
    Absent,
    Null,
    Bool,
    Number,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    Nested,
}

/// A value as it stands in the text: a [`Cell`] whose parts stay in registers. An enum that
/// carries a bool beside slices is copied in odd pieces, which doubled the time of a read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub shape: Shape,
    pub raw: &'a [u8],
}

impl<'a> Token<'a> {
    pub const ABSENT: Token<'static> = Token { shape: Shape::Absent, raw: &[] };

    #[inline(always)]
    const fn new(shape: Shape, raw: &'a [u8]) -> Self {
        Self { shape, raw }
    }
}

impl<'a> From<Cell<'a>> for Token<'a> {
    fn from(cell: Cell<'a>) -> Self {
        match cell {
            Cell::Null => Token::new(Shape::Null, b"null"),
            Cell::Bool(true) => Token::new(Shape::Bool, b"true"),
            Cell::Bool(false) => Token::new(Shape::Bool, b"false"),
            Cell::Number(raw) => Token::new(Shape::Number, raw),
            Cell::Text(raw, false) => Token::new(Shape::Plain, raw),
            Cell::Text(raw, true) => Token::new(Shape::Escaped, raw),
            Cell::Nested(raw) => Token::new(Shape::Nested, raw),
        }
    }
}

/// Reads JSON text from the front.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Passes that byte if it comes next, after white space.
    #[inline(always)]
    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Passes that byte or reports it missing.
    #[inline(always)]
    pub fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.broken()) }
    }

    /// Whether nothing but white space is left.
    pub fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Passes exactly these bytes if they come next.
    #[inline(always)]
    pub fn eat_all(&mut self, bytes: &[u8]) -> bool {
        let found = self.text.get(self.at..self.at + bytes.len()) == Some(bytes);
        if found {
            self.at += bytes.len();
        }
        found
    }

    /// The next member's name and the colon behind it; none at the end of the object.
    ///
    /// Call it behind the opening brace, and then behind each value.
    pub fn member(&mut self, first: bool) -> Result<Option<Cow<'a, str>>> {
        if self.eat(b'}') {
            return Ok(None);
        }
        if !first {
            self.expect(b',')?;
        }
        self.expect(b'"')?;
        let (raw, escaped) = self.string()?;
        self.expect(b':')?;
        text_of(raw, escaped).map(Some)
    }

    /// The next element of an array is about to come; false at its end.
    pub fn element(&mut self, first: bool) -> Result<bool> {
        if self.eat(b']') {
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// The next value.
    #[inline(always)]
    pub fn value(&mut self) -> Result<Cell<'a>> {
        let Token { shape, raw } = self.token()?;
        Ok(match shape {
            Shape::Null | Shape::Absent => Cell::Null,
            Shape::Bool => Cell::Bool(raw == b"true"),
            Shape::Number => Cell::Number(raw),
            Shape::Plain => Cell::Text(raw, false),
            Shape::Escaped => Cell::Text(raw, true),
            Shape::Nested => Cell::Nested(raw),
        })
    }

    #[inline(always)]
    pub(super) fn token(&mut self) -> Result<Token<'a>> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let (raw, escaped) = self.string()?;
                let shape = if escaped { Shape::Escaped } else { Shape::Plain };
                Ok(Token::new(shape, raw))
            }
            Some(b'-' | b'0'..=b'9') => Ok(Token::new(Shape::Number, self.number())),
            _ => self.rare(),
        }
    }

    #[inline(never)]
    fn rare(&mut self) -> Result<Token<'a>> {
        match self.peek() {
            Some(b'{' | b'[') => Ok(Token::new(Shape::Nested, self.nested()?)),
            Some(b'n') if self.eat_all(b"null") => Ok(Token::new(Shape::Null, b"null")),
            Some(b't') if self.eat_all(b"true") => Ok(Token::new(Shape::Bool, b"true")),
            Some(b'f') if self.eat_all(b"false") => Ok(Token::new(Shape::Bool, b"false")),
            _ => Err(self.broken()),
        }
    }

    #[inline(always)]
    fn number(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let len = rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// The inside of a string whose opening quote is passed; passes the closing one.
    #[inline(always)]
    fn string(&mut self) -> Result<(&'a [u8], bool)> {
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((&self.text[start..self.at - 1], escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..0x20) | None => return Err(self.broken()),
                Some(_) => self.at += 1,
            }
        }
    }

    fn nested(&mut self) -> Result<&'a [u8]> {
        let start = self.at;
        let mut depth = 0;
        loop {
            match self.text.get(self.at) {
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                    continue;
                }
                Some(_) => {}
                None => return Err(self.broken()),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(&self.text[start..self.at]);
            }
            if depth > DEPTH_MAX {
                return Err(self.broken());
            }
        }
    }

    #[cold]
    pub(super) fn broken(&self) -> Error {
        Error::new(Code::Unreadable, format!("not JSON, at byte {}", self.at))
    }
}

/// The text of a string's inside.
#[inline]
pub(super) fn text_of(raw: &[u8], escaped: bool) -> Result<Cow<'_, str>> {
    if escaped {
        return unescape(raw).map(Cow::Owned);
    }
    std::str::from_utf8(raw)
        .map(Cow::Borrowed)
        .map_err(|e| Error::new(Code::Unreadable, "JSON text is not UTF-8").because(e))
}

/// Resolves escapes. Rare, so serde_json's own rules serve.
#[cold]
fn unescape(raw: &[u8]) -> Result<String> {
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice(&quoted)
        .map_err(|e| Error::new(Code::Unreadable, "not a JSON string").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_written() {
        let mut scanner =
            Scanner::new(br#" {"a" : 1.50, "b\n":"x\"y", "c":[{"d":"]"}], "e":null}"#);
        scanner.expect(b'{').unwrap();
        let mut members = Vec::new();
        while let Some(name) = scanner.member(members.is_empty()).unwrap() {
            members.push((name.into_owned(), scanner.value().unwrap()));
        }
        assert_eq!(
            members,
            [
                ("a".to_owned(), Cell::Number(b"1.50")),
                ("b\n".to_owned(), Cell::Text(br#"x\"y"#, true)),
                ("c".to_owned(), Cell::Nested(br#"[{"d":"]"}]"#)),
                ("e".to_owned(), Cell::Null),
            ]
        );
        assert!(scanner.at_end());
    }

    #[test]
    fn broken_text_is_an_error_and_no_panic() {
        for bad in ["", "{", "\"", "\"\\", "[", "[[", "nul", "{\"a\"", "\"\n\""] {
            assert!(Scanner::new(bad.as_bytes()).value().is_err(), "{bad}");
        }
        assert!(Scanner::new("[".repeat(DEPTH_MAX + 1).as_bytes()).value().is_err());
    }
}
