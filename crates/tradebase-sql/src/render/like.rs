//! Texts against patterns.

use std::fmt::Write;

use tradebase_core::{Column, Error, Kind, Pattern, Piece, Result, Value};

use super::{Parameters, Renderer, Scope};
use crate::limits::PATTERN_BYTES_MAX;

/// The bounds of a prefix are parameters, of this pretended column.
static BOUND: Column = Column::new("prefix", Kind::TEXT, false);

/// What a pattern begins with, and what comes then.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    prefix: String,
    rest: Rest,
}

#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    Anything,
    Other,
}

impl<P: Parameters> Renderer<P> {
    /// The texts between two bounds come first where the pattern begins with letters: an index
    /// serves these, and no engine finds them by itself in a pattern that is a parameter.
    pub(super) fn like(&mut self, scope: &Scope, at: usize, pattern: &Pattern) -> Result<()> {
        let (name, column) = (scope.name(at)?, scope.column(at)?);
        if pattern.ignores_case() {
            return self.pattern(&name, column, pattern);
        }
        let Parts { prefix, rest } = parts(pattern);
        match rest {
            Rest::Nothing => self.bound(&name, "=", prefix),
            Rest::Other if prefix.is_empty() => self.pattern(&name, column, pattern),
            Rest::Anything if prefix.is_empty() => self.pattern(&name, column, pattern),
            rest => {
                let next = next(&prefix);
                self.text.push('(');
                self.bound(&name, ">=", prefix)?;
                if let Some(next) = next {
                    self.text.push_str(" AND ");
                    self.bound(&name, "<", next)?;
                }
                if rest == Rest::Other {
                    self.text.push_str(" AND ");
                    self.pattern(&name, column, pattern)?;
                }
                self.text.push(')');
                Ok(())
            }
        }
    }

    fn pattern(&mut self, name: &str, column: &Column, pattern: &Pattern) -> Result<()> {
        let bytes = pattern.as_str().len();
        if bytes > PATTERN_BYTES_MAX {
            let message = format!("a pattern has at most {PATTERN_BYTES_MAX} bytes, has {bytes}");
            return Err(Error::refused(column, "pattern", message));
        }
        self.parameters.pattern(pattern)?;
        self.count += 1;
        P::like(&mut self.text, name, self.count, pattern);
        Ok(())
    }

    fn bound(&mut self, name: &str, sign: &str, text: String) -> Result<()> {
        let number = self.value(&BOUND, &Value::Text(text))?;
        _ = write!(self.text, "{name} {sign} {}{number}", P::MARK);
        Ok(())
    }
}

fn parts(pattern: &Pattern) -> Parts {
    let (mut prefix, mut rest) = (String::new(), Rest::Nothing);
    for piece in pattern.pieces() {
        rest = match (rest, piece) {
            (Rest::Nothing, Piece::Char(c)) => {
                prefix.push(c);
                Rest::Nothing
            }
            (Rest::Nothing | Rest::Anything, Piece::Any) => Rest::Anything,
            _ => Rest::Other,
        };
    }
    Parts { prefix, rest }
}

/// The first text, by code point, behind all that begin so; none if there is no such text.
fn next(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let up = match last {
            // What lies between is no character.
            '\u{d7ff}' => Some('\u{e000}'),
            last => u32::from(last).checked_add(1).and_then(char::from_u32),
        };
        if let Some(up) = up {
            chars.push(up);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_what_stands_before_the_first_placeholder() {
        for (pattern, prefix, rest) in [
            ("", "", Rest::Nothing),
            ("a\\%b", "a%b", Rest::Nothing),
            ("ab%", "ab", Rest::Anything),
            ("ab%%", "ab", Rest::Anything),
            ("%", "", Rest::Anything),
            ("a_", "a", Rest::Other),
            ("a%b", "a", Rest::Other),
            ("%a", "", Rest::Other),
        ] {
            let want = Parts { prefix: prefix.to_owned(), rest };
            assert_eq!(parts(&Pattern::new(pattern)), want, "{pattern}");
        }
    }

    #[test]
    fn nothing_lies_between_a_prefix_and_the_next_one() {
        for (prefix, want) in [
            ("a", Some("b")),
            ("az", Some("a{")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
            ("\u{7f}", Some("\u{80}")),
        ] {
            assert_eq!(next(prefix).as_deref(), want, "{prefix:?}");
        }
    }
}
