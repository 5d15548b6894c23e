//! What a text of SQL is made of, as far as it takes to tell a placeholder from its like.

use tradebase_core::{Code, Error, Result};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// That of SQLite.
    Sqlite,
    /// That of PostgreSQL.
    Postgres,
}

/// A piece of a text. All pieces, one after another, are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind<'t>,
    pub(crate) text: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'t> {
    /// Blanks and comments.
    Blank,
    /// A name or a word of the language.
    Word,
    /// A number, a string, a quoted name: nothing inside has a meaning.
    Value,
    Semicolon,
    Open,
    Close,
    Mark(Mark<'t>),
    Other,
}

/// What may stand for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'t> {
    /// `?`; surely one where PostgreSQL could not read it as an operator.
    Next { surely: bool },
    /// `??`, PostgreSQL's operator `?` among placeholders of that form.
    Doubled,
    /// `$1` or `?1`. None if it is none that an engine takes.
    Number { dollar: bool, number: Option<u16> },
    /// `:name`.
    Name(&'t str),
    /// What SQLite alone takes for a parameter: `@name`, `$name`, `#name`, `:1`.
    Foreign,
}

/// What stands in front, as far as it decides what a character is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A word, or something that has a value.
    Value,
    Operator,
    Other,
}

/// The pieces of a text.
#[derive(Debug)]
pub(crate) struct Tokens<'t> {
    dialect: Dialect,
    rest: &'t str,
    before: Before,
    /// Whether that stands directly in front, without a blank.
    touches: bool,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(dialect: Dialect, text: &'t str) -> Self {
        Self { dialect, rest: text, before: Before::Nothing, touches: false }
    }

    fn is_postgres(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// The byte at that place; nothing is as good as a NUL, which no text has.
    fn at(&self, i: usize) -> u8 {
        self.rest.as_bytes().get(i).copied().unwrap_or_default()
    }

    /// The place behind those that are so, from a place on.
    fn run(&self, from: usize, is: fn(u8) -> bool) -> usize {
        let bytes = self.rest.as_bytes().iter().skip(from);
        from + bytes.take_while(|byte| is(**byte)).count()
    }

    /// What comes next, and how long it is.
    fn look(&self) -> Result<(Kind<'t>, usize)> {
        let postgres = self.is_postgres();
        Ok(match (self.at(0), self.at(1)) {
            (c, _) if is_blank(c) => (Kind::Blank, self.run(0, is_blank)),
            _ if !postgres && self.rest.starts_with('\u{feff}') => (Kind::Blank, 3),
            (b'-', b'-') => (Kind::Blank, self.line()),
            (b'/', b'*') => (Kind::Blank, self.block()?),
            (quote @ (b'\'' | b'"'), _) => (Kind::Value, self.quoted(1, quote, false)?),
            (b'E' | b'e', b'\'') if postgres => (Kind::Value, self.escaped()?),
            (b'`', _) if !postgres => (Kind::Value, self.quoted(1, b'`', false)?),
            (b'[', _) if !postgres => (Kind::Value, self.bracketed()?),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => (Kind::Value, self.number()),
            (c, _) if is_letter(c) => (Kind::Word, self.run(0, is_word)),
            (b'$', _) => self.dollar()?,
            (b'?', _) => self.question(),
            (b':', _) => self.colon(),
            (b'@', b'?') if postgres && self.at(2) != b'?' && !self.in_operator() => {
                (Kind::Other, 2)
            }
            (b'@' | b'#', next) if !postgres && is_word(next) => {
                (Kind::Mark(Mark::Foreign), self.run(1, is_word))
            }
            (b';', _) => (Kind::Semicolon, 1),
            (b'(', _) => (Kind::Open, 1),
            (b')', _) => (Kind::Close, 1),
            _ => (Kind::Other, 1),
        })
    }

    fn in_operator(&self) -> bool {
        self.touches && self.before == Before::Operator
    }

    /// A comment up to the end of its line.
    fn line(&self) -> usize {
        if self.is_postgres() {
            self.run(2, |c| c != b'\n' && c != b'\r')
        } else {
            self.run(2, |c| c != b'\n')
        }
    }

    /// A comment in marks. In PostgreSQL, comments stand in each other.
    fn block(&self) -> Result<usize> {
        let (mut at, mut depth) = (2, 1_usize);
        while depth > 0 {
            match (self.at(at), self.at(at + 1)) {
                (b'*', b'/') => (at, depth) = (at + 2, depth - 1),
                (b'/', b'*') if self.is_postgres() => (at, depth) = (at + 2, depth + 1),
                (0, _) => return Err(open("a comment")),
                _ => at += 1,
            }
        }
        Ok(at)
    }

    /// From a place behind the first quote to behind the last one. A quote that is doubled is one
    /// of the text, as is one behind a backslash where that escapes.
    fn quoted(&self, from: usize, quote: u8, escapes: bool) -> Result<usize> {
        let mut at = from;
        loop {
            match self.at(at) {
                0 => return Err(open(if quote == b'\'' { "a string" } else { "a quoted name" })),
                c if c == quote && self.at(at + 1) == quote => at += 2,
                c if c == quote => return Ok(at + 1),
                // Behind the last character of a text it is open all the same.
                b'\\' if escapes && self.at(at + 1) != 0 => at += 2,
                _ => at += 1,
            }
        }
    }

    /// PostgreSQL's E'…'. Strings go on behind a line break, and stay what they are.
    fn escaped(&self) -> Result<usize> {
        let mut at = self.quoted(2, b'\'', true)?;
        while let Some(next) = self.goes_on(at) {
            at = self.quoted(next, b'\'', true)?;
        }
        Ok(at)
    }

    /// The place behind the quote with which a string goes on.
    fn goes_on(&self, from: usize) -> Option<usize> {
        let (mut at, mut broken) = (from, false);
        loop {
            match (self.at(at), self.at(at + 1)) {
                (b'\n' | b'\r', _) => (at, broken) = (at + 1, true),
                (c, _) if is_blank(c) => at += 1,
                (b'-', b'-') => at = self.run(at, |c| c != b'\n' && c != b'\r'),
                (b'\'', _) if broken => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// SQLite's [name].
    fn bracketed(&self) -> Result<usize> {
        let end = self.run(1, |c| c != b']');
        if self.at(end) == 0 { Err(open("a quoted name")) } else { Ok(end + 1) }
    }

    /// A number with whatever hangs on to it, as far as an engine might take it for a part.
    fn number(&self) -> usize {
        let digits = |c: u8| (is_word(c) && c != b'$') || c == b'.';
        let end = self.run(0, digits);
        let exponent = matches!(self.at(end - 1), b'e' | b'E') && !self.rest.starts_with("0x");
        match self.at(end) {
            b'+' | b'-' if exponent && self.at(end + 1).is_ascii_digit() => {
                self.run(end + 1, digits)
            }
            _ => end,
        }
    }

    fn dollar(&self) -> Result<(Kind<'t>, usize)> {
        let digits = self.run(1, |c| c.is_ascii_digit());
        let word = self.run(1, is_word);
        if digits > 1 && (self.is_postgres() || digits == word) {
            return Ok((self.numbered(true, digits), digits));
        }
        if !self.is_postgres() {
            let kind = if word > 1 { Kind::Mark(Mark::Foreign) } else { Kind::Other };
            return Ok((kind, word));
        }
        let tag = self.run(1, |c| is_word(c) && c != b'$');
        if self.at(tag) != b'$' {
            return Ok((Kind::Other, 1));
        }
        let opening = self.rest.get(..=tag).unwrap_or_default();
        let body = self.rest.get(tag + 1..).unwrap_or_default();
        let end = body.find(opening).ok_or_else(|| open("a string in dollars"))?;
        Ok((Kind::Value, opening.len() + end + opening.len()))
    }

    fn numbered(&self, dollar: bool, end: usize) -> Kind<'t> {
        let number = self.rest.get(1..end).and_then(|digits| digits.parse().ok());
        Kind::Mark(Mark::Number { dollar, number: number.filter(|number| *number > 0) })
    }

    fn question(&self) -> (Kind<'t>, usize) {
        let digits = self.run(1, |c| c.is_ascii_digit());
        if digits > 1 {
            return (self.numbered(false, digits), digits);
        }
        if self.is_postgres() && self.at(1) == b'?' {
            return (Kind::Mark(Mark::Doubled), 2);
        }
        let surely = match self.before {
            Before::Nothing | Before::Value => false,
            Before::Operator => !self.touches,
            Before::Other => true,
        };
        (Kind::Mark(Mark::Next { surely: surely && !is_operator(self.at(1)) }), 1)
    }

    fn colon(&self) -> (Kind<'t>, usize) {
        match self.at(1) {
            b':' | b'=' => (Kind::Other, 2),
            // What a slice or an entry of JSON has between its parts: a[low:high], 'key':value.
            _ if self.is_postgres() && self.touches && self.before == Before::Value => {
                (Kind::Other, 1)
            }
            c if is_letter(c) => {
                let end = self.run(1, is_word);
                (Kind::Mark(Mark::Name(self.rest.get(1..end).unwrap_or_default())), end)
            }
            c if !self.is_postgres() && is_word(c) => {
                (Kind::Mark(Mark::Foreign), self.run(1, is_word))
            }
            _ => (Kind::Other, 1),
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Result<Token<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (kind, len) = match self.look() {
            Ok(found) => found,
            Err(error) => {
                self.rest = "";
                return Some(Err(error));
            }
        };
        let Some((text, rest)) = self.rest.split_at_checked(len) else {
            self.rest = "";
            return Some(Err(Error::new(Code::Internal, "a statement is not cut between letters")));
        };
        self.rest = rest;
        self.touches = kind != Kind::Blank;
        self.before = match kind {
            Kind::Blank => self.before,
            Kind::Word | Kind::Value | Kind::Close | Kind::Mark(_) => Before::Value,
            Kind::Semicolon => Before::Nothing,
            Kind::Open => Before::Other,
            Kind::Other if text == "]" => Before::Value,
            Kind::Other if text.bytes().all(is_operator) => Before::Operator,
            Kind::Other => Before::Other,
        };
        Some(Ok(Token { kind, text }))
    }
}

fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What a name begins with.
fn is_letter(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || !c.is_ascii()
}

/// What a name goes on with.
pub(super) fn is_word(c: u8) -> bool {
    is_letter(c) || c.is_ascii_digit() || c == b'$'
}

/// What PostgreSQL makes operators of.
fn is_operator(c: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&c)
}

#[cold]
fn open(what: &str) -> Error {
    Error::new(Code::Syntax, format!("the statement ends within {what}"))
}
