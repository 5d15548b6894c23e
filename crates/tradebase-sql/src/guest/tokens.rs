//! What is counted on the words of a text before it is parsed.
//!
//! The parser tries some parts of SQL in one way and then in another. Where such parts stand in
//! each other, its time doubles with each level, and nothing ends it.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use tradebase_core::Result;

use super::parser::refused;

/// Words and signs of a query at most: so deep a tree can become.
const TOKENS_MAX: usize = 4_000;
/// Brackets that may stand in each other.
const BRACKETS_MAX: usize = 32;
/// Brackets behind words that are parsed twice, which may stand in each other. A `position` without
/// `IN` is taken for a call after all of it, and a list behind `IN` that begins with VALUES too.
const TWICE_MAX: usize = 8;

/// Refuses what is no query, and what could take the parser long.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    let words = || {
        let tokens = tokens.iter().map(|t| &t.token);
        tokens.filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF))
    };
    let count = words().count();
    if count > TOKENS_MAX {
        let message = format!("a query has at most {TOKENS_MAX} words and signs, this has {count}");
        return Err(refused(message));
    }
    // Other statements are not parsed at all.
    let begins = match words().next() {
        None => return Err(refused("there is no query")),
        Some(Token::LParen) => true,
        Some(Token::Word(word)) => matches!(
            word.keyword,
            Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE
        ),
        Some(_) => false,
    };
    if !begins {
        return Err(refused("guests can read only: write SELECT, WITH or VALUES"));
    }
    brackets(words())
}

fn brackets<'a>(words: impl Iterator<Item = &'a Token>) -> Result<()> {
    // Of each open bracket, whether what is in it may be parsed twice.
    let (mut open, mut twice) = (Vec::new(), false);
    for word in words {
        match word {
            Token::LParen | Token::LBracket => open.push(twice),
            Token::RParen | Token::RBracket => _ = open.pop(),
            Token::LBrace | Token::RBrace => return Err(refused("a query has no braces")),
            _ => {}
        }
        if open.len() > BRACKETS_MAX {
            let message = format!("at most {BRACKETS_MAX} brackets may stand in each other");
            return Err(refused(message));
        }
        if open.iter().filter(|twice| **twice).count() > TWICE_MAX {
            let message = format!("at most {TWICE_MAX} of IN and position may stand in each other");
            return Err(refused(message));
        }
        twice = match word {
            Token::Word(Word { keyword, .. }) => matches!(
                keyword,
                Keyword::POSITION | Keyword::IN | Keyword::VALUES | Keyword::VALUE
            ),
            _ => false,
        };
    }
    Ok(())
}
