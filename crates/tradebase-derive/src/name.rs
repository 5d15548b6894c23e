//! Names in the stores: which are allowed, and how Rust names become them.

use proc_macro2::Span;
use syn::{Error, Result};

/// As `tradebase_core::schema::NAME_MAX`.
pub const NAME_MAX: usize = 48;

/// Refuses what is not a plain lower-case identifier.
pub fn check(name: &str, span: Span) -> Result<()> {
    if is_plain(name) {
        return Ok(());
    }
    let message = format!(
        "{name:?} cannot be a name in the stores: use lower-case letters, digits and _, at most \
         {NAME_MAX}, or choose another one with `name = \"…\"`"
    );
    Err(Error::new(span, message))
}

/// Whether it is a plain lower-case identifier.
pub fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit();
    let starts = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    starts && name.bytes().all(plain) && name.len() <= NAME_MAX
}

/// The name closest to a mistyped one, if it is close.
pub fn closest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = known.iter().map(|k| (distance(typed, k), *k)).min()?;
    (best.0 <= 2 && best.0 < typed.len()).then_some(best.1)
}

/// How many letters must change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (k, y) in b.iter().enumerate() {
            let change = before + usize::from(x != *y);
            before = row[k + 1];
            row[k + 1] = change.min(row[k] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

/// `PartlyFilled` as `partly_filled`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let letters: Vec<char> = name.chars().collect();
    for (i, letter) in letters.iter().enumerate() {
        let after_lower = i > 0 && !letters[i - 1].is_uppercase();
        let before_lower = letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if words.is_empty() || (letter.is_uppercase() && (after_lower || before_lower)) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// The styles that `rename_all` knows.
pub const STYLES: [&str; 6] =
    ["snake_case", "lowercase", "UPPERCASE", "SCREAMING_SNAKE_CASE", "kebab-case", "PascalCase"];

/// A variant's name in a style; none for a style it does not know.
pub fn styled(name: &str, style: &str) -> Option<String> {
    let words = words(name);
    Some(match style {
        "snake_case" => words.join("_"),
        "lowercase" => words.concat(),
        "UPPERCASE" => words.concat().to_uppercase(),
        "SCREAMING_SNAKE_CASE" => words.join("_").to_uppercase(),
        "kebab-case" => words.join("-"),
        "PascalCase" => name.to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_become_words() {
        assert_eq!(styled("PartlyFilled", "snake_case").unwrap(), "partly_filled");
        assert_eq!(styled("FXSpot", "kebab-case").unwrap(), "fx-spot");
        assert_eq!(styled("Buy", "UPPERCASE").unwrap(), "BUY");
        assert_eq!(styled("StopLimit", "SCREAMING_SNAKE_CASE").unwrap(), "STOP_LIMIT");
        assert_eq!(styled("Buy", "Upper"), None);
    }

    #[test]
    fn typing_mistakes_are_recognised() {
        assert_eq!(closest("indx", &["index", "key"]), Some("index"));
        assert_eq!(closest("foo", &["index", "key"]), None);
    }
}
