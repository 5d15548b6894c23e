//! One statement at a time: the library beneath runs all statements of a text but the last as soon
//! as it is prepared, without their parameters.

use tradebase_core::{Code, Error, Result};

/// Refuses a text that holds more than one statement.
pub fn check_single(sql: &str) -> Result<()> {
    let bytes = sql.as_bytes();
    let mut at = 0;
    let mut ended = false;
    while let Some(&byte) = bytes.get(at) {
        let next = match byte {
            b';' => {
                ended = true;
                at + 1
            }
            b if b.is_ascii_whitespace() => at + 1,
            b'-' if bytes[at..].starts_with(b"--") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            _ if ended => return Err(several()),
            b'\'' => quoted_end(bytes, at, b'\'', is_escape_string(bytes, at)),
            b'"' => quoted_end(bytes, at, b'"', false),
            b'$' => dollar_end(sql, at),
            _ => at + 1,
        };
        at = next;
    }
    Ok(())
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    rest.iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(bytes.len(), |n| at + n)
}

/// Comments nest.
fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// Whether the quote at that place opens an `E'…'`, in which a backslash escapes.
fn is_escape_string(bytes: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|i| bytes.get(i)).copied();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii();
    matches!(before(1), Some(b'e' | b'E')) && !before(2).is_some_and(is_word)
}

fn quoted_end(bytes: &[u8], start: usize, quote: u8, escapes: bool) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        if escapes && byte == b'\\' {
            at += 2;
        } else if byte == quote {
            // A doubled quote reads as an end and a new beginning, which comes to the same.
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// `$$…$$` and `$tag$…$tag$`; a `$1` is a parameter.
fn dollar_end(sql: &str, at: usize) -> usize {
    let rest = &sql[at + 1..];
    let Some(tag) = rest.find('$') else { return at + 1 };
    let is_tag = |t: &str| {
        t.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !t.starts_with(|c: char| c.is_ascii_digit())
    };
    let preceded = at.checked_sub(1).and_then(|i| sql.as_bytes().get(i));
    if !is_tag(&rest[..tag]) || preceded.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        return at + 1;
    }
    let mark = &sql[at..at + tag + 2];
    let body = at + mark.len();
    sql[body..].find(mark).map_or(sql.len(), |n| body + n + mark.len())
}

#[cold]
fn several() -> Error {
    Error::new(Code::Injection, "the text holds more than one statement")
}

#[cfg(test)]
mod tests {
    use super::check_single;

    #[test]
    fn one_statement_is_told_from_several() {
        for one in [
            "SELECT 1",
            "SELECT 1;",
            "SELECT 1 ; -- done; really",
            "SELECT ';', \";\", $$;$$, $a$ ; $b$ ; $a$",
            "SELECT 'it''s; fine'",
            r"SELECT E'a\'; b'",
            "SELECT /* ; /* ; */ ; */ 1",
            "SELECT $1 + $2",
            "SELECT 'unended ; ",
            "",
            ";",
        ] {
            assert!(check_single(one).is_ok(), "{one}");
        }
        for several in [
            "SELECT 1; SELECT 2",
            "SELECT ';'; DROP TABLE t",
            r"SELECT 'a\'; DROP TABLE t",
            r"SELECT name'a\'; DROP TABLE t",
            "SELECT 1 -- x\n; DROP TABLE t",
            "SELECT $1; DROP TABLE t; SELECT $2",
            "SELECT a$b$; DROP TABLE t --$b$",
            "SELECT /* /* */ */ 1; DROP TABLE t",
            "; DROP TABLE t",
        ] {
            assert!(check_single(several).is_err(), "{several}");
        }
    }
}
