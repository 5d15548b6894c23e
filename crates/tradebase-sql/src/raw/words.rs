//! The words of a statement, as far as they decide where it runs.

/// Whether a statement begins with one of these words, behind blanks, comments and empty
/// statements.
pub(crate) fn begins_with(sql: &str, words: &[&str]) -> bool {
    is_one_of(first_word(sql), words)
}

/// Whether one of these words stands anywhere in statements: in a text or a comment too, so that
/// none is missed.
pub(crate) fn mentions(sql: &str, words: &[&str]) -> bool {
    let within_a_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    sql.split(|c| !within_a_word(c)).any(|word| is_one_of(word, words))
}

fn first_word(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(passed_over);
        let behind = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n'),
            (_, Some(comment)) => comment.split_once("*/"),
            (None, None) => break,
        };
        rest = behind.map(|(_, behind)| behind).unwrap_or_default();
    }
    rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// Engines pass over empty statements, and SQLite over a byte order mark.
fn passed_over(c: char) -> bool {
    c.is_whitespace() || c == ';' || c == '\u{feff}'
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|one| word.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_stands_behind_blanks_and_comments() {
        for (sql, want) in [
            ("SELECT 1", "SELECT"),
            ("  \n\tselect(1)", "select"),
            ("-- SELECT\n /* DROP */ Update a", "Update"),
            ("-- SELECT", ""),
            ("/* SELECT", ""),
            ("(SELECT 1)", ""),
            (" ;/**/;COMMIT", "COMMIT"),
            ("\u{feff}\u{feff} End", "End"),
            ("", ""),
        ] {
            assert_eq!(first_word(sql), want, "{sql}");
        }
        assert!(begins_with("/**/select 1", &["VALUES", "SELECT"]));
    }

    #[test]
    fn words_are_found_whole_wherever_they_stand() {
        for (sql, want) in [
            ("PRAGMA foreign_keys", true),
            ("BEGIN;pragma\nsynchronous", true),
            ("SELECT * FROM pragma_table_info('a')", false),
            ("SELECT 'Pragma'", true),
            ("", false),
        ] {
            assert_eq!(mentions(sql, &["PRAGMA"]), want, "{sql}");
        }
    }
}
