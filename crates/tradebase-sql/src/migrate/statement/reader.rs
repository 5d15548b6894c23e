//! The pieces of a statement, one after another.

use tradebase_core::Result;

use crate::raw::{Dialect, TokenKind, Tokens};

/// The pieces of a statement, or of what stands in a pair of parentheses, without blanks.
#[derive(Clone, Debug)]
pub(super) struct Reader<'t> {
    pub(super) dialect: Dialect,
    pieces: Vec<Piece<'t>>,
    at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Piece<'t> {
    kind: TokenKind<'t>,
    text: &'t str,
}

impl<'t> Reader<'t> {
    pub(super) fn new(dialect: Dialect, text: &'t str) -> Result<Self> {
        let mut pieces = Vec::new();
        for token in Tokens::new(dialect, text) {
            let token = token?;
            if token.kind != TokenKind::Blank {
                pieces.push(Piece { kind: token.kind, text: token.text });
            }
        }
        Ok(Self { dialect, pieces, at: 0 })
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.pieces.len()
    }

    /// Passes over a piece.
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Passes over a piece, or over all that stands in parentheses.
    pub(super) fn skip_whole(&mut self) {
        if self.group().is_none() {
            self.skip();
        }
    }

    /// Whether that word comes next.
    pub(super) fn sees(&self, word: &str) -> bool {
        self.sees_at(0, word)
    }

    pub(super) fn sees_at(&self, ahead: usize, word: &str) -> bool {
        self.pieces.get(self.at + ahead).is_some_and(|piece| {
            piece.kind == TokenKind::Word && piece.text.eq_ignore_ascii_case(word)
        })
    }

    pub(super) fn sees_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.sees(word))
    }

    pub(super) fn sees_group(&self) -> bool {
        self.pieces.get(self.at).is_some_and(|piece| piece.kind == TokenKind::Open)
    }

    /// Takes that word, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.words(&[word])
    }

    /// Takes these words, if they come next, all of them.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(ahead, word)| self.sees_at(ahead, word));
        if all {
            self.at += words.len();
        }
        all
    }

    pub(super) fn one_of(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(word))
    }

    /// Takes whatever word comes next, in capitals.
    pub(super) fn any_word(&mut self) -> Option<String> {
        let piece = self.pieces.get(self.at).filter(|piece| piece.kind == TokenKind::Word)?;
        let word = piece.text.to_ascii_uppercase();
        self.at += 1;
        Some(word)
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = self.sees_sign(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn sees_sign(&self, sign: &str) -> bool {
        self.pieces
            .get(self.at)
            .is_some_and(|piece| piece.kind == TokenKind::Other && piece.text == sign)
    }

    /// Takes a name; of one with its schema the last part.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = self.part_of_name()?;
        while self.sees_sign(".") {
            self.skip();
            name = self.part_of_name()?;
        }
        Some(name)
    }

    fn part_of_name(&mut self) -> Option<String> {
        let piece = self.pieces.get(self.at)?;
        let name = match piece.kind {
            TokenKind::Word => piece.text.to_ascii_lowercase(),
            TokenKind::Value => self.unquoted(piece.text)?,
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }

    fn unquoted(&self, text: &str) -> Option<String> {
        let mut inner = text.chars();
        let (first, last) = (inner.next()?, inner.next_back()?);
        let inner = inner.as_str();
        let name = match (first, last) {
            ('"', '"') => inner.replace("\"\"", "\""),
            ('`', '`') => inner.replace("``", "`"),
            ('[', ']') => inner.to_owned(),
            _ => return None,
        };
        // SQLite compares names without their case, quoted or not.
        Some(if self.dialect == Dialect::Sqlite { name.to_ascii_lowercase() } else { name })
    }

    /// Takes names with commas between them.
    pub(super) fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            self.sign("*");
            if !self.sign(",") {
                break;
            }
            self.word("ONLY");
        }
        names
    }

    /// Takes what stands in parentheses, if they come next.
    pub(super) fn group(&mut self) -> Option<Reader<'t>> {
        if !self.sees_group() {
            return None;
        }
        let mut depth = 0_usize;
        for (i, piece) in self.pieces.iter().enumerate().skip(self.at) {
            match piece.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inside = self.pieces.get(self.at + 1..i).unwrap_or_default().to_vec();
                self.at = i + 1;
                return Some(Reader { dialect: self.dialect, pieces: inside, at: 0 });
            }
        }
        None
    }

    /// What is left, cut at the commas outside of parentheses.
    pub(super) fn parts(self) -> Vec<Reader<'t>> {
        let mut parts = vec![Vec::new()];
        let mut depth = 0_usize;
        for piece in self.pieces.iter().skip(self.at) {
            match piece.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                TokenKind::Other if piece.text == "," && depth == 0 => {
                    parts.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if let Some(part) = parts.last_mut() {
                part.push(*piece);
            }
        }
        let dialect = self.dialect;
        parts.into_iter().map(|pieces| Reader { dialect, pieces, at: 0 }).collect()
    }

    /// The names of columns in what is left, up to the first that is none.
    pub(super) fn columns(self) -> Vec<String> {
        let mut names = Vec::new();
        for mut part in self.parts() {
            match part.name() {
                Some(name) if !part.sees_group() => names.push(name),
                _ => break,
            }
        }
        names
    }

    /// Whether these words stand in what is left, outside of parentheses.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        while !ahead.is_done() {
            if ahead.words(words) {
                return true;
            }
            ahead.skip_whole();
        }
        false
    }

    /// Takes all up to one of these words outside of parentheses, and at least one piece.
    pub(super) fn until(&mut self, words: &[&str]) -> Reader<'t> {
        let from = self.at;
        self.skip_whole();
        while !self.is_done() && !self.sees_one_of(words) {
            self.skip_whole();
        }
        let pieces = self.pieces.get(from..self.at).unwrap_or_default().to_vec();
        Reader { dialect: self.dialect, pieces, at: 0 }
    }

    /// What is left as a text in one form: in small letters, with a blank between words alone.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut behind_word = false;
        for piece in self.pieces.iter().skip(self.at) {
            let is_word = matches!(piece.kind, TokenKind::Word | TokenKind::Value);
            text.push_str(if behind_word && is_word { " " } else { "" });
            text.push_str(&piece.text.to_ascii_lowercase());
            behind_word = is_word || piece.kind == TokenKind::Close;
        }
        text
    }

    /// The names of what is called as a function: words directly in front of a parenthesis that
    /// are no types behind `::`.
    pub(super) fn calls(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (i, piece) in self.pieces.iter().enumerate().skip(self.at) {
            let opens = self.pieces.get(i + 1).is_some_and(|next| next.kind == TokenKind::Open);
            let cast =
                i.checked_sub(1).and_then(|i| self.pieces.get(i)).is_some_and(|p| p.text == "::");
            if piece.kind == TokenKind::Word && opens && !cast {
                found.push(piece.text.to_ascii_lowercase());
            }
        }
        found
    }

    /// The words in what is left, in capitals.
    pub(super) fn all_words(&self) -> impl Iterator<Item = String> {
        let left = self.pieces.iter().skip(self.at);
        left.filter(|p| p.kind == TokenKind::Word).map(|p| p.text.to_ascii_uppercase())
    }

    /// The names behind one of these words, at any depth.
    pub(super) fn names_behind(&self, words: &[&str]) -> Vec<String> {
        let mut ahead = self.clone();
        let mut found = Vec::new();
        while !ahead.is_done() {
            if ahead.one_of(words) {
                ahead.word("ONLY");
                found.extend(ahead.name());
            } else {
                ahead.skip();
            }
        }
        found
    }
}
