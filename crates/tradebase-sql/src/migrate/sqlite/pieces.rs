//! The pieces of a definition that the catalogue gives back, as it was written by whatever tool.

use tradebase_core::{Code, Error, Result};

use crate::naming::{literal, quoted};
use crate::raw::{Dialect, TokenKind, Tokens};

/// Words that mean the same in whatever case they are written.
const WORDS: [&str; 26] = [
    "AND", "AS", "ASC", "BETWEEN", "CASE", "CAST", "COLLATE", "DESC", "DISTINCT", "ELSE", "END",
    "ESCAPE", "EXISTS", "FROM", "GLOB", "IN", "IS", "ISNULL", "LIKE", "NOT", "NOTNULL", "NULL",
    "OR", "THEN", "WHEN", "WHERE",
];

/// Words that an expression or an index may hold for what they mean: without quotes they are no
/// columns, or stay what they are if they are. The engine reserves most of them.
const NO_COLUMNS: [&str; 62] = [
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "CASE",
    "CAST",
    "CHECK",
    "COLLATE",
    "COMMIT",
    "CONSTRAINT",
    "CREATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXISTS",
    "FALSE",
    "FROM",
    "GLOB",
    "GROUP",
    "HAVING",
    "IN",
    "INDEX",
    "INSERT",
    "INTO",
    "IS",
    "ISNULL",
    "JOIN",
    "LIKE",
    "LIMIT",
    "MATCH",
    "NOT",
    "NOTNULL",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "PRIMARY",
    "RAISE",
    "REFERENCES",
    "REGEXP",
    "SELECT",
    "SET",
    "TABLE",
    "THEN",
    "TO",
    "TRUE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "WHEN",
    "WHERE",
];

/// Words of the language that a name in quotes follows.
const BEFORE_A_NAME: [&str; 2] = ["AS", "COLLATE"];

/// Names that every table has for the number of a row.
pub(super) const ROW_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// A piece of a definition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) text: &'t str,
    /// Where it begins in the text.
    pub(super) at: usize,
    /// Whether a blank or a comment stands in front.
    spaced: bool,
}

impl<'t> Piece<'t> {
    /// The bytes that it is together with the quotes behind it.
    fn with(&self, next: Piece<'t>, text: &'t str) -> Option<Self> {
        let bytes = self.is("X") && !next.spaced && next.text.starts_with('\'');
        let text = text.get(self.at..next.at + next.text.len()).filter(|_| bytes)?;
        Some(Self { kind: TokenKind::Value, text, ..*self })
    }

    /// Whether it is this word of the language.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.kind == TokenKind::Other && self.text == sign
    }

    /// The name that it is, without quotes; none if it can be none.
    pub(super) fn name(&self) -> Option<String> {
        if self.kind == TokenKind::Word {
            return Some(self.text.to_owned());
        }
        let (first, inner) = (self.text.chars().next()?, self.text.get(1..)?);
        let inner = inner.get(..inner.len().checked_sub(1)?)?;
        match first {
            '"' | '\'' | '`' => Some(inner.replace(&format!("{first}{first}"), &first.to_string())),
            '[' => Some(inner.to_owned()),
            _ => None,
        }
    }
}

/// The pieces of a text, one after another.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'t> {
    text: &'t str,
    pieces: Vec<Piece<'t>>,
    at: usize,
}

impl<'t> Pieces<'t> {
    pub(super) fn of(text: &'t str) -> Result<Self> {
        let (mut pieces, mut at, mut spaced) = (Vec::new(), 0, false);
        for token in Tokens::new(Dialect::Sqlite, text) {
            let token = token?;
            let piece = Piece { kind: token.kind, text: token.text, at, spaced };
            if token.kind == TokenKind::Blank {
                spaced = true;
            } else {
                // The X of X'00' is part of what follows.
                let bytes = pieces.last().and_then(|last: &Piece<'t>| last.with(piece, text));
                if bytes.is_some() {
                    pieces.pop();
                }
                pieces.push(bytes.unwrap_or(piece));
                spaced = false;
            }
            at += token.text.len();
        }
        Ok(Self { text, pieces, at: 0 })
    }

    pub(super) fn peek(&self) -> Option<Piece<'t>> {
        self.pieces.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<Piece<'t>> {
        let piece = self.peek()?;
        self.at += 1;
        Some(piece)
    }

    /// The text from the next piece on, as it is written.
    pub(super) fn rest(&self) -> &'t str {
        self.peek().and_then(|piece| self.text.get(piece.at..)).unwrap_or_default().trim_end()
    }

    /// The last one; empty if there is none.
    pub(super) fn last(&self) -> &'t str {
        self.pieces.last().map_or("", |piece| piece.text)
    }

    /// All pieces as they are written.
    pub(super) fn written(&self) -> &'t str {
        let end = self.pieces.last().map_or(0, |piece| piece.at + piece.text.len());
        let begin = self.pieces.first().map_or(end, |piece| piece.at);
        self.text.get(begin..end).unwrap_or_default()
    }

    /// Passes over these words if they come next.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let come = self.pieces.get(self.at..).unwrap_or_default();
        let all = come.len() >= words.len() && words.iter().zip(come).all(|(w, p)| p.is(w));
        self.at += if all { words.len() } else { 0 };
        all
    }

    /// Passes over a sign or parenthesis if it comes next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.peek().is_some_and(|p| p.kind != TokenKind::Word && p.text == sign);
        self.at += usize::from(is);
        is
    }

    pub(super) fn word(&mut self) -> Result<String> {
        let next = self.next().filter(|piece| piece.kind == TokenKind::Word);
        Ok(next.ok_or_else(|| self.unread())?.text.to_ascii_uppercase())
    }

    pub(super) fn name(&mut self) -> Result<String> {
        self.next().and_then(|piece| piece.name()).ok_or_else(|| self.unread())
    }

    /// A name behind that of its schema, if there is one.
    pub(super) fn name_in_schema(&mut self) -> Result<String> {
        let name = self.name()?;
        if self.peek().is_some_and(|piece| piece.is_sign(".")) {
            self.at += 1;
            return self.name();
        }
        Ok(name)
    }

    /// The pieces inside the parenthesis that comes next.
    pub(super) fn inside(&mut self) -> Result<Pieces<'t>> {
        if !self.take_sign("(") {
            return Err(self.unread());
        }
        let (begin, mut depth) = (self.at, 1_usize);
        while let Some(piece) = self.next() {
            match piece.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let pieces = self.pieces.get(begin..self.at - 1).unwrap_or_default().to_vec();
                return Ok(Pieces { text: self.text, pieces, at: 0 });
            }
        }
        Err(self.unread())
    }

    /// The same without the name of a table in front of its columns.
    pub(super) fn without_table(self, table: &str) -> Self {
        let mut pieces: Vec<Piece<'t>> = Vec::new();
        for mut piece in self.pieces.into_iter().skip(self.at) {
            if let [.., of, point] = pieces.as_slice()
                && point.is_sign(".")
                && of.name().is_some_and(|name| name.eq_ignore_ascii_case(table))
            {
                piece.spaced = of.spaced;
                pieces.truncate(pieces.len() - 2);
            }
            pieces.push(piece);
        }
        Pieces { text: self.text, pieces, at: 0 }
    }

    /// Cuts at the commas that stand in no parenthesis.
    pub(super) fn parts(self) -> Vec<Pieces<'t>> {
        let (mut parts, mut part, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        for piece in self.pieces.into_iter().skip(self.at) {
            match piece.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && piece.is_sign(",") {
                let pieces = std::mem::take(&mut part);
                parts.push(Pieces { text: self.text, pieces, at: 0 });
            } else {
                part.push(piece);
            }
        }
        parts.push(Pieces { text: self.text, pieces: part, at: 0 });
        parts
    }

    /// What is left, in one form for all ways to write it: one blank where there are some, no
    /// comments, columns in quotes, words of the language in capitals.
    pub(super) fn canonical(&self, columns: &[String]) -> String {
        let mut text = String::new();
        let left = self.pieces.get(self.at..).unwrap_or_default();
        for (i, piece) in left.iter().enumerate() {
            let next = left.get(i + 1);
            let calls = next.is_some_and(|next| next.kind == TokenKind::Open);
            let before = i.checked_sub(1).and_then(|before| left.get(before));
            let is_name = calls
                || next.is_some_and(|next| next.is_sign("."))
                || before
                    .is_some_and(|b| b.is_sign(".") || BEFORE_A_NAME.iter().any(|word| b.is(word)));
            let written = match said_in_double_quotes(piece, columns).filter(|_| !is_name) {
                Some(text) => literal(&text),
                None => written(piece, columns, calls),
            };
            let open = text.is_empty() || text.ends_with('(');
            if piece.is_sign(",") || piece.kind == TokenKind::Close || open {
                // No blank in front of these.
            } else if piece.spaced || text.ends_with(',') {
                text.push(' ');
            }
            text.push_str(&written);
        }
        text
    }

    /// What cannot be read, from here on.
    #[cold]
    pub(super) fn unread(&self) -> Error {
        let near = self.pieces.get(self.at.saturating_sub(1)).map_or(self.text.len(), |p| p.at);
        let near: String = self.text.get(near..).unwrap_or_default().chars().take(40).collect();
        Error::new(Code::Unsupported, format!("a definition cannot be read, near: {near}"))
    }
}

/// The text that stands in double quotes, where no column is called so: the engine reads it as a
/// text in older definitions, and refuses it in new ones.
fn said_in_double_quotes(piece: &Piece<'_>, columns: &[String]) -> Option<String> {
    let name = piece.name().filter(|_| piece.text.starts_with('"') && !columns.is_empty())?;
    let known = columns.iter().map(String::as_str).chain(ROW_NAMES);
    let known = known.into_iter().any(|column| column.eq_ignore_ascii_case(&name));
    (!known).then_some(name)
}

fn written(piece: &Piece<'_>, columns: &[String], calls: bool) -> String {
    let is_one_of = |words: &[&str]| words.iter().any(|word| piece.is(word));
    let as_column = |name: &str| columns.iter().find(|column| column.eq_ignore_ascii_case(name));
    match piece.kind {
        TokenKind::Word => {
            let may_be_one = !calls && !is_one_of(&NO_COLUMNS);
            match as_column(piece.text).filter(|_| may_be_one) {
                Some(column) => quoted(column),
                None if is_one_of(&WORDS) => piece.text.to_ascii_uppercase(),
                None => piece.text.to_owned(),
            }
        }
        // A text in single quotes is a text, whatever columns there are.
        TokenKind::Value if piece.text.starts_with(['"', '`', '[']) => {
            match piece.name().as_deref().and_then(as_column) {
                Some(column) => quoted(column),
                None => piece.text.to_owned(),
            }
        }
        _ => piece.text.to_owned(),
    }
}
