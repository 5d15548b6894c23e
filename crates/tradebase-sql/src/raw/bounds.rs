//! Where a statement ends.

use tradebase_core::{Code, Error, Result};

use super::tokens::{Dialect, Kind, Token};

/// Follows the pieces of a text, and refuses a second statement.
#[derive(Debug)]
pub(crate) struct Bounds {
    dialect: Dialect,
    begun: bool,
    ended: bool,
    head: Head,
    body: Body,
    /// Brackets that are open.
    depth: usize,
    /// The last piece: a semicolon inside a body, or the word that may begin one.
    last: Last,
}

/// How the statement begins, as far as it may have others inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Start,
    Create,
    CreateOr,
    CreateTemporary,
    /// PostgreSQL: its body may stand between BEGIN ATOMIC and END.
    Routine,
    /// PostgreSQL: statements in brackets.
    Rule,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Semicolon,
    Begin,
    Other,
}

impl Bounds {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            begun: false,
            ended: false,
            head: Head::Start,
            body: Body::None,
            depth: 0,
            last: Last::Other,
        }
    }

    /// Takes the next piece.
    pub(crate) fn pass(&mut self, token: &Token<'_>) -> Result<()> {
        match token.kind {
            Kind::Blank => return Ok(()),
            Kind::Semicolon => {
                let inside = self.body == Body::Open || (self.head == Head::Rule && self.depth > 0);
                self.ended |= self.begun && !inside;
                self.last = Last::Semicolon;
                return Ok(());
            }
            _ if self.ended => return Err(second()),
            Kind::Open => self.depth += 1,
            Kind::Close => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.begun = true;
        let word = if token.kind == Kind::Word { token.text } else { "" };
        self.last = self.word(word);
        Ok(())
    }

    /// Whether the semicolon behind the statement has come.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    fn word(&mut self, word: &str) -> Last {
        let is = |one: &str| word.eq_ignore_ascii_case(one);
        match self.body {
            Body::Open if is("END") && self.last != Last::Other => self.body = Body::Closed,
            // An empty body ends at once.
            Body::None
                if self.head == Head::Routine && self.last == Last::Begin && is("ATOMIC") =>
            {
                self.body = Body::Open;
                return Last::Semicolon;
            }
            _ => {}
        }
        self.head = match self.head {
            Head::Start if is("CREATE") => Head::Create,
            Head::Create | Head::CreateTemporary if is("TRIGGER") && self.is_sqlite() => {
                self.body = Body::Open;
                Head::Plain
            }
            Head::Create if self.is_sqlite() && (is("TEMP") || is("TEMPORARY")) => {
                Head::CreateTemporary
            }
            Head::Create if !self.is_sqlite() && is("OR") => Head::CreateOr,
            Head::CreateOr if is("REPLACE") => Head::Create,
            Head::Create if !self.is_sqlite() && (is("FUNCTION") || is("PROCEDURE")) => {
                Head::Routine
            }
            Head::Create if !self.is_sqlite() && is("RULE") => Head::Rule,
            Head::Routine => Head::Routine,
            Head::Rule => Head::Rule,
            _ => Head::Plain,
        };
        if is("BEGIN") { Last::Begin } else { Last::Other }
    }

    fn is_sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }
}

#[cold]
fn second() -> Error {
    let message = "the text has more than one statement: several go through the batch of a \
                   connection";
    Error::new(Code::Injection, message)
}
