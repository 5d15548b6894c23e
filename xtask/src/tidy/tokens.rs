//! Cuts Rust text into tokens and says what stands on each line.
//!
//! It knows comments, strings, characters and lifetimes, and nothing of the grammar. That is all
//! the checks need, and it compiles in no time.

/// A token: a word, `::`, one sign, or a literal.
///
/// A string or character stands as `""`, so that no check takes its inside for code.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// The line it begins on, from 0.
    pub line: usize,
}

/// What a line holds, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    Nothing,
    /// Only a `///`, `//!`, `/** */` or `/*! */` comment.
    Doc,
    Comment,
    /// The inside of a literal that began on an earlier line.
    Literal,
    Code,
}

/// The tokens of a text, and what each of its lines holds.
pub fn cut(text: &str) -> (Vec<Token>, Vec<Holds>) {
    let mut cutter = Cutter {
        chars: text.chars().collect(),
        at: 0,
        line: 0,
        tokens: Vec::new(),
        lines: vec![Holds::Nothing; text.lines().count().max(1)],
    };
    while let Some(c) = cutter.peek(0) {
        cutter.next_token(c);
    }
    (cutter.tokens, cutter.lines)
}

struct Cutter {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
    lines: Vec<Holds>,
}

impl Cutter {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Takes one character, and notes what its line holds.
    fn take(&mut self, holds: Holds) {
        match self.peek(0) {
            Some('\n') => self.line += 1,
            Some(c) if !c.is_whitespace() => {
                if let Some(line) = self.lines.get_mut(self.line) {
                    *line = holds.max(*line);
                }
            }
            _ => {}
        }
        self.at += 1;
    }

    fn next_token(&mut self, c: char) {
        match c {
            _ if c.is_whitespace() => self.take(Holds::Nothing),
            '/' if self.peek(1) == Some('/') => self.line_comment(),
            '/' if self.peek(1) == Some('*') => self.block_comment(),
            '"' => self.string(0, 0, true),
            '\'' => self.character_or_lifetime(),
            _ if is_word(c) => self.word_or_string(),
            ':' if self.peek(1) == Some(':') => self.push(2),
            _ => self.push(1),
        }
    }

    /// A token of so many characters.
    fn push(&mut self, length: usize) {
        let end = (self.at + length).min(self.chars.len());
        let text = self.chars[self.at..end].iter().collect();
        self.tokens.push(Token { text, line: self.line });
        while self.at < end {
            self.take(Holds::Code);
        }
    }

    fn line_comment(&mut self) {
        let slashes = (self.peek(2), self.peek(3));
        let doc = matches!(slashes, (Some('!'), _))
            || matches!(slashes, (Some('/'), next) if next != Some('/'));
        let holds = if doc { Holds::Doc } else { Holds::Comment };
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.take(holds);
        }
    }

    fn block_comment(&mut self) {
        let doc = matches!(self.peek(2), Some('*' | '!')) && self.peek(3) != Some('/');
        let holds = if doc { Holds::Doc } else { Holds::Comment };
        let mut depth = 0;
        while let Some(c) = self.peek(0) {
            let pair = (c, self.peek(1));
            if pair == ('/', Some('*')) || pair == ('*', Some('/')) {
                depth += if c == '/' { 1 } else { -1 };
                self.take(holds);
            }
            self.take(holds);
            if depth == 0 {
                break;
            }
        }
    }

    /// A word; or a string or character with letters before it, such as `br#"…"#` and `b'x'`.
    fn word_or_string(&mut self) {
        let mut length = 0;
        while self.peek(length).is_some_and(is_word) {
            length += 1;
        }
        let word: String = self.chars[self.at..self.at + length].iter().collect();
        let mut hashes = 0;
        while self.peek(length + hashes) == Some('#') {
            hashes += 1;
        }
        let quote = self.peek(length + hashes) == Some('"');
        match word.as_str() {
            "r" | "br" | "cr" if quote => self.string(length, hashes, false),
            "b" | "c" if quote && hashes == 0 => self.string(length, 0, true),
            "b" if self.peek(1) == Some('\'') => {
                self.take(Holds::Code);
                self.character_or_lifetime();
            }
            "r" if hashes == 1 && self.peek(2).is_some_and(is_word) => {
                // A raw name such as r#type counts as the name.
                self.take(Holds::Code);
                self.take(Holds::Code);
                self.word_or_string();
            }
            _ => self.push(length),
        }
    }

    fn string(&mut self, prefix: usize, hashes: usize, escapes: bool) {
        self.tokens.push(Token { text: "\"\"".to_owned(), line: self.line });
        let first = self.line;
        for _ in 0..prefix + hashes + 1 {
            self.take(Holds::Code);
        }
        while let Some(c) = self.peek(0) {
            let holds = if self.line == first { Holds::Code } else { Holds::Literal };
            if c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                for _ in 0..=hashes {
                    self.take(holds);
                }
                return;
            }
            if c == '\\' && escapes {
                self.take(holds);
            }
            self.take(holds);
        }
    }

    fn character_or_lifetime(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if escaped || self.peek(2) == Some('\'') {
            self.tokens.push(Token { text: "\"\"".to_owned(), line: self.line });
            // The quote, and the character or the backslash with what it escapes.
            for _ in 0..if escaped { 3 } else { 2 } {
                self.take(Holds::Code);
            }
            while self.peek(0).is_some_and(|c| c != '\'' && c != '\n') {
                self.take(Holds::Code);
            }
            self.take(Holds::Code);
        } else {
            let mut length = 1;
            while self.peek(length).is_some_and(is_word) {
                length += 1;
            }
            self.push(length);
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        cut(text).0.into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn literals_and_comments_are_not_code() {
        let text =
            r##"a("x } \" y", r#"q " { "#, b'{', '\'', '\u{7d}', "\\") /* { /* } */ */ // }"##;
        let expected = [
            "a", "(", "\"\"", ",", "\"\"", ",", "\"\"", ",", "\"\"", ",", "\"\"", ",", "\"\"", ")",
        ];
        assert_eq!(words(text), expected);
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(
            words("<'a, 'b>(&'a str)"),
            ["<", "'a", ",", "'b", ">", "(", "&", "'a", "str", ")"]
        );
        assert_eq!(words("'x: loop { '}' }"), ["'x", ":", "loop", "{", "\"\"", "}"]);
    }

    #[test]
    fn raw_names_and_paths_are_one_token() {
        assert_eq!(words("r#type::b r br"), ["type", "::", "b", "r", "br"]);
    }

    #[test]
    fn each_line_says_what_it_holds() {
        let text =
            "/// doc\n//// comment\n\nlet a = \"x\n  y\n\"; // z\n//! doc\n/* c */\n/** d */";
        use Holds::*;
        let expected = [Doc, Comment, Nothing, Code, Literal, Code, Doc, Comment, Doc];
        assert_eq!(cut(text).1, expected);
    }

    #[test]
    fn an_open_end_does_not_hang() {
        for text in ["\"abc", "'", "'\\", "r#\"a", "/* a", "b'", "r#"] {
            cut(text);
        }
    }
}
