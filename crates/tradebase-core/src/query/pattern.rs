//! Patterns of text.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::kind::Kind;

/// A pattern of text: `%` stands for any text, none too, `_` for one character, and `\\` before
/// one of the three for that character itself.
///
/// Upper and lower case differ, on every engine, unless [`ignoring_case`](Pattern::ignoring_case)
/// says that they do not for the letters a to z: what other letters have in common is not the
/// same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    ignores_case: bool,
}

impl Pattern {
    /// The pattern that is written so.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ignores_case: false }
    }

    /// Text that begins so.
    pub fn starting_with(text: &str) -> Self {
        Self::new(format!("{}%", escaped(text)))
    }

    /// Text that ends so.
    pub fn ending_with(text: &str) -> Self {
        Self::new(format!("%{}", escaped(text)))
    }

    /// Text that has this anywhere.
    pub fn containing(text: &str) -> Self {
        Self::new(format!("%{}%", escaped(text)))
    }

    /// The same pattern, for which the letters A to Z are the letters a to z.
    #[must_use]
    pub fn ignoring_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the letters A to Z are the letters a to z.
    pub fn ignores_case(&self) -> bool {
        self.ignores_case
    }

    /// Whether a text is like it: the rule that every engine keeps to.
    pub fn matches(&self, text: &str) -> bool {
        let fold = |c: char| if self.ignores_case { c.to_ascii_lowercase() } else { c };
        let text: Vec<char> = text.chars().map(fold).collect();
        let pieces: Vec<Piece> = self.pieces().map(|piece| piece.map(fold)).collect();
        // The classic walk: where a mismatch meets the last `%`, that one takes one more.
        let (mut at, mut piece, mut back) = (0, 0, None);
        while at < text.len() {
            match pieces.get(piece) {
                Some(Piece::Any) => {
                    back = Some((at, piece));
                    piece += 1;
                }
                Some(Piece::One) => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Char(c)) if *c == text[at] => (at, piece) = (at + 1, piece + 1),
                _ => match back {
                    Some((from, any)) => {
                        back = Some((from + 1, any));
                        (at, piece) = (from + 1, any + 1);
                    }
                    None => return false,
                },
            }
        }
        pieces[piece..].iter().all(|piece| *piece == Piece::Any)
    }

    /// What it is made of.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let mut chars = self.text.chars();
        std::iter::from_fn(move || {
            Some(match chars.next()? {
                '%' => Piece::Any,
                '_' => Piece::One,
                // A last one stands for itself; `checked` refuses it.
                '\\' => Piece::Char(chars.next().unwrap_or('\\')),
                other => Piece::Char(other),
            })
        })
    }

    /// Refuses a pattern that the engines would read differently, or a column that has no text.
    pub fn checked(self, column: &'static Column) -> Result<Self> {
        if !matches!(column.kind, Kind::Text { .. }) {
            let message = format!("a pattern needs a text column, this one is {}", column.kind);
            return Err(Error::refused(column, "pattern", message));
        }
        crate::domain::text(column, &self.text)?;
        let mut chars = self.text.chars();
        while let Some(c) = chars.next() {
            if c == '\\' && !matches!(chars.next(), Some('%' | '_' | '\\')) {
                let message = "in a pattern, \\ must stand before %, _ or \\";
                return Err(Error::refused(column, "pattern", message));
            }
        }
        Ok(self)
    }
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Any text, none too.
    Any,
    /// One character.
    One,
    /// That character.
    Char(char),
}

impl Piece {
    fn map(self, fold: impl Fn(char) -> char) -> Self {
        match self {
            Piece::Char(c) => Piece::Char(fold(c)),
            other => other,
        }
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_matched_whole_and_by_character() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("a_c", "abc", true),
            ("a_c", "aéc", true),
            ("a_c", "ac", false),
            ("a%b%c", "a-b-b-c", true),
            ("a%b%c", "a-c-b", false),
            ("%%_", "x", true),
            ("A%", "abc", false),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), want, "{pattern} {text}");
        }
        assert!(Pattern::new("aB%").ignoring_case().matches("AbC"));
        assert!(!Pattern::new("ä").ignoring_case().matches("Ä"));
    }

    #[test]
    fn text_in_a_pattern_stands_for_itself() {
        for text in ["50%_\\", "", "%", "a'b"] {
            assert!(Pattern::containing(text).matches(&format!("<{text}>")), "{text}");
            assert!(Pattern::starting_with(text).matches(&format!("{text}>")), "{text}");
            assert!(Pattern::ending_with(text).matches(&format!("<{text}")), "{text}");
        }
        assert!(!Pattern::containing("%").matches("a"));
    }
}
