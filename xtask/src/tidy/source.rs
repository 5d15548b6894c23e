//! A Rust file as the checks see it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::tokens::{self, Holds, Token};

/// How far down the mark of a generated file may stand.
const GENERATED_WITHIN_LINES: usize = 5;

#[derive(Debug)]
pub struct Source {
    /// Seen from the root of the checkout.
    pub path: PathBuf,
    pub tokens: Vec<Token>,
    pub lines: Vec<Line>,
    /// Tokens of items under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
    generated: bool,
}

#[derive(Debug)]
pub struct Line {
    pub holds: Holds,
    pub columns: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function<'a> {
    pub name: &'a str,
    /// Line of `fn`, from 0.
    pub first: usize,
    /// Line of the closing brace, from 0.
    pub last: usize,
    /// The tokens inside the braces.
    pub body: Range<usize>,
}

impl Source {
    pub fn new(path: &Path, text: &str) -> Self {
        let (tokens, holds) = tokens::cut(text);
        let columns = text.lines().map(|line| line.chars().count()).chain([0]);
        let lines = holds
            .into_iter()
            .zip(columns)
            .map(|(holds, columns)| Line { holds, columns })
            .collect();
        let mut first = text.lines().take(GENERATED_WITHIN_LINES);
        let mut source = Self {
            path: path.to_owned(),
            lines,
            tests: Vec::new(),
            generated: first.any(|line| line.trim() == "// @generated"),
            tokens,
        };
        source.tests = source.find_tests();
        source
    }

    pub fn is_generated(&self) -> bool {
        self.generated
    }

    /// A file of tests, by its name or folder.
    pub fn is_test(&self) -> bool {
        self.path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    }

    /// Whether a token stands under `#[cfg(test)]`.
    pub fn in_tests(&self, token: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&token))
    }

    /// The lines, from 0, of items under `#[cfg(test)]`.
    pub fn test_lines(&self) -> impl Iterator<Item = Range<usize>> {
        let line = |at: usize| self.tokens[at].line;
        self.tests.iter().map(move |range| line(range.start)..line(range.end - 1) + 1)
    }

    /// The text of a token, empty behind the end.
    pub fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    /// Whether these tokens stand at this place.
    pub fn stands(&self, at: usize, texts: &[&str]) -> bool {
        texts.iter().enumerate().all(|(ahead, text)| self.text(at + ahead) == *text)
    }

    /// The function whose `fn` stands at this token. None for a type such as `fn()` and for a
    /// declaration without a body.
    pub fn function(&self, at: usize) -> Option<Function<'_>> {
        let name = self.text(at + 1);
        // In a macro the name may be `$name`.
        let is_name = name == "$" || name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if self.text(at) != "fn" || !is_name {
            return None;
        }
        let open = self.end_of_head(at)?;
        if self.text(open) != "{" {
            return None;
        }
        let close = self.closing(open)?;
        let name = if name == "$" { self.text(at + 2) } else { name };
        let (first, last) = (self.tokens[at].line, self.tokens[close].line);
        Some(Function { name, first, last, body: open + 1..close })
    }

    /// The `{` or `;` that ends the head of an item.
    fn end_of_head(&self, from: usize) -> Option<usize> {
        let mut depth = 0;
        for at in from..self.tokens.len() {
            match self.text(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                "{" | ";" if depth == 0 => return Some(at),
                _ => {}
            }
            if depth < 0 {
                return None;
            }
        }
        None
    }

    /// The brace or bracket that closes the one at this token.
    pub fn closing(&self, open: usize) -> Option<usize> {
        let (opens, closes) = match self.text(open) {
            "{" => ("{", "}"),
            "[" => ("[", "]"),
            _ => ("(", ")"),
        };
        let mut depth = 0;
        for at in open..self.tokens.len() {
            if self.text(at) == opens {
                depth += 1;
            } else if self.text(at) == closes {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        None
    }

    fn find_tests(&self) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for at in 0..self.tokens.len() {
            let marked = self.stands(at, &["#", "[", "cfg", "(", "test", ")", "]"])
                || self.stands(at, &["#", "[", "cfg", "(", "all", "(", "test", ","]);
            if !marked || found.last().is_some_and(|last| last.contains(&at)) {
                continue;
            }
            let item = self.closing(at + 1).and_then(|end| self.end_of_head(end + 1));
            let end =
                item.map(|end| self.closing(end).filter(|_| self.text(end) == "{").unwrap_or(end));
            found.push(at..end.map_or(self.tokens.len(), |end| end + 1));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("crates/x/src/lib.rs"), text)
    }

    #[test]
    fn functions_are_found_with_their_bodies() {
        let source = source(
            "type F = fn(u8) -> u8;\ntrait T { fn declared(&self); }\n\
             fn long<const N: usize>(a: [u8; { 3 }]) -> bool\n\
             where\n    u8: Copy,\n{\n    { true }\n}\n",
        );
        let functions: Vec<_> =
            (0..source.tokens.len()).filter_map(|at| source.function(at)).collect();
        assert_eq!(functions.len(), 1);
        assert_eq!((functions[0].name, functions[0].first, functions[0].last), ("long", 2, 7));
    }

    #[test]
    fn items_under_cfg_test_are_known() {
        let source = source(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod c;\nfn d() {}",
        );
        let lines: Vec<_> = source.test_lines().collect();
        assert_eq!(lines, [1..5, 5..7]);
    }

    #[test]
    fn tests_and_generated_files_are_known() {
        let at = |path: &str| Source::new(Path::new(path), "").is_test();
        assert!(
            at("crates/x/tests/a.rs") && at("crates/x/src/b/tests.rs") && !at("testing/x/a.rs")
        );
        assert!(source("//! Doc\n// @generated\n").is_generated());
        assert!(!source("let a = \"// @generated\";").is_generated());
    }
}
