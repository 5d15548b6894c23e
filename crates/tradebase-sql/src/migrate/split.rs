//! Cutting a file into statements, each with its place.

use tradebase_core::{Code, Error, Result};

use crate::raw::{Bounds, Dialect, TokenKind, Tokens};

/// A statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its text, without comments in front and without the semicolon.
    pub(crate) text: String,
    /// The line of the file on which it begins, from 1.
    pub(crate) line: usize,
}

/// The statements of a text that begins on that line of its file. Statements inside one, as in the
/// body of a trigger, are part of it.
pub(crate) fn split(dialect: Dialect, text: &str, first_line: usize) -> Result<Vec<Statement>> {
    let mut found = Vec::new();
    let mut bounds = Bounds::new(dialect);
    let mut begin = None;
    let (mut at, mut line) = (0, first_line);
    for token in Tokens::new(dialect, text) {
        let token = token.map_err(|e| on_line(&e, line))?;
        bounds.pass(&token)?;
        if bounds.is_ended() {
            found.extend(statement(text, begin.take(), at));
            bounds = Bounds::new(dialect);
        } else if !matches!(token.kind, TokenKind::Blank | TokenKind::Semicolon) {
            begin.get_or_insert((at, line));
        }
        at += token.text.len();
        line += token.text.matches('\n').count();
    }
    found.extend(statement(text, begin, at));
    Ok(found)
}

/// The statement from a place and its line to another place.
fn statement(text: &str, begin: Option<(usize, usize)>, to: usize) -> Option<Statement> {
    let (from, line) = begin?;
    let text = text.get(from..to)?.trim_end().to_owned();
    Some(Statement { text, line })
}

#[cold]
fn on_line(error: &Error, line: usize) -> Error {
    Error::new(Code::Syntax, format!("{} (from line {line} on)", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(dialect: Dialect, text: &str) -> Vec<(usize, String)> {
        split(dialect, text, 1).unwrap().into_iter().map(|s| (s.line, s.text)).collect()
    }

    #[test]
    fn statements_stand_with_their_lines() {
        let text = "-- first\nCREATE TABLE a (x);\n\n/* ; */ INSERT INTO a\nVALUES (';');;  \n";
        let want =
            vec![(2, "CREATE TABLE a (x)".into()), (4, "INSERT INTO a\nVALUES (';')".into())];
        assert_eq!(texts(Dialect::Sqlite, text), want);
        assert_eq!(texts(Dialect::Postgres, text), want);
    }

    #[test]
    fn the_body_of_a_trigger_is_part_of_it() {
        let text = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE a SET x = CASE WHEN 1 THEN \
                    2 END;\n DELETE FROM a;\nEND;\nSELECT 1";
        let found = texts(Dialect::Sqlite, text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].1.ends_with("DELETE FROM a;\nEND"), "{found:?}");
        assert_eq!(found[1], (5, "SELECT 1".into()));
    }

    #[test]
    fn bodies_in_dollars_are_one_piece() {
        let text = "DO $do$ BEGIN PERFORM 1; END $do$;\nSELECT 1;";
        let found = texts(Dialect::Postgres, text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], (2, "SELECT 1".into()));
    }

    #[test]
    fn statements_inside_a_statement_are_part_of_it() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET end = end + 1; \
                       DELETE FROM a WHERE end > 3; END";
        assert_eq!(texts(Dialect::Sqlite, &format!("{trigger};SELECT 1")).len(), 2);
        for text in [
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b)",
        ] {
            let found = texts(Dialect::Postgres, &format!("{text};\nSELECT 1;"));
            assert_eq!(found, [(1, text.to_owned()), (2, "SELECT 1".to_owned())]);
        }
    }

    #[test]
    fn an_open_string_names_its_line() {
        let error = split(Dialect::Postgres, "SELECT 1;\nSELECT 'a", 1).unwrap_err();
        assert!(error.message().contains("line 2"), "{error}");
    }
}
